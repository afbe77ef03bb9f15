"""What a system knows at the moment of a request: counts so far, and the features made of them.

Offline, features come from a log, row by row. Online, they must be made for items that have not been
shown yet. Both go through the same encoder, or the model meets numbers that it was not trained on.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.funnel.candidates import Request
from ranking.logs import FeatureEncoder, FeatureTable, ImpressionLog, Impressions
from ranking.logs.features import COUNTED
from ranking.logs.statistics import DAY_MS, WINDOW_DAYS, smoothed
from ranking.simulator import World
from ranking.simulator.population import Population
from ranking.simulator.vocabulary import Ints

CROSS_COLUMNS = ("followed", "log_topic_clicks", "log_topic_click_rate")
"""Features of a pair: whether the user follows the author, and what the user did with the item's topic."""

USER_FIELDS = ("user", "age_band", "gender", "region", "interest_1", "interest_2")
ITEM_FIELDS = ("author", "topic")
CONTEXT_FIELDS = ("hour", "weekday", "scene")


def funnel_encoder() -> FeatureEncoder:
    """The encoder of all models of the funnel.

    Items go by author, topic and statistics, not by their id: most of a large catalogue has hardly been
    shown, and an id that was seen twice has taught its embedding nothing.
    """
    return FeatureEncoder(user=USER_FIELDS, item=ITEM_FIELDS, context=CONTEXT_FIELDS)


def cross_features(
    followed: NDArray[Any], topic_impressions: Ints, topic_clicks: Ints, prior_rate: float
) -> NDArray[np.float32]:
    """The columns ``CROSS_COLUMNS``, (rows, 3): 0 or 1, ln(1 + clicks), ln(smoothed rate / prior rate).

    ``prior_rate`` is in (0, 1], clicks are at most as many as impressions; the three arrays broadcast.
    """
    known = validation.booleans("followed", followed)
    clicks = validation.non_negative("topic_clicks", topic_clicks)
    shown = validation.non_negative("topic_impressions", topic_impressions)
    shape = validation.broadcast_shape(followed=known, topic_impressions=shown, topic_clicks=clicks)
    if (clicks > shown).any():
        raise ValueError("topic_clicks must not exceed topic_impressions, got more in some rows")
    prior = validation.rate("prior_rate", prior_rate)
    columns = (known, np.log1p(clicks), np.log(smoothed(clicks, shown, prior) / prior))
    return np.stack([np.broadcast_to(column, shape) for column in columns], axis=-1).astype(np.float32)


