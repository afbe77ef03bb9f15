"""Which weights bring more minutes and no fewer clicks, and does that hold for other users? Chapter 5.

    python -m experiments.fusion.weights [--seeds 10] [--out FILE]

For each log, half of the users are there to choose weights by, the others to check the choice. Each formula
is tried with 200 random settings (the picture of clicks against minutes). Then weights of p_click (1 + Σ w p)
are searched for: as many minutes as possible, and no fewer clicks than with the weights of chapter 1. Two
searches, random and differential evolution, get 240 trials each. A trial is judged in one of two ways: by the
truth, which only a simulator knows, or by what 1,000 or 10,000 requests happened to bring; the weights of
chapter 1, whose clicks are the bar, are judged likewise, once. The choice is then checked by the truth on the
other users. Takes about five minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import differential_evolution

from experiments.fusion.setting import OLD, SHOWN, learnt
from experiments.logs import world
from experiments.running import each, record
from ranking import fusion
from ranking.funnel.feed import Feed

SETTINGS, TRIALS, POPSIZE, REQUESTS = 200, 240, 6, 1_000
TOTALS = ("click", "like", "collect", "share", "watch_time")

BASELINE = OLD
NAMES = tuple(BASELINE)
LOW = np.log10([0.01, 0.01, 0.01, 0.00001])
HIGH = np.log10([30.0, 30.0, 30.0, 0.3])
"""Weights are drawn evenly in their logarithm between these."""
JUDGES = {"truth": None, "1,000 requests": 1_000, "10,000 requests": 10_000}

Score = Callable[[dict[str, np.ndarray], np.ndarray], np.ndarray]


def named(u: np.ndarray) -> dict[str, float]:
    """Weights from their logarithms."""
    return dict(zip(NAMES, (10.0**u).tolist(), strict=True))


def e1(p: dict[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    return fusion.weighted_sum(p, {"click": 1.0, **named(u)})


def e2(p: dict[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    return fusion.click_times_rest(p, named(u))


def e3(p: dict[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    """With exponents of 1 and a click factor that is nearly p_click."""
    return fusion.product_of_powers(p, {"click": 1000.0, **named(u)}, dict.fromkeys(p, 1.0))


def by_rank(p: dict[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    """Seconds need a small weight as numbers; as an order they count like any other prediction."""
    w = named(u)
    return fusion.rank_fusion(p, {"click": 1.0, **w, "watch_time": 100.0 * w["watch_time"]}, offset=10.0)


FORMULAS: dict[str, Score] = {
    "weighted sum": e1,
    "click times rest": e2,
    "product of powers": e3,
    "ranks": by_rank,
}


class Trials:
    """Shows lists to some users and says what came of it.

    Attributes:
        feed: requests of these users.
        predictions: of the model for them.
        sample: None to be told the truth; else how many requests each trial gets, whose outcomes are drawn.
        rng: for the outcomes.
        floor: clicks per request that a setting must bring.
        history: logarithms of the weights, clicks and seconds per request of every trial, as they were told.
    """

    def __init__(
        self, feed: Feed, predictions: dict[str, np.ndarray], sample: int | None, rng: np.random.Generator
    ) -> None:
        self.feed, self.predictions, self.sample, self.rng = feed, predictions, sample, rng
        self.floor, self.before = self.measure(BASELINE)
        self.history: list[tuple[np.ndarray, float, float]] = []

    def measure(self, weights: dict[str, float]) -> tuple[float, float]:
        """Clicks and seconds per request under these weights."""
        shown = fusion.top_k(fusion.click_times_rest(self.predictions, weights), SHOWN)
        if self.sample is None:
            totals = self.feed.totals(shown)
            return float(totals["click"].mean()), float(totals["watch_time"].mean())
        asked = self.rng.integers(len(shown), size=self.sample)  # (showings,)
        drawn = self.feed.draw(shown, self.rng, asked)
        return float(drawn["click"].sum(axis=1).mean()), float(drawn["watch_time"].sum(axis=1).mean())

    def __call__(self, u: np.ndarray) -> float:
        """One trial, and what a search maximises: seconds; with too few clicks less than any seconds."""
        clicks, seconds = self.measure(named(u))
        self.history.append((np.array(u), clicks, seconds))
        return self.value(clicks, seconds)

    def value(self, clicks: float, seconds: float) -> float:
        return seconds if clicks >= self.floor else 100.0 * (clicks / self.floor - 1.0)

    def best(self) -> tuple[np.ndarray, float, float]:
        """The trial that looked best, with the numbers that made it so."""
        return max(self.history, key=lambda trial: self.value(*trial[1:]))


def random_search(trials: Trials, rng: np.random.Generator) -> None:
    for u in rng.uniform(LOW, HIGH, (TRIALS, len(NAMES))):
        trials(u)


def evolution(trials: Trials, rng: np.random.Generator) -> None:
    """SciPy's differential evolution; population and generations make as many trials."""
    per_generation = POPSIZE * len(NAMES)
    differential_evolution(
        lambda u: -trials(u),
        bounds=list(zip(LOW, HIGH, strict=True)),
        popsize=POPSIZE,
        maxiter=TRIALS // per_generation - 1,
        tol=0.0,
        polish=False,
        rng=rng,
    )


