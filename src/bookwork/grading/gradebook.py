"""nbgrader's gradebook of a course folder, as plain data."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bookwork.grading.editions import CHECK

FILE = "gradebook.db"


class Mark(NamedTuple):
    """What the gradebook holds of one cell of a submission, in points.

    ``automatic`` is what the check gave, ``manual`` what somebody set in its place; None where there is
    neither. ``waits`` says that somebody must look at it, ``comment`` is what somebody wrote of the answer.
    """

    cell: str
    points: float
    automatic: float | None
    manual: float | None
    waits: bool
    most: float
    comment: str | None = None

    @property
    def exercise(self) -> str:
        """The name that the exercise has in lists."""
        return self.cell.removesuffix(CHECK)

    @property
    def checked(self) -> bool:
        """Whether a check gives its points, and not a person."""
        return self.cell.endswith(CHECK)

    @property
    def graded(self) -> bool:
        """Whether its points are those that count."""
        return not self.waits and (self.automatic is not None or self.manual is not None)


Marks = dict[str, dict[str, Mark]]  # learner -> exercise -> mark


@contextlib.contextmanager
def opened(course: Path) -> Iterator[Any]:
    """nbgrader's ``Gradebook`` of a course folder; a ValueError where there is none, or a damaged one."""
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import SQLAlchemyError

    file = course / FILE
    must = f"{file} must be a gradebook of nbgrader"
    try:  # nbgrader would make one of whatever lies there
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("SELECT name FROM assignment").fetchone()
            (sound,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise ValueError(f"{must}: {error}") from error
    if sound != "ok":
        raise ValueError(f"{must}, and is damaged: {sound}")
    try:
        with Gradebook(f"sqlite:///{file}", course_id="") as gradebook:  # any other would be entered
            yield gradebook
    except (SQLAlchemyError, AttributeError) as error:  # a part that refers to another, which is lost
        raise ValueError(f"{must}, and is damaged: {getattr(error, 'orig', error)}") from error


def assignments(course: Path) -> list[str]:
    """The assignments of a course folder, in order; a ValueError where there are none.

    They are read from its folders, so that a course without ``source/`` can be graded, else from the
    gradebook.
    """
    folders = [path for name in ("source", "release") for path in (course / name).glob("[!.]*/")]
    found = sorted({path.name for path in folders})  # JupyterLab makes hidden ones
    if not found and (course / FILE).is_file():
        with opened(course) as gradebook:
            found = sorted(assignment.name for assignment in gradebook.assignments)
    if not found:
        raise ValueError(f"COURSE must be a folder that 'course' has written, got {course}")
    return found


def marks(course: Path, assignment: str) -> Marks:
    """What the gradebook says of an assignment: learner -> exercise -> mark."""
    found: Marks = {}
    with opened(course) as gradebook:
        for submission in gradebook.assignment_submissions(assignment):
            of_learner = found.setdefault(submission.student.id, {})
            notebooks = submission.notebooks
            comments = {
                each.name: each.manual_comment for notebook in notebooks for each in notebook.comments
            }
            for grade in (grade for notebook in notebooks for grade in notebook.grades):
                waits, most = bool(grade.needs_manual_grade), float(grade.max_score)
                mark = Mark(grade.name, grade.score, grade.auto_score, grade.manual_score, waits, most)
                of_learner[mark.exercise] = mark._replace(comment=comments.get(mark.exercise) or None)
    return found


def most(course: Path, assignment: str) -> dict[str, float]:
    """The points that each exercise of an assignment is worth."""
    from nbgrader.api import MissingEntry

    with opened(course) as gradebook:
        try:
            notebooks = gradebook.find_assignment(assignment).notebooks
        except MissingEntry as error:
            raise ValueError(f"{course / FILE} must have the assignment {assignment}") from error
        cells = [cell for notebook in notebooks for cell in notebook.grade_cells]
        return {cell.name.removesuffix(CHECK): float(cell.max_score) for cell in cells}
