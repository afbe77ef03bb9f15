"""Retrieval (召回): from the whole catalogue to a few thousand items, by several channels (claim A2).

A channel looks at one thing, and not at every item with a model: it searches an index or walks a sorted list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.funnel.candidates import CHANNELS, LARGEST, Candidates, Request, channel, merge
from ranking.funnel.snapshot import Snapshot
from ranking.funnel.towers import TwoTowerModel, tower_vectors
from ranking.fusion import order
from ranking.logs import FeatureEncoder
from ranking.logs.statistics import DAY_MS

QUOTAS = {"embedding": 1500, "popular": 300, "fresh": 200, "followed": 300, "topic": 700}
"""Items asked of each channel by default: three thousand in all."""

RECENT_CLICKS = 20
"""How many of the user's last clicks say which topics are of interest."""

TRAINING_VECTORS = 32_768
"""How many vectors the k-means of an index sees, at most, unless there are more lists."""

Found = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Items, best first, and their scores in the channel, (found,) each; at most as many as asked for."""

Find = Callable[[Request, int], Found]
"""A channel: from a request and a quota to what it finds."""


class VectorIndex:
    """Items by the inner product of their vectors, (items, dim), with a query, through FAISS.

    Exact search multiplies the query with every vector. Approximate search (an inverted file, IVF) has cut
    the vectors into ``lists`` by k-means, from the seed, and looks into the nearest ``probes`` of them alone.
    FAISS holds vectors and products in single precision.
    """

    def __init__(self, vectors: ArrayLike, lists: int | None = None, probes: int = 16, seed: int = 0) -> None:
        array = _vectors("vectors", vectors, "items")
        self.n_items, self.dim = array.shape
        flat = faiss.IndexFlatIP(self.dim)
        self.index: Any = flat
        seed, probes = validation.seed("seed", seed), validation.positive_int("probes", probes)
        if lists is not None:
            lists = validation.positive_int("lists", lists, most=self.n_items, of="items")
            validation.positive_int("probes", probes, most=lists, of="lists")
            self.index = faiss.IndexIVFFlat(flat, self.dim, lists, faiss.METRIC_INNER_PRODUCT)
            self.index.cp.seed, self.index.cp.niter = seed % 2**31, 10
            self.index.nprobe = probes
            rng, size = np.random.default_rng(seed), min(self.n_items, max(TRAINING_VECTORS, lists))
            self.index.cp.min_points_per_centroid = 1
            self.index.train(array[rng.choice(self.n_items, size, replace=False)])
        self.index.add(array)

    def search(self, queries: ArrayLike, keep: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best ``keep`` items of every query and their inner products, (queries, keep) each, best first.

        Where the lists that were looked into hold fewer, the rest is −1 with a product of −inf.
        """
        keep = validation.positive_int("keep", keep, most=self.n_items, of="items")
        array = _vectors("queries", queries, "queries", self.dim)
        products, items = self.index.search(array, keep)
        return items, np.where(items < 0, -np.inf, products)


def _vectors(name: str, values: ArrayLike, axis: str, dim: int | None = None) -> NDArray[np.float32]:
    """Vectors of shape (``axis``, ``dim``), in a row in memory, as FAISS wants them."""
    array = validation.as_floats(name, values)
    if array.ndim != 2 or not array.size or array.shape[1] != (dim or array.shape[1]):
        raise ValueError(f"{name} must have shape ({axis}, {dim or 'dim'}), got {array.shape}")
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(array, dtype=np.float32)
    validation.as_floats(f"{name} in single precision", single)
    return single


