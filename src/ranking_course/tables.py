"""How tables of the book write what varies between worlds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.evaluation import margin


def plus_minus(values: ArrayLike, digits: int = 1, scale: float = 100.0) -> str:
    """A mean over worlds with its 95% interval: "58.1 ± 2.4".

    Args:
        values: one number per world, shape (worlds,), at least 2.
        digits: how many after the point.
        scale: what both are multiplied by; 100 gives per cent, or points.
    """
    v = validation.as_floats("values", values)
    if v.ndim != 1:
        raise ValueError(f"values must have shape (worlds,), got {v.shape}")
    digits = validation.whole_number("digits", digits)
    scale = validation.number("scale", scale, above=0.0)
    half = scale * margin(v)
    return f"{scale * np.mean(v):.{digits}f} ± {half:.{digits}f}"
