"""Exercises for a class, from the command line: ``python -m bookwork.grading --help``."""

from collections.abc import Sequence

from bookwork import command_line
from bookwork.grading.term import (
    export,
    feedback,
    grade,
    grades,
    handout,
    marks,
    regrade,
    similar,
    solutions,
    statistics,
    verify,
)

PROGRAM = "python -m bookwork.grading"
COMMANDS = (
    handout,
    verify,
    grade,
    grades,
    marks,
    regrade,
    statistics,
    similar,
    export,
    feedback,
    solutions,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all is well, 1 if not everybody has got the right grade, 2 for bad input."""
    return command_line.run(PROGRAM, lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    top = command_line.Parser(prog=PROGRAM, description="Exercises for a class.")
    commands = top.add_subparsers(dest="command", required=True)
    for module in COMMANDS:
        module.add(commands)
    chosen = top.parse_args(arguments)
    return int(chosen.action(chosen))


if __name__ == "__main__":
    raise SystemExit(main())
