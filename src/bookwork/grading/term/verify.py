"""``verify``: grade right, empty and wrong answers, and say where one does not get what it deserves."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from bookwork import command_line
from bookwork.grading import gate
from bookwork.grading.project import Project
from bookwork.grading.term import options

FEW = "at most N submissions with mistakes a chapter"


def add(commands: Any) -> None:
    """Offer the command."""
    about = "grade right, empty and wrong answers, compare the points"
    parser = options.command(commands, "verify", about, _main)
    parser.add_argument("--most", type=command_line.whole_number(0), metavar="N", help=FEW)
    options.some_chapters(parser)
    options.own_folder(parser)


def _main(chosen: argparse.Namespace) -> int:
    project = Project.chosen(chosen.folder)
    with tempfile.TemporaryDirectory() as scratch:
        names = project.exercises(chosen.chapter)
        found = []
        for name, notebook in names.items():
            most = chosen.most
            if chosen.folder is not None and not notebook.with_name(gate.WRONG).is_file():
                print(f"{name}: without {gate.WRONG}, only the right and the empty answers are graded")
                most = 0
            found.append(gate.verify(name, Path(scratch) / name, project, most))
    lines = [line for of_chapter in found for line in of_chapter]
    print("\n".join(lines) or "Every answer gets the points that it deserves.")
    return int(bool(lines))
