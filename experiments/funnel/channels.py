"""Chapter 1's experiment: why does the topic channel find more of the best than the embedding does?

    python -m experiments.funnel.channels [--seeds 5] [--items 1000000] [--impressions 600000] [--requests 60]

Every seed is a world of its own. Each variant of a channel differs from another in one thing and brings as
many items; counted is what it finds of the 30 truly best, what the best 30 of its finds are worth, and how
often its finds had been shown. Takes about a minute per seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from experiments.funnel.setting import SHOWN, Setting, build, true_values
from experiments.running import each, mean_of, mean_or_zero, record
from ranking import funnel
from ranking.funnel import Request
from ranking.funnel.learning import BATCH
from ranking.funnel.retrieval import EmbeddingChannel, SortedLists
from ranking.funnel.towers import TEMPERATURE, Sides, TwoTowerModel, contrast
from ranking.logs import FeatureTable, ImpressionLog
from ranking.logs.statistics import WINDOW_DAYS, counts_before
from ranking.training import TableExamples, fit, seeded

TEMPERATURES = (0.03, 0.3, 1.0)
"""Beside the 0.1 of the package."""

Variant = Callable[[Request], NDArray[np.int64]]


def with_clicks_by_topic(table: FeatureTable, clicks: NDArray[np.integer]) -> FeatureTable:
    """The table with what its users clicked by topic, (rows, topics), as columns of the user: ln(1 + n)."""
    names = tuple(f"log_user_clicks_topic_{topic}" for topic in range(clicks.shape[1]))
    dense = np.concatenate((table.dense, np.log1p(clicks).astype(np.float32)), axis=1)
    return replace(table, dense=dense, columns=(*table.columns, *names))


def clicks_by_topic(log: ImpressionLog, rows: slice, topic: NDArray[np.integer]) -> NDArray[np.integer]:
    """What each row's user had clicked of every topic in the 30 days before, (rows, topics)."""
    shown, clicked = topic[log.rows["item"].to_numpy()], log.clicked
    happened = {str(k): clicked & (shown == k) for k in range(int(topic.max()) + 1)}
    counts = counts_before(log.rows["user"].to_numpy(), log.rows["time_ms"].to_numpy(), happened, WINDOW_DAYS)
    return np.stack([counts[name][rows] for name in happened], axis=1)


def towers(
    setting: Setting,
    seed: int,
    temperature: float = TEMPERATURE,
    corrected: bool = True,
    epochs: int = 4,
    start: float | None = None,
) -> TwoTowerModel:
    """As ``funnel.train_retrieval`` trains them but for what is given.

    ``corrected`` is whether ln q is subtracted, ``start`` the spread of the embeddings before training, where
    None leaves it at the package's 0.05.
    """
    with seeded(seed):
        model = TwoTowerModel(Sides.of(setting.table))
        if start is not None:
            for tower in (model.user_tower, model.item_tower):
                nn.init.normal_(tower.embedding.table.weight, std=start)
    clicked = np.flatnonzero(setting.learnt.clicked)
    item = setting.learnt.rows["item"].to_numpy()[clicked]
    share = (np.bincount(item) / item.size)[item]  # (clicks,)
    if not corrected:
        share = np.full(item.size, 0.5)  # the same for all drops out of the softmax
    loss, examples = partial(contrast, temperature=temperature), TableExamples(setting.table[clicked], share)
    fit(model, examples, loss, seed=seed, epochs=epochs, batch_size=BATCH)
    return model


