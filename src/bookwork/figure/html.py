"""The place of a figure in a page: HTML with the picture's data, which a script draws when it comes near."""

from collections.abc import Mapping
from html import escape
from typing import Any

from bookwork.explorer.standalone import json_in_script
from bookwork.figure.picture import Picture, picture_of, title_of
from bookwork.palette import DEFAULT, Palette

MODULE = "drawn"
"""The JavaScript module that draws figures."""

LABELS = {
    "readout": "Arrow keys read the values.",
    "table": "Data behind this figure",
    "first": "the first {shown} of {all} rows",
}


def figure_state(picture: Picture, title: str = "") -> dict[str, Any]:
    """What the module reads; it draws ``title`` and the place of the data itself where there is one."""
    return {"labels": LABELS, "picture": {**picture, "title": title}}


def figure_html(figure: Mapping[str, Any], palette: Palette = DEFAULT) -> str:
    """The title of a plotly figure, and the place where it is drawn; ValueError as :func:`picture_of`."""
    picture = picture_of(figure, palette)
    alt = escape(picture["alt"])
    head = f'<p class="ranking-title">{escape(picture["title"])}</p>' if picture["title"] else ""
    size = f"--rf-height: {picture['height']}px; --rf-names: {picture['names']}"
    attributes = f'class="ranking-plot" data-module="{MODULE}" role="img" aria-label="{alt}" style="{size}"'
    data = f'<script type="application/json">{json_in_script(figure_state(picture))}</script>'
    place = f"<div {attributes}>{data}<noscript><p>{alt}</p></noscript></div>"
    return f'<div class="ranking-chart">{head}{place}</div>'


def data_html(figure: Mapping[str, Any]) -> str:
    """The place of a figure's data, which the module fills when a reader opens it."""
    title = title_of(figure["layout"])
    label = f"Data: {title}" if title else "Data of the figure"
    return (
        f'<details class="ranking-data"><summary>{LABELS["table"]}</summary>'
        f'<div class="ranking-scroll" role="group" tabindex="0" aria-label="{escape(label)}"></div></details>'
    )
