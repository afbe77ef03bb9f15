"""What do tuned formulas of fusion bring, and what does each ask of its predictions? Chapter 5.

    python -m experiments.fusion.formulas [--seeds 6] [--trials 250] [--out FILE]

Six worlds, a million impressions each, and in each a model with five heads trained on one negative in ten.
Half of the users choose: 1,000 requests of theirs, 100 candidates, ten of which are shown. The others check:
2,000 requests. Everything shown is valued by the truth, in the search as well: no noise misleads it, so that
what is left between two formulas is what is left when choosing is perfect.

1. Untuned: every formula at prices that were made for click times the rest (E2), the lesson of this record.
2. Tuned: the free numbers of each formula get the same number of trials of the same search, under each of
   three goals: two worths, and most seconds with no fewer clicks than the old weights have. In the first two
   worlds 1,000 trials say whether that number decides. E2 given the true rates is a ceiling.
3. What is asked of predictions: numbers tuned for the first goal stay while the predictions change: the click
   comes uncalibrated, or watch time in minutes. Then the numbers are tuned anew for the uncalibrated click.
   For minutes that would be idle: 60 times the weight of seconds gives each formula back its order.

It was predicted that the weighted sum (E1) loses most of what it loses untuned by having wrong prices; that
formulas which hold E2 as a special case, or nearly (E3), tie with it, and those that see only the order lose
some per cent; and that the uncalibrated click harms E1 most, then E2, and ranks not at all, but none once
tuned anew. Takes about four minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from experiments.fusion.setting import OLD, SHOWN, halves, learnt
from experiments.logs import world
from experiments.running import each, record
from ranking import fusion
from ranking.funnel.feed import Feed, Predictor
from ranking.logs import TARGETS, ImpressionLog
from ranking.validation import Array

SAMPLING_RATE = 0.1
SEARCH_REQUESTS, FRESH_REQUESTS = 1_000, 2_000
MORE_TRIALS, MORE_WORLDS = 1_000, 2
NAMES = (*TARGETS, "watch_time")
REST = {"like": 5.0, "collect": 5.0, "share": 5.0, "watch_time": 0.01}
"""Worth of a like, a collect, a share and a second beside a click of 1."""
PRICES = {"worth": REST, "dear worth": {"like": 20.0, "collect": 20.0, "share": 40.0, "watch_time": 0.05}}
"""The two goals that are a worth per request. The third, ``SECONDS``, is a total under a constraint."""
SECONDS = "seconds at the old clicks"
GOALS = (*PRICES, SECONDS)
EXPONENTS = dict.fromkeys(NAMES, 1.0)
REFERENCE = "click times the rest"

Predictions = Mapping[str, Array]

# --- 1. every formula at prices that were made for E2 -----------------------------------------------------

UNTUNED: dict[str, Callable[[Predictions], Array]] = {
    "click alone": lambda p: p["click"],
    "weighted sum": lambda p: fusion.weighted_sum(p, {"click": 1.0, **REST}),
    REFERENCE: lambda p: fusion.click_times_rest(p, REST),
    "powers, exponents 1": lambda p: fusion.product_of_powers(p, {"click": 1.0, **REST}, EXPONENTS),
    # a click term that is steep from 0 on: 1 + 1000 p_click is nearly p_click itself
    "powers, steep click": lambda p: fusion.product_of_powers(p, {"click": 1000.0, **REST}, EXPONENTS),
    "ranks": lambda p: fusion.rank_fusion(p, EXPONENTS, offset=10.0),
    "e-commerce": lambda p: fusion.commerce_product(p, {**dict.fromkeys(NAMES, 0.25), "click": 1.0}),
}


# --- 2. formulas with free numbers ------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """Predictions, (requests, candidates) each, in the forms that the formulas add up: each is made once."""

    p: Predictions

    @cached_property
    def plain(self) -> Array:
        return _stack(self.p)

    @cached_property
    def per_impression(self) -> Array:
        return _stack(fusion.per_impression(self.p))

    @cached_property
    def percentiles(self) -> Array:
        return _stack({name: fusion.percentiles(values) for name, values in self.p.items()})

    @cached_property
    def logarithms(self) -> Array:
        return np.log(self.plain)

    @cached_property
    def places(self) -> np.ndarray:
        """The rank of each, from 0."""
        return np.stack([fusion.ranks(self.p[name]) for name in NAMES]) - 1


def _stack(p: Predictions) -> Array:
    return np.stack([p[name] for name in NAMES])


def _added(terms: Array, weights: Array) -> Array:
    """Σ_k w_k terms_k, (requests, candidates)."""
    return (weights @ terms.reshape(len(terms), -1)).reshape(terms.shape[1:])


def _after_click(weights: Array) -> Array:
    """Weights or exponents of all but the click, behind that of the click, which is 1."""
    return np.concatenate(([1.0], weights))


@dataclass(frozen=True)
class Formula:
    """A score with free numbers, each searched for evenly in its logarithm between two bounds.

    The score orders as the formula of :mod:`ranking.fusion` does, whose logarithm it may be: the tests
    compare them.
    """

    score: Callable[[Prepared, Array], Array]
    bounds: Mapping[str, tuple[float, float]]

    @property
    def box(self) -> Array:
        """Logarithms to base 10 of the bounds, (numbers, 2)."""
        return np.log10(list(self.bounds.values())).reshape(-1, 2)


RATE, SECOND, POWER = (1e-3, 1e2), (1e-5, 1.0), (1e-2, 1e1)
WEIGHTS = {"like": RATE, "collect": RATE, "share": RATE, "watch_time": SECOND}
UNITLESS = dict.fromkeys(NAMES[1:], RATE)
E3 = {"click": (1e-2, 1e4), **WEIGHTS}

FORMULAS = {
    "click alone": Formula(lambda p, x: p.plain[0], {}),
    "weighted sum": Formula(lambda p, x: _added(p.plain, _after_click(x)), WEIGHTS),
    REFERENCE: Formula(lambda p, x: _added(p.per_impression, _after_click(x)), WEIGHTS),
    "powers, exponents 1": Formula(lambda p, x: np.log1p(x[:, None, None] * p.plain).sum(axis=0), E3),
    "powers": Formula(
        lambda p, x: _added(np.log1p(x[:5, None, None] * p.plain), _after_click(x[5:])),
        {**E3, **{f"{name}, exponent": POWER for name in NAMES[1:]}},
    ),
    "ranks": Formula(
        lambda p, x: _by_ranks(p, _after_click(x[:4]), x[4], x[5]),
        {**UNITLESS, "power": (0.1, 3.0), "offset": (0.1, 300.0)},
    ),
    "percentiles": Formula(lambda p, x: _added(p.percentiles, _after_click(x)), UNITLESS),
    "e-commerce": Formula(
        lambda p, x: _added(p.logarithms, _after_click(x)), dict.fromkeys(NAMES[1:], (1e-3, 1e1))
    ),
}


def _by_ranks(p: Prepared, weights: Array, power: float, offset: float) -> Array:
    given = 1.0 / (np.arange(1.0, p.places.shape[-1] + 1.0) ** power + offset)  # (candidates,)
    score = weights[0] * given[p.places[0]]
    for weight, place in zip(weights[1:], p.places[1:], strict=True):
        score += weight * given[place]
    return score


def shown_by(score: Array) -> np.ndarray:
    """The first ten of every request, (requests, 10)."""
    return fusion.top_k(score, SHOWN)


class Judge:
    """Values lists of a feed by the truth, under one goal.

    Attributes:
        floor: clicks per request that the third goal asks for: those of the old weights on these requests.
    """

    def __init__(self, feed: Feed, p: Predictions, goal: str) -> None:
        self.looks = feed.world.examination(SHOWN)
        brings = fusion.per_impression(feed.rates)
        self.outcomes = {name: brings[name] for name in ("click", "watch_time")}
        self.floor = 0.0
        if goal in PRICES:
            self.outcomes = {"worth": fusion.weighted_sum(brings, {"click": 1.0, **PRICES[goal]})}
        else:
            self.floor = self.totals(fusion.click_times_rest(p, OLD))["click"]

    def totals(self, score: Array) -> dict[str, float]:
        """Expected totals per request of the lists that a score makes."""
        totals = fusion.expected_totals(shown_by(score), self.outcomes, self.looks)
        return {name: float(values.mean()) for name, values in totals.items()}

    def told(self, score: Array) -> dict[str, float]:
        """What is written down: the value, and with the third goal the clicks against those wished for."""
        totals = self.totals(score)
        if "worth" in totals:
            return {"value": totals["worth"]}
        return {"value": totals["watch_time"], "clicks": totals["click"] / self.floor - 1.0}

    def __call__(self, score: Array) -> float:
        """What a search maximises; with too few clicks less than any seconds."""
        told = self.told(score)
        lacking = told.get("clicks", 0.0)
        return told["value"] if lacking >= 0.0 else 100.0 * lacking


def search(value: Callable[[Array], float], box: Array, trials: int, rng: np.random.Generator) -> Array:
    """The best of so many points of a box, (numbers, 2): three tenths at random, then steps from good ones.

    A step starts at one of the ten best points so far. Its length shrinks from three tenths of the box to a
    hundredth. With no free number there is nothing to search.
    """
    if not len(box):
        return np.empty(0)
    low, high = box.T
    random = 3 * trials // 10
    points = list(rng.uniform(low, high, (random, len(box))))
    values = [value(point) for point in points]
    for length in np.geomspace(0.3, 0.01, trials - random):
        start = points[int(rng.choice(np.argsort(values)[-10:]))]
        step = rng.normal(size=len(box)) * length * (high - low)
        points.append(np.clip(start + step, low, high))
        values.append(value(points[-1]))
    return 10.0 ** points[int(np.argmax(values))]


def tuned(formula: Formula, p: Prepared, judge: Judge, trials: int, seed: int) -> Array:
    """The free numbers of a formula that bring a judge's requests most."""
    return search(
        lambda u: judge(formula.score(p, 10.0**u)), formula.box, trials, np.random.default_rng((seed, 1))
    )


