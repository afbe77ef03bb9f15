"""The check that all corrections share: fresh labelled traffic that a level can be learnt from."""

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
