"""Is a gate polarized (极化, claim D5)? Measures of how the gates use the experts, masking off.

All follow from the utilisation u[task, expert], the mean gate weight over rows. ``gates`` have the shape
(..., rows, tasks, experts) and ``u`` the shape (..., tasks, experts), arrays or tensors with any leading axes
(seeds, recorded steps), summing to 1 over the experts. Results are NumPy arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.validation import Array

POLARIZED_ABOVE = 0.95
DEAD_BELOW = 0.01
_SHAPES = {"gates": "(..., rows, tasks, experts)", "u": "(..., tasks, experts)"}
_ROUNDING = 1e-3  # how far from 1 the sum of weights may lie that were kept with few digits


def _weights(name: str, values: ArrayLike) -> Array:
    """Weights over experts: in [0, 1], summing to 1 along the last axis."""
    weights = validation.probabilities(name, values)
    if weights.ndim < _SHAPES[name].count(","):
        raise ValueError(f"{name} must have shape {_SHAPES[name]}, got {weights.shape}")
    validation.not_empty(name, weights)
    off = np.abs(weights.sum(axis=-1) - 1.0)
    if off.max() > _ROUNDING:
        where = np.unravel_index(int(off.argmax()), off.shape)
        raise ValueError(
            f"{name} must sum to 1 over the experts, got {weights[where].sum()} at index "
            f"{tuple(map(int, where))}; masked weights say nothing about a gate"
        )
    return weights


def utilisation(gates: ArrayLike) -> Array:
    """Mean gate weight of every expert over rows: u, shape (..., tasks, experts)."""
    return np.asarray(_weights("gates", gates).mean(axis=-3))


def effective_experts(u: ArrayLike) -> Array:
    """Effective number of experts exp(−Σ u ln u), from 1 to the number of experts, shape (..., tasks)."""
    u = _weights("u", u)
    logs = np.log(u, out=np.zeros_like(u), where=u > 0)
    return np.asarray(np.exp(-(u * logs).sum(axis=-1)))


def polarized(u: ArrayLike, above: float = POLARIZED_ABOVE) -> NDArray[np.bool_]:
    """Gates that give nearly everything to one expert over all rows: max u > ``above``, shape (..., tasks).

    The limit ``above`` is in (0, 1].
    """
    limit = validation.rate("above", above)
    return np.asarray(_weights("u", u).max(axis=-1) > limit)


def dead_experts(u: ArrayLike, below: float = DEAD_BELOW) -> NDArray[np.bool_]:
    """Experts that no task uses: u < ``below``, in (0, 1], for every task; shape (..., experts)."""
    limit = validation.rate("below", below)
    return np.asarray((_weights("u", u) < limit).all(axis=-2))


def mean_largest_weight(gates: ArrayLike) -> Array:
    """Mean over rows of the largest weight, shape (..., tasks): a measure that misleads.

    It is 1 for a polarized gate, but also for a gate that sends half of the rows to one expert and half to
    another, where every expert is used.
    """
    return np.asarray(_weights("gates", gates).max(axis=-1).mean(axis=-2))
