"""``similar``: whose code and whose paragraphs are how alike, exercise by exercise."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from bookwork.grading import editions
from bookwork.grading.term import options, submissions
from bookwork.grading.term.likeness import SHORTEST, alike, own, runs_of, tokens, words

ABOUT = "list pairs of submissions whose code or paragraphs are alike, and what is like the solution"
SOLUTION = "the solution"
PARTS: dict[str, Callable[[str], list[str]]] = {"code": tokens, "markdown": words}
"""What is compared of an answer, by the type of its cell."""
WARNING = """Likeness is no proof: a common source, a common lesson or a narrow exercise look like this, too.
Read both answers, and talk to people."""


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.command(commands, "similar", ABOUT, _main)
    parser.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    options.one_chapter(parser)
    about = "list pairs that share at least this part, from 0 to 1 (default: 0.8)"
    parser.add_argument("--least", type=_share, default=0.8, metavar="SHARE", help=about)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and up to 1, got {text!r}")
    return share


def _main(chosen: argparse.Namespace) -> int:
    (name,) = options.chapters_of(chosen.course, [chosen.chapter])
    found = prints_of(chosen.course, name)
    kinds = _answer_cells(_release(chosen.course, name))
    print(name)
    for exercise, prints in found.items():
        compared = {who: found for who, found in prints.items() if found}
        numbers = (len(each.keys() - {SOLUTION}) for each in (compared, prints))
        short = f"others have fewer than {SHORTEST} {PARTS[kinds[exercise]].__name__} of their own"
        print("  {}: {} of {} compared; {}".format(exercise, *numbers, short))
        for share, one, other in pairs(compared, chosen.least):
            print(f"    {share:4.0%}  {one}, {other}")
    print(WARNING)
    return 0


def pairs(prints: dict[str, set[int]], least: float) -> list[tuple[float, str, str]]:
    """The pairs that share at least that part, the most alike first; the solution is named last."""
    names = sorted(prints, key=lambda name: (name == SOLUTION, name))
    found = [(alike(prints[one], prints[two]), one, two) for one, two in combinations(names, 2)]
    return sorted((pair for pair in found if pair[0] >= least), key=lambda pair: -pair[0])


def prints_of(course: Path, assignment: str) -> dict[str, dict[str, set[int]]]:
    """Exercise or paragraph -> learner -> the fingerprints of what is their own."""
    release = _release(course, assignment)
    kinds = _answer_cells(release)
    given: dict[str, set[int]] = {kind: set() for kind in PARTS}
    for cell in release.cells:
        if cell.cell_type in PARTS:
            given[cell.cell_type].update(runs_of(PARTS[cell.cell_type](cell.source)))
    found: dict[str, dict[str, set[int]]] = {name: {} for name in kinds}
    for who, notebook in _everybody(course, assignment):
        answers = _answers(notebook, kinds)
        for name, kind in kinds.items():
            found[name][who] = own(PARTS[kind](answers.get(name, "")), given[kind])
    return found


def _release(course: Path, assignment: str) -> NotebookNode:
    return editions.read(course / "release" / assignment / f"{assignment}.ipynb")


def _answer_cells(release: NotebookNode) -> dict[str, str]:
    """The cells that hold answers, with their types."""
    answers = (cell for cell in release.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    return {_name(cell): cell.cell_type for cell in answers}


def _everybody(course: Path, assignment: str) -> Iterator[tuple[str, NotebookNode]]:
    """The notebooks that were handed in, and that with the solutions where it is there."""
    for learner in submissions.learners(course, assignment):
        if not submissions.fault(course, learner, assignment):
            yield learner, editions.read(submissions.submitted(course, learner, assignment))
    source = course / "source" / assignment / f"{assignment}.ipynb"
    if source.is_file():
        notebook = editions.read(source)
        for cell in notebook.cells:
            made = editions.model_of if editions.is_paragraph(cell) else _solution_of
            cell.source = made(cell)
        yield SOLUTION, notebook


def _solution_of(cell: NotebookNode) -> str:
    return editions.solution_of(cell.source)


def _answers(notebook: NotebookNode, kinds: Mapping[str, str]) -> dict[str, str]:
    """What somebody wrote, by the names of the cells; code with the own cells that come before it."""
    found: dict[str, str] = {}
    before = ""
    for cell in notebook.cells:
        name = _name(cell)
        if name in kinds and name not in found:  # a copy of a cell may carry its name
            code = kinds[name] == "code"
            found[name] = f"{before}\n{cell.source}" if code else cell.source
            before = "" if code else before
        elif cell.cell_type == "code" and not name.startswith(editions.SETUP):
            before += "" if name.endswith(editions.CHECK) else f"\n{cell.source}"
    return found


def _name(cell: Any) -> str:
    """A cell's name, which is its id, too: some programs drop the metadata that they do not know."""
    about = cell.metadata.get("nbgrader")
    said = about.get("grade_id") if isinstance(about, dict) else None
    return str(said or cell.get("id", ""))
