"""Counts of what happened before each row, and smoothed rates of such counts: the statistics of claim B1."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.validation import Array

DAY_MS = 86_400_000  # times are in milliseconds
WINDOW_DAYS = 30.0  # how far back statistics look, unless asked otherwise
PRIOR_WEIGHT = 20.0  # imaginary trials at the prior rate


def counts_before(
    codes: ArrayLike,
    times: ArrayLike,
    happened: Mapping[str, ArrayLike],
    window_days: float = WINDOW_DAYS,
) -> dict[str, NDArray[np.int32]]:
    """For each row, how many rows of the same code lie in the window before it, and what happened in them.

    A row at time s counts for a row at time t when t − window ≤ s < t. Rows of the same moment do not count
    for each other, hence neither do those of the same request. Takes O(n log n).

    ``codes`` say whom to count for (users, items, pairs), whole numbers of at least 0; ``times`` are
    milliseconds, ascending; ``happened`` is name -> whether it happened. Returned are counts of "impressions"
    and of each name. All have the shape (rows,); the window is above 0 days.
    """
    window = validation.number("window_days", window_days, above=0.0)
    codes = validation.indices("codes", codes, np.iinfo(np.int64).max)
    times = validation.integers("times", times)
    validation.mapping("happened", happened, "names to what happened")
    flags = {name: validation.booleans(f"happened[{name!r}]", rows) for name, rows in happened.items()}
    validation.same_shape(codes=codes, times=times, **{f"happened[{name!r}]": f for name, f in flags.items()})
    if codes.ndim != 1:
        raise ValueError(f"codes must have shape (rows,), got {codes.shape}")
    if codes.size and codes.max() >= np.iinfo(np.int64).max // codes.size:
        codes = np.unique(codes, return_inverse=True)[1]  # keys below must not wrap around
    # as rows are sorted by time, "from this moment on" is "from this row on"
    until = np.searchsorted(times, times)  # (rows,) first row of the same moment
    since = np.searchsorted(times, times - np.int64(min(window * DAY_MS, 2.0**62)))  # first row of the window
    order = np.argsort(codes, kind="stable")
    base = codes[order] * len(codes)
    keys = base + order  # ascending by code, then by row
    low, high = np.searchsorted(keys, base + since[order]), np.searchsorted(keys, base + until[order])
    counts = {}
    for name, counted in {"impressions": np.ones(len(codes), dtype=bool), **flags}.items():
        total = np.concatenate(([0], np.cumsum(counted[order], dtype=np.int32)))
        counts[name] = np.empty(len(codes), dtype=np.int32)
        counts[name][order] = total[high] - total[low]
    return counts


def smoothed(
    successes: NDArray[Any], trials: NDArray[Any], prior_rate: float, prior_weight: float = PRIOR_WEIGHT
) -> Array:
    """(k + m·prior) / (n + m) for counts and rates that were checked before."""
    rates: Array = (successes + prior_weight * prior_rate) / (trials + prior_weight)
    return rates


def smoothed_rate(
    successes: ArrayLike, trials: ArrayLike, prior_rate: float, prior_weight: float = PRIOR_WEIGHT
) -> Array:
    """(k + m·prior) / (n + m): the rate after m imaginary trials at the prior rate.

    With few trials it stays near the prior, with many it goes to k/n. It is the mean of the posterior under
    a Beta(m·prior, m·(1 − prior)) prior. The counts, k ≤ n, may have any shapes that broadcast; the prior is
    the rate over all items, in [0, 1], and its weight m is above 0.
    """
    k, n = validation.successes_of(successes, trials)
    prior = validation.number("prior_rate", prior_rate, least=0.0, most=1.0)
    return smoothed(k, n, prior, validation.number("prior_weight", prior_weight, above=0.0))
