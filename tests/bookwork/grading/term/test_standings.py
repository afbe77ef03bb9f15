"""Nobody is lost without a word: who has no grade is named, and what does not fit together."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from small_course import NAME, RIGHT, named, write_small_project
from term_course import WHY, copied, graded_term, put, record

from bookwork.grading import editions, gradebook, mending
from bookwork.grading.__main__ import main
from bookwork.grading.course import write_course
from bookwork.grading.gate import hand_in, submission
from bookwork.grading.term.standings import digest_of, feedback_page, standings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graded once; then somebody came late, and two handed in what is no notebook."""
    course = graded_term(tmp_path_factory.mktemp("standings"))
    path = put(course, "renamed", **RIGHT)
    path.rename(path.with_name(f"{NAME} (1).ipynb"))
    (course / "submitted" / "nothing" / NAME).mkdir(parents=True)
    put(course, "late", **RIGHT)
    return course


@pytest.fixture
def course(term: Path, tmp_path: Path) -> Path:
    return copied(term, tmp_path)


def remarks(course: Path) -> dict[str, list[str]]:
    return {each.learner: list(each.remarks) for each in standings(course, NAME) if each.remarks}


def execute(course: Path, code: str) -> None:
    with closing(sqlite3.connect(course / "gradebook.db")) as database:
        database.execute(code)
        database.commit()


def test_everybody_is_listed_and_what_is_wrong_is_named(term):
    assert [(each.learner, each.points, each.open) for each in standings(term, NAME)] == [
        ("ada", 4.0, None),
        ("ben", 2.0, f"waits for marks: {WHY}"),
        ("cleo", 0.0, None),
        ("dan", 0.0, "no notebook that can be read: NotJSONError"),
        ("late", 0.0, "not graded yet"),
        ("nothing", 0.0, f"there is no file {NAME}.ipynb"),
        ("renamed", 0.0, f"there is no file {NAME}.ipynb, but '{NAME} (1).ipynb'"),
    ]


def test_the_command_says_so_and_fails(term, capsys):
    assert main(["grades", str(term), "--exercises"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == NAME
    assert [line.split() for line in said[1:5]] == [
        ["ada", "4", "of", "7"],
        [WHY, "0", "of", "3"],
        ["double", "2", "of", "2"],
        ["half", "2", "of", "2"],
    ]
    assert said[5].split() == ["ben", "2", "of", "7,", "waits", "for", "marks:", WHY]
    assert said[-1] == "  2 graded, 5 not graded"


def test_it_needs_no_sources_and_no_folders_beside_the_gradebook(course, capsys):
    for name in ("source", "release", "submitted", "autograded"):
        shutil.rmtree(course / name)
    assert gradebook.assignments(course) == [NAME]
    assert main(["grades", str(course)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1].split() == ["ada", "4", "of", "7"]
    assert said[2] == "    its file is gone from submitted/"


def test_a_gradebook_that_says_other_points_than_the_checks_is_named(course):
    cell = "(SELECT id FROM base_cell WHERE name = 'half-check')"
    execute(course, f"UPDATE grade SET auto_score = 2 WHERE auto_score = 0 AND cell_id = {cell}")
    half = "half: the gradebook says 2 points, its check 0"
    assert remarks(course) == {"ben": [half], "cleo": [half]}


def test_marks_by_hand_are_shown_as_such(course):
    cell = "(SELECT id FROM base_cell WHERE name = 'half-check')"
    execute(course, f"UPDATE grade SET manual_score = 1.5 WHERE auto_score = 0 AND cell_id = {cell}")
    half = "half: 1.5 points set by hand, its check gave 0"
    assert remarks(course) == {"ben": [half], "cleo": [half]}


def test_what_changed_since_it_was_graded_is_named(course, monkeypatch):
    put(course, "ada")
    record(course, "ada", checks="new")
    record(course, "cleo", checks="new")
    monkeypatch.setattr(mending, "checks_digest", lambda book, assignment: "new")
    shutil.rmtree(course / "submitted" / "cleo")
    assert remarks(course) == {
        "ada": ["handed in anew since it was graded"],
        "ben": ["the checks were changed since it was graded: 'regrade'"],
        "cleo": ["its file is gone from submitted/"],
    }
    (ada, *_) = standings(course, NAME)
    assert ada.open == "handed in anew since it was graded"


def test_feedback_that_shows_another_grade_is_named(course):
    marks = gradebook.marks(course, NAME)
    old, right, wrong = (feedback_page(course, NAME, learner) for learner in ("ada", "ben", "cleo"))
    for page, text in {
        old: "",
        right: f"bookwork-marks: {digest_of(marks['ben'])}",
        wrong: "bookwork-marks: 0",
    }.items():
        page.parent.mkdir(parents=True)
        page.write_text(text)
    os.utime(old, (0, 0))
    said = ["its feedback is older than the grade"]
    assert remarks(course) == {"ada": said, "cleo": said}


def test_a_check_that_is_broken_itself_gives_no_grade_at_all(tmp_path, capsys):
    """As when the package that grades is older than the exercises: 0 points would blame the learner."""
    project = write_small_project(tmp_path / "authored")
    source = project.exercises()[NAME]
    broken = editions.read(source)
    check = named(broken, "half-check")
    check.source = check.source.replace("import Checks, close", "import Checks, close, of_tomorrow")
    nbformat.write(broken, source)
    course = tmp_path / "course"
    write_course(course, project)
    hand_in(course, "ada", NAME, submission(broken, {}))
    assert main(["grade", str(course)]) == 1
    said = capsys.readouterr().out
    assert "THE RUN IS REFUSED: the empty submission could not be graded: " in said
    assert "of_tomorrow" in said
    (found,) = standings(course, NAME)
    assert found.ungraded == "not graded yet"


def test_what_jupyterlab_leaves_in_a_course_is_no_assignment(course):
    (course / "source" / ".ipynb_checkpoints").mkdir()
    (course / "submitted" / ".ipynb_checkpoints" / NAME).mkdir(parents=True)
    assert gradebook.assignments(course) == [NAME]
    assert len(standings(course, NAME)) == 7


def test_a_gradebook_that_lost_a_learner_is_named(course, capsys):
    execute(course, "DELETE FROM student")
    assert main(["grades", str(course)]) == 2
    said = capsys.readouterr().err
    assert f"{course / 'gradebook.db'} must be a gradebook of nbgrader, and is damaged" in said
    assert said.count("\n") == 1


def test_no_course_and_no_such_chapter_are_errors(term, tmp_path, capsys):
    assert main(["grades", str(tmp_path)]) == 2
    assert "COURSE must be a folder that 'course' has written" in capsys.readouterr().err
    assert main(["grades", str(term), "--chapter", "99_nothing"]) == 2
    assert f"chapters must be some of {NAME}, got 99_nothing" in capsys.readouterr().err
