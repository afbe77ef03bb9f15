"""Completion (完播): how much of an item is played, and whether nearly all of it is.

Chapter 6; claims G1–G3 of the source map, slips X6, X14 and X15. Two targets are both called completion rate:

- the *share played* (播放率), min(t, d) / d, a number in [0, 1] (claim G1);
- the *completion* (完播), played at least 80% of the duration, 0 or 1 (claim G2).

Both are learnt with the cross-entropy of chapter 2, whose minimum lies at the expected share and at the
probability. Both fall with the duration d whatever the interest; :class:`LengthCorrection` divides that out.
Throughout, t is the watch time in seconds, at least 0, and d the duration in seconds, above 0, of one shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ranking import validation
from ranking.simulator.truth import COMPLETED
from ranking.validation import Array

MOST_STEPS = 100  # of Newton's method; a fit that exists takes about ten


def known_duration(duration: ArrayLike) -> NDArray[np.bool_]:
    """Which rows have a duration to divide by: not those where it is 0 or NaN, which stand for "not known".

    Leave the others out, and say how many they were: ``(~known_duration(d)).sum()``. Durations that are
    negative or infinite, which no log should hold, are an error.
    """
    d = validation.as_floats("duration", duration, nan=0.0)
    return validation.non_negative("duration", d) > 0.0


class SharePlayed(NamedTuple):
    """Shares min(t, d) / d in [0, 1], and how many rows were played for longer than d: they count as 1."""

    share: Array
    longer: int


def share_played(watch_time: ArrayLike, duration: ArrayLike) -> SharePlayed:
    """The first target: which share of the item was played (claim G1), 4 of 10 minutes being 0.4.

    For rows without a duration see :func:`known_duration`.
    """
    t, d = _played(watch_time, duration)
    return SharePlayed(share=np.minimum(t, d) / d, longer=int(np.count_nonzero(t > d)))


def completed(watch_time: ArrayLike, duration: ArrayLike, threshold: float = COMPLETED) -> Array:
    """The second target: 1 where at least ``threshold`` of the item was played, else 0 (claim G2, slip X6).

    Exactly the threshold, in (0, 1], counts as completed: 8 of 10 minutes at 0.8. Few decimals are whole in
    binary: 4.8 / 6.0 comes out below 0.8. So a share counts that falls short by no more than four roundings
    of the coarsest type given, 1e-15 of it in double precision and 5e-7 in single.
    """
    t, d = _played(watch_time, duration)
    short = 4.0 * max(map(_rounding, (watch_time, duration, threshold)))
    reached = np.minimum(t, d) / d >= validation.rate("threshold", threshold) * (1.0 - short)
    return reached.astype(np.float64)


def _rounding(values: ArrayLike) -> float:
    """How far the nearest number of the type of an array, tensor or column may lie off, relative to 1."""
    kind = str(getattr(values, "dtype", "float64")).removeprefix("torch.")
    digits = {"float32": 24, "float16": 11, "bfloat16": 8}.get(kind, 53)
    return float(2.0**-digits)


def _played(watch_time: ArrayLike, duration: ArrayLike) -> tuple[Array, Array]:
    t = validation.non_negative("watch_time", watch_time)
    d = validation.positive("duration", duration)
    validation.same_shape(watch_time=t, duration=d)
    return t, d


@dataclass(frozen=True, eq=False)
class LengthCorrection:
    """Completion relative to what is usual at the item's length: p / f(d) (an addition, slip X15).

    f is the mean completion at a duration, as a logistic regression on a natural cubic spline of ln d: it is
    smooth, between 0 and 1, and a straight line in logits beyond the outer knots. Labels may be 0 and 1 or
    shares (the fractional logit of Papke and Wooldridge, 1996).

    The quotient says "1.3 times as often finished as others of this length". It is no probability: it can
    exceed 1, and nothing that was observed has it as its mean.

    With knots ξ₁ < … < ξ_k in ln seconds, u = (ln d − ξ₁) / (ξ_k − ξ₁) and κⱼ = (ξⱼ − ξ₁) / (ξ_k − ξ₁),

        bendⱼ(u) = ((u − κⱼ)₊³ − (u − 1)₊³) / (1 − κⱼ),      (x)₊ = max(x, 0)
        f(d)     = sigmoid(b₀ + b₁ u + Σ_{j=1}^{k−2} b_{j+1} (bendⱼ(u) − bend_{k−1}(u)))

    Attributes:
        knots: ξ, in ln seconds, ascending, at least 3, shape (k,).
        coefficients: b, shape (k,).
    """

    knots: Array
    coefficients: Array

    def __post_init__(self) -> None:
        for name in ("knots", "coefficients"):
            object.__setattr__(self, name, validation.as_floats(name, getattr(self, name)))
        validation.rows(knots=self.knots, coefficients=self.coefficients)
        if len(self.knots) < 3 or (np.diff(self.knots) <= 0.0).any():
            raise ValueError(f"knots must be at least 3 and ascend, got {self.knots}")

    @classmethod
    def fit(cls, duration: ArrayLike, completion: ArrayLike, knots: int = 4) -> LengthCorrection:
        """Fit f to rows; over those rows the mean of f is the mean of the labels.

        Shapes are (rows,); ``completion`` holds labels or shares in [0, 1], not all 0 and not all 1. At least
        3 knots are laid at evenly spread quantiles of ln d, where it must have different values.
        """
        d = validation.positive("duration", duration)
        y = validation.probabilities("completion", completion)
        validation.rows(duration=d, completion=y)
        if validation.positive_int("knots", knots) < 3:
            raise ValueError(f"knots must be at least 3, got {knots}")
        if y.mean() in (0.0, 1.0):
            raise ValueError(f"completion must not be {y.mean():.0f} in every row: there is no f to fit")
        places = np.quantile(np.log(d), np.linspace(0.05, 0.95, knots))
        if (np.diff(places) <= 0.0).any():
            found = np.exp(places).round(3)
            raise ValueError(f"duration must have different values at {knots} quantiles, got {found}")
        return cls(places, _logistic_regression(_natural_spline(np.log(d), places), y))

    def expected(self, duration: ArrayLike) -> Array:
        """f(d): the usual completion at each duration, in (0, 1), same shape."""
        log_d = np.log(validation.positive("duration", duration))
        return np.asarray(expit(_natural_spline(log_d, self.knots) @ self.coefficients))

    def correct(self, predictions: ArrayLike, duration: ArrayLike) -> Array:
        """Predictions p in [0, 1] of the target of f divided by what is usual: p / f(d), same shape as d.

        At least 0, and above 1 where p is more than usual.
        """
        p, usual = validation.probabilities("predictions", predictions), self.expected(duration)
        validation.same_shape(predictions=p, duration=usual)
        return p / usual


def _natural_spline(x: Array, knots: Array) -> Array:
    """Basis of a natural cubic spline: 1, x and k − 2 curves; shape (*x.shape, k).

    The truncated powers of Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*, section
    5.2.1, in units of the knots' span so that all columns are of one size.
    """
    span = knots[-1] - knots[0]
    x, at = (x - knots[0]) / span, (knots - knots[0]) / span
    cubes = np.maximum(x[..., None] - at, 0.0) ** 3  # (*x.shape, k)
    bends = (cubes[..., :-1] - cubes[..., -1:]) / (at[-1] - at[:-1])  # (*x.shape, k − 1)
    line = np.stack((np.ones_like(x), x), axis=-1)
    return np.concatenate((line, bends[..., :-1] - bends[..., -1:]), axis=-1)


def _logistic_regression(features: Array, y: Array) -> Array:
    """Coefficients with the smallest cross-entropy, by Newton's method; the problem is convex.

    There may be no minimum, as where all short items and no long ones are completed: an error.
    """
    beta = np.zeros(features.shape[1])
    beta[0] = np.log(y.mean() / (1.0 - y.mean()))
    for _ in range(MOST_STEPS):
        p = expit(features @ beta)  # (rows,)
        curvature = features.T @ (features * (p * (1.0 - p))[:, None])  # (k, k)
        try:
            step = np.linalg.solve(curvature, features.T @ (y - p))
        except np.linalg.LinAlgError:
            break
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return beta
    raise ValueError("completion must not be decided by the duration alone: the fit does not settle")
