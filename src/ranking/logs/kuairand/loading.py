"""A real log, KuaiRand-Pure, read into the type that every chapter consumes.

KuaiRand is a log of the short-video app Kuaishou (快手) from April and May 2022. It was collected and
published by Gao et al., *KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly Exposed
Videos*, CIKM 2022, doi 10.1145/3511808.3557624, under CC BY-SA 4.0. It is no part of this course and is
never stored with it: :func:`find_kuairand` looks for it on this machine, :func:`download_kuairand` fetches
it.

What the columns mean, where that is not what one would think:

- ``click`` (``is_click``) is a tap in the two-column tab. In the single-column tabs, which play at once, it
  is a rule on the play: the whole video if it lasts up to 7 s, else more than 7 s. ``long_view`` is the
  same rule with 18 s in every tab.
- ``like`` and ``share`` (``is_forward``) are not conditional on ``click``: about one like in six stands on
  a row without a click. There is no label for collecting, and no id of the request.
- ``watch_time`` is the play time whether there was a click or not; most rows without a click have some,
  from the tabs that play at once. It can exceed ``duration``, as videos start over.
- ``duration`` is NaN where the log says 0, which means that it is not known.
- ``hour`` and ``weekday`` come from ``time_ms`` at UTC+8. The log's own ``date`` and ``hourmin`` name
  another hour on about one row in six, and are not used.
- ``tab`` is the part of the app. It is a strong confounder: click rates of 9% to 60%.
- ``randomised`` (``is_rand``) marks impressions of random exposure.

``video_features_statistic_pure.csv`` is left unread: it averages over the whole month, so that a model that
takes it as a feature has seen the future.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking import validation
from ranking.logs.impressions import ImpressionLog, LoadReport
from ranking.logs.kuairand.csv_rows import Damage, WholeNumber, dates, numbers, read_text, read_whole_numbers
from ranking.logs.kuairand.files import (
    LOG_FILES,
    USER_FILE,
    VIDEO_FILE,
    data_folder,
    download_kuairand,
    find_kuairand,
)

__all__ = ["LOGS", "download_kuairand", "find_kuairand", "load_kuairand"]

LOGS = {
    "standard": ("standard_4_08", "standard_4_22"),
    "random": ("random_4_22",),
    **{name: (name,) for name in LOG_FILES},
}
"""What can be asked for: a kind of log, of which the files that exist are read, or one file by its name."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
UTC8_MS = 8 * HOUR_MS


