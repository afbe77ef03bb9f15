"""What a kernel hands over of a plotly figure, for every viewer that there is.

JupyterLab draws it by plotly. What knows no plotly (``jupyter nbconvert --to html``, nbviewer, others) shows
HTML in which the page's own script draws it, and what shows no HTML its alternative text.
"""

from collections.abc import Mapping
from typing import Any

from bookwork.explorer.bundle import OWN
from bookwork.explorer.standalone import standalone_html
from bookwork.figure.html import MODULE, figure_state
from bookwork.figure.picture import picture_of, title_of
from bookwork.palette import DEFAULT, Palette

PLOTLY = "application/vnd.plotly.v1+json"
CAPTION = "application/vnd.bookwork.caption+json"
"""Of an output that holds a caption: a page has it below its figure, and shows no second one."""


def outputs_of(figure: Mapping[str, Any], palette: Palette = DEFAULT) -> list[dict[str, Any]]:
    """The outputs of a figure: itself, and below it its caption, if it has one.

    Args:
        figure: what ``json.loads(figure.to_json())`` gives. One that pages cannot draw has no HTML.
        palette: the colours of its HTML.
    """
    meta = figure["layout"].get("meta") or {}
    alt, caption = meta.get("alt") or "", meta.get("caption") or ""
    title = title_of(figure["layout"])
    shown: dict[str, Any] = {PLOTLY: figure, "text/plain": ". ".join(filter(None, (title, alt))) or "Figure"}
    try:
        picture = picture_of(figure, palette)
    except ValueError:
        pass
    else:
        state = figure_state(picture, title=title)
        shown["text/html"] = standalone_html(OWN, MODULE, state, alt=alt, palette=palette)
    return [shown, {"text/markdown": caption, CAPTION: {}}] if caption else [shown]