def changed(before: np.ndarray, after: np.ndarray) -> float:
    """Mean share of the ten places that go to another item than before."""
    kept = (before[:, :, None] == after[:, None, :]).any(axis=2).mean()
    return 1.0 - kept


@dataclass(frozen=True)
class Case:
    """One world: its log and model, requests to choose by and to check by, and the predictions for both.

    ``users`` are those that choose, ``others`` those that check. ``p`` holds calibrated predictions for
    "search" and "fresh", ``raw`` those with an uncalibrated click.
    """

    seed: int
    log: ImpressionLog
    predictor: Predictor
    users: np.ndarray
    others: np.ndarray
    searching: Feed
    fresh: Feed
    p: Mapping[str, Prepared]
    raw: Mapping[str, Prepared]

    @classmethod
    def of(cls, seed: int, impressions: int) -> Case:
        its = world(seed)
        log, predictor = learnt(seed, impressions, SAMPLING_RATE, world_seed=seed)
        first, second = halves(log, seed)
        searching = Feed.at_end(its, log, SEARCH_REQUESTS, seed=2 * seed, users=first)
        fresh = Feed.at_end(its, log, FRESH_REQUESTS, seed=2 * seed + 1, users=second)
        feeds = {"search": searching, "fresh": fresh}
        calibrated, raw = (
            {name: Prepared(feed.predictions(predictor, how)) for name, feed in feeds.items()}
            for how in (True, False)
        )
        return cls(seed, log, predictor, first, second, searching, fresh, calibrated, raw)

    @cached_property
    def truth(self) -> Mapping[str, Prepared]:
        return {"search": Prepared(self.searching.rates), "fresh": Prepared(self.fresh.rates)}

    def judges(self, goal: str) -> dict[str, Judge]:
        feeds = {"search": self.searching, "fresh": self.fresh}
        return {name: Judge(feed, self.p[name].p, goal) for name, feed in feeds.items()}


