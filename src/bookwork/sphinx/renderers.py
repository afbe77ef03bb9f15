"""Outputs of cells that the built page shows in its own way: explorers, plotly figures, plain widgets.

myst-nb finds these classes by their entry points, in every book that is built in this environment; in books
that do not load this extension they do nothing.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, ClassVar

from docutils import nodes
from myst_nb.core.render import WIDGET_VIEW_MIMETYPE, MimeData, NbElementRenderer

from bookwork.explorer.standalone import json_in_script
from bookwork.sphinx.heights import heights_of
from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.offline import FOLDER
from bookwork.sphinx.place import light_html
from bookwork.sphinx.tables import figure_tables, title_of

EXPLORER = "application/vnd.ranking.explorer+json"
PLOTLY = "application/vnd.plotly.v1+json"
EXTENSION = "bookwork.sphinx"
BUILDERS = ("html", "dirhtml", "singlehtml")
KERNEL_NOTE = "This cell is live in JupyterLab."


class PageRenderer:
    """What the page shows of the outputs of one type, in a book that loads this extension."""

    mime_type: ClassVar[str]
    shown: ClassVar[Any]  # nodes for such an output
    mime_priority_overrides: ClassVar[list[tuple[str, str, int]]] = []

    @classmethod
    def handle_mime(
        cls, renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Nodes for such an output, None for any other."""
        env = renderer.renderer.sphinx_env
        here = data.mime_type == cls.mime_type and env is not None and EXTENSION in env.app.extensions
        return cls.shown(renderer, data) if here and not inline else None


def figure_with(
    renderer: NbElementRenderer, data: MimeData, scripts: Sequence[str], caption: str, body: str, tail: str
) -> list[nodes.Element]:
    """A figure with its caption, which is Markdown, in a page that loads these scripts, each once."""
    for name in scripts:
        renderer.add_js_file(name, f"{FOLDER}/{name}", {"defer": "defer"})
    figure = page_figure(body=body, tail=tail, classes=["ranking-figure"])
    if caption:
        with renderer.renderer.current_node_context(figure):
            renderer.renderer.nested_render_text(caption, data.line or 0)
    return [figure]


class ExplorerRenderer(PageRenderer):
    """An explorer: its state as JSON, which the module of the same name turns into controls and a picture."""

    mime_type = EXPLORER
    mime_priority_overrides: ClassVar = [(builder, EXPLORER, 1) for builder in BUILDERS]

    @classmethod
    def shown(cls, renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        """The place of the explorer."""
        payload: Mapping[str, Any] = data.content
        packages = renderer.renderer.sphinx_env.app.config.bookwork_explorers
        html, states = light_html(payload, heights_of(payload, packages))
        (figure,) = figure_with(renderer, data, (), payload["caption"], html, "")
        # for bookwork.sphinx.explorers, which asks for the scripts
        figure["module"], figure["states"] = payload["module"], states
        figure["begins_with"] = next(iter(states), "") if "data-state=" in html else ""
        return [figure]


class PlotlyRenderer(PageRenderer):
    """A plotly figure, drawn in the page by one shared plotly.js, with its data as a table."""

    mime_type = PLOTLY
    mime_priority_overrides: ClassVar = [(builder, PLOTLY, 2) for builder in BUILDERS]

    @classmethod
    def shown(cls, renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        """The place of the figure and its data; a figure without alternative text is a warning."""
        figure: Mapping[str, Any] = data.content
        meta = figure["layout"].get("meta") or {}
        for key in ("alt", "caption"):
            if not meta.get(key):
                said = f"a plotly figure has no layout.meta.{key}: set both, as a reader needs them"
                renderer.logger.warning(said, subtype="ranking_figure", line=data.line)
        title = title_of(figure["layout"])
        label = f"Data: {title}" if title else "Data of the figure"
        tail = (
            '<details class="ranking-data"><summary>Data behind this figure</summary>'
            f'<div class="ranking-scroll" role="group" tabindex="0" aria-label="{escape(label)}">'
            f"{figure_tables(figure)}</div></details>"
        )
        scripts = ["plotly.min.js", "plotly_page.js"]
        return figure_with(renderer, data, scripts, meta.get("caption", ""), plotly_html(figure), tail)


def live_html(attributes: str, state: Any, alt: str) -> str:
    """The place in a page where a script shows ``state``; all but the state is HTML."""
    data = f'<script type="application/json">{json_in_script(state)}</script>'
    return f"<div {attributes}>{data}<noscript><p>{alt}</p></noscript></div>"


def plotly_html(figure: Mapping[str, Any]) -> str:
    """The title of a plotly figure, and the place where a page draws it."""
    # The title becomes text of the page, which wraps on a phone; the room for it in the picture goes.
    layout = {name: value for name, value in figure["layout"].items() if name != "title"}
    layout["margin"] = {**layout.get("margin", {}), "t": 16}
    title, alt = title_of(figure["layout"]), escape((layout.get("meta") or {}).get("alt", ""))
    head = f'<p class="ranking-title">{escape(title)}</p>' if title else ""
    size = f'style="min-height: {int(layout.get("height") or 400)}px"'
    attributes = f'class="ranking-plotly" role="img" aria-label="{alt}" {size}'
    return head + live_html(attributes, {"data": figure["data"], "layout": layout}, alt)


class WidgetRenderer(PageRenderer):
    """A plain Jupyter widget needs a kernel: where the page has none, a note stands in its place."""

    mime_type = WIDGET_VIEW_MIMETYPE

    @classmethod
    def shown(cls, renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        """The note."""
        return [nodes.paragraph("", KERNEL_NOTE, classes=["ranking-kernel-note"])]
