"""Chapter 6's experiment: what every loss for watch time learns, judged against the known truth.

    python -m experiments.watch_time.losses [--seeds 10] [--impressions 1000000] [--out FILE]

Every seed is a fresh log from one world and fresh first weights. The first 30 of a log's 40 days only fill
the window of the statistics. Of the last ten, the older 80% are learnt from and the newer 20% are judged on.
Losses that ask for seconds once clicked see the clicked rows (one pass in batches of 64); those over all
impressions see every row (one pass in batches of 256). The network is the same for all. Takes about three
minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from experiments.logs import SLATE, column, recent_log, true, truth_in_first_place, whole_requests
from experiments.running import each, record
from ranking import watch_time as wt
from ranking.evaluation import metrics
from ranking.fusion import click_times_rest, top_k
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.logs.features import FeatureTable
from ranking.multi_task import MultiTaskModel, weighted_cross_entropy
from ranking.training import Loss, WatchTimeExamples, fit, predict_logits

UNITS = (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0)
BINS = 10
GROUPS = 10
SHOWN = 3
WEIGHTS = {"like": 20.0, "watch_time": 0.05}
"""In clicks: a like is worth twenty, a second one twentieth."""
DRAWN = ("squared error on t", "without the weight", "source, unit 1 s", "source, unit 60 s", "D2Q")


def trained(
    features: FeatureTable, labels: Any, loss: Loss, seed: int, batch_size: int = 64, start: float = 0.0
) -> Callable[[FeatureTable], np.ndarray]:
    """The single-task network of the course after one pass, as a function from features to outputs.

    Its outputs begin near ``start``, which a linear layer of the usual initialisation puts near 0.
    """
    model = MultiTaskModel.of(features, ("watch_time",), seed=seed)
    *_, bias = model.parameters()  # of the output
    bias.data += start
    fit(model, WatchTimeExamples(features, labels), loss, seed=seed, batch_size=batch_size)
    return lambda table: predict_logits(model, table)[:, 0]  # (rows,)


def once_clicked(
    features: FeatureTable, watch_time: np.ndarray, duration: np.ndarray, seed: int
) -> dict[str, Callable[[FeatureTable, np.ndarray], np.ndarray]]:
    """Every method that predicts seconds once clicked, trained: from features and durations to seconds."""
    learn, t, scale = partial(trained, features, watch_time, seed=seed), watch_time, float(watch_time.mean())
    direct = learn(partial(wt.squared_error, unit=scale))
    logs = learn(wt.log_squared_error)
    smearing = wt.smearing_factor(t, np.exp(logs(features)))
    mean_odds = learn(partial(wt.geometric_loss, unit=scale))
    quantiles = wt.DurationQuantiles.fit(duration, t, groups=GROUPS)
    rank = trained(features, quantiles.targets(duration, t), wt.quantile_loss, seed)
    methods = {
        "squared error on t": lambda x, d: scale * direct(x),
        "squared error on ln t": lambda x, d: np.exp(logs(x)),
        "the same, smearing factor": lambda x, d: smearing * np.exp(logs(x)),
        "without the weight": lambda x, d: wt.predicted_watch_time(mean_odds(x), scale),
        "D2Q": lambda x, d: quantiles.watch_time(d, expit(rank(x))),
    }
    for unit in UNITS:
        limit = float(np.log(wt.source_limit(t, unit) / unit))  # what it would say if all rows looked alike
        for suffix, start in (("", 0.0), (", started there", limit)):
            odds = learn(partial(wt.watch_time_loss, unit=unit), start=start)
            name = f"source, unit {unit:g} s{suffix}"
            methods[name] = partial(_source, odds, unit)
    return methods


def _source(
    odds: Callable[[FeatureTable], np.ndarray], unit: float, features: FeatureTable, duration: np.ndarray
) -> np.ndarray:
    """Seconds by the source's loss in a unit; the duration does not matter to it."""
    return wt.predicted_watch_time(odds(features), unit)


def judge(seconds: np.ndarray, watched: np.ndarray, mean: np.ndarray, drawn: bool = False) -> dict[str, Any]:
    """All that the chapter shows of one set of predictions, against what was watched and the true means.

    Where it is to be drawn, with the mean of every decile of the prediction.
    """
    deciles = metrics.reliability_of_means(watched, seconds, bins=BINS)
    judged = {
        "mean": seconds.mean(),
        "level": seconds.mean() / mean.mean(),
        "mae": np.abs(seconds - watched).mean(),
        "rmse": np.sqrt(np.mean((seconds - watched) ** 2)),
        "rmse_to_mean": np.sqrt(np.mean((seconds - mean) ** 2)),
        "xauc": metrics.xauc(watched, seconds),
        "decile_error": deciles.error / watched.mean(),
        "negative": int((seconds < 0).sum()),
    }
    means = {"predicted": deciles.predicted, "observed": deciles.observed}
    return judged | means if drawn else judged


def truth_of(log: ImpressionLog) -> wt.LogNormalWatchTime:
    """The distribution of every row's watch time once clicked."""
    return wt.LogNormalWatchTime(true(log, "watch_mu"), true(log, "watch_sigma"), column(log, "duration"))


