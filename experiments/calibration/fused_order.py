"""What does it cost to fuse a click score that was left uncalibrated? Chapter 3, over ten logs.

    python -m experiments.calibration.fused_order [--seeds 10] [--impressions 1000000] [--out FILE]

One model per log predicts clicks and, once clicked, likes; it is trained on one negative in ten. Every
held-out request of ten items is ordered by p_click · (1 + w · p_like), once with the click score calibrated
and once with it left raw, and the first three items are valued by the truth. Takes about two minutes on two
cores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from experiments.logs import SLATE, recent_log, truth_in_first_place, whole_requests
from experiments.running import each, record
from ranking.calibration import calibrate, downsample_negatives
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, fit, predict_logits

SAMPLING_RATE, W_LIKE, TOP = 0.1, 20, 3
TARGETS = ("click", "like")


def run(log: ImpressionLog, seed: int) -> dict[str, Any]:
    """Train on one log, order its held-out requests with and without calibration, value both by the truth."""
    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    sample = train.select(downsample_negatives(train.label("click"), SAMPLING_RATE, rng=seed))
    model = MultiTaskModel.of(encoder, TARGETS, seed=seed)
    labels = sample.labels(("click", "like"))  # (rows, targets)
    # A like means something only where there was a click: the loss masks the other rows.
    fit(model, TableExamples(encoder.transform(sample), labels), WeightedCrossEntropy(TARGETS), seed=seed)

    whole = test.select(whole_requests(test))
    rates = expit(predict_logits(model, encoder.transform(whole)))  # (rows, targets)
    p_click, p_like = rates.T.reshape(2, -1, SLATE)  # (requests, items) each
    truth = truth_in_first_place(whole)
    value = (truth.p_click * (1 + W_LIKE * truth.p_like)).reshape(-1, SLATE)  # (requests, items)

    def order(click: np.ndarray) -> np.ndarray:
        return np.argsort(-click * (1 + W_LIKE * p_like), axis=1)

    right, left_raw = order(calibrate(p_click, SAMPLING_RATE)), order(p_click)
    top = [np.take_along_axis(value, o[:, :TOP], axis=1).sum() for o in (right, left_raw)]
    return {
        "seed": seed,
        "requests": len(value),
        "order_differs": np.mean((right != left_raw).any(axis=1)),
        "first_differs": np.mean(right[:, 0] != left_raw[:, 0]),
        "value_lost": 1 - top[1] / top[0],
    }


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every log."""
    return {
        "question": "What does it cost to fuse a click score that was left uncalibrated?",
        "sampling_rate": SAMPLING_RATE,
        "like_weight": W_LIKE,
        "top": TOP,
        "runs": [run(recent_log(seed, impressions), seed) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=10)
