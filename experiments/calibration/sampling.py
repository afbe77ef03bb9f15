"""Chapter 3's experiment: train on ever fewer negatives, calibrate, and judge against the known truth.

    python -m experiments.calibration.sampling [--seeds 10] [--impressions 1000000] [--out FILE]

Every seed is a fresh log from one world, a fresh draw of negatives and fresh first weights. The first 30 of a
log's 40 days only fill the window of the statistics. Of the last ten, the older 80% of the impressions are
learnt from and the newer 20% are judged on, by all rates alike. ``train_seconds`` is processor time, on one
thread. Takes about two minutes on two cores.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from bookwork.results import save_results
from ranking.calibration import calibrate_logits, downsample_negatives
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel, weighted_cross_entropy
from ranking.progress import progress
from ranking.simulator import World
from ranking.training import TableExamples, fit, predict_logits

RATES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
BINS = 15
RESULTS = Path(__file__).with_suffix(".json")


def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the one target, click."""
    return weighted_cross_entropy(logits, labels, torch.ones(1))


def click_model(encoder: FeatureEncoder, seed: int) -> MultiTaskModel:
    """The chapter's click model: the single-task baseline of the course."""
    return MultiTaskModel.of(encoder, ("click",), seed=seed)


def rounded(values: np.ndarray) -> list[float | None]:
    """Numbers as JSON: six digits, None for NaN."""
    return [None if np.isnan(v) else round(float(v), 6) for v in values]


def judge(p: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """All that the chapter shows of one set of predictions on the held-out rows."""
    bins = metrics.reliability(labels, p, bins=BINS)
    return {
        "mean": round(float(p.mean()), 6),
        "ece": round(bins.error, 6),
        "ece_to_truth": round(metrics.calibration_error(truth, p, bins=BINS), 6),
        "log_loss": round(metrics.log_loss(labels, p), 6),
        "log_loss_expected": round(metrics.log_loss(truth, p), 6),
        "predicted": rounded(bins.predicted),
        "observed": rounded(bins.observed),
        "count": bins.count.astype(int).tolist(),
    }


def run(log: ImpressionLog, rate: float, seed: int) -> dict[str, Any]:
    """Train at one sampling rate on the older 80% of the log, judge on the newer 20%."""
    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    kept = downsample_negatives(train.label("click"), rate, rng=seed)
    part = train.select(kept)
    model, features = click_model(encoder, seed), encoder.transform(part)
    started = time.process_time()  # of this process alone: what else the machine does stays out of it
    fit(model, TableExamples(features, part.label("click")), loss, seed=seed, description=f"α = {rate}")
    seconds = time.process_time() - started
    logits = predict_logits(model, encoder.transform(test))[:, 0]  # (rows,)
    labels, truth = test.label("click"), test.truth["p_click"].to_numpy(dtype=np.float64)
    return {
        "rate": rate,
        "seed": seed,
        "rows": int(kept.size),
        "train_seconds": round(seconds, 3),
        "auc": round(metrics.auc(labels, logits), 6),
        "raw": judge(expit(logits), labels, truth),
        "calibrated": judge(expit(calibrate_logits(logits, rate)), labels, truth),
    }


def truth_of(log: ImpressionLog, seed: int) -> dict[str, Any]:
    """The same judgement of the true probabilities themselves: the best that any model could do."""
    _, test = log.split(0.8, 0.2)
    labels, truth = test.label("click"), test.truth["p_click"].to_numpy(dtype=np.float64)
    judged = {key: value for key, value in judge(truth, labels, truth).items() if np.isscalar(value)}
    base_rate, auc = round(float(labels.mean()), 6), round(metrics.auc(labels, truth), 6)
    return {"seed": seed, "held_out": len(test), "auc": auc, "base_rate": base_rate, **judged}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="how many logs")
    parser.add_argument("--impressions", type=int, default=1_000_000, help="rows per log")
    parser.add_argument("--out", type=Path, default=RESULTS, help="result file")
    options = parser.parse_args()

    torch.set_num_threads(1)  # a steadier clock, and sums in the same order on every machine
    world = World.build(seed=0)
    runs, truths = [], []
    cases = [(seed, rate) for seed in range(options.seeds) for rate in RATES]
    log = None
    for seed, rate in progress(cases, description="calibration"):
        if rate == RATES[0]:
            log = world.simulate(options.impressions, seed=seed).with_statistics().after(days=30)
            truths.append(truth_of(log, seed))
        runs.append(run(log, rate, seed))
    data = {
        "question": "What do fewer negatives cost, and does claim C5 repair the probabilities?",
        "impressions": options.impressions,
        "rates": list(RATES),
        "bins": BINS,
        "observed_is": "click share",
        "base_rate": round(float(np.mean([truth["base_rate"] for truth in truths])), 6),
        "truth": {
            name: round(float(np.median([t[name] for t in truths])), 6) for name in ("log_loss", "auc")
        },
        "truths": truths,
        "runs": runs,
    }
    command = (
        f"python -m experiments.calibration.sampling --seeds {options.seeds} "
        f"--impressions {options.impressions}"
    )
    save_results(options.out, data, command=command, seeds=range(options.seeds))


if __name__ == "__main__":
    main()
