"""Cures of polarization, crossed with learning rates: which work, and what do they cost? Chapter 4.

    python -m experiments.mmoe.cured [--seeds 100] [--few 10] [--impressions 2000000] [--out FILE]

The setting is that of ``setting.py``, in which both heads learn. Experts are masked with probability 10% for
every row or once for a whole batch, with the weights that are left renormalised exactly, with a constant in
the denominator, divided by 0.9 as dropout does, or left as they are. Beside them stand an entropy bonus, load
balancing, a slower gate, a softmax at temperature 2, heads that start at the base rates, and the last
together with a slower gate. Each cure is tried at three learning rates, or four, with a few seeds per world,
and runs with all seeds at the one that is best for it on rows kept for that. A cure would be refuted by gates
that polarize all the same, or by a loss above that of doing nothing. Takes about 20 minutes on one core.
"""

from __future__ import annotations

from typing import Any

from experiments.mmoe.interventions import HalvedNetworks, MaskedByBatch, adam_with, gate, gates_of
from experiments.mmoe.setting import RATES, WORLDS, Setting, Treatment, at_best_rate, dealt, described
from experiments.running import each, record
from ranking.mmoe import MMoE

MASK_RATE, EPSILON = 0.1, 1e-3


def masked(masking: str, kind: type[MMoE] = MMoE) -> Treatment:
    """One of the readings of the source's sentence, for every row or for a batch."""
    return Treatment({"mask_rate": MASK_RATE, "masking": masking, "epsilon": EPSILON}, kind=kind)


LOW_RATES = (0.001, *RATES)
"""For heads at the base rates, whose best rate was the lowest of the others'."""
SLOWER_GATE = {"optimiser": adam_with(gate, times=0.1)}
CURES: dict[str, Treatment] = {
    "nothing": Treatment(),
    "mask a row, renormalise": masked("renormalised"),
    "mask a row, constant": masked("epsilon"),
    "mask a row, divide by 0.9": masked("dropout"),
    "mask a row, nothing else": masked("unscaled"),
    "mask a batch, renormalise": masked("renormalised", MaskedByBatch),
    "mask a batch, constant": masked("epsilon", MaskedByBatch),
    "mask a batch, divide by 0.9": masked("dropout", MaskedByBatch),
    "mask a batch, nothing else": masked("unscaled", MaskedByBatch),
    "entropy bonus .01": Treatment(training={"entropy_bonus": 0.01}),
    "load balancing .01": Treatment(training={"load_balancing": 0.01}),
    "gate's rate / 10": Treatment(training=SLOWER_GATE),
    "temperature 2": Treatment(change=gates_of(HalvedNetworks)),
    "heads at the base rates": Treatment(above=0.0),
    "heads at the base rates, gate's rate / 10": Treatment(training=SLOWER_GATE, above=0.0),
}


def measure(seeds: range, few: int = 10, impressions: int = 2_000_000) -> dict[str, Any]:
    """Every cure in every world."""
    settings = {world: Setting.build(world, impressions) for world in WORLDS}
    parts = dealt(seeds)
    runs = []
    for cure, world in each([(cure, world) for cure in CURES for world in WORLDS]):
        treatment = CURES[cure]
        rates = RATES if treatment.above is None else LOW_RATES
        found = at_best_rate(settings[world], treatment, parts[world], rates, few)
        runs.append({"cure": cure, "world": world, **found})
    return {
        "question": "Which cures of polarization work, and what do they cost?",
        "setting": described(settings, seeds),
        "few": few,
        "impressions": impressions,
        "mask_rate": MASK_RATE,
        "epsilon": EPSILON,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
