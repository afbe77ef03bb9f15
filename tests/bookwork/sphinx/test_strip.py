"""Where a page stands, and how long it takes; the sample book shows what becomes of it."""

from __future__ import annotations

import pytest
from docutils import nodes
from docutils.utils import new_document

from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.reading import counted, quiz_of, told
from bookwork.sphinx.strip import standing

STAGES = [
    {"label": "retrieval", "page": "01_funnel/index#retrieval"},
    {"label": "ranking", "parts": [{"label": "calibration", "page": "03_calibration/index"}]},
    {"label": "re-ranking", "page": "01_funnel/re_ranking"},
]


@pytest.mark.parametrize(
    ("docname", "here"),
    [
        ("01_funnel/index", {"01_funnel/index"}),
        ("01_funnel/re_ranking", {"01_funnel/re_ranking"}),
        ("01_funnel/exercises", {"01_funnel/index", "01_funnel/re_ranking"}),
        ("03_calibration/exercises", {"03_calibration/index"}),
        ("reference/glossary", set()),
        ("intro", set()),
    ],
)
def test_a_page_belongs_to_what_is_named_in_its_folder(docname: str, here: set[str]) -> None:
    assert standing(STAGES, docname) == here


def table(*rows: tuple[str, str]) -> nodes.table:
    lines = [nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in row)) for row in rows]
    return nodes.table("", nodes.tgroup("", nodes.tbody("", *lines)))


def document(*parts: nodes.Node) -> nodes.document:
    made = new_document("page")
    made += nodes.section("", *parts, ids=["here"])
    return made


@pytest.mark.parametrize(
    ("rows", "minutes"),
    [
        ([("section", "minutes"), ("one", "10"), ("two", "25")], 35),
        ([("section", "minutes"), ("one", "10"), ("two", "25"), ("in all", "35")], 35),
        ([("section", "points"), ("one", "10")], 0),
    ],
)
def test_a_column_of_minutes_is_added_up(rows: list[tuple[str, str]], minutes: int) -> None:
    assert told(document(table(*rows))) == minutes


def test_exercises_say_their_minutes() -> None:
    said = [nodes.emphasis("", "2 points, about 5 minutes"), nodes.emphasis("", "1 point, about 10 minutes")]
    assert (
        told(document(nodes.paragraph("", "", *said), nodes.paragraph("", "", nodes.emphasis("", "no"))))
        == 15
    )


def test_else_words_and_lines_are_counted() -> None:
    text = document(nodes.paragraph("", "word " * 600), nodes.literal_block("", "x = 1\n" * 29))
    assert counted(text) == 5
    assert counted(document()) == 1


def test_the_section_of_the_quiz() -> None:
    quiz = page_figure(body='<div data-module="quiz"></div>', tail="")
    assert quiz_of(document(nodes.paragraph(), quiz)) == "here"
    assert quiz_of(document(nodes.paragraph())) == ""
