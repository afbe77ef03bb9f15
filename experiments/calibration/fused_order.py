"""What does it cost to fuse a click score that was left uncalibrated? Chapter 3, over ten logs.

    python -m experiments.calibration.fused_order [--seeds 10] [--impressions 1000000] [--out FILE]

One model per log predicts clicks and, once clicked, likes; it is trained on one negative in ten. Every
held-out request of ten items is ordered by p_click · (1 + w · p_like), once with the click score calibrated
and once with it left raw, and the first three items are valued by the truth. Takes about two minutes on two
cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from bookwork.results import save_results
from ranking.calibration import calibrate, downsample_negatives
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.progress import progress
from ranking.simulator import World
from ranking.training import TableExamples, fit, predict_logits

SAMPLING_RATE, W_LIKE, SLATE, TOP = 0.1, 20, 10, 3
TARGETS = ("click", "like")
RESULTS = Path(__file__).with_suffix(".json")


def run(world: World, log: ImpressionLog, seed: int) -> dict[str, Any]:
    """Train on one log, order its held-out requests with and without calibration, value both by the truth."""
    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    sample = train.select(downsample_negatives(train.label("click"), SAMPLING_RATE, rng=seed))
    model = MultiTaskModel.of(encoder, TARGETS, seed=seed)
    labels = np.stack([sample.label("click"), sample.label("like")], axis=1)  # (rows, targets)
    # A like means something only where there was a click: the loss masks the other rows.
    fit(model, TableExamples(encoder.transform(sample), labels), WeightedCrossEntropy(TARGETS), seed=seed)

    request = test.rows["request"].to_numpy()
    whole = np.bincount(request)[request] == SLATE
    p_click, p_like = expit(predict_logits(model, encoder.transform(test))).T[:, whole].reshape(2, -1, SLATE)
    rows = test.rows[whole]
    scene = ("user", "item", "hour", "weekday", "scene")
    truth = world.truth(*(rows[name].to_numpy() for name in scene))
    value = (truth.p_click * (1 + W_LIKE * truth.p_like)).reshape(-1, SLATE)  # (requests, items)

    def order(click: np.ndarray) -> np.ndarray:
        return np.argsort(-click * (1 + W_LIKE * p_like), axis=1)

    right, left_raw = order(calibrate(p_click, SAMPLING_RATE)), order(p_click)
    top = [np.take_along_axis(value, o[:, :TOP], axis=1).sum() for o in (right, left_raw)]
    return {
        "seed": seed,
        "requests": len(value),
        "order_differs": round(float(np.mean((right != left_raw).any(axis=1))), 4),
        "first_differs": round(float(np.mean(right[:, 0] != left_raw[:, 0])), 4),
        "value_lost": round(float(1 - top[1] / top[0]), 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many logs")
    parser.add_argument("--impressions", type=int, default=1_000_000, help="rows per log")
    parser.add_argument("--out", type=Path, default=RESULTS, help="result file")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in the same order on every machine
    world = World.build(seed=0)
    runs = []
    for seed in progress(range(options.seeds), description="fused order"):
        log = world.simulate(options.impressions, seed=seed).with_statistics().after(days=30)
        runs.append(run(world, log, seed))
    data = {
        "question": "What does it cost to fuse a click score that was left uncalibrated?",
        "sampling_rate": SAMPLING_RATE,
        "like_weight": W_LIKE,
        "top": TOP,
        "runs": runs,
    }
    command = (
        f"python -m experiments.calibration.fused_order --seeds {options.seeds} "
        f"--impressions {options.impressions}"
    )
    save_results(options.out, data, command=command, seeds=range(options.seeds))


if __name__ == "__main__":
    main()
