"""What corrections and alarms share: checks of fresh labelled traffic, and the first row that rings."""

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.validation import Array


def fresh_traffic(labels: ArrayLike, logits: ArrayLike) -> tuple[Array, Array]:
    """Labels, 0 or 1, and the logits that were predicted for them, both (rows,), with both classes."""
    y, z = validation.binary("labels", labels), validation.as_floats("logits", logits)
    validation.rows(labels=y, logits=z)
    if y.min() == y.max():
        raise ValueError(f"labels must hold both classes, got only {y[0]:g} in {y.size} rows")
    return y, z


def watched_traffic(labels: ArrayLike, predictions: ArrayLike) -> tuple[Array, Array]:
    """Labels, 0 or 1, and the probabilities that were predicted for them, both (rows,)."""
    y, p = validation.binary("labels", labels), validation.probabilities("predictions", predictions)
    validation.rows(labels=y, predictions=p)
    return y, p


def first_ring(before: int | None, rows: int, path: Array, threshold: float) -> int | None:
    """After how many rows an alarm first rang: ``before``, or in the ``path`` that follows ``rows``."""
    ringing = np.flatnonzero(path >= threshold)
    if before is not None or not ringing.size:
        return before
    return rows + int(ringing[0]) + 1
