"""A course of two small exercises, and submissions to it: what grading must withstand needs no simulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookwork.grading import editions
from bookwork.grading.project import Project

NAME = "09_small"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
TEXT = "## {0}\n\n*2 points, about 5 minutes*\n\nWrite `{0}`."
SETUP = "import numpy as np"
SOLUTION = """def {0}(x):
    ### BEGIN SOLUTION
    return {1}
    ### END SOLUTION"""
CHECK = """from bookwork.grading import Checks, close

checks = Checks(points=2, total=4)


@checks("three in sight", hint="Look at {0} once more.", weight=2)
def _({0}):
    x = np.array([3.0])
    close({0}(x), {1})


### BEGIN HIDDEN TESTS
@checks("a secret number, {2}", hint="It works for any number.", weight=2)
def _({0}):
    x = np.array([{2}, -1.5])
    expected = {1}
    close({0}(x), expected)


### END HIDDEN TESTS
checks.score()"""
EXERCISES = {"double": ("2 * x", "17.25"), "half": ("x / 2", "38.75")}
RIGHT = {name: f"def {name}(x):\n    return {formula}" for name, (formula, _) in EXERCISES.items()}
SECRETS = [secret for _, secret in EXERCISES.values()]


def small_notebook() -> NotebookNode:
    """The authored notebook."""

    def cell(name: str, source: str, points: float | None = None) -> NotebookNode:
        made = new_code_cell(source, metadata={"nbgrader": editions.metadata(name, points)})
        made.id = name
        return made

    cells = [new_markdown_cell("# Small exercises"), cell("setup", SETUP)]
    for name, (formula, secret) in EXERCISES.items():
        cells.append(new_markdown_cell(TEXT.format(name)))
        cells.append(cell(name, SOLUTION.format(name, formula)))
        cells[-1].metadata["tags"] = ["hide-input"]
        cells[-1].metadata["mystnb"] = {
            "code_prompt_show": "Show the solution",
            "code_prompt_hide": "Hide the solution",
        }
        cells.append(cell(f"{name}-check", CHECK.format(name, formula, secret), 2))
    for number, made in enumerate(cells):
        if made.cell_type == "markdown":
            made.id = f"text-{number}"
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def write_small_notebook(book: Path) -> Path:
    """The authored notebook as a file of a book."""
    path = book / NAME / f"{editions.NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(small_notebook(), path)
    return path


def write_small_project(root: Path) -> Project:
    """A project whose book has the authored notebook."""
    write_small_notebook(root / "book")
    contents = f"format: jb-book\nroot: intro\nchapters:\n  - file: {NAME}/{editions.NAME}\n"
    (root / "_toc.yml").write_text(contents)
    return Project.at(root)


def named(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell of that name."""
    (found,) = (cell for cell in notebook.cells if editions.grade_id(cell) == name)
    return found


def answer(notebook: NotebookNode, **codes: str) -> NotebookNode:
    """Write code into solution cells."""
    for name, code in codes.items():
        named(notebook, name).source = code
    return notebook


Change = Callable[[NotebookNode], object]
