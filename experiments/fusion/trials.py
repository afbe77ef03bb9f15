"""What a trial of weights is told, and how it may be read: what the search of chapter 5 works with.

Two platforms hold requests of different users. On the one, weights are tried: a trial shows lists to some
requests and the old lists to as many others, and outcomes are drawn from the truth. On the other, the weights
that were chosen are valued by the truth. Everything is a relative change against the old lists, of clicks and
of seconds: 0.02 is 2% more.
"""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from experiments.fusion.setting import OLD, SHOWN
from ranking.evaluation import adjusted
from ranking.funnel.feed import Feed, Predictor
from ranking.fusion import click_times_rest, expected_totals, per_impression, top_k
from ranking.simulator import Truth

Array = NDArray[np.float64]

NAMES = tuple(OLD)
LOW = np.log10([0.01, 0.01, 0.01, 0.00001])
HIGH = np.log10([30.0, 30.0, 30.0, 0.3])
"""Weights are drawn evenly in their logarithm between these."""

READINGS = {
    "own control": ("new", "old", False),
    "known control": ("new", "old", True),
    "CUPED": ("new, adjusted", "old, adjusted", False),
    "CUPED, known control": ("new, adjusted", "old, adjusted", True),
    "same requests": ("new", "same", False),
}
"""How a trial is read: what it is told of the new lists, of the old ones, and whether the old lists' level is
that of this trial, or of all trials so far: they run all the time. The last is a luxury of a simulator, which
shows both lists to the same requests."""


def named(u: Array) -> dict[str, float]:
    """Weights from their logarithms."""
    return dict(zip(NAMES, (10.0**u).tolist(), strict=True))


class Platform:
    """Requests of some users: what the model predicts of their candidates, and what is true of them.

    Attributes:
        feed: the requests.
        predictions: of the model, by name, each (requests, candidates).
        old: the lists that the old weights show, (requests, places).
        known: clicks and seconds that the model expects of the old lists, before anything is shown; the
            covariates of CUPED, (requests, 2).
    """

    def __init__(self, feed: Feed, predictor: Predictor) -> None:
        self.feed, self.predictions = feed, feed.predictions(predictor)
        asked = feed.requests.context | feed.requests.circumstances
        truth = feed.world.truth(item=feed.items, **asked)  # in the first place, (requests, candidates)
        self._truth = np.stack([getattr(truth, part.name) for part in fields(Truth)], axis=-1)
        self._rates = _both(per_impression(feed.rates))
        self._looks = feed.world.examination(SHOWN)  # (places,)
        self.everybody = np.arange(len(feed.items))
        self.old = self.lists(OLD, self.everybody)
        self.known = self._totals(_both(per_impression(self.predictions)), self.old, self.everybody)

    def lists(self, weights: dict[str, float], asked: NDArray[np.intp]) -> NDArray[np.intp]:
        """What these weights show to these requests, (asked, places)."""
        return top_k(
            click_times_rest({name: p[asked] for name, p in self.predictions.items()}, weights), SHOWN
        )

    def expected(self, shown: NDArray[np.intp], asked: NDArray[np.intp]) -> Array:
        """True clicks and seconds to be expected of lists, (asked, 2)."""
        return self._totals(self._rates, shown, asked)

    def _totals(self, outcomes: dict[str, Array], shown: NDArray[np.intp], asked: NDArray[np.intp]) -> Array:
        its = {name: values[asked] for name, values in outcomes.items()}
        return np.column_stack(list(expected_totals(shown, its, self._looks).values()))

    def draw(self, shown: NDArray[np.intp], asked: NDArray[np.intp], rng: np.random.Generator) -> Array:
        """Clicks and seconds that lists happen to bring, (asked, 2)."""
        parts = np.moveaxis(self._truth[asked[:, None], shown], -1, 0)  # (parts, asked, places)
        truth = Truth(**{part.name: values for part, values in zip(fields(Truth), parts, strict=True)})
        clicked: Any = truth.p_click * self._looks  # 64 bits, which a draw takes as well as 32
        drawn = replace(truth, p_click=clicked).draw(rng)
        return np.column_stack(
            [drawn["click"].sum(axis=1), drawn["watch_time"].sum(axis=1, dtype=np.float64)]
        )

    def adjusted(self, outcomes: Array, asked: NDArray[np.intp]) -> Array:
        """Outcomes less what was known before, by CUPED, (asked, 2)."""
        level = self.known.mean(axis=0)
        columns = [adjusted(outcomes[:, k], self.known[asked, k], float(level[k])) for k in range(len(level))]
        return np.column_stack(columns)


def _both(outcomes: dict[str, Array]) -> dict[str, Array]:
    """Clicks and seconds alone."""
    return {name: outcomes[name] for name in ("click", "watch_time")}


