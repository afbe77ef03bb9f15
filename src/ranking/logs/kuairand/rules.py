"""What the cells of KuaiRand-Pure may say: rules that read columns of texts, and which column has which."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

from ranking.logs.statistics import DAY_MS

MISSING = ("", "nan", "NaN", "NA", "null", "NULL", "None", "\\N")  # all mean that a cell is unknown
_LARGEST = float(np.finfo(np.float32).max)
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"

Read = tuple[NDArray[Any], NDArray[np.bool_]]
"""What a rule reads, both (rows,): the values, and whether their cells are allowed."""


@dataclass(frozen=True)
class WholeNumber:
    """A whole number from ``low`` to ``high``, both allowed and below 2⁵³, as ``dtype``; it must be known."""

    low: int
    high: int
    dtype: DTypeLike

    def __str__(self) -> str:
        return "0 or 1" if self.high == 1 else f"a whole number from {self.low} to {self.high}"

    def read(self, cells: pa.ChunkedArray) -> Read:
        values = _floats(cells)  # NaN fails every comparison
        holds = (values >= self.low) & (values <= self.high) & (values == np.floor(values))
        return np.where(holds, values, 0).astype(self.dtype), holds


@dataclass(frozen=True)
class Number:
    """A number of at least ``low``, as float32; NaN where it is unknown or impossible."""

    low: float = -_LARGEST

    def __str__(self) -> str:
        return "a number" if self.low == -_LARGEST else f"a number of at least {self.low:g}"

    def read(self, cells: pa.ChunkedArray) -> Read:
        values = _floats(cells)
        holds = (values >= self.low) & (values <= _LARGEST)
        return np.where(holds, values, np.nan).astype(np.float32), holds | _unknown(cells)


class Day:
    """A date written year-month-day; NaT where it is unknown or impossible."""

    def __str__(self) -> str:
        return "a date like 2022-04-10"

    def read(self, cells: pa.ChunkedArray) -> Read:
        days = pd.to_datetime(pd.Series(cells.to_pylist()), format="%Y-%m-%d", errors="coerce").to_numpy()
        return days, ~np.isnat(days) | _unknown(cells)


class Text:
    """Any text; the empty one where it is unknown."""

    def read(self, cells: pa.ChunkedArray) -> Read:
        texts = np.where(_unknown(cells), "", np.array(cells.to_pylist(), dtype=object))
        return texts, np.ones(len(texts), dtype=bool)


Rule = WholeNumber | Number | Day | Text


def _unknown(cells: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.is_in(cells, pa.array(MISSING)))


def _floats(cells: pa.ChunkedArray) -> NDArray[np.float64]:
    """(rows,) cells as numbers, NaN for those that are none."""
    try:
        return np.asarray(cells.cast(pa.float64()))
    except pa.ArrowInvalid:  # some are none, but it does not say which
        cells = pc.ascii_trim_whitespace(cells)
        cells = pc.if_else(pc.match_substring_regex(cells, _NUMBER), cells, "nan")
        return np.asarray(cells.cast(pa.float64()))


HOUR_MS = DAY_MS // 24
UTC8_MS = 8 * HOUR_MS

_INT32 = np.iinfo(np.int32).max
_ANY = WholeNumber(-_INT32, _INT32, np.int32)
# The log covers 8 April to 8 May 2022; a margin, because its dates and its times disagree a little.
_START, _END = (int(datetime(2022, month, 1, tzinfo=UTC).timestamp()) * 1000 - UTC8_MS for month in (4, 6))
_LABELS = (
    "is_click is_like is_follow is_comment is_forward is_hate long_view is_profile_enter is_rand".split()
)

LOG_COLUMNS: Mapping[str, Rule] = (
    dict.fromkeys(("user_id", "video_id"), WholeNumber(0, _INT32, np.int32))
    | {"time_ms": WholeNumber(_START, _END, np.int64)}
    | dict.fromkeys(_LABELS, WholeNumber(0, 1, np.bool_))
    | dict.fromkeys(("play_time_ms", "duration_ms"), WholeNumber(0, DAY_MS, np.int32))
    | dict.fromkeys(("date", "hourmin", "profile_stay_time", "comment_stay_time"), _ANY)
    | {"tab": WholeNumber(0, 14, np.int8)}
)
"""The columns of a log file and what is possible in each; times in milliseconds, moments since 1970 UTC."""

_KEY = WholeNumber(0, _INT32, np.int64)
_COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
_FLAGS = ("is_lowactive_period", "is_live_streamer", "is_video_author")

USER_COLUMNS: Mapping[str, Rule] = (
    {"user_id": _KEY}
    | dict.fromkeys(["user_active_degree"] + [f"{name}_range" for name in _COUNTS], Text())
    | dict.fromkeys([*_FLAGS, *_COUNTS] + [f"onehot_feat{k}" for k in range(18)], Number())
)
VIDEO_COLUMNS: Mapping[str, Rule] = (
    {"video_id": _KEY}
    | {"upload_dt": Day()}
    | dict.fromkeys(("author_id", "video_type", "upload_type", "tag"), Text())
    | dict.fromkeys(("video_duration", "server_width", "server_height", "music_type"), Number(0))
)
