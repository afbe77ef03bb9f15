"""What the commands share: the course folder that they work in, and which chapters of it."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bookwork.command_line import result_file
from bookwork.grading import gradebook

Action = Callable[[argparse.Namespace], int]


def command(commands: Any, name: str, about: str, action: Action) -> argparse.ArgumentParser:
    """A new command, which ``action`` carries out: it gives the exit code."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(action=action)
    return parser


def in_course(commands: Any, name: str, about: str, action: Action) -> argparse.ArgumentParser:
    """A new command that works in a course folder, with all or some of its chapters."""
    parser = command(commands, name, about, action)
    parser.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    some_chapters(parser)
    return parser


def some_chapters(parser: argparse.ArgumentParser) -> None:
    """The option that takes some chapters only."""
    parser.add_argument("--chapter", action="append", metavar="NAME", help="one; may be repeated")


def chapters_of(course: Path, wanted: Sequence[str] | None) -> list[str]:
    """The wanted chapters of a course, all if none is named; an unknown one is a ValueError."""
    known = gradebook.assignments(course)
    known_ones("chapters", known, wanted)
    return list(wanted or known)


def known_ones(name: str, known: Sequence[str], wanted: Sequence[str] | None) -> None:
    """A ValueError where a wanted one is not known."""
    if unknown := [each for each in wanted or () if each not in known]:
        there = ", ".join(known) or "those that there are, none so far"
        raise ValueError(f"{name} must be some of {there}, got {', '.join(unknown)}")


def one_chapter(parser: argparse.ArgumentParser) -> None:
    """The option that names the chapter to work on."""
    parser.add_argument("--chapter", required=True, metavar="NAME", help="the chapter")


def result(parser: argparse.ArgumentParser, about: str) -> None:
    """The option that names the file to write."""
    parser.add_argument("--out", type=result_file, required=True, metavar="FILE", help=about)


def people(parser: argparse.ArgumentParser) -> None:
    """The option that names the table of the class."""
    about = "CSV file that says who is in the class, and who they are on the platform"
    parser.add_argument("--mapping", type=Path, metavar="FILE", help=about)


def new_folder(parser: argparse.ArgumentParser) -> None:
    """The folder to write."""
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")


def own_folder(parser: argparse.ArgumentParser) -> None:
    """The option that takes exercises from a folder of one's own, which need not be a project."""
    about = "where NAME/exercises.ipynb are, if not in the project around the working folder"
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help=about)
