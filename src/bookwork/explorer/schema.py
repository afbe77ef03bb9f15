"""What recorded data must look like, written down as checks that are put together.

A check is a function of a name and a value. It gives back what is kept of the value, as plain data, or raises
a ValueError with the entry's name, the value and what is allowed:

    BIN = record(predicted=number(0, 1), count=whole(0))
    RECORDING = record(bins=each(BIN), note=optional(text()))
    RECORDING("recorded", {"bins": [{"predicted": 1.2, "count": 3}]})
    # ValueError: recorded['bins'][0]['predicted'] must be in [0, 1], got 1.2
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bookwork import arguments

Check = Callable[[str, Any], Any]


class optional:
    """Of an entry of :func:`record`: it may be missing."""

    def __init__(self, check: Check) -> None:
        self.check = check


def plain_json(name: str, value: Any) -> Any:
    """What JSON can carry: dictionaries, lists, text, finite numbers, true, false and null; not NaN."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be plain JSON data without NaN, got {error}") from error


def anything() -> Check:
    """Any value, as it is."""
    return lambda name, value: value


def text() -> Check:
    """What is shown as a text."""
    return lambda name, value: str(value)


def words() -> Check:
    """A text that is not empty."""
    return arguments.text


def flag() -> Check:
    """True or false; not what is as good as these."""

    def check(name: str, value: Any) -> bool:
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} must be true or false, got {value!r:.80}")
        return bool(value)

    return check


def one_of(allowed: Sequence[Any]) -> Check:
    """One of these values."""
    return lambda name, value: arguments.one_of(name, value, allowed)


def whole(low: int = 1) -> Check:
    """A whole number of at least ``low``."""
    return lambda name, value: arguments.whole_number(name, value, low)


def _bounds(low: float | None, high: float | None, above: float | None) -> str:
    if above is not None:
        return f"above {above:g}" if high is None else f"in ({above:g}, {high:g}]"
    if low is not None:
        return f"at least {low:g}" if high is None else f"in [{low:g}, {high:g}]"
    return "finite" if high is None else f"at most {high:g}"


def number(low: float | None = None, high: float | None = None, above: float | None = None) -> Check:
    """A finite number from ``low`` to ``high``, or above ``above``."""

    def check(name: str, value: Any) -> float:
        found = arguments.number(name, value)
        bad = (low is not None and found < low) or (high is not None and found > high)
        if bad or (above is not None and found <= above):
            raise ValueError(f"{name} must be {_bounds(low, high, above)}, got {value}")
        return found

    return check


def array(
    *shape: int | None, low: float | None = None, high: float | None = None, whole: bool = False
) -> Check:
    """Finite numbers from ``low`` to ``high`` in lists of this shape; None leaves a length open.

    The fast check of many numbers at once; gives lists, of whole numbers where ``whole``.
    """
    arguments.flag("whole", whole)

    def check(name: str, value: Any) -> list[Any]:
        try:
            found = np.asarray(value)
        except ValueError:  # lists of different lengths
            found = np.empty(0)
        sizes = zip(shape, found.shape, strict=False)
        matches = len(shape) == found.ndim and all(size in (None, length) for size, length in sizes)
        fits = found.dtype.kind in "iuf"
        if whole and fits and np.isfinite(found).all():
            fits = bool((found == np.floor(found)).all())
            found = found.astype(np.int64) if fits else found
        if not matches or not fits:
            wanted = " × ".join("any number of" if size is None else f"{size:,}" for size in shape)
            kind = "whole numbers" if whole else "numbers"
            got = " × ".join(map(str, found.shape)) or "no list"
            raise ValueError(f"{name} must hold {wanted} {kind}, got {got}: {value!r:.60}")
        lowest, highest = -np.inf if low is None else low, np.inf if high is None else high
        bad = ~np.isfinite(found) | (found < lowest) | (found > highest)
        if bad.any():
            at = np.unravel_index(int(bad.argmax()), found.shape)
            allowed = _bounds(low, high, None) if np.isfinite(found[at]) else "finite"
            index = int(at[0]) if len(at) == 1 else tuple(map(int, at))
            raise ValueError(f"{name} must be {allowed}, got {found[at]} at index {index}")
        return found.tolist()

    return check


def ascending(each_of: Check) -> Check:
    """At least two numbers, each larger than the one before."""

    def check(name: str, value: Any) -> list[float]:
        found = each(each_of)(name, value)
        if len(found) < 2 or sorted(set(found)) != found:
            raise ValueError(f"{name} must hold at least two numbers in ascending order, got {value!r:.80}")
        return found

    return check


def each(check_one: Check, at_least: int = 1, at_most: int | None = None) -> Check:
    """A list of such values."""

    def check(name: str, value: Any) -> list[Any]:
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__len__") or len(value) < 1:
            raise ValueError(f"{name} must be a list of at least one entry, got {value!r:.80}")
        if len(value) < at_least or (at_most is not None and len(value) > at_most):
            most = f"at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
            raise ValueError(f"{name} must hold {most} entries, got {len(value)}")
        return [check_one(f"{name}[{i}]", entry) for i, entry in enumerate(value)]

    return check


def record(
    entries: Mapping[str, Check | optional] | None = None, closed: bool = False, **more: Check | optional
) -> Check:
    """A mapping with these entries. Others are left out, or refused where it is ``closed``."""
    arguments.flag("closed", closed)
    checks = {**(entries or {}), **more}
    needed = [key for key, check in checks.items() if not isinstance(check, optional)]

    def check(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} must be a mapping with the keys {', '.join(needed)}, got {value!r:.80}")
        missing = [key for key in needed if key not in value]
        unknown = [key for key in value if key not in checks]
        if closed and (missing or unknown):
            others = ", ".join(key for key in checks if key not in needed) or "nothing else"
            raise ValueError(
                f"{name} must have {', '.join(needed)} and may have {others}; "
                f"missing: {missing or 'none'}, unknown: {unknown or 'none'}"
            )
        if missing:
            raise ValueError(f"{name} must be a mapping with the key {missing[0]!r}, got {value!r:.80}")
        kept = {}
        for key, check_it in checks.items():
            if key in value:
                check_one = check_it.check if isinstance(check_it, optional) else check_it
                kept[key] = check_one(f"{name}[{key!r}]", value[key])
        return kept

    return check
