"""Paragraphs are marked in a table, and nothing but what was meant is recorded."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from small_course import NAME
from term_course import REASON, WHY, copied, graded_term, put, tree

from bookwork.grading import editions, gradebook
from bookwork.grading.__main__ import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graded_term(tmp_path_factory.mktemp("marks"))


def marks(course: Path, *options: str) -> int:
    return main(["marks", str(course), "--chapter", NAME, *options])


def filled_in(path: Path, *rows: tuple[str, ...]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("learner", "exercise", "points", "text"), *rows])
    return str(path)


def test_the_table_holds_what_waits(term, tmp_path, capsys):
    out = tmp_path / "marks.csv"
    assert marks(term, "--out", str(out)) == 0
    assert capsys.readouterr().out == f"1 wait for marks: {out}\n"
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["learner", "exercise", "most", "text", "points"], ["ben", WHY, "3.0", REASON, ""]]
    assert marks(term, "--out", str(out)) == 2
    assert "--out must be a new file" in capsys.readouterr().err


def test_points_are_recorded_as_marks_by_hand(term, tmp_path, capsys):
    course = copied(term, tmp_path)
    rows = [("ben", WHY, "2,5", REASON), ("ada", "half", "1"), ("cleo", WHY, " ")]
    assert marks(course, "--from", filled_in(tmp_path / "t.csv", *rows)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["ben", WHY, "waits", "->", "2.5", "of", "3"]
    assert said[1].split() == ["ada", "half", "2", "->", "1", "of", "2"]
    assert said[2] == "  2 recorded, 0 still wait"
    found = gradebook.marks(course, NAME)
    assert (found["ben"][WHY].manual, found["ben"][WHY].graded) == (2.5, True)
    assert (found["ada"]["half"].points, found["ada"]["half"].automatic) == (1, 2)
    assert main(["grades", str(course)]) == 1
    said = capsys.readouterr().out
    assert "ben                      4.5 of 7\n" in said
    assert "half: 1 points set by hand, its check gave 2" in said


def test_who_hands_in_anew_waits_again(term, tmp_path, capsys):
    course = copied(term, tmp_path)
    table = filled_in(tmp_path / "t.csv", ("ben", WHY, "2", REASON))
    assert marks(course, "--from", table) == 0
    put(course, "ben", **{WHY: "Another reason."})
    assert main(["grade", str(course), "--learner", "ben"]) == 0
    assert f"waits for marks: {WHY}" in capsys.readouterr().out
    assert marks(course, "--from", table) == 2
    assert f"the text of ben, {WHY} must be what is graded now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("zoe", WHY, "1"), "row 3 of {}: learner must be some of ada, ben, cleo, got zoe"),
        (("ben", "x", "1"), f"row 3 of {{}}: exercise must be some of {WHY}, double, half, got x"),
        (("ben", WHY, "3.5"), "points must be from 0 to 3, got '3.5'"),
        (("ben", WHY, "-1"), "points must be from 0 to 3, got '-1'"),
        (("ben", WHY, "nan"), "points must be from 0 to 3, got 'nan'"),
        (("ben", WHY, "many"), "points must be from 0 to 3, got 'many'"),
        (("ada", WHY, "1"), f"ada, {WHY} must come once"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_recorded(term, tmp_path, capsys, row, message):
    before = tree(term)
    path = tmp_path / "t.csv"
    assert marks(term, "--from", filled_in(path, ("ada", WHY, "1", editions.TEXT_STUB), row)) == 2
    said = capsys.readouterr()
    assert message.format(path) in said.err
    assert said.out == ""
    assert tree(term) == before