def variants(setting: Setting, seed: int, quota: int) -> dict[str, Variant]:
    """Channels that bring ``quota`` items each, by what they do."""
    snapshot, people = setting.snapshot, setting.world
    embedding = setting.channels["embedding"]
    assert isinstance(embedding, EmbeddingChannel)
    exact = replace(embedding, index=setting.exact)

    topic = people.item_topic
    start = int(np.searchsorted(setting.log.rows["time_ms"], setting.learnt.rows["time_ms"].iloc[0]))
    history = clicks_by_topic(setting.log, slice(start, start + len(setting.learnt)), topic)
    told = funnel.train_retrieval(with_clicks_by_topic(setting.table, history), setting.learnt, seed)
    features = snapshot.item_features(setting.encoder)
    nothing = np.zeros((len(features), history.shape[1]), int)
    index = funnel.VectorIndex(funnel.tower_vectors(told.item, with_clicks_by_topic(features, nothing)))

    def told_embedding(request: Request) -> NDArray[np.int64]:
        table = snapshot.features(setting.encoder, request, np.array([0]))
        known = with_clicks_by_topic(table, snapshot.topic_counts[1][[request.user]])
        return index.search(funnel.tower_vectors(told.user, known), quota)[0][0]

    declared = people.users[["interest_1", "interest_2"]].to_numpy()
    published = topic[: snapshot.n_items]
    by_rate = SortedLists(published, snapshot.item_click_rate[: snapshot.n_items], len(people.topics))
    chance = np.random.default_rng(seed).random(snapshot.n_items)
    any_order = funnel.retrieval.topic_channel(_with_rates(snapshot, chance))

    def trained(**otherwise: Any) -> Variant:
        model = towers(setting, seed, **otherwise)
        index = funnel.VectorIndex(funnel.tower_vectors(model.item, features))
        channel = EmbeddingChannel(snapshot, setting.encoder, model, index)
        return lambda r: channel(r, quota)[0]

    return {
        "embedding, 16 of 512 lists": lambda r: embedding(r, quota)[0],
        "embedding, exact": lambda r: exact(r, quota)[0],
        "embedding, exact, without ln q": trained(corrected=False),
        "embedding, exact, three times as long": trained(epochs=12),
        "embedding, exact, from a spread of 1": trained(start=1.0),
        **{f"embedding, exact, τ = {tau:g}": trained(temperature=tau) for tau in TEMPERATURES},
        "embedding that knows the user's clicks by topic": told_embedding,
        "topics of the last clicks, best click rates": lambda r: setting.channels["topic"](r, quota)[0],
        "topics of the last clicks, any items": lambda r: any_order(r, quota)[0],
        "declared topics, best click rates": lambda r: by_rate.best_of(np.unique(declared[r.user]), quota)[0],
        "any topic, most clicks": lambda r: setting.channels["popular"](r, quota)[0],
    }


def _with_rates(snapshot: funnel.Snapshot, rates: NDArray[np.floating]) -> funnel.Snapshot:
    """The snapshot with other click rates of the items."""
    other = replace(snapshot)
    vars(other)["item_click_rate"] = rates  # where the cached property keeps its value
    return other


def run(seed: int, items: int, impressions: int, requests: int, quota: int) -> dict[str, Any]:
    """What one world says."""
    setting = build(items, impressions, seed)
    channels = variants(setting, seed, quota)
    shown = setting.snapshot.counts["item_impressions"]  # in the 30 days before
    rows = []
    for request in funnel.requests_from(setting.log, requests, seed=seed):
        values = true_values(setting, request)
        best = funnel.truly_best(values, SHOWN)
        row: dict[str, Any] = {}
        for name, find in channels.items():
            found = find(request)
            worth = np.sort(values[found])[::-1][:SHOWN].sum() / values[best].sum()
            row[name] = {
                "items": len(found),
                "found": np.isin(best, found).mean(),
                "value": worth,
                "shown": mean_or_zero(shown[found]),
            }
        rows.append(row)
    return {"seed": seed, "channels": mean_of(rows)}


def measure(
    seeds: range,
    items: int = 1_000_000,
    impressions: int = 600_000,
    requests: int = 60,
    quota: int = funnel.QUOTAS["topic"],
) -> dict[str, Any]:
    """Every world."""
    return {
        "question": "Why does the topic channel find more of the best than the embedding does?",
        "items": items,
        "impressions": impressions,
        "requests": requests,
        "quota": quota,
        "runs": [run(seed, items, impressions, requests, quota) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
