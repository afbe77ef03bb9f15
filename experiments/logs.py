"""What experiments on simulated logs share: the world, its recent days, whole requests and their truth."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ranking.logs import ImpressionLog
from ranking.simulator import Truth, World

SLATE = 10
"""Items of a whole request."""


@cache
def world() -> World:
    """The one world of the course."""
    return World.build(seed=0)


def recent_log(seed: int, impressions: int) -> ImpressionLog:
    """The last ten of a fresh log's 40 days; the first 30 only fill the window of the statistics."""
    return world().simulate(impressions, seed=seed).with_statistics().after(days=30)


def whole_requests(log: ImpressionLog) -> NDArray[np.bool_]:
    """Which rows belong to a request with all of its items, shape (rows,)."""
    request = log.rows["request"].to_numpy()
    return np.bincount(request)[request] == SLATE


def column(log: ImpressionLog, name: str) -> NDArray[np.float64]:
    """A column of the impressions as numbers, shape (rows,)."""
    return log.rows[name].to_numpy(dtype=np.float64)


def true(log: ImpressionLog, name: str) -> NDArray[np.float64]:
    """A column of the truth of a simulated log, shape (rows,)."""
    if log.truth is None:
        raise ValueError("log must be one that the simulator wrote: it has no truth")
    return log.truth[name].to_numpy(dtype=np.float64)


def truth_in_first_place(log: ImpressionLog) -> Truth:
    """True rates of a log's impressions, each item taken as if it stood first."""
    scene = ("user", "item", "hour", "weekday", "scene")
    return world().truth(*(log.rows[name].to_numpy() for name in scene))


def groups_by_size(values: NDArray[np.float64], groups: int) -> NDArray[np.intp]:
    """Number of the group of each value, from 0, in groups of as many values each, shape (rows,)."""
    edges = np.quantile(values, np.linspace(0, 1, groups + 1)[1:-1])
    return np.searchsorted(edges, values, side="right")
