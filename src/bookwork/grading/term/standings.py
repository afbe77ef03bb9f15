"""How everybody stands: points, lateness, what has no grade yet, and what a teacher should look at.

nbgrader exports a submission without a grade as 0 points, and says nothing of it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from nbformat import NotebookNode

from bookwork.grading import gradebook
from bookwork.grading.gradebook import Mark
from bookwork.grading.term import due, submissions

TOLERANCE = 0.006  # points; the gradebook's and the check's are the same number
ANEW = "handed in anew since it was graded"


@dataclass(frozen=True)
class Standing:
    """A learner's submission to an assignment.

    ``ungraded`` says why it has no grade, or only a part; None where all that is checked has one. ``waits``
    names what waits for a person's marks, ``lost`` is the share of the points that lateness costs.
    """

    learner: str
    marks: Mapping[str, Mark]
    ungraded: str | None
    late: timedelta | None
    lost: float
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    isolation: str | None

    @property
    def waits(self) -> list[str]:
        """What waits for somebody's marks, by names of exercises."""
        return [name for name, mark in self.marks.items() if not mark.graded]

    @property
    def points(self) -> float:
        """What was earned, less what lateness costs."""
        return sum(mark.points for mark in self.marks.values()) * (1 - self.lost)

    @property
    def most(self) -> float:
        """The points to be had."""
        return sum(mark.most for mark in self.marks.values())

    @property
    def open(self) -> str | None:
        """Why these points are not those that count, None if they are."""
        if self.ungraded is None and ANEW in self.remarks:
            return ANEW
        if self.ungraded is None and self.waits:
            return f"waits for marks: {', '.join(self.waits)}"
        return self.ungraded


def standings(course: Path, assignment: str, schedule: due.Schedule | None = None) -> list[Standing]:
    """How the submissions to an assignment stand, by the learners' names."""
    recorded = gradebook.marks(course, assignment)
    timetable = due.read(course, gradebook.assignments(course)) if schedule is None else schedule
    digest = _checks_digest(course, assignment)
    known = {name for name in recorded if not name.endswith(submissions.SENTINEL)}
    learners = sorted({*known, *submissions.learners(course, assignment)})
    return [
        _standing(course, assignment, learner, recorded.get(learner, {}), timetable, digest)
        for learner in learners
    ]


def _standing(
    course: Path,
    assignment: str,
    learner: str,
    marks: Mapping[str, Mark],
    schedule: due.Schedule,
    digest: str,
) -> Standing:
    path = submissions.submitted(course, learner, assignment)
    notebook = submissions.graded_notebook(course, learner, assignment)
    fault = submissions.fault(course, learner, assignment) if path.parent.parent.is_dir() else None
    late = None
    if fault is None and path.is_file():
        late = schedule.late(assignment, learner, due.handed_in_at(path.parent, path))
    said = {} if notebook is None else submissions.about(notebook)
    notes = said.get("notes", [])
    remarks = [] if notebook is None else _remarks(course, assignment, learner, marks, notebook, digest)
    if not path.is_file() and fault is None:
        remarks.append("its file is gone from submitted/")
    return Standing(
        learner=learner,
        marks=marks,
        ungraded=_ungraded(marks, notebook is not None or not path.parent.is_dir(), fault),
        late=late,
        lost=schedule.lost(late),
        remarks=tuple(remarks),
        notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
        isolation=said.get("isolation"),
    )


def _ungraded(marks: Mapping[str, Mark], known: bool, fault: str | None) -> str | None:
    """Why there is no grade; ``known`` is whether the marks are those of what lies in the folder, if any."""
    if known and marks and all(mark.automatic is not None for mark in marks.values() if mark.checked):
        return None
    tried = "not graded: read what 'grade' says of it"
    return fault or (tried if marks else "not graded yet")


def _remarks(
    course: Path,
    assignment: str,
    learner: str,
    marks: Mapping[str, Mark],
    notebook: NotebookNode,
    digest: str,
) -> list[str]:
    """What a teacher should know of a graded submission."""
    found = differences(marks, notebook)
    if submissions.handed_in_anew(course, learner, assignment, notebook):
        found.append(ANEW)
    graded_with = submissions.about(notebook).get("checks")
    if graded_with not in (None, digest):
        found.append("the checks were changed since it was graded: 'regrade'")
    if feedback_is_old(course, assignment, learner, marks):
        found.append("its feedback is older than the grade")
    return found


def differences(marks: Mapping[str, Mark], notebook: NotebookNode) -> list[str]:
    """Where the gradebook says other points than the checks in the graded notebook, and marks by hand."""
    found = []
    checks = submissions.checks_of(notebook)
    for name, mark in marks.items():
        if not mark.checked:
            continue
        said = submissions.points_said(checks[name]) if name in checks else 0.0
        if mark.automatic is not None and abs(mark.automatic - said) > TOLERANCE:
            found.append(f"{name}: the gradebook says {mark.automatic:g} points, its check {said:g}")
        if mark.manual is not None:
            found.append(f"{name}: {mark.manual:g} points set by hand, its check gave {said:g}")
    return found


def digest_of(marks: Mapping[str, Mark]) -> str:
    """A digest of marks and comments, which stands in the feedback that shows them."""
    said = {mark.cell: [mark.comment] if mark.comment else [] for mark in marks.values()}
    data = [[mark.cell, mark.points, mark.waits, *said[mark.cell]] for mark in marks.values()]
    return hashlib.sha256(json.dumps(sorted(data)).encode()).hexdigest()


def feedback_page(course: Path, assignment: str, learner: str) -> Path:
    """Where a learner's feedback lies."""
    return course / "feedback" / learner / assignment / f"{assignment}.html"


def feedback_is_old(course: Path, assignment: str, learner: str, marks: Mapping[str, Mark]) -> bool:
    """Whether there is feedback that shows other marks, or another notebook, than what is graded now."""
    page = feedback_page(course, assignment, learner)
    if not page.is_file():
        return False
    graded = submissions.autograded(course, learner, assignment)
    if page.stat().st_mtime < graded.stat().st_mtime:
        return True
    text = page.read_text(encoding="utf-8", errors="replace")
    return "bookwork-marks:" in text and digest_of(marks) not in text


def _checks_digest(course: Path, assignment: str) -> str:
    """The digest of the checks as they are now."""
    from bookwork.grading.mending import checks_digest  # needs nbgrader, as not every command does

    with gradebook.opened(course) as book:
        return checks_digest(book, assignment)
