"""Chapter 6's experiment: what every loss for watch time learns, judged against the known truth.

    python -m experiments.watch_time.losses [--seeds 8] [--impressions 1000000] [--out FILE]

Every seed draws a world, its log and the first weights. The first 30 of a log's 40 days only fill the window
of the statistics. Of the last ten, the older 70% are learnt from, on the next 10% each loss chooses its
learning rate, by its own value on the labels there, and the newest 20% are judged on. Losses that ask for
seconds once clicked see the clicked rows (one pass in batches of 128); those over all impressions see every
row (one pass in batches of 512). The network is the same for all. Outputs begin at the constant that is best
for the loss; at large units also near 0, as those of a network do that nobody has told ("cold").

How far a network has learnt is told by its own loss, over fresh labels: of the way from the best constant to
what the loss converges to on a row whose distribution is known, the part that it has gone ("gap_closed").

Requests are sorted by claim E2, everything but the seconds being true, with the seconds as they come, scaled
to the right mean, and times the factor that loses least on half of the users; judged on the other half.

Predictions, written before the run (the last two after trials in one world):

1. Networks lie at or below the limit of the source's loss for a row that is known, at every unit.
2. ln t beats the squared error on XAUC in every world, by about as much as the true geometric mean beats the
   true mean there: XAUC prefers its question. By rank correlation with the true means it does not win.
3. At its best weight, no estimate with another shape than the mean's loses as little as a network that learns
   the mean; the source's loss in seconds loses more than half of what it loses at the price itself.
4. D2Q's quantile has next to nothing of the length, and more of the true interest than the completion divided
   by what is usual at its length, since a quantile keeps what a threshold at 80% throws away.

Takes about ten minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import expit, logit

from experiments.logs import column, recent_log, true, world
from experiments.running import each, record
from experiments.watch_time.estimators import UNITS, Estimator, estimators, source
from experiments.watch_time.lists import PRICES, SHOWN, fused
from experiments.watch_time.setting import (
    Floats,
    Outputs,
    Rows,
    correlations,
    cross_entropy,
    interest_of,
    quantiles_of,
    rank_correlation,
    shares_of,
    trained,
    trained_on_shares,
    truth_of,
)
from ranking import watch_time as wt
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.simulator.truth import COMPLETED
from ranking.watch_time.completion import LengthCorrection

COLD = (3600.0, 36_000.0)
BINS = 10
GROUPS = 10
RATES = (0.00125, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)
"""Learning rates that every loss may choose from."""
DRAWN = ("squared error on t", "without the weight", "source, unit 1 s", "source, unit 60 s", "D2Q")


@dataclass(frozen=True, eq=False)
class Search:
    """Rows to learn from and rows to choose a learning rate on, and how they are taken."""

    learnt: Rows
    chosen_on: Rows
    seed: int
    batch_size: int

    def __call__(
        self, estimator: Estimator, labels: Callable[[ImpressionLog], Floats], start: float | None = None
    ) -> tuple[Outputs, float]:
        """The network at its best rate, and that rate. It starts at the best constant, or ``start``."""
        y, wanted = labels(self.learnt.log), labels(self.chosen_on.log)
        start = estimator.constant(y) if start is None else start

        def train(rate: float) -> Outputs:
            return trained(self.learnt.features, y, estimator.loss, self.seed, self.batch_size, start, rate)

        def value(net: Outputs) -> float:
            outputs = net(self.chosen_on.features)
            return estimator.value(outputs[:, None] if wanted.ndim == 2 else outputs, wanted)

        return at_best_rate(train, value)


def at_best_rate(
    train: Callable[[float], Outputs], value: Callable[[Outputs], float]
) -> tuple[Outputs, float]:
    """The network of the smallest value; the search begins in the middle of the rates and goes downhill."""
    tried: dict[int, tuple[float, Outputs]] = {}

    def value_at(k: int) -> float:
        if k not in tried:
            net = train(RATES[k])
            tried[k] = value(net), net
        return tried[k][0]

    k = len(RATES) // 2
    step = -1 if value_at(k - 1) < value_at(k) else 1
    while 0 <= k + step < len(RATES) and value_at(k + step) < value_at(k):
        k += step
    return tried[k][1], RATES[k]


def seconds_of(log: ImpressionLog) -> Floats:
    """The watch time of every row."""
    return column(log, "watch_time")


def seconds_and_clicks(log: ImpressionLog) -> Floats:
    """Watch time and click of every row, shape (rows, 2)."""
    return np.stack([column(log, "watch_time"), column(log, "click")], axis=1)


@dataclass(frozen=True, eq=False)
class Learnt:
    """What the networks say of held-out impressions.

    Attributes:
        seconds: once clicked, by method.
        gaps: how much of its gap each closed, over clicked rows.
        rates: the learning rate that each chose.
        within: D2Q's groups.
        quantiles: its predictions, (rows,).
        shares: predicted share played and completion, (rows, 2).
        usual: what is usual at a length, for both.
    """

    seconds: dict[str, Floats]
    gaps: dict[str, float]
    rates: dict[str, float]
    within: wt.DurationQuantiles
    quantiles: Floats
    shares: Floats
    usual: tuple[LengthCorrection, LengthCorrection]


def once_clicked(search: Search, test: Rows) -> Learnt:
    """Every method that learns from clicked rows."""
    learnt, clicks = search.learnt, test.log.label("click") == 1
    t, d = (column(learnt.log, name) for name in ("watch_time", "duration"))
    truth, duration = truth_of(test.log.select(clicks)), column(test.log, "duration")
    seconds: dict[str, Floats] = {}
    gaps: dict[str, float] = {}
    rates: dict[str, float] = {}
    nets: dict[str, Outputs] = {}

    def learn(
        name: str, estimator: Estimator, labels: Callable[[ImpressionLog], Floats], start: float | None = None
    ) -> Floats:
        nets[name], rates[name] = search(estimator, labels, start)
        outputs = nets[name](test.features)
        gaps[name] = estimator.gap_closed(outputs[clicks], truth)
        return estimator.read(outputs)

    for name, estimator in estimators(float(t.mean())).items():
        seconds[name] = learn(name, estimator, seconds_of)
    for unit in COLD:
        name = f"source, unit {unit:g} s, cold"
        seconds[name] = learn(name, source(unit), seconds_of, start=0.0)
    for name, more in {"squared error on ln t": 0.0, "squared error on ln(1 + t)": 1.0}.items():
        factor = wt.smearing_factor(t + more, np.exp(nets[name](learnt.features)))
        seconds[f"{name}, smearing factor"] = factor * (seconds[name] + more) - more
    within = wt.DurationQuantiles.fit(d, t, groups=GROUPS)
    d2q = Estimator(wt.quantile_loss, expit, logit, lambda truth: quantiles_of(within, truth))
    quantiles = learn("D2Q", d2q, lambda log: within.targets(column(log, "duration"), seconds_of(log)))
    seconds["D2Q"] = within.watch_time(duration, quantiles)
    shares, rates["completion"] = completions(search)
    usual = [LengthCorrection.fit(d, played) for played in shares_of(learnt.log).T]
    said = expit(shares(test.features))
    return Learnt(seconds, gaps, rates, within, quantiles, said, (usual[0], usual[1]))


def completions(search: Search) -> tuple[Outputs, float]:
    """The network of share played and completion at its best learning rate, and that rate."""
    learnt, chosen_on = search.learnt, search.chosen_on
    shares, wanted = shares_of(learnt.log), torch.from_numpy(shares_of(chosen_on.log))
    start = shares.mean(axis=0).tolist()

    def train(rate: float) -> Outputs:
        return trained_on_shares(learnt.features, shares, search.seed, search.batch_size, start, rate)

    return at_best_rate(
        train, lambda net: float(cross_entropy(torch.from_numpy(net(chosen_on.features)), wanted))
    )


def over_all_impressions(search: Search, test: Rows) -> tuple[Floats, dict[str, Floats], dict[str, float]]:
    """Click probabilities of the held-out rows, seconds per impression by name, and the rates chosen."""
    labels = seconds_and_clicks(search.learnt.log)
    scale = float(labels[labels[:, 1] == 1, 0].mean())

    def covington(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return wt.weighted_logistic_loss(z, y[:, :1], y[:, 1:], scale)

    def click(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(z, y[:, 1:])

    def plain(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return wt.geometric_loss(z, y[:, :1], scale)

    said: dict[str, Floats] = {}
    rates: dict[str, float] = {}
    for name, loss in {"weighted logistic": covington, "click": click, "all rows": plain}.items():
        of_loss = Estimator(loss, expit, logit, lambda truth: truth.mean)
        net, rates[name] = search(of_loss, seconds_and_clicks)
        said[name] = net(test.features)
    p_click = expit(said["click"])
    odds = said["weighted logistic"]
    return (
        p_click,
        {
            "weighted logistic": wt.predicted_watch_time(odds, scale),
            "the same, times 1 − P": wt.seconds_per_impression(odds, p_click, scale),
            "without the weight, all rows": wt.predicted_watch_time(said["all rows"], scale),
        },
        rates,
    )


def judge(seconds: Floats, watched: Floats, mean: Floats, drawn: bool = False) -> dict[str, Any]:
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
        "order_of_means": rank_correlation(seconds, mean),
        "decile_error": deciles.error / watched.mean(),
        "negative": int((seconds < 0).sum()),
    }
    means = {"predicted": deciles.predicted, "observed": deciles.observed}
    return judged | means if drawn else judged


def references(truth: wt.LogNormalWatchTime) -> dict[str, Floats]:
    """What a model that knows each row's distribution would say, had it learnt with one loss or another."""
    limits = {f"limit of the source, unit {unit:g} s": truth.source_limit(unit) for unit in UNITS}
    means = {"true mean": truth.mean, "true median": truth.median}
    return {**means, "true geometric mean": truth.geometric_mean, **limits}


