from __future__ import annotations

from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from myst_nb.sphinx_ import HideCodeCellNode

from bookwork.sphinx.openings import OPENING, OutputBeforeCode


@pytest.mark.parametrize(("tag", "order"), [(OPENING, ["output", "code"]), ("other", ["code", "output"])])
def test_an_opening_shows_its_picture_before_its_code(tag, order):
    cell = nodes.container("", classes=["cell", f"tag_{tag}"])
    cell += HideCodeCellNode("", nodes.literal_block("", "code"), classes=["above-input"])
    cell += nodes.container("", nodes.paragraph("", "output"))
    document = new_document("page")
    document += cell
    document.settings.env = SimpleNamespace()
    OutputBeforeCode(document).run()
    assert [part.astext() for part in cell.children] == order
