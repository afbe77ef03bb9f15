"""Checks of arguments that every public function shares.

Each check returns its argument as an array (or number) once it holds, and raises ``ValueError`` naming the
argument, the offending value and what is allowed. Nothing is clipped or dropped in silence.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Limit = float | None
T = TypeVar("T")
WHOLE = 2.0**53  # whole numbers below it are all different as floats


def _all(name: str, array: NDArray[Any], good: NDArray[np.bool_], allowed: str) -> NDArray[Any]:
    """The array, once all of it is good; else an error with the first bad entry and how many there are."""
    if good.all():
        return array
    where = np.unravel_index(int(np.argmin(good)), good.shape)
    index = "" if good.ndim == 0 else f" at index {where[0] if good.ndim == 1 else tuple(map(int, where))}"
    count = good.size - np.count_nonzero(good)
    more = f" ({count} such values)" if count > 1 else ""
    raise ValueError(f"{name} must {allowed}, got {array[where]}{index}{more}")


def as_array(name: str, values: Any) -> NDArray[Any]:
    """``values`` as an array of the type that they have; tensors without their gradient.

    Masked arrays, ragged lists and what is no array at all (sets, generators, objects) are refused.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} must not be a masked array: fill it or leave the masked rows out")
    try:
        if hasattr(values, "detach"):  # a torch tensor, without importing torch here
            values = values.detach().cpu()
            if values.is_floating_point():  # NumPy has no bfloat16; float64 holds all of them exactly
                values = values.double()
            values = values.numpy()
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{name} must hold numbers, got {values!r}") from error
    if array.ndim == 0 and array.dtype == object and not isinstance(values, (Real, Decimal)):
        raise ValueError(f"{name} must be an array or a list, got {values!r:.80}")
    return array


def as_floats(name: str, values: ArrayLike, nan: float | None = None) -> Array:
    """``values`` as a float64 array without NaN or infinity, any shape.

    Arrays, tensors (gradients are left behind), lists and single numbers are taken; texts, dates, complex
    numbers and masked arrays are refused, even where NumPy could convert them; so are whole numbers beyond
    2**53, different ones of which would become one float. With ``nan`` given, NaN is taken, too, and becomes
    that number.
    """
    array = as_array(name, values)
    if isinstance(values, (list, tuple)) and array.dtype == np.float64 and (np.abs(array) >= WHOLE).any():
        array = np.array(values, dtype=object)  # large whole numbers, before NumPy rounded them
    kind = array.dtype.kind
    if kind == "O" and all(isinstance(value, (Real, Decimal, np.bool_)) for value in array.flat):
        kind = "f"  # numbers of several types, such as fractions or a nullable column of a table
    if kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, got {values!r}")
    try:
        floats = array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must hold numbers that a float can hold, got {values!r}") from error
    if array.dtype.kind in "iuO":
        small = np.abs(floats) < WHOLE
        if array.dtype == object:
            small |= np.array([not isinstance(value, Integral) for value in array.flat]).reshape(array.shape)
        _all(name, array, small, "be below 2**53 where they are whole, to be exact as floats")
    if nan is not None:
        floats = np.where(np.isnan(floats), nan, floats)
    return _all(name, floats, np.isfinite(floats), "be finite")


