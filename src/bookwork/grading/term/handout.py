"""``student`` and ``course``: the edition for learners, and a course folder for the teacher."""

import argparse
from typing import Any

from bookwork.grading import course
from bookwork.grading.project import Project
from bookwork.grading.term import options


def add(commands: Any) -> None:
    """Offer both commands."""
    about = "write the learner's edition, ready to install and run"
    student = options.command(commands, "student", about, _student)
    folder = options.command(commands, "course", "write a course folder, ready for 'grade'", _course)
    for command in (student, folder):
        options.new_folder(command)
        options.own_folder(command)
    everything = "for people who learn alone: all checks and hints in sight"
    student.add_argument("--everything", action="store_true", help=everything)
    options.some_chapters(folder)


def _student(chosen: argparse.Namespace) -> int:
    more = {"everything": True} if chosen.everything else {}
    print(*course.write_learners(chosen.out, Project.chosen(chosen.folder), **more), sep="\n")
    return 0


def _course(chosen: argparse.Namespace) -> int:
    names = course.write_course(chosen.out, Project.chosen(chosen.folder), chosen.chapter)
    print(*(f"python -m bookwork.grading grade {chosen.out} --chapter {name}" for name in names), sep="\n")
    return 0
