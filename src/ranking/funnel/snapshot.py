"""What a system knows at the moment of a request: counts so far, and the features made of them.

Offline, features come from a log, row by row. Online, they must be made for items that have not been
shown yet. Both go through the same encoder, or the model meets numbers that it was not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.funnel.candidates import Request
from ranking.logs import FeatureEncoder, FeatureTable, ImpressionLog, add_statistics
from ranking.logs.features import COUNTED
from ranking.logs.impressions import DAY_MS
from ranking.simulator import World
from ranking.simulator.population import Population

WINDOW_DAYS = 30
CROSS_COLUMNS = ("followed", "log_topic_clicks", "log_topic_click_rate")
"""Features of a pair: whether the user follows the author, and what the user did with the item's topic."""
PRIOR_WEIGHT = 20.0

USER_FIELDS = ("user", "age_band", "gender", "region", "interest_1", "interest_2")
ITEM_FIELDS = ("author", "topic")
CONTEXT_FIELDS = ("hour", "weekday", "place")


def funnel_encoder() -> FeatureEncoder:
    """The encoder of all models of the funnel.

    Items go by author, topic and statistics, not by their id: most of a large catalogue has hardly been
    shown, and an id that was seen twice has taught its embedding nothing.
    """
    return FeatureEncoder(user=USER_FIELDS, item=ITEM_FIELDS, context=CONTEXT_FIELDS)


def cross_features(
    followed: ArrayLike, topic_impressions: ArrayLike, topic_clicks: ArrayLike, prior_rate: float
) -> NDArray[np.float32]:
    """The columns ``CROSS_COLUMNS``, (rows, 3): 0 or 1, ln(1 + clicks), ln(smoothed rate / prior rate)."""
    rate = (topic_clicks + PRIOR_WEIGHT * prior_rate) / (topic_impressions + PRIOR_WEIGHT)
    columns = (followed, np.log1p(topic_clicks), np.log(rate / prior_rate))
    return np.stack(np.broadcast_arrays(*columns), axis=-1).astype(np.float32)


def with_cross(table: FeatureTable, cross: NDArray[np.float32]) -> FeatureTable:
    """The table with the columns of :func:`cross_features` behind its dense ones."""
    return replace(
        table,
        dense=np.concatenate((table.dense, cross), axis=1),  # (rows, columns + 3)
        columns=(*table.columns, *CROSS_COLUMNS),
    )


