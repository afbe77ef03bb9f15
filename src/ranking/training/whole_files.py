"""Files that are there whole or not at all, whatever happens while they are written."""

import contextlib
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ranking import validation

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows: there, what a killed process leaves stays until somebody removes it
    flock = None  # type: ignore[assignment]

AnyPath = str | os.PathLike[str]
ENDS = ".partial"


@contextlib.contextmanager
def whole_file(path: AnyPath) -> Iterator[BinaryIO]:
    """A new file beside ``path`` to write to, which takes that name when the block ends.

    Every writer has a file of its own, locked while it is at work; the last to finish wins. If the block
    fails, on a full disk for instance, the new file is removed and the old one stays. A process that is
    killed leaves the old file, and one ``.NAME.….partial``, which the next writer of that name removes.

    Raises:
        ValueError: if ``path`` is no file, or its folder is not there.
        OSError: if the file cannot be written.
    """
    target = validation.path("path", path).resolve()  # a link stays one
    if target.exists() and not target.is_file():
        raise ValueError(f"path must name a file, got {target}")
    if not target.parent.is_dir():
        raise ValueError(f"path must stand in a folder that is there, got {target}")
    begins = f".{target.name[:64]}."  # a name has a largest length
    with contextlib.ExitStack() as locks:
        if flock is not None:
            _remove_left_behind(target.parent, begins)
        beside = _new(target.parent, begins, locks)
        try:
            with beside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # the contents before the name, also when the machine goes down
            os.replace(beside, target)
        except BaseException as error:
            with contextlib.suppress(OSError):  # what went wrong first is what to hear of
                beside.unlink()
            if isinstance(error, OSError) and error.errno and error.filename is None:
                error.filename = os.fspath(path)  # a full disk has no name
            raise


def _new(folder: Path, begins: str, locks: contextlib.ExitStack) -> Path:
    """An empty file that nobody else writes to or removes while ``locks`` is open."""
    while True:
        beside = folder / f"{begins}{secrets.token_hex(8)}{ENDS}"
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(beside.open("xb"))
            if flock is None:
                return beside
            with contextlib.suppress(OSError):  # some file systems have no locks
                flock(file, LOCK_EX)
            if beside.exists():  # else another writer has removed it before it was locked
                locks.push(opened.pop_all())
                return beside


def _remove_left_behind(folder: Path, begins: str) -> None:
    """Remove what writers that were killed have left: nobody holds its lock."""
    for left in folder.glob(f"{glob.escape(begins)}*{ENDS}"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            flock(file, LOCK_EX | LOCK_NB)
            left.unlink()
