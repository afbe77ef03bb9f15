"""The recorded explorer: a Python function run over a grid of settings, replayed by slider without a kernel.

Fit for one or two sliders. With three of twenty steps each the state is already megabytes, and refused.
"""

from __future__ import annotations

import inspect
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import traitlets

from bookwork import arguments
from bookwork.explorer.base import Explorer
from bookwork.palette import DEFAULT
from bookwork.progress import progress

FORMATS = ("percent", "number", "rate", "integer", "plain")
SCALES = ("linear", "log", "band")
KINDS = ("line", "points", "bars")
MARKERS = ("circle", "square", "diamond", "triangle")
LIMIT_BYTES = 1_000_000
DIGITS = 6

_FRAME_KEYS = ("series", "sentence", "x", "y", "title", "alt", "note")
_AXIS_KEYS = ("label", "scale", "domain", "categories", "format")
_SERIES_KEYS = (
    "name",
    "kind",
    "x",
    "y",
    "color",
    "width",
    "dash",
    "marker",
    "size",
    "hollow",
    "faint",
    "fill",
    "label",
)


@dataclass(frozen=True)
class Slider:
    """One slider of a recorded explorer.

    Attributes:
        values: its stops in order, numbers or texts, each once.
        label: its name on the page; by default the name of the argument that it sets.
        hint: a few words beside the label.
        format: how its value is written, one of percent, number (3 digits), rate, integer and plain.
    """

    values: Sequence[float | str]
    label: str = ""
    hint: str = ""
    format: str = "number"


@dataclass
class _Extent:
    """The values that an axis must show in all frames, so that it keeps still while a slider moves."""

    low: float = math.inf
    high: float = -math.inf

    def add(self, numbers: Iterable[Any], log: bool) -> None:
        for number in numbers:
            if isinstance(number, (int, float)) and (number > 0 or not log):
                self.low, self.high = min(self.low, number), max(self.high, number)


