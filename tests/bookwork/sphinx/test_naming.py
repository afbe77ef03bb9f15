"""What a text names, found in it: terms, pages and exercises by number, functions in text and code."""

from __future__ import annotations

import pytest

from bookwork.sphinx.linking import Place
from bookwork.sphinx.mentions import used
from bookwork.sphinx.naming import Names, label_of, number_of, shortest
from bookwork.sphinx.references import number_pattern, numbers_in
from bookwork.sphinx.terms import Finder

TERMS = [
    "CTR 点击率",
    "down-sampling 降采样",
    "entropy",
    "Pareto front 帕累托前沿",
    "tower 塔",
    "two-tower model 双塔模型",
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Down-sampling first", ["Down-sampling"]),
        ("the CTRs, not a ctr", ["CTRs"]),
        ("a two-tower\nmodel with towers", ["two-tower\nmodel", "towers"]),
        ("双塔模型和塔", ["双塔模型", "塔"]),
        ("entropies and cross-entropy", ["entropies"]),
        ("pareto fronts", ["pareto fronts"]),
        ("an ivory tower, and a tower", ["tower"]),
        ("towering", []),
    ],
)
def test_terms_are_found_by_each_name_the_longest_first(text, found):
    finder = Finder(TERMS, never=["ivory tower"])
    assert [match[0] for match, _ in finder(text)] == found


def test_everyday_words_are_left_alone_and_their_translation_is_not():
    finder = Finder(["like 点赞"], never=["like"])
    assert [(match[0], term) for match, term in finder("Like it, likes, 点赞")] == [("点赞", "like 点赞")]


@pytest.mark.parametrize(
    ("title", "number", "label"),
    [
        ("3. Calibration", ("chapter", "3"), "chapter 3"),
        ("1.2 Retrieval", ("section", "1.2"), "section 1.2"),
        ("Exercises 2: the model", ("exercises", "2"), "exercises 2"),
        ("Appendix 4", ("appendix", "4"), "appendix 4"),
        ("Notation", None, "Notation"),
        ("2024 in words", None, "2024 in words"),
    ],
)
def test_titles_say_how_others_call_a_page(title, number, label):
    assert number_of(title) == number
    assert label_of(title) == label


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Chapter 2 and 3 apples", ["Chapter 2"]),
        ("chapters 2 and 3", ["chapters 2", "3"]),
        ("chapters 2, 3, and 9", ["chapters 2", "3"]),
        ("exercises 2 and exercise 2.5", ["exercises 2", "exercise 2.5"]),
        ("exercise 2 of this page", []),
        ("appendices 2 or 9; Appendix\n2", ["appendices 2", "Appendix\n2"]),
        ("chapter 20, chapter 2% and section 2", []),
        ("section 1.2, sections 1.2 and 1.3; section 1.20", ["section 1.2", "sections 1.2"]),
    ],
)
def test_pages_are_found_by_number(text, named):
    keys = [("chapter", "2"), ("chapter", "3"), ("exercises", "2"), ("exercise", "2.5"), ("appendix", "2")]
    keys.append(("section", "1.2"))
    names = Names(numbered={key: Place(" ".join(key)) for key in keys})
    found = sorted(numbers_in(text, names, number_pattern(names)))
    assert [text[start:end] for start, end, _ in found] == named


OBJECTS = {
    "tea.brewing.brew": "function",
    "tea.brewing.Pot": "class",
    "tea.brewing.Pot.pour": "method",
    "tea.cups.Cup.pour": "method",
    "tea.cups.wash": "function",
    "tea.pots.wash": "function",
}


def test_code_names_an_object_only_when_it_can_be_no_other():
    names = Names(shortened=shortest(OBJECTS, never=["Pot"]))
    expected = {
        "brew": "tea.brewing.brew",
        "brew(3)": "tea.brewing.brew",
        "Pot": None,
        "pour": None,
        "Pot.pour": "tea.brewing.Pot.pour",
        "wash": None,
        "1 + 1": None,
    }
    assert {code: names.resolve(code) for code in expected} == expected


def test_imports_are_followed_to_what_is_documented():
    names = Names(objects=dict.fromkeys(OBJECTS, Place("api")), shortened=shortest(OBJECTS, never=()))
    known: dict[str, str] = {}
    code = (
        "from tea import brew, cups\nimport tea.brewing as b\nb.Pot.pour(1)\ncups.wash(x.Pot)\ncoffee.brew()"
    )
    found = [name for dotted in used(code, known) if (name := names.imported(dotted))]
    assert sorted(set(found)) == [
        "tea.brewing.Pot",
        "tea.brewing.Pot.pour",
        "tea.brewing.brew",
        "tea.cups.wash",
    ]
    assert list(used("no python:", known)) == []
