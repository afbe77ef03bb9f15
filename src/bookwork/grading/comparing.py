"""How a check compares: what is right in another form is right.

Numbers may come as lists, arrays, tensors, columns, fractions or truth values; axes of length 1 are neither
missed nor held against an answer; a set stands for its members in order.
"""

from collections.abc import Mapping, Set
from typing import Any

import numpy as np

TOLERANCE = 1e-6  # relative to the expected number where that is above 1 in size


def numbers(got: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A learner's numbers as floats in ``shape``; an AssertionError for other things or shapes."""
    if got is ...:
        raise AssertionError("got ...: there is no answer yet")
    try:
        found = np.asarray(sorted(got) if isinstance(got, Set) else _plain(got))
        found = found.astype(np.float64) if found.dtype.kind not in "USO" else _floats(found)
    except (TypeError, ValueError):
        raise AssertionError(f"expected numbers, got {got!r:.80}") from None
    if _long(found.shape) != _long(shape):
        raise AssertionError(f"expected shape {tuple(shape)}, got {found.shape}")
    return found.reshape(shape)


def _floats(found: np.ndarray) -> np.ndarray:
    """Numbers among objects; text is none, whatever it says."""
    if found.dtype.kind in "US" or any(isinstance(entry, (str, bytes)) for entry in found.ravel().tolist()):
        raise TypeError("text")
    return found.astype(np.float64)


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without the axes that hold one entry."""
    return tuple(length for length in shape if length != 1)


def close(got: Any, expected: Any, tolerance: float = TOLERANCE) -> None:
    """Pass if ``got`` holds the expected numbers, in the expected shape: one, an array, list or tensor.

    ``tolerance`` is the largest error, relative to the expected number where that is above 1 in size. If any
    number is off, the AssertionError names the first.
    """
    right = np.asarray(_plain(expected), dtype=np.float64)
    mine = numbers(got, right.shape)
    off = ~(np.abs(mine - right) <= tolerance * np.maximum(1.0, np.abs(right)))  # NaN is off, too
    if off.any():
        at = np.unravel_index(int(np.argmax(off)), off.shape)
        where = f" at {', '.join(map(str, map(int, at)))}" if at else ""
        raise AssertionError(f"expected {right[at]:.6g}, got {mine[at]:.6g}{where}")


def equal(got: Any, expected: Any) -> None:
    """Pass if ``got`` is ``expected`` (text, truth value, whole numbers in order), else an AssertionError."""
    mine, right = _listed(got), _listed(expected)
    if not _same(mine, right):
        raise AssertionError(f"expected {right!r:.80}, got {mine!r:.80}")


def _plain(value: Any) -> Any:
    """An answer, if there is one; arrays for tensors, without importing torch."""
    if value is None:
        raise AssertionError("got None: nothing is returned yet")
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _in_order(got: Any, right: Any) -> Any:
    """A set as the list of its members, where they are expected in their order."""
    if isinstance(got, Set) and isinstance(right, list):
        try:
            return sorted(got) if right == sorted(right) else got
        except TypeError:
            return got
    return got


def _listed(value: Any) -> Any:
    """A value as lists, dictionaries, sets, texts and numbers."""
    value = _plain(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _listed(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(entry) for entry in value]
    if isinstance(value, Set):
        return {tuple(entry) if isinstance(entry, list) else entry for entry in map(_listed, value)}
    return value


def _fitted(mine: Any, right: list) -> Any:
    """Lists with the axes of length 1 that are expected, if they differ in nothing else."""
    found, shape = np.array(mine, dtype=object), np.array(right, dtype=object).shape
    return found.reshape(shape).tolist() if _long(found.shape) == _long(shape) else mine


def _same(mine: Any, right: Any) -> bool:
    if isinstance(right, list):
        tuples = [tuple(entry) if isinstance(entry, list) else entry for entry in right]
        mine = _fitted(_listed(_in_order(mine, tuples)), right)
    if isinstance(right, dict):
        return (
            isinstance(mine, dict)
            and set(mine) == set(right)
            and all(_same(mine[k], right[k]) for k in right)
        )
    if isinstance(right, list):
        return isinstance(mine, list) and len(mine) == len(right) and all(map(_same, mine, right))
    while isinstance(mine, list) and len(mine) == 1:
        mine = mine[0]
    if isinstance(right, float) and isinstance(mine, (int, float)):
        return mine == right or (mine != mine and right != right)
    return type(mine) in (bool, int, float, str, set) and bool(mine == right)
