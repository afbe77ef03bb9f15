"""Tables as CSV files: read whatever a spreadsheet has made of them, and never a formula for it to run."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from bookwork.files import write_whole

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet takes for a formula (OWASP, "CSV Injection")."""


def harmless(text: str) -> str:
    """A text that no spreadsheet runs: an apostrophe goes before what could be a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def as_it_was(text: str) -> str:
    """The text again, without that apostrophe."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def write(path: Path, rows: Iterable[Sequence[str | float | None]], mark: bool = False) -> None:
    """Write a table: texts made harmless, None as an empty cell.

    With ``mark`` the file begins with a byte order mark, without which spreadsheets misread other letters
    than ASCII's.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    for row in rows:
        cells = [harmless(cell) if isinstance(cell, str) else cell for cell in row]
        writer.writerow(["" if cell is None else cell for cell in cells])
    write_whole(path, text.getvalue().encode("utf-8-sig" if mark else "utf-8"))


def read(path: Path, columns: Sequence[str], others: Sequence[str] | None = None) -> list[dict[str, str]]:
    """The rows of a table that has these columns, perhaps among others; else a ValueError.

    With ``others`` a column that is named neither there is one, too. Commas or semicolons may part the cells.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be a CSV file in UTF-8: {error.reason}") from error
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path} must have the columns {', '.join(columns)}; {', '.join(missing)} missing"
            )
        known = (*columns, *(others or ()), "")  # some spreadsheets leave empty ones at the end
        unknown = [repr(name) for name in reader.fieldnames or () if name.strip() not in known]
        if others is not None and unknown:
            raise ValueError(
                f"{path} must have no columns but {', '.join(known[:-1])}; got {', '.join(unknown)}"
            )
        rows = list(reader)
    except csv.Error as error:
        raise ValueError(f"{path} must be a CSV file: {error}") from error
    return [
        {name: as_it_was(cell or "") for name, cell in row.items() if isinstance(name, str)} for row in rows
    ]
