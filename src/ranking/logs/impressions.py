"""The impression log: what every chapter consumes, whether simulated or real.

An *impression* (曝光) is one showing of one item to one user. A log holds a table of impressions, a table
of users and a table of items; the simulator adds a fourth, the truth behind each impression.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.logs.statistics import DAY_MS, WINDOW_DAYS, counts_before

TARGETS = ("click", "like", "collect", "share")
"""The four binary targets of the course, in the order of claim B2. A log may lack some of them."""

PLAY_TARGETS = ("effective_view", "long_view", "skip")
"""Binary targets that are rules on the play: played for more than 7 s, or the whole item where it lasts up to
7 s; the same with 18 s; left before 3 s. A surface that plays at once has them in place of a click."""

SKIP_SECONDS = 3.0
"""What plays for less is skipped."""

FLAGS = ("followed", "randomised")
"""What else is true or false of a row, in logs that say it."""

SECONDS = ("watch_time", "duration")

REQUIRED_ROWS = ("user", "item", "time_ms", "click", "watch_time", "duration")

COUNTS = {"click": "clicks", "effective_view": "views", "like": "likes"}
"""Targets that statistics count, and how their columns end."""


@dataclass(frozen=True)
class LoadReport:
    """What a reader found in its files: rows read, kept and, for each reason, dropped; they add up.

    ``noted`` gives the number of rows of each oddity that was kept.
    """

    rows_read: int
    rows_kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    noted: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("rows_read", "rows_kept"):
            object.__setattr__(self, name, validation.whole_number(name, getattr(self, name)))
        for name in ("dropped", "noted"):
            given = validation.mapping(name, getattr(self, name), "reasons to counts").items()
            counts = {what: validation.whole_number(f"{name}[{what!r}]", count) for what, count in given}
            object.__setattr__(self, name, counts)
        if self.rows_read != self.rows_kept + sum(self.dropped.values()):
            kept = f"{self.rows_read} read, {self.rows_kept} kept"
            raise ValueError(f"rows do not add up: {kept}, dropped {dict(self.dropped)}")

    def __str__(self) -> str:
        lines = [f"{self.rows_read:,} rows read, {self.rows_kept:,} kept"]
        lines += [f"  dropped {count:,}: {reason}" for reason, count in self.dropped.items()]
        lines += [f"  noted {count:,}: {what}" for what, count in self.noted.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Impressions:
    """Rows with the users and items that they join to: all that a feature encoder reads.

    The candidates of a request are impressions that have not happened yet: they have no time order and no
    outcomes. What did happen is an :class:`ImpressionLog`.

    Attributes:
        rows: one row per pair: ``user`` and ``item``, positions in the tables below (narrow and unsigned
            types become int32), and further columns.
        users: one row per user, RangeIndex; ``user_id`` and profile columns.
        items: one row per item, RangeIndex; ``item_id``, ``author``, ``topic``, ``duration`` and others.
    """

    rows: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    _required: ClassVar[tuple[str, ...]] = ("user", "item")
    _instead: ClassVar[Mapping[str, str]] = {}  # what may stand in the place of a required column

    def __post_init__(self) -> None:
        for name in ("rows", "users", "items"):
            validation.instance(name, getattr(self, name), pd.DataFrame)
        instead, there = self._instead, {*self.rows}
        if missing := [name for name in self._required if not {name, instead.get(name, name)} & there]:
            needed = ", ".join(
                f"{name} (or {instead[name]})" if name in instead else name for name in self._required
            )
            raise ValueError(f"rows must have the columns {needed}; missing: {', '.join(missing)}")
        converted = {}
        for column, table in (("user", self.users), ("item", self.items)):
            codes = _column_of(self.rows, column, "iu", "whole numbers")
            if codes.size and (codes.min() < 0 or codes.max() >= len(table)):
                raise ValueError(
                    f"rows.{column} must point into the table of {len(table)} {column}s, "
                    f"got values from {codes.min()} to {codes.max()}"
                )
            if codes.dtype not in (np.int32, np.int64):
                converted[column] = codes.astype(np.int32)
        self._convert(converted)

    def _convert(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Put columns of another type in the place of those that were given."""
        if columns:
            object.__setattr__(self, "rows", self.rows.assign(**columns))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class ImpressionLog(Impressions):
    """Impressions in order of time, with the users and items that they join to.

    Attributes:
        rows: one row per impression, RangeIndex, sorted by ``time_ms``. Always there: ``user`` and ``item``
            (int32 positions in the tables below), ``time_ms`` (int64, milliseconds since 1970 UTC),
            ``click`` or, on a surface that plays at once, ``effective_view`` (bool), ``watch_time`` (float32
            seconds, 0 where nothing was played), ``duration`` (float32 seconds above 0, NaN where the log
            does not know it). Where the source has them: ``like``, ``collect``, ``share`` (bool),
            ``long_view``, ``skip`` (bool, see :data:`PLAY_TARGETS`), ``request`` (int32, the request that
            showed the item), ``session`` (int32 from 0, the requests of one visit share it), ``position``
            (int16, from 1), ``hour`` (int8, local), ``weekday`` (int8, Monday is 0), the scene as ``scene``
            (int8) or ``tab`` (int8), ``followed`` (bool, the user follows the author), ``randomised`` (bool,
            shown by a policy that draws uniformly) and ``propensity`` (float in (0, 1], as in the truth, on
            a platform that logs it).
        truth: None for a real log. From the simulator, aligned with ``rows``: ``p_click``; *given click*
            (claim A7) ``p_like``, ``p_collect``, ``p_share``, ``watch_time`` (the mean, seconds) and
            ``completion`` (P(played ≥ 80%)); ``watch_mu`` and ``watch_sigma``, of ln(watch time) before the
            item's end cuts it off; and ``propensity``, the probability with which the logging policy put the
            item at its position, given its candidates and what stands above it. On a surface that plays at
            once ``p_effective_view``, ``p_long_view``, ``p_skip`` and all the others are *per impression*,
            given nothing; there ``p_leave`` and ``watch_mu`` say how the play goes, as in the simulator's
            ``PlayTime``. Of sessions also ``mood`` (int16), the topic that the user was in the mood for, and
            ``seen`` (int32), how often the item's topic was shown before in the session.
        report: what was read and dropped, for a log that came from files.

    Raises:
        ValueError: a column is missing or holds what is impossible there, rows are out of order, ``rows``
            is not indexed 0, 1, 2, … or ``truth`` not as ``rows``.

    Columns may come in other types: what is true or false in any that holds 0 and 1 only, whole numbers in
    narrower or unsigned ones, seconds in whole numbers. They are converted here, once (seconds to float64,
    which holds all of them), so that no later sum, product or negation of them goes wrong.
    """

    truth: pd.DataFrame | None = None
    report: LoadReport | None = None
    _required: ClassVar[tuple[str, ...]] = REQUIRED_ROWS
    _instead: ClassVar[Mapping[str, str]] = {"click": "effective_view"}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rows", "users", "items"):
            if not getattr(self, name).columns.is_unique:
                raise ValueError(f"{name} must name each column once, got {list(getattr(self, name))}")
        if self.truth is not None:
            validation.instance("truth", self.truth, pd.DataFrame)
        if self.report is not None:
            validation.instance("report", self.report, LoadReport)
        index = self.rows.index
        if not index.equals(pd.RangeIndex(len(self))):
            raise ValueError(f"rows must be indexed 0, 1, 2, … (reset_index(drop=True)), got {index!r:.80}")
        if self.truth is not None and len(self.truth) != len(self):
            raise ValueError(f"truth must have one row per impression: {len(self.truth)} for {len(self)}")
        if self.truth is not None and not self.truth.index.equals(index):
            raise ValueError(f"truth must have the index of rows, 0, 1, 2, …; got {self.truth.index!r:.80}")
        given = {"time_ms": _column_of(self.rows, "time_ms", "iu", "whole numbers")}
        kept: dict[str, NDArray[Any]] = {"time_ms": validation.integers("rows.time_ms", given["time_ms"])}
        if np.any(kept["time_ms"][1:] < kept["time_ms"][:-1]):
            raise ValueError("rows must be sorted by time_ms")
        for column in (name for name in (*TARGETS, *PLAY_TARGETS, *FLAGS) if name in self.rows):
            given[column] = _column_of(self.rows, column, "biuf", "only 0 and 1, or booleans")
            kept[column] = validation.booleans(f"rows.{column}", given[column])
        if "session" in self.rows:
            given["session"] = _column_of(self.rows, "session", "iu", "whole numbers")
            session = validation.indices("rows.session", given["session"], np.iinfo(np.int32).max)
            kept["session"] = session.astype(np.int32)
        if "propensity" in self.rows:
            given["propensity"] = _column_of(self.rows, "propensity", "iuf", "numbers")
            validation.positive("rows.propensity", given["propensity"])
            chance = validation.probabilities("rows.propensity", given["propensity"])
            kept["propensity"] = given["propensity"] if given["propensity"].dtype.kind == "f" else chance
        watched, duration = (_column_of(self.rows, name, "iuf", "numbers") for name in SECONDS)
        validation.non_negative("rows.watch_time", watched)
        bad = (duration <= 0) | np.isinf(duration)
        if bad.any():
            raise ValueError(
                f"rows.duration must be above 0 or NaN, got {duration[bad][0]} at index {np.argmax(bad)}"
            )
        for column, seconds in zip(SECONDS, (watched, duration), strict=True):
            given[column] = seconds
            kept[column] = seconds if seconds.dtype.kind == "f" else seconds.astype(np.float64)
        self._convert({name: kept[name] for name in kept if kept[name].dtype != given[name].dtype})

    def __repr__(self) -> str:
        kind = "real" if self.truth is None else "simulated"
        sizes = f"{len(self):,} impressions, {len(self.users):,} users, {len(self.items):,} items"
        return f"ImpressionLog({kind}, {sizes})"

    @property
    def targets(self) -> tuple[str, ...]:
        """The binary targets that this log has labels for.

        Those of :data:`PLAY_TARGETS` are among them where there is no click. A log with clicks that
        has some of them, too, gives their labels in :meth:`label` and :meth:`labels`.
        """
        return self._labelled if "click" not in self.rows else tuple(n for n in TARGETS if n in self.rows)

    @property
    def _labelled(self) -> tuple[str, ...]:
        return tuple(name for name in (*TARGETS, *PLAY_TARGETS) if name in self.rows)

    @property
    def clicked(self) -> NDArray[np.bool_]:
        """Which rows were clicked, (rows,); ``ValueError`` for a log of a surface that plays at once."""
        if "click" not in self.rows:
            has = ", ".join(self.targets)
            raise ValueError(f"log.rows must have the column 'click', this surface has none; it has {has}")
        return self.rows["click"].to_numpy()

    def label(self, target: str) -> NDArray[np.float32]:
        """The 0/1 labels of one target, shape (rows,)."""
        if not isinstance(target, str) or target not in self._labelled:
            raise ValueError(f"target must be one of {', '.join(self._labelled)}, got {target!r}")
        return self.rows[target].to_numpy(dtype=np.float32)

    def labels(self, targets: Sequence[str]) -> NDArray[np.float32]:
        """The labels of several targets side by side, shape (rows, targets)."""
        names = [validation.one_of("targets", name, self._labelled) for name in validation.targets(targets)]
        return np.stack([self.label(name) for name in names], axis=1)

    def select(self, rows: ArrayLike | slice) -> Self:
        """The log of a part of the rows, in the same order.

        ``rows`` is a boolean mask of shape (rows,), a slice with a positive step, or strictly increasing
        positions from 0; ``ValueError`` for anything else, as a mask that is a Series with another index.
        """
        chosen = row_selection(rows, len(self))
        if isinstance(chosen, slice):
            if (chosen.step or 1) < 0:
                raise ValueError(f"rows must be a slice with a positive step, got {chosen}")
        elif chosen.dtype != bool and np.any(later := chosen[1:] <= chosen[:-1]):
            at = int(np.argmax(later))
            raise ValueError(f"rows must be strictly increasing, got {chosen[at + 1]} after {chosen[at]}")
        return replace(
            self,
            rows=self.rows.iloc[chosen].reset_index(drop=True),
            truth=None if self.truth is None else self.truth.iloc[chosen].reset_index(drop=True),
            report=None,
        )

    def with_statistics(self, window_days: float = WINDOW_DAYS) -> Self:
        """The log with counts of what happened before each impression (the statistics of claim B1).

        New columns of ``rows``, int32: ``user_impressions``, ``user_clicks``, ``user_likes``,
        ``item_impressions``, ``item_clicks``, ``item_likes``, as
        :func:`~ranking.logs.statistics.counts_before` counts them. Feedback is taken to be known at once; a
        real pipeline has a delay. A log without ``like`` gets no counts of likes; one without ``click`` has
        effective views in their place, ``user_views`` and ``item_views``.
        """
        seen = [name for name in (self._first, "like") if name in self.targets]
        codes = {key: self.rows[key].to_numpy() for key in ("user", "item")}
        return self._counted(codes, seen, window_days)

    def with_topic_history(self, window_days: float = WINDOW_DAYS) -> Self:
        """The log with what each row's user did with the row's topic before, counted as statistics are.

        New columns of ``rows``, int32: ``topic_impressions`` and ``topic_clicks``, or ``topic_views`` where
        there is no click.
        """
        if "topic" not in self.items:
            raise ValueError(f"items must have the column 'topic', got {', '.join(map(str, self.items))}")
        topic = validation.indices("items.topic", self.items["topic"], np.iinfo(np.int32).max)  # (items,)
        topics = int(topic.max(initial=0)) + 1
        pair = self.rows["user"].to_numpy(dtype=np.int64) * topics + topic[self.rows["item"]]
        return self._counted({"topic": pair}, [self._first], window_days)

    @property
    def _first(self) -> str:
        """What a user does first with an item: click on it, or let it play."""
        return "click" if "click" in self.rows else "effective_view"

    def _counted(self, codes: Mapping[str, NDArray[Any]], targets: Sequence[str], window_days: float) -> Self:
        """The log with, for each kind of codes, what happened before each row in rows of the same code."""
        happened = {COUNTS[name]: self.rows[name].to_numpy() for name in targets}
        added = {
            f"{kind}_{what}": count
            for kind, of in codes.items()
            for what, count in counts_before(of, self._times, happened, window_days).items()
        }
        return replace(self, rows=self.rows.assign(**added))

    @property
    def _times(self) -> NDArray[Any]:
        return self.rows["time_ms"].to_numpy()

    def after(self, days: float) -> Self:
        """The impressions from ``days`` days after the first one on.

        Statistics over 30 days are complete only in a log that is older than that: let the first days fill
        the window, and learn from what comes after.
        """
        days = validation.number("days", days, least=0.0)
        times = self._times
        if not len(times) or times[0] + days * DAY_MS > times[-1]:
            raise ValueError(f"days must leave some of the log, got {days}")
        return self.select(slice(int(np.searchsorted(times, times[0] + days * DAY_MS)), None))

    def split(self, *shares: float) -> tuple[Self, ...]:
        """Cut the log along time into consecutive parts, e.g. ``split(0.8, 0.2)``: older rows first.

        A ranking model is always judged on impressions that come after those it was trained on. Cuts go by
        the number of rows: one may fall inside a request. ``shares`` are positive and sum to 1.
        """
        shares = tuple(validation.number("shares", share) for share in shares)
        if not shares or min(shares) <= 0 or abs(sum(shares) - 1.0) >= 1e-9:
            raise ValueError(f"shares must be positive and sum to 1, got {shares}")
        edges = np.round(np.cumsum((0.0, *shares)) * len(self)).astype(int)
        edges[-1] = len(self)
        if np.any(edges[1:] <= edges[:-1]):
            raise ValueError(f"shares must leave rows in every part, got {shares} of {len(self)} rows")
        return tuple(self.select(slice(a, b)) for a, b in itertools.pairwise(edges))


