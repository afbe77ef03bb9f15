"""Corrections that are straight lines in the logit: z → slope · z + shift, fitted by maximum likelihood.

:class:`Shift` moves, :class:`Temperature` stretches (Guo et al., "On Calibration of Modern Neural Networks",
ICML 2017), :class:`Platt` does both (Platt, "Probabilistic Outputs for Support Vector Machines", 1999;
without his smoothed targets). None of them changes the order of a list as long as its slope is above 0, and
all cost about k / 2N nats of log loss for k parameters that are learnt from N rows, whether or not anything
was to be repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from ranking import validation
from ranking.calibration.fresh import fresh_traffic
from ranking.validation import Array

MOST_STEPS = 100
ENOUGH = 1e-14  # the gain in mean log likelihood, in nats, below which another step is not worth taking


@dataclass(frozen=True)
class Shift:
    """All logits move by the same: ``Shift.fit(labels, logits)(logits)``.

    What down-sampling asks for is the special case ``Shift(math.log(sampling_rate))``. After a fit the mean
    prediction on the rows of the fit is the mean label there.

    Attributes:
        shift: what is added to each logit.
    """

    shift: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "shift", validation.number("shift", self.shift))

    @classmethod
    def fit(cls, labels: ArrayLike, logits: ArrayLike) -> Self:
        """The shift that makes the labels most likely.

        Args:
            labels: of fresh rows, 0 or 1, both of them, shape (rows,).
            logits: what the model said for these rows, shape (rows,).

        Raises:
            ValueError: labels of one class, or logits so large that they leave no finite maximum to find.
        """
        y, z = fresh_traffic(labels, logits)
        start = logit(y.mean()) - z.mean()  # near enough for Newton's method, however far the level is off
        (shift,) = most_likely(y, columns=np.ones((z.size, 1)), start=[start], offset=z)
        return cls(float(shift))

    def __call__(self, logits: ArrayLike) -> Array:
        """Corrected logits, of the shape of ``logits``, any."""
        return validation.as_floats("logits", logits) + self.shift


@dataclass(frozen=True)
class Temperature:
    """All logits are stretched by the same: ``Temperature.fit(labels, logits)(logits)``.

    A prediction of one half stays where it is, so that a level that is off near a rare event cannot be
    repaired without bending the rest.

    Attributes:
        slope: what each logit is multiplied by; below 1 the predictions were too sure of themselves. The
            temperature of the literature is 1 / slope.
    """

    slope: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", validation.number("slope", self.slope))

    @classmethod
    def fit(cls, labels: ArrayLike, logits: ArrayLike) -> Self:
        """The slope that makes the labels most likely; arguments and errors as in :meth:`Shift.fit`.

        There must be a finite one: logits whose signs tell all labels apart have none.
        """
        y, z = fresh_traffic(labels, logits)
        signed = np.where(y == 1.0, z, -z)
        if (signed >= 0.0).all() or (signed <= 0.0).all():
            raise ValueError("logits must not tell all labels apart by their signs: no slope is steep enough")
        (slope,) = most_likely(y, columns=z[:, None], start=[1.0])
        return cls(float(slope))

    def __call__(self, logits: ArrayLike) -> Array:
        """Corrected logits, of the shape of ``logits``, any."""
        return self.slope * validation.as_floats("logits", logits)


@dataclass(frozen=True)
class Platt:
    """Logits move and stretch: ``Platt.fit(labels, logits)(logits)``.

    Attributes:
        slope: what each logit is multiplied by.
        shift: what is added then.
    """

    slope: float
    shift: float

    def __post_init__(self) -> None:
        for name in ("slope", "shift"):
            object.__setattr__(self, name, validation.number(name, getattr(self, name)))

    @classmethod
    def fit(cls, labels: ArrayLike, logits: ArrayLike) -> Self:
        """The slope and shift that make the labels most likely; arguments and errors as in :meth:`Shift.fit`.

        There must be finite ones: the logits of the two classes must overlap.
        """
        y, z = fresh_traffic(labels, logits)
        negative, positive = z[y == 0.0], z[y == 1.0]
        if negative.max() <= positive.min() or positive.max() <= negative.min():
            raise ValueError("logits of the two labels must overlap, or no slope is steep enough")
        slope, shift = most_likely(y, columns=np.stack([z, np.ones_like(z)], axis=1), start=[1.0, 0.0])
        return cls(float(slope), float(shift))

    def __call__(self, logits: ArrayLike) -> Array:
        """Corrected logits, of the shape of ``logits``, any."""
        return self.slope * validation.as_floats("logits", logits) + self.shift


def most_likely(y: Array, columns: Array, start: ArrayLike, offset: Array | float = 0.0) -> Array:
    """Coefficients b, (k,), that make labels y, (rows,), most likely where p = σ(columns · b + offset).

    Newton's method: the log likelihood is concave, with the gradient Σ (y − p) x and the curvature
    Σ p (1 − p) x xᵀ over the rows x of ``columns``, (rows, k). A step that overshoots is halved.
    """
    b = np.asarray(start, dtype=np.float64)
    reached = log_likelihood(y, columns @ b + offset)
    for _ in range(MOST_STEPS):
        z = columns @ b + offset  # (rows,)
        gradient = columns.T @ (y - expit(z))  # (k,)
        curvature = columns.T @ (columns * (expit(z) * expit(-z))[:, None])  # (k, k)
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            break  # predictions of exactly 0 and 1 say nothing of where to go
        gain = float(gradient @ step) / 2.0  # what the step promises
        if gain <= ENOUGH * y.size:
            return np.asarray(b + step)
        while (now := log_likelihood(y, columns @ (b + step) + offset)) < reached:
            step = step / 2.0
        b, reached = b + step, now
    largest = np.abs(columns @ np.asarray(start) + offset).max()
    raise ValueError(f"logits must be small enough for a fit, got one of size {largest:g}")


def log_likelihood(y: Array, z: Array) -> float:
    """ln of the chance of labels y at logits z, both (rows,)."""
    return float((y * z - np.logaddexp(0.0, z)).sum())
