"""The authored edition of an exercise notebook, and the learner's edition that is made from it.

An authored notebook holds, for every exercise, a *solution cell* ``name`` whose answer stands between two
markers, and after it a *check cell* ``name-check`` whose hidden checks do so, too. Cells named ``setup…`` are
locked: they are the same for everybody. The names are nbgrader's grade ids, and the ids of the cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
STUB = "...  # your code here"
CHECK = "-check"
SETUP = "setup"
SCHEMA = 3  # of nbgrader's metadata
NAME = "exercises"
"""Stem of an authored notebook; its folder's name is that of the assignment."""

PROMISE = re.compile(r"\*(\d+) points?, about (\d+) minutes\*")
"""What stands under the heading of an exercise."""

ELSEWHERE = re.compile(r"(?<!!)\[([^]]*)\]\((?!\w+:|#)[^)]*\)")
"""A link to what lies beside the authored notebooks, and not beside a learner's."""

AUTHORED_METADATA = ("mystnb", "jupyter")
AUTHORED_TAGS = ("hide-input", "hide-output", "nbval-check-output")


@dataclass(frozen=True)
class Exercise:
    """One exercise of a notebook.

    Attributes:
        name: of its solution cell.
        solution, check: its cells.
        points, minutes: as metadata and text say.
    """

    name: str
    solution: NotebookNode
    check: NotebookNode
    points: float
    minutes: int


def metadata(name: str, points: float | None = None) -> dict[str, object]:
    """nbgrader's metadata of a cell, which follows from its name."""
    locked = name.endswith(CHECK) or name.startswith(SETUP)
    found: dict[str, object] = {
        "grade": name.endswith(CHECK),
        "grade_id": name,
        "locked": locked,
        "schema_version": SCHEMA,
        "solution": not locked,
        "task": False,
    }
    if points is not None:
        found["points"] = points
    return found


def grade_id(cell: NotebookNode) -> str | None:
    """The name that nbgrader knows a cell by."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def read(path: Path) -> NotebookNode:
    """A notebook."""
    return nbformat.read(path, as_version=4)


def exercises(notebook: NotebookNode) -> Iterator[Exercise]:
    """The exercises of an authored notebook, in order.

    Raises:
        ValueError: a solution cell has no check cell, or the text above says nothing of points and minutes.
    """
    cells = {grade_id(cell): cell for cell in notebook.cells}
    promised = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            promised = PROMISE.search(cell.source) or promised
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            name = grade_id(cell)
            check = cells.get(f"{name}{CHECK}")
            if check is None:
                raise ValueError(f"the exercise {name!r} must have a check cell {name}{CHECK}")
            if promised is None:
                raise ValueError(
                    f"the text above {name!r} must say its points and minutes, '*2 points, about 5 minutes*'"
                )
            points = float(check.metadata.nbgrader.points)
            if points != float(promised[1]):
                raise ValueError(f"{name!r} must promise its {points:g} points, the text says {promised[1]}")
            yield Exercise(str(name), cell, check, points, int(promised[2]))
            promised = None


def cut(source: str, begin: str, end: str, stub: str | None = None) -> str:
    """``source`` without what stands between two markers; a stub takes its place.

    Raises:
        ValueError: a marker without its partner.
    """
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
    lines = source.split("\n")
    return "\n".join(line for line in lines if line.strip() not in (BEGIN_SOLUTION, END_SOLUTION))


def visible_of(source: str) -> str:
    """A check cell without its hidden checks."""
    return cut(source, BEGIN_HIDDEN, END_HIDDEN)


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


def learners(notebook: NotebookNode) -> NotebookNode:
    """The learner's edition: stubs for solutions, no hidden checks, no outputs, locked cells locked.

    Links that would lead nowhere become plain text.
    """
    notebook = unfolded(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            cell.source = ELSEWHERE.sub(r"\1", cell.source)
            continue
        if BEGIN_SOLUTION in cell.source:
            cell.source = stub_of(cell.source)
        if BEGIN_HIDDEN in cell.source:
            cell.source = visible_of(cell.source)
        cell.outputs, cell.execution_count = [], None
        tags = [tag for tag in cell.metadata.pop("tags", []) if tag not in AUTHORED_TAGS]
        if tags:
            cell.metadata["tags"] = tags
        if grade_id(cell):
            cell.metadata["deletable"] = False
            if cell.metadata.nbgrader.locked:
                cell.metadata["editable"] = False
    return notebook


def faults(notebook: NotebookNode) -> list[str]:
    """What keeps an authored notebook from being graded, or from keeping its secrets."""
    found = []
    names = [name for name in map(grade_id, notebook.cells) if name]
    found += [f"two cells are named {name!r}" for name in sorted({n for n in names if names.count(n) > 1})]
    for number, cell in enumerate(notebook.cells):
        name = grade_id(cell)
        if name is None:
            if "nbgrader" in cell.metadata or any(m in cell.source for m in (BEGIN_SOLUTION, BEGIN_HIDDEN)):
                found.append(f"cell {number} has markers or metadata of an exercise, but no grade id")
            continue
        points = cell.metadata.nbgrader.get("points") if name.endswith(CHECK) else None
        if dict(cell.metadata.nbgrader) != metadata(name, points) or cell.id != name:
            found.append(f"cell {name!r} must have that id and the metadata that follows from its name")
        if name.endswith(CHECK) and not cell.source.rstrip().endswith("checks.score()"):
            found.append(f"cell {name!r} must end in checks.score()")
        if name.endswith(CHECK) and BEGIN_HIDDEN not in cell.source:
            found.append(f"cell {name!r} has no hidden check")
        if not cell.metadata.nbgrader.locked and BEGIN_SOLUTION not in cell.source:
            found.append(f"cell {name!r} marks no solution")
        if not cell.metadata.nbgrader.locked and "hide-input" not in cell.metadata.get("tags", []):
            found.append(f"cell {name!r} must be tagged hide-input")
        for begin, end in ((BEGIN_SOLUTION, END_SOLUTION), (BEGIN_HIDDEN, END_HIDDEN)):
            try:
                cut(cell.source, begin, end)
            except ValueError as error:
                found.append(f"cell {name!r}: {error}")
    try:
        count = sum(1 for _ in exercises(notebook))
    except ValueError as error:
        found.append(str(error))
    else:
        if not count:
            found.append("has no exercise")
    return found