def _milliseconds(year: int, month: int, day: int) -> int:
    """The beginning of a day at UTC+8, in milliseconds since 1970 UTC."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000 - UTC8_MS


_LARGEST = np.iinfo(np.int32).max
_ID = WholeNumber(0, _LARGEST, np.int32)
_ANY = WholeNumber(-_LARGEST, _LARGEST, np.int32)
_LABEL = WholeNumber(0, 1, np.bool_)
_LENGTH = WholeNumber(0, DAY_MS, np.int32)

LOG_COLUMNS = {
    "user_id": _ID,
    "video_id": _ID,
    "date": _ANY,
    "hourmin": _ANY,
    # The log covers 8 April to 8 May 2022; a margin, because its dates and its times disagree a little.
    "time_ms": WholeNumber(_milliseconds(2022, 4, 1), _milliseconds(2022, 6, 1), np.int64),
    "is_click": _LABEL,
    "is_like": _LABEL,
    "is_follow": _LABEL,
    "is_comment": _LABEL,
    "is_forward": _LABEL,
    "is_hate": _LABEL,
    "long_view": _LABEL,
    "play_time_ms": _LENGTH,
    "duration_ms": _LENGTH,
    "profile_stay_time": _ANY,
    "comment_stay_time": _ANY,
    "is_profile_enter": _LABEL,
    "is_rand": _LABEL,
    "tab": WholeNumber(0, 14, np.int8),
}
"""The columns of a log file and what is possible in each; times are in milliseconds."""

USER_TEXT = (
    "user_active_degree",
    "follow_user_num_range",
    "fans_user_num_range",
    "friend_user_num_range",
    "register_days_range",
)
USER_NUMBERS = (
    "is_lowactive_period",
    "is_live_streamer",
    "is_video_author",
    "follow_user_num",
    "fans_user_num",
    "friend_user_num",
    "register_days",
    *(f"onehot_feat{k}" for k in range(18)),
)
VIDEO_TEXT = ("author_id", "video_type", "upload_dt", "upload_type", "tag")
VIDEO_NUMBERS = ("video_duration", "server_width", "server_height", "music_type")


def load_kuairand(
    folder: str | os.PathLike[str] | None = None,
    *,
    logs: str | Sequence[str] | None = None,
    strict: bool = False,
) -> ImpressionLog:
    """Read KuaiRand-Pure as its authors distribute it.

    Of several identical rows, one is kept. So it is with rows that differ only in ``date`` and ``hourmin``:
    they are one impression, logged under two hours. A row that is torn (too few fields or too many) or has
    an impossible value (no whole number, a label other than 0 and 1, a negative time, a moment outside
    April and May 2022) is dropped. ``report`` of the log counts all of this, with the file and the line of
    the first case, and the oddities that were kept; damage is also a ``UserWarning``.

    Args:
        folder: the folder with the files, or one that holds them in ``data`` or ``KuaiRand-Pure/data``. By
            default the one of :func:`find_kuairand`, else of :func:`download_kuairand`.
        logs: which logs to read: one or several of ``"standard"`` (both periods) and ``"random"``, or of the
            files by name, ``"standard_4_08"``, ``"standard_4_22"``, ``"random_4_22"``. A period of
            ``"standard"`` that the folder lacks shows in the report with 0 rows; a file asked for by name
            must be there. Random exposure is another policy, with other click rates: mix it in only on
            purpose. By default ``"standard"``, or ``"random"`` where that is all that the folder holds,
            which a ``UserWarning`` then says.
        strict: raise at the first torn row or impossible value.

    Returns:
        The log, without truth. Beyond what every :class:`ImpressionLog` has, ``rows`` holds ``like``,
        ``share``, ``hour``, ``weekday``, ``tab``, ``randomised``, ``long_view``, ``follow``, ``comment`` and
        ``hate``; the docstring of this module says what they mean.

        ``users`` and ``items`` list all users and videos of the feature files and of the log, by ascending
        id. Who has no row in the feature files has NaN in all profile columns, and is counted in the
        report.

        ``users``: ``user_id``; the columns of the file under their own names, texts as categories, numbers as
        float32. The value −124 in ``is_live_streamer`` is the data set's own (there is no 0).

        ``items``: ``item_id``; ``author`` (int32) and ``topic`` (int16), codes in which 0 is unknown and 1,
        2, … follow the author ids and tags in ascending order; ``tags``, all tags of the video as a text
        such as "12,65", of which ``topic`` is the first; ``duration`` in seconds; ``upload_date``;
        ``video_type``, ``upload_type``, ``width`` and ``height`` in pixels, ``music_type``.

    Raises:
        ValueError: for a folder, a file or columns that are missing, an empty file, a log without a usable
            row; with ``strict``, for the first fault in a row, naming file, line, column and value.
    """
    base = _base(folder)
    asked = _asked(_default(base) if logs is None else logs)
    damage = Damage(strict)
    table, rows_read, sources = _read_logs(base, asked, damage)
    table, dropped = _without_duplicates(table)
    table = table.sort_values("time_ms", kind="stable", ignore_index=True)
    users = _users(base / USER_FILE, damage)
    items = _items(base / VIDEO_FILE, damage)
    noted = sources | _oddities(table)
    noted |= _unlisted(table["user_id"], users, USER_FILE, "users")
    noted |= _unlisted(table["video_id"], items, VIDEO_FILE, "videos")
    users = _complete(users, table["user_id"], "user_id")
    items = _complete(items, table["video_id"], "item_id")
    faults, flaws = Damage.listed(damage.rows), Damage.listed(damage.cells)
    report = LoadReport(rows_read, len(table), faults | dropped, noted | flaws)
    if faults or flaws:
        listed = "; ".join(f"{what}: {count:,}" for what, count in (faults | flaws).items())
        warnings.warn(f"damage in the KuaiRand files of {base}: {listed}", UserWarning, stacklevel=2)
    return ImpressionLog(_rows(table, users, items), users, items, report=report)


def _asked(logs: str | Sequence[str]) -> dict[str, bool]:
    """The log files asked for, in the order of :data:`LOG_FILES`, and whether each was named by itself."""
    if not isinstance(logs, (str, Sequence)):
        raise ValueError(f"logs must be a name or a list of names, got {logs!r}")
    names = (logs,) if isinstance(logs, str) else tuple(logs)
    validation.not_empty("logs", np.array(names))
    for name in names:
        validation.one_of("logs", name, tuple(LOGS))
    wanted = {member for name in names for member in LOGS[name]}
    return {LOG_FILES[member]: member in names for member in LOG_FILES if member in wanted}


def _default(base: Path) -> str:
    """The kind of log that is read where none is asked for, with a warning if it is not the usual one."""
    if any((base / LOG_FILES[member]).is_file() for member in LOGS["standard"]):
        return "standard"
    warnings.warn(f"{base} holds no standard log: that of random exposure is read", UserWarning, stacklevel=3)
    return "random"


def _base(folder: str | os.PathLike[str] | None) -> Path:
    if folder is None:
        return find_kuairand() or download_kuairand()
    base = data_folder(folder)
    if base is None:
        raise ValueError(
            f"folder must hold {' or '.join(LOG_FILES.values())}, itself or in data/ or KuaiRand-Pure/data/, "
            f"got {os.fspath(folder)!r}"
        )
    return base


def _read_logs(
    base: Path, asked: dict[str, bool], damage: Damage
) -> tuple[pd.DataFrame, int, dict[str, int]]:
    """The good rows of all files asked for, the number of rows read, and how many each file gave."""
    present = [name for name in asked if (base / name).is_file()]
    missing = [name for name, by_name in asked.items() if by_name and name not in present]
    if missing or not present:
        there = ", ".join(name for name in LOG_FILES.values() if (base / name).is_file())
        raise ValueError(f"no such file in {base}: {', '.join(missing or asked)}; there is {there}")
    parts, rows_read = [], 0
    sources = {
        f"rows in {name} (asked for, but not in the folder)": 0 for name in asked if name not in present
    }
    for name in present:
        columns, read = read_whole_numbers(base / name, LOG_COLUMNS, damage)
        parts.append(pd.DataFrame(columns, copy=False))
        rows_read += read
        sources[f"rows in {name}, before duplicates were dropped"] = len(parts[-1])
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        faults = "; ".join(f"{what}: {count:,}" for what, count in Damage.listed(damage.rows).items())
        raise ValueError(f"not one usable row in {', '.join(present)} of {base}: {faults}")
    return table, rows_read, sources


def _without_duplicates(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The table without rows that say the same as an earlier one, and how many went for which reason."""
    # Few rows share user, video and moment: only those need to be compared in all columns.
    suspects = table[table.duplicated(["time_ms", "user_id", "video_id"], keep=False)]
    exact = suspects.duplicated()
    rest = suspects[~exact]
    hours = rest.duplicated([name for name in table if name not in ("date", "hourmin")])
    reasons = {
        "exact duplicate of another row": int(exact.sum()),
        "duplicate of another row but for date and hourmin": int(hours.sum()),
    }
    gone = exact.index[exact].union(hours.index[hours])
    return table.drop(index=gone), {reason: count for reason, count in reasons.items() if count}


