"""The two axes of a figure: their scale, ends, ticks and names."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from bookwork.figure.parts import Part, plain, short

LOOK = (
    "automargin fixedrange gridcolor gridwidth griddash linecolor linewidth mirror showline"
    " spikecolor tickcolor tickfont ticklen ticks tickwidth zeroline zerolinecolor zerolinewidth"
).split()
"""What plotly draws in one way and a page in its own."""

Axis = dict[str, Any]


def axis_of(part: Part, letter: str, along: Sequence[Any], bars: bool) -> Axis:
    """An axis.

    Args:
        part: ``layout.xaxis`` or ``layout.yaxis``.
        letter: "x" or "y".
        along: every value along it.
        bars: whether bars stand on it, so that its numbers are names, too.
    """
    part.look(*LOOK)
    title = part.part("title")
    title.look("font", "standoff")
    kind = part.one_of("type", ("-", "linear", "log", "category"))
    part.one_of("tickangle", (0,))  # names that are slanted read badly: they wrap or alternate
    reverse = part.one_of("autorange", (True, False, "reversed")) == "reversed"
    axis: Axis = {"label": plain(title.get("text") or ""), "scale": "log" if kind == "log" else "linear"}
    texts = bars or kind == "category" or any(isinstance(value, str) for value in along)
    format_of(part, axis)
    if part.one_of("visible", (True, False)) is False:
        axis["hidden"] = True
    if part.one_of("showgrid", (True, False)) is False:
        axis["bare"] = True
    if texts:
        bands(part, axis, along, reverse if letter == "x" else not reverse)
    else:
        ends(part, axis, reverse)
    ticks(part, axis, [value for value in along if isinstance(value, (int, float))])
    if texts:
        axis["named"] = True
    return axis


def bands(part: Part, axis: Axis, along: Sequence[Any], turned: bool) -> None:
    """Names side by side, in the order in which they come first."""
    axis["scale"] = "band"
    given = part.values("categoryarray")
    part.one_of("categoryorder", ("trace", "array"))
    names = list(dict.fromkeys([*(given or ()), *(value for value in along if value is not None)]))
    if names and all(isinstance(name, (int, float)) for name in names):
        names.sort()
        if len({round(b - a, 9) for a, b in pairwise(names)}) > 1:
            part.refused.append(f"{part.name}: bars at numbers that are not evenly apart")
    axis["categories"] = short(names[::-1] if turned else names)
    part.look("range")


def ends(part: Part, axis: Axis, reverse: bool) -> None:
    """Where a scale begins and ends, if that is said."""
    given = part.values("range")
    if given is not None and len(given) == 2 and None not in given:
        low, high = [10**end for end in given] if axis["scale"] == "log" else given
        axis["domain"] = short(sorted((low, high)))
        reverse = reverse or low > high
    elif axis["scale"] == "log" and part.name.endswith("yaxis"):
        axis["loose"] = True
    if reverse:
        axis["reversed"] = True


def format_of(part: Part, axis: Axis) -> None:
    """How its numbers are written."""
    said = part.get("tickformat") or ""
    known = {"%": "percent", "f": said, "d": "integer"}
    if not said:
        axis["format"] = "number"
    elif said[-1] in known and said[:-1].strip(",.0123456789") == "":
        axis["format"] = known[said[-1]]
    else:
        part.refuse("tickformat")
        axis["format"] = "number"


def ticks(part: Part, axis: Axis, numbers: Sequence[float]) -> None:
    """Which ticks it has, if that is said, and their texts: those near the numbers on it."""
    part.one_of("tickmode", ("auto", "array", "linear"))
    at, texts, step = part.values("tickvals"), part.values("ticktext"), part.get("dtick")
    if step is not None:
        part.look("tick0")
        if isinstance(step, (int, float)) and axis["scale"] == "linear":
            axis["step"] = step
        else:
            part.refuse("dtick")
    if at is None:
        return
    named = dict(zip(at, map(plain, texts), strict=False)) if texts else {}
    if axis["scale"] == "band":
        axis["texts"] = [named.get(name, str(name)) for name in axis["categories"]]
        return
    if axis["scale"] == "log" and numbers and "domain" not in axis:
        at = [tick for tick in at if min(numbers) / 10 < tick < max(numbers) * 10]
    axis["ticks"] = short(at)
    if texts:
        axis["texts"] = [named[tick] for tick in at]
