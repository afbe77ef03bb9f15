"""A correction for each part of the traffic: a shift by slice, shrunk towards the shift of all.

One shift repairs the level of all traffic and hides that of its parts: with the young over-predicted by half
and everybody else a little under, the total is right. Slices must be named beforehand: by one that has
nothing to do with what happened, k parameters are paid for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ranking import validation
from ranking.calibration.fresh import fresh_traffic
from ranking.calibration.logistic import Shift
from ranking.validation import Array

WIDEST = 10.0  # a spread at which shifts are as good as free, and still finite in slices of one class
MOST_STEPS = 1_000
CLOSE = 1e-10  # a step of the logit that is not worth taking


@dataclass(frozen=True, eq=False)
class SlicedShift:
    """Each slice moves by its own: ``SlicedShift.fit(labels, logits, slices)(logits, slices)``.

    The shift of slice s is b + d_s, with b the :class:`Shift` of all rows and d_s ~ N(0, τ²) beforehand; d_s
    is the most likely one given its rows (the mode of the posterior). A slice of few rows thus stays near b,
    one of many goes where its labels say. The spread τ is that which the slices themselves show, by the
    moments of DerSimonian and Laird ("Meta-Analysis in Clinical Trials", 1986): by how much Σ S_s² / V_s is
    above its mean k − 1 under τ = 0, where S_s = Σ (y − p) and V_s = Σ p (1 − p) over the slice's rows at the
    shift b.

    Attributes:
        shift: b, which slices get that the fit has not seen.
        slices: codes of those that it has seen, increasing, shape (k,).
        shifts: b + d_s of each, shape (k,).
        spread: τ, in logits.
    """

    shift: float
    slices: NDArray[np.int64]
    shifts: Array
    spread: float

    def __post_init__(self) -> None:
        codes = validation.integers("slices", self.slices)
        shifts = validation.as_floats("shifts", self.shifts)
        validation.rows(slices=codes, shifts=shifts)
        if (codes[1:] <= codes[:-1]).any():
            raise ValueError(f"slices must increase, got {codes}")
        set_ = object.__setattr__
        set_(self, "shift", validation.number("shift", self.shift))
        set_(self, "slices", codes)
        set_(self, "shifts", shifts)
        set_(self, "spread", validation.number("spread", self.spread, least=0.0))

    @classmethod
    def fit(
        cls, labels: ArrayLike, logits: ArrayLike, slices: ArrayLike, spread: float | None = None
    ) -> Self:
        """Learn a shift for each slice.

        Args:
            labels: of fresh rows, 0 or 1, both of them, shape (rows,).
            logits: what the model said for these rows, shape (rows,).
            slices: a whole number for each row, such as an age band, shape (rows,).
            spread: τ in [0, 10]; None to estimate it, capped at 10. At 10 nothing is shrunk to speak of.

        Raises:
            ValueError: as :meth:`Shift.fit` does, and for slices that are no whole numbers.
        """
        y, z = fresh_traffic(labels, logits)
        codes = validation.integers("slices", slices)
        validation.rows(labels=y, slices=codes)
        known, at = np.unique(codes, return_inverse=True)  # (k,), (rows,)
        common = Shift.fit(y, z)
        if spread is None:
            tau = min(shown_spread(y, common(z), at), WIDEST)
        else:
            tau = validation.number("spread", spread, least=0.0, most=WIDEST)
        shifts = common.shift + deviations(y, common(z), at, tau)
        return cls(common.shift, known, shifts, tau)

    def __call__(self, logits: ArrayLike, slices: ArrayLike) -> Array:
        """Corrected logits, from logits and codes of slices of one shape, any."""
        z, codes = validation.as_floats("logits", logits), validation.integers("slices", slices)
        validation.same_shape(logits=z, slices=codes)
        place = np.minimum(np.searchsorted(self.slices, codes), self.slices.size - 1)
        return z + np.where(self.slices[place] == codes, self.shifts[place], self.shift)


def shown_spread(y: Array, z: Array, at: NDArray[np.intp]) -> float:
    """τ by the method of moments, from labels, logits whose common shift is right, and places of slices."""
    p = expit(z)
    excess, variance = np.bincount(at, weights=y - p), np.bincount(at, weights=p * (1.0 - p))  # S, V: (k,)
    # Each slice's d is about S / V with the variance 1 / V; V weighs it.
    room = variance.sum() - (variance**2).sum() / variance.sum()
    if room <= 0.0:
        return 0.0  # one slice is its own mean
    surplus = (excess**2 / variance).sum() - (len(variance) - 1)
    return float(np.sqrt(max(surplus, 0.0) / room))


def deviations(y: Array, z: Array, at: NDArray[np.intp], spread: float) -> Array:
    """d_s of each slice, (k,): the maximum of its log likelihood − d² / 2τ², by Newton's method in each.

    No step is longer than 1: within it the curvature changes by at most a factor of e, so that none leads
    away.
    """
    d = np.zeros(at.max() + 1)
    if spread == 0.0:
        return d
    precision = spread**-2.0
    for _ in range(MOST_STEPS):
        p = expit(z + d[at])  # (rows,)
        gradient = np.bincount(at, weights=y - p) - precision * d  # (k,)
        curvature = np.bincount(at, weights=p * (1.0 - p)) + precision
        step = np.clip(gradient / curvature, -1.0, 1.0)
        d += step
        if np.abs(step).max() < CLOSE:
            return d
    raise ValueError(f"logits must be small enough for a fit, got one of size {np.abs(z).max():g}")