def _column_of(rows: pd.DataFrame, name: str, kinds: str, allowed: str) -> NDArray[Any]:
    """A column of the rows as a (rows,) array, once its dtype is of one of the NumPy ``kinds``."""
    column = rows[name]
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"rows must name each column once, got {name!r} {column.shape[1]} times")
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in kinds:
        example = f", such as {column.iloc[0]!r}" if len(column) else ""
        raise ValueError(f"rows.{name} must hold {allowed}, got {column.dtype}{example}")
    return column.to_numpy()


def row_selection(rows: ArrayLike | slice, n: int) -> slice | NDArray[Any]:
    """What picks rows out of ``n``: a slice, a boolean mask of shape (n,), or positions as whole numbers.

    An empty list selects nothing. A mask that is a pandas Series must be indexed 0, 1, 2, …, as rows are:
    NumPy would take it by place and pandas by label. ``ValueError`` for what is none of these, such as
    positions below 0 or from ``n`` on.
    """
    if isinstance(rows, slice):
        try:
            rows.indices(n)
        except (TypeError, ValueError) as error:
            raise ValueError(f"rows must be a slice of whole numbers, got {rows}: {error}") from None
        return rows
    n = validation.whole_number("n", n)
    chosen = validation.as_array("rows", rows)
    if chosen.dtype == bool:
        if chosen.shape != (n,):
            raise ValueError(f"rows must be a mask of shape ({n},), got {chosen.shape}")
        if isinstance(rows, pd.Series) and not rows.index.equals(pd.RangeIndex(n)):
            raise ValueError(f"rows must be a mask with the index of the rows, 0 to {n - 1}, in that order")
        return chosen
    if chosen.ndim != 1:
        raise ValueError(f"rows must be a mask, a slice or positions of shape (k,), got {rows!r}")
    if not chosen.size:
        return np.empty(0, dtype=np.int64)
    return validation.indices("rows", chosen, n)
