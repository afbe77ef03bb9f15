"""KuaiRand-Pure read into an impression log: rows without duplicates, users and videos joined to them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking import validation
from ranking.logs.impressions import ImpressionLog, LoadReport
from ranking.logs.kuairand.columns import HOUR_MS, LOG_COLUMNS, USER_COLUMNS, UTC8_MS, VIDEO_COLUMNS
from ranking.logs.kuairand.files import (
    LOG_FILES,
    LOGS,
    USER_FILE,
    VIDEO_FILE,
    download_kuairand,
    find_kuairand,
    named_folder,
)
from ranking.logs.kuairand.reading import Damage, read_rows
from ranking.logs.kuairand.rules import Rule, Text
from ranking.logs.statistics import DAY_MS


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
        ``hate``; the docstring of this package says what they mean.

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
    base = named_folder("folder", folder) if folder is not None else find_kuairand() or download_kuairand()
    damage = Damage(strict)
    table, rows_read, sources = _read_logs(base, logs, damage)
    table, dropped = _without_duplicates(table)
    table = table.sort_values("time_ms", kind="stable", ignore_index=True)
    users = _users(base / USER_FILE, damage)
    items = _items(base / VIDEO_FILE, damage)
    noted = sources | _oddities(table)
    noted |= _unlisted(table["user_id"], users, USER_FILE, "users")
    noted |= _unlisted(table["video_id"], items, VIDEO_FILE, "videos")
    users = _complete(users, table["user_id"], "user_id")
    items = _complete(items, table["video_id"], "item_id")
    report = LoadReport(rows_read, len(table), damage.rows | dropped, noted | damage.cells)
    if faults := damage.rows | damage.cells:
        what = f"damage in the KuaiRand files of {base}: {_listed(faults)}"
        warnings.warn(what, UserWarning, stacklevel=2)
    return ImpressionLog(_rows(table, users, items), users, items, report=report)


def _chosen(base: Path, logs: str | Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The log files to read, and those of the kinds asked for that the folder lacks."""
    there = [name for name, file in LOG_FILES.items() if (base / file).is_file()]
    if logs is None:
        logs = "standard" if set(LOGS["standard"]) & set(there) else "random"
        if logs == "random":
            what = f"{base} holds no standard log: that of random exposure is read"
            warnings.warn(what, UserWarning, stacklevel=4)
    if not isinstance(logs, (str, Sequence)):
        raise ValueError(f"logs must be a name or a list of names, got {logs!r}")
    asked = (logs,) if isinstance(logs, str) else tuple(logs)
    validation.not_empty("logs", np.array(asked))
    for name in asked:
        validation.one_of("logs", name, tuple(LOGS))
    wanted = [name for name in LOG_FILES if any(name in LOGS[kind] for kind in asked)]
    lacking = [name for name in wanted if name not in there]
    by_name = [name for name in lacking if name in asked]
    if by_name or lacking == wanted:
        missing = ", ".join(LOG_FILES[name] for name in by_name or lacking)
        found = ", ".join(LOG_FILES[name] for name in there)
        raise ValueError(f"no such file in {base}: {missing}; there is {found}")
    return [LOG_FILES[name] for name in wanted if name in there], [LOG_FILES[name] for name in lacking]


def _read_logs(
    base: Path, logs: str | Sequence[str] | None, damage: Damage
) -> tuple[pd.DataFrame, int, dict[str, int]]:
    """The good rows of all files asked for, the number of rows read, and how many each file gave."""
    present, lacking = _chosen(base, logs)
    parts, rows_read = [], 0
    sources = {f"rows in {name} (asked for, but not in the folder)": 0 for name in lacking}
    for name in present:
        part, read = read_rows(base / name, LOG_COLUMNS, damage)
        parts.append(part)
        rows_read += read
        sources[f"rows in {name}, before duplicates were dropped"] = len(part)
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise ValueError(f"not one usable row in {', '.join(present)} of {base}: {_listed(damage.rows)}")
    return table, rows_read, sources


def _listed(faults: dict[str, int]) -> str:
    return "; ".join(f"{what}: {count:,}" for what, count in faults.items())


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


def _features(path: Path, rules: Mapping[str, Rule], key: str, damage: Damage) -> pd.DataFrame:
    """A feature file, by ascending ``key``."""
    if not path.is_file():
        raise ValueError(f"no such file in {path.parent}: {path.name}")
    return read_rows(path, rules, damage, key)[0].set_index(key).sort_index()


def _users(path: Path, damage: Damage) -> pd.DataFrame:
    """The profiles in the user file, indexed by user id."""
    table = _features(path, USER_COLUMNS, "user_id", damage)
    texts = {name: _category(table[name]) for name, rule in USER_COLUMNS.items() if isinstance(rule, Text)}
    return table.assign(**texts)


def _items(path: Path, damage: Damage) -> pd.DataFrame:
    """The videos in the video file, indexed by video id."""
    table = _features(path, VIDEO_COLUMNS, "video_id", damage)
    length = table["video_duration"] / np.float32(1000)
    return pd.DataFrame(
        {
            "author": _codes(table["author_id"], np.int32),
            "topic": _codes(table["tag"].str.split(",").str[0].str.strip(), np.int16),
            "tags": _category(table["tag"]),
            "duration": length.where(length > 0),
            "upload_date": table["upload_dt"],
            "video_type": _category(table["video_type"]),
            "upload_type": _category(table["upload_type"]),
            "width": table["server_width"],
            "height": table["server_height"],
            "music_type": table["music_type"],
        },
        index=table.index,
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