def with_cross(table: FeatureTable, cross: NDArray[np.float32]) -> FeatureTable:
    """The table with the columns of :func:`cross_features` behind its dense ones."""
    validation.instance("table", table, FeatureTable)
    added = validation.as_float32("cross", validation.as_floats("cross", cross))
    if added.shape != (len(table), len(CROSS_COLUMNS)):
        raise ValueError(f"cross must have shape ({len(table)}, {len(CROSS_COLUMNS)}), got {added.shape}")
    dense = np.concatenate((table.dense, added), axis=1)  # (rows, columns + 3)
    return replace(table, dense=dense, columns=(*table.columns, *CROSS_COLUMNS))


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

    def __post_init__(self) -> None:
        validation.instance("people", self.people, Population)
        _ = validation.instance("log", self.log, ImpressionLog).clicked  # counted below, or an error here
        validation.whole_number("now_ms", self.now_ms)

    @classmethod
    def at_end(cls, world: World, log: ImpressionLog) -> Self:
        """The snapshot at the end of a log that this world wrote; another size of world is refused."""
        validation.instance("world", world, World)
        validation.not_empty("log", validation.instance("log", log, ImpressionLog).rows)
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
        users, topics = len(self.log.users), len(self.people.topics)
        topic = self.people.item_topic[self.window["item"].to_numpy()]
        pair = self.window["user"].to_numpy(dtype=np.int64) * topics + topic
        shown = np.bincount(pair, minlength=users * topics).astype(np.int32)
        clicked = np.bincount(pair[self.window["click"].to_numpy()], minlength=shown.size).astype(np.int32)
        return shown.reshape(users, topics), clicked.reshape(users, topics)

    @cached_property
    def click_rate(self) -> float:
        """Clicks per impression over the last 30 days."""
        return float(self.window["click"].mean())

    @cached_property
    def item_click_rate(self) -> NDArray[np.float64]:
        """Smoothed click rate of every item, (items,)."""
        return smoothed(self.counts["item_clicks"], self.counts["item_impressions"], self.click_rate)

    def check_user(self, user: int) -> int:
        """The user, if there is one of that number."""
        return validation.index("user", user, len(self.people.users))

    def check_items(self, items: ArrayLike) -> Ints:
        """The items, if all of them are published by now."""
        return validation.indices("items", items, self.n_items)

    def check_vectors(self, item_vectors: NDArray[Any]) -> None:
        """Vectors that were computed beforehand have one row for each published item, in single precision."""
        vectors = validation.instance("item_vectors", item_vectors, np.ndarray)
        if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != self.n_items:
            wanted = f"one row of float32 for each of the {self.n_items:,} published items"
            raise ValueError(f"item_vectors must have {wanted}, got {vectors.dtype} {vectors.shape}")
        validation.as_floats("item_vectors", vectors)

    def cross(self, user: int, items: Ints) -> NDArray[np.float32]:
        """:func:`cross_features` of one user and some items, (items, 3)."""
        user, items = self.check_user(user), validation.indices("items", items, len(self.people.items))
        shown, clicked = (counts[user, self.people.item_topic[items]] for counts in self.topic_counts)
        followed = self.people.follows(user, self.people.item_author[items])
        return cross_features(followed, shown, clicked, self.click_rate)

    def candidates(
        self, user: Ints | int, items: Ints, hour: ArrayLike, weekday: ArrayLike, scene: ArrayLike
    ) -> Impressions:
        """Pairs of a user and an item that may be shown now, as an encoder reads them, one row per item.

        Items are positions in any shape; users and the context (see :class:`Request`) broadcast with it. The
        work is in proportion to the items, however large the catalogue is.
        """
        people, items = self.people, validation.indices("items", items, len(self.people.items))
        validation.not_empty("items", items)
        user = validation.indices("user", user, len(people.users))
        known: dict[str, NDArray[Any]] = {
            "hour": validation.indices("hour", hour, 24),
            "weekday": validation.indices("weekday", weekday, 7),
            "scene": validation.indices("scene", scene, 4),
        }
        shape = items.shape
        if validation.broadcast_shape(items=items, user=user, **known) != shape:
            raise ValueError(f"user, hour, weekday and scene must broadcast to items, of shape {shape}")
        known["followed"] = people.follows(user, people.item_author[items])
        columns = {name: np.broadcast_to(values, shape).ravel() for name, values in known.items()}
        users, user_at = np.unique(np.broadcast_to(user, shape), return_inverse=True)
        chosen, item_at = np.unique(items, return_inverse=True)
        who, what = people.users.take(users), people.items.take(chosen)
        columns |= {"user": user_at.ravel(), "item": item_at.ravel()}
        columns["time_ms"] = np.full(np.size(items), self.now_ms)
        columns["duration"] = what["duration"].to_numpy()[columns["item"]]
        for name, counts in self.counts.items():
            key, of = ("user", users) if name.startswith("user") else ("item", chosen)
            columns[name] = counts[of][columns[key]]
        return Impressions(pd.DataFrame(columns), who.reset_index(drop=True), what.reset_index(drop=True))

    def features(self, encoder: FeatureEncoder, request: Request, items: Ints) -> FeatureTable:
        """Features of one request and some items, one row per item, cross columns included."""
        validation.instance("encoder", encoder, FeatureEncoder)
        user = self.check_user(validation.instance("request", request, Request).user)
        items = self.check_items(items)
        validation.rows(items=items)
        asked = self.candidates(user, items, request.hour, request.weekday, request.scene)
        return with_cross(encoder.transform(asked), self.cross(user, items))

    def item_features(self, encoder: FeatureEncoder) -> FeatureTable:
        """Features of every published item, to compute vectors beforehand; those of the user mean nothing."""
        validation.instance("encoder", encoder, FeatureEncoder)
        items = np.arange(self.n_items)
        table = encoder.transform(self.candidates(0, items, hour=0, weekday=0, scene=0))
        return with_cross(table, np.zeros((self.n_items, len(CROSS_COLUMNS)), np.float32))


def training_table(encoder: FeatureEncoder, log: ImpressionLog) -> FeatureTable:
    """Features of a log's rows with the cross columns, as :meth:`Snapshot.features` makes them online.

    The log has statistics, ``followed``, and the columns that ``log.with_topic_history()`` adds.
    """
    validation.instance("encoder", encoder, FeatureEncoder)
    needed = ("followed", "topic_impressions", "topic_clicks")
    for name in needed:
        if name not in validation.instance("log", log, ImpressionLog).rows:
            raise ValueError(f"log.rows must have the column {name!r} (see with_topic_history), it does not")
    followed, shown, clicked = (log.rows[name].to_numpy() for name in needed)
    cross = cross_features(followed, shown, clicked, float(log.clicked.mean()))
    return with_cross(encoder.transform(log), cross)