def as_float32(name: str, values: Array) -> NDArray[np.float32]:
    """Numbers that were checked before as float32, none of which becomes infinite."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return _all(name, narrow, np.isfinite(narrow), f"be at most {np.finfo(np.float32).max:.4g} in size")


def number(
    name: str, value: Any, least: Limit = None, most: Limit = None, above: Limit = None, below: Limit = None
) -> float:
    """A single finite number, within the limits that are given: ``least`` and ``most`` belong to them."""
    array = as_floats(name, value)
    if array.ndim != 0:
        raise ValueError(f"{name} must be a single number, got an array of shape {array.shape}")
    x = float(array)
    low, high = (above if least is None else least), (below if most is None else most)
    if (low is not None and (x < low or x == above)) or (high is not None and (x > high or x == below)):
        lower, upper = ("at least" if above is None else "above"), ("at most" if below is None else "below")
        if low is not None and high is not None:
            allowed = f"in {'[' if above is None else '('}{low:g}, {high:g}{']' if below is None else ')'}"
        else:
            allowed = f"{upper} {high:g}" if low is None else f"{lower} {low:g}"
        raise ValueError(f"{name} must be {allowed}, got {x}")
    return x


def rate(name: str, value: Any) -> float:
    """A single share in (0, 1], such as the sampling rate α; booleans are refused."""
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be a number in (0, 1], got {value}")
    return number(name, value, above=0.0, most=1.0)


def probabilities(name: str, values: ArrayLike) -> Array:
    """Probabilities in [0, 1], any shape."""
    array = as_floats(name, values)
    return _all(name, array, (array >= 0.0) & (array <= 1.0), "be in [0, 1]")


def non_negative(name: str, values: ArrayLike) -> Array:
    """Numbers of at least 0 (times, counts, weights), any shape."""
    array = as_floats(name, values)
    return _all(name, array, array >= 0.0, "be at least 0")


def positive(name: str, values: ArrayLike) -> Array:
    """Numbers above 0 (durations, units, scales), any shape."""
    array = as_floats(name, values)
    return _all(name, array, array > 0.0, "be above 0")


def binary(name: str, values: ArrayLike) -> Array:
    """Labels that are 0 or 1, any shape; booleans count."""
    array = as_floats(name, values)
    return _all(name, array, (array == 0.0) | (array == 1.0), "hold only 0 and 1")


def booleans(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    """What is true and what is not, as an array of booleans: from booleans, or from 0 and 1 of any type."""
    array = as_array(name, values)
    return array if array.dtype == bool else binary(name, array) == 1.0


def successes_of(successes: ArrayLike, trials: ArrayLike) -> tuple[Array, Array]:
    """Successes k and trials n, 0 ≤ k ≤ n, broadcast to one shape."""
    given = non_negative("successes", successes), non_negative("trials", trials)
    broadcast_shape(successes=given[0], trials=given[1])
    k, n = np.broadcast_arrays(*given)
    if (k > n).any():
        at = int(np.argmax((k > n).ravel()))
        raise ValueError(f"successes must not exceed trials, got {k.ravel()[at]:g} of {n.ravel()[at]:g}")
    return k, n


def _is_whole(value: Any) -> bool:
    """A whole number; booleans and spans of time are none, though their classes say so."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))


def whole_number(name: str, value: Any, least: int = 0, most: int | None = None, of: str = "") -> int:
    """A whole number of at least ``least``, and at most ``most`` of what there is; booleans are refused."""
    if not _is_whole(value) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    most = 2**63 - 1 if most is None else most  # what an int64 holds
    if value > most:
        limit = f"the {most:,} {of}" if of else f"{most:,}"
        raise ValueError(f"{name} must be at most {limit}, got {value:,}")
    return int(value)


def positive_int(name: str, value: Any, most: int | None = None, of: str = "") -> int:
    """A whole number of at least 1 (a count of rows, bins, steps): :func:`whole_number` from 1 on."""
    return whole_number(name, value, 1, most, of)


def seed(name: str, value: Any) -> int:
    """A whole number from 0 to 2**63 - 1, which NumPy and PyTorch both take as a seed."""
    if not _is_whole(value) or not 0 <= value < 2**63:
        raise ValueError(f"{name} must be a whole number from 0 to 2**63 - 1, got {value!r}")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """True or False, of Python or of NumPy; nothing else stands for them."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {value!r:.80}")
    return bool(value)


def listed(name: str, values: Any) -> tuple[Any, ...]:
    """What stands in a list, tuple, range or array of one axis, in its order, as a tuple; maybe nothing.

    A text is refused, and so is what has no order (a set) or is used up by looking (a generator).
    """
    if isinstance(values, np.ndarray) and values.ndim == 1 and not isinstance(values, np.ma.MaskedArray):
        return tuple(values)
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        raise ValueError(f"{name} must be a list or tuple, got {values!r:.80}")
    return tuple(values)


def positive_ints(name: str, values: Any) -> tuple[int, ...]:
    """Whole numbers of at least 1 in a list or tuple (widths of layers, sizes of tables), maybe none."""
    return tuple(positive_int(name, value) for value in listed(name, values))


def integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers as int64, any shape: in narrower types sums and products would wrap around."""
    array = as_array(name, values)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {array.dtype}")
    if array.dtype == np.uint64:
        _all(name, array, array < 2**63, "be below 2**63")
    return array.astype(np.int64, copy=False)


def indices(name: str, values: ArrayLike, stop: int, start: int = 0) -> NDArray[np.int64]:
    """Whole numbers from ``start`` to ``stop`` - 1 (positions in a table, hours) as int64, any shape."""
    array = integers(name, values)
    return _all(name, array, (array >= start) & (array < stop), f"be from {start} to {stop - 1}")


