"""The watch time after a click, t = min(exp(N(μ, σ²)), d): log-normal, and over when the item is over.

With Φ the standard normal distribution function,

    E[t]       = exp(μ + σ²/2) · Φ((ln d − μ − σ²) / σ) + d · Φ((μ − ln d) / σ)
    P(t ≥ c d) = Φ((μ − ln(c d)) / σ)            for a share c of the duration in (0, 1]
    quantile   = min(exp(μ + σ Φ⁻¹(q)), d)

All arguments are arrays that broadcast, μ and σ on the scale of ln seconds, d in seconds; the results have
their type, single or double. Nothing is checked here: that is for those who ask.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

LARGEST_EXPONENT = 80.0  # exp holds it in single precision

Real = TypeVar("Real", np.float32, np.float64)


def deviations(
    mu: NDArray[Real], sigma: NDArray[Real], duration: NDArray[Real], share: float = 1.0
) -> NDArray[Real]:
    """(ln(c d) − μ) / σ: how far off that share of the duration is.

    Without spread the share is reached or not, −∞ or ∞; it is reached where rounding alone keeps μ from it.
    """
    ahead = np.log(duration) - mu
    ahead = ahead + ahead.dtype.type(np.log(share))
    there = (sigma == 0.0) & (ahead <= 4.0 * np.finfo(ahead.dtype).eps * (1.0 + np.abs(mu)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        off: NDArray[Real] = np.where(there, -np.inf, ahead / sigma).astype(ahead.dtype, copy=False)
    return off


def reaches(mu: NDArray[Real], sigma: NDArray[Real], duration: NDArray[Real], share: float) -> NDArray[Real]:
    """P(t ≥ c d)."""
    chance: NDArray[Real] = ndtr(-deviations(mu, sigma, duration, share))
    return chance


def mean(mu: NDArray[Real], sigma: NDArray[Real], duration: NDArray[Real]) -> NDArray[Real]:
    """E[t] in seconds."""
    end = deviations(mu, sigma, duration)
    # where exp would overflow, what it is multiplied with leaves nothing of it
    within = np.exp(np.minimum(mu + sigma**2 / 2, LARGEST_EXPONENT)) * ndtr(end - sigma)
    seconds: NDArray[Real] = within + duration * ndtr(-end)
    return seconds


def quantile(mu: NDArray[Real], sigma: NDArray[Real], duration: NDArray[Real], level: float) -> NDArray[Real]:
    """The time that is not exceeded with a probability of ``level``, in seconds."""
    with np.errstate(over="ignore"):  # what is too large for a float has reached the end
        endless = np.exp(mu + sigma * sigma.dtype.type(ndtri(level)))
    seconds: NDArray[Real] = np.minimum(endless, duration)
    return seconds
