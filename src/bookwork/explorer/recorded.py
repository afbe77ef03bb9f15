"""The recorded explorer: a Python function run over a grid of settings, replayed by slider without a kernel.

Fit for one or two sliders. With three of twenty steps each the state is already megabytes, and refused.
"""

import inspect
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import traitlets

from bookwork import arguments
from bookwork.explorer.base import Explorer
from bookwork.explorer.frame import FORMATS, checked_frame, plain_list
from bookwork.progress import progress

LIMIT_BYTES = 1_000_000


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


def _checked_grid(grid: Any) -> list[dict[str, Any]]:
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"grid must map at least one argument's name to its values, got {grid!r:.80}")
    checked = []
    for name, slider in grid.items():
        if not isinstance(slider, Slider):
            slider = Slider(slider)
        values = plain_list(digits=None)(f"grid[{name!r}]", slider.values)  # the function is called with them
        if len(values) < 2 or len(set(values)) != len(values) or None in values:
            raise ValueError(f"grid[{name!r}] must hold at least two values, each once, got {values}")
        shown = arguments.one_of(f"grid[{name!r}].format", slider.format, FORMATS)
        label = slider.label or name.replace("_", " ")
        checked.append({"name": name, "values": values, "label": label, "hint": slider.hint, "format": shown})
    return checked


def _hoisted(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """Take what all frames have in common out of them, and give axes without a domain one extent for all.

    With it an axis keeps still while a slider moves.
    """
    for key, other in (("x", "y"), ("y", "x")):
        found: list[float] = []
        for frame in frames:
            scale = frame[key]["scale"]
            for series in frame["series"]:
                numbers = [value for value in series[key] if isinstance(value, (int, float))]
                found += [value for value in numbers if value > 0 or scale != "log"]
                if series["kind"] == "bars" and frame[other]["scale"] == "band" and scale == "linear":
                    found.append(0)  # bars start there
        extent = [min(found), max(found)] if found else None
        for frame in frames:
            if "domain" not in frame[key] and frame[key]["scale"] != "band" and extent:
                frame[key]["extent"] = extent
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

    grid = traitlets.List[Any](help="The sliders.")
    frames = traitlets.List[Any](help="One picture per setting, the last slider varying fastest.")
    shared = traitlets.Dict(help="What all pictures have in common.")
    setting = traitlets.Dict(help="The value of every slider.")

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
