"""Predictions that are bent: does a slope pay, or isotonic regression? Chapter 3.

    python -m experiments.calibration.bend [--seeds 10] [--impressions 700000] [--out FILE]

The worlds, days, corrections and judgement of ``level.py``, where nothing moves but the model is wrong: one
that passed over its rows three times or six, and learnt them by heart, says far too much where it says much
and too little where it says little. It was predicted that now a slope pays, Platt scaling's more than the
temperature's, whose level is tied to it, and that isotonic regression needs more rows than Platt scaling.
Takes about six minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.calibration.level import (
    CORRECTIONS,
    DRIFT_FROM,
    JUDGED_FROM,
    SIZES,
    TRAINED_FROM,
    compared,
    days,
    slices_of,
)
from experiments.calibration.sampling import CLICK, click_model, loss
from experiments.logs import true
from experiments.running import each, record
from ranking.logs import FeatureEncoder
from ranking.simulator import World, WorldConfig
from ranking.training import TableExamples, fit, predict_logits

PASSES = (3, 6)


def run(seed: int, impressions: int) -> list[dict[str, Any]]:
    """Every correction of both models in one world."""
    log = World.build(WorldConfig(), seed).simulate(impressions, seed=seed).with_statistics()
    train, fresh, judged = (
        days(log, TRAINED_FROM, DRIFT_FROM),
        days(log, DRIFT_FROM, JUDGED_FROM),
        days(log, JUDGED_FROM),
    )
    encoder = FeatureEncoder().fit(train)
    examples = TableExamples(encoder.transform(train), train.label("click"), CLICK)
    found = []
    for passes in PASSES:
        model = click_model(encoder, seed, train.label("click"))
        fit(model, examples, loss, seed=seed, epochs=passes)
        fresh_logits, logits = (
            predict_logits(model, encoder.transform(part))[:, 0] for part in (fresh, judged)
        )
        labels = fresh.label("click").astype(np.float64)
        table = compared(
            labels, fresh_logits, slices_of(fresh), logits, slices_of(judged), true(judged, "p_click")
        )
        found.append({"seed": seed, "passes": passes, **table})
    return found


def measure(seeds: range, impressions: int = 700_000) -> dict[str, Any]:
    """Every world."""
    return {
        "question": "Predictions that are bent: does a slope pay, or isotonic regression?",
        "impressions": impressions,
        "passes": PASSES,
        "sizes": SIZES,
        "corrections": list(CORRECTIONS),
        "runs": [found for seed in each(seeds) for found in run(seed, impressions)],
    }


if __name__ == "__main__":
    record(measure, seeds=10)
