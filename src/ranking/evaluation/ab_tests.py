"""How large must an A/B test be? Comparable users see both rankings, and means are compared (chapter 5)."""

import math

from scipy.special import ndtr, ndtri, ndtri_exp

from ranking import validation


def requests_per_arm(effect: float, spread: float, power: float = 0.8, level: float = 0.05) -> int:
    """How many independent requests each arm needs: n = 2 (z_{1 − level/2} + z_power)² spread² / effect².

    Args:
        effect: the difference of the means that is to be found, not 0 and at least a billionth of the spread.
        spread: standard deviation of the outcome from request to request, above 0; where the arms differ in
            it, the root of the mean of their variances.
        power: the chance to find the effect where it is there, in (0, 1).
        level: the chance to find one where there is none (two-sided), in (0, 1).

    Requests of one user are not independent: where users are split, count users, each with the user's total.
    """
    effect = validation.number("effect", effect)
    if effect == 0.0:
        raise ValueError("effect must not be 0: no test finds what is not there")
    level = validation.number("level", level, above=0.0, below=1.0)
    power = validation.number("power", power, above=0.0, below=1.0)
    z = float(ndtri(power)) + _edge(level)
    if z <= 0.0:
        raise ValueError(f"power must be above level / 2, got {power} and {level}")
    ratio = validation.number("spread", spread, above=0.0) / abs(effect)
    if ratio > 1e9:
        raise ValueError(f"effect must be at least a billionth of the spread, got {effect} and {spread}")
    return math.ceil(2.0 * (z * ratio) ** 2)


def power_of_test(n_per_arm: int, effect: float, spread: float, level: float = 0.05) -> float:
    """The chance that a two-sided test of the means finds the effect with so many requests per arm.

    Arguments as in :func:`requests_per_arm`; an effect of 0 gives the level itself.
    """
    requests = validation.number("n_per_arm", validation.positive_int("n_per_arm", n_per_arm))
    ratio = validation.number("effect", effect) / validation.number("spread", spread, above=0.0)
    shift = ratio * math.sqrt(requests / 2.0)  # in standard errors of the difference
    edge = _edge(validation.number("level", level, above=0.0, below=1.0))
    return float(ndtr(shift - edge) + ndtr(-shift - edge))


def _edge(level: float) -> float:
    """z_{1 − level/2}, from the logarithm, as half of the smallest level is no float any more."""
    return -float(ndtri_exp(math.log(level) - math.log(2.0)))
