"""The same answer, held by something else: which parts of it are remade is found here, how is a form's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Remake = Callable[[Any], Any]


@dataclass(frozen=True)
class Form:
    """How each kind of value is held; what gives NotImplemented is left as it was.

    ``array`` is for arrays and lists of numbers or truth values, ``number`` and ``truth`` for one of them,
    ``text`` for one text and ``texts`` for a list of them, ``mapping`` for dictionaries, ``parts`` for lists
    and tuples of anything else. ``once`` is for what can be read once: a function's answer, and no value.
    """

    array: Remake | None = None
    number: Remake | None = None
    truth: Remake | None = None
    text: Remake | None = None
    texts: Remake | None = None
    mapping: Remake | None = None
    parts: Remake | None = None
    once: bool = False


def remade(value: Any, form: Form) -> tuple[Any, int]:
    """``value`` in that form, and how many of its parts it holds otherwise."""
    kind = _kind(value)
    inside = 0
    if kind == "mapping":
        made = {key: remade(entry, form) for key, entry in value.items()}
        value, inside = {key: entry for key, (entry, _) in made.items()}, sum(n for _, n in made.values())
    elif kind == "parts":
        made = [remade(entry, form) for entry in value]
        value, inside = type(value)(entry for entry, _ in made), sum(n for _, n in made)
    remake = getattr(form, kind) if kind else None
    found = NotImplemented if remake is None else remake(value)
    return (value, inside) if found is NotImplemented else (found, inside + 1)


def _kind(value: Any) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return "truth"
    if isinstance(value, (int, float, np.number)):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, np.ndarray):
        return "array"
    if isinstance(value, Mapping):
        return "mapping"
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(entry, str) for entry in value):
            return "texts"
        return "array" if _is_array(value) else "parts"
    return None


def _is_array(value: Any) -> bool:
    """Whether lists hold numbers alone, as many in each."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_array, value)) and len({np.shape(entry) for entry in value}) == 1
    return isinstance(value, (bool, int, float, np.number, np.bool_))
