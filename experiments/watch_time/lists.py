"""What estimates of the seconds cost in a fused list, where clicks and likes are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.logs import SLATE, truth_in_first_place, whole_requests
from experiments.watch_time.setting import Floats, truth_of
from ranking.fusion import click_times_rest, top_k
from ranking.logs import ImpressionLog
from ranking.simulator import World

SHOWN = 3
PRICES = {
    "a second .01": {"like": 5.0, "watch_time": 0.01},
    "a second .05": {"like": 20.0, "watch_time": 0.05},
}
"""In clicks: chapter 5's, and one under which time is a third of the value."""
FACTORS = np.geomspace(0.25, 32.0, 43)
"""What the seconds may be multiplied by; neighbours lie an eighth apart."""


@dataclass(frozen=True, eq=False)
class Lists:
    """Whole held-out requests, each item as if it stood first, and who asked for them.

    Attributes:
        rows: which impressions belong to them, shape (impressions,).
        rates: true click and like rates, each (requests, items).
        mean: true mean watch time once clicked, (requests, items).
        first: requests of the users on whom a weight is chosen, (requests,).
    """

    rows: np.ndarray
    rates: Mapping[str, Floats]
    mean: Floats
    first: np.ndarray

    @classmethod
    def of(cls, test: ImpressionLog, its: World) -> Lists:
        """The lists of a log of that world."""
        rows, real = whole_requests(test), truth_in_first_place(test, its)
        click, like, mean, user = (
            np.asarray(values, dtype=np.float64)[rows].reshape(-1, SLATE)
            for values in (real.p_click, real.p_like, truth_of(test).mean, test.rows["user"])
        )
        return cls(rows, {"click": click, "like": like}, mean, user[:, 0] % 2 == 0)

    def slates(self, values: Floats) -> Floats:
        """A column of the log as (requests, items)."""
        return values[self.rows].reshape(-1, SLATE)

    def worth(self, prices: Mapping[str, float], seconds: Floats) -> Floats:
        """The score of claim E2, (requests, items)."""
        return click_times_rest({**self.rates, "watch_time": seconds}, prices)

    def lost(self, prices: Mapping[str, float], seconds: Floats, factors: Sequence[float]) -> dict[str, Any]:
        """The share of the value lost in the first items, on the second half of the users.

        ``seconds`` are once clicked, (requests, items). They are taken as they come, scaled to the right
        mean, and times the factor that loses least on the first half.
        """
        value = self.worth(prices, self.mean)
        ideal = np.sort(value, axis=1)[:, -SHOWN:].sum(axis=1)  # (requests,)
        t = np.maximum(seconds, 0.0)

        def lost_at(factor: float) -> Floats:
            shown = top_k(self.worth(prices, factor * t), SHOWN)  # (requests, shown)
            found: Floats = ideal - np.take_along_axis(value, shown, axis=1).sum(axis=1)
            return found

        right, mean = (np.average(values, weights=self.rates["click"]) for values in (self.mean, t))
        searched = [lost_at(factor)[self.first].sum() for factor in factors]
        best = float(factors[int(np.argmin(searched))])
        second = ~self.first
        at = {"": 1.0, "_matched": right / mean, "_best": best}
        total = ideal[second].sum()
        lost = {f"lost{suffix}": lost_at(factor)[second].sum() / total for suffix, factor in at.items()}
        return lost | {"factor": best}


def fused(test: ImpressionLog, its: World, seconds: Mapping[str, Floats]) -> dict[str, Any]:
    """What each estimate of the seconds once clicked costs in a fused list, by prices and name."""
    lists = Lists.of(test, its)
    found: dict[str, Any] = {}
    for case, prices in PRICES.items():
        value = lists.worth(prices, lists.mean)
        time = lists.rates["click"] * prices["watch_time"] * lists.mean
        found[case] = {
            "part_of_time": time.sum() / value.sum(),
            "lost": {
                name: lists.lost(prices, lists.slates(t), FACTORS.tolist()) for name, t in seconds.items()
            },
        }
    return found
