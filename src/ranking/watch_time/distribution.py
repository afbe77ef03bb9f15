"""The distribution of watch times, in closed form: what a perfect model of a kind would say (chapter 6)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit, log_ndtr, ndtr

from ranking import validation
from ranking.simulator import log_normal
from ranking.validation import Array

QUADRATURE_NODES = 128
QUADRATURE_REACH = 9.0  # standard deviations: what lies beyond has a probability of 1e-19
LARGEST_SIGMA = 100.0  # beyond, t is 0 or infinite to a float within a few standard deviations
BEND = 40.0  # the sigmoid of this is 1, and that of minus this an exponential, to a float


@dataclass(frozen=True, eq=False)
class LogNormalWatchTime:
    """The watch time of one user and one item as the simulator draws it: t = min(exp(N(μ, σ²)), d).

    Attributes:
        mu: mean of ln t before the item ends, any shape.
        sigma: standard deviation of ln t, from 0 to 100, broadcasting with ``mu``.
        duration: d in seconds, above 0, broadcasting with ``mu``; None for a watch time without end.

    Raises:
        ValueError: anything is not as above, or what is asked for is too large for a float.
    """

    mu: Array
    sigma: Array
    duration: Array | None = None

    def __post_init__(self) -> None:
        mu, sigma = validation.as_floats("mu", self.mu), validation.non_negative("sigma", self.sigma)
        end = np.array(np.inf) if self.duration is None else validation.positive("duration", self.duration)
        if (sigma > LARGEST_SIGMA).any():
            raise ValueError(f"sigma must be at most {LARGEST_SIGMA:g}, got {sigma.max():g}")
        try:
            mu, sigma, end = np.broadcast_arrays(mu, sigma, end)
        except ValueError as error:
            raise ValueError(f"mu, sigma and duration must broadcast: {error}") from None
        for name, value in {"mu": mu, "sigma": sigma + 0.0, "duration": end}.items():
            object.__setattr__(self, name, value)  # σ + 0 turns a −0 into 0

    @property
    def _d(self) -> Array:
        """The duration of every entry, infinite without an end."""
        return np.asarray(self.duration)

    def _to(self, share: float) -> Array:
        """Standard deviations from μ to that share of the duration; without spread it is reached or not."""
        return log_normal.deviations(self.mu, self.sigma, self._d, share)

    @cached_property
    def _end(self) -> Array:
        """Where the item ends, in standard deviations from μ."""
        return self._to(1.0)

    @cached_property
    def _to_the_end(self) -> Array:
        """P(t = d)."""
        return np.asarray(ndtr(-self._end))

    def _log_moment(self, k: float) -> Array:
        """ln E[t^k], as its factors may be too large and too small for a float."""
        inside: Array = k * self.mu + (k * self.sigma) ** 2 / 2 + log_ndtr(self._end - k * self.sigma)
        last = np.where(np.isinf(self._d), 1.0, self._d)  # never reached without an end
        return np.asarray(np.logaddexp(inside, k * np.log(last) + log_ndtr(-self._end)))

    @property
    def mean(self) -> Array:
        """E[t] in seconds."""
        return _seconds("mean", self._log_moment(1.0))

    @property
    def harmonic_mean(self) -> Array:
        """1 / E[1/t] in seconds."""
        return _seconds("harmonic_mean", -self._log_moment(-1.0))

    @property
    def geometric_mean(self) -> Array:
        """exp(E[ln t]) in seconds: what :func:`log_squared_error` converges to."""
        density = np.exp(-(np.clip(self._end, -BEND, BEND) ** 2) / 2) / np.sqrt(2 * np.pi)  # beyond, 0
        last = np.log(np.where(np.isinf(self._d), 1.0, self._d))
        inside = self.mu * ndtr(self._end) - self.sigma * density
        return _seconds("geometric_mean", inside + last * self._to_the_end)

    @property
    def median(self) -> Array:
        """Median of t in seconds."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> Array:
        """Quantile of t in seconds, for a level in (0, 1)."""
        q = validation.number("level", level, above=0.0, below=1.0)
        return validation.as_floats("quantile", log_normal.quantile(self.mu, self.sigma, self._d, q))

    def reaches(self, share: float) -> Array:
        """P(played at least ``share`` of the duration), for a share in (0, 1]; 0 without an end."""
        return np.asarray(ndtr(-self._to(validation.rate("share", share))))

    def expected_target(self, unit: float = 1.0) -> Array:
        """E[t / (u + t)]: what p = sigmoid(z) of :func:`watch_time_loss` converges to."""
        return np.asarray(np.exp(self._log_expected(1.0, validation.number("unit", unit, above=0.0))))

    def source_limit(self, unit: float = 1.0) -> Array:
        """E[t/(u+t)] / E[1/(u+t)] in seconds: what u·exp(z) of :func:`watch_time_loss` converges to (X9).

        Without an end, u = median gives the median, exactly: ln t is symmetric around it.
        """
        u = validation.number("unit", unit, above=0.0)
        return _seconds("source_limit", np.log(u) + self._log_expected(1.0, u) - self._log_expected(-1.0, u))

    def _log_expected(self, sign: float, unit: float) -> Array:
        """ln E[sigmoid(ln t − ln u)] = ln E[t / (u + t)], or with the sign −1 ln E[u / (u + t)].

        With ln t = μ + σx the integrand is log-concave, and bends at least as much as exp(−x²/2): all of it
        lies within ``QUADRATURE_REACH`` of its peak. Where σ is large, the sigmoid turns sharply at t = u, or
        the integral ends where it is steep; panels, each ten times as long as the last, go out from there.
        """
        log_u = np.log(unit)
        slope, offset = sign * self.sigma, sign * (self.mu - log_u)  # the sigmoid is of offset + slope · x
        end, widest = np.maximum(self._end, -BEND), float(self.sigma.max(initial=0.0))
        peak = np.minimum(slope * _peak(offset, self.sigma), end)
        low, high = peak - QUADRATURE_REACH, np.minimum(end, peak + QUADRATURE_REACH)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            turn = np.clip(np.where(slope == 0.0, low, np.minimum(-offset / slope, end)), low, high)
            lengths = [BEND * 10.0**k / self.sigma for k in range(_decades(2 * QUADRATURE_REACH * widest))]
        left = [np.maximum(turn - length, low) for length in reversed(lengths)]
        right = [np.minimum(turn + length, high) for length in lengths]
        edges = [low, *left, turn, *right, high] if lengths else [low, high]
        top = log_expit(offset + slope * peak) - peak**2 / 2
        total, rule = np.zeros_like(top), list(zip(*quadrature(), strict=True))
        for begin, stop in itertools.pairwise(edges):
            half = (stop - begin) / 2
            for node, weight in rule:
                x = begin + half * (node + 1.0)
                total += weight * half * np.exp(log_expit(offset + slope * x) - x**2 / 2 - top)
        inside = np.log(total) + top - np.log(2 * np.pi) / 2
        at_end = log_expit(sign * (np.log(self._d) - log_u)) + log_ndtr(-self._end)
        return np.asarray(np.logaddexp(inside, at_end))


def _peak(offset: Array, sigma: Array) -> Array:
    """Where sigmoid(offset + σy) exp(−y²/2) is largest, as y / σ in [0, 1], y right to 0.1; by bisection.

    The derivative of its logarithm, σ sigmoid(−offset − σy) − y, falls with y.
    """
    found, step = np.zeros_like(offset), 0.5
    for _ in range(max(0, math.ceil(math.log2(10.0 * sigma.max(initial=0.1))))):
        further = found + step
        found = np.where(expit(-offset - sigma**2 * further) > further, further, found)
        step /= 2
    return found


def _decades(length: float) -> int:
    """How many panels of ``BEND``, ten times that, and so on begin before that length."""
    return max(0, math.ceil(math.log10(max(length, BEND) / BEND)))


def _seconds(name: str, log_seconds: ArrayLike) -> Array:
    """From ln seconds to seconds, an error where no float can hold them."""
    with np.errstate(over="ignore"):
        return validation.as_floats(name, np.exp(log_seconds))


def quadrature() -> tuple[Array, Array]:
    """Nodes and weights of the Gauss–Legendre rule on [−1, 1] that :class:`LogNormalWatchTime` uses."""
    return np.polynomial.legendre.leggauss(QUADRATURE_NODES)
