"""A correction of any shape that keeps the order: isotonic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import logit

from ranking import validation
from ranking.calibration.fresh import fresh_traffic
from ranking.validation import Array


@dataclass(frozen=True, eq=False)
class Isotonic:
    """The non-decreasing steps that fit the labels best: ``Isotonic.fit(labels, logits)(logits)``.

    Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", KDD
    2002. It can repair any bend, and pays for it: it has as many parameters as it finds steps, rows on one
    step are tied (which moves the AUC), and the lowest step is often a rate of exactly 0, of which one wrong
    prediction costs an infinite log loss. Rates are therefore clipped to what half a row in the rows of the
    fit would be, [1 / 2N, 1 − 1 / 2N].

    Attributes:
        knots: increasing logits between which probabilities are interpolated, shape (k,).
        probabilities: at the knots, in (0, 1), not decreasing, shape (k,). Outside of the knots the nearest
            one holds.
    """

    knots: Array
    probabilities: Array

    def __post_init__(self) -> None:
        knots = validation.as_floats("knots", self.knots)
        p = validation.probabilities("probabilities", self.probabilities)
        validation.rows(knots=knots, probabilities=p)
        if (np.diff(knots) <= 0.0).any():
            raise ValueError(f"knots must increase, got {knots}")
        if (np.diff(p) < 0.0).any() or p[0] <= 0.0 or p[-1] >= 1.0:
            raise ValueError(f"probabilities must not decrease, and lie in (0, 1), got {p}")
        object.__setattr__(self, "knots", knots)
        object.__setattr__(self, "probabilities", p)

    @classmethod
    def fit(cls, labels: ArrayLike, logits: ArrayLike) -> Self:
        """Least squares under the condition that nothing decreases, by pooling neighbours that do.

        Args:
            labels: of fresh rows, 0 or 1, both of them, shape (rows,).
            logits: what the model said for these rows, shape (rows,).
        """
        y, z = fresh_traffic(labels, logits)
        values, at, count = np.unique(z, return_inverse=True, return_counts=True)
        mean = np.bincount(at, weights=y) / count  # rows of one logit have one correction
        fitted = isotonic_regression(mean, weights=count).x
        # Only the ends of a step are kept: between them nothing changes.
        ends = np.ones(values.size, dtype=bool)
        ends[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
        least = 0.5 / y.size
        return cls(values[ends], np.clip(fitted[ends], least, 1.0 - least))

    def __call__(self, logits: ArrayLike) -> Array:
        """Corrected logits, of the shape of ``logits``, any."""
        z = validation.as_floats("logits", logits)
        return np.asarray(logit(np.interp(z, self.knots, self.probabilities)))
