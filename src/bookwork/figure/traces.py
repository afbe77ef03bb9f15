"""The traces of a figure as series of a picture."""

import re
from collections.abc import Mapping
from typing import Any

from bookwork.figure.parts import Part, colour_of, plain, short
from bookwork.palette import Palette

DIRECT_LABEL = "direct label"
"""What ``meta`` of a trace says that is nothing but the name, written at its end, of the trace before it."""

DECORATION = "decoration"
"""What ``meta`` of a trace says that is only drawn, neither read out nor in the table: a frame, a letter."""

LABEL_OF = "label of "
"""How the name of such a trace begins; after it comes what is written."""

MARKERS = ("circle", "square", "diamond", "triangle-up", "star", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
HATCHES = ("", "/", "\\", "x", ".", "-", "|", "+")
PLACES = [f"{y} {x}" for y in ("middle", "top", "bottom") for x in ("center", "right", "left")]

_FIELD = re.compile(r"%\{(x|y|text|customdata|fullData\.name)(?:\[(\d+)\])?(?::([^}]*))?\}")
_LOOK = "uid cliponaxis legendgroup legendrank textfont selectedpoints offsetgroup alignmentgroup xaxis yaxis"

Series = dict[str, Any]


def series_of(part: Part, number: int, default: str, palette: Palette) -> list[Series]:
    """What a picture shows of one trace: a series of its own, or a name for the one before it."""
    kind = part.one_of("type", ("scatter", "bar", "heatmap"))
    part.look(*_LOOK.split())
    part.one_of("xaxis", ("x",))
    part.one_of("yaxis", ("y",))
    if part.get("meta") == DIRECT_LABEL:
        part.look(*part.content)
        name = str(part.content.get("name", "")).removeprefix(LABEL_OF)
        place = str(part.content.get("textposition", "middle right")).split()[0]
        return [{"kind": "name", "text": plain(name), "at": place}]
    if part.one_of("visible", (True, False)) is False:
        part.look(*part.content)
        return []
    series: Series = {"name": plain(part.get("name") or f"trace {number}")}
    if kind == "heatmap":
        return [cells(part, series, default, palette)]
    lying = part.one_of("orientation", ("v", "h")) == "h"
    x, y = part.values("x"), part.values("y")
    x = list(range(len(y or ()))) if x is None else x
    y = list(range(len(x))) if y is None else y
    series |= {"x": short(x), "y": short(y)}
    if len(x) != len(y):
        part.refused.append(f"{part.name}: {len(x)} values of x and {len(y)} of y")
    (bars if kind == "bar" else curve)(part, series, default, palette)
    if lying and kind == "bar":
        series["lying"] = True
    errors(part, series)
    told(part, series)
    if (opacity := part.get("opacity", 1)) != 1:
        series["opacity"] = opacity
    if part.one_of("hoverinfo", ("all", "skip", "none", "x+y")) in ("skip", "none"):
        series["quiet"] = True
    if part.get("showlegend") is False:
        series["unlisted"] = True
    return [series]


def colour(part: Part, key: str, default: str, palette: Palette) -> str:
    """A colour of a trace."""
    given = part.get(key)
    found = colour_of(given, palette)
    if given is not None and found is None:
        part.refuse(key)
    return found or default


def curve(part: Part, series: Series, default: str, palette: Palette) -> None:
    """A line, points, or a line with points."""
    mode = set(str(part.get("mode", "lines+markers" if len(series["x"]) < 20 else "lines")).split("+"))
    if unknown := mode - {"lines", "markers", "text", "none"}:
        part.refused.append(f"{part.name}.mode with {', '.join(sorted(unknown))}")
    part.one_of("connectgaps", (False,))
    line, marker = part.part("line"), part.part("marker")
    line.one_of("shape", ("linear",))
    line.look("simplify")
    edge = marker.part("line")
    edge.look("width", "color")
    tint = colour(line, "color", default, palette)
    inner = colour(marker, "color", tint, palette)
    series["color"] = tint if "lines" in mode and "color" in line.content else inner
    series["kind"] = "line" if "lines" in mode else "points"
    width, dash = line.get("width", 2), line.one_of("dash", DASHES)
    if "lines" in mode:
        series["width"] = width
        if dash != "solid":
            series["dash"] = dash
    symbol = str(marker.get("symbol", "circle"))
    opacity = marker.get("opacity", 1)
    size = marker.get("size", 6)
    if symbol.removesuffix("-open") not in MARKERS:
        marker.refuse("symbol")
    if "markers" in mode:
        series["marker"] = symbol.removesuffix("-open").removesuffix("-up")
        alone = isinstance(size, (int, float))
        series["size"] = size / 2 if alone else short([each / 2 for each in marker.values("size") or ()])
        if symbol.endswith("-open"):
            series["hollow"] = True
        if opacity != 1:
            series |= {"overlaid": True} if "lines" not in mode else {"seen": opacity}
    elif "lines" not in mode and series["kind"] == "points":
        series["size"] = 0
    filled(part, series)
    texts = part.get("text")
    if texts is not None:
        places = part.get("textposition", PLACES[0])
        if not {*([places] if isinstance(places, str) else places)} <= set(PLACES):
            part.refuse("textposition")
        said = [texts] * len(series["x"]) if isinstance(texts, str) else list(texts)
        series["texts"] = [plain(str(text)) if text is not None else "" for text in said]
        if "text" in mode:
            series["written"] = places
    part.look("textposition")


def filled(part: Part, series: Series) -> None:
    """An area: down to zero, or to the trace before it."""
    fill = part.one_of("fill", ("none", "tozeroy", "tonexty"))
    part.look("fillcolor")
    if fill != "none":
        series["fill_to"] = fill


def bars(part: Part, series: Series, default: str, palette: Palette) -> None:
    """Bars, which may have a colour each, a hatch, and texts."""
    series["kind"] = "bars"
    marker = part.part("marker")
    given = marker.get("color")
    if isinstance(given, (list, tuple)):
        tints = [colour_of(each, palette) for each in given]
        if None in tints:
            marker.refuse("color")
        series |= {"color": default, "colors": tints}
    else:
        series["color"] = colour(marker, "color", default, palette)
    marker.part("line").look("width", "color")
    pattern = marker.part("pattern")
    pattern.look("fgcolor", "bgcolor", "size", "solidity", "fillmode", "fgopacity")
    if pattern.one_of("shape", HATCHES):
        series["fill"] = "hatched"
    if (opacity := marker.get("opacity", 1)) != 1:
        series["opacity"] = opacity
    texts = part.get("text")
    part.one_of("textposition", ("auto", "outside", "inside", "none"))
    part.look("textangle", "insidetextanchor")
    if texts is not None:
        said = [texts] * len(series["x"]) if isinstance(texts, str) else list(texts)
        series["texts"] = [plain(str(text)) for text in said]


def cells(part: Part, series: Series, default: str, palette: Palette) -> Series:
    """A heat map: one colour, the fuller the larger the value."""
    rows = part.values("z") or []
    across = part.values("x") or list(range(len(rows[0]) if rows else 0))
    down = part.values("y") or list(range(len(rows)))
    numbers = [value for row in rows for value in row if value is not None]
    low, high = part.get("zmin", min(numbers, default=0)), part.get("zmax", max(numbers, default=1))
    scale = part.get("colorscale")
    tint = colour_of(scale[-1][1], palette) if isinstance(scale, list) and len(scale) == 2 else None
    if scale is not None and tint is None:
        part.refuse("colorscale")
    part.look("showscale", "colorbar", "coloraxis", "xgap", "ygap", "hoverongaps", "zauto", "hoverinfo")
    if part.get("hovertemplate") is not None:
        part.refuse("hovertemplate")
    spread = (high - low) or 1
    return series | {
        "kind": "cells",
        "color": tint or default,
        "x": [str(x) for _ in rows for x in across],
        "y": [str(y) for y in down for _ in across],
        "z": short([value for row in rows for value in row]),
        "v": short([0 if v is None else min(1, max(0, (v - low) / spread)) for row in rows for v in row]),
        "unlisted": True,
    }


def errors(part: Part, series: Series) -> None:
    """Error bars, as the ends of each."""
    for letter in ("x", "y"):
        key = f"error_{letter}"
        if key not in part.content:
            continue
        bar = part.part(key)
        bar.look("color", "thickness", "width")
        kind, both = bar.one_of("type", ("data",)), bar.one_of("symmetric", (True, False))
        up, down = bar.values("array"), bar.values("arrayminus")
        if bar.one_of("visible", (True, False)) is False or up is None or kind != "data":
            continue
        down = up if both or down is None else down
        middle = series[letter]
        series.setdefault("errors", {})[letter] = [
            short([m - d if None not in (m, d) else None for m, d in zip(middle, down, strict=True)]),
            short([m + u if None not in (m, u) else None for m, u in zip(middle, up, strict=True)]),
        ]


def told(part: Part, series: Series) -> None:
    """What is read out at each point, where the figure says how; and numbers that only the table shows.

    ``meta.customdata`` names what ``customdata`` holds: more columns of the table, or, where ``meta.table``
    is "customdata", the columns of a table without the places at which the points are drawn.
    """
    custom = part.values("customdata")
    meta = part.get("meta")
    if meta == DECORATION:
        series |= {"decoration": True, "unlisted": True}
    if isinstance(meta, Mapping) and "customdata" in meta and custom is not None:
        named, table = meta["customdata"], meta.get("table")
        names = [named] if isinstance(named, str) else list(named)
        rows = [[row] for row in custom] if isinstance(named, str) else custom
        if table not in (None, "customdata"):
            part.refused.append(f"{part.name}.meta.table = {table!r}")
        if len(rows) != len(series["x"]):
            part.refused.append(f"{part.name}.customdata: {len(rows)} rows for {len(series['x'])} points")
        elif any(not isinstance(row, list) or len(row) != len(names) for row in rows):
            part.refused.append(f"{part.name}.meta.customdata: {len(names)} names for other rows")
        else:
            columns = [[name, short([row[i] for row in rows])] for i, name in enumerate(names)]
            series["own" if table else "more"] = columns
    template = part.get("hovertemplate")
    if template is None:
        return
    try:
        series["said"] = [
            _filled(template, series, i, custom[i] if custom is not None else None)
            for i in range(len(series["x"]))
        ]
    except (ValueError, TypeError, IndexError):
        part.refuse("hovertemplate")


def _filled(template: str, series: Series, i: int, custom: Any) -> str:
    """A hover text with the values of one point in it; d3's formats are Python's for what is used here."""
    found = {"x": series["x"][i], "y": series["y"][i], "text": series.get("texts", [""] * (i + 1))[i]}

    def value(match: re.Match[str]) -> str:
        name, place, spec = match.groups()
        shown = {**found, "customdata": custom, "fullData.name": series["name"]}[name]
        shown = shown[int(place)] if place else shown
        if shown is None:
            return "–"
        return format(shown, spec) if spec else f"{shown:.4g}" if isinstance(shown, float) else str(shown)

    text = _FIELD.sub(value, re.sub(r"<extra>.*?</extra>", "", template))
    if "%{" in text:
        raise ValueError(text)
    return plain(text)
