"""Checks of arguments: each gives the value back, or names argument, value and what is allowed."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any


def text(name: str, value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text that is not empty, got {value!r:.80}")
    return value


def flag(name: str, value: Any) -> bool:
    """True or False; whatever else would pass for one of them, the text "no" for instance, is refused."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r:.80}")
    return value


def one_of(name: str, value: Any, allowed: Sequence[Any]) -> Any:
    """One of the allowed values."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def whole_number(name: str, value: Any, low: int = 1) -> int:
    """A whole number of at least ``low``; booleans are refused."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")
    return int(value)


def number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number from ``low`` to ``high``; booleans are refused."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, got {value!r:.80}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    if not low <= float(value) <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {value}")
    return float(value)


def positive(name: str, value: Any) -> float:
    """A finite number above 0."""
    if number(name, value) <= 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return float(value)
