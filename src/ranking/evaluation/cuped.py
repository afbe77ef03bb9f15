"""Less noise from what was known before: the adjustment called CUPED (chapter 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.validation import Array


def adjusted(values: ArrayLike, covariate: ArrayLike, mean: float | None = None) -> Array:
    """Outcomes less what a covariate told of them beforehand: y − θ (x − mean), θ = cov(x, y) / var(x).

    Their mean estimates the same as that of ``values``, and their variance is (1 − ρ²) times as large, where
    ρ is the correlation of the two. From Deng, Xu, Kohavi and Walker (WSDM 2013), who take for x the same
    metric before a test; it may be anything that the treatment cannot change.

    Args:
        values: an outcome of each request or user, y, (rows,).
        covariate: of the same rows, x, (rows,), not the same in all; known before the treatment.
        mean: of the covariate among all who could have come, treated or not, to whom the rows are a random
            sample; None for the mean of the rows themselves, which leaves the mean of the values as it is.

    Returns:
        The adjusted outcomes, (rows,).
    """
    y = validation.as_floats("values", values)
    x = validation.as_floats("covariate", covariate)
    validation.same_shape(values=y, covariate=x)
    if y.ndim != 1 or len(y) < 2:
        raise ValueError(f"values must have the shape (rows,), with at least 2 rows, got {y.shape}")
    if x.min() == x.max():
        raise ValueError(f"covariate must differ between rows, got {x[0]:g} in all of them")
    expected = x.mean() if mean is None else validation.number("mean", mean)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        apart = x - x.mean()
        squares = apart @ apart
        found: Array = y - (apart @ (y - y.mean())) / squares * (x - expected)
    if not np.isfinite([squares, *found]).all():
        raise ValueError("values and covariate must have squares that a float can hold")
    return found
