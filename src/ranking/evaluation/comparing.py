"""Which of two rankings is better? An A/B test that is large enough, and an estimate from a log.

Chapter 5. An A/B test shows both rankings to comparable users: :func:`requests_per_arm` says how many it
takes. An estimate by inverse propensity (Horvitz and Thompson, 1952) asks a log that another ranking wrote:
outcomes count more where the new ranking would have acted as the old one seldom did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from ranking import validation


def requests_per_arm(effect: float, spread: float, power: float = 0.8, level: float = 0.05) -> int:
    """How many independent requests each arm needs: n = 2 (z_{1 − level/2} + z_power)² spread² / effect².

    Args:
        effect: the difference of the means that is to be found, not 0 and at least a billionth of the spread.
        spread: standard deviation of the outcome from request to request, above 0; where the arms differ in
            it, the root of the mean of their variances.
        power: the chance to find the effect where it is there, in (0, 1).
        level: the chance to find one where there is none (two-sided), in (0, 1).

    Returns:
        Requests per arm, rounded up. Requests of one user are not independent: where users are split, count
        users, with each one's total as the outcome.
    """
    effect = validation.number("effect", effect)
    if effect == 0.0:
        raise ValueError("effect must not be 0: no test finds what is not there")
    z = ndtri(1.0 - _inside("level", level) / 2.0) + ndtri(_inside("power", power))
    if z <= 0.0:
        raise ValueError(f"power must be above level / 2, got {power} and {level}")
    ratio = _positive("spread", spread) / abs(effect)
    if ratio > 1e9:
        raise ValueError(f"effect must be at least a billionth of the spread, got {effect} and {spread}")
    return math.ceil(2.0 * (z * ratio) ** 2)


def power_of_test(n_per_arm: int, effect: float, spread: float, level: float = 0.05) -> float:
    """The chance that a two-sided test of the means finds the effect with so many requests per arm.

    Arguments as in :func:`requests_per_arm`; an effect of 0 gives the level itself.
    """
    error = _positive("spread", spread) * math.sqrt(2.0 / validation.positive_int("n_per_arm", n_per_arm))
    edge = ndtri(1.0 - _inside("level", level) / 2.0)
    shift = validation.number("effect", effect) / error
    return float(ndtr(shift - edge) + ndtr(-shift - edge))


def clustered_error(values: ArrayLike, groups: ArrayLike) -> float:
    """Standard error of the mean of values that come in groups, such as the requests of users.

    Requests of one user resemble each other, so that many of them say less than as many of different users.
    The mean is a ratio, Σ totals of the groups / Σ their sizes, and its error is that of the ratio (delta
    method): √(Σ_g (total_g − mean · size_g)²) / rows, times √(G / (G − 1)) for G groups.

    Args:
        values: shape (rows,).
        groups: whole numbers of at least 0 that say which rows belong together, shape (rows,).
    """
    v, g = (
        validation.as_floats("values", values),
        validation.indices("groups", groups, np.iinfo(np.int64).max),
    )
    validation.same_shape(values=v, groups=g)
    _, group = np.unique(g, return_inverse=True)
    size = np.bincount(group)  # (groups,)
    if v.ndim != 1 or size.size < 2:
        raise ValueError(f"groups must hold at least two groups of rows, shape (rows,); got shape {v.shape}")
    apart = np.bincount(group, weights=v - v.mean())  # (groups,)
    return float(np.sqrt((apart**2).sum() * size.size / (size.size - 1)) / v.size)


@dataclass(frozen=True)
class Estimate:
    """A mean estimated from a log.

    Attributes:
        value: the estimate.
        standard_error: its standard error, as the log itself tells it.
        effective_rows: (Σ w)² / Σ w², how many equally weighted rows would be as much; 0 where all weights
            are 0.
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
        rewards: what was observed, shape (rows,).
        target: chance that the policy to be judged does what was done, in [0, 1], shape (rows,).
        logged: propensity: chance with which it was done, in (0, 1], shape (rows,).
        clip: the largest weight that counts, above 0; None for no limit.
        normalised: whether to divide by the mean weight.

    Raises:
        ValueError: if a propensity is 0; if all weights are 0 and are to be normalised; if there are fewer
            than two rows; or an argument is not as described.
    """
    reward = validation.as_floats("rewards", rewards)
    chosen, acted = validation.probabilities("target", target), validation.probabilities("logged", logged)
    validation.same_shape(rewards=reward, target=chosen, logged=acted)
    if reward.ndim != 1 or reward.size < 2:
        raise ValueError(f"rewards must have shape (rows,) with at least two rows, got {reward.shape}")
    if not acted.all():
        raise ValueError(
            f"logged must be above 0: what was done had a chance, got 0 at index {int(np.argmin(acted))}"
        )
    with np.errstate(over="ignore"):
        weight = chosen / acted  # (rows,)
    if not np.isfinite(weight).all():
        least = int(np.argmin(acted))
        raise ValueError(f"logged must leave target / logged finite, got {acted[least]} at index {least}")
    if clip is not None:
        weight = np.minimum(weight, _positive("clip", clip))
    total, squares = float(weight.sum()), float((weight**2).sum())
    effective = total**2 / squares if squares > 0.0 else 0.0
    n = reward.size
    if not normalised:
        weighted = weight * reward
        return Estimate(float(weighted.mean()), float(weighted.std(ddof=1) / math.sqrt(n)), effective)
    if total == 0.0:
        raise ValueError("target must be above 0 in at least one row to normalise, got none")
    value = float((weight * reward).sum() / total)
    return Estimate(value, float(np.sqrt((weight**2 * (reward - value) ** 2).sum()) / total), effective)


def _positive(name: str, value: Any) -> float:
    number = validation.number(name, value)
    if number <= 0.0:
        raise ValueError(f"{name} must be above 0, got {number}")
    return number


def _inside(name: str, value: Any) -> float:
    number = validation.number(name, value)
    if not 0.0 < number < 1.0:
        raise ValueError(f"{name} must be in (0, 1), got {number}")
    return number
