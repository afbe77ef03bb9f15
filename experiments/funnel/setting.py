"""A world of chapter 1 with everything that a request needs: log, models, index, chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking import funnel
from ranking.funnel import Funnel, Request
from ranking.funnel.retrieval import Find
from ranking.funnel.towers import ThreeTowerModel, TwoTowerModel
from ranking.logs import FeatureEncoder, FeatureTable, ImpressionLog
from ranking.multi_task import MultiTaskModel
from ranking.simulator import World, WorldConfig

KEPT, SHOWN = 300, 30
LISTS, PROBES = 512, 64
DAYS_FOR_STATISTICS = 20
LEARNT, JUDGED = 0.9, 0.1
"""Proportions of the rows after those days: the older ones teach, on the newer ones a team can judge."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One world with everything that a request needs.

    ``learnt`` are the rows of the log that the models learnt from, with their features in ``table``;
    ``later`` are the newest ones, which no model has seen. The snapshot knows all of them.
    """

    world: World
    log: ImpressionLog
    learnt: ImpressionLog
    later: ImpressionLog
    table: FeatureTable
    snapshot: funnel.Snapshot
    encoder: FeatureEncoder
    two_towers: TwoTowerModel
    three_towers: ThreeTowerModel
    ranker: MultiTaskModel
    vectors: NDArray[np.float32]
    exact: funnel.VectorIndex
    channels: dict[str, Find]
    pre_rank: funnel.PreRanking
    re_rank: funnel.ReRanking
    chain: Funnel


def build(items: int, impressions: int, seed: int, approximate: bool = True) -> Setting:
    """World, log, models, index and chain from one seed."""
    world = World.build(WorldConfig(n_items=items, n_authors=max(200, items // 50)), seed=seed)
    log = world.simulate(impressions, seed=seed).with_statistics().with_topic_history()
    learnt, later = log.after(DAYS_FOR_STATISTICS).split(LEARNT, JUDGED)
    encoder = funnel.funnel_encoder().fit(learnt)
    table = funnel.training_table(encoder, learnt)
    two = funnel.train_retrieval(table, learnt, seed)
    three = funnel.train_pre_ranking(table, learnt, seed)
    ranker = funnel.train_ranking(table, learnt, seed)

    snapshot = funnel.Snapshot.at_end(world, log)
    features = snapshot.item_features(encoder)
    vectors = funnel.tower_vectors(two.item, features)
    exact = funnel.VectorIndex(vectors)
    lists = min(LISTS, items // 100)
    index = funnel.VectorIndex(vectors, lists, min(PROBES, lists)) if approximate else exact
    channels = funnel.channels_of(snapshot, encoder, two, index)
    retrieve = funnel.Retrieval(snapshot, channels, funnel.QUOTAS)
    item_vectors = funnel.tower_vectors(three.item_tower, features)
    pre_rank = funnel.PreRanking(snapshot, encoder, three, item_vectors, keep=KEPT)
    re_rank = funnel.ReRanking(snapshot, vectors, shown=SHOWN)
    chain = Funnel(retrieve, pre_rank, funnel.Ranking(snapshot, encoder, ranker), re_rank)
    return Setting(
        world=world,
        log=log,
        learnt=learnt,
        later=later,
        table=table,
        snapshot=snapshot,
        encoder=encoder,
        two_towers=two,
        three_towers=three,
        ranker=ranker,
        vectors=vectors,
        exact=exact,
        channels=channels,
        pre_rank=pre_rank,
        re_rank=re_rank,
        chain=chain,
    )


def true_values(setting: Setting, request: Request) -> NDArray[np.float32]:
    """What every published item is truly worth to a request, (items,)."""
    catalogue = np.arange(setting.snapshot.n_items)
    return funnel.true_values(setting.world, request, catalogue).astype(np.float32)
