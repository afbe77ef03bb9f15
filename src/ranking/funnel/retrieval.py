"""Retrieval (召回): from the whole catalogue to a few thousand items, by several channels (claim A2).

A channel looks at one thing only, and must not look at every item with a model: it searches an index or
walks a list that was sorted beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.funnel.candidates import CHANNELS, Candidates, Request, channel, merge
from ranking.funnel.snapshot import Snapshot
from ranking.funnel.towers import TwoTowerModel, tower_vectors
from ranking.fusion import order
from ranking.logs import FeatureEncoder
from ranking.logs.statistics import DAY_MS

QUOTAS = {"embedding": 1500, "popular": 300, "fresh": 200, "followed": 300, "topic": 700}
"""Items asked of each channel by default: three thousand in all."""

RECENT_CLICKS = 20
"""How many of the user's last clicks say which topics are of interest."""

Found = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Items, best first, and their scores in the channel, (found,) each; at most as many as asked for."""

Find = Callable[[Request, int], Found]
"""A channel: from a request and a quota to what it finds."""


class VectorIndex:
    """Items by the inner product of their vectors with a query, through FAISS.

    Exact search multiplies the query with every vector. Approximate search (an inverted file, IVF) has cut
    the vectors into lists by k-means beforehand and looks only into the lists whose centres are nearest.

    Args:
        vectors: (items, dim) float32.
        lists: number of lists; None for exact search.
        probes: lists that a query looks into, at most ``lists``.
        seed: of the k-means.
        training_vectors: how many vectors the k-means sees.
    """

    def __init__(
        self,
        vectors: ArrayLike,
        lists: int | None = None,
        probes: int = 16,
        seed: int = 0,
        training_vectors: int = 32_768,
    ) -> None:
        array = _vectors("vectors", vectors, "items")
        self.n_items, self.dim = array.shape
        flat = faiss.IndexFlatIP(self.dim)
        self.index: Any = flat
        if lists is not None:
            validation.positive_int("lists", lists, most=self.n_items, of="items")
            validation.positive_int("probes", probes, most=lists, of="lists")
            self.index = faiss.IndexIVFFlat(flat, self.dim, lists, faiss.METRIC_INNER_PRODUCT)
            self.index.cp.seed, self.index.cp.niter = seed, 10
            self.index.nprobe = probes
            wanted = max(validation.positive_int("training_vectors", training_vectors), lists)
            rng, size = np.random.default_rng(seed), min(self.n_items, wanted)
            self.index.cp.min_points_per_centroid = 1
            self.index.train(array[rng.choice(self.n_items, size, replace=False)])
        self.index.add(array)

    def search(self, queries: ArrayLike, keep: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best ``keep`` items of every query and their inner products, (queries, keep) each, best first.

        Where the lists that were looked into hold fewer, the rest is −1 with a product of −inf.

        Raises:
            ValueError: ``keep`` exceeds the number of items, or queries have another length or NaN.
        """
        validation.positive_int("keep", keep, most=self.n_items, of="items")
        array = _vectors("queries", queries, "queries", self.dim)
        products, items = self.index.search(array, keep)
        return items, np.where(items < 0, -np.inf, products)


def _vectors(name: str, values: ArrayLike, axis: str, dim: int | None = None) -> NDArray[np.float32]:
    """Vectors of shape (``axis``, ``dim``), in a row in memory, as FAISS wants them."""
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.ndim != 2 or not array.size or array.shape[1] != (dim or array.shape[1]):
        raise ValueError(f"{name} must have shape ({axis}, {dim or 'dim'}), got {array.shape}")
    if not np.isfinite(array.sum(dtype=np.float64)):
        raise ValueError(f"{name} must be finite")
    return array


def recall(found: ArrayLike, exact: ArrayLike) -> float:
    """Share of the exactly best items that an approximate search found, both (queries, keep)."""
    a, b = np.asarray(found), np.asarray(exact)
    validation.same_shape(found=a, exact=b)
    validation.not_empty("exact", b)
    if b.ndim != 2:
        raise ValueError(f"found and exact must have shape (queries, keep), got {b.shape}")
    return float(np.mean([np.isin(row, other).mean() for other, row in zip(a, b, strict=True)]))


class EmbeddingChannel:
    """Items whose vector goes well with the user's: one user tower, one search."""

    def __init__(
        self, snapshot: Snapshot, encoder: FeatureEncoder, model: TwoTowerModel, index: VectorIndex
    ) -> None:
        self.snapshot, self.encoder, self.model, self.index = snapshot, encoder, model, index

    def user_vector(self, request: Request) -> NDArray[np.float32]:
        """(1, dim)."""
        table = self.snapshot.features(self.encoder, request, np.array([0]))
        return tower_vectors(self.model.user, table)

    def __call__(self, request: Request, quota: int) -> Found:
        items, products = self.index.search(self.user_vector(request), quota)  # (1, quota) each
        there = items[0] >= 0
        return items[0][there], products[0][there].astype(np.float64)


