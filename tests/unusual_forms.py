"""What is right in a form that nobody expects: the same numbers, texts and names, held by something else."""

from __future__ import annotations

import types
from collections import OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import sympy
import torch
from remaking import Form, Remake

SMALL = 400  # entries that are held one by one by slow numbers


class Own(np.ndarray):
    """A learner's own kind of array."""


class OwnText(str):
    """A learner's own kind of text."""


def _of_array(remake: Callable[[np.ndarray], Any]) -> Remake:
    return lambda value: remake(np.array(value))


def nested(sequence: type) -> Remake:
    """Arrays as lists or tuples in each other."""

    def made(value: Any) -> Any:
        return sequence(map(made, value)) if isinstance(value, list) else value

    return lambda value: made(np.array(value).tolist())


def table(array: np.ndarray) -> Any:
    """A column or table whose index is in no order."""
    if array.ndim > 2:
        return NotImplemented
    index = np.random.default_rng(0).permutation(len(array))
    return pd.Series(array, index) if array.ndim == 1 else pd.DataFrame(array, index)


def one_by_one(number: Callable[[float], Any], most: int = 40 * SMALL) -> Remake:
    """An array of objects, each a number of its own kind."""

    def made(value: Any) -> Any:
        array = np.array(value)
        if array.dtype.kind == "b" or array.size > most or not np.isfinite(array).all():
            return NotImplemented
        held = np.empty(array.size, dtype=object)
        held[:] = [number(entry) for entry in array.ravel().tolist()]
        return held.reshape(array.shape)

    return made


def finite(number: Callable[[float], Any]) -> Remake:
    """One number of its own kind."""
    return lambda value: number(np.asarray(value).item()) if np.isfinite(value) else NotImplemented


def rational(value: float) -> sympy.Rational:
    return sympy.Rational(*value.as_integer_ratio())


def laid_out_otherwise(array: np.ndarray) -> np.ndarray:
    """Column by column, every other place left out, the bytes the other way round, not to be written to."""
    spread = np.asfortranarray(np.repeat(array, 2, axis=0).astype(array.dtype.newbyteorder()))[::2]
    spread.setflags(write=False)
    return spread


def whole_as_floats(array: np.ndarray) -> Any:
    return array.astype(float) if array.dtype.kind in "iu" else NotImplemented


def floats_as_whole(array: np.ndarray) -> Any:
    whole = array.dtype.kind == "f" and np.isfinite(array).all() and (array == array.round()).all()
    return array.astype(int) if whole and (abs(array) < 2**53).all() else NotImplemented


def truths_as_numbers(array: np.ndarray) -> Any:
    return array.astype(int) if array.dtype.kind == "b" else NotImplemented


def numbers_as_truths(array: np.ndarray) -> Any:
    if array.dtype.kind == "b" or not np.isin(array, [0, 1]).all():
        return NotImplemented
    return array.astype(bool)


def members(value: Any) -> Any:
    """A set for a list that is in the order of its members, each there once."""
    if not isinstance(value, list) or not value:
        return NotImplemented
    own = [tuple(entry) if isinstance(entry, list) else entry for entry in value]
    if any(isinstance(entry, (dict, np.ndarray)) for entry in own):
        return NotImplemented
    return set(own) if own == sorted(set(own)) else NotImplemented


def stacked(value: Any) -> Any:
    """One array for several of the same shape."""
    alike = all(isinstance(entry, np.ndarray) for entry in value)
    alike = alike and len({entry.shape for entry in value}) == 1
    return np.stack(value) if alike else NotImplemented


def held_as_objects(value: Any) -> np.ndarray:
    """An array of whatever there is."""
    held = np.empty(len(value), dtype=object)
    held[:] = value
    return held


def named_tuple(value: Any) -> Any:
    return namedtuple("Answer", [f"part_{k}" for k in range(len(value))])(*value)


def scalar(function: Callable[[np.ndarray], Any]) -> Remake:
    """One number or truth value, if its array can be held so."""

    def made(value: Any) -> Any:
        found = function(np.asarray(value))
        return NotImplemented if found is NotImplemented else found.item()

    return made


def plain(value: Any) -> Any:
    return np.asarray(value).item()


def keys(value: Any) -> Any:
    """What a dictionary shows of its names."""
    return dict.fromkeys(value).keys() if len(set(value)) == len(value) else NotImplemented


def in_another_order(value: Mapping) -> dict:
    return dict(reversed(value.items()))


FORMS: dict[str, Form] = {
    "lists": Form(nested(list), plain, plain, mapping=OrderedDict, parts=list),
    "tables": Form(_of_array(table), np.float64, texts=pd.Series, mapping=types.MappingProxyType),
    "tensors": Form(_of_array(torch.tensor), torch.tensor, torch.tensor),
    "arrays of one": Form(_of_array(np.atleast_1d), np.atleast_1d, np.atleast_1d, parts=stacked),
    "columns": Form(
        _of_array(lambda array: array[:, None] if array.ndim == 1 else NotImplemented),
        lambda value: np.array([[value]]),
        lambda value: np.array([[value]]),
        texts=pd.Index,
    ),
    "rows": Form(_of_array(lambda array: array[None]), lambda value: [value], lambda value: [value]),
    "decimals": Form(one_by_one(Decimal), finite(Decimal), texts=deque),
    "members": Form(members, texts=members, parts=members),
    "read once": Form(
        lambda value: iter(np.array(value).tolist()),
        texts=iter,
        parts=lambda value: (entry for entry in value),
        once=True,
    ),
    "tuples": Form(nested(tuple), texts=tuple, mapping=UserDict, parts=named_tuple),
    "objects": Form(one_by_one(float), texts=held_as_objects, parts=held_as_objects),
    "whole numbers as floats": Form(_of_array(whole_as_floats), scalar(whole_as_floats)),
    "fractions": Form(one_by_one(Fraction), finite(Fraction), mapping=in_another_order, parts=deque),
    "symbols": Form(one_by_one(rational, SMALL), finite(rational), lambda value: sympy.sympify(bool(value))),
    "NumPy's own": Form(
        _of_array(lambda array: array.view(Own)),
        np.float64,
        np.bool_,
        np.str_,
        np.array,
        lambda value: {np.str_(key): entry for key, entry in value.items()},
    ),
    "without dimensions": Form(None, np.array, np.array, texts=keys),
    "laid out otherwise": Form(
        _of_array(laid_out_otherwise), text=OwnText, mapping=lambda value: defaultdict(None, value)
    ),
    "nothing masked": Form(_of_array(np.ma.array), np.ma.array, np.ma.array, texts=np.ma.array),
    "floats as whole numbers": Form(_of_array(floats_as_whole), scalar(floats_as_whole)),
    "0 and 1 for truths": Form(_of_array(truths_as_numbers), None, int),
    "truths for 0 and 1": Form(_of_array(numbers_as_truths), scalar(numbers_as_truths)),
    "long numbers": Form(_of_array(lambda array: array.astype(np.longdouble)), np.longdouble),
    "deques": Form(lambda value: deque(np.array(value).tolist()), parts=deque),
}
"""Those that most checks might refuse stand first: what takes long is tried in these alone."""
