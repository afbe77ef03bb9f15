"""A mended check reaches everybody; marks by hand stay; without a record nothing changes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from small_course import NAME, named
from term_course import WHY, copied, graded_term, term_notebook, tree

from bookwork.grading import gradebook
from bookwork.grading.__main__ import main
from bookwork.grading.term.regrade import _print_changes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graded, with marks by hand for a paragraph, and for an exercise that a check was too strict with."""
    course = graded_term(tmp_path_factory.mktemp("regrade"))
    with gradebook.opened(course) as book:
        for learner, cell, points in (("ben", WHY, 2.5), ("cleo", "double-check", 0.5)):
            grade = book.find_grade(cell, NAME, NAME, learner)
            grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()
    return course


@pytest.fixture
def mended(tmp_path: Path) -> Path:
    """A folder with the exercises, of which one now asks for a third instead of a half."""
    notebook = term_notebook()
    check = named(notebook, "half-check")
    check.source = check.source.replace("x / 2", "x / 3")
    path = tmp_path / "mended" / NAME / "exercises.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return path


def regrade(course: Path, mended: Path, *options: str) -> int:
    return main(["regrade", str(course), "--chapter", NAME, "--source", str(mended.parents[1]), *options])


SAID = f"""{NAME}
  ada                      4 -> 2
    half                   2 -> 0
  ben                      4.5 -> 6.5
    half                   0 -> 2
  dan                      0 -> 0
    not graded again: no notebook that can be read: NotJSONError
  3 of 4 have other points, or were not graded again
  cleo, double: 0.5 by hand, kept; its check gives 0 (was 0)
"""


def test_it_says_who_gets_other_points_and_records_them(term, tmp_path, mended, capsys):
    course = copied(term, tmp_path)
    shutil.rmtree(course / "source")
    before = tree(course)
    assert regrade(course, mended, "--dry-run") == 1  # one is broken
    assert capsys.readouterr().out == f"{SAID}  nothing of this was recorded\n"
    assert tree(course) == before
    assert regrade(course, mended) == 1
    assert capsys.readouterr().out == f"{SAID}  recorded\n"
    marks = gradebook.marks(course, NAME)
    assert {name: mark.points for name, mark in marks["ben"].items()} == {"double": 2, WHY: 2.5, "half": 2}
    assert all(mark.graded for of_learner in marks.values() for mark in of_learner.values())
    assert not list((course / "source").glob("*"))


UNLIKE = "  1 of 1 have other points, or were not graded again\n"
ALIKE = UNLIKE.replace("1 of", "0 of")
CHANGES = [
    ((10.75, 10.75, None), (10.75 + 1e-9, 10.75 + 1e-9, None), ALIKE),
    ((10.75, 2, 10.75), (10.75, 3, 10.75), f"{ALIKE}  by hand, its check gives 3 (was 2)\n"),
    ((1.5, 1.5, None), (2, 2, None), f"  ada 1.5 -> 2\n    half 1.5 -> 2\n{UNLIKE}"),
    (None, (2, 2, None), f"  ada 0 -> 2\n    half nothing -> 2\n{UNLIKE}"),
]


@pytest.mark.parametrize(("before", "after", "said"), CHANGES)
def test_only_points_that_are_shown_as_others_count(capsys, before, after, said):
    """Points, those of the check, and those by hand."""

    def marks(points: tuple[float, float, float | None] | None) -> gradebook.Marks:
        if points is None:
            return {"ada": {}}
        return {"ada": {"half": gradebook.Mark("half-check", *points, False, 20.0)}}

    _print_changes(marks(before), marks(after), {"ada": None})
    found = re.sub(r"(?<=\w) +", " ", capsys.readouterr().out)
    assert found.replace("ada, half: 10.75 by hand, kept;", "by hand,") == said


def test_other_cells_than_were_handed_out_are_an_error(term, tmp_path, mended, capsys):
    course = copied(term, tmp_path)
    notebook = nbformat.read(mended, as_version=4)
    notebook.cells = notebook.cells[:-1]
    nbformat.write(notebook, mended)
    before = tree(course)
    assert regrade(course, mended) == 2
    assert "must have the cells that were handed out" in capsys.readouterr().err
    assert tree(course) == before


def test_a_check_that_gives_points_for_nothing_is_not_recorded(term, tmp_path, mended, capsys):
    course = copied(term, tmp_path)
    notebook = nbformat.read(mended, as_version=4)
    named(notebook, "half-check").source = "1.5"
    nbformat.write(notebook, mended)
    before = tree(course)
    assert regrade(course, mended) == 1
    assert "THE RUN IS REFUSED: the empty submission got 1.5 points" in capsys.readouterr().out
    assert tree(course) == before


def test_errors(term, tmp_path, capsys):
    assert main(["regrade", str(term), "--chapter", "x"]) == 2
    assert f"chapters must be some of {NAME}, got x" in capsys.readouterr().err
    for folder, said in {
        tmp_path / "none": "FOLDER must be a folder",
        tmp_path: "must have folders with",
    }.items():
        assert main(["regrade", str(term), "--chapter", NAME, "--source", str(folder)]) == 2
        assert said in capsys.readouterr().err