class SortedLists:
    """Items in groups (of a topic, of an author), each group sorted beforehand, best first."""

    def __init__(
        self, groups: NDArray[np.integer[Any]], values: NDArray[np.number[Any]], n_groups: int
    ) -> None:
        newest = np.arange(len(groups))[::-1]  # of equal values the newest comes first
        self.items = newest[np.lexsort((-values[newest], groups[newest]))]
        self.values = values
        self.start = np.searchsorted(groups[self.items], np.arange(n_groups + 1))

    def best(self, group: int, keep: int) -> Found:
        """The best of one group, and their values."""
        items = self.items[self.start[group] : min(self.start[group + 1], self.start[group] + keep)]
        return items, self.values[items].astype(np.float64)


class PopularChannel:
    """What all users clicked most in the last 30 days; the same for everybody."""

    def __init__(self, snapshot: Snapshot) -> None:
        clicks = snapshot.counts["item_clicks"][: snapshot.n_items]
        self.lists = SortedLists(np.zeros(len(clicks), np.int8), clicks, 1)

    def __call__(self, request: Request, quota: int) -> Found:
        return self.lists.best(0, quota)


class FreshChannel:
    """The newest items of the two topics that the user declared: nobody has clicked them yet."""

    def __init__(self, snapshot: Snapshot) -> None:
        people, n = snapshot.people, snapshot.n_items
        self.topics = people.users[["interest_1", "interest_2"]].to_numpy()
        age_days = (snapshot.now_ms - people.items["publish_ms"].to_numpy()[:n]) / DAY_MS
        self.lists = SortedLists(people.item_topic[:n], -age_days, len(people.topics))

    def __call__(self, request: Request, quota: int) -> Found:
        topics = np.unique(self.topics[request.user])
        return _best_of([self.lists.best(topic, quota) for topic in topics], quota)


class FollowedChannel:
    """Items of the authors that the user follows, by smoothed click rate."""

    def __init__(self, snapshot: Snapshot) -> None:
        people, n = snapshot.people, snapshot.n_items
        self.people = people
        self.lists = SortedLists(people.item_author[:n], snapshot.item_click_rate[:n], len(people.authors))

    def __call__(self, request: Request, quota: int) -> Found:
        start, stop = self.people.follow_start[request.user : request.user + 2]
        authors = self.people.follow_author[start:stop]
        return _best_of([self.lists.best(author, quota) for author in authors], quota)


class TopicChannel:
    """Items of the topics of the user's last clicks, by smoothed click rate.

    A topic with a share s of those clicks gets about that share of the places: its r-th item scores s / r.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        people, n = snapshot.people, snapshot.n_items
        self.lists = SortedLists(people.item_topic[:n], snapshot.item_click_rate[:n], len(people.topics))
        clicks = snapshot.log.rows.loc[snapshot.log.rows["click"].to_numpy(), ["user", "item"]]
        clicks = clicks.sort_values("user", kind="stable")  # by user, then by time
        self.topic = people.item_topic[clicks["item"].to_numpy()]
        self.start = np.searchsorted(clicks["user"].to_numpy(), np.arange(len(people.users) + 1))

    def __call__(self, request: Request, quota: int) -> Found:
        stop = self.start[request.user + 1]
        recent = self.topic[max(self.start[request.user], stop - RECENT_CLICKS) : stop]
        parts = []
        for topic, count in zip(*np.unique(recent, return_counts=True), strict=True):
            items, _ = self.lists.best(topic, quota)
            parts.append((items, count / len(recent) / np.arange(1, items.size + 1)))
        return _best_of(parts, quota)


def _best_of(parts: list[Found], keep: int) -> Found:
    """The best of several lists that share no item, by score."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0)
    items, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    best = order(scores)[:keep] if scores.size else slice(0)
    return items[best], scores[best]


def channels_of(
    snapshot: Snapshot, encoder: FeatureEncoder, model: TwoTowerModel, index: VectorIndex
) -> dict[str, Find]:
    """All five channels of the course, by name."""
    return {
        "embedding": EmbeddingChannel(snapshot, encoder, model, index),
        "popular": PopularChannel(snapshot),
        "fresh": FreshChannel(snapshot),
        "followed": FollowedChannel(snapshot),
        "topic": TopicChannel(snapshot),
    }


@dataclass(frozen=True)
class Retrieval:
    """The first stage: from a request to candidates, by several channels, merged.

    Attributes:
        snapshot: what is known.
        channels: by name, see :func:`channels_of`.
        quotas: channel name -> how many items to ask it for, from 0 (off) to the size of the catalogue. A
            channel that knows fewer gives what it has: somebody who follows nobody gets nothing from there.

    Raises:
        ValueError: an unknown channel, a quota out of range, or all of them 0. When called: an unknown user,
            or no channel found anything.
    """

    snapshot: Snapshot
    channels: Mapping[str, Find]
    quotas: Mapping[str, int]

    def __post_init__(self) -> None:
        for name, quota in self.quotas.items():
            channel(name)
            validation.one_of("quotas", name, self.channels)
            if quota != 0:
                most = self.snapshot.n_items
                validation.positive_int(f"quota of {name}", quota, most=most, of="items of the catalogue")
        if not any(self.quotas.values()):
            raise ValueError(f"quotas must ask at least one of {', '.join(CHANNELS)} for an item, got none")

    def __call__(self, request: Request) -> Candidates:
        self.snapshot.check_user(request.user)
        asked = {name: quota for name, quota in self.quotas.items() if quota}
        return merge(request, {name: self.channels[name](request, quota) for name, quota in asked.items()})
