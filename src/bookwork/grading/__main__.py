"""Editions of the exercises, from the command line: ``python -m bookwork.grading --help``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bookwork.grading import course
from bookwork.grading.project import Project


def parser() -> argparse.ArgumentParser:
    """The commands."""
    top = argparse.ArgumentParser(prog="python -m bookwork.grading", description="Exercises for a class.")
    commands = top.add_subparsers(dest="command", required=True)
    student = commands.add_parser("student", help="write the learner's edition, ready to install and run")
    student.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    folder = commands.add_parser("course", help="write a course folder, ready for nbgrader autograde")
    folder.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    report = commands.add_parser("grades", help="list who got what, and whose submission has no grade")
    report.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    gate = commands.add_parser("verify", help="grade right, empty and wrong answers, and compare the points")
    for command in (folder, report, gate):
        command.add_argument(
            "--chapter", action="append", metavar="NAME", help="one chapter; may be repeated"
        )
    gate.add_argument("--most", type=int, metavar="N", help="at most N submissions with mistakes per chapter")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all is well."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "student":
            for path in course.write_learners(options.out, Project.here()):
                print(path)
        elif options.command == "course":
            for name in course.write_course(options.out, Project.here(), options.chapter):
                print(f"nbgrader autograde {name}")
        elif options.command == "grades":
            return _grades(options.course, options.chapter)
        else:
            return _verify(options.chapter, options.most)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _grades(folder: Path, chapters: Sequence[str] | None) -> int:
    from bookwork.grading import standings

    known = standings.assignments(folder)
    if unknown := [name for name in chapters or () if name not in known]:
        raise ValueError(f"chapters must be some of {', '.join(known)}, got {', '.join(unknown)}")
    missing = False
    for line, is_missing in standings.lines(folder, chapters or known):
        print(line)
        missing |= is_missing
    return 1 if missing else 0


def _verify(chapters: Sequence[str] | None, most: int | None) -> int:
    from bookwork.grading import gate  # needs nbgrader, which the other commands do not

    project = Project.here()
    with tempfile.TemporaryDirectory() as scratch:
        lines = [
            line
            for name in project.exercises(chapters)
            for line in gate.verify(name, Path(scratch) / name, project, most)
        ]
    print("\n".join(lines) or "Every answer gets the points that it deserves.")
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
