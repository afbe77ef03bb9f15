"""Chapter 6's experiment on a feed that plays at once: scores without a click, and what losses make of plays.

    python -m experiments.watch_time.plays [--seeds 6] [--impressions 500000] [--out FILE]

Each seed is a world of its own whose items start by themselves, a log of it and first weights. As in
``losses.py`` the first 30 of 40 days only fill the window of the statistics; of the last ten, the older 80%
are learnt from and the newer 20% are judged on, by the truth. Every head is a network of its own over all
impressions (one pass in batches of 128), but for those "given a view", which see effective views alone. The
items of whole requests are sorted again and the first three judged; weights are tuned on one half of the
users and judged on the other. Takes about five minutes on one core.

Written down before the run:

- The source's loss in seconds says less than a quarter of the mean, its share for clicked plays; in minutes
  less than three quarters. D2Q and the logarithms say less than two thirds.
- Leaving out plays of 0 s, .8% of all, moves the geometric mean by 1% at most, one way or the other. (Seen
  later: nothing can test that. With one play of 0 s in it a geometric mean is 0.)
- The share played, times the length, misses more than a tenth of the seconds of items below 15 s, and less
  than a fiftieth of those over a minute.
- An effective view in the click's place, times heads that are per impression already, loses less than 2% of
  the worth at the prices and less than .5% once tuned. Rates given a view, added up, lose more than that at
  the prices, and less than 1% once tuned.
- The longest items first give fewer seconds than the most predicted seconds, by a tenth or more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit, logit

from experiments.logs import SLATE, column, whole_requests
from experiments.running import each, record
from experiments.watch_time.setting import Rows, cross_entropy, rank_correlation, trained
from ranking import watch_time as wt
from ranking.evaluation import metrics
from ranking.fusion import click_times_rest, top_k, weighted_sum
from ranking.logs import FeatureEncoder, FeatureTable, ImpressionLog
from ranking.simulator import Autoplay, World, WorldConfig
from ranking.simulator.play_time import EFFECTIVE_SECONDS
from ranking.simulator.play_truth import PlayTruth
from ranking.watch_time.completion import share_played

Array = np.ndarray
Columns = dict[str, Array]

SHOWN = 3
GROUPS = 10
BATCH = 128
DRAWS = 64
PRICES = {"like": 20.0, "watch_time": 0.05}
"""In effective views: a like is worth twenty, a second one twentieth."""
STEPS = 2.0 ** np.arange(-5, 11)
"""What each price is multiplied with where weights are tuned."""
FACTORS = 2.0 ** np.arange(-2.0, 6.25, 0.25)
"""What an estimate of the seconds is multiplied with where its best factor is looked for."""
LENGTHS = (15.0, 30.0, 60.0, 120.0)
"""Seconds at which the next group of lengths begins."""
VIEWS = ("effective_view", "long_view", "skip")


def surface(seed: int) -> World:
    """The course's world of a seed, were its items to start by themselves."""
    return World.build(WorldConfig(autoplay=Autoplay()), seed=seed)


def learnt(rows: Rows, labels: Array, loss: Any, seed: int, start: float = 0.0) -> Callable[..., Array]:
    """A network after one pass over the rows: from features to outputs."""
    return trained(rows.features, labels, loss, seed, BATCH, start)


def rate_of(rows: Rows, labels: Array, seed: int) -> Callable[[FeatureTable], Array]:
    """A head that says how likely a label is, or what share of the item is played."""
    head = learnt(rows, labels, cross_entropy, seed, float(logit(labels.mean())))
    return lambda features: expit(head(features))


def mean_of(rows: Rows, seed: int) -> Callable[[FeatureTable], Array]:
    """A head of mean seconds: the loss without the weight."""
    scale = float(rows.seconds.mean())
    head = learnt(rows, rows.seconds, partial(wt.geometric_loss, unit=scale), seed)
    return lambda features: wt.predicted_watch_time(head(features), scale)


def heads(train: Rows, test: Rows, seed: int) -> Columns:
    """What the heads of a score say of the held-out rows; "given a view" those of effective views alone."""
    viewed = train.where(train.log.label("effective_view") == 1)
    said = {name: rate_of(train, column(train.log, name), seed) for name in (*VIEWS, "like")}
    said |= {"watch_time": mean_of(train, seed), "watch_time given a view": mean_of(viewed, seed)}
    said["like given a view"] = rate_of(viewed, column(viewed.log, "like"), seed)
    said["share_played"] = rate_of(train, share_played(train.seconds, train.duration).share, seed)
    return {name: head(test.features) for name, head in said.items()}


