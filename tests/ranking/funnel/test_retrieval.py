"""Channels, indices and snapshot on a small world."""

from __future__ import annotations

import numpy as np
import pytest

from ranking import funnel
from ranking.funnel.retrieval import RECENT_CLICKS, SortedLists
from ranking.simulator import World, WorldConfig


def test_exact_search_is_a_sorted_product() -> None:
    rng = np.random.default_rng(0)
    vectors, queries = rng.standard_normal((500, 8)), rng.standard_normal((3, 8))
    items, products = funnel.VectorIndex(vectors).search(queries, 20)
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :20]
    np.testing.assert_array_equal(items, expected)
    np.testing.assert_allclose(products, np.sort(queries @ vectors.T, axis=1)[:, ::-1][:, :20], rtol=1e-4)


def test_more_probes_find_more_and_all_probes_find_all() -> None:
    rng = np.random.default_rng(1)
    vectors, queries = rng.standard_normal((4_000, 16)), rng.standard_normal((20, 16))
    exact, _ = funnel.VectorIndex(vectors).search(queries, 50)
    shares = []
    for probes in (1, 8, 64):
        found, _ = funnel.VectorIndex(vectors, lists=64, probes=probes).search(queries, 50)
        shares.append(funnel.recall(found, exact))
    assert shares[0] < shares[1] < shares[2] == 1.0
    assert 0.02 < shares[0] < 0.5


def test_recall_is_of_lists() -> None:
    assert funnel.recall([[1, 2, 3]], [[3, 2, 9]]) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"must have shape \(queries, keep\), got \(3,\)"):
        funnel.recall([1, 2, 3], [3, 2, 1])


def test_recall_is_of_positions() -> None:
    assert funnel.recall([[1, -1]], [[1, 2]]) == 0.5  # −1: the lists that were looked into held no more
    with pytest.raises(ValueError, match=r"exact must be from 0 to .* got -1"):
        funnel.recall([[1, 2]], [[1, -1]])
    with pytest.raises(ValueError, match="exact must hold each item once in a row"):
        funnel.recall([[1, 2]], [[1, 1]])
    with pytest.raises(ValueError, match="found must hold whole numbers"):
        funnel.recall([[1.0, 2.0]], [[1, 2]])


def test_too_few_in_the_lists_is_said() -> None:
    vectors = np.random.default_rng(2).standard_normal((100, 4))
    items, products = funnel.VectorIndex(vectors, lists=20, probes=1).search(vectors[:1], 100)
    assert (items == -1).any()
    assert np.isneginf(products[items == -1]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.search(np.zeros((1, 4)), 11), "keep must be at most the 10 items, got 11"),
        (lambda i: i.search(np.zeros((1, 4)), 0), "keep must be a whole number of at least 1"),
        (lambda i: i.search(np.zeros((1, 3)), 1), "queries must have shape"),
        (lambda i: i.search(np.full((1, 4), np.nan), 1), "queries must be finite"),
        (lambda i: funnel.VectorIndex(np.ones((10, 4)), lists=11), "lists must be at most the 10 items"),
        (lambda i: funnel.VectorIndex(np.ones((10, 4)), lists=4, probes=5), "probes must be at most"),
        (lambda i: funnel.VectorIndex(np.full((10, 4), np.nan)), "vectors must be finite"),
        (lambda i: funnel.VectorIndex(np.ones(4)), "vectors must have shape"),
    ],
)
def test_index_names_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(funnel.VectorIndex(np.eye(10, 4)))


def test_sorted_lists_are_best_first_and_newest_first_among_equals() -> None:
    lists = SortedLists(np.array([1, 0, 1, 1]), np.array([0.5, 0.9, 0.5, 0.7]), 3)
    assert lists.best(1, 5)[0].tolist() == [3, 2, 0]
    assert lists.best(1, 2)[0].tolist() == [3, 2]
    assert lists.best(2, 2)[0].tolist() == []


def test_every_channel_keeps_its_promise(small) -> None:
    world, rows = small.world, small.log.rows
    counts = small.snapshot.counts
    for request in small.requests:
        found = {name: find(request, 50) for name, find in small.channels.items()}
        for items, scores in found.values():
            assert len(items) <= 50
            assert len(set(items)) == len(items)
            assert (np.diff(scores) <= 1e-9).all()
        items = found["popular"][0]
        assert counts["item_clicks"][items].min() >= np.sort(counts["item_clicks"])[-50]
        topics = world.users.loc[request.user, ["interest_1", "interest_2"]].to_numpy()
        assert np.isin(world.item_topic[found["fresh"][0]], topics).all()
        assert world.follows(np.int64(request.user), world.item_author[found["followed"][0]]).all()
        mine = rows[(rows["user"] == request.user) & rows["click"]]["item"].to_numpy()[-RECENT_CLICKS:]
        assert set(world.item_topic[found["topic"][0]]) <= set(world.item_topic[mine])


def test_snapshot_counts_are_those_of_the_log(small) -> None:
    """An impression right after the log would get, from with_statistics, what the snapshot says."""
    rows = small.log.rows
    late = rows[rows["time_ms"] > small.snapshot.now_ms - 30 * 86_400_000]
    assert small.snapshot.counts["item_likes"][7] == (late["item"].eq(7) & late["like"]).sum()
    user = int(rows["user"].iloc[-1])
    assert small.snapshot.counts["user_impressions"][user] == late["user"].eq(user).sum()
    topic = small.world.item_topic[late["item"]]
    mine = late["user"].eq(user) & (topic == 3)
    shown, clicked = small.snapshot.topic_counts
    assert (shown[user, 3], clicked[user, 3]) == (mine.sum(), (mine & late["click"]).sum())


