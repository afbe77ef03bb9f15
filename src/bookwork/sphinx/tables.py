"""The data of a plotly figure as accessible HTML tables, made from its traces."""

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

LONGEST = 200  # rows shown of one table; the caption says how many there are in all


def values(array: Any) -> list[Any]:
    """A trace's array as a list, whether stored as one or as base64 of its bytes (as NumPy arrays are)."""
    if isinstance(array, Mapping):
        numbers = np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"])
        shape = str(array.get("shape", -1)).split(",")
        return numbers.reshape([int(size) for size in shape]).tolist()
    return list(array)


def cell(value: Any) -> str:
    """A value as text: numbers with four significant digits, gaps as a dash."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return escape(str(value))
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value)}"
    return f"{value:.4g}"


def html_table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """One table with a caption; its first column heads the rows."""
    if len(rows) > LONGEST:
        caption = f"{caption} (the first {LONGEST} of {len(rows)} rows)".lstrip()
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{cell(row[0])}</th>' + "".join(f"<td>{cell(v)}</td>" for v in row[1:]) + "</tr>"
        for row in rows[:LONGEST]
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def figure_tables(figure: Mapping[str, Any]) -> str:
    """All data of a figure, as JSON: a table for each group of traces that share their x, and each matrix.

    A trace with neither x and y nor z is a ValueError: a table for such a figure must be written first.
    """
    layout = figure.get("layout", {})
    groups: dict[tuple[str, ...], tuple[str, list[Any], list[tuple[str, list[Any]]]]] = {}
    tables: list[str] = []
    for number, trace in enumerate(figure["data"], start=1):
        if trace.get("mode") == "text":  # a label, no data
            continue
        name = plain(trace.get("name") or "") or axis_title(layout, "y") or f"trace {number}"
        if "z" in trace:
            tables.append(matrix_table(name, trace, layout))
            continue
        along, across = ("y", "x") if trace.get("orientation") == "h" else ("x", "y")
        if across not in trace:
            raise ValueError(f"no data table can be made of a {trace.get('type', 'scatter')!r} trace")
        measured = values(trace[across])
        places = values(trace.get(along, range(len(measured))))
        heading = axis_title(layout, along) or along
        columns = groups.setdefault((along, *map(repr, places)), (heading, places, []))[2]
        columns.append((name, measured))
        spread = trace.get(f"error_{across}", {}).get("array")
        if spread is not None:
            columns.append((f"{name}, ±", values(spread)))
        meta = trace.get("meta")
        if isinstance(meta, Mapping) and "customdata" in meta:
            columns.append((f"{name}, {meta['customdata']}", values(trace["customdata"])))
    for heading, places, columns in groups.values():
        caption = columns[0][0] if len(groups) > 1 and len(columns) == 1 else ""
        rows = list(zip(places, *(column for _, column in columns), strict=True))
        tables.append(html_table(caption, [heading, *(name for name, _ in columns)], rows))
    return "".join(tables)


def matrix_table(name: str, trace: Mapping[str, Any], layout: Mapping[str, Any]) -> str:
    """A heat map as a table: its y down the side, its x along the top."""
    matrix = values(trace["z"])
    along, down = values(trace.get("x", range(len(matrix[0])))), values(trace.get("y", range(len(matrix))))
    corner = f"{axis_title(layout, 'y') or 'y'} \\ {axis_title(layout, 'x') or 'x'}"
    rows = [(place, *row) for place, row in zip(down, matrix, strict=True)]
    return html_table(name, [corner, *map(cell, along)], rows)


def axis_title(layout: Mapping[str, Any], axis: str) -> str:
    """Title of the x or y axis, empty if it has none."""
    return title_of(layout.get(f"{axis}axis", {}))


def title_of(part: Mapping[str, Any]) -> str:
    """Title of a layout or an axis, empty if it has none."""
    return plain(part.get("title", {}).get("text") or "")


def plain(text: str) -> str:
    """Text of a plotly label without its markup."""
    return re.sub(r"<[^>]*>", "", text)
