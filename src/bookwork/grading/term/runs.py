"""A run of nbgrader over submissions that either stands as a whole, or leaves everything as it was.

With the learners' work an empty submission is graded, as the last one. It deserves nothing. Where a check
gives it points (because it is broken, or because a submission before it has spoiled what checks with), no
grade of that run can be believed: gradebook and graded notebooks are put back.
"""

import contextlib
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from bookwork.grading import gradebook
from bookwork.grading.course import nbgrader
from bookwork.grading.term.submissions import SENTINEL, autograded, submitted

MOST_AT_A_TIME = 4  # nbgraders: each holds two kernels
SHARES_EACH = 4  # of the learners; to start another nbgrader takes two seconds


@contextlib.contextmanager
def kept(course: Path, assignment: str, *also: str) -> Iterator[Callable[[], None]]:
    """Gives what puts gradebook and graded notebooks back, which an error does by itself.

    ``also`` names further folders of the course in which the assignment's folder is kept.
    """
    with tempfile.TemporaryDirectory() as scratch:
        safe = Path(scratch)

        def folders() -> list[Path]:
            others = [course / name / assignment for name in also]
            return [*(course / "autograded").glob(f"*/{assignment}"), *filter(Path.is_dir, others)]

        def put_back() -> None:
            for folder in folders():
                shutil.rmtree(folder)
            for name in before:
                shutil.copytree(safe / name, course / name)
            shutil.copy2(safe / gradebook.FILE, course / gradebook.FILE)

        before = [folder.relative_to(course) for folder in folders()]
        for name in before:
            shutil.copytree(course / name, safe / name)
        shutil.copy2(course / gradebook.FILE, safe / gradebook.FILE)
        try:
            yield put_back
        except BaseException:
            put_back()
            raise


def autograde(course: Path, assignment: str, learners: Collection[str]) -> str | None:
    """Grade these submissions; why the run is refused, and nothing was changed, or None if it stands."""
    remove_sentinels(course)
    with kept(course, assignment) as put_back:
        for learner in learners:
            shutil.rmtree(autograded(course, learner, assignment).parent, ignore_errors=True)
        sentinel = _plant(course, assignment)
        try:
            said = _grade(course, assignment, list(learners), sentinel)
            why = _undeserved(course, assignment, sentinel, said)
        finally:
            remove_sentinels(course)
        if why is not None:
            put_back()
    return why


def _plant(course: Path, assignment: str) -> str:
    """Hand in the edition that learners get, under a name that comes after all others."""
    names = [path.parent.name for path in (course / "submitted").glob(f"[!.]*/{assignment}")]
    sentinel = max(names, key=lambda name: f"{name}/", default="") + SENTINEL
    path = submitted(course, sentinel, assignment)
    path.parent.mkdir(parents=True)
    shutil.copyfile(course / "release" / assignment / f"{assignment}.ipynb", path)
    return sentinel


def _grade(course: Path, assignment: str, learners: list[str], sentinel: str) -> str:
    """What nbgrader complains of. Several nbgraders share the learners; the sentinel comes after all.

    Whoever has done a share takes the next one: a few submissions that take long hold up nobody else. If one
    breaks off, submissions that were left out are graded one by one.
    """
    parts = max(1, min(os.cpu_count() or 1, MOST_AT_A_TIME, len(learners) // 2))
    size = max(2, math.ceil(len(learners) / (SHARES_EACH * parts)))
    with ThreadPoolExecutor(parts) as pool:
        shares = [learners[at : at + size] for at in range(0, len(learners), size)]
        complaints = list(pool.map(partial(_run, course, assignment), shares))
    for learner in learners if any(complaints) else ():
        if not autograded(course, learner, assignment).is_file():
            _run(course, assignment, [learner])  # whoever has no grade is named at the end
    return _run(course, assignment, [sentinel]) or next(filter(None, complaints), "")


def _run(course: Path, assignment: str, learners: list[str]) -> str:
    """Grade these by one nbgrader; what it says where it breaks off."""
    if not learners:
        return ""
    try:
        nbgrader(course, *_command(course, assignment, learners))
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return ""


def _command(course: Path, assignment: str, learners: Collection[str]) -> list[str]:
    others = {path.parent.name for path in (course / "submitted").glob(f"*/{assignment}")} - set(learners)
    excluded = f"--CourseDirectory.student_id_exclude={','.join(sorted(others))}"
    return ["autograde", assignment, "--force", *([excluded] if others else [])]


def _undeserved(course: Path, assignment: str, sentinel: str, said: str) -> str | None:
    """Points that the empty submission got for nothing, in words."""
    found = gradebook.marks(course, assignment).get(sentinel, {})
    checks = [mark for mark in found.values() if mark.checked]
    if not checks or any(mark.automatic is None for mark in checks):
        return f"the empty submission could not be graded: {said or 'nbgrader does not say why'}"
    given = [f"{mark.automatic:g} points for {mark.exercise!r}" for mark in checks if mark.automatic]
    return f"the empty submission got {', '.join(given)}" if given else None


def remove_sentinels(course: Path) -> None:
    """Remove empty submissions from gradebook and folders, also those of a run that was killed."""
    for name in ("submitted", "autograded", "feedback"):
        for folder in (course / name).glob(f"*{SENTINEL}"):
            shutil.rmtree(folder)
    with gradebook.opened(course) as book:
        for student in [each for each in book.students if each.id.endswith(SENTINEL)]:
            for submission in list(student.submissions):
                book.remove_submission(submission.assignment.name, student.id)
            book.remove_student(student.id)