def untuned(case: Case) -> dict[str, dict[str, float]]:
    """Totals and worth per fresh request of every formula at the prices of E2, and of random lists."""
    p = case.p["fresh"].p
    scores = {name: score(p) for name, score in UNTUNED.items()}
    scores["random"] = np.random.default_rng(case.seed).random(p["click"].shape)
    scores["ceiling: click times the rest on true rates"] = UNTUNED[REFERENCE](case.fresh.rates)
    found = {}
    for name, score in scores.items():
        totals = case.fresh.totals(shown_by(score))
        means = {total: float(values.mean()) for total, values in totals.items()}
        found[name] = {**means, "worth": means["click"] + sum(REST[k] * means[k] for k in REST)}
    return found


def compared(case: Case, goal: str, trials: int) -> dict[str, dict[str, Any]]:
    """Every formula at numbers tuned for a goal: those numbers, and the value on both halves of the users.

    "against E2" is that value over the one of tuned E2, less 1, on the users that chose and on fresh ones.
    """
    judges = case.judges(goal)
    found: dict[str, dict[str, Any]] = {}

    def add(name: str, formula: Formula, p: Mapping[str, Prepared], x: Array) -> None:
        told = {half: judge.told(formula.score(p[half], x)) for half, judge in judges.items()}
        found[name] = {"numbers": dict(zip(formula.bounds, x, strict=True)), **told}

    for name, formula in FORMULAS.items():
        add(name, formula, case.p, tuned(formula, case.p["search"], judges["search"], trials, case.seed))
    e2 = FORMULAS[REFERENCE]
    own = PRICES.get(goal, OLD)
    add("untuned E2", e2, case.p, np.array([own[name] for name in NAMES[1:]]))
    x = tuned(e2, case.truth["search"], judges["search"], trials, case.seed)
    add("ceiling: tuned E2 on true rates", e2, case.truth, x)
    for entry in found.values():
        entry["against E2"] = {
            half: entry[half]["value"] / found[REFERENCE][half]["value"] - 1.0 for half in judges
        }
    return found


