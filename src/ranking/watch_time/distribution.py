"""The distribution of watch times, in closed form: what a perfect model of a kind would say (chapter 6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, log_ndtr, ndtr

from ranking import validation
from ranking.simulator import log_normal
from ranking.validation import Array

QUADRATURE_NODES = 128
QUADRATURE_REACH = 9.0  # standard deviations: what lies beyond has a probability of 1e-19


@dataclass(frozen=True, eq=False)
class LogNormalWatchTime:
    """The watch time of one user and one item as the simulator draws it: t = min(exp(N(μ, σ²)), d).

    Attributes:
        mu: mean of ln t before the item ends, any shape.
        sigma: standard deviation of ln t, at least 0, broadcasting with ``mu``.
        duration: d in seconds, above 0, broadcasting with ``mu``; None for a watch time without end.
    """

    mu: Array
    sigma: Array
    duration: Array | None = None

    def __post_init__(self) -> None:
        mu, sigma = validation.as_floats("mu", self.mu), validation.non_negative("sigma", self.sigma)
        end = np.array(np.inf) if self.duration is None else validation.positive("duration", self.duration)
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
        off = log_normal.deviations(self.mu, self.sigma, self._d, share)
        return np.where(np.isnan(off), -np.inf, off)

    @cached_property
    def _end(self) -> Array:
        """Where the item ends, in standard deviations from μ."""
        return self._to(1.0)

    @cached_property
    def _to_the_end(self) -> Array:
        """P(t = d)."""
        return np.asarray(ndtr(-self._end))

    def _moment(self, k: float) -> Array:
        """E[t^k], with one exponential: its two factors may be too large and too small for a float."""
        inside: Array = np.exp(k * self.mu + (k * self.sigma) ** 2 / 2 + log_ndtr(self._end - k * self.sigma))
        last = np.where(np.isinf(self._d), 1.0, self._d) ** k  # never reached without an end
        return inside + last * self._to_the_end

    @property
    def mean(self) -> Array:
        """E[t] in seconds."""
        return self._moment(1.0)

    @property
    def harmonic_mean(self) -> Array:
        """1 / E[1/t] in seconds."""
        return 1.0 / self._moment(-1.0)

    @property
    def geometric_mean(self) -> Array:
        """exp(E[ln t]) in seconds: what :func:`log_squared_error` converges to."""
        density = np.exp(-(self._end**2) / 2) / np.sqrt(2 * np.pi)
        last = np.log(np.where(np.isinf(self._d), 1.0, self._d))
        inside = self.mu * ndtr(self._end) - self.sigma * density
        return np.asarray(np.exp(inside + last * self._to_the_end))

    @property
    def median(self) -> Array:
        """Median of t in seconds."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> Array:
        """Quantile of t in seconds, for a level in (0, 1)."""
        q = validation.number("level", level, above=0.0, below=1.0)
        return log_normal.quantile(self.mu, self.sigma, self._d, q)

    def reaches(self, share: float) -> Array:
        """P(played at least ``share`` of the duration), for a share in (0, 1]; 0 without an end."""
        return np.asarray(ndtr(-self._to(validation.rate("share", share))))

    def expected_target(self, unit: float = 1.0) -> Array:
        """E[t / (u + t)]: what p = sigmoid(z) of :func:`watch_time_loss` converges to."""
        return self._expected_target_and_rest(unit)[0]

    def source_limit(self, unit: float = 1.0) -> Array:
        """E[t/(u+t)] / E[1/(u+t)] in seconds: what u·exp(z) of :func:`watch_time_loss` converges to (X9).

        Without an end, u = median gives the median, exactly: ln t is symmetric around it.
        """
        target, rest = self._expected_target_and_rest(unit)
        return unit * target / rest

    def _expected_target_and_rest(self, unit: float) -> tuple[Array, Array]:
        """E[t / (u + t)] and E[u / (u + t)], each by itself, as their sum of 1 would swallow a small one."""
        log_u = np.log(validation.number("unit", unit, above=0.0))
        top = np.clip(self._end, -QUADRATURE_REACH, QUADRATURE_REACH)
        half = (top + QUADRATURE_REACH) / 2
        log_odds = np.log(self._d) - log_u  # t / (u + t) = sigmoid(ln t − ln u), here of t = d
        target, rest = self._to_the_end * expit(log_odds), self._to_the_end * expit(-log_odds)
        for node, weight in zip(*quadrature(), strict=True):
            x = half * (node + 1.0) - QUADRATURE_REACH
            mass = weight * half * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
            log_odds = self.mu + self.sigma * x - log_u
            target, rest = target + mass * expit(log_odds), rest + mass * expit(-log_odds)
        return target, rest


def quadrature() -> tuple[Array, Array]:
    """Nodes and weights of the Gauss–Legendre rule on [−1, 1] that :class:`LogNormalWatchTime` uses."""
    return np.polynomial.legendre.leggauss(QUADRATURE_NODES)
