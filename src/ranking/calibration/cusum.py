"""A chart of cumulative sums (CUSUM) on the level of predictions: it forgets the calm past.

Page, "Continuous Inspection Schemes", Biometrika 1954; Lorden, "Procedures for Reacting to a Change in
Distribution", Annals of Mathematical Statistics 1971; Siegmund, "Sequential Analysis", 1985.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.calibration.fresh import first_ring, watched_traffic
from ranking.validation import Array


@dataclass(frozen=True)
class LevelCusum:
    """Rings soon after labels stop coming from predictions: ``cusum = cusum.update(labels, predictions)``.

    For a fault that shifts all logits by θ a row adds its log likelihood ratio, and what speaks against the
    fault is forgotten:

        W ← max(0, W + θ (y − p) − θ² p (1 − p) / 2),

    once with θ = ``shift`` and once with θ = −``shift``; it rings once either W ≥ ``threshold``. So a fault
    after a long calm stretch is found as soon as one at the start. Shifts below θ / 2 let W fall in the mean.

    It rings in the end without a fault, too: what a threshold sets is how often. The mean number of rows
    until it does is at least exp(threshold) / 2, as there are two sides (Lorden), for independent rows and up
    to the second order in θ. That is far too low here, where one row says little. About right is

        (exp(threshold) − threshold − 1) / (θ² v),    v the mean of p (1 − p)

    (Siegmund, for sums that move in small steps). Simulate, on rows like one's own, before one relies on it.
    Where rows come in groups that share an error, multiply the threshold by the design effect, see
    :class:`LevelAlarm`.

    A chart is a value: ``update`` gives the one that has seen more, and leaves this one as it is.

    Attributes:
        shift: θ, the fault that is found soonest, in logits, above 0.
        threshold: at which W it rings, above 0.
        rows, upwards, downwards: how many rows it has seen, and W for more and for fewer events than
            predicted.
        rang_after: after how many rows it first rang; None while it has not. Later rows do not silence it.
    """

    shift: float = 0.05
    threshold: float = 6.0
    rows: int = 0
    upwards: float = 0.0
    downwards: float = 0.0
    rang_after: int | None = None

    def __post_init__(self) -> None:
        rows = validation.whole_number("rows", self.rows)
        kept: dict[str, float] = {
            "shift": validation.number("shift", self.shift, above=0.0),
            "threshold": validation.number("threshold", self.threshold, above=0.0),
            "rows": rows,
            "upwards": validation.number("upwards", self.upwards, least=0.0),
            "downwards": validation.number("downwards", self.downwards, least=0.0),
        }
        if self.rang_after is not None:
            kept["rang_after"] = validation.positive_int("rang_after", self.rang_after, rows, "rows")
        for name, value in kept.items():
            object.__setattr__(self, name, value)

    @property
    def log_ratio(self) -> float:
        """The larger W after all rows so far; 0 before the first."""
        return max(self.upwards, self.downwards)

    @property
    def rang(self) -> bool:
        """Whether it has rung."""
        return self.rang_after is not None

    def log_ratios(self, labels: ArrayLike, predictions: ArrayLike) -> Array:
        """The larger W after each of some more rows, shape (rows,): the path that :meth:`update` looks at.

        Args:
            labels: what happened, 0 or 1, in the order of time, shape (rows,).
            predictions: what was predicted before, probabilities in [0, 1], shape (rows,).
        """
        return np.asarray(self._followed(labels, predictions).max(axis=0))

    def update(self, labels: ArrayLike, predictions: ArrayLike) -> Self:
        """The chart after some more rows, each of which it looks at; arguments as in :meth:`log_ratios`."""
        paths = self._followed(labels, predictions)
        path = paths.max(axis=0)
        return replace(
            self,
            rows=self.rows + paths.shape[1],
            upwards=float(paths[0, -1]),
            downwards=float(paths[1, -1]),
            rang_after=first_ring(self.rang_after, self.rows, path, self.threshold),
        )

    def _followed(self, labels: ArrayLike, predictions: ArrayLike) -> Array:
        """W upwards and downwards after each row, (2, rows): a sum less the lowest that it has been."""
        y, p = watched_traffic(labels, predictions)
        theta = np.array([[self.shift], [-self.shift]])
        sums = np.cumsum(theta * (y - p) - theta**2 * p * (1.0 - p) / 2.0, axis=1)
        start = np.array([[self.upwards], [self.downwards]])
        return np.asarray(sums - np.minimum(np.minimum.accumulate(sums, axis=1), -start))