def truth_of(its: World, log: ImpressionLog) -> PlayTruth:
    """The truth of a log's impressions."""
    names = ("user", "item", "hour", "weekday", "scene")
    return its.play_truth(*(log.rows[name].to_numpy() for name in names))


def true_columns(truth: PlayTruth) -> Columns:
    """The same as :func:`heads` with the true probabilities and means, and the mean of min(t, d).

    With c = min(7 s, d), where an effective view begins, E[t; t < c] is E[min(t, c)] − c P(t ≥ c), and the
    first of these is the mean play of an item that ends there, counted up to its end. The chance of a like
    grows in a line with the part played, so that the same means give likes with a view.
    """
    plays, p_view = truth.plays, truth.p_effective_view.astype(np.float64)
    begin = np.minimum(plays.duration, EFFECTIVE_SECONDS)
    before = begin * (replace(plays, duration=begin).power_mean(1.0) - p_view)  # E[t; t < c]
    growth, played = truth.growth["like"], plays.power_mean(1.0)
    if growth.power != 1.0:
        raise ValueError(f"truth must have likes that grow in a line, got the power {growth.power}")
    grown = growth.floor * p_view + (1 - growth.floor) * (played - before / plays.duration)
    both = truth.if_whole["like"] * grown  # P(like and effective view)
    return {
        "effective_view": p_view,
        "long_view": truth.p_long_view,
        "skip": truth.p_skip,
        "like": truth.p_like,
        "watch_time": truth.watch_time,
        "watch_time given a view": (truth.watch_time - before) / p_view,
        "like given a view": both / p_view,
        "share_played": played,
    }


def estimators(train: Rows, test: Rows, seed: int) -> Columns:
    """Seconds of the held-out rows by the other losses of the chapter."""
    t, d, scale = train.seconds, train.duration, float(train.seconds.mean())
    direct = learnt(train, t, partial(wt.squared_error, unit=scale), seed)
    played = train.where(t > 0)
    logs = learnt(played, played.seconds, wt.log_squared_error, seed)
    plus_one = learnt(train, 1 + t, wt.log_squared_error, seed)  # ln(1 + t)
    quantiles = wt.DurationQuantiles.fit(d, t, groups=GROUPS)
    rank = learnt(train, quantiles.targets(d, t), wt.quantile_loss, seed)
    seconds = {
        "squared error on t": scale * direct(test.features),
        "ln t, plays of 0 s left out": np.exp(logs(test.features)),
        "ln(1 + t)": np.expm1(plus_one(test.features)),
        "D2Q": quantiles.watch_time(test.duration, expit(rank(test.features))),
    }
    smearing = wt.smearing_factor(played.seconds, np.exp(logs(played.features)))
    seconds["ln t, smearing factor"] = smearing * seconds["ln t, plays of 0 s left out"]
    for unit in (1.0, 60.0):
        start = float(np.log(wt.source_limit(t, unit) / unit))  # what it would say if all rows looked alike
        odds = learnt(train, t, partial(wt.watch_time_loss, unit=unit), seed, start)
        seconds[f"source, unit {unit:g} s"] = wt.predicted_watch_time(odds(test.features), unit)
    return seconds


def limits(truth: PlayTruth, within: wt.DurationQuantiles, rng: np.random.Generator) -> Columns:
    """What losses converge to where each row's distribution is known, from ``DRAWS`` plays of each."""
    t = np.stack([truth.plays.draw(rng)["watch_time"] for _ in range(DRAWS)]).astype(np.float64)
    known = {"ln(1 + t)": np.expm1(np.log1p(t).mean(axis=0))}
    logs = np.log(t, out=np.zeros_like(t), where=t > 0)
    known["ln t, plays of 0 s left out"] = np.exp(logs.sum(axis=0) / np.maximum((t > 0).sum(axis=0), 1))
    d = truth.plays.duration.astype(np.float64)
    known["D2Q"] = within.watch_time(d, within.targets(np.broadcast_to(d, t.shape), t).mean(axis=0))
    for unit in (1.0, 60.0):
        known[f"source, unit {unit:g} s"] = (t / (unit + t)).sum(axis=0) / (1 / (unit + t)).sum(axis=0)
    return known