def test_topic_history_counts_only_what_came_before(small) -> None:
    rows = small.log.rows
    at = len(rows) - 5
    row, topic = rows.iloc[at], small.world.item_topic[rows["item"]]
    before = (rows["time_ms"] < row["time_ms"]) & (rows["time_ms"] >= row["time_ms"] - 30 * 86_400_000)
    same = before & rows["user"].eq(row["user"]) & (topic == topic[at])
    assert row["topic_impressions"] == same.sum()
    assert row["topic_clicks"] == (same & rows["click"]).sum()


def test_online_features_are_those_of_the_log(small) -> None:
    """The same user and item, at the same moment: offline and online must agree."""
    request = small.requests[0]
    items = np.array([5, 77, 1234])
    online = small.snapshot.features(small.encoder, request, items)
    offline = small.table
    assert online.columns == offline.columns
    assert online.fields == offline.fields
    cached = small.snapshot.item_features(small.encoder)
    sides = funnel.Sides.of(online)
    fields, columns = sides.item
    np.testing.assert_array_equal(online.categorical[:, fields], cached.categorical[items][:, fields])
    np.testing.assert_array_equal(online.dense[:, columns], cached.dense[items][:, columns])
    assert sorted([*sides.user[0], *fields]) == list(range(len(online.fields)))
    assert sorted([*sides.user[1], *columns, *sides.cross]) == list(range(len(online.columns)))


def test_last_row_of_the_log_gets_the_same_features_online(small) -> None:
    """A snapshot taken at a row's own moment makes the features that the row has offline."""
    request_id = small.log.rows["request"].iloc[-1]
    before = small.log.select(small.log.rows["request"].to_numpy() != request_id)
    last = small.log.select(small.log.rows["request"].to_numpy() == request_id)
    row = last.rows.iloc[0]
    snapshot = funnel.Snapshot(small.world, before, int(row["time_ms"]))
    request = funnel.Request(*(int(row[name]) for name in ("user", "hour", "weekday", "scene")))
    online = snapshot.features(small.encoder, request, last.rows["item"].to_numpy())
    offline = small.table[-len(last) :]
    fields = [online.fields.index(name) for name in online.fields]
    np.testing.assert_array_equal(online.categorical[:, fields], offline.categorical[:, fields])
    columns = [i for i, name in enumerate(online.columns) if name != "log_topic_click_rate"]
    np.testing.assert_allclose(online.dense[:, columns], offline.dense[:, columns], atol=1e-4)
    # its prior is the click rate so far, which moves a little with the window
    np.testing.assert_allclose(online.dense, offline.dense, atol=0.02)


def test_two_towers_find_clicked_items_better_than_popularity_alone(small) -> None:
    """Over all items, those clicked in a second log stand before the middle of the user's list."""
    later = small.world.simulate(4_000, seed=9)
    clicked = later.rows[later.rows["click"]].head(150)
    places = []
    for user, item in clicked[["user", "item"]].to_numpy():
        vector = small.channels["embedding"].user_vector(funnel.Request(int(user), 20, 2, 0))
        products = (vector @ small.vectors.T)[0]
        places.append(np.mean(products > products[item]))
    assert np.mean(places) < 0.35  # 0.5 for vectors that know nothing


@pytest.mark.parametrize(
    ("quotas", "message"),
    [
        ({"popular": 3_001}, "quota of popular must be at most the .* items of the catalogue, got 3,001"),
        ({"video": 10}, "channel must be one of .*got 'video'"),
        ({"popular": -1}, "quota of popular must be a whole number"),
        ({"popular": 0, "fresh": 0}, "quotas must ask at least one"),
        ({}, "quotas must ask at least one"),
    ],
)
def test_bad_quotas_are_refused(small, quotas: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        funnel.Retrieval(small.snapshot, small.channels, quotas)


def test_unknown_users_and_silent_channels(small) -> None:
    retrieve = funnel.Retrieval(small.snapshot, small.channels, {"popular": 10})
    with pytest.raises(ValueError, match="user must be from 0 to 399, got 400"):
        retrieve(funnel.Request(400, 20, 2, 0))
    counts = np.diff(small.world.follow_start)
    lonely = int(np.argmin(counts))
    assert counts[lonely] == 0
    retrieve = funnel.Retrieval(small.snapshot, small.channels, {"followed": 10})
    with pytest.raises(ValueError, match="found must hold at least one item, got none from followed"):
        retrieve(funnel.Request(lonely, 20, 2, 0))


def test_a_snapshot_wants_a_log_of_its_world(small) -> None:
    other = World.build(WorldConfig(n_users=50, n_items=100, n_authors=10), seed=1)
    with pytest.raises(
        ValueError, match="log must be of this world of 50 users and 100 items, got 400 and 3,000"
    ):
        funnel.Snapshot.at_end(other, small.log)
    with pytest.raises(ValueError, match="log must not be empty"):
        funnel.Snapshot.at_end(small.world, small.log.select(slice(0, 0)))
