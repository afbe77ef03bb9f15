"""Outputs of cells that the built page shows in its own way: explorers, plotly figures, plain widgets.

myst-nb finds these classes by their entry points, in every book that is built in this environment; in books
that do not load this extension they do nothing.
"""

from collections.abc import Mapping
from html import escape
from typing import Any, ClassVar

from docutils import nodes
from myst_nb.core.render import WIDGET_VIEW_MIMETYPE, MimeData, NbElementRenderer

from bookwork.figure import data_html, figure_html
from bookwork.figure.html import MODULE
from bookwork.figure.jupyter import CAPTION, PLOTLY
from bookwork.palette import palette_named
from bookwork.sphinx.heights import heights_of
from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.place import light_html

EXPLORER = "application/vnd.ranking.explorer+json"
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
        here = data.mime_type == cls.mime_type and cls.is_ours(renderer)
        return cls.shown(renderer, data) if here and not inline else None

    @staticmethod
    def is_ours(renderer: NbElementRenderer) -> bool:
        """Whether the book loads this extension."""
        env = renderer.renderer.sphinx_env
        return env is not None and EXTENSION in env.app.extensions


def figure_with(
    renderer: NbElementRenderer, data: MimeData, caption: str, body: str, tail: str
) -> list[nodes.Element]:
    """A figure with its caption, which is Markdown."""
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
        (figure,) = figure_with(renderer, data, payload["caption"], html, "")
        # for bookwork.sphinx.explorers, which asks for the scripts
        figure["module"], figure["states"] = payload["module"], states
        figure["begins_with"] = next(iter(states), "") if "data-state=" in html else ""
        return [figure]


class PlotlyRenderer(PageRenderer):
    """A plotly figure, drawn in the page by the library of the explorers, with its data as a table."""

    mime_type = PLOTLY
    mime_priority_overrides: ClassVar = [
        (builder, kind, 2) for builder in BUILDERS for kind in (PLOTLY, CAPTION)
    ]

    @classmethod
    def handle_mime(
        cls, renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """The figure; nothing of its caption, which other viewers show below it: here it is part of it."""
        if data.mime_type == CAPTION and cls.is_ours(renderer):
            return [nodes.comment("", "its figure has it")]  # for nothing at all the Markdown would be taken
        return super().handle_mime(renderer, data, inline)

    @classmethod
    def shown(cls, renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        """The place of the figure and its data.

        A figure without alternative text, or with something that pages cannot draw, is a warning.
        """
        figure: Mapping[str, Any] = data.content
        meta = figure["layout"].get("meta") or {}

        def warn(said: str) -> None:
            renderer.logger.warning(said, subtype="ranking_figure", line=data.line)

        for key in ("alt", "caption"):
            if not meta.get(key):
                warn(f"a plotly figure has no layout.meta.{key}: set both, as a reader needs them")
        caption = meta.get("caption", "")
        try:
            body = figure_html(figure, palette_named(renderer.renderer.sphinx_env.config.bookwork_palette))
        except ValueError as error:
            warn(str(error))
            return figure_with(renderer, data, caption, f"<p>{escape(meta.get('alt', ''))}</p>", "")
        (node,) = figure_with(renderer, data, caption, body, data_html(figure))
        node["module"], node["states"], node["begins_with"] = MODULE, {}, ""
        return [node]


class WidgetRenderer(PageRenderer):
    """A plain Jupyter widget needs a kernel: where the page has none, a note stands in its place."""

    mime_type = WIDGET_VIEW_MIMETYPE

    @classmethod
    def shown(cls, renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        """The note."""
        return [nodes.paragraph("", KERNEL_NOTE, classes=["ranking-kernel-note"])]
