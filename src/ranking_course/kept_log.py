"""A simulated log in a file of the user's cache: whole, and of the simulator as it is now, or made anew."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import platformdirs
import pyarrow as pa
import scipy

from ranking import validation
from ranking.logs import ImpressionLog

VARIABLE = "RANKING_COURSE_CACHE"
"""The environment variable that names another folder for the logs that are kept."""

_BEGINS, _ENDS = "ranking-course-log-", ".arrow"


def cache_folder() -> Path:
    """The folder of the logs that are kept, whether it is there or not.

    It is ``logs`` in the user's cache for ``ranking-course``, unless the environment variable
    ``RANKING_COURSE_CACHE`` names another one.
    """
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_cache_path("ranking-course") / "logs"


def kept_log(settings: str, make: Callable[[], ImpressionLog]) -> ImpressionLog:
    """The simulated log of these settings: from the cache or, where it is not there, from ``make``, and kept.

    The file has the settings and a version in its name, and begins with a checksum of that name and of what
    follows. The version is taken from the source of all that decides a log's bits, and from the releases of
    the packages that do; once a log has been written, those of other versions are removed. Processes that
    make the same log at once write a file each, and the last to finish wins.

    A file that is damaged, a cache that cannot be written to and a source that was edited after its import
    are told in a warning, and the log is made all the same.
    """
    version = _version()
    if version != _VERSION_AT_IMPORT:  # the old code may be at work, and its log would pass for the new one's
        return _unkept(make(), "the source of the simulator was edited after its import: restart Python")
    path = cache_folder() / f"{_BEGINS}{version}-{_digest(settings.encode())[:16]}{_ENDS}"
    try:
        return _read(path)
    except OSError:
        pass  # not there, or a cache that cannot be used, which shows when it is written to
    except ValueError as error:
        warnings.warn(f"{path} {error}; the log is made anew", stacklevel=3)
    log = make()
    try:
        _write(path, log)
    except (OSError, ValueError) as error:
        return _unkept(log, f"{error}; the environment variable {VARIABLE} may name another folder")
    for other in path.parent.glob(f"{_BEGINS}*{_ENDS}"):
        if not other.name.startswith(f"{_BEGINS}{version}-"):
            with contextlib.suppress(OSError):  # gone already or, on Windows, being read
                other.unlink()
    return log


def _unkept(log: ImpressionLog, why: str) -> ImpressionLog:
    warnings.warn(f"the log could not be kept for the next time: {why}", stacklevel=4)
    return log


def _sources() -> list[Path]:
    """The files whose source decides the bits of a log and of its file."""
    house, here = Path(validation.__file__).parent, Path(__file__)
    rooms = [*house.glob("simulator/**/*.py"), *house.glob("logs/*.py")]
    return sorted([*rooms, house / "validation.py", here, here.with_name("course.py")])


def _version() -> str:
    """Sixteen digits for those files, as they are on the disk now, and for what computes with them.

    NumPy may change its streams of random numbers with any release, and rounding is the processor's.
    """
    sources = [(source.name, _digest(source.read_bytes())) for source in _sources()]
    releases = [package.__version__ for package in (np, pd, scipy)]
    return _digest(repr((sources, releases, platform.machine())).encode())[:16]


def _digest(*parts: bytes | memoryview | pa.Buffer) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


_CHECKSUM = len(_digest())


def _read(path: Path) -> ImpressionLog:
    """The log in a file; ``ValueError`` that says what is wrong with it, ``OSError`` if there is none."""
    content = memoryview(path.read_bytes())  # all of it at once: what happens to the file later is no matter
    payload = content[_CHECKSUM:]
    if content[:_CHECKSUM] != _digest(path.name.encode(), payload).encode():
        raise ValueError("is damaged or cut: its checksum does not match")
    reader = pa.BufferReader(payload)
    rows, users, items, truth = (_frame(pa.ipc.open_stream(reader).read_all()) for _ in range(4))
    return ImpressionLog(rows, users, items, truth)


def _frame(table: pa.Table) -> pd.DataFrame:
    return pd.DataFrame({name: table[name].to_numpy() for name in table.column_names})


def _write(path: Path, log: ImpressionLog) -> None:
    """Keep a log: checksum, then rows, users, items and truth as Arrow streams; whole or not at all."""
    from ranking.training.whole_files import whole_file  # torch comes with it, and is not needed to read

    truth = validation.instance("truth", log.truth, pd.DataFrame)
    sink = pa.BufferOutputStream()
    fast = pa.ipc.IpcWriteOptions(compression="lz4")  # half the bytes, and hardly slower to read than none
    for frame in (log.rows, log.users, log.items, truth):
        table = pa.table({name: pa.array(frame[name].to_numpy()) for name in frame})  # NaN is kept as it is
        with pa.ipc.new_stream(sink, table.schema, options=fast) as stream:
            stream.write_table(table)
    payload = sink.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(_digest(path.name.encode(), payload).encode())
        file.write(payload)


_VERSION_AT_IMPORT = _version()
