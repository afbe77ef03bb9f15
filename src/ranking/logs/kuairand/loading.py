"""KuaiRand-Pure read into an impression log: rows without duplicates, users and videos joined to them."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking import validation
from ranking.logs.impressions import ImpressionLog, LoadReport
from ranking.logs.kuairand import files
from ranking.logs.kuairand.files import Folder, download_kuairand, find_kuairand
from ranking.logs.kuairand.reading import Damage, read_rows
from ranking.logs.kuairand.rules import HOUR_MS, LOG_COLUMNS, USER_COLUMNS, UTC8_MS, VIDEO_COLUMNS, Rule, Text
from ranking.logs.statistics import DAY_MS

LABELS = {"is_click": "click", "is_like": "like", "is_forward": "share", "is_follow": "follow"}
LABELS |= {"is_comment": "comment", "is_hate": "hate", "long_view": "long_view"}
"""Columns of what the user did, and their names in the log."""


def load_kuairand(
    folder: Folder | None = None, *, logs: str | Sequence[str] | None = None, strict: bool = False
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
        logs: which logs to read, one name of ``LOGS`` or several. A period of ``"standard"`` that the folder
            lacks shows in the report with 0 rows; a file asked for by name must be there. Random exposure is
            another policy, with other click rates: mix it in only on purpose. By default ``"standard"``, or
            ``"random"`` where that is all that the folder holds, which a ``UserWarning`` then says.
        strict: raise at the first torn row or impossible value.

    Returns:
        The log, without truth. Beyond what every :class:`ImpressionLog` has, ``rows`` holds ``like``,
        ``share``, ``hour``, ``weekday``, ``tab``, ``randomised``, ``long_view``, ``follow``, ``comment`` and
        ``hate``; the docstring of this package says what they mean.

        ``users`` and ``items`` list all users and videos of the feature files and of the log, by ascending
        id. Who has no row in the feature files has NaN in all profile columns, and is counted in the
        report. Columns of ``users`` have their names in the file; texts are categories, numbers float32. The
        value −124 in ``is_live_streamer`` is the data set's own (there is no 0).

        ``items``: ``item_id``; ``author`` (int32) and ``topic`` (int16), codes in which 0 is unknown and 1,
        2, … follow the author ids and tags in ascending order; ``tags``, all tags of the video as a text
        such as "12,65", of which ``topic`` is the first; ``duration`` in seconds; ``upload_date``;
        ``video_type``, ``upload_type``, ``width`` and ``height`` in pixels, ``music_type``.

    Raises:
        ValueError: for a folder, a file or columns that are missing, an empty file, a log without a usable
            row; with ``strict``, for the first fault in a row, naming file, line, column and value.
    """
    strict = validation.flag("strict", strict)
    named = None if folder is None else files.named_folder("folder", folder)
    base = named or find_kuairand() or download_kuairand()
    damage = Damage(strict)
    table, rows_read, sources = _read_logs(base, logs, damage)
    table, dropped = _without_duplicates(table)
    table = table.sort_values("time_ms", kind="stable", ignore_index=True)
    profiles = _features(base / files.USER_FILE, USER_COLUMNS, "user_id", damage)
    videos = _items(base / files.VIDEO_FILE, damage)
    noted = sources | _oddities(table)
    noted |= _unlisted(table["user_id"], profiles, f"users that {files.USER_FILE}")
    noted |= _unlisted(table["video_id"], videos, f"videos that {files.VIDEO_FILE}")
    users = _complete(profiles, table["user_id"], "user_id")
    items = _complete(videos, table["video_id"], "item_id")
    report = LoadReport(rows_read, len(table), damage.rows | dropped, noted | damage.cells)
    if faults := damage.rows | damage.cells:
        warnings.warn(f"damage in the KuaiRand files of {base}: {_listed(faults)}", stacklevel=2)
    return ImpressionLog(_rows(table, users, items), users, items, report=report)


def _chosen(base: Path, logs: str | Sequence[str] | None) -> list[str]:
    """The names of the log files to read, some of which the folder may lack."""
    there = [name for name, file in files.LOG_FILES.items() if (base / file).is_file()]
    if logs is None:
        logs = "standard" if set(files.LOGS["standard"]) & set(there) else "random"
        if logs == "random":
            warnings.warn(f"{base} holds no standard log: that of random exposure is read", stacklevel=4)
    if not isinstance(logs, (str, Sequence)):
        raise ValueError(f"logs must be a name or a list of names, got {logs!r}")
    asked = (logs,) if isinstance(logs, str) else tuple(logs)
    validation.not_empty("logs", np.array(asked))
    for name in asked:
        validation.one_of("logs", name, files.LOGS)
    wanted = [name for name in files.LOG_FILES if any(name in files.LOGS[kind] for kind in asked)]
    lacking = [name for name in wanted if name not in there]
    if needed := [name for name in lacking if name in asked or lacking == wanted]:
        missing, found = (", ".join(files.LOG_FILES[name] for name in names) for names in (needed, there))
        raise ValueError(f"no such file in {base}: {missing}; there is {found}")
    return wanted


