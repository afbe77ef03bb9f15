"""Watch time (观看时长): what several losses learn when they are asked how long an item will be watched.

Chapter 6; claims F1–F4 of the source map and slips X4 and X9. Throughout, t is a watch time in seconds, u the
``unit`` in seconds that it is counted in (1 for seconds, 60 for minutes), z a logit and p = sigmoid(z).

What each loss converges to, for rows that look alike to the model (P is their click probability):

==========================  ==========================================================================
loss                        prediction, in seconds
==========================  ==========================================================================
``watch_time_loss``         u·exp(z) → E[t/(u+t)] / E[1/(u+t)], at most E[t], and dependent on u (X9)
``geometric_loss``          u·exp(z) → E[t]
``weighted_logistic_loss``  u·exp(z) → P · E[t | click] / (1 − P); times (1 − P): seconds per impression
``squared_error``           u·o → E[t]
``log_squared_error``       u·exp(o) → exp(E[ln t]); times ``smearing_factor``: near E[t]
``quantile_loss``           F⁻¹(E[F(t)]), F the distribution in the item's ``DurationQuantiles`` group
==========================  ==========================================================================

Losses take tensors and are computed from logits; everything else takes arrays and gives float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_ndtr, ndtr, ndtri
from torch import Tensor

from ranking import validation
from ranking.validation import Array

QUADRATURE_NODES = 128
QUADRATURE_REACH = 9.0  # standard deviations: what lies beyond has a probability of 1e-19


def watch_time_target(watch_time: ArrayLike, unit: float = 1.0) -> Array:
    """The source's target y = t / (u + t), in [0, 1): with t in units of u it is t / (1 + t) (claim F3)."""
    t = validation.non_negative("watch_time", watch_time)
    return t / (_unit(unit) + t)


def predicted_watch_time(logits: ArrayLike, unit: float = 1.0) -> Array:
    """The odds of p as seconds, u·exp(z) (claim F4).

    Raises:
        ValueError: also where exp(z) is more than a float can hold (z above 709).
    """
    u = _unit(unit)
    with np.errstate(over="ignore"):
        seconds = u * np.exp(validation.as_floats("logits", logits))
    return validation.as_floats("unit * exp(logits)", seconds)


def seconds_per_impression(logits: ArrayLike, p_click: ArrayLike, unit: float = 1.0) -> Array:
    """Expected seconds per impression from a weighted logistic regression: u·exp(z)·(1 − P).

    Covington et al. (RecSys 2016) leave out the factor, as their click rates are small.

    Args:
        logits: of a model trained with :func:`weighted_logistic_loss`, any shape.
        p_click: P, calibrated click probabilities in [0, 1], same shape.
        unit: as in training.
    """
    p = validation.probabilities("p_click", p_click)
    seconds = predicted_watch_time(logits, unit)
    validation.same_shape(logits=seconds, p_click=p)
    return seconds * (1.0 - p)


def weighted_logistic_limit(p_click: ArrayLike, mean: ArrayLike) -> Array:
    """What a perfect weighted logistic regression says, in seconds: P·m / (1 − P).

    Args:
        p_click: P in [0, 1), any shape.
        mean: m = E[t | click] in seconds, same shape.
    """
    p = validation.probabilities("p_click", p_click)
    m = validation.non_negative("mean", mean)
    validation.same_shape(p_click=p, mean=m)
    if (p == 1.0).any():
        raise ValueError("p_click must be below 1: without a row that is not clicked the odds are infinite")
    return p * m / (1.0 - p)


def smearing_factor(watch_time: ArrayLike, predictions: ArrayLike) -> float:
    """Mean of t / prediction over training rows: what turns exp(predicted ln t) into a mean.

    The mean of the exponentiated residuals of ln t (Duan, "Smearing Estimate", JASA 1983). One number mends
    the mean of every prediction if the residuals are distributed alike everywhere.

    Args:
        watch_time: t, at least 0, shape (rows,).
        predictions: exp(predicted ln t) in seconds, above 0, same shape.
    """
    t = validation.non_negative("watch_time", watch_time)
    seconds = validation.positive("predictions", predictions)
    validation.same_shape(watch_time=t, predictions=seconds)
    validation.not_empty("watch_time", t)
    return float(np.mean(t / seconds))


