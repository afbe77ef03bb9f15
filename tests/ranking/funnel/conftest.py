"""One small world with its log, its models and its chain, built once for all tests of the funnel."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ranking import funnel
from ranking.simulator import World, WorldConfig


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    """World, log, snapshot, encoder, models, index and chain over 3,000 items."""
    world = World.build(WorldConfig(n_users=400, n_items=3_000, n_authors=200), seed=0)
    log = world.simulate(40_000, seed=0).with_statistics().with_topic_history()
    encoder = funnel.funnel_encoder().fit(log)
    table = funnel.training_table(encoder, log)
    two = funnel.train_retrieval(table, log, seed=0)
    three = funnel.train_pre_ranking(table, log, seed=0)
    full = funnel.train_ranking(table, log, seed=0)
    snapshot = funnel.Snapshot.at_end(world, log)
    items = snapshot.item_features(encoder)
    vectors = funnel.tower_vectors(two.item, items)
    cached = funnel.tower_vectors(three.item_tower, items)
    index = funnel.VectorIndex(vectors)
    channels = funnel.channels_of(snapshot, encoder, two, index)
    quotas = {"embedding": 200, "popular": 60, "fresh": 40, "followed": 60, "topic": 100}
    chain = funnel.Funnel(
        retrieve=funnel.Retrieval(snapshot, channels, quotas),
        pre_rank=funnel.PreRanking(snapshot, encoder, three, cached, keep=80),
        rank=funnel.Ranking(snapshot, encoder, full),
        re_rank=funnel.ReRanking(snapshot, vectors, shown=12),
    )
    requests = funnel.requests_from(log, 20, seed=1)
    return SimpleNamespace(**{k: v for k, v in locals().items() if not k.startswith("_")})
