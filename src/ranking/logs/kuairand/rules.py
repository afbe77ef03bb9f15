"""What the cells of a column may say: a rule reads a column of texts and tells which of them obey it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

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
