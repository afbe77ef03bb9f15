"""Intervals that say how sure a rate is."""

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
    if not 0.0 < validation.number("level", level) < 1.0:
        raise ValueError(f"level must be in (0, 1), got {level}")
    z2 = ndtri(0.5 + level / 2) ** 2
    middle = (k + z2 / 2) / (n + z2)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(z2) / (n + z2) * np.sqrt(np.where(n > 0, k * (n - k) / n, 0.0) + z2 / 4)
    # at k = 0 and k = n the ends are 0 and 1 exactly; rounding must not move them
    return np.where(k == 0, 0.0, middle - half), np.where(k == n, 1.0, middle + half)
