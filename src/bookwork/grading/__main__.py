"""Editions of the exercises, from the command line: ``python -m bookwork.grading --help``."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bookwork import command_line
from bookwork.grading import course, gate, standings
from bookwork.grading.project import Project

PROGRAM = "python -m bookwork.grading"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all is well, 1 if not everybody has got the right grade, 2 for bad input."""
    return command_line.run(PROGRAM, lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    top = command_line.Parser(prog=PROGRAM, description="Exercises for a class.")
    commands = top.add_subparsers(dest="command", required=True)
    student = commands.add_parser("student", help="write the learner's edition, ready to install and run")
    folder = commands.add_parser("course", help="write a course folder, ready for nbgrader autograde")
    for command in (student, folder):
        command.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    report = commands.add_parser("grades", help="list who got what, and whose submission has no grade")
    report.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    verify = commands.add_parser("verify", help="grade right, empty and wrong answers, compare the points")
    few = "at most N submissions with mistakes a chapter"
    verify.add_argument("--most", type=command_line.whole_number(0), metavar="N", help=few)
    for command in (folder, report, verify):
        command.add_argument("--chapter", action="append", metavar="NAME", help="one; may be repeated")
    options = top.parse_args(arguments)
    if options.command == "grades":
        return _grades(options.course, options.chapter)
    project = Project.here()
    if options.command == "verify":
        return _verify(project, options.chapter, options.most)
    if options.command == "student":
        lines = [str(path) for path in course.write_learners(options.out, project)]
    else:
        names = course.write_course(options.out, project, options.chapter)
        lines = [f"nbgrader autograde {name}" for name in names]
    print("\n".join(lines))
    return 0


def _grades(folder: Path, chapters: Sequence[str] | None) -> int:
    known = standings.assignments(folder)
    if unknown := [name for name in chapters or () if name not in known]:
        raise ValueError(f"chapters must be some of {', '.join(known)}, got {', '.join(unknown)}")
    missing = 0
    for name in chapters or known:
        found = standings.standings(folder, name)
        ungraded = sum(each.ungraded is not None for each in found)
        lines = [f"  {each.learner:24} {each.ungraded or f'{each.points:g}'}" for each in found]
        print(name, *lines, f"  {len(found) - ungraded} graded, {ungraded} not graded", sep="\n")
        missing += ungraded
    return int(missing > 0)


def _verify(project: Project, chapters: Sequence[str] | None, most: int | None) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        names = project.exercises(chapters)
        lines = [line for name in names for line in gate.verify(name, Path(scratch) / name, project, most)]
    print("\n".join(lines) or "Every answer gets the points that it deserves.")
    return int(bool(lines))


if __name__ == "__main__":
    raise SystemExit(main())