@dataclass(frozen=True, eq=False)
class Slates:
    """Requests of ten whose items are sorted again, and the truth by which the first ones are judged.

    Attributes:
        rows: which rows of the held-out log they are, (requests, items).
        truth: columns of :func:`true_columns` and "duration", over the held-out log.
    """

    rows: Array
    truth: Columns

    def of(self, columns: Mapping[str, Array], *names: str) -> Columns:
        """Some columns by request, (requests, items), under their names without " given a view"."""
        return {name.removesuffix(" given a view"): columns[name][self.rows] for name in names}

    def worth(self) -> Array:
        """The true worth of every item, (requests, items)."""
        return FORMULAS["weighted sum, per impression"](self, self.truth, PRICES)

    def first(self, scores: Array) -> dict[str, float]:
        """Means over the first ``SHOWN`` items of each request, sorted by scores (requests, items)."""
        order = top_k(scores, SHOWN)  # (requests, shown)
        found = {
            name: float(np.take_along_axis(self.truth[name][self.rows], order, axis=1).mean())
            for name in (*VIEWS, "like", "watch_time", "duration")
        }
        worth = np.take_along_axis(self.worth(), order, axis=1)
        return found | {"worth": float(worth.mean())}

    def as_they_came(self) -> dict[str, float]:
        """The same over all ten: what a random order gives on average."""
        of_all = {name: float(self.truth[name][self.rows].mean()) for name in (*VIEWS, "like", "watch_time")}
        return of_all | {
            "duration": float(self.truth["duration"][self.rows].mean()),
            "worth": float(self.worth().mean()),
        }


