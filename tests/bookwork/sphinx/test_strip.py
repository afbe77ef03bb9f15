"""Where a page stands, and how long it takes; the sample book shows what becomes of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document

from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.reading import Page, counted, quiz_of, told
from bookwork.sphinx.strip import Strip, standing

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


def test_beside_exercises_lie_exercises() -> None:
    titles = {
        f"{number}_part/{page}": nodes.title("", title)
        for number in (1, 2)
        for page, title in (("index", f"{number}. Part"), ("exercises", f"Exercises {number}: a part"))
    }
    env = SimpleNamespace(
        titles=titles, found_docs=set(titles), bookwork_pages={name: Page(80, "") for name in titles}
    )
    stages = [{"label": "part", "page": f"{number}_part/index"} for number in (1, 2)]
    app = SimpleNamespace(
        env=env,
        config=SimpleNamespace(bookwork_strip=stages),
        builder=SimpleNamespace(get_relative_uri=lambda _, page: page),
    )
    said = {
        name: [
            (part.get_text(), part.get("href"))
            for part in BeautifulSoup(Strip(app, name).html(), "html.parser").select(".ranking-beside li > *")
        ]
        for name in ("1_part/index", "1_part/exercises")
    }
    assert said == {
        "1_part/index": [
            ("about 80 minutes", None),
            ("exercises", "1_part/exercises"),
            ("chapter 2. Part →", "2_part/index"),
        ],
        "1_part/exercises": [
            ("exercises: about 80 minutes", None),
            ("chapter", "1_part/index"),
            ("Exercises 2: a part →", "2_part/exercises"),
        ],
    }


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
