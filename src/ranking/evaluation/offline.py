"""What would another ranking have earned? An estimate from a log that this one wrote (chapter 5).

Inverse propensity (Horvitz and Thompson, 1952): outcomes count more where the new ranking would have acted as
the old one seldom did.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation


class Estimate(NamedTuple):
    """A mean estimated from a log, and its standard error, as the log itself tells it.

    ``effective_rows`` is (Σ w)² / Σ w²: so many equally weighted ones would be as much; 0 where all w are 0.
    """

    value: float
    standard_error: float
    effective_rows: float


def inverse_propensity(
    rewards: ArrayLike,
    target: ArrayLike,
    logged: ArrayLike,
    clip: float | None = None,
    normalised: bool = False,
) -> Estimate:
    """The mean reward that another policy would have had, from the log of the one that acted.

    Each row is weighted with w = target / logged. Without clipping the mean of w · reward is right on
    average, provided that the logging policy could do all that the target policy does. Clipping (min(w,
    clip)) trades bias for variance. Normalising divides by the mean of w instead of by 1, which its
    expectation is (self-normalised estimator; Swaminathan and Joachims, NeurIPS 2015).

    Args:
        rewards: what was observed, shape (rows,), at least two.
        target: chance that the policy to be judged does what was done, in [0, 1], shape (rows,).
        logged: propensity: chance with which it was done, in (0, 1], shape (rows,).
        clip: the largest weight that counts, above 0; None for no limit.
        normalised: whether to divide by the mean weight, which must not be 0 then.
    """
    reward = validation.as_floats("rewards", rewards)
    chosen, acted = validation.probabilities("target", target), validation.probabilities("logged", logged)
    validation.same_shape(rewards=reward, target=chosen, logged=acted)
    if reward.ndim != 1 or reward.size < 2:
        raise ValueError(f"rewards must have shape (rows,) with at least two rows, got {reward.shape}")
    least = int(np.argmin(acted))
    if acted[least] == 0.0:
        raise ValueError(f"logged must be above 0: what was done had a chance, got 0 at index {least}")
    with np.errstate(over="ignore"):
        weight = chosen / acted  # (rows,)
    if not np.isfinite(weight).all():
        raise ValueError(f"logged must leave target / logged finite, got {acted[least]} at index {least}")
    normalised = validation.flag("normalised", normalised)
    if clip is not None:
        weight = np.minimum(weight, validation.number("clip", clip, above=0.0))
    largest = float(weight.max())
    part = weight / largest if largest > 0.0 else weight  # of the largest: squares of it are what they are
    total = float(part.sum())
    effective = total**2 / float((part**2).sum()) if largest > 0.0 else 0.0
    if normalised and largest == 0.0:
        raise ValueError("target must be above 0 in at least one row to normalise, got none")
    with np.errstate(over="ignore", invalid="ignore"):
        if normalised:
            value = float((part * reward).sum() / total)
            error = float(np.sqrt((part**2 * (reward - value) ** 2).sum()) / total)
        else:
            weighted = weight * reward
            value, error = float(weighted.mean()), float(weighted.std(ddof=1) / math.sqrt(reward.size))
    if not (math.isfinite(value) and math.isfinite(error)):
        raise ValueError(f"rewards must leave an estimate that a float can hold, got {value} ± {error}")
    return Estimate(value, error, effective)
