"""``statistics``: how a class did, exercise by exercise, and which checks fail most."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nbformat import NotebookNode

from bookwork.grading import gradebook
from bookwork.grading.term import options, submissions
from bookwork.grading.term.standings import Standing, standings

ABOUT = "show how a class did, and which checks fail most"
TOTAL = "total"


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.command(commands, "statistics", ABOUT, _main)
    parser.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    options.one_chapter(parser)


def _main(chosen: argparse.Namespace) -> int:
    course = chosen.course
    (name,) = options.chapters_of(course, [chosen.chapter])
    found = standings(course, name)
    most = gradebook.most(course, name)
    graded = [each for each in found if each.ungraded is None]
    print(f"{name}: {len(graded)} graded, {len(found) - len(graded)} not graded")
    print(f"  {'points':22} {'n':>4} {'mean':>7} {'least':>7} {'25%':>7} {'median':>7} {'75%':>7} {'of':>5}")
    for exercise, points in points_by_exercise(graded, most).items():
        of = most.get(exercise, sum(most.values()))
        print(f"  {exercise:22} {len(points):4} {_row(points)} {of:5g}")
    print("  checks that fail")
    for (exercise, check), (failed, run) in failures(course, name, graded).items():
        print(f"  {exercise:22} {failed:4} of {run:<4} {check}")
    return 0


def points_by_exercise(graded: Sequence[Standing], most: dict[str, float]) -> dict[str, list[float]]:
    """The points that count, by exercise; of the total, which lateness lessens, where nothing is open."""
    marks = {name: [each.marks[name] for each in graded if name in each.marks] for name in most}
    found = {name: [mark.points for mark in of_all if mark.graded] for name, of_all in marks.items()}
    return found | {TOTAL: [each.points for each in graded if each.open is None]}


def _row(points: Sequence[float]) -> str:
    if not points:
        return " ".join([f"{'-':>7}"] * 5)
    least, low, median, high = np.quantile(points, [0, 0.25, 0.5, 0.75])
    return " ".join(f"{value:7.2f}" for value in (np.mean(points), least, low, median, high))


def failures(
    course: Path, assignment: str, graded: Sequence[Standing]
) -> dict[tuple[str, str], tuple[int, int]]:
    """(Exercise, check) -> how often it failed, and how often it was run; the most failed first."""
    failed: Counter[tuple[str, str]] = Counter()
    run: Counter[tuple[str, str]] = Counter()
    for standing in graded:
        notebook = submissions.graded_notebook(course, standing.learner, assignment)
        checks = {} if notebook is None else submissions.checks_of(notebook)
        for exercise, cell in checks.items():
            for passed, check in results(cell):
                run[exercise, check] += 1
                failed[exercise, check] += not passed
    return {key: (failed[key], run[key]) for key, _ in failed.most_common() if failed[key]}


def results(check: NotebookNode) -> Iterator[tuple[bool, str]]:
    """What a check cell has said of each check: whether it passed, and its name.

    A line that names no check of the cell is not its own: an error's text may hold anything.
    """
    outputs = [output.get("text", "") for output in check.outputs if output.get("name") == "stdout"]
    seen = set()
    for line in "".join(outputs).splitlines():
        mark, _, name = line.partition(" ")
        if mark in ("✓", "✗") and name in check.source and name not in seen:
            seen.add(name)
            yield mark == "✓", name
