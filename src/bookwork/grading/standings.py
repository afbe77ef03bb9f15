"""What a class has got, and whose submission has no grade: nbgrader exports those as 0 without a word."""

from pathlib import Path
from typing import NamedTuple

import nbformat

from bookwork.grading.gate import grades


class Standing(NamedTuple):
    """The points of a learner's submission, and why it has none, or only a part; None where all is graded."""

    learner: str
    points: float
    ungraded: str | None


def assignments(course: Path) -> list[str]:
    """The assignments of a course folder, in order; a ValueError where there are none."""
    found = sorted(path.name for path in (course / "source").glob("[!.]*/"))  # JupyterLab makes hidden ones
    if not found:
        raise ValueError(f"COURSE must be a folder that 'course' has written, got {course}")
    return found


def standings(course: Path, assignment: str) -> list[Standing]:
    """How the submissions to an assignment stand, by the learners' names."""
    recorded = grades(course, assignment)
    handed_in = {path.parent.name for path in (course / "submitted").glob(f"*/{assignment}")}
    found = []
    for learner in sorted(handed_in | set(recorded)):
        of_learner = recorded.get(learner, {}).values()
        why = None
        if not of_learner or not all(grade.graded for grade in of_learner):
            why = "not graded: read what nbgrader autograde says of it" if of_learner else "not graded yet"
            why = _fault(course / "submitted" / learner / assignment, assignment) or why
        found.append(Standing(learner, sum(grade.points for grade in of_learner), why))
    return found


def _fault(folder: Path, assignment: str) -> str | None:
    """What is wrong with a submission itself, if anything is."""
    path = folder / f"{assignment}.ipynb"
    if not path.is_file():
        others = ", ".join(repr(other.name) for other in sorted(folder.glob("*")))
        return f"there is no file {path.name}" + (f", but {others}" if others else "")
    try:
        nbformat.read(path, as_version=4)
    except Exception as error:  # whatever a damaged file leads to
        return f"no notebook that can be read: {type(error).__name__}"
    return None