def _known_keys(name: str, mapping: Any, allowed: tuple[str, ...], needed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{name} must be a mapping, got {mapping!r:.80}")
    missing = [key for key in needed if key not in mapping]
    unknown = [key for key in mapping if key not in allowed]
    if missing or unknown:
        raise ValueError(
            f"{name} must have {', '.join(needed)} and may have {', '.join(allowed)}; "
            f"missing: {missing or 'none'}, unknown: {unknown or 'none'}"
        )
    return dict(mapping)


def _scalar(name: str, value: Any, digits: int | None) -> float | int | str | None:
    """A number, text or None as JSON has it, floats at so many significant digits (None: all)."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return float(value if digits is None else f"{value:.{digits}g}")
    raise ValueError(
        f"{name} must hold finite numbers, texts, or None where a value is missing, got {value!r}"
    )


def _list(name: str, values: Any, digits: int | None = DIGITS) -> list[float | int | str | None]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ValueError(f"{name} must be a list, got {values!r:.80}")
    return [_scalar(name, value, digits) for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _checked_axis(name: str, axis: Any) -> dict[str, Any]:
    kept = {"scale": "linear", "format": "number", **_known_keys(name, axis, _AXIS_KEYS, ("label",))}
    arguments.text(f"{name}['label']", kept["label"])
    arguments.one_of(f"{name}['scale']", kept["scale"], SCALES)
    arguments.one_of(f"{name}['format']", kept["format"], FORMATS)
    if (kept["scale"] == "band") != ("categories" in kept):
        raise ValueError(f"{name} must have 'categories' if and only if its 'scale' is 'band', got {kept}")
    for key in ("domain", "categories"):
        if key in kept:
            kept[key] = _list(f"{name}[{key!r}]", kept[key])
    if "domain" in kept:
        both: Any = kept["domain"] if len(kept["domain"]) == 2 else (None, None)
        low, high = both
        numbers = _is_number(low) and _is_number(high)
        if not numbers or not low < high or (kept["scale"] == "log" and low <= 0):
            raise ValueError(f"{name}['domain'] must be [low, high] (above 0 if log), got {kept['domain']}")
    return kept


def _checked_series(
    name: str, series: Any, axes: Mapping[str, Mapping[str, Any]], colours: Sequence[str]
) -> dict[str, Any]:
    kept = {"color": "ink", **_known_keys(name, series, _SERIES_KEYS, ("name", "kind", "x", "y"))}
    arguments.one_of(f"{name}['kind']", kept["kind"], KINDS)
    arguments.text(f"{name}['name']", kept["name"])
    kept["color"] = arguments.text(f"{name}['color']", kept["color"]).replace("_", "-")
    arguments.one_of(f"{name}['color']", kept["color"], colours)
    if "marker" in kept:
        arguments.one_of(f"{name}['marker']", kept["marker"], MARKERS)
    if "fill" in kept:
        arguments.one_of(f"{name}['fill']", kept["fill"], ("solid", "hatched"))
    for key, axis in axes.items():
        kept[key] = _list(f"{name}[{key!r}]", kept[key])
        if axis["scale"] == "band":
            for value in kept[key]:
                arguments.one_of(f"{name}[{key!r}]", value, tuple(axis["categories"]))
            continue
        for value in kept[key]:
            if isinstance(value, str):
                raise ValueError(
                    f"{name}[{key!r}] must hold numbers on a {axis['scale']} axis, got {value!r}"
                )
            if axis["scale"] == "log" and value is not None and value <= 0:
                raise ValueError(f"{name}[{key!r}] must be above 0 on a log axis, got {value}")
    if len(kept["x"]) != len(kept["y"]):
        raise ValueError(f"{name}['x'] and ['y'] must have one length: {len(kept['x'])} and {len(kept['y'])}")
    for key in ("width", "size"):
        if key in kept:
            kept[key] = arguments.number(f"{name}[{key!r}]", kept[key])
            if kept[key] <= 0.0:
                raise ValueError(f"{name}[{key!r}] must be above 0, got {kept[key]}")
    for key in ("dash", "hollow", "faint"):
        if key in kept:
            kept[key] = bool(arguments.one_of(f"{name}[{key!r}]", kept[key], (True, False)))
    if "label" in kept:
        kept["label"] = _checked_label(f"{name}['label']", kept["label"])
    return kept


def _checked_label(name: str, label: Any) -> dict[str, Any]:
    if not isinstance(label, Mapping):
        return {"text": arguments.text(name, label)}
    kept = _known_keys(name, label, ("text", "prefer", "side"), ("text",))
    arguments.text(f"{name}['text']", kept["text"])
    if "prefer" in kept:
        kept["prefer"] = arguments.number(f"{name}['prefer']", kept["prefer"], low=0.0, high=1.0)
    if "side" in kept:
        arguments.one_of(f"{name}['side']", kept["side"], ("above", "below"))
    return kept


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
    kept = _known_keys(name, frame, _FRAME_KEYS, ("x", "y", "series", "sentence"))
    axes = {key: _checked_axis(f"{name}[{key!r}]", kept[key]) for key in ("x", "y")}
    if axes["x"]["scale"] == axes["y"]["scale"] == "band":
        raise ValueError(f"{name} must have at most one axis with scale 'band'")
    for key in ("sentence", "title", "alt", "note"):
        if key in kept:
            arguments.text(f"{name}[{key!r}]", kept[key])
    if not isinstance(kept["series"], (list, tuple)) or not kept["series"]:
        raise ValueError(
            f"{name}['series'] must hold at least one series in a list, got {kept['series']!r:.80}"
        )
    series = [
        _checked_series(f"{name}['series'][{i}]", s, axes, colours) for i, s in enumerate(kept["series"])
    ]
    return {"alt": kept["sentence"], **kept, **axes, "series": series}


def _checked_grid(grid: Any) -> list[dict[str, Any]]:
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"grid must map at least one argument's name to its values, got {grid!r:.80}")
    checked = []
    for name, slider in grid.items():
        if not isinstance(slider, Slider):
            slider = Slider(slider)
        values = _list(f"grid[{name!r}]", slider.values, digits=None)  # the function is called with them
        if len(values) < 2 or len(set(values)) != len(values) or None in values:
            raise ValueError(f"grid[{name!r}] must hold at least two values, each once, got {values}")
        shown = arguments.one_of(f"grid[{name!r}].format", slider.format, FORMATS)
        label = slider.label or name.replace("_", " ")
        checked.append({"name": name, "values": values, "label": label, "hint": slider.hint, "format": shown})
    return checked


def _hoisted(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """Take what all frames have in common out of them, and give axes without a domain one extent for all."""
    for key, other in (("x", "y"), ("y", "x")):
        extent = _Extent()
        for frame in frames:
            axis = frame[key]
            for series in frame["series"]:
                extent.add(series[key], axis["scale"] == "log")
                if series["kind"] == "bars" and frame[other]["scale"] == "band" and axis["scale"] == "linear":
                    extent.add([0], False)  # bars start there
        for frame in frames:
            if "domain" not in frame[key] and frame[key]["scale"] != "band" and extent.low <= extent.high:
                frame[key]["extent"] = [extent.low, extent.high]
    first = frames[0]
    same = [key for key in first if all(key in frame and frame[key] == first[key] for frame in frames)]
    shared = {key: first[key] for key in same}
    for frame in frames:
        for key in same:
            del frame[key]
    return shared


def _check_function(function: Any, names: Sequence[str]) -> None:
    """The function can be called with these names."""
    if not callable(function):
        raise ValueError(f"function must be a function of {', '.join(names)}, got {function!r:.80}")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions that are not written in Python do not tell
        return
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise ValueError(
            f"function must take the arguments {', '.join(names)}, got {signature}: {error}"
        ) from None


class RecordedExplorer(Explorer):
    """A Python function over a grid of settings, live in the page without a kernel.

    >>> def squares(power):
    ...     x = [0, 1, 2, 3]
    ...     return {
    ...         "x": {"label": "x"},
    ...         "y": {"label": "x to the power"},
    ...         "series": [{"name": "curve", "kind": "line", "x": x, "y": [v**power for v in x]}],
    ...         "sentence": f"At power {power} the last value is {3**power}.",
    ...     }
    >>> RecordedExplorer(squares, {"power": [1, 2, 3]}, title="Powers")  # doctest: +SKIP

    The trait ``setting`` maps each argument's name to its value, follows the sliders and can be set. The
    class attribute ``progress`` shows how far the recording is.
    """

    module = "recorded"
    settings = ("setting",)
    progress: ClassVar[Callable[..., Iterable[Any]]] = staticmethod(progress)

    grid = traitlets.List[Any](help="The sliders.").tag(sync=True, explorer=True)
    frames = traitlets.List[Any](help="One picture per setting, the last slider varying fastest.").tag(
        sync=True, explorer=True
    )
    shared = traitlets.Dict(help="What all pictures have in common.").tag(sync=True, explorer=True)
    setting = traitlets.Dict(help="The value of every slider.").tag(sync=True, explorer=True)

    def __init__(
        self,
        function: Callable[..., Mapping[str, Any]],
        grid: Mapping[str, Sequence[float | str] | Slider],
        *,
        title: str,
        setting: Mapping[str, float | str] | None = None,
        limit_bytes: int = LIMIT_BYTES,
        labels: Mapping[str, str] | None = None,
        **others: Any,
    ) -> None:
        """Run ``function`` for every combination of the grid's values.

        Args:
            function: takes the grid's names as keyword arguments, returns a picture as
                :func:`checked_frame` has it.
            grid: values, or a :class:`Slider`, for each argument.
            title: above the picture.
            setting: where the sliders stand at first; by default at their first values.
            limit_bytes: how large the recorded pictures may be as JSON.
            labels: see :class:`Explorer`.
            others: further arguments of :class:`Explorer`.

        Raises:
            ValueError: for a function that does not take the grid's names, a grid or a picture that is not
                allowed, or a grid whose pictures exceed ``limit_bytes``.
        """
        sliders = _checked_grid(grid)
        arguments.whole_number("limit_bytes", limit_bytes)
        names = [slider["name"] for slider in sliders]
        _check_function(function, names)
        combinations = list(itertools.product(*(slider["values"] for slider in sliders)))
        frames: list[dict[str, Any]] = []
        size = 0
        for values in self.progress(combinations, description=title):
            chosen = dict(zip(names, values, strict=True))
            called = f"function({', '.join(f'{key}={value!r}' for key, value in chosen.items())})"
            frame = checked_frame(called, function(**chosen), self.palette.names)
            size += len(json.dumps(frame, ensure_ascii=False).encode())
            if size > limit_bytes:
                raise ValueError(
                    f"grid has {len(combinations):,} settings, and the pictures of the first "
                    f"{len(frames) + 1:,} already take {size:,} bytes, above limit_bytes={limit_bytes:,}: "
                    "give fewer values, or draw fewer points"
                )
            frames.append(frame)
        start = dict(zip(names, combinations[0], strict=True)) if setting is None else dict(setting)
        super().__init__(
            labels={**(labels or {}), "title": title},
            grid=sliders,
            shared=_hoisted(frames),
            frames=frames,
            setting=start,
            **others,
        )

    @traitlets.validate("setting")
    def _check_setting(self, proposal: dict[str, Any]) -> dict[str, Any]:
        value = proposal["value"]
        allowed = {slider["name"]: slider["values"] for slider in self.grid}
        if set(value) != set(allowed) or any(value[name] not in allowed[name] for name in allowed):
            raise traitlets.TraitError(
                f"setting must give each slider one of its values {allowed}, got {value}"
            )
        return value

    def describe(self) -> str:
        """The alternative text where none was given: the title, and the sentence of the first setting."""
        index = 0
        for slider in self.grid:
            index = index * len(slider["values"]) + slider["values"].index(self.setting[slider["name"]])
        frame = {**self.shared, **self.frames[index]}
        return f"{self.labels['title']}. {frame['alt']}"
