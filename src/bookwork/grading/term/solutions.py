"""``solutions``: the notebooks with their answers and all their checks, to hand out when the time is over."""

import argparse
from typing import Any

from nbformat import NotebookNode

from bookwork.files import new_folder
from bookwork.grading import editions
from bookwork.grading.project import Project
from bookwork.grading.term import options

ABOUT = "write the notebooks with solutions and all checks, to hand out after the deadline"


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.command(commands, "solutions", ABOUT, _main)
    options.new_folder(parser)
    options.some_chapters(parser)
    options.own_folder(parser)


def _main(chosen: argparse.Namespace) -> int:
    found = Project.chosen(chosen.folder).exercises(chosen.chapter)
    notebooks = {name: solved(editions.read(path)) for name, path in found.items()}
    with new_folder("OUT", chosen.out) as folder:
        for name, notebook in notebooks.items():
            editions.write(notebook, folder / f"{name}.ipynb")
    print(*(chosen.out / f"{name}.ipynb" for name in notebooks), sep="\n")
    return 0


def solved(authored: NotebookNode) -> NotebookNode:
    """The learner's edition, but with answers and all checks; nothing in it is to be graded."""
    notebook = editions.learners(authored)
    for cell, made in zip(notebook.cells, authored.cells, strict=True):
        if cell.cell_type == "code":
            cell.source = editions.shown_of(editions.solution_of(made.source))
        elif editions.is_paragraph(made):
            cell.source = editions.ELSEWHERE.sub(r"\1", made.source)
        for name in ("nbgrader", "deletable", "editable"):
            cell.metadata.pop(name, None)
    return notebook
