"""``student`` and ``course``: the edition for learners, and a course folder for the teacher."""

import argparse
from pathlib import Path
from typing import Any

from bookwork.grading import course
from bookwork.grading.project import Project
from bookwork.grading.term import options


def add(commands: Any) -> None:
    """Offer both commands."""
    student = options.command(
        commands, "student", "write the learner's edition, ready to install and run", _student
    )
    folder = options.command(commands, "course", "write a course folder, ready for 'grade'", _course)
    for command in (student, folder):
        command.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    options.some_chapters(folder)


def _student(chosen: argparse.Namespace) -> int:
    print(*course.write_learners(chosen.out, Project.here()), sep="\n")
    return 0


def _course(chosen: argparse.Namespace) -> int:
    names = course.write_course(chosen.out, Project.here(), chosen.chapter)
    print(*(f"python -m bookwork.grading grade {chosen.out} --chapter {name}" for name in names), sep="\n")
    return 0
