"""What is handed in gets graded; what cannot be believed is no grade."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from small_course import NAME, RIGHT
from term_course import copied, new_term, put, record, tree

from bookwork.grading import gradebook
from bookwork.grading.__main__ import main
from bookwork.grading.term import runs, submissions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A course after its first grading, and what was printed."""
    course = new_term(tmp_path_factory.mktemp("grade"))
    big, link = put(course, "eve"), put(course, "fay")
    big.write_bytes(b" " * (submissions.LARGEST + 1))
    link.unlink()
    link.symlink_to(course / "gradebook.db")
    stamp = course / "submitted" / "ada" / NAME / "timestamp.txt"
    stamp.write_text("2026-02-03 18:00:00 UTC")
    (course / "term.toml").write_text(
        f"[due]\n{NAME} = 2026-02-02T15:00:00Z\n[extensions.{NAME}]\nben = 2999-01-01T00:00:00Z\n"
        "cleo = 2999-01-01T00:00:00Z\nzoe = 2999-01-01T00:00:00Z\n[late]\nper_day = 0.25\n"
    )
    said = course.parent / "said"
    with said.open("w") as file, contextlib.redirect_stdout(file):
        assert main(["grade", str(course)]) == 1
    return course, said.read_text().splitlines()


def test_one_line_for_everybody(term):
    said = term[1]
    assert said[0] == "term.toml extends 09_small for zoe, who has handed in nothing so far"
    assert said[1] == NAME
    of = {line.split()[0]: line.split(maxsplit=1)[1] for line in said[2:8]}
    assert of["ada"] == "2 of 7, late by 1 d 3 h: 50% less"
    assert of["ben"] == "2 of 7, waits for marks: double-why"
    assert of["cleo"] == "0 of 7"
    assert of["dan"] == "no notebook that can be read: NotJSONError"
    assert of["eve"] == f"{NAME}.ipynb has 20 MB, more than 20"
    assert of["fay"] == f"fay/{NAME}/{NAME}.ipynb is a link, and could lead anywhere"
    assert said[8] == "  3 graded, 0 of them before; 3 not graded"
    assert said[9].startswith("  isolation: ")


def test_no_empty_submission_stays(term):
    course = term[0]
    assert set(gradebook.marks(course, NAME)) == {"ada", "ben", "cleo"}
    with gradebook.opened(course) as book:
        assert {student.id for student in book.students} == {"ada", "ben", "cleo"}
    assert not list(course.rglob(f"*{submissions.SENTINEL}*"))
    assert {path.name for path in (course / "autograded").iterdir()} == {"ada", "ben", "cleo"}


