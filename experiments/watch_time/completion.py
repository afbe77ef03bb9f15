"""Chapter 6's second experiment: two targets of completion and their correction for length, the truth known.

    python -m experiments.watch_time.completion [--seeds 10] [--impressions 1000000] [--out FILE]

Logs and split as in ``watch_time.py``. One network with two heads learns, from clicked rows, the share played
and whether at least 80% was played (one pass in batches of 64). f(length) is fitted to the labels of the rows
that were learnt from. Takes about a minute on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import spearmanr

from bookwork.results import save_results
from experiments.watch_time.losses import SHOWN, SLATE, truth_of
from ranking.evaluation import metrics
from ranking.fusion import top_k
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel, weighted_cross_entropy
from ranking.progress import progress
from ranking.simulator import World
from ranking.simulator.world import COMPLETED, EFFECTS
from ranking.training import TableExamples, fit, predict_logits
from ranking.watch_time.completion import LengthCorrection, completed, share_played

TARGETS = ("share played", "completion")
LENGTHS = 10
RESULTS = Path(__file__).with_suffix(".json")


def labels_of(log: ImpressionLog) -> np.ndarray:
    """The two targets of every row, shape (rows, 2)."""
    t, d = log.rows["watch_time"], log.rows["duration"]
    return np.stack([share_played(t, d).share, completed(t, d)], axis=1)


def interest_of(log: ImpressionLog) -> np.ndarray:
    """How long a user stays with an item for reasons other than its length: μ without its part of length."""
    length = np.log(log.rows["duration"].to_numpy(dtype=np.float64) / 60.0)
    return log.truth["watch_mu"].to_numpy(dtype=np.float64) - EFFECTS["watch_time"]["length"] * length


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, rounded."""
    return round(float(spearmanr(a, b).statistic), 5)


def correlations(values: np.ndarray, log: ImpressionLog) -> dict[str, float]:
    """Of a score with the length and with the interest."""
    return {
        "length": rank_correlation(values, log.rows["duration"].to_numpy()),
        "interest": rank_correlation(values, interest_of(log)),
    }


def shown_first(scores: np.ndarray, log: ImpressionLog) -> dict[str, float]:
    """What stands in the first places of whole requests sorted by a score, were every item clicked."""
    request = log.rows["request"].to_numpy()
    whole = np.bincount(request)[request] == SLATE
    first = top_k(scores[whole].reshape(-1, SLATE), SHOWN)  # (requests, shown)
    truth = truth_of(log)
    outcomes = {"completions": truth.reaches(COMPLETED), "seconds": truth.mean, "duration": truth.duration}
    return {
        name: round(float(np.take_along_axis(values[whole].reshape(-1, SLATE), first, axis=1).mean()), 5)
        for name, values in outcomes.items()
    }


def by_length(log: ImpressionLog, columns: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Means of columns within deciles of the length."""
    duration = log.rows["duration"].to_numpy(dtype=np.float64)
    edges = np.quantile(duration, np.linspace(0, 1, LENGTHS + 1)[1:-1])
    group = np.searchsorted(edges, duration, side="right")
    counts = np.bincount(group)
    return {
        name: (np.bincount(group, weights=values) / counts).round(5).tolist()
        for name, values in {"duration": duration, **columns}.items()
    }


def run(log: ImpressionLog, seed: int) -> dict[str, Any]:
    """Train on one log and judge both targets, before and after the correction."""
    train, test = log.split(0.8, 0.2)
    learnt, held_out = (part.select(part.label("click") == 1) for part in (train, test))
    encoder = FeatureEncoder().fit(train)
    model = MultiTaskModel.of(encoder, TARGETS, seed=seed)
    labels = labels_of(learnt)
    fit(
        model,
        TableExamples(encoder.transform(learnt), labels),
        lambda z, y: weighted_cross_entropy(z, y, torch.ones(2)),
        seed=seed,
        batch_size=64,
    )
    everywhere = expit(predict_logits(model, encoder.transform(test)))  # (rows, 2)
    p = everywhere[test.label("click") == 1]  # (clicked rows, 2)
    truth, observed = truth_of(held_out), labels_of(held_out)
    true = np.stack([truth.mean / truth.duration, truth.reaches(COMPLETED)], axis=1)
    duration = held_out.rows["duration"].to_numpy(dtype=np.float64)
    judged: dict[str, Any] = {}
    columns = {"interest": interest_of(held_out)}
    for k, target in enumerate(TARGETS):
        f = LengthCorrection.fit(learnt.rows["duration"], labels[:, k])
        corrected, corrected_truth = f.correct(p[:, k], duration), true[:, k] / f.expected(duration)
        judged[target] = {
            "observed": round(float(observed[:, k].mean()), 6),
            "mean": round(float(p[:, k].mean()), 6),
            "true": round(float(true[:, k].mean()), 6),
            "ece": round(metrics.calibration_error(observed[:, k], p[:, k]), 6),
            "xauc": round(metrics.xauc(observed[:, k], p[:, k]), 6),
            "raw": correlations(p[:, k], held_out),
            "corrected": correlations(corrected, held_out),
            "raw_truth": correlations(true[:, k], held_out),
            "corrected_truth": correlations(corrected_truth, held_out),
            "corrected_mean": round(float(corrected.mean()), 6),
            "corrected_above_1": round(float((corrected > 1).mean()), 6),
            "corrected_largest": round(float(corrected.max()), 6),
            "first_raw": shown_first(everywhere[:, k], test),
            "first_corrected": shown_first(f.correct(everywhere[:, k], test.rows["duration"]), test),
        }
        columns |= {
            f"{target}, observed": observed[:, k],
            f"{target}, predicted": p[:, k],
            f"{target}, true": true[:, k],
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
        "alike_truth": rank_correlation(true[:, 0], true[:, 1]),
        "targets": judged,
        "by_length": by_length(held_out, columns),
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
    for seed in progress(range(options.seeds), description="completion"):
        log = world.simulate(options.impressions, seed=seed).with_statistics().after(days=30)
        runs.append(run(log, seed))
    data = {
        "question": "How do the two targets of completion differ, and what does dividing by f(length) do?",
        "impressions": options.impressions,
        "shown": SHOWN,
        "runs": runs,
    }
    command = (
        f"python -m experiments.watch_time.completion --seeds {options.seeds} "
        f"--impressions {options.impressions}"
    )
    save_results(options.out, data, command=command, seeds=range(options.seeds))


if __name__ == "__main__":
    main()
