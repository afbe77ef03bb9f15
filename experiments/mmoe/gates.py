"""The gates of MMoE step by step, for the gates explorer of chapter 4: optimisers, rates, starts, cures.

    python -m experiments.mmoe.gates [--seeds 100] [--few 20] [--shown 3] [--impressions 2000000] [--out FILE]

The setting is that of ``setting.py``, in which both heads learn, with the first ``few`` of each world's
seeds. Adam runs at three learning rates and SGD with momentum at three of its own, each with heads that start
where they are drawn, near one half, at the base rates, and too low: as far below the base rates, in logits,
as one half is above them. Adam runs with each of five cures, too.

Every run is looked at on 5,000 of the rows to judge on, in random order, at eleven steps, most of them early.
Recorded are how many seeds have a polarized gate, how much of the gap between the best constant and the truth
each head has closed (the median, and how many are stuck), the largest utilisation of every gate at the end,
and of the first ``shown`` seeds of each world the
utilisation and the weights of the first 18 rows. What could come out: gates that polarize wherever heads
start and whatever moves them; or only where heads fail to learn. Takes about twenty minutes on one core.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.mmoe.setting import JUDGED, TARGETS, WORLDS, Setting, dealt, described
from experiments.running import each, record
from ranking.mmoe.diagnostics import POLARIZED_ABOVE
from ranking.mmoe.examples import DenseExamples
from ranking_course.explorers.gates_recording import CURES, HEADS, OPTIMISERS, RATES
from ranking_course.explorers.gates_run import CLOSES, Way, packed, train_gates

STEPS = (0, 5, 10, 20, 50, 100, 150, 200, 300, 500, 800)
LOOKED_AT, ROWS = 5_000, 18
WAYS = [
    way
    for way in itertools.starmap(Way, itertools.product(OPTIMISERS, RATES, HEADS, CURES))
    if way.cure == "none" or way.optimiser == "adam"
]


def part(examples: DenseExamples, rows: NDArray[np.int64]) -> DenseExamples:
    """Some of the rows, in the order in which they are named."""
    kept = {name: getattr(examples, name)[rows] for name in ("inputs", "labels", "label_mask", "truth")}
    return dataclasses.replace(examples, **kept)


def looked_at(setting: Setting) -> DenseExamples:
    """Rows to look at runs on, at most :data:`LOOKED_AT` of those to judge on."""
    n = len(setting.judged_on)
    return part(setting.judged_on, np.random.default_rng(0).permutation(n)[:LOOKED_AT])


def measure(seeds: range, few: int = 20, shown: int = 3, impressions: int = 2_000_000) -> dict[str, Any]:
    """Every way to train in every world."""
    settings = {world: Setting.build(world, impressions) for world in WORLDS}
    held_out = {world: looked_at(setting) for world, setting in settings.items()}
    parts = {world: of[:few] for world, of in dealt(seeds).items()}
    runs = []
    for way in each(WAYS):
        of_way = [
            train_gates(settings[world].learnt, held_out[world], way, seeds=of, steps=STEPS, rows=ROWS)
            for world, of in parts.items()
        ]
        largest = [run.utilisation[-1].max(axis=-1).round(3) for run in of_way]  # (seeds, tasks) each
        runs.append({**packed(of_way, shown), "largest": np.concatenate(largest)})
    return {
        "question": "What do the gates do while they learn, and what keeps them mixed?",
        "setting": described(settings, seeds),
        "few": few,
        "impressions": impressions,
        "judged": JUDGED,
        "tasks": [{"name": name, "color": name} for name in TARGETS],
        "steps": STEPS,
        "rows": ROWS,
        "learnt_from": min(len(setting.learnt) for setting in settings.values()),
        "threshold": POLARIZED_ABOVE,
        "closes": CLOSES,
        "shown": [{"world": world, "seed": seed} for world, of in parts.items() for seed in of[:shown]],
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
