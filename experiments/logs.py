"""What experiments on simulated logs share: the world, its recent days, whole requests and their truth.

Most experiments take a log per seed of the course's world, ``run(recent_log(seed, impressions), seed)``. One
over worlds draws a world per seed, too, and hands it to whatever asks for a truth the log does not hold::

    def run(seed: int, impressions: int) -> dict[str, Any]:
        log, its = recent_log(seed, impressions, world_seed=seed), world(seed)
        ...
        truth = truth_in_first_place(test, its)

    def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
        return {"runs": [run(seed, impressions) for seed in each(seeds)]}
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.logs import ImpressionLog
from ranking.simulator import Truth, World
from ranking_course import course_world

SLATE = 10
"""Items of a whole request."""


def world(seed: int = 0) -> World:
    """The world of the course, or the one that another seed draws."""
    return course_world(seed=seed)


def recent_log(seed: int, impressions: int, world_seed: int = 0) -> ImpressionLog:
    """The last ten of a fresh log's 40 days; the first 30 only fill the window of the statistics.

    It is of the course's world, unless ``world_seed`` asks for another.
    """
    return world(world_seed).simulate(impressions, seed=seed).with_statistics().after(days=30)


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


def truth_in_first_place(log: ImpressionLog, its: World | None = None) -> Truth:
    """True rates of a log's impressions, each item taken as if it stood first.

    ``its`` is the log's own world, by default that of the course; ``ValueError`` for another one.
    """
    its = world() if its is None else its
    names = ("user", "item", "hour", "weekday", "scene", "position")
    *scene, position = (log.rows[name].to_numpy() for name in names)
    some = slice(1_000)  # enough to tell two worlds apart
    again = its.truth(*(values[some] for values in (*scene, position)))
    if not np.allclose(again.p_click, true(log, "p_click")[some], rtol=1e-4):
        raise ValueError(f"log must be of the given world, whose seed is {its.seed}; its truth is another")
    return its.truth(*scene)


def groups_by_size(values: NDArray[np.float64], groups: int) -> NDArray[np.intp]:
    """Number of the group of each value, from 0, in groups of as many values each, shape (rows,)."""
    edges = np.quantile(values, np.linspace(0, 1, groups + 1)[1:-1])
    return np.searchsorted(edges, values, side="right")
