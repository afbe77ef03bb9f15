"""What place-by-place estimates from randomised lists assume, and what happens when it is not so. Chapter 5.

    python -m experiments.fusion.neighbours [--seeds 8] [--repeats 200] [--out FILE]

On the simulator's randomised requests each of the ten items had the same chance of every place. So a new
order of them can be valued place by place: an item counts ten times where the new order has it at that
very place. That is right if a click depends on item and place alone, as it does in these worlds. First
the estimates of four orders stand beside the truth, in eight worlds. Then the users change; items, orders
and lists stay:

- *leaving*: whoever clicks leaves the list with the given chance, and places below are not looked at;
- *tiring*: n items of the same topic above take strength · ln(1 + n) off the logit of the click. It is the
  rule of :mod:`ranking.simulator.sessions` within one list; the strength in a session's world is 0.3.

What the estimate is on average is computed without the noise of clicks: each item once at the place where the
new order has it, with the other nine in random orders around it. The truth is that of the whole order. Last,
what it costs to assume less. Takes about three minutes on one core.

Expected before the run:

1. At a strength of 0 there is no bias (the control), and it grows with the strength.
2. Leaving: too high for an order that puts good items first, as in the log a random list stood above each;
   too low for the worst first; by up to a tenth at a chance of 1. Old and new weights are off alike, so their
   difference is spared; that between best and worst first comes out too large.
3. Tiring: too high by a few per cent for orders by score, which bring items of one topic together; too low
   for an order that keeps topics apart. At 0.3 by less than 2%; at 2 the estimate names the wrong one of the
   two.
4. Weights that let the items above matter have no bias from leaving, at ten times the spread or more from the
   third place on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from experiments.fusion.setting import NEW, OLD, learnt
from experiments.logs import SLATE, whole_requests, world
from experiments.running import each, record
from ranking import fusion
from ranking.evaluation import slate_propensity
from ranking.validation import Array

Order = NDArray[np.intp]
"""Columns of the ten items, best first, (requests, places)."""
LEAVING = (0.0, 0.25, 0.5, 0.75, 1.0)
TIRING = (0.0, 0.3, 0.6, 1.0, 2.0)
STRENGTHS = {"leaving": LEAVING, "tiring": TIRING}
LISTS = 8
"""Random lists around each item of an order, over which the estimate's average is taken."""
LEAVES = 0.5
"""The chance of leaving with which the cost of assuming less is measured."""
MOST_PLACES = 4
"""So many places at the top are valued there."""