def recall(found: ArrayLike, exact: ArrayLike) -> float:
    """Share of the exactly best items that an approximate search found, both (queries, keep).

    They are positions of items as :meth:`VectorIndex.search` gives them: ``found`` may hold −1 where there is
    none, ``exact`` holds each item once in a row.
    """
    a, b = validation.indices("found", found, LARGEST, -1), validation.indices("exact", exact, LARGEST)
    validation.same_shape(found=a, exact=b)
    validation.not_empty("exact", b)
    if b.ndim != 2:
        raise ValueError(f"found and exact must have shape (queries, keep), got {b.shape}")
    if (np.diff(np.sort(b, axis=1), axis=1) == 0).any():
        raise ValueError("exact must hold each item once in a row, got one more than once")
    return float(np.mean([np.isin(row, other).mean() for other, row in zip(a, b, strict=True)]))


@dataclass(frozen=True, eq=False)
class EmbeddingChannel:
    """Items whose vector goes well with the user's: one user tower, one search."""

    snapshot: Snapshot
    encoder: FeatureEncoder
    model: TwoTowerModel
    index: VectorIndex

    def __post_init__(self) -> None:
        validation.instance("snapshot", self.snapshot, Snapshot)
        validation.instance("encoder", self.encoder, FeatureEncoder)
        validation.instance("model", self.model, TwoTowerModel)
        validation.instance("index", self.index, VectorIndex)

    def user_vector(self, request: Request) -> NDArray[np.float32]:
        """(1, dim)."""
        table = self.snapshot.features(self.encoder, request, np.array([0]))
        return tower_vectors(self.model.user, table)

    def __call__(self, request: Request, quota: int) -> Found:
        validation.positive_int("quota", quota, most=self.index.n_items, of="items")
        items, products = self.index.search(self.user_vector(request), quota)  # (1, quota) each
        there = items[0] >= 0
        return items[0][there], products[0][there].astype(np.float64)


class SortedLists:
    """Items in groups (of a topic, of an author), each group sorted beforehand, best first."""

    def __init__(self, groups: ArrayLike, values: ArrayLike, n_groups: int) -> None:
        groups = validation.indices("groups", groups, validation.positive_int("n_groups", n_groups))
        values = validation.as_floats("values", values)
        validation.rows(groups=groups, values=values)
        newest = np.arange(len(groups))[::-1]  # of equal values the newest comes first
        self.items = newest[np.lexsort((-values[newest], groups[newest]))]
        self.values = values
        self.start = np.searchsorted(groups[self.items], np.arange(n_groups + 1))

    def best(self, group: int, keep: int) -> Found:
        """The best of one group, and their values."""
        group = validation.index("group", group, len(self.start) - 1)
        validation.positive_int("keep", keep)
        items = self.items[self.start[group] : min(self.start[group + 1], self.start[group] + keep)]
        return items, self.values[items]

    def best_of(self, groups: ArrayLike, keep: int) -> Found:
        """The best of several groups, and their values."""
        chosen = validation.indices("groups", groups, len(self.start) - 1)
        if chosen.ndim != 1:
            raise ValueError(f"groups must have shape (groups,), got {chosen.shape}")
        return _best_of([self.best(group, keep) for group in chosen], keep)


def _best_of(parts: list[Found], keep: int) -> Found:
    """The best of several lists that share no item, by score."""
    parts = [part for part in parts if part[0].size]
    if not parts:
        return np.empty(0, np.int64), np.empty(0)
    items, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    best = order(scores)[:keep]
    return items[best], scores[best]


def popular_channel(snapshot: Snapshot) -> Find:
    """What all users clicked most in the last 30 days; the same for everybody."""
    validation.instance("snapshot", snapshot, Snapshot)
    clicks = snapshot.counts["item_clicks"][: snapshot.n_items]
    lists = SortedLists(np.zeros(len(clicks), np.int8), clicks, 1)
    return lambda request, quota: lists.best(0, quota)


