"""Paragraphs are marked in a table, and nothing but what was meant is recorded."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from small_course import NAME, RIGHT
from term_course import REASON, WHY, WRONG_HALF, copied, new_term, put, tree

from bookwork.grading import editions, gradebook
from bookwork.grading.__main__ import main
from bookwork.grading.term.marks import COLUMNS
from bookwork.grading.term.submissions import autograded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graded; Ben, who waits, hands in a number and prints another."""
    course = new_term(tmp_path_factory.mktemp("marks"))
    double = f"{RIGHT['double']}\n\n\nmy_rate = 0.25\nprint('twice', double(my_rate))"
    put(course, "ben", double=double, half=WRONG_HALF, **{WHY: REASON})
    assert main(["grade", str(course)]) == 1  # one is broken
    return course


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
    path = str(autograded(term, "ben", NAME))
    said = ["9", REASON, "twice 0.5", "my_rate = 0.25", path]
    assert rows == [list(COLUMNS), ["ben", WHY, "3.0", *said, "", ""]]
    assert Path(path).is_file()
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


def comments(course: Path) -> dict[str, str | None]:
    return {learner: of_learner[WHY].comment for learner, of_learner in gradebook.marks(course, NAME).items()}


def test_a_comment_is_recorded_and_comes_back_until_there_are_points(term, tmp_path, capsys):
    course, said = copied(term, tmp_path), "=Which number?\nAnd *why*?"
    table = tmp_path / "marks.csv"
    assert marks(course, "--out", str(table)) == 0
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = [{**row, "comment": said} for row in csv.DictReader(file)]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    capsys.readouterr()
    assert marks(course, "--from", str(table)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["ben", WHY, "a", "comment"],
        "1 recorded, 1 still wait".split(),
    ]
    again = tmp_path / "again.csv"
    assert marks(course, "--out", str(again)) == 0
    assert "'=Which number?" in again.read_text(encoding="utf-8-sig")
    capsys.readouterr()
    assert marks(course, "--from", str(again)) == 0
    assert capsys.readouterr().out == "  0 recorded, 1 still wait\n"
    assert comments(course) == {"ada": None, "ben": said, "cleo": None}


def test_an_empty_comment_leaves_the_one_that_is_there_and_points_leave_it_too(term, tmp_path, capsys):
    course = copied(term, tmp_path)
    header = ["learner", "exercise", "points", "comment"]
    for points, comment in (("1", "Why?"), ("2", ""), ("", "")):
        table = tmp_path / "t.csv"
        table.write_text("\n".join([",".join(header), f"ben,{WHY},{points},{comment}"]))
        assert marks(course, "--from", str(table)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("waits -> 1 of 3, with a comment")
    assert said[2].endswith("1 -> 2 of 3")
    assert said[-1] == "  0 recorded, 0 still wait"
    assert comments(course)["ben"] == "Why?"


def test_a_comment_on_an_exercise_stands_at_its_answer(term, tmp_path):
    course = copied(term, tmp_path)
    table = tmp_path / "t.csv"
    table.write_text("learner,exercise,points,comment\nada,half,1,Slow.\n")
    assert marks(course, "--from", str(table)) == 0
    with gradebook.opened(course) as book:
        assert book.find_comment("half", NAME, NAME, "ada").comment == "Slow."


@pytest.mark.parametrize("column", ["Comment", "remarks", "point"])
def test_an_unknown_column_is_named(term, tmp_path, capsys, column):
    before = tree(term)
    path = tmp_path / "t.csv"
    path.write_text(f"learner,exercise,points,{column},\nben,{WHY},1,well done,\n")
    assert marks(term, "--from", str(path)) == 2
    said = capsys.readouterr().err
    assert f"{path} must have no columns but learner, exercise, points" in said
    assert f"got {column!r}" in said
    assert tree(term) == before


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
