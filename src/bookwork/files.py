"""Files and folders that are there whole or not at all, and errors that name what cannot be read."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

Content = TypeVar("Content")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside ``path`` and rename it: whoever reads finds the old content or the new one, whole.

    Every writer has a file of its own; the last to finish wins. Where writing fails, the old file stays. A
    path that is no file, or in no folder, is a ValueError.
    """
    path = path.resolve()  # a link stays one
    if path.exists() and not path.is_file():
        raise ValueError(f"path must name a file, got {path}")
    if not path.parent.is_dir():
        raise ValueError(f"path must stand in a folder that is there, got {path}")
    beside = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}")  # a name has a largest length
    try:
        with open(beside, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # what went wrong first is what to hear of
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            error.filename, error.filename2 = str(path), None  # the file that was asked for
        raise


@contextlib.contextmanager
def new_folder(name: str, path: Path) -> Iterator[Path]:
    """A folder to fill, which is there as ``path`` when the block ends; if that fails, nothing is.

    It lies beside ``path`` until then; an empty folder that is there already is filled where it is, since it
    may be mounted. ``name`` is what errors call it.

    Raises:
        ValueError: if ``path`` is a file, or a folder with something in it, or cannot be made.
    """
    must = f"{name} must be a new or an empty folder, got {path}"
    try:
        there = path.is_dir()
        if path.exists() and not (there and not any(path.iterdir())):
            raise ValueError(must)
        if there and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        folder = path if there else path.with_name(f"{path.name[:64]}.{secrets.token_hex(8)}.partial")
        folder.mkdir(parents=True, exist_ok=there)
    except OSError as error:
        raise ValueError(f"{must}: {error.strerror}") from error
    try:
        yield folder
        if not there:
            folder.rename(path)
    except BaseException:
        for entry in folder.iterdir() if there else [folder]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    entry.unlink()
        raise


def parsed(path: Path, kind: str, parse: Callable[[str], Content]) -> Content:
    """What ``parse`` makes of a file's text; a ValueError that names the file where it is no ``kind``."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} must be {kind} that can be read: {error.strerror}") from error
    except Exception as error:  # whatever a parser says of a damaged file
        raise ValueError(f"{path} must be {kind}: {type(error).__name__}: {error!s:.300}") from error
