"""``similar``: whose code is how alike, exercise by exercise."""

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from bookwork.grading import editions
from bookwork.grading.term import options, submissions
from bookwork.grading.term.likeness import SHORTEST, alike, own

ABOUT = "list pairs of submissions whose code is alike"
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
    print(name)
    for exercise, prints in found.items():
        compared = {learner: found for learner, found in prints.items() if found}
        short = f"others have fewer than {SHORTEST} tokens of their own"
        print(f"  {exercise}: {len(compared)} of {len(prints)} compared; {short}")
        for share, one, other in pairs(compared, chosen.least):
            print(f"    {share:4.0%}  {one}, {other}")
    print(WARNING)
    return 0


def pairs(prints: dict[str, set[int]], least: float) -> list[tuple[float, str, str]]:
    """The pairs that share at least that part, the most alike first."""
    found = [(alike(prints[one], prints[two]), one, two) for one, two in combinations(sorted(prints), 2)]
    return sorted((pair for pair in found if pair[0] >= least), key=lambda pair: -pair[0])


def prints_of(course: Path, assignment: str) -> dict[str, dict[str, set[int]]]:
    """Exercise -> learner -> the fingerprints of the code of their own."""
    release = editions.read(course / "release" / assignment / f"{assignment}.ipynb")
    code = [cell for cell in release.cells if cell.cell_type == "code"]
    given = [cell.source for cell in code]
    exercises = [_name(cell) for cell in code if cell.metadata.get("nbgrader", {}).get("solution")]
    found: dict[str, dict[str, set[int]]] = {name: {} for name in exercises}
    for learner, codes in _answers(course, assignment, exercises):
        for name in exercises:
            found[name][learner] = own(codes.get(name, ""), given)
    return found


def _answers(course: Path, assignment: str, exercises: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The code of each learner's exercises, with the cells of their own that come before."""
    for learner in submissions.learners(course, assignment):
        if submissions.fault(course, learner, assignment):
            continue
        codes: dict[str, str] = {}
        before = ""
        notebook = editions.read(submissions.submitted(course, learner, assignment))
        for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
            name = _name(cell)
            if name in exercises:
                codes[name], before = f"{before}\n{cell.source}", ""
            elif not name.startswith(editions.SETUP) and not name.endswith(editions.CHECK):
                before += f"\n{cell.source}"
        yield learner, codes


def _name(cell: Any) -> str:
    """A cell's name, which is its id, too: some programs drop the metadata that they do not know."""
    about = cell.metadata.get("nbgrader")
    said = about.get("grade_id") if isinstance(about, dict) else None
    return str(said or cell.get("id", ""))