def _read_logs(
    base: Path, logs: str | Sequence[str] | None, damage: Damage
) -> tuple[pd.DataFrame, int, dict[str, int]]:
    """The good rows of all files asked for, the number of rows read, and how many each file gave."""
    wanted = [files.LOG_FILES[name] for name in _chosen(base, logs)]
    present = [name for name in wanted if (base / name).is_file()]
    lacking = [name for name in wanted if name not in present]
    sources = {f"rows in {name} (asked for, but not in the folder)": 0 for name in lacking}
    parts, rows_read = [], 0
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
    again = suspects.duplicated([name for name in table if name not in ("date", "hourmin")])
    exact = int(suspects.duplicated().sum())
    reasons = {
        "exact duplicate of another row": exact,
        "duplicate of another row but for date and hourmin": int(again.sum()) - exact,
    }
    gone = suspects.index[again]
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


def _unlisted(ids: pd.Series, features: pd.DataFrame, what: str) -> dict[str, int]:
    """How many rows belong to users or videos that the feature file does not list."""
    unlisted = ids[~ids.isin(features.index)]
    said = f"rows of {what} does not list ({unlisted.nunique():,} of them)"
    return {said: len(unlisted)} if len(unlisted) else {}


def _codes(texts: pd.Series, dtype: type[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """(rows,) codes 1, 2, … of the texts in ascending order, numbers before words; 0 where there is none."""
    kinds, most = set(texts.dropna()) - {""}, np.iinfo(dtype).max
    order = sorted(kinds, key=lambda text: (not text.isdecimal(), int(text) if text.isdecimal() else 0, text))
    if len(order) > most:
        raise ValueError(f"{texts.name} must hold at most {most} different values, got {len(order)}")
    codes = {text: code for code, text in enumerate(order, start=1)}
    return texts.astype(object).map(codes).fillna(0).to_numpy(dtype)


def _features(path: Path, rules: Mapping[str, Rule], key: str, damage: Damage) -> pd.DataFrame:
    """A feature file, by ascending ``key``; texts are categories, and missing where they are empty."""
    if not path.is_file():
        raise ValueError(f"no such file in {path.parent}: {path.name}")
    table = read_rows(path, rules, damage, key)[0].set_index(key).sort_index()
    texts = [name for name, rule in rules.items() if isinstance(rule, Text)]
    return table.assign(**{name: table[name].mask(table[name] == "").astype("category") for name in texts})


def _items(path: Path, damage: Damage) -> pd.DataFrame:
    """The videos in the video file, indexed by video id."""
    table = _features(path, VIDEO_COLUMNS, "video_id", damage)
    length = table["video_duration"] / np.float32(1000)
    first_tag = table["tag"].astype(object).str.split(",").str[0].str.strip()
    table = table.assign(
        author=_codes(table["author_id"], np.int32),
        topic=_codes(first_tag, np.int16),
        duration=length.where(length > 0),
    )
    names = {"tag": "tags", "upload_dt": "upload_date", "server_width": "width", "server_height": "height"}
    kept = "author topic tags duration upload_date video_type upload_type width height music_type".split()
    return table.rename(columns=names)[kept]


def _complete(features: pd.DataFrame, ids: pd.Series, name: str) -> pd.DataFrame:
    """The feature table with a row for every id of the log, too, and the id as its first column ``name``."""
    table = features.reindex(np.union1d(features.index, ids))
    for column in table.columns.intersection(["author", "topic"]):  # there is a code for unknown: stay whole
        table[column] = table[column].fillna(0).astype(features[column].dtype)
    return table.rename_axis(name).reset_index()


def _rows(table: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The columns of the log under the names of :class:`ImpressionLog`, in its units."""
    local = table["time_ms"] + UTC8_MS  # (rows,)
    length = table["duration_ms"].astype(np.float32)  # (rows,)
    rows = pd.DataFrame(
        {
            "user": np.searchsorted(users["user_id"], table["user_id"]).astype(np.int32),
            "item": np.searchsorted(items["item_id"], table["video_id"]).astype(np.int32),
            "time_ms": table["time_ms"],
            "hour": (local // HOUR_MS % 24).astype(np.int8),
            "weekday": ((local // DAY_MS + 3) % 7).astype(np.int8),  # 1 January 1970 was a Thursday
            "tab": table["tab"],
            "randomised": table["is_rand"],
            "duration": length.where(length > 0) / np.float32(1000),
        }
    )
    watched = table["play_time_ms"].astype(np.float32) / np.float32(1000)
    return rows.join(table[list(LABELS)].rename(columns=LABELS)).assign(watch_time=watched)
