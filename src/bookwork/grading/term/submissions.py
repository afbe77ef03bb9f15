"""What lies in the folders of a course: what was handed in, what nbgrader made of it, and how it went."""

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from bookwork.grading import editions
from bookwork.grading.term import due

LARGEST = 20_000_000  # bytes of a notebook
SENTINEL = "~empty-sentinel"  # ends the name of the empty submission with which a run is verified
SPECIAL = set("*?[],")
"""What nbgrader reads as patterns or as a list in the name of a learner."""


def submitted(course: Path, learner: str, assignment: str) -> Path:
    """The notebook that a learner handed in."""
    return course / "submitted" / learner / assignment / f"{assignment}.ipynb"


def autograded(course: Path, learner: str, assignment: str) -> Path:
    """The notebook that nbgrader has run, with the outputs of the checks."""
    return course / "autograded" / learner / assignment / f"{assignment}.ipynb"


def learners(course: Path, assignment: str) -> list[str]:
    """Who has handed in, in order."""
    found = {path.parent.name for path in (course / "submitted").glob(f"[!.]*/{assignment}")}
    return sorted(name for name in found if not name.endswith(SENTINEL))


def fault(course: Path, learner: str, assignment: str) -> str | None:
    """What keeps a submission from being graded, in one line; None if nothing does."""
    path = submitted(course, learner, assignment)
    folder = path.parent
    if special := sorted(SPECIAL & set(learner)):
        return f"the folder's name must not have {' '.join(special)}"
    links = [each for each in (folder.parent, folder, *folder.rglob("*")) if each.is_symlink()]
    if links:
        return f"{links[0].relative_to(course / 'submitted')} is a link, and could lead anywhere"
    if not path.is_file():
        others = ", ".join(repr(other.name) for other in sorted(folder.glob("*")))
        return f"there is no file {path.name}" + (f", but {others}" if others else "")
    if (size := path.stat().st_size) > LARGEST:
        return f"{path.name} has {size / 1e6:.0f} MB, more than {LARGEST / 1e6:.0f}"
    try:
        nbformat.read(path, as_version=4)
    except Exception as error:  # whatever a damaged file leads to
        return f"no notebook that can be read: {type(error).__name__}"
    try:
        due.handed_in_at(folder, path)
    except ValueError as error:
        return str(error)
    return None


def graded_notebook(course: Path, learner: str, assignment: str) -> NotebookNode | None:
    """The notebook with the outputs of the checks, None where there is none that can be read."""
    path = autograded(course, learner, assignment)
    try:
        return editions.read(path) if path.is_file() else None
    except ValueError:
        return None


def about(notebook: NotebookNode) -> dict[str, Any]:
    """What grading wrote down of itself: digests, the isolation, and notes for the teacher."""
    found = notebook.metadata.get("bookwork")
    return dict(found) if isinstance(found, dict) else {}


def handed_in_anew(course: Path, learner: str, assignment: str, graded: NotebookNode) -> bool:
    """Whether the submission is another than the one that was graded; by times if no digest says so."""
    path = submitted(course, learner, assignment)
    if not path.is_file():
        return False
    digest = about(graded).get("submission")
    if digest is None:  # graded by something else than this package
        return path.stat().st_mtime > autograded(course, learner, assignment).stat().st_mtime
    from bookwork.grading.mending import submission_digest  # needs nbgrader, as not every command does

    return submission_digest(path) != digest


def checks_of(graded: NotebookNode) -> dict[str, NotebookNode]:
    """The check cells of a graded notebook, by exercise."""
    names = {editions.grade_id(cell) or "": cell for cell in graded.cells}
    return {
        name.removesuffix(editions.CHECK): cell
        for name, cell in names.items()
        if name.endswith(editions.CHECK)
    }


def points_said(check: NotebookNode) -> float:
    """The points that the output of a check says: its last number, 0 where it ends in an error."""
    try:
        texts = [o.data["text/plain"] for o in check.outputs if o.output_type == "execute_result"]
        return float(texts[-1]) if texts else 0.0
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0.0