def fresh_channel(snapshot: Snapshot) -> Find:
    """The newest items of the two topics that the user declared: nobody has clicked them yet."""
    validation.instance("snapshot", snapshot, Snapshot)
    people, n = snapshot.people, snapshot.n_items
    topics = people.users[["interest_1", "interest_2"]].to_numpy()
    age_days = (snapshot.now_ms - people.items["publish_ms"].to_numpy()[:n]) / DAY_MS
    lists = SortedLists(people.item_topic[:n], -age_days, len(people.topics))
    return lambda request, quota: lists.best_of(np.unique(topics[request.user]), quota)


def followed_channel(snapshot: Snapshot) -> Find:
    """Items of the authors that the user follows, by smoothed click rate."""
    validation.instance("snapshot", snapshot, Snapshot)
    people, n = snapshot.people, snapshot.n_items
    lists = SortedLists(people.item_author[:n], snapshot.item_click_rate[:n], len(people.authors))

    def find(request: Request, quota: int) -> Found:
        start, stop = people.follow_start[request.user : request.user + 2]
        return lists.best_of(people.follow_author[start:stop], quota)

    return find


def topic_channel(snapshot: Snapshot) -> Find:
    """Items of the topics of the user's last clicks, by smoothed click rate.

    A topic with a share s of those clicks gets about that share of the places: its r-th item scores s / r.
    """
    validation.instance("snapshot", snapshot, Snapshot)
    people, n, rows = snapshot.people, snapshot.n_items, snapshot.log.rows
    lists = SortedLists(people.item_topic[:n], snapshot.item_click_rate[:n], len(people.topics))
    clicks = rows.loc[rows["click"].to_numpy(), ["user", "item"]].sort_values("user", kind="stable")
    topics = people.item_topic[clicks["item"].to_numpy()]  # by user, then by time
    start = np.searchsorted(clicks["user"].to_numpy(), np.arange(len(people.users) + 1))

    def find(request: Request, quota: int) -> Found:
        stop = start[request.user + 1]
        recent = topics[max(start[request.user], stop - RECENT_CLICKS) : stop]
        parts = []
        for topic, count in zip(*np.unique(recent, return_counts=True), strict=True):
            items, _ = lists.best(topic, quota)
            parts.append((items, count / len(recent) / np.arange(1, items.size + 1)))
        return _best_of(parts, quota)

    return find


def channels_of(
    snapshot: Snapshot, encoder: FeatureEncoder, model: TwoTowerModel, index: VectorIndex
) -> dict[str, Find]:
    """All five channels of the course, by name."""
    return {
        "embedding": EmbeddingChannel(snapshot, encoder, model, index),
        "popular": popular_channel(snapshot),
        "fresh": fresh_channel(snapshot),
        "followed": followed_channel(snapshot),
        "topic": topic_channel(snapshot),
    }


@dataclass(frozen=True)
class Retrieval:
    """The first stage: from a request to candidates, by several channels, merged.

    Attributes:
        snapshot, channels: what is known, and :func:`channels_of` it.
        quotas: channel name -> how many items to ask it for, from 0 (off, but not for all) to the size of the
            catalogue. A channel that knows fewer gives what it has, which may be nothing.
    """

    snapshot: Snapshot
    channels: Mapping[str, Find]
    quotas: Mapping[str, int]

    def __post_init__(self) -> None:
        validation.instance("snapshot", self.snapshot, Snapshot)
        for name, find in validation.mapping("channels", self.channels).items():
            validation.function(f"channels[{name!r}]", find)
        for name, quota in validation.mapping("quotas", self.quotas).items():
            channel(name)
            validation.one_of("quotas", name, self.channels)
            most, of = self.snapshot.n_items, "items of the catalogue"
            validation.whole_number(f"quotas, quota of {name}", quota, most=most, of=of)
        if not any(self.quotas.values()):
            raise ValueError(f"quotas must ask at least one of {', '.join(CHANNELS)} for an item, got none")

    def __call__(self, request: Request) -> Candidates:
        self.snapshot.check_user(validation.instance("request", request, Request).user)
        found = {name: self.channels[name](request, quota) for name, quota in self.quotas.items() if quota}
        return merge(request, found)
