"""Rates from counts: smoothed towards a prior, so that few trials do not say more than they know."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ranking import validation
from ranking.validation import Array

PRIOR_WEIGHT = 20.0
"""Imaginary trials at the prior rate."""


def smoothed(successes: Array, trials: Array, prior_rate: float, prior_weight: float = PRIOR_WEIGHT) -> Array:
    """(k + m·prior) / (n + m) for counts and rates that were checked before."""
    return (successes + prior_weight * prior_rate) / (trials + prior_weight)


def smoothed_rate(
    successes: ArrayLike, trials: ArrayLike, prior_rate: float, prior_weight: float = PRIOR_WEIGHT
) -> Array:
    """(k + m·prior) / (n + m): the rate after m imaginary trials at the prior rate.

    With few trials it stays near the prior, with many it goes to k/n. It is the mean of the posterior under
    a Beta(m·prior, m·(1 − prior)) prior.

    Args:
        successes: k, at most ``trials``, any shape.
        trials: n, a shape that broadcasts with it.
        prior_rate: rate over all items, in [0, 1].
        prior_weight: m, above 0, in trials.
    """
    k, n = validation.successes_of(successes, trials)
    prior = validation.number("prior_rate", prior_rate, least=0.0, most=1.0)
    return smoothed(k, n, prior, validation.number("prior_weight", prior_weight, above=0.0))
