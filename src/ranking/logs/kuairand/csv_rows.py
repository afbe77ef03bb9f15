"""Comma-separated files whose damage is counted: every line is either taken whole or accounted for.

General CSV readers forgive: a short line is filled up, a long one cut, ``1.5`` or ``"7`` becomes something.
Here each line must have the fields of the header and each number must obey its rule. What does not is left
out and counted with the file and the line of its first case, or, when the caller is strict, raises a
``ValueError``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

BLOCK_BYTES = 1 << 24
"""How much of a file is held as text at a time."""

MISSING = frozenset({"", "nan", "NaN", "NA", "null", "NULL", "None", "\\N"})
"""How an unknown cell is written in the wild; all mean the same."""

LAST_LINE = "the last line should end in a newline; all its fields are there"
"""What is noted where the end of a file may be torn: its last value may have been longer."""

_EXACT = 2.0**53  # above it, float64 no longer tells neighbouring whole numbers apart
_PLAIN = np.zeros(256, dtype=bool)
_PLAIN[np.frombuffer(b"0123456789-,\r\n", dtype=np.uint8)] = True


@dataclass(frozen=True)
class WholeNumber:
    """A column of whole numbers from ``low`` to ``high``, both allowed, kept as ``dtype``."""

    low: int
    high: int
    dtype: DTypeLike

    def __str__(self) -> str:
        return (
            "0 or 1" if (self.low, self.high) == (0, 1) else f"a whole number from {self.low} to {self.high}"
        )


@dataclass
class Damage:
    """What was wrong in the files that were read.

    Attributes:
        strict: raise ``ValueError`` at the first fault instead of counting it.
        rows: faults that cost a row, as reason to (number of rows, where the first one is).
        cells: faults that cost no row of the log, in the same form.
    """

    strict: bool = False
    rows: dict[str, tuple[int, str]] = field(default_factory=dict)
    cells: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(
        self,
        place: str,
        rule: str,
        lines: NDArray[np.int64] | Sequence[int],
        example: str,
        costs_row: bool = True,
    ) -> None:
        """Count faults of one kind, or raise.

        Args:
            place: the file, and the column where it is known.
            rule: what must hold there.
            lines: line numbers of the faults, the header being line 1; at least one.
            example: what stands at the first of them.
            costs_row: whether these rows are left out.
        """
        if self.strict:
            raise ValueError(f"{place}, line {lines[0]}: {rule}, got {example}")
        kind = self.rows if costs_row else self.cells
        reason = f"{place}: {rule}"
        count, first = kind.get(reason, (0, f"line {lines[0]}: {example}"))
        kind[reason] = (count + len(lines), first)

    @staticmethod
    def listed(kind: Mapping[str, tuple[int, str]]) -> dict[str, int]:
        """The reasons of ``rows`` or ``cells``, each with its first case, and their counts."""
        return {f"{reason} (first at {first})": count for reason, (count, first) in kind.items()}


def _quoted(text: str, most: int = 40) -> str:
    return repr(text if len(text) <= most else text[:most] + "…")


def _header(path: Path, first_line: bytes, columns: Iterable[str]) -> list[str]:
    """The names in the first line of a file, once each of ``columns`` is among them exactly once."""
    if not first_line.strip():
        raise ValueError(f"{path.name} is empty; it must begin with a line of column names ({path})")
    line = first_line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    try:
        names = [] if "\0" in line else [name.strip() for name in next(csv.reader([line]), [])]
    except csv.Error:  # a carriage return inside the line, or a field of more than 128 KiB
        names = []
    if not names:
        raise ValueError(
            f"{path.name}, line 1: not a line of comma-separated names "
            f"(compressed, or lines ending in CR alone?) ({path})"
        )
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"{path.name}, line 1: missing columns {', '.join(missing)} ({path})")
    if twice := [name for name in columns if names.count(name) > 1]:
        raise ValueError(f"{path.name}, line 1: columns must be named once, not {', '.join(twice)} ({path})")
    return names


def read_whole_numbers(
    path: Path, columns: Mapping[str, WholeNumber], damage: Damage
) -> tuple[dict[str, NDArray[Any]], int]:
    """Read columns of whole numbers from a large file, a block at a time.

    Args:
        path: the file; its first line names the columns. Columns not asked for are not looked at.
        columns: the columns to read, each with what is allowed in it.
        damage: where faulty rows are counted. A row with several faults counts once, for the first.

    Returns:
        One array of shape (rows kept,) per column, in the order of the file, and the number of rows read.

    Raises:
        ValueError: if the file is empty, lacks a column or holds no row; if ``damage`` is strict, at the
            first faulty row, naming file, line, column and value.
    """
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in columns}
    rows_read = 0
    with path.open("rb") as file:
        names = _header(path, file.readline(), columns)
        while block := file.read(BLOCK_BYTES):
            block += file.readline()  # so that a block ends where a line ends
            ends_whole = block.endswith(b"\n")
            block = (block if ends_whole else block + b"\n").replace(b"\r\n", b"\n")
            kept, lines = _read_block(path, block, rows_read + 2, names, columns, damage)
            if not ends_whole and lines.size and lines[-1] == rows_read + 1 + block.count(b"\n"):
                damage.add(path.name, LAST_LINE, lines[-1:], "the end of the file", costs_row=False)
            rows_read += block.count(b"\n")
            for name, values in kept.items():
                parts[name].append(values)
    if not rows_read:
        raise ValueError(f"{path.name} holds column names but no rows ({path})")
    return {name: np.concatenate(parts.pop(name)) for name in columns}, rows_read


def _read_block(
    path: Path,
    block: bytes,
    first_line: int,
    names: list[str],
    columns: Mapping[str, WholeNumber],
    damage: Damage,
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """The good rows of some whole lines: values per column, and their line numbers, both (rows kept,)."""
    text = np.frombuffer(block, dtype=np.uint8)  # (bytes,)
    ends = np.flatnonzero(text == ord("\n"))  # (rows,)
    starts = np.concatenate(([0], ends[:-1] + 1))  # (rows,)
    fields = np.add.reduceat(text == ord(","), starts, dtype=np.int64) + 1  # (rows,)
    lines = first_line + np.arange(len(ends))  # (rows,)
    torn = fields != len(names)
    if torn.any():
        first = int(np.argmax(torn))
        example = f"{fields[first]} in {_quoted(block[starts[first] : ends[first]].decode(errors='replace'))}"
        damage.add(path.name, f"torn row, there must be {len(names)} fields", lines[torn], example)
        whole = [line for line, bad in zip(block.split(b"\n")[:-1], torn, strict=True) if not bad]
        block = b"".join(line + b"\n" for line in whole)
        lines = lines[~torn]
    if not lines.size:
        return {name: np.empty(0, rule.dtype) for name, rule in columns.items()}, lines

    table, raw = _parse(block, [names.index(name) for name in columns])
    good = np.ones(len(lines), dtype=bool)
    for column, (name, rule) in enumerate(columns.items()):
        values = table[column]  # (rows,)
        # A cell that is no whole number is NaN here, and NaN fails both comparisons.
        bad = good & ~((values >= rule.low) & (values <= rule.high))
        if bad.any():
            first = int(np.argmax(bad))
            example = _quoted(raw[column][first] if raw else str(values[first]))
            damage.add(f"{path.name}, column {name}", f"must be {rule}", lines[bad], example)
            good &= ~bad
    return {
        name: values[good].astype(rule.dtype)
        for (name, rule), values in zip(columns.items(), table, strict=True)
    }, lines[good]


def _parse(block: bytes, positions: list[int]) -> tuple[list[NDArray[Any]], list[list[str]] | None]:
    """Cells of the columns at ``positions``, as int64; where some are no whole numbers, as float64 and text.

    Every line of the block has the same number of fields.
    """
    options: dict[str, Any] = {
        "header": None,
        "usecols": positions,
        "na_filter": False,
        "quoting": csv.QUOTE_NONE,
    }
    if _PLAIN[np.frombuffer(block, dtype=np.uint8)].all() and b"\r" not in block:
        try:
            frame = pd.read_csv(io.BytesIO(block), dtype=np.int64, **options)
            return [frame[position].to_numpy() for position in positions], None
        except (ValueError, OverflowError):  # an empty cell, a lone minus, more than 64 bits
            pass
    # Bytes that would end a line or a cell for the reader below are cells' own faults: keep them in place.
    block = block.replace(b"\r", b"?").replace(b"\0", b"?")
    frame = pd.read_csv(io.BytesIO(block), dtype=str, encoding_errors="replace", **options)
    table = []
    for position in positions:
        values = pd.to_numeric(frame[position], errors="coerce").to_numpy(dtype=np.float64, copy=True)
        values[~(np.abs(values) < _EXACT) | (values != np.floor(values))] = np.nan
        table.append(values)
    return table, [frame[position].tolist() for position in positions]


def read_text(path: Path, columns: Sequence[str], key: str, damage: Damage) -> pd.DataFrame:
    """Read a small table of text cells, one row per value of ``key``; fields may be quoted.

    Args:
        path: the file; its first line names the columns. A quoted field does not go over a line's end.
        columns: the columns to read.
        key: the one of them that tells rows apart, a whole number of at least 0.
        damage: where rows are counted that have too few or too many fields, an impossible key, or one that
            has come before; also lines that are kept, but are not UTF-8 (the bytes become U+FFFD), or are
            the last one and do not end in a newline.

    Returns:
        The columns but ``key`` as str, an unknown cell as the empty string, indexed by ``key`` in ascending
        order (int64). The column ``line`` holds line numbers.

    Raises:
        ValueError: if the file is empty or lacks a column; if ``damage`` is strict, at the first faulty row.
    """
    first, *rest = path.read_bytes().split(b"\n")
    names = _header(path, first, columns)
    ends_whole = not rest or not rest[-1]
    if rest and ends_whole:
        rest.pop()
    if not rest:
        raise ValueError(f"{path.name} holds column names but no rows ({path})")
    rows, torn, garbled = [], [], []
    for line, raw in enumerate(rest, start=2):
        try:
            text = raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", errors="replace").rstrip("\r")
            garbled.append((line, text))
        try:
            cells = next(csv.reader([text], strict=True), [])
        except csv.Error:  # a quote that is never closed
            cells = []
        if len(cells) == len(names):
            rows.append((line, *cells))
        else:
            torn.append((line, text))
    if torn:
        rule = f"torn row, there must be {len(names)} fields"
        damage.add(path.name, rule, [line for line, _ in torn], _quoted(torn[0][1]), costs_row=False)
    if garbled:
        example = _quoted(garbled[0][1])
        damage.add(path.name, "must be UTF-8", [line for line, _ in garbled], example, costs_row=False)
    if not ends_whole and rows and rows[-1][0] == len(rest) + 1:
        damage.add(path.name, LAST_LINE, [len(rest) + 1], "the end of the file", costs_row=False)

    table = pd.DataFrame(rows, columns=["line", *names], dtype=object)
    table = table[["line", *columns]]
    keys = pd.to_numeric(table[key], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~((keys >= 0) & (keys < _EXACT) & (keys == np.floor(keys)))
    table = _leave_out(table, bad, path, key, "must be a whole number of at least 0", damage)
    keys = keys[~bad].astype(np.int64)
    again = pd.Series(keys).duplicated().to_numpy()
    table = _leave_out(table, again, path, key, "must not come twice", damage)
    table = table.set_index(pd.Index(keys[~again], name=key)).drop(columns=key).sort_index()
    cells = table.drop(columns="line")
    table[cells.columns] = cells.mask(cells.isin(MISSING), "")
    return table


def _leave_out(
    table: pd.DataFrame, bad: NDArray[np.bool_], path: Path, column: str, rule: str, damage: Damage
) -> pd.DataFrame:
    if bad.any():
        example = _quoted(table[column].to_numpy()[bad][0])
        lines = table["line"].to_numpy()[bad]
        damage.add(f"{path.name}, column {column}", rule, lines, example, costs_row=False)
    return table[~bad]


def numbers(
    table: pd.DataFrame, column: str, file: str, damage: Damage, low: float = -np.inf
) -> NDArray[np.float32]:
    """A text column of :func:`read_text` as numbers of at least ``low``, (rows,), NaN where it is unknown.

    A cell that is no such number becomes NaN, too, and is counted; if ``damage`` is strict, it raises.
    """
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64, copy=True)
    bad = ~(np.isfinite(values) & (values >= low))
    rule = "must be a number" if low == -np.inf else f"must be a number of at least {low:g}"
    _count_cells(table, bad, column, file, rule, damage)
    values[bad] = np.nan
    return values.astype(np.float32)


def dates(table: pd.DataFrame, column: str, file: str, damage: Damage) -> pd.Series:
    """A text column of :func:`read_text` as dates, (rows,), NaT where it is unknown.

    A cell that is not written as year-month-day becomes NaT, too, and is counted; if ``damage`` is strict, it
    raises.
    """
    values = pd.to_datetime(table[column], format="%Y-%m-%d", errors="coerce")
    _count_cells(table, values.isna().to_numpy(), column, file, "must be a date like 2022-04-10", damage)
    return values


def _count_cells(
    table: pd.DataFrame, bad: NDArray[np.bool_], column: str, file: str, rule: str, damage: Damage
) -> None:
    """Count the cells that say something, but nothing that the rule allows."""
    faulty = table[bad & (table[column] != "").to_numpy()].sort_values("line")
    if len(faulty):
        example = _quoted(faulty[column].iloc[0])
        damage.add(f"{file}, column {column}", rule, faulty["line"].to_numpy(), example, costs_row=False)
