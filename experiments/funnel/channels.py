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
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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
PASSES = (1, 2, 12)
"""Beside the 4 of the package."""

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


class WithAnyItem(nn.Module):
    """Two towers that also look at one more item in each row: its number stands in the last dense column."""

    def __init__(self, towers: TwoTowerModel, everything: FeatureTable) -> None:
        super().__init__()
        self.towers = towers
        self.codes, self.numbers = everything.to_tensors()

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """User, item and other item side by side, (rows, 3 · dim)."""
        at = dense[:, -1].long()  # (rows,)
        own = self.towers(categorical, dense[:, :-1])  # (rows, 2 · dim)
        return torch.cat([own, self.towers.item(self.codes[at], self.numbers[at])], dim=1)


def with_any_items(setting: Setting, seed: int, corrected: bool) -> TwoTowerModel:
    """The towers trained with one more item in each row, drawn uniformly, as a further negative.

    A batch then holds items drawn in both ways (Yang et al., WWW 2020); ``corrected`` is whether ln of the
    chance that an item is drawn in either is subtracted.
    """
    clicked, n_items = np.flatnonzero(setting.learnt.clicked), setting.snapshot.n_items
    item = setting.learnt.rows["item"].to_numpy()[clicked]
    other = np.random.default_rng(seed).integers(0, n_items, item.size)
    chance = (np.bincount(item, minlength=n_items) / item.size + 1.0 / n_items) / 2.0  # of every item
    chances = np.stack([chance[item], chance[other]], axis=1)  # (clicks, 2)
    table = setting.table[clicked]
    dense = np.concatenate((table.dense, other[:, None].astype(np.float32)), axis=1)  # exact up to 2²⁴
    table = replace(table, dense=dense, columns=(*table.columns, "other_item"))
    with seeded(seed):
        model = TwoTowerModel(Sides.of(setting.table))

    def loss(vectors: Tensor, chances: Tensor) -> Tensor:
        user, own, others = vectors.chunk(3, dim=1)  # (rows, dim) each
        logits = user @ torch.cat([own, others]).T / TEMPERATURE  # (rows, 2 · rows)
        if corrected:
            logits = logits - torch.log(chances).T.reshape(-1)
        return nn.functional.cross_entropy(logits, torch.arange(len(user)))

    whole = WithAnyItem(model, setting.snapshot.item_features(setting.encoder))
    fit(whole, TableExamples(table, chances), loss, seed=seed, epochs=4, batch_size=BATCH)
    return model


def variants(setting: Setting, seed: int, quota: int) -> dict[str, Variant]:
    """Channels that bring ``quota`` items each, by what they do."""
    snapshot, people = setting.snapshot, setting.world
    embedding = setting.channels["embedding"]
    assert isinstance(embedding, EmbeddingChannel)
    exact = replace(embedding, index=setting.exact)
    lists = embedding.index.index.nlist
    few = replace(embedding, index=funnel.VectorIndex(setting.vectors, lists, min(16, lists)))

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
    of_all = SortedLists(np.zeros(len(published), int), snapshot.item_click_rate[: len(published)], 1)
    by_rate = SortedLists(published, snapshot.item_click_rate[: snapshot.n_items], len(people.topics))
    chance = np.random.default_rng(seed).random(snapshot.n_items)
    any_order = funnel.retrieval.topic_channel(_with_rates(snapshot, chance))

    def searched(model: TwoTowerModel) -> Variant:
        index = funnel.VectorIndex(funnel.tower_vectors(model.item, features))
        channel = EmbeddingChannel(snapshot, setting.encoder, model, index)
        return lambda r: channel(r, quota)[0]

    def trained(**otherwise: Any) -> Variant:
        return searched(towers(setting, seed, **otherwise))

    return {
        "embedding, 64 of 512 lists": lambda r: embedding(r, quota)[0],
        "embedding, 16 of 512 lists": lambda r: few(r, quota)[0],
        "embedding, exact": lambda r: exact(r, quota)[0],
        "embedding, exact, without ln q": trained(corrected=False),
        "embedding, exact, negatives of any item": searched(with_any_items(setting, seed, True)),
        "embedding, exact, negatives of any item, without ln q": searched(
            with_any_items(setting, seed, False)
        ),
        **{f"embedding, exact, {n} passes": trained(epochs=n) for n in PASSES},
        "embedding, exact, from a spread of 1": trained(start=1.0),
        **{f"embedding, exact, τ = {tau:g}": trained(temperature=tau) for tau in TEMPERATURES},
        "embedding that knows the user's clicks by topic": told_embedding,
        "topics of the last clicks, best click rates": lambda r: setting.channels["topic"](r, quota)[0],
        "topics of the last clicks, any items": lambda r: any_order(r, quota)[0],
        "declared topics, best click rates": lambda r: by_rate.best_of(np.unique(declared[r.user]), quota)[0],
        "any topic, best click rates": lambda r: of_all.best(0, quota)[0],
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
