"""How sure is a rate, or a mean? Intervals and standard errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from ranking import validation
from ranking.validation import Array


def counts_of_trials(successes: ArrayLike, trials: ArrayLike) -> tuple[Array, Array]:
    """Successes k and trials n as arrays of one shape, checked: 0 ≤ k ≤ n."""
    k, n = validation.non_negative("successes", successes), validation.non_negative("trials", trials)
    k, n = np.broadcast_arrays(k, n)
    if (k > n).any():
        at = int(np.argmax((k > n).ravel()))
        raise ValueError(f"successes must not exceed trials, got {k.ravel()[at]:g} of {n.ravel()[at]:g}")
    return k, n


def wilson_interval(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Confidence interval of a rate that is honest for small counts (Wilson, 1927).

    Args:
        successes: k, at most ``trials``, any shape.
        trials: n, a shape that broadcasts with it. Where it is 0 nothing is known: the interval is [0, 1].
        level: share of such intervals that hold the true rate, in (0, 1).

    Returns:
        Lower and upper ends, in [0, 1].
    """
    k, n = counts_of_trials(successes, trials)
    z2 = ndtri(0.5 + validation.number("level", level, above=0.0, below=1.0) / 2) ** 2
    middle = (k + z2 / 2) / (n + z2)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(z2) / (n + z2) * np.sqrt(np.where(n > 0, k * (n - k) / n, 0.0) + z2 / 4)
    # at k = 0 and k = n the ends are 0 and 1 exactly; rounding must not move them
    return np.where(k == 0, 0.0, middle - half), np.where(k == n, 1.0, middle + half)


def clustered_error(values: ArrayLike, groups: ArrayLike) -> float:
    """Standard error of the mean of values that come in groups, such as the requests of users.

    Requests of one user resemble each other, so that many of them say less than as many of different users.
    The mean is a ratio, Σ totals of the groups / Σ their sizes, and its error is that of the ratio (delta
    method): √(Σ_g (total_g − mean · size_g)²) / rows, times √(G / (G − 1)) for G groups.

    Args:
        values: shape (rows,).
        groups: whole numbers of at least 0 that say which rows belong together, shape (rows,).
    """
    v = validation.as_floats("values", values)
    g = validation.indices("groups", groups, np.iinfo(np.int64).max)
    validation.same_shape(values=v, groups=g)
    _, group = np.unique(g, return_inverse=True)
    size = np.bincount(group)  # (groups,)
    if v.ndim != 1 or size.size < 2:
        raise ValueError(f"groups must hold at least two groups of rows, shape (rows,); got shape {v.shape}")
    apart = np.bincount(group, weights=v - v.mean())  # (groups,)
    return float(np.sqrt((apart**2).sum() * size.size / (size.size - 1)) / v.size)