def index(name: str, value: Any, stop: int, start: int = 0) -> int:
    """A single one of :func:`indices`."""
    at = indices(name, value, stop, start)
    if at.ndim:
        raise ValueError(f"{name} must be a single whole number, got {value!r:.80}")
    return int(at)


def broadcast_shape(**arrays: NDArray[Any]) -> tuple[int, ...]:
    """The one shape that all arrays given by name broadcast to."""
    try:
        return np.broadcast_shapes(*[array.shape for array in arrays.values()])
    except ValueError as error:
        raise ValueError(f"{', '.join(arrays)} must broadcast: {error}") from None


def same_shape(**arrays: Any) -> None:
    """All arrays or tensors given by name have one shape."""
    shapes = {name: tuple(np.shape(array)) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"arguments must have the same shape, got {listed}")


def rows(**arrays: NDArray[Any]) -> None:
    """All arrays given by name have the shape (rows,), with at least one row."""
    same_shape(**arrays)
    name, array = next(iter(arrays.items()))
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (rows,), got {array.shape}")
    not_empty(name, array)


def tensors(**given: Any) -> None:
    """All arguments given by name are torch tensors of one shape, with at least one entry."""
    for name, value in given.items():
        if not hasattr(value, "detach"):  # without importing torch here
            raise ValueError(f"{name} must be a tensor, got {type(value).__name__}")
    same_shape(**given)
    not_empty(*next(iter(given.items())))  # of one shape: the first speaks for all


def not_empty(name: str, array: Any) -> None:
    """The array, tensor or table has at least one entry."""
    if 0 in np.shape(array):  # not np.size, which does not count the entries of a tensor
        raise ValueError(f"{name} must not be empty")


def names(name: str, values: Any, what: str = "names", empty: bool = False) -> tuple[str, ...]:
    """Texts in an order (see :func:`listed`), each once; none only where ``empty`` is True."""
    found = (None,) if isinstance(values, str) else listed(name, values)
    unique = all(isinstance(value, str) for value in found) and len(set(found)) == len(found)
    if not unique or not (found or empty):
        least = "" if empty else "at least one, "
        raise ValueError(f"{name} must be {what}, {least}each once, got {values!r:.80}")
    return tuple(map(str, found))


def targets(values: Sequence[str]) -> tuple[str, ...]:
    """Names of targets: a sequence of at least one, each once."""
    return names("targets", values, "names of targets")


def base_rates(values: Any, tasks: int, names: Sequence[str] = ()) -> tuple[float, ...]:
    """One share in (0, 1) per task, in order; where tasks have names, by name as well."""
    if names and isinstance(values, Mapping):
        given = mapping("base_rates", values, "names of targets to shares")
        for name in given:
            one_of("base_rates", name, names)
        if lacking := [name for name in names if name not in given]:
            raise ValueError(f"base_rates must name every target, it lacks {', '.join(lacking)}")
        values = [given[name] for name in names]
    rates = listed("base_rates", values)
    if len(rates) != tasks:
        raise ValueError(f"base_rates must be one per target, {tasks}, got {len(rates)}")
    labelled = zip(names or range(tasks), rates, strict=True)
    return tuple(number(f"base_rates[{name!r}]", value, above=0.0, below=1.0) for name, value in labelled)


def mapping(name: str, value: Any, what: str = "names to values") -> Mapping[str, Any]:
    """A mapping whose keys are texts."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{name} must map {what}, got {value!r:.80}")
    return value


def one_of(name: str, value: Any, allowed: Iterable[T]) -> T:
    """The one of the allowed values that ``value`` is."""
    allowed = tuple(allowed)
    for one in allowed:
        if isinstance(value, type(one)) and value == one:
            return one
    raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r:.80}")


def instance(name: str, value: Any, kind: type[T]) -> T:
    """An object of a class: a log, a model, a table."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise ValueError(
            f"{name} must be {article} {kind.__name__}, got {type(value).__name__} {value!r:.40}"
        )
    return value


def path(name: str, value: Any, what: str = "a path") -> Path:
    """Where a file or folder lies: a text, or an object that stands for one."""
    given = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(given, str) or not given or "\0" in given:
        raise ValueError(f"{name} must be {what}, got {value!r:.80}")
    return Path(given)


def function(name: str, value: Callable[..., T]) -> Callable[..., T]:
    """Something that can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {value!r:.80}")
    return value
