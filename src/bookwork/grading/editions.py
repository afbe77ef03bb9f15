"""The authored edition of an exercise notebook, and the learner's edition that is made from it.

An authored notebook holds, for every exercise, a *solution cell* ``name`` whose answer stands between two
markers, and after it a *check cell* ``name-check`` whose hidden checks do so, too. Between them there may be
a *paragraph* ``name-why``: text that a person marks, in the authored notebook a model answer. Cells named
``setup…`` are locked: they are the same for everybody. The names are nbgrader's grade ids, and the ids of the
cells.
"""

import re
import warnings
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from bookwork.files import parsed, write_whole

BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
STUB = "...  # your code here"
TEXT_STUB = "*Your answer here.*"
CHECK = "-check"
WHY = "-why"
FOLD, UNFOLD = "<details><summary>One way to defend it</summary>", "</details>"
"""What stands around the model answer of a paragraph: it is folded in pages and in JupyterLab."""
SETUP = "setup"
SCHEMA = 3  # of nbgrader's metadata
NAME = "exercises"  # stem of an authored notebook; its folder's name is that of the assignment
PROMISE = re.compile(r"\*(\d+) points?, about (\d+) minutes\*")  # stands under the heading of an exercise
ELSEWHERE = re.compile(r"(?<!!)\[([^]]*)\]\((?!\w+:|#)[^)]*\)")
"""A link to what lies beside the authored notebooks, and not beside a learner's."""
AUTHORED_METADATA = ("mystnb", "jupyter")
AUTHORED_TAGS = ("hide-input", "hide-output", "nbval-check-output")


class Exercise(NamedTuple):
    """One exercise of a notebook: its cells, the name of the first, and what metadata and text promise.

    ``points`` are those of its checks, ``by_hand`` those of its paragraph ``why``, 0 where it has none.
    """

    name: str
    solution: NotebookNode
    check: NotebookNode
    points: float
    minutes: int
    why: NotebookNode | None
    by_hand: float


def metadata(name: str, points: float | None = None) -> dict[str, object]:
    """nbgrader's metadata of a cell, which follows from its name."""
    checks = name.endswith(CHECK)
    locked = checks or name.startswith(SETUP)
    said = {"grade": checks or name.endswith(WHY), "grade_id": name, "locked": locked}
    said |= {"schema_version": SCHEMA, "solution": not locked, "task": False}
    return said if points is None else {**said, "points": points}


def grade_id(cell: NotebookNode) -> str | None:
    """The name that nbgrader knows a cell by."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def read(path: Path) -> NotebookNode:
    """A notebook; a ValueError that names the file where it is none."""
    return parsed(path, "a notebook", _parse)


def _parse(text: str) -> NotebookNode:
    found: dict[str, Exception] = {}  # nbformat logs what is wrong, and goes on
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cells without ids, which nbformat gives them
        notebook = nbformat.reads(text, as_version=4, capture_validation_error=found)
    if found:
        raise found["ValidationError"]
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook, whole or not at all."""
    write_whole(path, f"{nbformat.writes(notebook)}\n")


def exercises(notebook: NotebookNode) -> Iterator[Exercise]:
    """The exercises of an authored notebook, in order.

    A solution cell without check cell, or a text above without its points and minutes, is a ValueError.
    """
    cells = {grade_id(cell): cell for cell in notebook.cells}
    promised = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            # a paragraph stands below its solution, and promises nothing
            promised = PROMISE.search(cell.source) or promised
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            name = grade_id(cell)
            check, why = cells.get(f"{name}{CHECK}"), cells.get(f"{name}{WHY}")
            if check is None:
                raise ValueError(f"the exercise {name!r} must have a check cell {name}{CHECK}")
            if promised is None:
                asked = "its points and minutes, '*2 points, about 5 minutes*'"
                raise ValueError(f"the text above {name!r} must say {asked}")
            points = float(check.metadata.nbgrader.points)
            by_hand = float(why.metadata.nbgrader.points) if why else 0.0
            if (whole := points + by_hand) != float(promised[1]):
                raise ValueError(f"{name!r} must promise its {whole:g} points, the text says {promised[1]}")
            yield Exercise(str(name), cell, check, points, int(promised[2]), why, by_hand)
            promised = None