def source_limit(watch_time: ArrayLike, unit: float = 1.0) -> float:
    """What u·exp(z) of :func:`watch_time_loss` converges to on rows that look alike (slip X9), in seconds.

    It is the mean of t with weights 1 / (u + t): between the harmonic mean (u near 0) and the mean (u large).

    Args:
        watch_time: t of those rows, any shape, at least one.
        unit: u in seconds.
    """
    t = validation.non_negative("watch_time", watch_time)
    validation.not_empty("watch_time", t)
    return float(np.average(t, weights=1.0 / (_unit(unit) + t)))


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
        parts = [
            validation.as_floats("mu", self.mu),
            validation.non_negative("sigma", self.sigma),
            np.inf if self.duration is None else validation.positive("duration", self.duration),
        ]
        try:
            mu, sigma, duration = np.broadcast_arrays(*parts)
        except ValueError as error:
            raise ValueError(f"mu, sigma and duration must broadcast: {error}") from None
        for name, value in {"mu": mu, "sigma": sigma, "duration": duration}.items():
            object.__setattr__(self, name, value)

    @cached_property
    def _end(self) -> Array:
        """Where the item ends, in standard deviations from μ."""
        ahead = np.log(self.duration) - self.mu
        certain = np.where(ahead < 0.0, -np.inf, np.inf)  # without spread the item ends before or after
        return np.divide(ahead, self.sigma, out=certain, where=self.sigma > 0.0)

    @cached_property
    def _to_the_end(self) -> Array:
        """P(t = d)."""
        return ndtr(-self._end)

    def _moment(self, k: float) -> Array:
        """E[t^k]."""
        # one exponential, as its two factors may be too large and too small for a float
        inside = np.exp(k * self.mu + (k * self.sigma) ** 2 / 2 + log_ndtr(self._end - k * self.sigma))
        last = np.where(np.isinf(self.duration), 1.0, self.duration) ** k  # never reached without an end
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
        last = np.log(np.where(np.isinf(self.duration), 1.0, self.duration))
        inside = self.mu * ndtr(self._end) - self.sigma * density
        return np.exp(inside + last * self._to_the_end)

    @property
    def median(self) -> Array:
        """Median of t in seconds."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> Array:
        """Quantile of t in seconds, for a level in (0, 1)."""
        q = validation.number("level", level)
        if not 0.0 < q < 1.0:
            raise ValueError(f"level must be in (0, 1), got {level}")
        with np.errstate(over="ignore"):  # what is too large for a float has reached the end
            return np.minimum(np.exp(self.mu + self.sigma * ndtri(q)), self.duration)

    def reaches(self, share: float) -> Array:
        """P(played at least ``share`` of the duration), for a share in (0, 1]; 0 without an end."""
        ahead = np.log(validation.rate("share", share) * self.duration) - self.mu
        certain = np.where(ahead <= 0.0, -np.inf, np.inf)
        return ndtr(-np.divide(ahead, self.sigma, out=certain, where=self.sigma > 0.0))

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
        log_u = np.log(_unit(unit))
        top = np.clip(self._end, -QUADRATURE_REACH, QUADRATURE_REACH)
        half = (top + QUADRATURE_REACH) / 2
        at_end = np.log(self.duration) - log_u
        target = self._to_the_end * expit(at_end)
        rest = self._to_the_end * expit(-at_end)
        for node, weight in zip(*quadrature(), strict=True):
            x = half * (node + 1.0) - QUADRATURE_REACH
            mass = weight * half * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
            log_odds = self.mu + self.sigma * x - log_u  # t / (u + t) = sigmoid(ln t − ln u)
            target = target + mass * expit(log_odds)
            rest = rest + mass * expit(-log_odds)
        return target, rest


def quadrature() -> tuple[Array, Array]:
    """Nodes and weights of the Gauss–Legendre rule on [−1, 1] that :class:`LogNormalWatchTime` uses."""
    return np.polynomial.legendre.leggauss(QUADRATURE_NODES)


@dataclass(frozen=True, eq=False)
class DurationQuantiles:
    """Watch times as quantiles among items of about the same duration, and back.

    D2Q, "duration-deconfounded quantile-based" prediction (Zhan et al., KDD 2022): rows are cut into groups
    by duration, as equal in number as ties allow; a model learns at which quantile of its own group a row
    stands (:func:`quantile_loss`); the group's distribution turns the predicted quantile into seconds.

    Attributes:
        edges: durations at which a new group begins, ascending, shape (groups − 1,).
        samples: the watch times of each group's training rows, ascending.
    """

    edges: Array
    samples: tuple[Array, ...]

    @classmethod
    def fit(cls, duration: ArrayLike, watch_time: ArrayLike, groups: int = 10) -> DurationQuantiles:
        """Cut into groups and keep the watch times of each.

        Args:
            duration: seconds, above 0, shape (rows,).
            watch_time: seconds, at least 0, shape (rows,).
            groups: how many; fewer come out where many rows share one duration.
        """
        d, t = validation.positive("duration", duration), validation.non_negative("watch_time", watch_time)
        validation.same_shape(duration=d, watch_time=t)
        validation.not_empty("duration", d)
        if d.ndim != 1:
            raise ValueError(f"duration must have shape (rows,), got {d.shape}")
        levels = np.arange(1, validation.positive_int("groups", groups)) / groups
        edges = np.unique(np.quantile(d, levels, method="higher"))  # durations of rows: no group is empty
        edges = edges[edges > d.min()]
        group = np.searchsorted(edges, d, side="right")
        return cls(edges, tuple(np.sort(t[group == k]) for k in range(len(edges) + 1)))

    def group(self, duration: ArrayLike) -> NDArray[np.intp]:
        """The group of each duration, from 0 up; same shape."""
        return np.searchsorted(self.edges, validation.positive("duration", duration), side="right")

    def targets(self, duration: ArrayLike, watch_time: ArrayLike) -> Array:
        """The share of the group's training rows that were watched for less, ties counting one half.

        Args:
            duration: seconds, above 0, any shape.
            watch_time: seconds, at least 0, same shape.

        Returns:
            Quantiles in [0, 1], same shape; for training rows in (0, 1).
        """
        t, group = validation.non_negative("watch_time", watch_time), self.group(duration)
        validation.same_shape(duration=group, watch_time=t)
        quantiles = np.empty(t.shape)
        for k, times in enumerate(self.samples):
            here = group == k
            below, up_to = (np.searchsorted(times, t[here], side=side) for side in ("left", "right"))
            quantiles[here] = (below + up_to) / (2 * len(times))
        return quantiles

    def watch_time(self, duration: ArrayLike, quantiles: ArrayLike) -> Array:
        """The inverse map: seconds at each quantile in [0, 1] of the duration's group.

        Linear between the training rows; the shortest and the longest of them bound it.
        """
        q, group = validation.probabilities("quantiles", quantiles), self.group(duration)
        validation.same_shape(duration=group, quantiles=q)
        seconds = np.empty(q.shape)
        for k, times in enumerate(self.samples):
            here = group == k
            levels = (np.arange(len(times)) + 0.5) / len(times)
            seconds[here] = np.interp(q[here], levels, times)
        return seconds


def _softplus(z: Tensor) -> Tensor:
    """ln(1 + e^z). From 20 on torch would take z instead, which in double precision is not yet the same."""
    return F.softplus(z, threshold=40.0)


def watch_time_loss(logits: Tensor, watch_time: Tensor, unit: float = 1.0) -> Tensor:
    """The source's loss: cross-entropy of y = t / (u + t) and p = sigmoid(z), its sign right (F2, F3, X4).

    Its gradient at a logit is p − y. Computed as y·softplus(−z) + (1 − y)·softplus(z), with 1 − y taken
    directly as u / (u + t), so that it stays exact for hours of watch time.

    Args:
        logits: z, any shape.
        watch_time: t in seconds, at least 0, same shape.
        unit: u in seconds, above 0.

    Returns:
        The mean over all entries, a scalar in nats.
    """
    t, u = _seconds(logits, watch_time, unit)
    return ((t * _softplus(-logits) + u * _softplus(logits)) / (u + t)).mean()


def geometric_loss(logits: Tensor, watch_time: Tensor, unit: float = 1.0) -> Tensor:
    """−[t ln p + ln(1 − p)] with t in units of u: the source's loss without its weight 1 / (1 + t).

    It is the log likelihood of a geometric distribution with the mean exp(z), and u·exp(z) converges to E[t]
    whatever the distribution is. Its gradient at a logit is (1 + t) p − t.

    Args and returns as :func:`watch_time_loss`.
    """
    t, u = _seconds(logits, watch_time, unit)
    return (t / u * _softplus(-logits) + _softplus(logits)).mean()


def weighted_logistic_loss(logits: Tensor, watch_time: Tensor, clicked: Tensor, unit: float = 1.0) -> Tensor:
    """Covington et al.'s loss over *all* impressions: −[c·t·ln p + (1 − c)·ln(1 − p)] (RecSys 2016).

    A logistic regression of the click c in which a clicked row weighs t and any other row 1. Unlike
    :func:`geometric_loss`, a clicked row does not count as a negative as well.

    Args:
        logits: z, any shape.
        watch_time: t in seconds, at least 0, same shape; read on clicked rows only.
        clicked: c, 0 or 1, same shape.
        unit: u in seconds, above 0.

    Returns:
        The mean over all entries, a scalar.
    """
    t, u = _seconds(logits, watch_time, unit)
    _tensors(clicked=clicked)
    if clicked.shape != logits.shape:
        raise ValueError(
            f"clicked must have the shape of logits, {tuple(logits.shape)}, got {tuple(clicked.shape)}"
        )
    validation.binary("clicked", clicked)
    c = clicked.to(logits.dtype)
    return (c * t / u * _softplus(-logits) + (1 - c) * _softplus(logits)).mean()


def squared_error(outputs: Tensor, watch_time: Tensor, unit: float = 1.0) -> Tensor:
    """Mean of (o − t/u)²: the direct regression of claim F1. u·o converges to E[t], and may fall below 0."""
    t, u = _seconds(outputs, watch_time, unit)
    return (outputs - t / u).square().mean()


def log_squared_error(outputs: Tensor, watch_time: Tensor, unit: float = 1.0) -> Tensor:
    """Mean of (o − ln(t/u))². u·exp(o) converges to the geometric mean of t.

    Raises:
        ValueError: also where a watch time is 0, whose logarithm does not exist: leave such rows out, and
            count them.
    """
    t, u = _seconds(outputs, watch_time, unit)
    validation.positive("watch_time", t)
    return (outputs - torch.log(t / u)).square().mean()


def quantile_loss(logits: Tensor, quantiles: Tensor) -> Tensor:
    """Mean of (sigmoid(z) − q)² for quantiles q in [0, 1] of :meth:`DurationQuantiles.targets` (D2Q)."""
    _tensors(logits=logits, quantiles=quantiles)
    if logits.shape != quantiles.shape:
        raise ValueError(
            f"logits and quantiles must have one shape, got {tuple(logits.shape)}, {tuple(quantiles.shape)}"
        )
    validation.not_empty("logits", logits)
    validation.probabilities("quantiles", quantiles)
    return (torch.sigmoid(logits) - quantiles.to(logits.dtype)).square().mean()


def _seconds(outputs: Tensor, watch_time: Tensor, unit: float) -> tuple[Tensor, float]:
    """Checked watch times in the type of the outputs, and the unit."""
    _tensors(logits=outputs, watch_time=watch_time)
    if not outputs.is_floating_point():
        raise ValueError(f"logits must be of a floating type, got {outputs.dtype}")
    if outputs.shape != watch_time.shape:
        raise ValueError(
            "logits and watch_time must have one shape, got "
            f"{tuple(outputs.shape)} and {tuple(watch_time.shape)}"
        )
    validation.not_empty("logits", outputs)
    validation.non_negative("watch_time", watch_time)
    return watch_time.to(outputs.dtype), _unit(unit)


def _tensors(**given: Tensor) -> None:
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a tensor, got {type(value).__name__}")


def _unit(unit: float) -> float:
    return float(validation.positive("unit", validation.number("unit", unit)))
