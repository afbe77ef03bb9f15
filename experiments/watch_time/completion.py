"""Chapter 6's second experiment: two targets of completion and their correction for length, the truth known.

    python -m experiments.watch_time.completion [--seeds 10] [--impressions 1000000] [--out FILE]

Logs and split as in ``losses.py``. One network with two heads learns, from clicked rows, the share played
and whether at least 80% was played (one pass in batches of 64). f(length) is fitted to the labels of the rows
that were learnt from. Takes about a minute on two cores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import spearmanr

from experiments.logs import SLATE, column, groups_by_size, recent_log, true, whole_requests
from experiments.running import each, record
from experiments.watch_time.losses import SHOWN, truth_of
from ranking.evaluation import metrics
from ranking.fusion import top_k
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel, weighted_cross_entropy
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.truth import COMPLETED
from ranking.training import TableExamples, fit, predict_logits
from ranking.watch_time.completion import LengthCorrection, completed, share_played

TARGETS = ("share played", "completion")
LENGTHS = 10


def labels_of(log: ImpressionLog) -> np.ndarray:
    """The two targets of every row, shape (rows, 2)."""
    t, d = log.rows["watch_time"], log.rows["duration"]
    return np.stack([share_played(t, d).share, completed(t, d)], axis=1)


def interest_of(log: ImpressionLog) -> np.ndarray:
    """How long a user stays with an item for reasons other than its length: μ without its part of length."""
    length = np.log(column(log, "duration") / 60.0)
    return true(log, "watch_mu") - EFFECTS["watch_time"]["length"] * length


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's."""
    return spearmanr(a, b).statistic


def correlations(values: np.ndarray, log: ImpressionLog) -> dict[str, float]:
    """Of a score with the length and with the interest."""
    return {
        "length": rank_correlation(values, log.rows["duration"].to_numpy()),
        "interest": rank_correlation(values, interest_of(log)),
    }


def shown_first(scores: np.ndarray, log: ImpressionLog) -> dict[str, float]:
    """What stands in the first places of whole requests sorted by a score, were every item clicked."""
    whole = whole_requests(log)
    first = top_k(scores[whole].reshape(-1, SLATE), SHOWN)  # (requests, shown)
    truth, duration = truth_of(log), column(log, "duration")
    outcomes = {"completions": truth.reaches(COMPLETED), "seconds": truth.mean, "duration": duration}
    return {
        name: np.take_along_axis(values[whole].reshape(-1, SLATE), first, axis=1).mean()
        for name, values in outcomes.items()
    }


def by_length(log: ImpressionLog, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Means of columns within deciles of the length."""
    duration = column(log, "duration")
    group = groups_by_size(duration, LENGTHS)
    counts = np.bincount(group)
    return {
        name: np.bincount(group, weights=values) / counts
        for name, values in {"duration": duration, **columns}.items()
    }


def both_targets(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the two targets, weight 1 each."""
    return weighted_cross_entropy(logits, labels, torch.ones(2))


def run(log: ImpressionLog, seed: int) -> dict[str, Any]:
    """Train on one log and judge both targets, before and after the correction."""
    train, test = log.split(0.8, 0.2)
    learnt, held_out = (part.select(part.label("click") == 1) for part in (train, test))
    encoder = FeatureEncoder().fit(train)
    model = MultiTaskModel.of(encoder, TARGETS, seed=seed)
    labels = labels_of(learnt)
    examples = TableExamples(encoder.transform(learnt), labels)
    fit(model, examples, both_targets, seed=seed, batch_size=64)
    everywhere = expit(predict_logits(model, encoder.transform(test)))  # (rows, 2)
    p = everywhere[test.label("click") == 1]  # (clicked rows, 2)
    truth, observed = truth_of(held_out), labels_of(held_out)
    duration = column(held_out, "duration")
    best = np.stack([truth.mean / duration, truth.reaches(COMPLETED)], axis=1)  # (clicked rows, 2)
    judged: dict[str, Any] = {}
    columns = {"interest": interest_of(held_out)}
    for k, target in enumerate(TARGETS):
        f = LengthCorrection.fit(learnt.rows["duration"], labels[:, k])
        corrected, corrected_truth = f.correct(p[:, k], duration), best[:, k] / f.expected(duration)
        judged[target] = {
            "observed": observed[:, k].mean(),
            "mean": p[:, k].mean(),
            "true": best[:, k].mean(),
            "ece": metrics.calibration_error(observed[:, k], p[:, k]),
            "xauc": metrics.xauc(observed[:, k], p[:, k]),
            "raw": correlations(p[:, k], held_out),
            "corrected": correlations(corrected, held_out),
            "raw_truth": correlations(best[:, k], held_out),
            "corrected_truth": correlations(corrected_truth, held_out),
            "corrected_mean": corrected.mean(),
            "corrected_above_1": (corrected > 1).mean(),
            "corrected_largest": corrected.max(),
            "first_raw": shown_first(everywhere[:, k], test),
            "first_corrected": shown_first(f.correct(everywhere[:, k], test.rows["duration"]), test),
        }
        columns |= {
            f"{target}, observed": observed[:, k],
            f"{target}, predicted": p[:, k],
            f"{target}, true": best[:, k],
            f"{target}, f": f.expected(duration),
            f"{target}, corrected": corrected,
        }
    return {
        "seed": seed,
        "rows": len(learnt),
        "held_out": len(held_out),
        "longer": share_played(learnt.rows["watch_time"], learnt.rows["duration"]).longer,
        "interest_and_length": rank_correlation(interest_of(held_out), duration),
        "alike": rank_correlation(p[:, 0], p[:, 1]),
        "alike_truth": rank_correlation(best[:, 0], best[:, 1]),
        "targets": judged,
        "by_length": by_length(held_out, columns),
    }


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Both targets on every log."""
    return {
        "question": "How do the two targets of completion differ, and what does dividing by f(length) do?",
        "impressions": impressions,
        "shown": SHOWN,
        "runs": [run(recent_log(seed, impressions), seed) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=10)
