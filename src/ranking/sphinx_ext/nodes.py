"""Document nodes and their HTML: live figures with a caption, and cells that are folded away."""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx


class page_figure(nodes.General, nodes.Element):
    """A figure whose body is HTML.

    Unlike that of a raw node, its HTML (states, tables of numbers) stays out of the search index. Its
    children are the caption and are indexed.

    Attributes:
        body: HTML before the caption.
        tail: HTML after the caption.
        classes: of the ``<figure>``.
    """


def visit_page_figure(translator: Any, node: page_figure) -> None:
    """Open the figure, write its body, open the caption."""
    translator.body.append(translator.starttag(node, "figure", ""))
    translator.body.append(node["body"])
    if node.children:
        translator.body.append("<figcaption>")


def depart_page_figure(translator: Any, node: page_figure) -> None:
    """Close the caption, write what follows it, close the figure."""
    if node.children:
        translator.body.append("</figcaption>")
    translator.body.append(node["tail"] + "</figure>\n")


def visit_folded(translator: Any, node: HideCodeCellNode) -> None:
    """Open a folded part of a cell; what is seen of it is also its name for assistive technology."""
    part = "code" if "above-input" in node["classes"] else "output"
    closed, opened = (
        f"{verb} {part}" if prompt.startswith(f"{verb} code cell ") else prompt  # stock, or of the cell's own
        for verb, prompt in (("Show", node["prompt_show"]), ("Hide", node["prompt_hide"]))
    )
    translator.body.append(
        f'<details class="ranking-code"><summary><span class="ranking-closed">{escape(closed)}</span>'
        f'<span class="ranking-open">{escape(opened)}</span></summary>\n'
    )


def depart_folded(translator: Any, node: HideCodeCellNode) -> None:
    """Close it."""
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Make the nodes known to the HTML builders."""
    app.add_node(page_figure, html=(visit_page_figure, depart_page_figure))
    app.add_node(HideCodeCellNode, override=True, html=(visit_folded, depart_folded))
