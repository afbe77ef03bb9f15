"""From scores to lists: ranks and percentiles, the order, the first k. Ties stay in the order they had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.validation import Array


def ranks(scores: ArrayLike) -> NDArray[np.intp]:
    """The place of every score along the last axis, 1 for the highest.

    Equal scores share the best place of their group: 0.9, 0.5, 0.5, 0.1 have the ranks 1, 2, 2, 4.
    """
    values = lists("scores", scores)
    return by_place(values, np.arange(1, values.shape[-1] + 1))


def percentiles(scores: ArrayLike) -> Array:
    """The proportion of candidates along the last axis that score no higher, 1 for the best, in (0, 1].

    It has no unit, and only the order of the scores counts. Equal scores share the best place of their group:
    0.9, 0.5, 0.5, 0.1 have the percentiles 1, .75, .75, .25.
    """
    values = lists("scores", scores)
    count = values.shape[-1]
    return by_place(values, np.arange(count, 0, -1) / count)


def order(scores: ArrayLike) -> NDArray[np.intp]:
    """Positions along the last axis, best first; equal scores keep the order in which they came."""
    values = -lists("scores", scores)
    by_score = np.argsort(values, axis=-1)  # about twice as fast as a stable sort, and the same without ties
    ascending = np.take_along_axis(values, by_score, axis=-1)
    if (ascending[..., 1:] == ascending[..., :-1]).any():
        return np.argsort(values, axis=-1, kind="stable")
    return by_score


def top_k(scores: ArrayLike, k: int) -> NDArray[np.intp]:
    """The first k of :func:`order`, from 1 to all, ties included: (..., k), without sorting the rest."""
    scores = lists("scores", scores)
    count = scores.shape[-1]
    k = validation.positive_int("k", k, most=count, of="candidates")
    least = np.partition(scores, count - k, axis=-1)[..., [count - k]]  # (..., 1), the k-th highest
    kept = scores >= least
    if np.count_nonzero(kept) > k * (kept.size // count):  # of equal ones at the edge the first stay
        above = scores > least
        room = k - above.sum(axis=-1, keepdims=True)  # (..., 1)
        tied = kept & ~above
        kept = above | (tied & (np.cumsum(tied, axis=-1) <= room))
    chosen = np.nonzero(kept)[-1].reshape(*scores.shape[:-1], k)
    best_first = order(np.take_along_axis(scores, chosen, axis=-1))
    return np.take_along_axis(chosen, best_first, axis=-1)


def by_place(scores: Array, given: NDArray[Any]) -> NDArray[Any]:
    """What is given to each place, (candidates,), handed to the scores by their rank along the last axis."""
    values = -scores
    by_score = np.argsort(values, axis=-1)  # (..., candidates); inside a tie any order will do
    ascending = np.take_along_axis(values, by_score, axis=-1)
    same = ascending[..., 1:] == ascending[..., :-1]  # as the one before
    handed = np.broadcast_to(given, values.shape)
    if same.any():
        place = np.zeros(values.shape, dtype=np.intp)
        place[..., 1:] = np.where(same, 0, np.arange(1, values.shape[-1]))
        handed = given[np.maximum.accumulate(place, axis=-1)]
    result = np.empty(values.shape, dtype=given.dtype)
    np.put_along_axis(result, by_score, handed, axis=-1)
    return result


def lists(
    name: str, values: ArrayLike, check: Callable[[str, ArrayLike], Array] = validation.as_floats
) -> Array:
    """Numbers of shape (..., candidates) that a check of :mod:`ranking.validation` lets pass."""
    array = check(name, values)
    if array.ndim == 0:
        raise ValueError(f"{name} must have shape (..., candidates), got a single number")
    validation.not_empty(name, array)
    return array
