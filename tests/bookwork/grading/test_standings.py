"""Nobody is lost without a word: a submission that nbgrader could not grade is named, with what is wrong."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from small_course import NAME, named, small_notebook, write_small_project

from bookwork.grading import editions
from bookwork.grading.__main__ import main
from bookwork.grading.course import nbgrader, write_course
from bookwork.grading.gate import hand_in, submission
from bookwork.grading.standings import assignments, standings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graded once, with damaged submissions in it; one came late."""
    root = tmp_path_factory.mktemp("standings")
    course = root / "course"
    write_course(course, write_small_project(root / "authored"))
    right = submission(small_notebook(), {})
    hand_in(course, "ada", NAME, right)
    hand_in(course, "ben", NAME, editions.learners(small_notebook()))
    path = hand_in(course, "cut-short", NAME, right)
    path.write_text(path.read_text()[:500])
    path = hand_in(course, "renamed", NAME, right)
    path.rename(path.with_name(f"{NAME} (1).ipynb"))
    (course / "submitted" / "nothing" / NAME).mkdir(parents=True)
    with pytest.raises(RuntimeError, match="error processing assignment"):
        nbgrader(course, "autograde", NAME)
    hand_in(course, "late", NAME, right)
    return course


def test_everybody_is_listed_and_what_is_wrong_is_named(course):
    assert [(each.learner, each.points, each.ungraded) for each in standings(course, NAME)] == [
        ("ada", 4.0, None),
        ("ben", 0.0, None),
        ("cut-short", 0.0, "no notebook that can be read: NotJSONError"),
        ("late", 0.0, "not graded yet"),
        ("nothing", 0.0, f"there is no file {NAME}.ipynb"),
        ("renamed", 0.0, f"there is no file {NAME}.ipynb, but '{NAME} (1).ipynb'"),
    ]


def test_the_command_says_so_and_fails(course, capsys):
    assert main(["grades", str(course)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == NAME
    assert said[1].split() == ["ada", "4"]
    assert said[-1] == "  2 graded, 4 not graded"


def test_one_notebook_that_cannot_be_read_costs_nobody_else_a_grade(course):
    graded = {path.parents[1].name for path in (course / "autograded").glob(f"*/{NAME}/{NAME}.ipynb")}
    assert graded == {"ada", "ben"}


def test_a_check_that_is_broken_itself_gives_no_grade_at_all(tmp_path):
    """As when the package that grades is older than the exercises: 0 points would blame the learner."""
    project = write_small_project(tmp_path / "authored")
    source = project.exercises()[NAME]
    broken = editions.read(source)
    check = named(broken, "half-check")
    check.source = check.source.replace("import Checks, close", "import Checks, close, of_tomorrow")
    nbformat.write(broken, source)
    write_course(tmp_path / "course", project)
    hand_in(tmp_path / "course", "ada", NAME, submission(broken, {}))
    with pytest.raises(RuntimeError, match="error processing assignment") as failed:
        nbgrader(tmp_path / "course", "autograde", NAME)
    assert "of_tomorrow" in str(failed.value).splitlines()[0]
    (found,) = standings(tmp_path / "course", NAME)
    assert found.ungraded == "not graded: read what nbgrader autograde says of it"


def test_what_jupyterlab_leaves_in_a_course_is_no_assignment(course):
    hidden = course / "source" / ".ipynb_checkpoints"
    hidden.mkdir()
    try:
        assert assignments(course) == [NAME]
    finally:
        hidden.rmdir()


def test_a_gradebook_that_lost_a_learner_is_named(course, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(course, copy)
    with closing(sqlite3.connect(copy / "gradebook.db")) as database:
        database.execute("DELETE FROM student")
        database.commit()
    assert main(["grades", str(copy)]) == 2
    said = capsys.readouterr().err
    assert f"{copy / 'gradebook.db'} must be a gradebook of nbgrader, and is damaged" in said
    assert said.count("\n") == 1


def test_no_course_and_no_such_chapter_are_errors(course, tmp_path, capsys):
    assert main(["grades", str(tmp_path)]) == 2
    assert "COURSE must be a folder that 'course' has written" in capsys.readouterr().err
    assert main(["grades", str(course), "--chapter", "99_nothing"]) == 2
    assert f"chapters must be some of {NAME}, got 99_nothing" in capsys.readouterr().err
