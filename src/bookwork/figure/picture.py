"""A plotly figure as the data of a picture, which ``js/drawn.js`` draws; what cannot be drawn is refused."""

from collections.abc import Mapping
from typing import Any

from bookwork.figure.axes import Axis, axis_of
from bookwork.figure.parts import Part, colour_of, plain
from bookwork.figure.traces import Series, series_of
from bookwork.palette import DEFAULT, Palette

LOOK = (
    "autosize bargap bargroupgap dragmode font hoverlabel hovermode legend margin paper_bgcolor plot_bgcolor"
    " separators template uirevision width modebar clickmode"
).split()
"""Of a layout: what a page decides in its own way."""

TITLE = 40
"""px of a figure's height that its title takes, which becomes text of the page."""

BAND = ("name", "x", "y", "color", "opacity", "quiet", "unlisted", "decoration")
"""What an area keeps of the trace above it."""

Picture = dict[str, Any]


def picture_of(figure: Mapping[str, Any], palette: Palette = DEFAULT) -> Picture:
    """A picture of a figure.

    Args:
        figure: what ``json.loads(figure.to_json())`` gives.
        palette: its colours become names in the picture, so that they follow a page's theme.

    Returns:
        Plain JSON data: ``title``, ``alt``, ``height``, the axes ``x`` and ``y``, ``series``, ``legend``,
        whether the series are listed by name, and ``names``, how many are where there is no room beside them.

    Raises:
        ValueError: if the figure uses what pages cannot draw, naming all of it.
    """
    refused: list[str] = []
    root = Part("", {key: value for key, value in figure.items() if key != "data"}, refused)
    layout = root.part("layout")
    layout.look(*LOOK)
    if figure.get("frames"):
        refused.append("frames")
    root.look("frames", "config")
    template = (layout.get("template") or {}).get("layout") or {}
    colours = [
        found
        for each in layout.get("colorway") or template.get("colorway") or palette.series.values()
        if (found := colour_of(each, palette))
    ] or ["ink"]
    traces = [Part(f"data[{i}]", trace, refused) for i, trace in enumerate(figure["data"])]
    series: list[Series] = []
    for i, trace in enumerate(traces):
        series += series_of(trace, i + 1, colours[i % len(colours)], palette)
        trace.close()
    series = joined(series, refused)
    layout.one_of("barmode", ("group",))
    x, y = axes_of(layout, series)
    layout.part("title").look("text", "font", "x", "xanchor", "xref", "y", "yanchor", "yref", "pad")
    meta = layout.get("meta") or {}
    named = sum(not each.get("unlisted") for each in series)
    legend = layout.get("showlegend", template.get("showlegend", named > 1))
    labels = sum("label" in each for each in series)
    height = layout.get("height", template.get("height", 400))
    picture = {
        "title": title_of(figure["layout"]),
        "alt": meta.get("alt") or "",
        "height": max(120, int(height) - TITLE),
        "x": x,
        "y": y,
        "series": series,
        "legend": bool(legend),
        "names": named if legend else labels,
    }
    root.close()
    if refused:
        raise ValueError(f"a plotly figure uses what pages cannot draw: {', '.join(dict.fromkeys(refused))}")
    return picture


def title_of(layout: Mapping[str, Any]) -> str:
    """Title of a figure, empty if it has none."""
    return plain((layout.get("title") or {}).get("text") or "").replace("\n", " ")


def joined(series: list[Series], refused: list[str]) -> list[Series]:
    """The series in which those that only name or bound another have become part of it."""
    found: list[Series] = []
    for each in series:
        if each["kind"] == "name":
            if found:
                found[-1]["label"] = {"text": each["text"], "at": each["at"]}
        elif "fill_to" in each:
            found.append(band(each, found, refused))
        else:
            found.append(each)
    return found


def band(upper: Series, before: list[Series], refused: list[str]) -> Series:
    """The area between a trace and zero, or the trace before it, which goes into it."""
    to = upper.pop("fill_to")
    lower = before.pop() if to == "tonexty" and before else None
    if lower is None and to == "tonexty":
        refused.append("fill = 'tonexty' of a trace with none before it")
    elif lower is not None and lower["x"] != upper["x"]:
        refused.append("fill = 'tonexty' between traces with other x")
    bounds = lower["y"] if lower else [0] * len(upper["x"])
    names = {"bounds": [lower["name"], upper["name"]]} if lower else {}
    kept = {key: value for key, value in upper.items() if key in BAND}
    return kept | {"kind": "band", "from": bounds} | names


def axes_of(layout: Part, series: list[Series]) -> tuple[Axis, Axis]:
    """Both axes. Bars that lie make the vertical one a list of names, others the horizontal one."""
    standing = [each for each in series if each["kind"] == "bars"]
    lying = any(each.pop("lying", False) for each in standing)
    matrix = any(each["kind"] == "cells" for each in series)
    made = []
    for letter in ("x", "y"):
        along = [value for each in series for value in each[letter]]
        names = matrix or (bool(standing) and lying == (letter == "y"))
        axis = axis_of(layout.part(f"{letter}axis"), letter, along, names)
        if letter == "x" and all(each["kind"] in ("line", "band") for each in series):
            axis["tight"] = True  # lines begin and end where the axis does
        made.append(axis)
    for slot, each in enumerate(standing):
        each |= {"slot": slot, "slots": len(standing)}
    return made[0], made[1]
