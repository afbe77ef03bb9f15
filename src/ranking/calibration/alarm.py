"""An alarm on the level of predictions that may be looked at as often as one likes.

A test at 5% that is repeated every day rings far more often than 5% in a month without any fault. A
likelihood ratio that is averaged over what the fault might be is a martingale while there is none: that it
ever reaches 1 / level has at most the chance ``level``, whenever one stops (Ville's inequality). Robbins,
"Statistical Methods Related to the Law of the Iterated Logarithm", 1970; Johari et al., "Peeking at A/B
Tests", KDD 2017 (mixture SPRT).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
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

    An alarm is a value: ``update`` gives the one that has seen more, and leaves this one as it is.

    Attributes:
        level: the false-alarm rate over all of time, in (0, 1).
        tau: τ, the size of a fault that it is made for, in logits (.1 is a level off by about 10% where
            events are rare), above 0. Others are found, too, only later.
        rows, excess, variance: how many rows it has seen, and S and V over them.
        rang_after: after how many rows it first rang; None while it has not. Later rows do not silence it.
    """

    level: float = 0.05
    tau: float = 0.1
    rows: int = 0
    excess: float = 0.0
    variance: float = 0.0
    rang_after: int | None = None

    def __post_init__(self) -> None:
        rows = validation.whole_number("rows", self.rows)
        kept: dict[str, float] = {
            "level": validation.number("level", self.level, above=0.0, below=1.0),
            "tau": validation.number("tau", self.tau, above=0.0),
            "rows": rows,
            "excess": validation.number("excess", self.excess),
            "variance": validation.number("variance", self.variance, least=0.0),
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
        return float(log_mixture_ratio(np.array(self.excess), np.array(self.variance), self.tau))

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
        _, excess, variance = self._followed(labels, predictions)
        return log_mixture_ratio(excess, variance, self.tau)

    def update(self, labels: ArrayLike, predictions: ArrayLike) -> Self:
        """The alarm after some more rows, each of which it looks at; arguments as in :meth:`log_ratios`."""
        more, excess, variance = self._followed(labels, predictions)
        ringing = np.flatnonzero(log_mixture_ratio(excess, variance, self.tau) >= self.threshold)
        rang_after = self.rang_after
        if rang_after is None and ringing.size:
            rang_after = self.rows + int(ringing[0]) + 1
        return replace(
            self,
            rows=self.rows + more,
            excess=float(excess[-1]),
            variance=float(variance[-1]),
            rang_after=rang_after,
        )

    def _followed(self, labels: ArrayLike, predictions: ArrayLike) -> tuple[int, Array, Array]:
        """How many rows, and S and V after each of them."""
        y = validation.binary("labels", labels)
        p = validation.probabilities("predictions", predictions)
        validation.rows(labels=y, predictions=p)
        return y.size, self.excess + np.cumsum(y - p), self.variance + np.cumsum(p * (1.0 - p))


def log_mixture_ratio(excess: Array, variance: Array, tau: float) -> Array:
    """ln Λ from S and V, of one shape, at a τ."""
    spread = tau**2 * variance
    return np.asarray((tau * excess) ** 2 / (2.0 * (1.0 + spread)) - np.log1p(spread) / 2.0)
