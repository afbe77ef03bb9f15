"""How good is the order inside each request, or for each user? NDCG, and the AUC of groups (GAUC).

A list is read by one person: what counts is the order of its rows, and no score is ever compared with that
of another user. Both metrics are computed group by group and averaged; the result keeps the value of every
group, for intervals that draw whole users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.evaluation.intervals import Interval, bootstrap_interval
from ranking.validation import Array

Whole = NDArray[np.integer[Any]]
Numbers = NDArray[Any]
GAINS = ("linear", "exponential")
WEIGHTS = ("rows", "positives", "equal")


@dataclass(frozen=True)
class GroupedMetric:
    """A metric of every group that has one.

    Attributes:
        groups: number of each group, in rising order, shape (groups,).
        values: metric of each, shape (groups,).
        weights: how much each counts in the mean, above 0, shape (groups,).
        users: whose group it is, shape (groups,): what an interval draws as a whole.
        left_out: how many groups have no value, and are in none of the above.
    """

    groups: Whole
    values: Array
    weights: Array
    users: Whole
    left_out: int

    @property
    def mean(self) -> float:
        """Σ weight · value / Σ weight."""
        return float(np.average(self.values, weights=self.weights))

    def interval(self, level: float = 0.95, seed: int = 0) -> Interval:
        """Bootstrap interval of the mean over users: whoever is drawn brings all of their groups.

        ``level`` and ``seed`` are those of :func:`~ranking.evaluation.bootstrap_interval`; at least two users
        must have a group with a value.
        """
        _, user = np.unique(self.users, return_inverse=True)
        weight = np.bincount(user, weights=self.weights)  # (users,)
        total = np.bincount(user, weights=self.weights * self.values)  # (users,)
        if weight.size < 2:
            raise ValueError("users must be at least 2 with a value for an interval, got one")

        def mean_of(drawn: Array, axis: int) -> Any:
            numbers = drawn.astype(np.int64)
            return total[numbers].sum(axis=axis) / weight[numbers].sum(axis=axis)

        return bootstrap_interval(np.arange(weight.size), mean_of, level=level, seed=seed)


def ndcg(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike,
    at: int | None = None,
    gain: str = "linear",
    users: ArrayLike | None = None,
) -> GroupedMetric:
    """Normalised discounted cumulative gain of every request (Järvelin and Kekäläinen, TOIS 2002).

    A row at place i counts gain / log₂(1 + i): DCG is the sum over the first places of the list by falling
    prediction, NDCG is DCG over that of the best order, so 1 is perfect. Rows of equal predictions take the
    expectation over all their orders. Requests count alike in the mean; those in which no row has a gain have
    no NDCG and are left out. The discount is the usual one; that of the paper leaves the first two places as
    they are.

    Args:
        labels: of at least 0, graded or 0 and 1, or expected gains; shape (rows,).
        predictions: any finite numbers, only their order within a group counts; shape (rows,).
        groups: the request of every row, whole numbers of at least 0, in any order; shape (rows,).
        at: how many places count, at least 1; None for all.
        gain: what a label y is worth: "linear" is y, "exponential" is 2^y − 1, for grades of relevance.
        users: whose request it is, one user per group, whole numbers of at least 0, shape (rows,): drawn as a
            whole in intervals. None takes requests as independent.
    """
    y, scores = validation.non_negative("labels", labels), validation.as_floats("predictions", predictions)
    validation.rows(labels=y, predictions=scores)
    exponential = validation.one_of("gain", gain, GAINS) == "exponential"
    with np.errstate(over="ignore"):
        gains = np.exp2(y) - 1.0 if exponential else y  # (rows,)
        if not np.isfinite(gains.sum()):
            raise ValueError(f"labels must have gains whose sum a float can hold, got labels up to {y.max()}")
    names, group, user = _grouped(y, groups, users)
    size = np.bincount(group)  # (groups,)
    places = size.max() if at is None else min(validation.positive_int("at", at), size.max())
    discount = np.zeros(size.max())
    discount[:places] = 1.0 / np.log2(np.arange(2, places + 2))
    counts = discount[np.arange(y.size) - np.repeat(np.cumsum(size) - size, size)]  # rows by group and place

    order, first, tied, _ = _ties(-scores, group)
    expected = np.repeat(np.add.reduceat(gains[order], first) / tied, tied)  # the mean of rows that are tied
    best = gains[np.lexsort((-gains, group))]
    by_group = np.sort(group)
    found, ideal = (np.bincount(by_group, weights=worth * counts) for worth in (expected, best))
    return _result(names, user, found, ideal, np.ones(size.size), "labels must hold a gain above 0")


def grouped_auc(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike,
    weights: str = "rows",
    users: ArrayLike | None = None,
) -> GroupedMetric:
    """AUC of every group, such as every user's, and their weighted mean (GAUC; Zhu et al., KDD 2017).

    It is :func:`~ranking.evaluation.metrics.auc` within each group: whatever is added to all scores of a user
    changes nothing, while it may raise or lower the AUC of all rows together. Groups without both classes
    have no AUC and are left out. Zhu et al. group by user and position and weight by impressions or clicks.

    Args:
        labels: 0 or 1, shape (rows,).
        predictions: any finite numbers, only their order within a group counts, ties one half; shape (rows,).
        groups: the group of every row, whole numbers of at least 0, in any order; shape (rows,).
        weights: how much a group counts in the mean: by its "rows", by its "positives", or "equal".
        users: whose group it is, as in :func:`ndcg`. None takes the groups themselves as the users.
    """
    y, scores = validation.binary("labels", labels), validation.as_floats("predictions", predictions)
    validation.rows(labels=y, predictions=scores)
    validation.one_of("weights", weights, WEIGHTS)
    names, group, user = _grouped(y, groups, users)
    size, positive = np.bincount(group), np.bincount(group, weights=y)  # (groups,)
    order, first, tied, of = _ties(scores, group)
    up = np.add.reduceat(y[order], first)  # positives among rows that are tied
    down = tied - up
    before = np.cumsum(size - positive) - (size - positive)  # negatives of all groups before, (groups,)
    below = np.cumsum(down) - down - before[of]  # negatives of the group that score lower
    ordered = np.bincount(of, weights=up * (below + down / 2))  # pairs, (groups,)
    by = {"rows": size.astype(np.float64), "positives": positive, "equal": np.ones(size.size)}[weights]
    return _result(names, user, ordered, positive * (size - positive), by, "labels must hold both classes")


def _grouped(y: Array, groups: ArrayLike, users: ArrayLike | None) -> tuple[Whole, Whole, Whole]:
    """Groups in rising order, the place of every row's among them, and the user of each group."""
    g = validation.indices("groups", groups, np.iinfo(np.int64).max)
    validation.same_shape(labels=y, groups=g)
    names, first, group = np.unique(g, return_index=True, return_inverse=True)
    if users is None:
        return names, group, names
    u = validation.indices("users", users, np.iinfo(np.int64).max)
    validation.same_shape(labels=y, users=u)
    user = u[first]  # (groups,)
    if (other := u != user[group]).any():
        row = int(np.argmax(other))
        both = f"{user[group[row]]} and {u[row]} in group {g[row]}"
        raise ValueError(f"users must be one per group, got {both}")
    return names, group, user


def _ties(scores: Array, group: Whole) -> tuple[Whole, Whole, Whole, Whole]:
    """Rows by group and rising score; and cut where either changes: first row, rows, group of every piece."""
    order = np.lexsort((scores, group))
    s, g = scores[order], group[order]
    first = np.flatnonzero(np.concatenate([[True], (s[1:] != s[:-1]) | (g[1:] != g[:-1])]))
    return order, first, np.diff(np.append(first, s.size)), g[first]


def _result(
    names: Whole, user: Whole, part: Numbers, whole: Numbers, by: Numbers, needed: str
) -> GroupedMetric:
    """part / whole of the groups whose whole is above 0."""
    has = whole > 0.0
    if not has.any():
        raise ValueError(f"{needed} in at least one group, got none in {has.size:,} groups")
    values = part[has] / whole[has]
    return GroupedMetric(names[has], values, by[has], user[has], int(has.size - has.sum()))