class Slates:
    """Randomised lists of one world: rates, topics and orders of their ten items, each (requests, 10).

    ``rate`` is the chance of a click at a place that everybody looks at, and the columns are in the order
    that was shown; ``clicks`` are those of the log.
    """

    def __init__(self, seed: int, impressions: int) -> None:
        its = world(seed)
        _, predictor = learnt(seed, impressions, world_seed=seed)
        log = its.simulate(impressions, seed=1_000 + seed).with_statistics().after(days=10)
        log = log.select(log.rows["randomised"].to_numpy() & whole_requests(log))
        p = {name: values.reshape(-1, SLATE) for name, values in predictor.predict(log).items()}
        names = ("user", "item", "hour", "weekday", "scene")
        shown = {name: log.rows[name].to_numpy().reshape(-1, SLATE) for name in names}
        self.clicks = log.label("click").reshape(-1, SLATE)
        self.rate = its.truth(**shown).p_click.astype(np.float64)
        self.topic = its.item_topic[shown["item"]]
        self.examined = its.examination(SLATE)  # (places,)
        new = fusion.order(fusion.click_times_rest(p, NEW))
        repeats = earlier_of_topic(np.take_along_axis(self.topic, new, axis=1))
        apart = np.argsort(repeats, axis=1, kind="stable")  # every topic's first one, then every second one
        self.orders = {
            "new weights": new,
            "old weights": fusion.order(fusion.click_times_rest(p, OLD)),
            "topics apart": np.take_along_axis(new, apart, axis=1),
            "worst first": new[:, ::-1],
        }

    def __len__(self) -> int:
        return len(self.rate)

    def chance(self, order: Order, place: int, users: str, strength: float) -> Array:
        """Chance of a click at a place, counted from 0, of lists in this order, (requests,)."""
        rate = np.take_along_axis(self.rate, order[:, : place + 1], axis=1)  # (requests, place + 1)
        if users == "leaving":
            clicks = self.examined[: place + 1] * rate
            return clicks[:, -1] * np.prod(1.0 - strength * clicks[:, :-1], axis=1)
        topic = np.take_along_axis(self.topic, order[:, : place + 1], axis=1)
        above = (topic[:, :-1] == topic[:, -1:]).sum(axis=1)
        return self.examined[place] * expit(logit(rate[:, -1]) - strength * np.log1p(above))

    def truth(self, order: Order, users: str, strength: float, places: int = SLATE) -> float:
        """Clicks per request at the first places of an order."""
        return float(sum(self.chance(order, k, users, strength).mean() for k in range(places)))

    def on_average(self, order: Order, users: str, strength: float, rng: np.random.Generator) -> float:
        """What the place-by-place estimate of an order's clicks is on average over the logs."""
        total = 0.0
        for _ in range(LISTS):
            random = random_orders(len(self), rng)
            for place in range(SLATE):
                total += self.chance(with_item_at(random, order, place), place, users, strength).mean()
        return total / LISTS

    def draw(self, order: Order, leaves: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Clicks of users who leave after a click with a chance, (requests, places)."""
        rate = self.examined * np.take_along_axis(self.rate, order, axis=1)
        clicks = rng.random(rate.shape) < rate
        going = clicks & (rng.random(rate.shape) < leaves)
        gone = np.cumsum(going, axis=1) > going  # somebody above has left
        return np.asarray(clicks & ~gone)


def earlier_of_topic(topic: NDArray[Any]) -> NDArray[np.int64]:
    """How many items of the same topic stand above each, (requests, places)."""
    same = topic[:, :, None] == topic[:, None, :]  # (requests, places, places)
    return np.asarray(np.tril(same, k=-1).sum(axis=2))


def random_orders(requests: int, rng: np.random.Generator) -> Order:
    """Every order of ten with the same chance, (requests, 10)."""
    return np.argsort(rng.random((requests, SLATE)), axis=1)


def with_item_at(random: Order, order: Order, place: int) -> Order:
    """Random lists in which the item that an order has at a place has changed places with who stood there."""
    wanted = order[:, [place]]
    at = np.argmax(random == wanted, axis=1)[:, None]
    swapped = random.copy()
    np.put_along_axis(swapped, at, random[:, [place]], axis=1)
    swapped[:, [place]] = wanted
    return swapped


def as_logged(slates: Slates) -> dict[str, Any]:
    """Estimate, its error and the truth of each order, and of each less the new one, from the log itself."""
    out = {}
    per_request = {}
    for name, order in slates.orders.items():
        right = order == np.arange(SLATE)  # the item at this place is the one that the order puts there
        found = slate_propensity(slates.clicks, right, np.full(right.shape, 1 / SLATE))
        per_request[name] = SLATE * (right * slates.clicks).sum(axis=1)
        less = per_request[name] - per_request["new weights"]
        truth = slates.truth(order, "leaving", 0.0)
        out[name] = {
            "estimate": found.value,
            "error": found.standard_error,
            "truth": truth,
            "effective_rows": found.effective_rows,
            "less_new": less.mean(),
            "error_less_new": less.std(ddof=1) / np.sqrt(len(less)),
            "truth_less_new": truth - slates.truth(slates.orders["new weights"], "leaving", 0.0),
        }
    return out


def dependence(slates: Slates, rng: np.random.Generator) -> dict[str, Any]:
    """Truth and the estimate's average, by kind of user, order and strength, a pair each."""
    return {
        users: {
            name: [
                [slates.truth(order, users, s), slates.on_average(order, users, s, rng)] for s in strengths
            ]
            for name, order in slates.orders.items()
        }
        for users, strengths in STRENGTHS.items()
    }


def cost(slates: Slates, repeats: int, rng: np.random.Generator) -> dict[str, Any]:
    """Clicks at the first places of the new order, estimated from many logs of users who leave.

    For 1 to ``MOST_PLACES`` places: the truth, and bias, spread (relative to it) and effective rows of either
    kind of weights.
    """
    order = slates.orders["new weights"]
    place_chance = np.full(order.shape, 1 / SLATE)
    above_chance = np.broadcast_to(1 / (SLATE - np.arange(SLATE)), order.shape)  # given what stands above
    kinds = {"place by place": (place_chance, False), "given above": (above_chance, True)}
    found: dict[str, list[list[Any]]] = {name: [[] for _ in range(MOST_PLACES)] for name in kinds}
    for _ in range(repeats):
        random = random_orders(len(slates), rng)
        clicks, right = slates.draw(random, LEAVES, rng), random == order
        for name, (logged, given_above) in kinds.items():
            for n in range(1, MOST_PLACES + 1):
                some = (slice(None), slice(n))
                found[name][n - 1].append(
                    slate_propensity(clicks[some], right[some], logged[some], given_above=given_above)
                )
    out: dict[str, Any] = {}
    for name, by_places in found.items():
        out[name] = []
        for n, each_log in enumerate(by_places, start=1):
            values = np.array([one.value for one in each_log])
            truth = slates.truth(order, "leaving", LEAVES, places=n)
            out[name].append(
                {
                    "bias": values.mean() / truth - 1,
                    "spread": values.std(ddof=1) / truth,
                    "effective_rows": np.mean([one.effective_rows for one in each_log]),
                }
            )
    return out


def run(seed: int, impressions: int, repeats: int) -> dict[str, Any]:
    """One world, its randomised lists, and the model that orders them."""
    slates, rng = Slates(seed, impressions), np.random.default_rng(seed)
    return {
        "seed": seed,
        "requests": len(slates),
        "as_logged": as_logged(slates),
        "dependence": dependence(slates, rng),
        "cost": cost(slates, repeats, rng),
    }


def measure(seeds: range, repeats: int = 200, impressions: int = 1_000_000) -> dict[str, Any]:
    """So many logs, drawn anew, for the cost in each world."""
    return {
        "question": "What does a place-by-place estimate assume, and what if it is not so?",
        "impressions": impressions,
        "repeats": repeats,
        "strengths": STRENGTHS,
        "leaves": LEAVES,
        "runs": [run(seed, impressions, repeats) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=8)