def _oddities(table: pd.DataFrame) -> dict[str, int]:
    """What is odd in the rows that were kept, and on how many."""
    click, played, length = table["is_click"], table["play_time_ms"], table["duration_ms"]
    hour = (table["time_ms"] + UTC8_MS) // HOUR_MS % 24
    found = {
        "duration of 0, taken as unknown (NaN)": length == 0,
        "played for longer than the video lasts": (length > 0) & (played > length),
        "played without a click": (played > 0) & ~click,
        "click without any play time": click & (played == 0),
        "like without a click": table["is_like"] & ~click,
        "share without a click": table["is_forward"] & ~click,
        "hourmin names another hour than time_ms, which is used": table["hourmin"] // 100 != hour,
    }
    return {what: int(mask.sum()) for what, mask in found.items() if mask.any()}


def _unlisted(ids: pd.Series, features: pd.DataFrame, file: str, what: str) -> dict[str, int]:
    """How many rows belong to users or videos that the feature file does not list."""
    rows = ~ids.isin(features.index)
    if not rows.any():
        return {}
    return {f"rows of {what} that {file} does not list ({ids[rows].nunique():,} of them)": int(rows.sum())}


def _feature_file(path: Path, columns: Sequence[str], key: str, damage: Damage) -> pd.DataFrame:
    if not path.is_file():
        raise ValueError(f"no such file in {path.parent}: {path.name}")
    return read_text(path, [key, *columns], key, damage)