def asked_of_predictions(
    case: Case, numbers: Mapping[str, Mapping[str, float]], trials: int
) -> dict[str, dict[str, dict[str, float]]]:
    """What happens to tuned formulas when predictions change: places exchanged, and change of worth."""
    judges = case.judges("worth")
    p = case.p["fresh"]
    minutes = Prepared({**p.p, "watch_time": p.p["watch_time"] / 60.0})
    found = {}
    for name, formula in FORMULAS.items():
        x = np.array([numbers[name][key] for key in formula.bounds])
        before = formula.score(p, x)
        worth = judges["fresh"](before)

        def told(after: Array, before: Array = before, worth: float = worth) -> dict[str, float]:
            return {
                "exchanged": changed(shown_by(before), shown_by(after)),
                "worth": judges["fresh"](after) / worth - 1.0,
            }

        anew = tuned(formula, case.raw["search"], judges["search"], trials, case.seed)
        found[name] = {
            "uncalibrated click": told(formula.score(case.raw["fresh"], x)),
            "uncalibrated click, tuned anew": told(formula.score(case.raw["fresh"], anew)),
            "minutes": told(formula.score(minutes, x)),
        }
    return found


def run(seed: int, impressions: int, trials: int) -> dict[str, Any]:
    """One world: every formula untuned and tuned, and what each asks of its predictions."""
    case = Case.of(seed, impressions)
    tuned_for = {goal: compared(case, goal, trials) for goal in GOALS}
    numbers = {name: tuned_for["worth"][name]["numbers"] for name in FORMULAS}
    found = {
        "seed": seed,
        "untuned": untuned(case),
        "tuned": tuned_for,
        "asked": asked_of_predictions(case, numbers, trials),
    }
    if seed < MORE_WORLDS:
        found["more trials"] = compared(case, "worth", MORE_TRIALS)
    return found


def measure(seeds: range, trials: int = 250, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every formula in every world."""
    return {
        "question": "What do tuned formulas of fusion bring, and what does each ask of its predictions?",
        "worlds": list(seeds),
        "impressions": impressions,
        "requests": {"search": SEARCH_REQUESTS, "fresh": FRESH_REQUESTS},
        "candidates": 100,
        "shown": SHOWN,
        "sampling_rate": SAMPLING_RATE,
        "trials": trials,
        "more_trials": MORE_TRIALS,
        "prices": PRICES,
        "old": OLD,
        "bounds": {name: formula.bounds for name, formula in FORMULAS.items()},
        "runs": [run(seed, impressions, trials) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=6)