def topic_history(log: ImpressionLog) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Impressions and clicks of each row's user with the row's topic, in the 30 days before it; (rows,) each.

    The same counting as for users and items, with (user, topic) in the place of the user.
    """
    n_topics = int(log.items["topic"].max()) + 1
    topic = log.items["topic"].to_numpy()[log.rows["item"].to_numpy()]
    pair = log.rows["user"].to_numpy(dtype=np.int64) * n_topics + topic  # (rows,)
    rows = log.rows[["item", "time_ms", "click", "watch_time", "duration"]].assign(user=pair)
    pairs = ImpressionLog(rows, users=pd.DataFrame(index=range(len(log.users) * n_topics)), items=log.items)
    counted = add_statistics(pairs, WINDOW_DAYS).rows
    return counted["user_impressions"].to_numpy(), counted["user_clicks"].to_numpy()


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything known when the log ends: who exists, and what was counted in the 30 days before.

    Attributes:
        people: users, items, authors and who follows whom; only what a platform can observe is read.
        log: the history.
        now_ms: the moment of the requests, that of the last impression.
    """

    people: Population
    log: ImpressionLog
    now_ms: int

    @classmethod
    def at_end(cls, world: World, log: ImpressionLog) -> Snapshot:
        """The snapshot at the end of a log that this world wrote.

        Raises:
            ValueError: the log is empty or from a world of another size.
        """
        validation.not_empty("log", log.rows)
        if (len(log.users), len(log.items)) != (len(world.users), len(world.items)):
            raise ValueError(
                f"log must be of this world of {len(world.users):,} users and {len(world.items):,} items, "
                f"got {len(log.users):,} and {len(log.items):,}"
            )
        return cls(world, log, int(log.rows["time_ms"].iloc[-1]))

    @cached_property
    def n_items(self) -> int:
        """Items published by now; they are the first ones of the table."""
        return int(np.searchsorted(self.people.items["publish_ms"].to_numpy(), self.now_ms, side="right"))

    @cached_property
    def window(self) -> pd.DataFrame:
        """The rows of the last 30 days."""
        times = self.log.rows["time_ms"].to_numpy()
        return self.log.rows.iloc[np.searchsorted(times, self.now_ms - WINDOW_DAYS * DAY_MS) :]

    @cached_property
    def counts(self) -> dict[str, NDArray[np.int32]]:
        """``user_impressions`` … ``item_likes``: (users,) or (items,), over the last 30 days."""
        counts = {}
        for key, size in (("user", len(self.log.users)), ("item", len(self.log.items))):
            codes = self.window[key].to_numpy()
            for what, target in zip(COUNTED, (None, "click", "like"), strict=True):
                rows = codes if target is None else codes[self.window[target].to_numpy()]
                counts[f"{key}_{what}"] = np.bincount(rows, minlength=size).astype(np.int32)
        return counts

    @cached_property
    def topic_counts(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Impressions and clicks of each user with each topic, (users, topics), over the last 30 days."""
        topics = len(self.people.topics)
        pair = (
            self.window["user"].to_numpy() * topics + self.people.item_topic[self.window["item"].to_numpy()]
        )
        shape, clicked = (len(self.log.users), topics), self.window["click"].to_numpy()
        return tuple(
            np.bincount(rows, minlength=shape[0] * topics).reshape(shape).astype(np.int32)
            for rows in (pair, pair[clicked])
        )

    @cached_property
    def click_rate(self) -> float:
        """Clicks per impression over the last 30 days."""
        return float(self.window["click"].mean())

    @cached_property
    def item_click_rate(self) -> NDArray[np.float64]:
        """Smoothed click rate of every item, (items,)."""
        clicks, shown = self.counts["item_clicks"], self.counts["item_impressions"]
        return (clicks + PRIOR_WEIGHT * self.click_rate) / (shown + PRIOR_WEIGHT)

    def check_user(self, user: int) -> int:
        """The user, if there is one of that number."""
        return int(validation.indices("user", user, len(self.people.users)))

    def check_items(self, items: ArrayLike) -> NDArray[np.integer]:
        """The items, if all of them are published by now."""
        return validation.indices("items", items, self.n_items)

    def check_vectors(self, item_vectors: ArrayLike) -> None:
        """Vectors that were computed beforehand have one row for each published item."""
        if len(item_vectors) != self.n_items:
            raise ValueError(
                f"item_vectors must have one row for each of the {self.n_items:,} published items, "
                f"got {len(item_vectors):,}"
            )

    def cross(self, user: int, items: NDArray[np.integer]) -> NDArray[np.float32]:
        """:func:`cross_features` of one user and some items, (items, 3)."""
        shown, clicked = (counts[user, self.people.item_topic[items]] for counts in self.topic_counts)
        followed = self.people.follows(np.int64(user), self.people.item_author[items])
        return cross_features(followed, shown, clicked, self.click_rate)

    def features(self, encoder: FeatureEncoder, request: Request, items: NDArray[np.integer]) -> FeatureTable:
        """Features of one request and some items, one row per item, cross columns included.

        The work is in proportion to ``items``, however large the catalogue is.
        """
        table = self._features(encoder, request, items)
        return with_cross(table, self.cross(request.user, np.asarray(items)))

    def item_features(self, encoder: FeatureEncoder) -> FeatureTable:
        """Features of every published item, to compute vectors beforehand; those of the user mean nothing."""
        table = self._features(encoder, Request(user=0, hour=0, weekday=0, place=0), np.arange(self.n_items))
        return with_cross(table, np.zeros((self.n_items, len(CROSS_COLUMNS)), np.float32))

    def _features(
        self, encoder: FeatureEncoder, request: Request, items: NDArray[np.integer]
    ) -> FeatureTable:
        user = self.check_user(request.user)
        items = self.check_items(items)
        n = len(items)
        table = self.people.items.iloc[items].reset_index(drop=True)
        rows = pd.DataFrame(
            {
                "user": np.zeros(n, np.int32),  # of the tables of one user and n items below
                "item": np.arange(n, dtype=np.int32),
                "time_ms": np.full(n, self.now_ms),
                "click": np.zeros(n, bool),  # not known yet, and not read by the encoder
                "watch_time": np.zeros(n, np.float32),
                "duration": table["duration"].to_numpy(),
                "hour": np.full(n, request.hour, np.int8),
                "weekday": np.full(n, request.weekday, np.int8),
                "place": np.full(n, request.place, np.int8),
                **{
                    name: np.full(n, counts[user]) if name.startswith("user") else counts[items]
                    for name, counts in self.counts.items()
                },
            }
        )
        return encoder.transform(
            ImpressionLog(rows, self.people.users.iloc[[user]].reset_index(drop=True), table)
        )


def training_table(encoder: FeatureEncoder, log: ImpressionLog) -> FeatureTable:
    """Features of a log's rows with the cross columns, as :meth:`Snapshot.features` makes them online.

    Args:
        encoder: fitted.
        log: with statistics, ``followed``, and the columns that :func:`add_topic_history` adds.
    """
    rows = log.rows
    for name in ("followed", "topic_impressions", "topic_clicks"):
        if name not in rows:
            raise ValueError(f"log.rows must have the column {name!r} (see add_topic_history), it does not")
    counts = (rows[name].to_numpy() for name in ("followed", "topic_impressions", "topic_clicks"))
    return with_cross(encoder.transform(log), cross_features(*counts, float(rows["click"].mean())))


def add_topic_history(log: ImpressionLog) -> ImpressionLog:
    """The log with :func:`topic_history` as the columns ``topic_impressions`` and ``topic_clicks``."""
    shown, clicked = topic_history(log)
    return replace(log, rows=log.rows.assign(topic_impressions=shown, topic_clicks=clicked))
