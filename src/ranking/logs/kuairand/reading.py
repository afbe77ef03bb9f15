"""Comma-separated files whose damage is counted: every line is either taken whole or accounted for.

General CSV readers forgive: a short line is filled up, a long one cut, ``1.5`` or ``"7`` becomes something.
Here pyarrow splits the lines, those with too few or too many fields are set aside, and every other cell is
text until the rule of its column has judged it. What breaks a rule is left out and counted with the file and
the line of its first case, or, when the caller is strict, raises a ``ValueError``.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from ranking.logs.kuairand.rules import Rule, WholeNumber

# A field stands in quotes as a whole, with those inside it doubled, or it does not begin with one.
_FIELD = rb'(?:"(?:[^"]|"")*+"|[^,"\r][^,\r]*+|)'
_WELL_QUOTED = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+")


@dataclass
class Damage:
    """What was wrong in the files that were read.

    Attributes:
        strict: raise ``ValueError`` at the first fault instead of counting it.
        rows, cells: faults that cost a row of the log, and those that cost none: what and where the first
            is, to the number of rows.
    """

    strict: bool = False
    rows: dict[str, int] = field(default_factory=dict)
    cells: dict[str, int] = field(default_factory=dict)

    def add(self, place: str, rule: str, lines: Sequence[int], example: str, costs_row: bool) -> None:
        """Count that ``lines`` of ``place`` break ``rule``, the first of them by ``example``; or raise."""
        if self.strict:
            raise ValueError(f"{place}, line {lines[0]}: {rule}, got {example}")
        kind = self.rows if costs_row else self.cells
        kind[f"{place}: {rule} (first at line {lines[0]}: {example})"] = len(lines)


def read_rows(
    path: Path, rules: Mapping[str, Rule], damage: Damage, key: str | None = None
) -> tuple[pd.DataFrame, int]:
    """Read the columns of a file that have a rule; others are not looked at.

    Args:
        path: the file; its first line names the columns.
        rules: what is allowed in each column. A cell that a :class:`WholeNumber` does not allow costs its
            row, which counts once, for the first; another rule's is unknown from then on.
        damage: where faults are counted: rows with too few or too many fields, cells that break their rule;
            also a last line that is kept without a newline at its end, as it may have been longer.
        key: for a table beside the log, the column that tells its rows apart; one that comes again is left
            out. No fault here costs a row of the log. Fields may be quoted, though not over a line's end.
            Lines that are not UTF-8 are counted and kept, their bytes as U+FFFD. Without ``key`` a quote is a
            character like any other.

    Returns:
        The rows kept, in the order of the file, and how many lines there were below the header.

    Raises:
        ValueError: the file is empty, lacks a column or holds no row; if ``damage`` is strict, the first
            fault, with file, line, column and value.
    """
    quoted = key is not None
    with path.open("rb") as file:
        names = _header(path, file.readline(), rules)
        body = file.read()
    if not body:
        raise ValueError(f"{path.name} holds column names but no rows ({path})")
    ends_whole = body.endswith(b"\n")
    body = (body if ends_whole else body + b"\n").replace(b"\r\n", b"\n")
    table, torn = _split(_unmistakable(body, quoted), names, list(rules), quoted)
    rows_read = table.num_rows + len(torn)
    lines = np.delete(np.arange(2, rows_read + 2), [line - 2 for line in torn])  # (rows,)

    def count_lines(bad: list[int], must: str, found: str = "") -> None:
        if bad:
            text = body.split(b"\n", bad[0])[bad[0] - 2].decode(errors="replace")
            damage.add(path.name, must, bad, found + _shown(text), costs_row=not quoted)

    def count_cells(name: str, bad: NDArray[np.bool_], must: str) -> None:
        if bad.any():
            text = table[name][int(np.argmax(bad))].as_py()
            damage.add(f"{path.name}, column {name}", must, lines[bad].tolist(), _shown(text), not quoted)

    fields = "" if quoted else f"{next(iter(torn.values()), 0)} in "
    count_lines(list(torn), f"torn row, there must be {len(names)} fields", fields)
    if quoted:
        odd = (len(line.decode(errors="ignore").encode()) != len(line) for line in body.split(b"\n"))
        count_lines((np.flatnonzero(list(odd)) + 2).tolist(), "must be UTF-8")
    good = np.ones(len(lines), dtype=bool)
    columns = {}
    for name, rule in rules.items():
        columns[name], holds = rule.read(table[name])
        count_cells(name, good & ~holds, f"must be {rule}")
        if isinstance(rule, WholeNumber):
            good &= holds
        if name == key:
            again = good & pd.Series(columns[name]).where(good).duplicated().to_numpy()
            count_cells(name, again, "must not come twice")
            good &= ~again
    if not ends_whole and rows_read + 1 in lines[good][-1:]:
        must = "the last line should end in a newline; all its fields are there"
        damage.add(path.name, must, [rows_read + 1], "the end of the file", costs_row=False)
    return pd.DataFrame({name: values[good] for name, values in columns.items()}, copy=False), rows_read


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
        fault = "not a line of comma-separated names (compressed, or lines ending in CR alone?)"
    elif missing := [name for name in columns if name not in names]:
        fault = f"missing columns {', '.join(missing)}"
    elif twice := [name for name in columns if names.count(name) > 1]:
        fault = f"columns must be named once, not {', '.join(twice)}"
    else:
        return names
    raise ValueError(f"{path.name}, line 1: {fault} ({path})")


def _unmistakable(body: bytes, quoted: bool) -> bytes:
    """The lines in a form that pyarrow takes as they are meant: what is wrong with one stays within it."""
    if quoted:  # a quote out of place would swallow what follows
        body = b"\n".join(line if _WELL_QUOTED.fullmatch(line) else b"" for line in body.split(b"\n"))
    else:  # a carriage return inside a line would end it
        body = body.replace(b"\r", "␍".encode())
    if body.startswith(b"\n") or b"\n\n" in body:  # an empty line would be filled up, a blank one is not
        body = re.sub(rb"(?m)^(?=\n)", b" ", body)
    return body if body.isascii() else body.decode(errors="replace").encode()


def _split(
    body: bytes, names: list[str], columns: list[str], quoted: bool
) -> tuple[pa.Table, dict[int, int]]:
    """The rows that have all fields, as text; for the lines of the others, how many there are instead."""
    torn: dict[int, int] = {}

    def set_aside(row: pa_csv.InvalidRow) -> str:
        torn[row.number + 1] = row.actual_columns
        return "skip"

    quote: str | bool = '"' if quoted else False
    texts = dict.fromkeys(columns, pa.string())
    table = pa_csv.read_csv(
        pa.BufferReader(body),
        # One block, so that a line may be of any length; one thread, so that rows are numbered.
        pa_csv.ReadOptions(use_threads=False, block_size=1 << 30, column_names=names),
        pa_csv.ParseOptions(quote_char=quote, ignore_empty_lines=False, invalid_row_handler=set_aside),
        pa_csv.ConvertOptions(include_columns=columns, column_types=texts, null_values=[]),
    )
    return table, torn


def _shown(text: str, most: int = 40) -> str:
    return repr(text if len(text) <= most else text[:most] + "…")