class Truthful:
    """Trials that are told the truth about the first requests of a platform, which only a simulator knows."""

    def __init__(self, platform: Platform, requests: int) -> None:
        self.platform, self.asked = platform, platform.everybody[:requests]
        self.before = platform.expected(platform.old[self.asked], self.asked).mean(axis=0)
        self.tried: list[Array] = []
        self.found: list[Array] = []

    def change(self, u: Array) -> Array:
        """Relative change of clicks and seconds, (2,)."""
        shown = self.platform.lists(named(u), self.asked)
        return self.platform.expected(shown, self.asked).mean(axis=0) / self.before - 1.0

    def __call__(self, u: Array) -> Array:
        """One trial; what it is told, clicks and seconds, (2,)."""
        self.tried.append(np.array(u))
        self.found.append(self.change(u))
        return self.found[-1]

    def changes(self, reading: str, trials: int) -> Array:
        """What the first trials were told, (trials, 2); there is one way to read it."""
        return np.array(self.found[:trials])

    def errors(self, reading: str, trials: int) -> Array:
        """Standard errors of the changes of clicks, (trials,)."""
        return np.zeros(trials)


class Live:
    """Trials as small tests: some requests get the new lists, as many others the old ones.

    Each trial asks ``2 requests`` different requests of the platform, at random. ``reading`` is how a search
    hears of a trial while it runs; any other reading can be had afterwards.
    """

    def __init__(self, platform: Platform, requests: int, reading: str, rng: np.random.Generator) -> None:
        self.platform, self.requests, self.reading, self.rng = platform, requests, reading, rng
        self.tried: list[Array] = []
        self.means: dict[str, list[Array]] = {}
        self.variances: dict[str, list[float]] = {}

    def __call__(self, u: Array) -> Array:
        """One trial; what it is told, clicks and seconds, (2,)."""
        chosen = self.rng.permutation(len(self.platform.everybody))[: 2 * self.requests]
        asked, others = np.sort(chosen[: self.requests]), np.sort(chosen[self.requests :])  # faster to read
        old_lists = self.platform.old
        new = self.platform.draw(self.platform.lists(named(u), asked), asked, self.rng)
        old = self.platform.draw(old_lists[others], others, self.rng)
        told = {
            "new": new,
            "old": old,
            "new, adjusted": self.platform.adjusted(new, asked),
            "old, adjusted": self.platform.adjusted(old, others),
            "same": self.platform.draw(old_lists[asked], asked, self.rng),
        }
        for name, outcomes in told.items():
            self.means.setdefault(name, []).append(outcomes.mean(axis=0))
            self.variances.setdefault(name, []).append(float(outcomes[:, 0].var()) / self.requests)
        apart = float((new - told["same"])[:, 0].var()) / self.requests
        self.variances.setdefault("new less same", []).append(apart)
        self.tried.append(np.array(u))
        return self.changes(self.reading, len(self.tried))[-1]

    def changes(self, reading: str, trials: int) -> Array:
        """Relative changes of clicks and seconds of the first trials as they are read, (trials, 2)."""
        new, old = self._levels(reading, trials)
        return new / old - 1.0

    def _levels(self, reading: str, trials: int) -> tuple[Array, Array]:
        new, old, always = READINGS[reading]
        before = np.array(self.means[old][:trials])
        return np.array(self.means[new][:trials]), before.mean(axis=0, keepdims=True) if always else before

    def errors(self, reading: str, trials: int) -> Array:
        """Standard errors of the changes of clicks, as a test would report them (delta method), (trials,)."""
        name_of_new, name_of_old, always = READINGS[reading]
        new, old = self._levels(reading, trials)
        if reading == "same requests":
            variance = np.array(self.variances["new less same"][:trials])
        else:
            variance = np.array(self.variances[name_of_new][:trials])
            if not always:
                ratio = (new / old)[:, 0]
                variance = variance + ratio**2 * np.array(self.variances[name_of_old][:trials])
        return np.sqrt(variance) / old[:, 0]


def smoothed(tried: list[Array], told: Array) -> tuple[Array, Array]:
    """Posterior mean of the changes at every trial, and its standard deviation for clicks.

    Clicks and seconds have a Gaussian process each over the logarithms of the weights, with a length for each
    weight and a noise of trials that is fitted along: what neighbours were told counts, too.

    Args:
        tried: logarithms of the weights of each trial.
        told: clicks and seconds, (trials, 2).
    """
    x = (np.array(tried) - LOW) / (HIGH - LOW)  # (trials, weights), in [0, 1]
    means, spreads = [], []
    for y in told.T:
        kernel = ConstantKernel(1.0, (1e-3, 1e3)) * RBF(np.ones(x.shape[1]), (0.05, 100.0))
        process = GaussianProcessRegressor(
            kernel + WhiteKernel(0.5, (1e-8, 10.0)), normalize_y=True, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a weight that does not matter has no length
            mean, spread = process.fit(x, y).predict(x, return_std=True)
        noise = process.kernel_.k2.noise_level * y.std() ** 2  # which the spread of a new trial holds
        means.append(mean)
        spreads.append(np.sqrt(np.maximum(spread**2 - noise, 0.0)))
    return np.column_stack(means), spreads[0]
