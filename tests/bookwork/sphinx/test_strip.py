"""Where a page stands, and how long it takes; the sample book shows what becomes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document

from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.reading import Page, counted, quiz_of, rows_of, told
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
        ("01_funnel/counting", {"01_funnel/index", "01_funnel/re_ranking"}),
        ("03_calibration/exercises", {"03_calibration/index"}),
        ("reference/glossary", set()),
        ("intro", set()),
    ],
)
def test_a_page_belongs_to_what_is_named_in_its_folder(docname: str, here: set[str]) -> None:
    assert standing(STAGES, docname) == here


def strips(stages: list[dict], titles: dict[str, str], pages: dict[str, Page], below: dict) -> dict[str, Any]:
    """The strip of each page of a book with these titles and contents."""
    env = SimpleNamespace(
        titles={name: nodes.title("", title) for name, title in titles.items()},
        found_docs=set(titles),
        bookwork_pages=pages,
        toctree_includes=below,
    )
    app = SimpleNamespace(
        env=env,
        config=SimpleNamespace(bookwork_strip=stages),
        builder=SimpleNamespace(get_relative_uri=lambda _, page: page),
    )
    return {name: BeautifulSoup(Strip(app, name).html(), "html.parser") for name in titles}


def beside(strip: Any) -> list[tuple[str, str | None]]:
    return [(part.get_text(), part.get("href")) for part in strip.select(".ranking-beside li > *")]


def test_beside_exercises_lie_exercises() -> None:
    titles = {
        f"{number}_part/{page}": title
        for number in (1, 2)
        for page, title in (("index", f"{number}. Part"), ("exercises", f"Exercises {number}: a part"))
    }
    stages = [{"label": "part", "page": f"{number}_part/index"} for number in (1, 2)]
    found = strips(stages, titles, {name: Page(80, "") for name in titles}, {})
    assert beside(found["1_part/index"]) == [
        ("about 80 minutes", None),
        ("exercises", "1_part/exercises"),
        ("chapter 2. Part →", "2_part/index"),
    ]
    assert beside(found["1_part/exercises"]) == [
        ("exercises: about 80 minutes", None),
        ("chapter", "1_part/index"),
        ("Exercises 2: a part →", "2_part/exercises"),
    ]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """The strip names two of the pages, one of them twice, and neither the index nor the third."""
    titles = {
        "1_part/index": "1. Part",
        "1_part/other": "1.1 Other",
        "1_part/second": "1.2 Second",
        "1_part/last": "1.3 Last",
        "1_part/exercises": "Exercises 1: a part",
        "2_part/index": "2. Next",
    }
    stages = [
        {"label": "one", "page": "1_part/second#one"},
        {"label": "two", "page": "1_part/second#two"},
        {"label": "next", "page": "2_part/index"},
        {"label": "three", "page": "1_part/last"},
    ]
    pages = {name: Page(7, "") for name in titles}
    rows = {"This page": 30, "1.1 Other": 20, "1.2 Second": 25, "Check yourself": 5}
    pages["1_part/index"] = Page(sum(rows.values()), "check-yourself", rows)
    below = {"1_part/index": [name for name in titles if name[0] == "1"][1:]}
    return strips(stages, titles, pages, below)


class TestChapterOfSeveralPages:
    """Each of its pages has its own place and its own minutes."""

    def test_all_labels_of_a_page_are_marked_there_and_lead_to_their_sections(self, found):
        marked = found["1_part/second"].select("[aria-current]")
        assert [(link.get_text(), link["href"], link["aria-current"]) for link in marked] == [
            ("one", "#one", "page"),
            ("two", "#two", "page"),
        ]

    @pytest.mark.parametrize("page", ["index", "other", "exercises"])
    def test_where_no_label_names_a_page_all_of_its_chapter_are_marked(self, found, page):
        marked = found[f"1_part/{page}"].select("[aria-current]")
        assert [link.get_text() for link in marked] == ["one", "two", "three"]
        assert {link["aria-current"] for link in marked} == {"true"}

    def test_its_pages_lead_to_the_index_and_to_each_other(self, found):
        assert beside(found["1_part/second"]) == [
            ("about 25 minutes", None),
            ("chapter", "1_part/index"),
            ("exercises", "1_part/exercises"),
            ("quiz", "1_part/index#check-yourself"),
            ("← 1.1 Other", "1_part/other"),
            ("1.3 Last →", "1_part/last"),
        ]
        assert found["1_part/second"].nav["data-minutes"] == "25"
        # without a row in the table it is as long as its words are
        assert beside(found["1_part/last"])[0] == ("about 5 minutes", None)
        assert "→" not in found["1_part/last"].get_text()

    def test_chapters_have_chapters_for_neighbours_once_each(self, found):
        index, following = beside(found["1_part/index"]), beside(found["2_part/index"])
        assert index[0] == ("about 35 minutes of 80", None)
        assert index[-1] == ("chapter 2. Next →", "2_part/index")
        assert found["1_part/index"].nav["data-minutes"] == "35"
        assert following == [("about 5 minutes", None), ("← chapter 1. Part", "1_part/index")]


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


def test_a_row_of_minutes_says_what_takes_them() -> None:
    rows = (("section", "minutes"), ("1.1 Other", "10"), ("Rest", "25"), ("in all", "35"))
    assert dict(rows_of(document(table(*rows)))) == {"1.1 Other": 10, "Rest": 25}


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
