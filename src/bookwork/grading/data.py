"""What passes between a learner's code and the checks: data, and nothing else.

Arguments and answers go through :func:`encode` and :func:`decode` wherever a check runs, in the learner's
notebook as well as while it is graded. So what passes in sight passes when it is graded; whoever changes an
argument in place changes a copy; and reading an answer never runs code.
"""

import base64
import json
import numbers
from collections import deque
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, Set, ValuesView
from typing import Any

import numpy as np

LARGEST = 64_000_000  # characters of one answer
LARGEST_ARRAY = 40_000_000  # bytes
LISTED = (list, tuple, range, deque, Iterator, KeysView, ValuesView, ItemsView)
KINDS = "biufU"  # of arrays: truth values, whole numbers, numbers, texts


def through(value: Any) -> Any:
    """A copy of ``value``, as it arrives on the other side."""
    return read(written(value))


def written(value: Any) -> str:
    """``value`` as text; a TypeError where it is no data, or too much."""
    try:
        text = json.dumps(encode(value))
    except RecursionError:
        raise TypeError("an answer must not contain itself") from None
    if len(text) > LARGEST:
        raise TypeError(f"an answer must not be so large, got {len(text):,} characters")
    return text


def read(text: str) -> Any:
    """The value that was written; a ValueError where the text is none, and never runs code."""
    try:
        return decode(json.loads(text))
    except (KeyError, TypeError, RecursionError, MemoryError, StopIteration, AttributeError) as error:
        raise ValueError(f"no data: {type(error).__name__}") from None


def encode(value: Any) -> Any:
    """``value`` as JSON data; a TypeError where it is no number, text, array, or container of such.

    Whatever holds the same numbers is welcome: NumPy's and torch's scalars, fractions, decimals and SymPy's
    numbers, tables and their columns, sets, ranges, generators.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {"dict": [[encode(key), encode(entry)] for key, entry in value.items()]}
    if isinstance(value, Set) and not isinstance(value, (KeysView, ItemsView)):
        return {"set": [encode(entry) for entry in value]}
    if hasattr(value, "detach"):
        return {"tensor": _array(_of_tensor(value))}
    if hasattr(value, "toarray"):
        value = value.toarray()  # SciPy's sparse ones
    if hasattr(value, "to_numpy"):
        value = _of_table(value)
    if isinstance(value, np.ndarray):
        return _encode_array(value)
    if isinstance(value, LISTED):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode(entry) for entry in value]}
    return _number(value)


def _number(value: Any) -> bool | int | float:
    """One number of whatever library."""
    if getattr(value, "is_Boolean", False):  # SymPy's
        return bool(value)
    try:
        if isinstance(value, numbers.Integral) or hasattr(value, "__index__"):
            return int(value)
        if hasattr(value, "__float__"):
            found = float(value)
            return int(found) if _is_whole(value, found) else found
    except (TypeError, ValueError, OverflowError):
        pass
    raise TypeError(f"an answer must be numbers, texts or arrays, got {type(value).__name__}")


def _is_whole(value: Any, found: float) -> bool:
    return isinstance(value, numbers.Rational) and value.denominator == 1 and abs(found) < 2**53


def _of_tensor(tensor: Any) -> np.ndarray:
    """A tensor as an array; kinds that NumPy lacks, as bfloat16, as ordinary numbers."""
    tensor = tensor.detach().cpu().resolve_conj()
    tensor = tensor.to_dense() if tensor.is_sparse else tensor
    try:
        return tensor.numpy()
    except TypeError:
        return tensor.float().numpy()


def _of_table(table: Any) -> np.ndarray:
    """A table or column as an array; what is missing among numbers is NaN."""
    try:
        return table.to_numpy(dtype=float, na_value=np.nan) if _has_extension(table) else table.to_numpy()
    except (TypeError, ValueError):
        return np.asarray(table.to_numpy())


def _has_extension(table: Any) -> bool:
    """Whether pandas keeps missing values in kinds of its own."""
    kinds = getattr(table, "dtypes", None)
    kinds = kinds if isinstance(kinds, Iterable) else [kinds]
    return any(not isinstance(kind, np.dtype) and getattr(kind, "kind", "O") in "iuf" for kind in kinds)


def _encode_array(array: np.ndarray) -> Any:
    if isinstance(array, np.ma.MaskedArray):
        array = _unmasked(array)
    if array.dtype.kind == "O":
        found = [encode(entry) for entry in array.ravel().tolist()]
        plain = all(isinstance(entry, (bool, int, float)) and abs(entry) < 2**63 for entry in found)
        if not plain:
            return {"list": found} if array.ndim == 1 else encode(array.tolist())
        array = np.array(found).reshape(array.shape)
    if array.dtype.kind not in KINDS:
        raise TypeError(f"an answer must be numbers, texts or arrays, got an array of {array.dtype}")
    return {"array": _array(array)}


def _unmasked(array: np.ma.MaskedArray) -> np.ndarray:
    """What lies below a mask; what is masked among numbers is NaN."""
    if not np.ma.is_masked(array):
        return array.data
    try:
        return np.ma.filled(array.astype(float), np.nan)
    except ValueError:
        raise TypeError("an answer must be numbers, texts or arrays, got masked texts") from None


def _array(array: np.ndarray) -> dict[str, Any]:
    if array.nbytes > LARGEST_ARRAY:
        raise TypeError(f"an array of shape {array.shape} is too large for an answer")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": data}


def decode(data: Any) -> Any:
    """The value again, whatever the data is: a ValueError, KeyError or TypeError where it is none."""
    if not isinstance(data, dict):
        if isinstance(data, list):
            raise ValueError("no data: a bare list")
        return data
    kind, content = next(iter(data.items()))
    if kind == "list":
        return [decode(entry) for entry in content]
    if kind == "tuple":
        return tuple(map(decode, content))
    if kind == "set":
        return set(map(decode, content))
    if kind == "dict":
        return {decode(key): decode(value) for key, value in content}
    if kind == "array":
        return _decode_array(content)
    if kind == "tensor":
        import torch  # only where tensors are used

        return torch.from_numpy(_decode_array(content))
    raise ValueError(f"no data: {kind!r:.20}")


def _decode_array(content: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(str(content["dtype"]))
    if dtype.kind not in KINDS:
        raise ValueError(f"no data: an array of {dtype}")
    # a shape that does not fit the bytes is a ValueError before anything is allocated
    flat = np.frombuffer(bytearray(base64.b64decode(content["data"])), dtype=dtype)
    return flat.reshape([int(length) for length in content["shape"]])
