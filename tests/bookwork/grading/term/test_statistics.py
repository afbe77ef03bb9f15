"""How a class did: numbers that can be worked out by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output
from small_course import NAME
from term_course import WHY, graded_term

from bookwork.grading.__main__ import main
from bookwork.grading.term.statistics import results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graded_term(tmp_path_factory.mktemp("statistics"))


def test_points_and_checks(term, capsys):
    assert main(["statistics", str(term), "--chapter", NAME]) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said[0] == [f"{NAME}:", "3", "graded,", "1", "not", "graded"]
    assert said[1] == ["points", "n", "mean", "least", "25%", "median", "75%", "of"]
    assert said[3] == ["double", "3", "1.33", "0.00", "1.00", "2.00", "2.00", "2"]
    assert said[2] == [WHY, "2", "0.00", "0.00", "0.00", "0.00", "0.00", "3"]
    assert said[4] == ["half", "3", "0.67", "0.00", "0.00", "0.00", "1.00", "2"]
    assert said[5] == ["total", "2", "2.00", "0.00", "1.00", "2.00", "3.00", "7"]
    checks = {(line[0], " ".join(line[4:])): line[1:4] for line in said[7:]}
    assert checks == {
        ("half", "three in sight"): ["2", "of", "3"],
        ("half", "a secret number, 38.75"): ["2", "of", "3"],
        ("double", "three in sight"): ["1", "of", "3"],
        ("double", "a secret number, 17.25"): ["1", "of", "3"],
    }
    assert [line[1] for line in said[7:]] == ["2", "2", "1", "1"]


def test_a_class_without_grades(term, tmp_path, capsys):
    course = tmp_path / "course"
    shutil.copytree(term, course)
    shutil.rmtree(course / "autograded")
    assert main(["statistics", str(course), "--chapter", NAME]) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said[3] == ["double", "0", *["-"] * 5, "2"]
    assert said[-1] == ["checks", "that", "fail"]


def test_lines_in_the_text_of_an_error_are_no_checks():
    text = "✓ one\n✗ two\n  x raised ValueError:\n✓ two\n✓ three\n"
    outputs = [new_output("stream", name="stdout", text=text), new_output("execute_result")]
    cell = new_code_cell('@checks("one")\n@checks("two")', outputs=outputs)
    assert list(results(cell)) == [(True, "one"), (False, "two")]
