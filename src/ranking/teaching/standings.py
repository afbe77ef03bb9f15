"""What a class has got, and whose submission has no grade: nbgrader exports those as 0 without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ranking.teaching.gate import grades


@dataclass(frozen=True)
class Standing:
    """How one learner's submission to one assignment stands.

    Attributes:
        learner: the name of the folder.
        points: earned, 0 where nothing was graded.
        ungraded: why nothing was, or only a part; None where all is graded.
    """

    learner: str
    points: float
    ungraded: str | None


def assignments(course: Path) -> list[str]:
    """The assignments of a course folder, in order.

    Raises:
        ValueError: there are none.
    """
    found = sorted(path.name for path in (course / "source").glob("*/"))
    if not found:
        raise ValueError(f"COURSE must be a folder that 'course' has written, got {course}")
    return found


def standings(course: Path, assignment: str) -> list[Standing]:
    """How the submissions to an assignment stand, by the learners' names.

    Args:
        course: the course folder.
        assignment: one of :func:`assignments`.
    """
    recorded = grades(course, assignment)
    handed_in = {path.parent.name for path in (course / "submitted").glob(f"*/{assignment}")}
    found = []
    for learner in sorted(handed_in | set(recorded)):
        of_learner = recorded.get(learner, {}).values()
        why = None
        if not of_learner or not all(grade.graded for grade in of_learner):
            why = _why(course / "submitted" / learner / assignment, assignment)
        found.append(Standing(learner, sum(grade.points for grade in of_learner), why))
    return found


def _why(folder: Path, assignment: str) -> str:
    """What a teacher can do about a submission without a grade."""
    if (folder / f"{assignment}.ipynb").is_file():
        return f"nbgrader autograde {assignment} has not been run since, or says what is wrong"
    others = sorted(path.name for path in folder.glob("*"))
    held = f"but {', '.join(map(repr, others))}" if others else "nor anything else"
    return f"there is no {assignment}.ipynb, {held}"


def lines(course: Path, names: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """A report on some assignments, line by line; and whether the line is about a missing grade."""
    for name in names:
        yield name, False
        found = standings(course, name)
        for each in found:
            yield f"  {each.learner:24} {each.ungraded or f'{each.points:g}'}", each.ungraded is not None
        missing = sum(each.ungraded is not None for each in found)
        yield f"  {len(found) - missing} graded, {missing} not graded", False
