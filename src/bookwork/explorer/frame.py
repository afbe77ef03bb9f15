"""One picture of a recorded explorer: what a function may return, and what is kept of it."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from bookwork import arguments
from bookwork.explorer.schema import Check, anything, each, flag, number, one_of, optional, record, words
from bookwork.palette import DEFAULT

FORMATS = ("percent", "number", "rate", "integer", "plain")


def plain_list(digits: int | None = 6) -> Check:
    """Numbers, texts and None as JSON has them, floats at so many significant digits (None: all)."""

    def plain(name: str, value: Any) -> float | int | str | None:
        if isinstance(value, np.generic):
            value = value.item()
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is None or isinstance(value, str) or whole:
            return value
        if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            return float(value if digits is None else f"{value:.{digits}g}")
        allowed = "finite numbers, texts, or None where a value is missing"
        raise ValueError(f"{name} must hold {allowed}, got {value!r}")

    def check(name: str, values: Any) -> list[float | int | str | None]:
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise ValueError(f"{name} must be a list, got {values!r:.80}")
        return [plain(name, value) for value in values]

    return check


_AXIS = record(
    label=words(),
    scale=optional(one_of(("linear", "log", "band"))),
    domain=optional(plain_list()),
    categories=optional(plain_list()),
    format=optional(one_of(FORMATS)),
    closed=True,
)
_LABEL = record(
    text=words(), prefer=optional(number(0.0, 1.0)), side=optional(one_of(("above", "below"))), closed=True
)


def _axis(name: str, value: Any) -> dict[str, Any]:
    kept = {"scale": "linear", "format": "number", **_AXIS(name, value)}
    if (kept["scale"] == "band") != ("categories" in kept):
        raise ValueError(f"{name} must have 'categories' if and only if its 'scale' is 'band', got {kept}")
    if "domain" in kept:
        numbers = [value for value in kept["domain"] if isinstance(value, (int, float))]
        rising = len(numbers) == len(kept["domain"]) == 2 and numbers[0] < numbers[1]
        if not rising or (kept["scale"] == "log" and numbers[0] <= 0):
            raise ValueError(f"{name}['domain'] must be [low, high] (above 0 if log), got {kept['domain']}")
    return kept


def _label(name: str, value: Any) -> dict[str, Any]:
    return _LABEL(name, value) if isinstance(value, Mapping) else {"text": arguments.text(name, value)}


def _along(axis: Mapping[str, Any]) -> Check:
    """The values of a series along an axis."""

    def check(name: str, values: Any) -> list[float | int | str | None]:
        kept = plain_list()(name, values)
        for value in kept:
            if axis["scale"] == "band":
                arguments.one_of(name, value, axis["categories"])
            elif isinstance(value, str):
                raise ValueError(f"{name} must hold numbers on a {axis['scale']} axis, got {value!r}")
            elif axis["scale"] == "log" and value is not None and value <= 0:
                raise ValueError(f"{name} must be above 0 on a log axis, got {value}")
        return kept

    return check


def _series(axes: Mapping[str, Mapping[str, Any]], colours: Sequence[str]) -> Check:
    entries = record(
        name=words(),
        kind=one_of(("line", "points", "bars")),
        x=_along(axes["x"]),
        y=_along(axes["y"]),
        color=optional(lambda name, value: one_of(colours)(name, words()(name, value).replace("_", "-"))),
        width=optional(number(above=0.0)),
        dash=optional(flag()),
        marker=optional(one_of(("circle", "square", "diamond", "triangle"))),
        size=optional(number(above=0.0)),
        hollow=optional(flag()),
        faint=optional(flag()),
        fill=optional(one_of(("solid", "hatched"))),
        label=optional(_label),
        closed=True,
    )

    def check(name: str, value: Any) -> dict[str, Any]:
        kept = {"color": "ink", **entries(name, value)}
        lengths = len(kept["x"]), len(kept["y"])
        if lengths[0] != lengths[1]:
            raise ValueError(f"{name}['x'] and ['y'] must have one length: {lengths[0]} and {lengths[1]}")
        return kept

    return check


_FRAME = record(
    x=_axis,
    y=_axis,
    series=anything(),
    sentence=words(),
    title=optional(words()),
    alt=optional(words()),
    note=optional(words()),
    closed=True,
)


def checked_frame(name: str, frame: Any, colours: Sequence[str] = DEFAULT.names) -> dict[str, Any]:
    """One picture as a recorded explorer keeps it.

    Args:
        name: what to call it in an error.
        frame: ``{"x": axis, "y": axis, "series": [...], "sentence": text}``, optionally ``"title"``,
            ``"alt"`` and ``"note"``. An axis is ``{"label"}`` with ``"scale"`` (linear, log, band),
            ``"domain"`` [low, high], ``"categories"`` (band only) and ``"format"``. A series is ``{"name",
            "kind", "x", "y"}`` with kind line, points or bars, lists of one length (None for a gap), and
            optionally ``"color"``, ``"width"`` and ``"size"`` in px, ``"dash"``, ``"marker"``,
            ``"hollow"``, ``"faint"`` (all three True or False), ``"fill"`` (solid, hatched) and a direct
            ``"label"``: a text, or ``{"text"}`` with ``"prefer"`` (where along the series, 0 to 1) and
            ``"side"`` (above, below).
        colours: names that a series' colour may have.

    Returns:
        Plain JSON data; numbers are kept to 6 significant digits.

    Raises:
        ValueError: naming the entry that is missing, unknown or not allowed.
    """
    kept = _FRAME(name, frame)
    if kept["x"]["scale"] == kept["y"]["scale"] == "band":
        raise ValueError(f"{name} must have at most one axis with scale 'band'")
    kept["series"] = each(_series(kept, colours))(f"{name}['series']", kept["series"])
    return {"alt": kept["sentence"], **kept}
