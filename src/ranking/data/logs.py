"""The impression log: what every chapter consumes, whether simulated or real.

An *impression* (曝光) is one showing of one item to one user. A log holds a table of impressions, a table
of users and a table of items; the simulator adds a fourth, the truth behind each impression.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ranking import validation

TARGETS = ("click", "like", "collect", "share")
"""The four binary targets of the course, in the order of claim B2. A log may lack some of them."""

DAY_MS = 86_400_000
"""Milliseconds in a day, the unit of ``time_ms`` being the millisecond."""

REQUIRED_ROWS = ("user", "item", "time_ms", "click", "watch_time", "duration")


@dataclass(frozen=True)
class LoadReport:
    """What a reader found in its files: rows read, kept and dropped, with the reason of every drop.

    ``dropped`` maps a reason to the number of rows left out for it; ``noted`` maps an oddity that was kept
    to its number of rows. ``rows_read == rows_kept + sum(dropped.values())`` always holds.
    """

    rows_read: int
    rows_kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    noted: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rows_read != self.rows_kept + sum(self.dropped.values()):
            raise ValueError(
                f"rows do not add up: {self.rows_read} read, {self.rows_kept} kept, "
                f"dropped {dict(self.dropped)}"
            )

    def __str__(self) -> str:
        lines = [f"{self.rows_read:,} rows read, {self.rows_kept:,} kept"]
        lines += [f"  dropped {count:,}: {reason}" for reason, count in self.dropped.items()]
        lines += [f"  noted {count:,}: {what}" for what, count in self.noted.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class ImpressionLog:
    """Impressions in order of time, with the users and items that they join to.

    Attributes:
        rows: one row per impression, RangeIndex, sorted by ``time_ms``. Always there: ``user`` and ``item``
            (int32 positions in the tables below), ``time_ms`` (int64, milliseconds since 1970 UTC),
            ``click`` (bool), ``watch_time`` (float32 seconds, 0 where nothing was played), ``duration``
            (float32 seconds, NaN where the log does not know it). Where the source has them: ``like``,
            ``collect``, ``share`` (bool), ``request`` (int32, the request that showed the item),
            ``position`` (int16, from 1), ``hour`` (int8, local), ``weekday`` (int8, Monday is 0), the scene
            as ``place`` (int8) or ``tab`` (int8), ``followed`` (bool, the user follows the author) and
            ``randomised`` (bool, shown by a policy that draws uniformly).
        users: one row per user, RangeIndex; ``user_id`` and profile columns.
        items: one row per item, RangeIndex; ``item_id``, ``author``, ``topic``, ``duration`` and others.
        truth: None for a real log. From the simulator, aligned with ``rows``: ``p_click``; ``p_like``,
            ``p_collect``, ``p_share`` *given click* (claim A7); ``watch_time`` and ``completion``, the true
            mean watch time in seconds and the true P(played ≥ 80%), both given click; ``watch_mu`` and
            ``watch_sigma``, of ln(watch time) before the item's end cuts it off; and ``propensity``, the
            probability with which the logging policy put the item at its position, given its candidates
            and what stands above it.
        report: what was read and dropped, for a log that came from files.
    """

    rows: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    truth: pd.DataFrame | None = None
    report: LoadReport | None = None

    def __post_init__(self) -> None:
        missing = [name for name in REQUIRED_ROWS if name not in self.rows]
        if missing:
            raise ValueError(
                f"rows must have the columns {', '.join(REQUIRED_ROWS)}; missing: {', '.join(missing)}"
            )
        if self.truth is not None and len(self.truth) != len(self.rows):
            raise ValueError(
                f"truth must have one row per impression: {len(self.truth)} for {len(self.rows)}"
            )
        for column, table in (("user", self.users), ("item", self.items)):
            codes = self.rows[column].to_numpy()
            if codes.size and (codes.min() < 0 or codes.max() >= len(table)):
                raise ValueError(
                    f"rows.{column} must point into the table of {len(table)} {column}s, "
                    f"got values from {codes.min()} to {codes.max()}"
                )
        times = self.rows["time_ms"].to_numpy()
        if np.any(times[1:] < times[:-1]):
            raise ValueError("rows must be sorted by time_ms")

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        kind = "real" if self.truth is None else "simulated"
        sizes = f"{len(self):,} impressions, {len(self.users):,} users, {len(self.items):,} items"
        return f"ImpressionLog({kind}, {sizes})"

    @property
    def targets(self) -> tuple[str, ...]:
        """The binary targets that this log has labels for."""
        return tuple(name for name in TARGETS if name in self.rows)

    def label(self, target: str) -> np.ndarray:
        """The 0/1 labels of one target, float32, shape (rows,)."""
        if target not in self.targets:
            raise ValueError(f"target must be one of {', '.join(self.targets)}, got {target!r}")
        return self.rows[target].to_numpy(dtype=np.float32)

    def select(self, rows: ArrayLike) -> ImpressionLog:
        """The log of a part of the rows: a boolean mask of shape (rows,), a slice, or sorted positions."""
        if isinstance(rows, slice):
            chosen = rows
        else:
            chosen = np.asarray(rows)
            if chosen.dtype == bool and chosen.shape != (len(self),):
                raise ValueError(f"rows must be a mask of shape ({len(self)},), got {chosen.shape}")
        return replace(
            self,
            rows=self.rows.iloc[chosen].reset_index(drop=True),
            truth=None if self.truth is None else self.truth.iloc[chosen].reset_index(drop=True),
            report=None,
        )

    def after(self, days: float) -> ImpressionLog:
        """The impressions from ``days`` days after the first one on.

        Statistics over 30 days are complete only in a log that is older than that: let the first days fill
        the window, and learn from what comes after.
        """
        validation.non_negative("days", days)
        times = self.rows["time_ms"].to_numpy()
        if not len(times) or times[0] + days * DAY_MS > times[-1]:
            raise ValueError(f"days must leave some of the log, got {days}")
        return self.select(slice(int(np.searchsorted(times, times[0] + days * DAY_MS)), None))

    def split(self, *shares: float) -> tuple[ImpressionLog, ...]:
        """Cut the log along time into consecutive parts, e.g. ``split(0.8, 0.2)``: older rows first.

        A ranking model is always judged on impressions that come after those it was trained on.
        """
        if not shares or min(shares) <= 0 or not np.isclose(sum(shares), 1.0):
            raise ValueError(f"shares must be positive and sum to 1, got {shares}")
        edges = np.round(np.cumsum((0.0, *shares)) * len(self)).astype(int)
        return tuple(self.select(slice(a, b)) for a, b in itertools.pairwise(edges))
