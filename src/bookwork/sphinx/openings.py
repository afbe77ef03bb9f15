"""The first picture of a page: what it shows comes first, the code that made it is folded below."""

from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookwork.sphinx.nodes import OneFoldForNeighbours

OPENING = "opening"
"""Tag of a cell whose output opens a page, beside ``hide-input``."""


class OutputBeforeCode(SphinxPostTransform):
    """In a cell tagged ``opening`` the folded code follows the output."""

    default_priority = OneFoldForNeighbours.default_priority + 1
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Move the folds of such cells to their ends."""
        for fold in list(self.document.findall(HideCodeCellNode)):
            cell = fold.parent
            if isinstance(cell, nodes.container) and f"tag_{OPENING}" in cell["classes"]:
                cell.remove(fold)
                cell.append(fold)


def setup(app: Sphinx) -> None:
    """Called by :func:`bookwork.sphinx.setup`."""
    app.add_post_transform(OutputBeforeCode)
