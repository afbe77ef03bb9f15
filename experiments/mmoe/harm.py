"""Does it hurt when a gate is polarized? As an intervention, and where routing matters. Chapter 4.

    python -m experiments.mmoe.harm [--seeds 100] [--few 6] [--impressions 2000000] [--out FILE]

Gates are held from before the first step: each task's on an expert of its own, both on one expert, or on all
experts alike; beside them the gates learn. Each way has the learning rate that is best for it on separate
rows. The worlds are the two of ``setting.py``, and two draws of tasks for which routing matters, those of
``contexts.py`` with the tasks apart. Held gates that cost nothing anywhere would say that gates are no use at
all; held gates that cost as much in the worlds of the simulator as there, that polarization hurts wherever it
comes up. The observation, polarized models beside others, is in the records of ``cured.py`` and ``often.py``.
Takes about eight minutes on one core.
"""

from __future__ import annotations

from typing import Any

from experiments.mmoe.contexts import contexts
from experiments.mmoe.interventions import hold_gates
from experiments.mmoe.setting import (
    RATES,
    WORLDS,
    Setting,
    Treatment,
    at_best_rate,
    dealt,
    described,
)
from experiments.running import each, record

WAYS: dict[str, Treatment] = {
    "gates learn": Treatment(),
    "each on an expert of its own": Treatment(change=hold_gates((0, 1))),
    "both on one expert": Treatment(change=hold_gates((0, 0))),
    "all experts alike": Treatment(change=hold_gates(None)),
}
ROUTED_SEEDS = 40  # fewer than elsewhere: what there is to see there is large
APART = 1.0  # likes follow in each context what clicks follow in the next


def measure(seeds: range, few: int = 6, impressions: int = 2_000_000) -> dict[str, Any]:
    """Every way to hold the gates, in the worlds of the simulator and where routing matters."""
    kinds = {
        "the simulator's worlds": {world: Setting.build(world, impressions) for world in WORLDS},
        "routing matters": {draw: contexts(draw, APART) for draw in WORLDS},
    }
    used = {"the simulator's worlds": seeds, "routing matters": seeds[:ROUTED_SEEDS]}
    cases = [(kind, way, world) for kind in kinds for way in WAYS for world in WORLDS]
    runs = []
    for kind, way, world in each(cases):
        part = dealt(used[kind])[world]
        found = at_best_rate(kinds[kind][world], WAYS[way], part, RATES, few)
        runs.append({"where": kind, "way": way, "world": world, **found})
    return {
        "question": "Does it hurt when a gate is polarized?",
        "setting": {kind: described(settings, used[kind]) for kind, settings in kinds.items()},
        "few": few,
        "impressions": impressions,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
