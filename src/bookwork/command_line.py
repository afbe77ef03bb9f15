"""What all command lines share: bad input ends in one line on stderr and exit code 2, never in a traceback.

A program reads its options with :class:`Parser`, and runs inside :func:`run`. Errors that tell of bad input
are ValueErrors and OSErrors, as everywhere; any other is a fault of the program and keeps its traceback.
"""

import argparse
import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

FAILED = 2
LONGEST = 2_000


class Parser(argparse.ArgumentParser):
    """Options of a program, written out in full; wrong ones are told in one line, without the usage."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False} | settings)

    def error(self, message: str) -> NoReturn:
        """Leave the program."""
        self.exit(FAILED, f"{self.prog}: error: {one_line(message)}\n")


def whole_number(low: int) -> Callable[[str], int]:
    """The type of an option that takes a whole number of at least ``low``."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= low):
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {low}, got {text!r}")
        return int(text)

    return read


count = whole_number(1)
"""The type of an option that takes a whole number of at least 1."""


def result_file(text: str) -> Path:
    """The type of an option that names a file to write at the end: what hinders that is told before."""
    path = Path(text)
    folder = path.resolve().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        must = "must be a file in a folder that exists and can be written to"
        raise argparse.ArgumentTypeError(f"{must}, got {text!r}")
    return path


def run(program: str, action: Callable[[], int | None]) -> int:
    """The exit code of ``action``, None for 0: 2 after an error, which stands in one line on stderr.

    Characters that the console cannot print are written as escapes from now on.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = int(action() or 0)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return _fail(program, "stopped", 130)
    except BrokenPipeError:  # who read the output has gone
        return _fail(None, "", 1)
    except OSError as error:
        if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
            return _fail(program, str(error.args[0][0][-1]), FAILED)  # of a whole folder's, the first
        names = " to ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        said = f"{names}: {error.strerror}" if names else str(error)
        return _fail(program, said or type(error).__name__, FAILED)
    except ValueError as error:
        return _fail(program, str(error), FAILED)


def one_line(text: str) -> str:
    """A text in one line of at most 2,000 characters, its control characters as escapes."""
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _fail(program: str | None, said: str, status: int) -> int:
    try:
        sys.stdout.flush()
    except OSError:  # what is left goes nowhere, or Python would say so again when it ends
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if program is not None:
        print(f"{program}: error: {one_line(said)}", file=sys.stderr)
    return status