def aims(test: ImpressionLog, learnt: Learnt) -> dict[str, Any]:
    """What scores made against the length keep of the true interest: correlations over the clicked rows.

    Beside them what each score would be where every row's distribution is known, a ceiling.
    """
    clicks = test.label("click") == 1
    rows = test.select(clicks)
    truth, duration = truth_of(rows), column(rows, "duration")
    interest = interest_of(true(rows, "watch_mu"), duration)
    played, completed = learnt.shares[clicks].T
    share, completion = learnt.usual
    best_share, best_completion = truth.mean / duration, truth.reaches(COMPLETED)
    scores = {
        "D2Q quantile": learnt.quantiles[clicks],
        "corrected completion": completion.correct(completed, duration),
        "corrected share": share.correct(played, duration),
        "raw seconds": learnt.seconds["without the weight"][clicks],
        "raw completion": completed,
        "raw share": played,
    }
    ceilings = {
        "D2Q quantile": quantiles_of(learnt.within, truth),
        "corrected completion": best_completion / completion.expected(duration),
        "corrected share": best_share / share.expected(duration),
        "raw seconds": truth.mean,
        "raw completion": best_completion,
        "raw share": best_share,
    }
    return {
        "scores": {name: correlations(values, duration, interest) for name, values in scores.items()},
        "ceilings": {name: correlations(values, duration, interest) for name, values in ceilings.items()},
        "interest_and_length": rank_correlation(interest, duration),
    }