def references(truth: wt.LogNormalWatchTime) -> dict[str, np.ndarray]:
    """What a model that knows each row's distribution would say, had it learnt with one loss or another."""
    limits = {f"limit of the source, unit {unit:g} s": truth.source_limit(unit) for unit in UNITS}
    means = {"true mean": truth.mean, "true median": truth.median}
    return {**means, "true geometric mean": truth.geometric_mean, **limits}


def over_all_impressions(
    train: ImpressionLog, features: FeatureTable, test_features: FeatureTable, seed: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Click probabilities of the held-out rows, and seconds per impression by the losses over all rows."""
    t, c = (column(train, name) for name in ("watch_time", "click"))
    scale = float(t[c == 1].mean())
    learn = partial(trained, features, seed=seed, batch_size=256)

    def covington(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return wt.weighted_logistic_loss(z, y[:, :1], y[:, 1:], scale)

    weighted = learn(np.stack([t, c], axis=1), covington)(test_features)
    plain = learn(t, partial(wt.geometric_loss, unit=scale))(test_features)
    click = learn(c, lambda z, y: weighted_cross_entropy(z, y, torch.ones(1)))(test_features)
    p_click = expit(click)
    return p_click, {
        "weighted logistic": wt.predicted_watch_time(weighted, scale),
        "the same, times 1 − P": wt.seconds_per_impression(weighted, p_click, scale),
        "without the weight, all rows": wt.predicted_watch_time(plain, scale),
    }


def fused(test: ImpressionLog, seconds: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """What each estimate costs when requests are sorted by claim E2, everything else in the score being true.

    Args:
        test: held-out impressions; only whole requests are taken, each item as if it stood first.
        seconds: predictions of the watch time once clicked, one per impression; "true mean" is the reference.

    Returns:
        By name: the share of the reference's value lost in the first ``SHOWN`` items, half of its 95%
        interval over requests, and the share of the requests whose first item differs; then the same once
        more, "_matched", for the prediction scaled to the right mean. Predictions below 0 count as 0 here.
    """
    whole = whole_requests(test)

    def slates(values: np.ndarray) -> np.ndarray:
        return np.asarray(values, dtype=np.float64)[whole].reshape(-1, SLATE)  # (requests, items)

    real = truth_in_first_place(test)
    rates = {"click": slates(real.p_click), "like": slates(real.p_like)}

    def score(t: np.ndarray) -> np.ndarray:
        return click_times_rest({**rates, "watch_time": slates(t)}, WEIGHTS)  # (requests, items)

    value = score(seconds["true mean"])
    best = top_k(value, SHOWN)  # (requests, shown)
    best_value = np.take_along_axis(value, best, axis=1).sum(axis=1)  # (requests,)
    found: dict[str, dict[str, float]] = {}
    for name, t in seconds.items():
        right, mean = (np.average(each, weights=real.p_click) for each in (seconds["true mean"], t))
        found[name] = {}
        for suffix, used in (("", t), ("_matched", t * right / mean)):
            order = top_k(score(np.maximum(used, 0.0)), SHOWN)
            lost = best_value - np.take_along_axis(value, order, axis=1).sum(axis=1)  # (requests,)
            margin = 1.96 * lost.std() / np.sqrt(len(lost))
            found[name] |= {
                f"lost{suffix}": lost.mean() / best_value.mean(),
                f"margin{suffix}": margin / best_value.mean(),
                f"first_differs{suffix}": np.mean(order[:, 0] != best[:, 0]),
            }
    return found


def run(log: ImpressionLog, seed: int) -> dict[str, Any]:
    """Every method on one log."""
    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    features, test_features = encoder.transform(train), encoder.transform(test)
    clicked, test_clicked = train.label("click") == 1, test.label("click") == 1
    t, d = (column(train, name)[clicked] for name in ("watch_time", "duration"))
    watched, duration = column(test, "watch_time"), column(test, "duration")
    methods = once_clicked(features[clicked], t, d, seed)
    seconds = {name: method(test_features, duration) for name, method in methods.items()}
    known = references(truth_of(test))
    mean = known["true mean"]
    p_click, per_impression = over_all_impressions(train, features, test_features, seed)
    per_impression["click rate times seconds once clicked"] = p_click * seconds["without the weight"]
    true_p = true(test, "p_click")
    return {
        "seed": seed,
        "rows": int(clicked.sum()),
        "held_out": int(test_clicked.sum()),
        "impressions": len(train),
        "mean": t.mean(),
        "median": np.median(t),
        "ctr": test_clicked.mean(),
        "once_clicked": {
            name: judge(values[test_clicked], watched[test_clicked], mean[test_clicked], name in DRAWN)
            for name, values in {**seconds, **known}.items()
        },
        "per_impression": {
            name: judge(values, watched, true_p * mean)
            for name, values in {**per_impression, "true mean": true_p * mean}.items()
        },
        "fused": fused(test, {**seconds, **known}),
    }


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every method on every log."""
    return {
        "question": "What does each loss for watch time learn, and which estimate does a fused score need?",
        "impressions": impressions,
        "units": UNITS,
        "groups": GROUPS,
        "weights": WEIGHTS,
        "shown": SHOWN,
        "runs": [run(recent_log(seed, impressions), seed) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=10)
