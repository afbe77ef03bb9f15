"""How sure is a rate, or a mean? Intervals and standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy  # scipy.stats takes half a second to import, and comes when it is first asked for
from numpy.typing import ArrayLike
from scipy.special import ndtri

from ranking import validation
from ranking.validation import Array


def wilson_interval(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Confidence interval of a rate, its lower and upper ends, honest for small counts (Wilson, 1927).

    Of k ``successes`` in n ``trials``, whose shapes broadcast; where n is 0 nothing is known: it is [0, 1].
    ``level`` is the share of such intervals that hold the true rate, in (0, 1).
    """
    k, n = validation.successes_of(successes, trials)
    level = validation.number("level", level, above=0.0, below=1.0)
    z2 = ndtri((1.0 - level) / 2.0) ** 2  # of the lower end: near 1 the upper one rounds to 1
    middle = (k + z2 / 2) / (n + z2)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(z2) / (n + z2) * np.sqrt(np.where(n > 0, k / n * (n - k), 0.0) + z2 / 4)
    # at k = 0 and k = n the ends are 0 and 1 exactly; rounding must not move them
    return np.where(k == 0, 0.0, middle - half), np.where(k == n, 1.0, middle + half)


class Interval(NamedTuple):
    """Lower and upper end; a number each, or an array of a number per column."""

    low: Any
    high: Any


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    versus: ArrayLike | None = None,
) -> Interval:
    """Percentile interval of a statistic over 9,999 resamples of the rows, with replacement (Efron, 1979).

    Args:
        values: one row per independent run, seed or user, shape (rows,) or (rows, columns); at least 2 rows.
        statistic: of rows; takes an array and ``axis``, such as ``np.median``.
        groups: whole numbers of at least 0 that say which rows belong together, shape (rows,), where rows are
            not independent: whole groups are drawn then, at least 2 of them.
        level: share of such intervals that hold the true value, in (0, 1).
        seed: of the draws.
        versus: other rows with as many columns; the interval is then that of the difference
            ``statistic(values) - statistic(versus)``, both resampled.
    """
    statistic = validation.function("statistic", statistic)
    level = validation.number("level", level, above=0.0, below=1.0)
    validation.number("seed", seed)
    seed = int(validation.indices("seed", seed, stop=2**32))
    samples = [validation.as_floats("values", values)]
    if versus is not None:
        samples.append(validation.as_floats("versus", versus))
    for name, sample in zip(("values", "versus"), samples, strict=False):
        if sample.ndim not in (1, 2) or len(sample) < 2 or sample.shape[1:] != samples[0].shape[1:]:
            shapes = "(rows,) or (rows, columns), with at least 2 rows and the columns of values"
            raise ValueError(f"{name} must have the shape {shapes}, got {sample.shape}")
    settings = {"confidence_level": level, "method": "percentile", "random_state": seed}
    settings["batch"] = max(1, 10_000_000 // max(map(len, samples)))  # resamples at once: bounds the memory
    if groups is not None:
        if versus is not None:
            raise ValueError("groups and versus must not both be given")
        g = validation.indices("groups", groups, np.iinfo(np.int64).max)
        if g.shape != samples[0].shape[:1]:
            raise ValueError(f"groups must have the shape {samples[0].shape[:1]}, got {g.shape}")
        ends = np.cumsum(np.unique(g, return_counts=True)[1])  # (groups,)
        if len(ends) < 2:
            raise ValueError("groups must be at least 2, got one")
        members = np.split(np.argsort(g, kind="stable"), ends[:-1])

        def of_groups(drawn: Array) -> Any:
            rows = np.concatenate([members[int(k)] for k in drawn])
            return statistic(samples[0][rows], axis=0)

        numbers = np.arange(len(ends), dtype=np.float64)
        drawn: dict[str, Any] = {"data": (numbers,), "statistic": of_groups, "vectorized": False}
    else:

        def difference(first: Array, *second: Array, axis: int) -> Any:
            return statistic(first, axis=axis) - sum(statistic(other, axis=axis) for other in second)

        drawn = {"data": samples, "statistic": difference, "vectorized": True, "axis": 0}
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            found = scipy.stats.bootstrap(**drawn, **settings)
    except TypeError as error:
        raise ValueError(f"statistic must take an array and axis, as np.mean does: {error}") from error
    interval = Interval(found.confidence_interval.low, found.confidence_interval.high)
    if not np.isfinite(interval).all():
        raise ValueError(f"statistic must be finite for all resamples, got an interval of {interval}")
    return interval


def margin(values: ArrayLike, level: float = 0.95) -> Any:
    """What stands behind the ±: half of Student's interval of a mean over few independent runs.

    Args:
        values: one row per run (a world, a seed), shape (runs,) or (runs, columns); at least 2 runs.
        level: share of the intervals mean ± margin that hold the true mean, in (0, 1), where the runs are
            normally distributed.

    Returns:
        A number, or one for each column, (columns,).
    """
    v = validation.as_floats("values", values)
    level = validation.number("level", level, above=0.0, below=1.0)
    if v.ndim not in (1, 2) or len(v) < 2 or not v.size:
        raise ValueError(
            f"values must have the shape (runs,) or (runs, columns), with at least 2 runs, got {v.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        half = -scipy.stats.t.ppf((1.0 - level) / 2.0, len(v) - 1) * scipy.stats.sem(v, axis=0)
    if not np.isfinite(half).all():
        raise ValueError(f"values must have squares that a float can hold, got {v.flat[np.abs(v).argmax()]}")
    return float(half) if v.ndim == 1 else half


def clustered_error(values: ArrayLike, groups: ArrayLike) -> float:
    """Standard error of the mean of values that come in groups, such as the requests of users.

    Requests of one user resemble each other, so that many of them say less than as many of different users.
    The mean is a ratio, Σ totals of the groups / Σ their sizes, and its error is that of the ratio (delta
    method): √(Σ_g (total_g − mean · size_g)²) / rows, times √(G / (G − 1)) for G groups. Both arguments have
    the shape (rows,); ``groups`` are whole numbers of at least 0 that say which rows belong together.
    """
    v = validation.as_floats("values", values)
    g = validation.indices("groups", groups, np.iinfo(np.int64).max)
    validation.same_shape(values=v, groups=g)
    _, group = np.unique(g, return_inverse=True)
    size = np.bincount(group)  # (groups,)
    if v.ndim != 1 or size.size < 2:
        raise ValueError(f"groups must hold at least two groups of rows, shape (rows,); got shape {v.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        apart = np.bincount(group, weights=v - v.mean())  # (groups,)
        error = float(np.sqrt((apart**2).sum() * size.size / (size.size - 1)) / v.size)
    if not math.isfinite(error):
        raise ValueError(f"values must have squares that a float can hold, got {v[np.abs(v).argmax()]}")
    return error