def _category(texts: pd.Series) -> pd.Series:
    """Texts as a categorical column, the empty text as missing."""
    return texts.mask(texts == "").astype("category")


def _codes(texts: pd.Series, dtype: type[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """(rows,) codes 1, 2, … of the texts in ascending order, numbers before words; 0 for the empty text."""
    kinds = set(texts) - {""}
    order = sorted(kinds, key=lambda text: (not text.isdecimal(), int(text) if text.isdecimal() else 0, text))
    if len(order) > np.iinfo(dtype).max:
        raise ValueError(
            f"{texts.name} must hold at most {np.iinfo(dtype).max} different values, got {len(order)}"
        )
    return texts.map({"": 0} | {text: code for code, text in enumerate(order, start=1)}).to_numpy(dtype)


def _users(path: Path, damage: Damage) -> pd.DataFrame:
    """The profiles in the user file, indexed by user id."""
    cells = _feature_file(path, USER_TEXT + USER_NUMBERS, "user_id", damage)
    table = {name: _category(cells[name]) for name in USER_TEXT}
    table |= {name: numbers(cells, name, path.name, damage) for name in USER_NUMBERS}
    return pd.DataFrame(table, index=cells.index)


def _items(path: Path, damage: Damage) -> pd.DataFrame:
    """The videos in the video file, indexed by video id."""
    cells = _feature_file(path, VIDEO_TEXT + VIDEO_NUMBERS, "video_id", damage)
    number = {name: numbers(cells, name, path.name, damage, low=0) for name in VIDEO_NUMBERS}
    length = number["video_duration"] / np.float32(1000)
    return pd.DataFrame(
        {
            "author": _codes(cells["author_id"], np.int32),
            "topic": _codes(cells["tag"].str.split(",").str[0].str.strip(), np.int16),
            "tags": _category(cells["tag"]),
            "duration": np.where(length > 0, length, np.float32(np.nan)),
            "upload_date": dates(cells, "upload_dt", path.name, damage),
            "video_type": _category(cells["video_type"]),
            "upload_type": _category(cells["upload_type"]),
            "width": number["server_width"],
            "height": number["server_height"],
            "music_type": number["music_type"],
        },
        index=cells.index,
    )


def _complete(features: pd.DataFrame, ids: pd.Series, name: str) -> pd.DataFrame:
    """The feature table with a row for every id of the log, too, and the id as its first column ``name``."""
    listed = np.union1d(features.index.to_numpy(), ids.to_numpy())
    table = features.reindex(listed)
    for column in table.columns.intersection(["author", "topic"]):  # there is a code for unknown: stay whole
        table[column] = table[column].fillna(0).astype(features[column].dtype)
    return table.rename_axis(name).reset_index()


def _rows(table: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The columns of the log under the names of :class:`ImpressionLog`, in its units."""
    local = table["time_ms"].to_numpy() + UTC8_MS  # (rows,)
    length = table["duration_ms"].to_numpy(dtype=np.float32)  # (rows,)
    return pd.DataFrame(
        {
            "user": np.searchsorted(users["user_id"], table["user_id"]).astype(np.int32),
            "item": np.searchsorted(items["item_id"], table["video_id"]).astype(np.int32),
            "time_ms": table["time_ms"],
            "hour": (local // HOUR_MS % 24).astype(np.int8),
            "weekday": ((local // DAY_MS + 3) % 7).astype(np.int8),  # 1 January 1970 was a Thursday
            "tab": table["tab"],
            "randomised": table["is_rand"],
            "duration": np.where(length > 0, length / np.float32(1000), np.float32(np.nan)),
            "click": table["is_click"],
            "like": table["is_like"],
            "share": table["is_forward"],
            "follow": table["is_follow"],
            "comment": table["is_comment"],
            "hate": table["is_hate"],
            "long_view": table["long_view"],
            "watch_time": table["play_time_ms"].to_numpy(dtype=np.float32) / np.float32(1000),
        }
    )
