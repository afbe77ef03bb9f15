"""Examples of arguments for the rooms that walk down the funnel; see :mod:`public_doors`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ranking import funnel
from ranking.funnel import feed, retrieval, towers
from ranking.logs import FeatureEncoder
from ranking.multi_task import MultiTaskModel
from ranking.simulator import World, WorldConfig

Call = dict[str, Any]

SMALL = World.build(WorldConfig(n_users=12, n_items=60, n_authors=6, n_topics=4, dim=4, days=6), seed=1)
HISTORY = SMALL.simulate(2_000, seed=2).with_statistics().with_topic_history()
ENCODER = funnel.funnel_encoder().fit(HISTORY)
TABLE = funnel.training_table(ENCODER, HISTORY)
SIDES = funnel.Sides.of(TABLE)
NOW = funnel.Snapshot.at_end(SMALL, HISTORY)
ITEMS = NOW.item_features(ENCODER)
TWO, THREE = (
    towers.TwoTowerModel(SIDES, dim=4, hidden=5),
    towers.ThreeTowerModel(SIDES, ("click", "like"), dim=4),
)
FULL = MultiTaskModel.of(TABLE, ("click", "like"), seed=0)
VECTORS = towers.tower_vectors(TWO.item, ITEMS)
CACHED = towers.tower_vectors(THREE.item_tower, ITEMS)
INDEX = funnel.VectorIndex(VECTORS)
CHANNELS = funnel.channels_of(NOW, ENCODER, TWO, INDEX)
REQUEST = funnel.Request(user=3, hour=20, weekday=5, scene=0)
RETRIEVE = funnel.Retrieval(NOW, CHANNELS, {"popular": 8, "embedding": 8})
PRE_RANK = funnel.PreRanking(NOW, ENCODER, THREE, CACHED, keep=6, weights={"like": 2.0})
RANK = funnel.Ranking(NOW, ENCODER, FULL, weights={"like": 2.0})
RE_RANK = funnel.ReRanking(NOW, VECTORS, shown=3)
CHAIN = funnel.Funnel(RETRIEVE, PRE_RANK, RANK, RE_RANK)
TRACE = CHAIN.trace(REQUEST)
FOUND = TRACE.after["ranking"]
FEED = feed.Feed.at_end(SMALL, HISTORY, n_requests=4, candidates=5, seed=0)
PREDICTOR = feed.Predictor(
    MultiTaskModel.of(FeatureEncoder().fit(HISTORY), feed.HEADS, seed=0), FeatureEncoder().fit(HISTORY), 0.25
)

SCORES = np.array([0.5, 0.25, 0.75, 0.125])
TOPICS = np.array([2, 0, 2, 1])
SIMILARITY = np.array(
    [[1.0, 0.5, 0.25, 0.0], [0.5, 1.0, 0.0, 0.0], [0.25, 0.0, 1.0, 0.5], [0.0, 0.0, 0.5, 1.0]]
)
KEYS = {"author": np.array([1, 1, 2, 3]), "topic": TOPICS}
SHOWN = np.array([[0, 3], [2, 1], [4, 0], [1, 2]])
CHOOSE: Call = {"similarity": SIMILARITY, "scores": SCORES, "keep": 3, "trade_off": 0.5, "window": 2}

EXEMPT = {
    "funnel.chain.Trace": "a result",
    "funnel.feed.Feed": "made by Feed.at_end, from arguments that are checked",
    "funnel.re_ranking.check_rules": "the check of scatter_order, broken_rules and ReRanking",
    "funnel.re_ranking.labelled": "the check of keys and topics",
    "funnel.towers.Sides": "made by Sides.of, from a table that is checked",
    "funnel.towers.Tower.": "inside the models, which check",
    "funnel.towers.TwoTowerModel.user": "called at every step: fit and tower_vectors check what it reads",
    "funnel.towers.TwoTowerModel.item": "called at every step: fit and tower_vectors check what it reads",
    "funnel.towers.TwoTowerModel.forward": "called at every step: fit checks what it reads",
    "funnel.towers.ThreeTowerModel.forward": "called at every step: fit checks what it reads",
    "funnel.towers.ThreeTowerModel.score": "inside PreRanking, which checks",
    "funnel.towers.contrast": "called at every step: in_batch_softmax checks what it reads",
}

SELVES: Call = {
    "Candidates": FOUND,
    "EmbeddingChannel": CHANNELS["embedding"],
    "Feed": FEED,
    "Funnel": CHAIN,
    "Predictor": PREDICTOR,
    "PreRanking": PRE_RANK,
    "Ranking": RANK,
    "ReRanking": RE_RANK,
    "Retrieval": RETRIEVE,
    "Snapshot": NOW,
    "SortedLists": retrieval.SortedLists(np.array([0, 1, 1, 0]), SCORES, 2),
    "VectorIndex": INDEX,
}

CALLS: dict[str, Call] = {
    "funnel.candidates.channel": {"name": "popular"},
    "funnel.candidates.Request": vars(REQUEST),
    "funnel.candidates.Candidates": vars(FOUND),
    "funnel.candidates.Candidates.take": {"positions": np.array([2, 0])},
    "funnel.candidates.Candidates.scored": {
        "scores": np.arange(6.0),
        "predictions": {"click": np.arange(6) / 8},
    },
    "funnel.candidates.Candidates.best": {"keep": 2},
    "funnel.candidates.Candidates.found_by": {"name": "popular"},
    "funnel.candidates.merge": {"request": REQUEST, "found": {"popular": (np.array([3, 1]), SCORES[:2])}},
    "funnel.chain.Funnel": vars(CHAIN),
    "funnel.chain.Funnel.__call__": {"request": REQUEST},
    "funnel.chain.Funnel.trace": {"request": REQUEST},
    "funnel.chain.requests_from": {"log": HISTORY, "n_requests": 3},
    "funnel.chain.true_values": {
        "world": SMALL,
        "request": REQUEST,
        "items": np.array([3, 1, 7]),
        "weights": {"like": 2.0},
    },
    "funnel.chain.truly_best": {"keep": 2},
    "funnel.chain.survival": {"trace": TRACE, "best": FOUND.items[:3]},
    "funnel.chain.found_shares": {"candidates": FOUND, "best": FOUND.items[:3]},
    "funnel.chain.value_kept": {"candidates": FOUND, "slots": 2, "values": np.arange(60.0)},
    "funnel.chain.median_seconds": {"traces": (TRACE, TRACE)},
    "funnel.counting.count_events": {"log": HISTORY},
    "funnel.counting.rates": {"counts": funnel.count_events(HISTORY)},
    "funnel.feed.Predictor": vars(PREDICTOR),
    "funnel.feed.Predictor.predict": {"log": HISTORY},
    "funnel.feed.train_predictor": {"log": HISTORY, "sampling_rate": 0.5},
    "funnel.feed.Feed.at_end": {
        "world": SMALL,
        "log": HISTORY,
        "n_requests": 3,
        "candidates": 4,
        "users": np.array([3, 7]),
    },
    "funnel.feed.Feed.predictions": {"predictor": PREDICTOR},
    "funnel.feed.Feed.totals": {"shown": SHOWN},
    "funnel.feed.Feed.draw": {"shown": SHOWN, "asked": np.array([0, 1, 1])},
    "funnel.learning.train_retrieval": {"table": TABLE, "log": HISTORY, "epochs": 1},
    "funnel.learning.train_pre_ranking": {"table": TABLE, "log": HISTORY},
    "funnel.learning.train_ranking": {"table": TABLE, "log": HISTORY},
    "funnel.re_ranking.mmr": CHOOSE,
    "funnel.re_ranking.greedy_dpp": CHOOSE,
    "funnel.re_ranking.scatter_order": {"keys": KEYS, "apart": {"author": 2}, "keep": 3},
    "funnel.re_ranking.broken_rules": {"keys": KEYS, "apart": {"author": 2}},
    "funnel.retrieval.VectorIndex": {"vectors": VECTORS, "lists": 4, "probes": 2},
    "funnel.retrieval.VectorIndex.search": {"queries": VECTORS[:3], "keep": 2},
    "funnel.retrieval.recall": {"found": np.array([[1, 2], [3, 4]]), "exact": np.array([[2, 0], [4, 3]])},
    "funnel.retrieval.EmbeddingChannel": vars(CHANNELS["embedding"]),
    "funnel.retrieval.EmbeddingChannel.user_vector": {"request": REQUEST},
    "funnel.retrieval.EmbeddingChannel.__call__": {"request": REQUEST, "quota": 3},
    "funnel.retrieval.SortedLists": {"groups": np.array([0, 1, 1, 0]), "values": SCORES, "n_groups": 2},
    "funnel.retrieval.SortedLists.best": {"group": 1, "keep": 2},
    "funnel.retrieval.SortedLists.best_of": {"groups": (0, 1), "keep": 2},
    "funnel.retrieval.popular_channel": {"snapshot": NOW},
    "funnel.retrieval.fresh_channel": {"snapshot": NOW},
    "funnel.retrieval.followed_channel": {"snapshot": NOW},
    "funnel.retrieval.topic_channel": {"snapshot": NOW},
    "funnel.retrieval.channels_of": {"snapshot": NOW, "model": TWO, "index": INDEX, "encoder": ENCODER},
    "funnel.retrieval.Retrieval": vars(RETRIEVE),
    "funnel.retrieval.Retrieval.__call__": {"request": REQUEST},
    "funnel.snapshot.cross_features": {
        "followed": np.array([True, False, True]),
        "topic_impressions": np.array([3.0, 0.0, 5.0]),
        "topic_clicks": np.array([1.0, 0.0, 5.0]),
    },
    "funnel.snapshot.with_cross": {
        "table": ENCODER.transform(HISTORY)[:2],
        "cross": np.array([[0.0, 1.0, 2.0], [1.0, 0.5, 0.0]]),
    },
    "funnel.snapshot.Snapshot": {"people": SMALL, "log": HISTORY, "now_ms": NOW.now_ms},
    "funnel.snapshot.Snapshot.at_end": {"world": SMALL, "log": HISTORY},
    "funnel.snapshot.Snapshot.check_user": {"user": 3},
    "funnel.snapshot.Snapshot.check_items": {"items": np.array([3, 1])},
    "funnel.snapshot.Snapshot.check_vectors": {"item_vectors": VECTORS},
    "funnel.snapshot.Snapshot.cross": {"user": 3, "items": np.array([3, 1])},
    "funnel.snapshot.Snapshot.candidates": {
        "user": np.array([3, 1, 2]),
        "items": np.array([3, 1, 5]),
        "hour": np.array([20, 3, 7]),
        "weekday": np.array([5, 1, 2]),
        "scene": np.array([0, 2, 1]),
    },
    "funnel.snapshot.Snapshot.features": {"encoder": ENCODER, "request": REQUEST, "items": np.array([3, 1])},
    "funnel.snapshot.Snapshot.item_features": {"encoder": ENCODER},
    "funnel.snapshot.training_table": {"encoder": ENCODER, "log": HISTORY},
    "funnel.stages.fused_score": {
        "rates": {"click": SCORES, "like": SCORES},
        "weights": {"like": 2.0},
    },
    "funnel.stages.PreRanking": vars(PRE_RANK),
    "funnel.stages.Ranking": vars(RANK),
    "funnel.stages.ReRanking": vars(RE_RANK),
    "funnel.stages.PreRanking.__call__": {"candidates": FOUND},
    "funnel.stages.Ranking.__call__": {"candidates": FOUND},
    "funnel.stages.ReRanking.__call__": {"candidates": FOUND},
    "funnel.stages.ReRanking.diversify": {"candidates": FOUND},
    "funnel.stages.ReRanking.similarity": {"candidates": FOUND},
    "funnel.stages.ReRanking.scatter": {"candidates": FOUND},
    "funnel.stages.ReRanking.scattered": {"candidates": FOUND},
    "funnel.stages.similarity_vectors": {"vectors": VECTORS[:4], "topics": TOPICS},
    "funnel.stages.similarity_of": {"vectors": VECTORS[:4], "topics": TOPICS},
    "funnel.towers.Sides.of": {"table": TABLE},
    "funnel.towers.TwoTowerModel": {"sides": SIDES},
    "funnel.towers.ThreeTowerModel": {"sides": SIDES},
    "funnel.towers.in_batch_softmax": {
        "vectors": torch.tensor([[0.5, -1.0], [0.25, 2.0], [1.0, 0.0]]),
        "item_share": torch.tensor([[0.5], [0.25], [0.25]]),
    },
    "funnel.towers.tower_vectors": {"tower": TWO.item, "table": TABLE},
    "funnel.towers.multiply_adds": {"module": TWO},
}
