"""When work is due, who has more time, and what lateness costs: ``term.toml`` in the course folder.

Every table may be left out; times say their offset from UTC::

    [due]
    03_calibration = 2026-02-02T15:00:00Z

    [extensions.03_calibration]
    ada = 2026-02-05T15:00:00Z

    [late]              # shares of the points that were earned
    per_day = 0.1       # for each day that has begun
    most = 0.5          # and no more than that
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bookwork import arguments
from bookwork.files import parsed
from bookwork.grading.term.options import known_ones

FILE = "term.toml"
TIMESTAMP = "timestamp.txt"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Schedule:
    """The tables above; lateness costs nothing where they do not say so."""

    due: Mapping[str, datetime] = field(default_factory=dict)
    extensions: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    per_day: float = 0.0
    most: float = 1.0

    def late(self, assignment: str, learner: str, handed_in: datetime) -> timedelta | None:
        """By how much somebody was late; None for those who were not."""
        due = self.extensions.get(assignment, {}).get(learner) or self.due.get(assignment)
        return None if due is None or handed_in <= due else handed_in - due

    def lost(self, late: timedelta | None) -> float:
        """The share of the points that lateness costs."""
        return 0.0 if late is None else min(math.ceil(late / DAY) * self.per_day, self.most)


def read(course: Path, assignments: Sequence[str]) -> Schedule:
    """The schedule of a course; an empty one where there is no file.

    An unknown table, chapter or entry, a time without offset or a share that is none is a ValueError.
    """
    path = course / FILE
    if not path.exists():
        return Schedule()
    said = parsed(path, "TOML", tomllib.loads)
    known_ones(f"tables of {path}", ("due", "extensions", "late"), list(said))
    due, extensions, late = (_table(path, name, said.get(name, {})) for name in ("due", "extensions", "late"))
    for name, chapters in (("due", due), ("extensions", extensions)):
        known_ones(f"chapters in [{name}] of {path}", assignments, list(chapters))
    known_ones(f"entries in [late] of {path}", ("per_day", "most"), list(late))
    shares = {name: arguments.number(f"{name} in [late] of {path}", late[name], 0, 1) for name in late}
    more = {name: _times(path, f"extensions.{name}", table) for name, table in extensions.items()}
    return Schedule(_times(path, "due", due), more, **shares)


def _table(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"[{name}] of {path} must be a table, got {value!r:.80}")
    return value


def _times(path: Path, name: str, value: Any) -> dict[str, datetime]:
    for key, time in _table(path, name, value).items():
        if not isinstance(time, datetime) or time.tzinfo is None:
            must = "must be a time with its offset, as in 2026-02-02T15:00:00Z"
            raise ValueError(f"{key} in [{name}] of {path} {must}, got {time}")
    return value


def handed_in_at(folder: Path, notebook: Path) -> datetime:
    """When a submission came: what its ``timestamp.txt`` says, else when the notebook was last written.

    A ``timestamp.txt`` that nbgrader cannot read is a ValueError: it would end the grading of the class.
    """
    from nbgrader.utils import parse_utc

    path = folder / TIMESTAMP
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        try:
            if text:
                return parse_utc(text).replace(tzinfo=UTC)
        except Exception as error:  # whatever the parser of times says
            must = f"{TIMESTAMP} must hold a time, as in 2026-02-02 14:58:23 UTC"
            raise ValueError(f"{must}, got {text!r:.40}") from error
    return datetime.fromtimestamp(notebook.stat().st_mtime, UTC)


def in_words(late: timedelta) -> str:
    """As in: 1 d 3 h."""
    if late >= DAY:
        return f"{late // DAY} d {late % DAY // HOUR} h"
    return f"{late // HOUR} h {late % HOUR // MINUTE} min" if late >= HOUR else f"{late // MINUTE} min"