SEARCHES = {"random": random_search, "evolution": evolution}


def change(now: float, before: float) -> float:
    return now / before - 1.0


def search(
    choosing: Feed, checking: Feed, p: dict[str, dict[str, np.ndarray]], seed: int
) -> list[dict[str, Any]]:
    """Every search under every judge: what it was told of its choice, and what is true for other users."""
    check = Trials(checking, p["checking"], None, np.random.default_rng(0))
    found = []
    for judged_by, sample in JUDGES.items():
        for number, (name, method) in enumerate(SEARCHES.items()):
            rng = np.random.default_rng((seed, number))
            trials = Trials(choosing, p["choosing"], sample, rng)
            method(trials, rng)
            u, clicks, seconds = trials.best()
            fresh_clicks, fresh_seconds = check.measure(named(u))
            found.append(
                {
                    "judge": judged_by,
                    "search": name,
                    "trials": len(trials.history),
                    "weights": {key: value for key, value in named(u).items()},
                    "told": {
                        "clicks": change(clicks, trials.floor),
                        "seconds": change(seconds, trials.before),
                    },
                    "fresh": {
                        "clicks": change(fresh_clicks, check.floor),
                        "seconds": change(fresh_seconds, check.before),
                    },
                }
            )
    return found


def cloud(feed: Feed, p: dict[str, np.ndarray], seed: int) -> dict[str, list[list[float]]]:
    """True totals per request of random settings of each formula: one row of ``TOTALS`` per setting."""
    settings = np.random.default_rng((seed, 9)).uniform(LOW, HIGH, (SETTINGS, len(NAMES)))
    points = {}
    for name, score in FORMULAS.items():
        totals = [feed.totals(fusion.top_k(score(p, u), SHOWN)) for u in settings]
        points[name] = [[t[total].mean() for total in TOTALS] for t in totals]
    ends = {"click only": p["click"], "baseline": fusion.click_times_rest(p, BASELINE)}
    for name, scores in ends.items():
        t = feed.totals(fusion.top_k(scores, SHOWN))
        points[name] = [[t[total].mean() for total in TOTALS]]
    return points


def most_seconds(points: dict[str, list[list[float]]]) -> dict[str, float | None]:
    """Per formula, the most seconds among settings with no fewer clicks than the baseline, relative to it."""
    floor, *_, before = points["baseline"][0]
    best = {}
    for name in FORMULAS:
        seconds = [row[-1] for row in points[name] if row[0] >= floor]
        best[name] = change(max(seconds), before) if seconds else None
    return best


def run(seed: int, impressions: int) -> dict[str, Any]:
    """One log: the cloud of settings, and every search."""
    log, predictor = learnt(seed, impressions)
    halves = np.array_split(np.random.default_rng(seed).permutation(len(log.users)), 2)
    choosing = Feed.at_end(world(), log, REQUESTS, seed=2 * seed, users=halves[0])
    checking = Feed.at_end(world(), log, REQUESTS, seed=2 * seed + 1, users=halves[1])
    p = {"choosing": choosing.predictions(predictor), "checking": checking.predictions(predictor)}
    points = cloud(choosing, p["choosing"], seed)
    return {
        "seed": seed,
        "cloud": points,
        "most_seconds": most_seconds(points),
        "searches": search(choosing, checking, p, seed),
    }


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every search on every log."""
    runs = [run(seed, impressions) for seed in each(seeds)]
    for entry in runs[1:]:  # the whole cloud is kept once, for the picture
        del entry["cloud"]
    return {
        "question": "Which weights bring more minutes and no fewer clicks, and for other users?",
        "impressions": impressions,
        "requests": REQUESTS,
        "candidates": 100,
        "shown": SHOWN,
        "trials": TRIALS,
        "totals": TOTALS,
        "baseline": BASELINE,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=10)
