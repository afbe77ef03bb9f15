"""Does it hurt when a gate is polarized? As an intervention, and where routing matters. Chapter 4.

    python -m experiments.mmoe.harm [--seeds 100] [--few 6] [--impressions 2000000] [--out FILE]

Gates are held from before the first step: each task's on an expert of its own, both on one expert, or on all
experts alike; beside them the gates learn. Each way has the learning rate that is best for it on separate
rows. The worlds are the two of ``setting.py``, and two draws of tasks for which routing matters: clicks, and
likes after a click, follow in each of three contexts a direction and a wave of their own. Held gates that
cost nothing anywhere would say that gates are no use at all; held gates that cost as much in the worlds of
the simulator as there, that polarization hurts wherever it comes up. The observation, polarized models
beside others, is in the records of ``cured.py`` and ``often.py``. Takes about eight minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from experiments.mmoe.interventions import hold_gates
from experiments.mmoe.setting import (
    RATES,
    TARGETS,
    WORLDS,
    Floats,
    Setting,
    Treatment,
    at_best_rate,
    dealt,
    described,
)
from experiments.running import each, record
from ranking.mmoe.examples import DenseExamples

WAYS: dict[str, Treatment] = {
    "gates learn": Treatment(),
    "each on an expert of its own": Treatment(change=hold_gates((0, 1))),
    "both on one expert": Treatment(change=hold_gates((0, 0))),
    "all experts alike": Treatment(change=hold_gates(None)),
}
CONTEXTS, NUMBERS = 3, 12
ROWS = {"learnt": 200_000, "chosen_on": 30_000, "judged_on": 15_000}
ROUTED_SEEDS = 40  # fewer than elsewhere: what there is to see there is large
START, SPREAD = -1.5, 1.5  # logits: where they lie on average, and their standard deviation


def _truth(x: Floats, context: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """True rates of the two tasks, (rows, 2), from numbers (rows, NUMBERS) and contexts (rows,)."""
    rates = []
    for _ in TARGETS:
        directions, _ = np.linalg.qr(rng.normal(size=(NUMBERS, 2 * CONTEXTS)))  # orthonormal columns
        along, across = x @ directions[:, :CONTEXTS], x @ directions[:, CONTEXTS:]  # (rows, contexts) each
        score = along + np.sin(2.0 * across) * np.sqrt(2.0)  # two parts of about the same spread
        own = np.take_along_axis(score, context[:, None], axis=1)[:, 0]  # (rows,)
        rates.append(expit(START + SPREAD * own / np.sqrt(2.0)))
    return np.stack(rates, axis=1)


def routed(draw: int) -> Setting:
    """Rows for which routing matters: what a number says depends on the context, and on the task."""
    rng = np.random.default_rng(draw)
    n = sum(ROWS.values())
    x, context = rng.normal(size=(n, NUMBERS)), rng.integers(CONTEXTS, size=n)
    truth = _truth(x, context, rng)
    labels = (rng.random(truth.shape) < truth).astype(np.float32)
    labels[:, 1] *= labels[:, 0]  # likes come after a click
    mask = np.stack([np.ones(n), labels[:, 0]], axis=1)
    inputs = np.concatenate([x, np.eye(CONTEXTS)[context]], axis=1).astype(np.float32)
    columns = (
        *(f"number {i}" for i in range(NUMBERS)),
        *(f"context {i}" for i in range(CONTEXTS)),
    )
    ends = np.cumsum(list(ROWS.values()))
    return Setting(
        *(
            DenseExamples(
                columns, TARGETS, inputs[rows], labels[rows], mask[rows].astype(np.float32), truth[rows]
            )
            for rows in (slice(start, end) for start, end in zip((0, *ends[:-1]), ends, strict=True))
        )
    )


def measure(seeds: range, few: int = 6, impressions: int = 2_000_000) -> dict[str, Any]:
    """Every way to hold the gates, in the worlds of the simulator and where routing matters."""
    kinds = {
        "the simulator's worlds": {world: Setting.build(world, impressions) for world in WORLDS},
        "routing matters": {draw: routed(draw) for draw in WORLDS},
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
