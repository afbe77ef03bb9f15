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


def requests_for_non_inferiority(
    margin: float, spread: float, effect: float = 0.0, power: float = 0.8, level: float = 0.025
) -> int:
    """How many independent requests each arm needs to rule out a loss as large as the margin.

    n = 2 (z_{1 − level} + z_power)² spread² / (margin + effect)²: what :func:`is_non_inferior` then decides.

    Args:
        margin: the largest loss that would be put up with, in the unit of the outcome; at least 0. With 0 it
            is a test of *superiority*: that the new list is better at all.
        spread: standard deviation of the outcome from request to request, above 0, as in
            :func:`requests_per_arm`.
        effect: the true difference, new less old, that is supposed. It lies above −margin by at least a
            billionth of the spread. 0 for a list that changes nothing.
        power: the chance to rule the loss out, in (0, 1).
        level: the chance to rule out a loss that is there, one-sided, in (0, 1).
    """
    margin, effect = validation.number("margin", margin, least=0.0), validation.number("effect", effect)
    level = validation.number("level", level, above=0.0, below=1.0)
    power = validation.number("power", power, above=0.0, below=1.0)
    z = float(ndtri(power) - ndtri(level))
    if z <= 0.0:
        raise ValueError(f"power must be above level, got {power} and {level}")
    room = margin + effect
    if room <= 0.0:
        raise ValueError(f"effect must be above −margin: no test rules out a loss of {-effect} at {margin}")
    ratio = validation.number("spread", spread, above=0.0) / room
    if ratio > 1e9:
        raise ValueError(
            f"effect must be above −margin by a billionth of the spread, got {effect}, {margin} and {spread}"
        )
    return max(math.ceil(2.0 * (z * ratio) ** 2), 1)


def is_non_inferior(difference: float, error: float, margin: float, level: float = 0.025) -> bool:
    """Whether a test rules out that the new list is worse than the old one by the margin or more.

    The hypothesis to be refuted is the loss itself, δ ≤ −margin, against δ > −margin. It is refuted where the
    lower end of the interval lies above the margin: difference − z_{1 − level} error > −margin. To find no
    significant difference is something else: a small test finds none, whatever was lost. ICH E9, "Statistical
    Principles for Clinical Trials", 1998, section 3.3.2; Schuirmann, Journal of Pharmacokinetics and
    Biopharmaceutics 1987, with two of them for equivalence.

    Args:
        difference: of the means, new less old.
        error: its standard error, above 0.
        margin: the largest loss that would be put up with, at least 0, chosen before the test; with 0 the
            test is one of superiority, δ ≤ 0 against δ > 0.
        level: the chance to rule out a loss that is there, one-sided, in (0, 1). 0.025 goes with two-sided
            intervals of 95%.
    """
    difference = validation.number("difference", difference)
    error = validation.number("error", error, above=0.0)
    margin = validation.number("margin", margin, least=0.0)
    level = validation.number("level", level, above=0.0, below=1.0)
    return bool((difference + margin) / error > -float(ndtri(level)))


def _edge(level: float) -> float:
    """z_{1 − level/2}, from the logarithm, as half of the smallest level is no float any more."""
    return -float(ndtri_exp(math.log(level) - math.log(2.0)))
