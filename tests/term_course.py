"""A graded course with four learners, and a paragraph that a person marks: what a term's commands work on."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from small_course import NAME, RIGHT, answer, small_notebook, write_small_project

from bookwork.grading import editions
from bookwork.grading.__main__ import main
from bookwork.grading.course import write_course
from bookwork.grading.gate import hand_in
from bookwork.grading.project import Project
from bookwork.grading.term.submissions import autograded

WHY = "double-why"
WRONG_HALF = "def half(x):\n    return x / 3"
MODEL = "It adds the number to itself."
REASON = "Because it is the same number, added to itself."


def term_notebook() -> NotebookNode:
    """The small notebook with a paragraph behind its first exercise."""
    notebook = small_notebook()
    notebook.cells[2].source = notebook.cells[2].source.replace("2 points", "5 points")
    paragraph = new_markdown_cell(MODEL, metadata={"nbgrader": editions.metadata(WHY, 3)})
    paragraph.id = WHY
    notebook.cells.insert(4, paragraph)
    return notebook


def write_term_project(root: Path) -> Project:
    """The small project with that notebook."""
    project = write_small_project(root)
    nbformat.write(term_notebook(), project.exercises()[NAME])
    return project


def put(course: Path, learner: str, **codes: str) -> Path:
    """Hand in these answers, also in place of what was handed in before."""
    shutil.rmtree(course / "submitted" / learner, ignore_errors=True)
    return hand_in(course, learner, NAME, answer(editions.learners(term_notebook()), **codes))


def new_term(root: Path) -> Path:
    """The course folder, with what four handed in: right, half right with a reason, empty, broken."""
    course = root / "course"
    write_course(course, write_term_project(root / "authored"))
    put(course, "ada", **RIGHT)
    put(course, "ben", **{**RIGHT, "half": WRONG_HALF, WHY: REASON})
    put(course, "cleo")
    put(course, "dan").write_text("{")
    return course


def graded_term(root: Path) -> Path:
    """The same, graded."""
    course = new_term(root)
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["grade", str(course)]) == 1  # one is broken
    return course


def copied(course: Path, to: Path) -> Path:
    """A copy to change, with its times."""
    shutil.copytree(course, to / "course")
    return to / "course"


def record(course: Path, learner: str, **about: Any) -> None:
    """Write down what grading notes of itself in a graded notebook."""
    path = autograded(course, learner, NAME)
    notebook = json.loads(path.read_text())
    notebook["metadata"].setdefault("bookwork", {}).update(about)
    path.chmod(0o644)
    path.write_text(json.dumps(notebook))


def tree(course: Path) -> dict[str, str]:
    """All files, with their digests."""
    files = [path for path in sorted(course.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(course)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