def test_only_what_is_new_is_graded(term, tmp_path, capsys):
    course = copied(term[0], tmp_path)
    times = {path: path.stat().st_mtime for path in (course / "autograded").glob("*/*/*.ipynb")}
    time.sleep(0.01)
    put(course, "cleo", **RIGHT)
    assert main(["grade", str(course), "--learner", "cleo", "--learner", "ben"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[2:3]] == [["cleo", "4", "of", "7"]]
    assert lines[3] == "  2 graded, 1 of them before; 0 not graded"
    now = {path: path.stat().st_mtime for path in times}
    assert [path.parts[-3] for path in times if times[path] != now[path]] == ["cleo"]


def test_a_digest_tells_of_what_was_handed_in_anew(term, tmp_path):
    course = copied(term[0], tmp_path)
    path = submissions.submitted(course, "ben", NAME)
    for text, anew in ((path.read_bytes(), False), (b"other", True)):
        record(course, "ben", submission=hashlib.sha256(text).hexdigest())
        notebook = submissions.graded_notebook(course, "ben", NAME)
        assert submissions.handed_in_anew(course, "ben", NAME, notebook) is anew


def test_notes_and_missing_isolation_are_told(term, tmp_path, capsys):
    course = copied(term[0], tmp_path)
    record(course, "ben", notes=["check 'half-check' was changed"], isolation="none")
    assert main(["grades", str(course)]) == 1
    assert "    check 'half-check' was changed\n" in capsys.readouterr().out
    from bookwork.grading.term.grade import OPEN_DOORS, _isolations
    from bookwork.grading.term.standings import standings

    said = _isolations(standings(course, NAME))
    assert f"  {OPEN_DOORS}\n" in said


def test_a_check_that_gives_points_for_nothing_refuses_the_run(term, tmp_path, capsys):
    course = copied(term[0], tmp_path)
    with closing(sqlite3.connect(course / "gradebook.db")) as database:
        code = "UPDATE source_cell SET source = 'from bookwork.grading import Checks\n1.5', checksum = ''"
        database.execute(f"{code} WHERE name = 'half-check'")
        database.commit()
    _mend_checksum(course)
    before = tree(course)
    assert main(["grade", str(course), "--again", "--learner", "ada"]) == 1
    said = capsys.readouterr().out
    assert "THE RUN IS REFUSED: the empty submission got 1.5 points for 'half'" in said
    assert tree(course) == before


def _mend_checksum(course: Path) -> None:
    """So that nbgrader takes the changed check for its own."""
    from nbformat.v4 import new_code_cell
    from nbgrader.utils import compute_checksum

    from bookwork.grading import editions

    with gradebook.opened(course) as book:
        cell = book.find_source_cell("half-check", NAME, NAME)
        metadata = {"nbgrader": editions.metadata("half-check", 2)}
        cell.checksum = compute_checksum(new_code_cell(cell.source, metadata=metadata))
        book.db.commit()


def test_what_is_left_of_a_killed_run_goes_away(term, tmp_path):
    course = copied(term[0], tmp_path)
    name = f"zoe{submissions.SENTINEL}"
    for folder in ("submitted", "autograded"):
        (course / folder / name / NAME).mkdir(parents=True)
    with gradebook.opened(course) as book:
        book.add_student(name)
        book.add_submission(NAME, name)
    assert name not in submissions.learners(course, NAME)
    runs.remove_sentinels(course)
    assert not list(course.rglob(f"*{submissions.SENTINEL}*"))
    assert name not in gradebook.marks(course, NAME)


def test_the_empty_submission_comes_last(tmp_path):
    for name in ("ben", "ben-x", "Zoe"):
        (tmp_path / "submitted" / name / NAME).mkdir(parents=True)
    (tmp_path / "release" / NAME).mkdir(parents=True)
    (tmp_path / "release" / NAME / f"{NAME}.ipynb").touch()
    sentinel = runs._plant(tmp_path, NAME)
    paths = sorted(str(path) for path in (tmp_path / "submitted").glob(f"*/{NAME}"))
    assert Path(paths[-1]).parent.name == sentinel


def test_a_run_that_breaks_off_goes_on_one_by_one(term, tmp_path, monkeypatch, capsys):
    course, calls = copied(term[0], tmp_path), []
    real = runs.nbgrader

    def breaks_off(folder: Path, *arguments: str) -> str:
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("nbgrader autograde failed: killed\nand more")
        return real(folder, *arguments)

    monkeypatch.setattr(runs, "nbgrader", breaks_off)
    assert main(["grade", str(course), "--again", "--learner", "ada"]) == 0
    assert len(calls) == 3
    assert "1 graded, 0 of them before; 0 not graded" in capsys.readouterr().out


def test_errors(term, capsys):
    assert main(["grade", str(term[0]), "--learner", "zoe"]) == 2
    said = "learners must be some of ada, ben, cleo, dan, eve, fay, got zoe"
    assert said in capsys.readouterr().err


def test_a_course_without_its_sources_is_graded(term, tmp_path, capsys):
    course = copied(term[0], tmp_path)
    shutil.rmtree(course / "source")
    assert main(["grade", str(course), "--again", "--learner", "ben"]) == 0
    assert "ben                      2 of 7" in capsys.readouterr().out
