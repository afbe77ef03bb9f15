"""Sections far from what a phone shows are laid out when they come near: long pages open like short ones.

The browser must know about how tall such a section will be, or its scroll bar jumps; the style sheet
(``assets/css/far.css``) has a height for each step of :data:`STEPS`.
"""

import math
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookwork.sphinx.nodes import page_figure

STEPS = (300, 600, 1_000, 1_500, 2_200, 3_200, 4_500, 6_500)
"""Heights in pixels, on a phone."""

LETTERS, LINE = 42, 27  # of a line of text
CODE_LINE, ROW = 19, 40  # of code, and of a table
PICTURE, EXPLORER, FOLD = 480, 1_100, 44
BETWEEN = 20  # two blocks


def _is_explorer(figure: page_figure) -> bool:
    return "ranking-explorer" in figure["body"]


def height(node: nodes.Node) -> int:
    """About how tall a part of a page is on a phone, in pixels."""
    if isinstance(node, page_figure):
        return EXPLORER if _is_explorer(node) else PICTURE
    if isinstance(node, HideCodeCellNode):
        return FOLD
    if isinstance(node, nodes.literal_block):
        return (node.astext().count("\n") + 1) * CODE_LINE + BETWEEN
    if isinstance(node, nodes.row):
        return ROW
    if isinstance(node, nodes.image):
        return PICTURE
    if isinstance(node, nodes.raw):
        return node.astext().count("<tr") * ROW
    if isinstance(node, (nodes.paragraph, nodes.title, nodes.math_block)):
        return (len(node.astext()) // LETTERS + 1) * LINE + BETWEEN
    return sum(height(child) for child in node.children)


def step_of(pixels: int) -> int:
    """Number of the step of :data:`STEPS` that is nearest in proportion."""
    return min(range(len(STEPS)), key=lambda i: abs(math.log(max(pixels, 1) / STEPS[i])))


class FarSections(SphinxPostTransform):
    """Gives each section right below the page's own the class of its step.

    That of the first explorer is there before anything else, wherever it stands; of the sections in it all
    but its own have a step too.
    """

    default_priority = 950  # after all that moves, folds and numbers
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Mark the sections of the page."""
        first = next((figure for figure in self.document.findall(page_figure) if _is_explorer(figure)), None)
        for page in self.document.children:
            self.mark(page, first)

    def mark(self, section: nodes.Node, first: page_figure | None) -> None:
        """Mark the sections right below this one."""
        for part in section.children if isinstance(section, nodes.section) else ():
            if not isinstance(part, nodes.section):
                continue
            if any(figure is first for figure in part.findall(page_figure)):
                self.mark(part, first)
            else:
                part["classes"].append(f"ranking-far-{step_of(height(part))}")


def setup(app: Sphinx) -> None:
    """Called by :func:`bookwork.sphinx.setup`."""
    app.add_post_transform(FarSections)