def run(seed: int, impressions: int) -> dict[str, Any]:
    """Every method in one world."""
    log, its = recent_log(seed, impressions, world_seed=seed), world(seed)
    parts = log.split(0.7, 0.1, 0.2)
    encoder = FeatureEncoder().fit(parts[0])
    train, chosen_on, test = (Rows.of(part, encoder) for part in parts)
    learnt = once_clicked(Search(train.clicked, chosen_on.clicked, seed, 128), test)
    p_click, per_impression, rates = over_all_impressions(Search(train, chosen_on, seed, 512), test)
    per_impression["click rate times seconds once clicked"] = p_click * learnt.seconds["without the weight"]
    clicks = test.log.label("click") == 1
    watched, true_p = column(test.log, "watch_time"), true(test.log, "p_click")
    known = references(truth_of(test.log))
    mean = known["true mean"]
    t = column(train.clicked.log, "watch_time")
    return {
        "seed": seed,
        "rows": len(t),
        "held_out": int(clicks.sum()),
        "impressions": len(train.log),
        "mean": t.mean(),
        "median": np.median(t),
        "ctr": clicks.mean(),
        "gap_closed": learnt.gaps,
        "learning_rate": learnt.rates | rates,
        "once_clicked": {
            name: judge(values[clicks], watched[clicks], mean[clicks], name in DRAWN)
            for name, values in {**learnt.seconds, **known}.items()
        },
        "per_impression": {
            name: judge(values, watched, true_p * mean)
            for name, values in {**per_impression, "true mean": true_p * mean}.items()
        },
        "fused": fused(test.log, its, {**learnt.seconds, **known}),
        "aims": aims(test.log, learnt),
    }


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every method in every world."""
    return {
        "question": "What does each loss for watch time learn, and which estimate does a fused score need?",
        "impressions": impressions,
        "units": UNITS,
        "groups": GROUPS,
        "prices": PRICES,
        "shown": SHOWN,
        "learning_rates": RATES,
        "runs": [run(seed, impressions) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=8)