def _sum_of(*names: str) -> Callable[[Slates, Mapping[str, Array], Mapping[str, float]], Array]:
    """Claim E1, the effective view with the weight 1."""

    def score(slates: Slates, said: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
        return weighted_sum(slates.of(said, "effective_view", *names), {"effective_view": 1.0, **weights})

    return score


def _gate_of(*names: str) -> Callable[[Slates, Mapping[str, Array], Mapping[str, float]], Array]:
    """Claim E2, the effective view in the click's place."""

    def score(slates: Slates, said: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
        gate = slates.of(said, "effective_view")["effective_view"]
        return click_times_rest({"click": gate, **slates.of(said, *names)}, weights)

    return score


GIVEN = ("like given a view", "watch_time given a view")
FORMULAS = {
    "weighted sum, per impression": _sum_of("like", "watch_time"),
    "view times the rest, per impression": _gate_of("like", "watch_time"),
    "view times the rest, given a view": _gate_of(*GIVEN),
    "weighted sum, given a view": _sum_of(*GIVEN),
}


def tuned(formula: Callable[..., Array], said: Columns, search: Slates) -> dict[str, float]:
    """The weights at which a formula's first items are worth most on the requests of a search."""
    worth = search.worth()

    def found(weights: dict[str, float]) -> float:
        order = top_k(formula(search, said, weights), SHOWN)
        return float(np.take_along_axis(worth, order, axis=1).mean())

    grid = [
        {"like": PRICES["like"] * a, "watch_time": PRICES["watch_time"] * b}
        for a, b in itertools.product(STEPS, STEPS)
    ]
    return max(grid, key=found)


def scores_of(said: Columns, search: Slates, fresh: Slates) -> dict[str, Any]:
    """Every formula at the prices and at weights of its own, judged on fresh users."""
    found = {}
    for name, formula in FORMULAS.items():
        weights = tuned(formula, said, search)
        found[name] = {
            "weights": weights,
            "prices": fresh.first(formula(fresh, said, PRICES)),
            "tuned": fresh.first(formula(fresh, said, weights)),
        }
    return found


def judged(seconds: Array, truth: Columns, slates: Slates, search: Slates, fresh: Slates) -> dict[str, Any]:
    """Level, order, and what an estimate of the seconds costs first places, all else in the score true.

    "worth_lost" is lost as it is, "worth_lost_matched" once its mean is right, and "worth_lost_best" with the
    best of ``FACTORS`` by the requests of a search, all on fresh ones.
    """
    mean, group = truth["watch_time"], np.digitize(truth["duration"], LENGTHS)

    def worth(factor: float, some: Slates) -> float:
        columns = truth | {"watch_time": np.maximum(factor * seconds, 0.0)}
        score = FORMULAS["weighted sum, per impression"](some, columns, PRICES)
        return some.first(score)["worth"]

    best = max(FACTORS.tolist(), key=partial(worth, some=search))
    factors = {"": 1.0, "_matched": mean.mean() / seconds.mean(), "_best": best}
    most = fresh.first(fresh.worth())["worth"]
    order = slates.first(seconds[slates.rows])["watch_time"]
    return {f"worth_lost{name}": 1 - worth(factor, fresh) / most for name, factor in factors.items()} | {
        "best_factor": best,
        "level": seconds.mean() / mean.mean(),
        "by_length": np.bincount(group, seconds) / np.bincount(group, mean),
        "order": rank_correlation(seconds, mean),
        "seconds_lost": 1 - order / slates.first(mean[slates.rows])["watch_time"],
        "negative": int((seconds < 0).sum()),
    }


def slates_of(test: Rows, truth: Columns, seed: int) -> tuple[Slates, Slates, Slates]:
    """Whole requests of the held-out rows: all, those of one half of the users, those of the other."""
    whole = np.flatnonzero(whole_requests(test.log)).reshape(-1, SLATE)  # (requests, items)
    user = test.log.rows["user"].to_numpy()[whole[:, 0]]
    half = np.random.default_rng(seed).random(int(user.max()) + 1) < 0.5  # (users,)
    search, fresh = (Slates(whole[half[user] == side], truth) for side in (True, False))
    return Slates(whole, truth), search, fresh


def prepared(seed: int, impressions: int) -> tuple[Rows, Rows, PlayTruth]:
    """A world's rows to learn from and to judge on, and the truth of the latter."""
    its = surface(seed)
    train, test = its.simulate(impressions, seed=seed).with_statistics().after(days=30).split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    older, newer = (Rows.of(part, encoder) for part in (train, test))
    return older, newer, truth_of(its, test)


def sorted_by(said: Columns, slates: Slates) -> dict[str, dict[str, float]]:
    """What stands first when requests are sorted by one thing alone, or by their worth."""
    one = {name: said[name] for name in ("effective_view", "long_view", "like", "watch_time", "share_played")}
    one |= {"skip": -said["skip"], "duration": slates.truth["duration"]}
    found = {name: slates.first(values[slates.rows]) for name, values in one.items()}
    found["worth"] = slates.first(FORMULAS["weighted sum, per impression"](slates, said, PRICES))
    return found | {"as they came": slates.as_they_came()}


def run(seed: int, impressions: int) -> dict[str, Any]:
    """Everything in one world."""
    train, test, truth = prepared(seed, impressions)
    true = true_columns(truth) | {"duration": test.duration}
    slates, search, fresh = slates_of(test, true, seed)
    said = heads(train, test, seed)
    seconds = {"without the weight": said["watch_time"], **estimators(train, test, seed)}
    seconds["share played, times length"] = said["share_played"] * test.duration
    within = wt.DurationQuantiles.fit(train.duration, train.seconds, groups=GROUPS)
    known = limits(truth, within, np.random.default_rng(seed))
    known["up to the end"] = true["share_played"] * test.duration
    played = share_played(test.seconds, test.duration)
    return {
        "seed": seed,
        "rows": len(train.log),
        "held_out": len(test.log),
        "requests": len(slates.rows),
        "fresh": len(fresh.rows),
        "log": {
            "mean": test.seconds.mean(),
            "median": np.median(test.seconds),
            "zero": (test.seconds == 0).mean(),
            "longer": played.longer / len(test.log),
            "length_and_mean": rank_correlation(test.duration, true["watch_time"]),
            "skip_and_view": rank_correlation(true["skip"], true["effective_view"]),
            "like without a view": 1
            - (true["like given a view"] * true["effective_view"]).sum() / true["like"].sum(),
        },
        "auc": {name: metrics.auc(column(test.log, name), said[name]) for name in (*VIEWS, "like")},
        "levels": {name: said[name].mean() / true[name].mean() for name in (*VIEWS, "like", "watch_time")},
        "scores": {"heads": scores_of(said, search, fresh), "truth": scores_of(true, search, fresh)},
        "most_worth": fresh.first(fresh.worth()),
        "sorted_by": {"heads": sorted_by(said, slates), "truth": sorted_by(true, slates)},
        "methods": {name: judged(values, true, slates, search, fresh) for name, values in seconds.items()},
        "limits": {name: judged(values, true, slates, search, fresh) for name, values in known.items()},
    }


def measure(seeds: range, impressions: int = 500_000) -> dict[str, Any]:
    """Everything in every world."""
    return {
        "question": "What becomes of scores and of losses for watch time where nobody has to click?",
        "impressions": impressions,
        "shown": SHOWN,
        "prices": PRICES,
        "lengths": LENGTHS,
        "runs": [run(seed, impressions) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=6)
