"""What numbers on a page begin with, and what is numbered; the sample book shows the rest."""

from __future__ import annotations

import pytest
from docutils import nodes
from docutils.utils import new_document

from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.numbering import caption_line, captioned, number, prefix_of


@pytest.mark.parametrize(
    ("title", "prefix"),
    [
        ("3. Calibration", "3"),
        ("3.2 Platt and isotonic", "3.2"),
        ("Appendix 2: when training takes longer", "A2"),
        ("Exercises 3: calibration", "E3"),
        ("Chapter 4: experts", "4"),
        ("How ranking really works", ""),
        ("30 items", ""),
        ("Notation", ""),
    ],
)
def test_prefixes(title: str, prefix: str) -> None:
    assert prefix_of(title) == prefix


def page(title: str) -> nodes.document:
    figure = page_figure("", nodes.paragraph("", "a curve"), body="", tail="")
    table = captioned("", caption_line("", "rates"), kind="Table")
    bare = page_figure(body="", tail="")
    document = new_document("page")
    document += nodes.section("", nodes.title("", title), bare, figure, table, figure.deepcopy())
    return document


def test_what_has_a_caption_is_numbered() -> None:
    document = page("3. Calibration")
    anchors = {"Figure 3.1": "figure-3-1", "Table 3.1": "table-3-1", "Figure 3.2": "figure-3-2"}
    assert number(document) == anchors
    bare, *others = document.findall(lambda node: isinstance(node, (page_figure, captioned)))
    assert bare["ids"] == []
    assert [node["ids"] for node in others] == [["figure-3-1"], ["table-3-1"], ["figure-3-2"]]
    assert others[1].astext() == "Table 3.1 rates"


def test_a_page_without_a_number_numbers_nothing() -> None:
    document = page("Notation")
    assert number(document) == {}
    assert "Table" not in document.astext()
