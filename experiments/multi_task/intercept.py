"""Chapter 2: how much of learning is learning the level, and does a start at the base rates spare it?

    python -m experiments.multi_task.intercept [--seeds 5] [--impressions 4000000] [--out FILE]

The same network from heads near one half and from heads at the base rates, on more and more of the rows, with
equal weights and with a tenfold weight for likes, each at the best learning rate of its own. What could
refute the start: that a higher learning rate makes up for it. Takes about two minutes a world on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.multi_task.setting import (
    BATCH,
    JUDGED,
    RATES,
    Setting,
    at_best_rate,
    in_every_world,
    judge,
    predicted,
)
from experiments.running import record
from ranking.logs import TARGETS
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy

STARTS = {"base rates": True, "one half": False}
LEARNING_RATES = (*RATES, 0.04, 0.08)
"""Two more than elsewhere: far from the base rates, and with few steps, large ones are worth trying."""
PARTS = (64, 16, 4, 1)
"""Every so many rows are learnt from, evenly over the days."""
LOUD: dict[str, dict[str, float]] = {"all 1": {}, "like × 10": {"like": 10.0}}


def run(setting: Setting) -> list[dict[str, Any]]:
    """Both starts on each part of the rows of one world."""
    found = []
    for every in PARTS:
        rows = np.zeros(len(setting.learnt.labels), dtype=bool)
        rows[::every] = True
        for name, weights in LOUD.items():
            for start, based in STARTS.items():
                loss = WeightedCrossEntropy(TARGETS, weights)

                def train(
                    rate: float, loss: Any = loss, based: bool = based, rows: Any = rows
                ) -> MultiTaskModel:
                    return setting.train(loss, rate, setting.model(based=based), rows)

                model, chosen = at_best_rate(setting, train, LEARNING_RATES)
                p = predicted(model, setting.judged_on)
                what = {
                    "seed": setting.seed,
                    "every": every,
                    "rows": int(rows.sum()),
                    "weights": name,
                    "start": start,
                }
                found.append(what | chosen | judge(setting.judged_on, p))
    return found


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every training in every world."""
    return {
        "question": "Does a start at the base rates spare the rows that teach the level?",
        "impressions": impressions,
        "learning_rates": LEARNING_RATES,
        "batch_size": BATCH,
        "judged": JUDGED,
        "runs": in_every_world(run, seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=5)
