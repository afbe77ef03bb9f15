"""An alarm on the level of predictions that may be looked at as often as one likes.

A test at 5% that is repeated every day rings far more often than 5% in a month without any fault. A
likelihood ratio that is averaged over what the fault might be is a martingale while there is none: that it
ever reaches 1 / level has at most the chance ``level``, whenever one stops (Ville's inequality). Robbins,
"Statistical Methods Related to the Law of the Iterated Logarithm", 1970; Johari et al., "Peeking at A/B
Tests", KDD 2017 (mixture SPRT); Howard et al., "Time-uniform, Nonparametric, Nonasymptotic Confidence
Sequences", Annals of Statistics 2021 (one-sided mixtures).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr

from ranking import validation
from ranking.calibration.fresh import first_ring, watched_traffic
from ranking.validation import Array


@dataclass(frozen=True)
class LevelAlarm:
    """Rings when labels can no longer come from predictions: ``alarm = alarm.update(labels, predictions)``.

    It follows S = Σ (y − p) and V = Σ p (1 − p) over all rows so far. Were all logits off by θ, the log
    likelihood ratio against predictions that are right would be about θ S − θ² V / 2; averaged over θ ~ N(0,
    τ²) it is

        ln Λ = τ² S² / (2 (1 + τ² V)) − ln(1 + τ² V) / 2,

    and the alarm rings once ln Λ ≥ ln(1 / level). Without a fault it ever does with a chance of at most
    ``level``. That holds for independent rows whose predictions are the chances themselves (up to the second
    order in θ): days that scatter in level by themselves ring it more often.

    With enough rows it finds any fault, however small. With a ``tolerance`` δ it holds the labels against
    σ(z + δ), for faults upwards, and against σ(z − δ), for faults downwards, z being the logits. Each has its
    own S and V, and a mixture over half of the normal distribution, θ > 0 or θ < 0:

        Λ± = 2 Φ(±x) exp(x² / 2) / √(1 + τ² V),    x = τ S / √(1 + τ² V),    Λ = (Λ₊ + Λ₋) / 2,

    which is the Λ above where δ = 0. Shifts of the logits by at most δ either way, another one for every row
    if they like, make both fall in the mean: the promise holds for all of them, up to the same order.

    Where rows come in groups that share an error, as those of one user do, S varies more than V says. If its
    variance is D V, the design effect, then D rows say as much as one that stands alone: S and V are divided
    by D. It is the mean of (Σ (y − p))² over groups, over that of Σ p (1 − p), on rows known to be calm.

    An alarm is a value: ``update`` gives the one that has seen more, and leaves this one as it is.

    Attributes:
        level: the false-alarm rate over all of time, in (0, 1).
        tau: τ, the size of a fault that it is made for, in logits (.1 is a level off by about 10% where
            events are rare), above 0. Others are found, too, only later.
        tolerance: δ, the shift of the logits that does not matter, at least 0.
        design_effect: D, how many rows say as much as one that stands alone, above 0.
        rows: how many rows it has seen.
        excess, variance: S and V over them, divided by D, against σ(z + δ) and against σ(z − δ).
        rang_after: after how many rows it first rang; None while it has not. Later rows do not silence it.
    """

    level: float = 0.05
    tau: float = 0.1
    tolerance: float = 0.0
    design_effect: float = 1.0
    rows: int = 0
    excess: tuple[float, float] = (0.0, 0.0)
    variance: tuple[float, float] = (0.0, 0.0)
    rang_after: int | None = None

    def __post_init__(self) -> None:
        rows = validation.whole_number("rows", self.rows)
        kept: dict[str, float | tuple[float, ...]] = {
            "level": validation.number("level", self.level, above=0.0, below=1.0),
            "tau": validation.number("tau", self.tau, above=0.0),
            "tolerance": validation.number("tolerance", self.tolerance, least=0.0),
            "design_effect": validation.number("design_effect", self.design_effect, above=0.0),
            "rows": rows,
            "excess": _pair("excess", self.excess),
            "variance": _pair("variance", self.variance, least=0.0),
        }
        if self.rang_after is not None:
            kept["rang_after"] = validation.positive_int("rang_after", self.rang_after, rows, "rows")
        for name, value in kept.items():
            object.__setattr__(self, name, value)

    @property
    def threshold(self) -> float:
        """ln(1 / level), at which it rings."""
        return -math.log(self.level)

    @property
    def log_ratio(self) -> float:
        """ln Λ after all rows so far; 0 before the first."""
        return float(self._log_ratio(np.array(self.excess), np.array(self.variance)))

    @property
    def rang(self) -> bool:
        """Whether it has rung."""
        return self.rang_after is not None

    def log_ratios(self, labels: ArrayLike, predictions: ArrayLike) -> Array:
        """ln Λ after each of some more rows, shape (rows,): the path that :meth:`update` looks at.

        Args:
            labels: what happened, 0 or 1, in the order of time, shape (rows,).
            predictions: what was predicted before, probabilities in [0, 1], shape (rows,).
        """
        return self._log_ratio(*self._followed(labels, predictions))

    def update(self, labels: ArrayLike, predictions: ArrayLike) -> Self:
        """The alarm after some more rows, each of which it looks at; arguments as in :meth:`log_ratios`."""
        excess, variance = self._followed(labels, predictions)
        path = self._log_ratio(excess, variance)
        return replace(
            self,
            rows=self.rows + excess.shape[1],
            excess=tuple(excess[:, -1]),
            variance=tuple(variance[:, -1]),
            rang_after=first_ring(self.rang_after, self.rows, path, self.threshold),
        )

    def _followed(self, labels: ArrayLike, predictions: ArrayLike) -> tuple[Array, Array]:
        """S and V after each row, (2, rows): against the upper and the lower edge of what is tolerated."""
        y, p = watched_traffic(labels, predictions)
        edges = p + np.zeros((2, 1))
        if self.tolerance:
            odds = np.exp([[self.tolerance], [-self.tolerance]])  # (2, 1)
            edges = p * odds / (1.0 - p + p * odds)
        excess = np.cumsum(y - edges, axis=1) / self.design_effect
        variance = np.cumsum(edges * (1.0 - edges), axis=1) / self.design_effect
        return excess + np.array([self.excess]).T, variance + np.array([self.variance]).T

    def _log_ratio(self, excess: Array, variance: Array) -> Array:
        """ln Λ from S and V against both edges, (2, …)."""
        if self.tolerance == 0.0:  # both edges are the predictions, and Φ(x) + Φ(−x) = 1
            return log_mixture_ratio(excess[0], variance[0], self.tau)
        x = self.tau * excess / np.sqrt(1.0 + self.tau**2 * variance)
        sides = log_mixture_ratio(excess, variance, self.tau) + log_ndtr([x[0], -x[1]])
        return np.asarray(np.logaddexp(sides[0], sides[1]))


def log_mixture_ratio(excess: Array, variance: Array, tau: float) -> Array:
    """ln Λ without a tolerance from S and V, of one shape, at a τ."""
    spread = tau**2 * variance
    return np.asarray((tau * excess) ** 2 / (2.0 * (1.0 + spread)) - np.log1p(spread) / 2.0)


def _pair(name: str, values: tuple[float, float], least: float | None = None) -> tuple[float, ...]:
    """Two checked numbers, one for either edge."""
    pair = validation.listed(name, values)
    if len(pair) != 2:
        raise ValueError(f"{name} must be two numbers, got {len(pair)}")
    return tuple(validation.number(f"{name}[{i}]", value, least=least) for i, value in enumerate(pair))
