"""What a table of marks shows beside a paragraph is what the notebook printed, and what was handed in."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from small_course import named
from term_course import REASON, WHY, term_notebook

from bookwork.grading import editions
from bookwork.grading.term import evidence


def printing(text: str) -> NotebookNode:
    """A learner's own cell that has printed something."""
    return new_code_cell("...", outputs=[new_output("stream", name="stdout", text=text)])


@pytest.fixture
def notebook() -> NotebookNode:
    """Setup, double, its paragraph and check, half and its check; each with an own cell before it."""
    made = editions.learners(term_notebook())
    cells = [cell for cell in made.cells if editions.grade_id(cell)]
    made.cells = [each for number, cell in enumerate(cells) for each in (printing(f"own {number}\n"), cell)]
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs = printing(f"{editions.grade_id(cell)} itself\n").outputs
    return made


def test_the_answer_cell_comes_first_then_own_cells_as_far_as_the_neighbours(notebook):
    assert evidence.printed(notebook, WHY).split("\n") == [
        "double itself",
        *(f"own {n}" for n in (0, 1, 2, 3, 4)),
    ]
    assert evidence.printed(notebook, "half").split("\n") == ["half itself", "own 4", "own 5"]
    assert evidence.printed(notebook, "none-why") == ""


def test_results_and_errors_are_text_and_warnings_and_colours_are_none(notebook):
    named(notebook, "half").outputs = [
        new_output("stream", name="stderr", text="a warning"),
        new_output("execute_result", {"text/plain": "0.25", "text/html": "<b>0.25</b>"}),
        new_output("display_data", {"image/png": "x"}),
        new_output("stream", name="stdout", text="\x1b[31mred\x1b[0m\x00\n"),
        new_output("error", ename="ValueError", evalue="x must be a number", traceback=[]),
    ]
    said = evidence.printed(notebook, "half").split("\n")
    assert said[:3] == ["0.25", "red", "ValueError: x must be a number"]


def test_what_is_long_is_cut_and_says_so(notebook):
    named(notebook, "half").outputs = printing("x" * 10_000).outputs
    said = evidence.printed(notebook, "half")
    assert said == "x" * evidence.MOST + evidence.CUT


CODES = [
    ("my_rate = 0.25", "my_rate = 0.25"),
    ("my_rate = None\nmy_rate = 1 / 4", "my_rate = 1 / 4"),
    ("my_rate = None  # a number", ""),
    ("my_plan = {'a': [1, -2]}\nprint(my_plan)", "my_plan = {'a': [1, -2]}"),
    ("def f():\n    mine = 1\n    return mine\na = b = 2", "a = b = 2"),
    ("my_rate = f(2)", ""),
    ("my_rate = lambda: 2", ""),
    ("my_rates = {}\nfor k in (1, 2):\n    my_rates[k] = k", ""),
    ("my_rates = []\nmy_rates.append(1)", ""),
    ("my_rate = 1\nmy_rate += 1", ""),
    ("my_rate = 1\ndel my_rate", ""),
    ("my_rate = 1 +", ""),
    ("my_rate = 1\x00", ""),
]


@pytest.mark.parametrize(("code", "said"), CODES)
def test_what_is_written_down_is_handed_in_and_what_is_worked_out_is_not_guessed(notebook, code, said):
    named(notebook, "double").source = code
    assert evidence.handed_in(notebook, WHY) == said


def test_words_are_counted_as_a_reader_does():
    assert evidence.length(REASON) == 9
    assert evidence.length("- it adds 0.0005 nats, *at most*\n\n> — so no") == 8
    assert evidence.length(" \n") == 0