def cut(source: str, begin: str, end: str, stub: str | None = None) -> str:
    """``source`` with a stub, or nothing, between two markers; one without its partner is a ValueError."""
    kept, inside = [], False
    for line in source.split("\n"):
        mark = line.strip()
        if mark in (begin, end):
            if inside == (mark == begin):
                raise ValueError(f"{begin!r} and {end!r} must come in pairs, got {source!r:.200}")
            inside = mark == begin
            if inside and stub is not None:
                kept.append(line[: len(line) - len(line.lstrip())] + stub)
        elif not inside:
            kept.append(line)
    if inside:
        raise ValueError(f"{begin!r} must be followed by {end!r}, got {source!r:.200}")
    return "\n".join(kept)


def stub_of(source: str) -> str:
    """A solution cell with its answer left out."""
    return cut(source, BEGIN_SOLUTION, END_SOLUTION, STUB)


def solution_of(source: str) -> str:
    """A solution cell with its answer, without the markers."""
    markers = (BEGIN_SOLUTION, END_SOLUTION)
    return "\n".join(line for line in source.split("\n") if line.strip() not in markers)


def visible_of(source: str) -> str:
    """A check cell without its hidden checks."""
    return cut(source, BEGIN_HIDDEN, END_HIDDEN)


def shown_of(source: str) -> str:
    """A check cell with its hidden checks in sight, without the markers."""
    markers = (BEGIN_HIDDEN, END_HIDDEN)
    return "\n".join(line for line in source.split("\n") if line.strip() not in markers)


def hidden_of(source: str) -> str:
    """The hidden checks of a check cell."""
    return "\n".join(part.partition(END_HIDDEN)[0].strip("\n") for part in source.split(BEGIN_HIDDEN)[1:])


def unfolded(notebook: NotebookNode) -> NotebookNode:
    """A copy without what folds cells in pages and in JupyterLab: a stub is to be seen."""
    notebook = deepcopy(notebook)
    for part in (notebook, *notebook.cells):
        for name in AUTHORED_METADATA:
            part.metadata.pop(name, None)
    return notebook


def is_paragraph(cell: NotebookNode) -> bool:
    """Whether a person marks what stands in a cell."""
    return cell.cell_type == "markdown" and (grade_id(cell) or "").endswith(WHY)


def model_of(cell: NotebookNode) -> str:
    """The model answer of a paragraph, without what folds it."""
    return cell.source.removeprefix(FOLD).removesuffix(UNFOLD).strip()


def learners(notebook: NotebookNode, everything: bool = False) -> NotebookNode:
    """The learner's edition: stubs; no solutions, hidden checks, outputs, dead links; locked cells locked.

    With ``everything`` it is that of somebody who learns alone: the checks that grading hides are in it, in
    cells that are folded, since they tell what is expected.
    """
    notebook = unfolded(notebook)
    for cell in notebook.cells:
        if is_paragraph(cell):
            cell.source = TEXT_STUB
        elif cell.cell_type != "code":
            cell.source = ELSEWHERE.sub(r"\1", cell.source)
        else:
            cell.source = (shown_of if everything else visible_of)(stub_of(cell.source))
            cell.outputs, cell.execution_count = [], None
            tags = [tag for tag in cell.metadata.pop("tags", []) if tag not in AUTHORED_TAGS]
            if tags:
                cell.metadata["tags"] = tags
            if everything and (grade_id(cell) or "").endswith(CHECK):
                cell.metadata["jupyter"] = {"source_hidden": True}
        if grade_id(cell):
            cell.metadata["deletable"] = False
            if cell.metadata.nbgrader.locked:
                cell.metadata["editable"] = False
    return notebook
