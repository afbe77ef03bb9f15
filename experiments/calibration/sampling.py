"""Chapter 3's experiment: train on ever fewer negatives, calibrate, and judge against the known truth.

    python -m experiments.calibration.sampling [--seeds 10] [--impressions 1000000] [--out FILE]

Every seed is a world and a log of its own, a fresh draw of negatives and fresh first weights. The first 30 of
a log's 40 days only fill the window of the statistics. Of the last ten, the older 80% of the impressions are
learnt from and the newer 20% are judged on, by all rates alike. A model starts at the base rate of the sample
that it learns from. ``train_seconds`` is processor time, on one thread. Takes about four minutes.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from experiments.logs import recent_log, true
from experiments.running import each, record
from ranking.calibration import calibrate_logits, downsample_negatives
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel, base_rates, weighted_cross_entropy
from ranking.training import TableExamples, fit, predict_logits

RATES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
BINS = 15
CLICK = ("click",)


def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the one target, click."""
    return weighted_cross_entropy(logits, labels, torch.ones(1))


def click_model(encoder: FeatureEncoder, seed: int, labels: np.ndarray) -> MultiTaskModel:
    """The chapter's click model: the single-task baseline of the course.

    It starts at the base rate of the ``labels`` that it is to learn from, (rows,).
    """
    rates = base_rates(labels[:, None], CLICK)
    return MultiTaskModel.of(encoder, CLICK, seed=seed, base_rates=rates)


def known(values: np.ndarray) -> list[float | None]:
    """Numbers, and None for NaN, which JSON does not have."""
    return [None if np.isnan(v) else v for v in values]


def judge(p: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """All that the chapter shows of one set of predictions on the held-out rows."""
    bins = metrics.reliability(labels, p, bins=BINS)
    return {
        "mean": p.mean(),
        "ece": bins.error,
        "ece_to_truth": metrics.calibration_error(truth, p, bins=BINS),
        "log_loss": metrics.log_loss(labels, p),
        "log_loss_expected": metrics.log_loss(truth, p),
        "predicted": known(bins.predicted),
        "observed": known(bins.observed),
        "count": bins.count.astype(int),
    }


def run(log: ImpressionLog, rate: float, seed: int) -> dict[str, Any]:
    """Train at one sampling rate on the older 80% of the log, judge on the newer 20%."""
    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    kept = downsample_negatives(train.label("click"), rate, rng=seed)
    part = train.select(kept)
    model, features = click_model(encoder, seed, part.label("click")), encoder.transform(part)
    started = time.process_time()  # of this process alone: what else the machine does stays out of it
    fit(model, TableExamples(features, part.label("click")), loss, seed=seed, description=f"α = {rate}")
    seconds = time.process_time() - started
    logits = predict_logits(model, encoder.transform(test))[:, 0]  # (rows,)
    labels, truth = test.label("click"), true(test, "p_click")
    return {
        "rate": rate,
        "seed": seed,
        "rows": int(kept.size),
        "train_seconds": seconds,
        "auc": metrics.auc(labels, logits),
        "raw": judge(expit(logits), labels, truth),
        "calibrated": judge(expit(calibrate_logits(logits, rate)), labels, truth),
    }


def truth_of(log: ImpressionLog, seed: int) -> dict[str, Any]:
    """The same judgement of the true probabilities themselves: the best that any model could do."""
    _, test = log.split(0.8, 0.2)
    labels, truth = test.label("click"), true(test, "p_click")
    judged = {key: value for key, value in judge(truth, labels, truth).items() if np.isscalar(value)}
    base_rate, auc = labels.mean(), metrics.auc(labels, truth)
    return {"seed": seed, "held_out": len(test), "auc": auc, "base_rate": base_rate, **judged}


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every rate in every world."""
    runs, truths = [], []
    for seed, rate in each([(seed, rate) for seed in seeds for rate in RATES]):
        if rate == RATES[0]:
            log = recent_log(seed, impressions, world_seed=seed)
            truths.append(truth_of(log, seed))
        runs.append(run(log, rate, seed))
    return {
        "question": "What do fewer negatives cost, and does claim C5 repair the probabilities?",
        "impressions": impressions,
        "rates": RATES,
        "bins": BINS,
        "observed_is": "click share",
        "base_rate": np.mean([truth["base_rate"] for truth in truths]),
        "truth": {name: np.median([truth[name] for truth in truths]) for name in ("log_loss", "auc")},
        "truths": truths,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=10)
