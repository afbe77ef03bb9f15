"""Requests with candidates, what a model predicts for them, and what they truly bring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranking import fusion
from ranking.funnel.feed import Feed, train_predictor
from ranking.simulator import Autoplay, Drift, Sessions, World, WorldConfig


@pytest.fixture(scope="module")
def world():
    return World.build(WorldConfig(n_users=300, n_items=3_000, n_authors=200, days=10), seed=1)


@pytest.fixture(scope="module")
def log(world):
    return world.simulate(30_000, seed=1)


@pytest.fixture(scope="module")
def feed(world, log):
    return Feed.at_end(world, log, n_requests=60, candidates=40, seed=2)


@pytest.fixture(scope="module")
def predictor(log):
    return train_predictor(log.with_statistics(), seed=0)


def test_candidates_are_distinct_and_published(world, log, feed):
    assert feed.items.shape == (60, 40)
    assert all(len(set(row)) == 40 for row in feed.items)
    assert (world.items["publish_ms"].to_numpy()[feed.items] <= log.rows["time_ms"].iloc[-1]).all()


def test_the_same_seed_gives_the_same_feed(world, log, feed):
    again = Feed.at_end(world, log, n_requests=60, candidates=40, seed=2)
    np.testing.assert_array_equal(again.items, feed.items)
    np.testing.assert_array_equal(again.requests.user, feed.requests.user)


def test_only_the_users_asked_for_come(world, log):
    users = np.arange(0, 300, 7)
    some = Feed.at_end(world, log, n_requests=50, candidates=20, seed=3, users=users)
    assert len(some.requests) == 50
    assert np.isin(some.requests.user, users).all()


def test_there_are_as_many_requests_as_asked_for_however_rarely_somebody_comes(world, log):
    rarest = int(np.argmin(world.user_activity))
    for seed in range(8):
        for users in ([7], [rarest]):
            some = Feed.at_end(world, log, n_requests=6, candidates=20, seed=seed, users=users)
            assert some.requests.user.tolist() == users * 6
            assert (np.diff(some.requests.time_ms) >= 0).all()
            again = Feed.at_end(world, log, n_requests=6, candidates=20, seed=seed, users=users)
            np.testing.assert_array_equal(again.items, some.items)
            np.testing.assert_array_equal(again.requests.hour, some.requests.hour)
    idle = replace(world, user_activity=np.where(np.arange(300) == 7, 0, world.user_activity))
    with pytest.raises(ValueError, match="users must hold somebody who ever comes"):
        Feed.at_end(idle, log, n_requests=5, candidates=20, users=[7])


def test_there_are_as_many_candidates_as_asked_for_however_few_items_are_popular(world, log):
    star = np.where(np.arange(len(world.items)) == 0, 1e12, 1.0).astype(np.float32)
    topic = world.items["topic"].replace(0, 1)  # topic 0 has no items
    odd = replace(world, item_popularity=star, items=world.items.assign(topic=topic))
    feed = Feed.at_end(odd, log, n_requests=30, candidates=500, seed=1)
    assert feed.items.min() >= 0
    assert all(len(set(row)) == 500 for row in feed.items)


def test_rates_are_those_of_the_world(world, feed):
    row, column = 5, 11
    asked = (int(getattr(feed.requests, name)[row]) for name in ("hour", "weekday", "scene"))
    truth = world.truth(int(feed.requests.user[row]), int(feed.items[row, column]), *asked)
    assert feed.rates["click"][row, column] == pytest.approx(float(truth.p_click))
    assert feed.rates["watch_time"][row, column] == pytest.approx(float(truth.watch_time))


def test_features_are_read_as_in_a_log(log, feed):
    """The counts of a candidate are those of the 30 days before the end of the log."""
    asked, history = feed.asked, log.rows
    pick = asked.rows.iloc[123]
    pick = {
        **pick,
        "item": asked.items["item_id"][pick["item"]],
        "user": asked.users["user_id"][pick["user"]],
    }
    shown = history[history["item"] == pick["item"]]
    assert pick["item_impressions"] == len(shown)
    assert pick["item_clicks"] == shown["click"].sum()
    assert pick["user_likes"] == history.loc[history["user"] == pick["user"], "like"].sum()


def test_totals_are_what_draws_come_to(feed):
    shown = fusion.top_k(feed.rates["click"], 5)
    totals = feed.totals(shown)
    asked = np.repeat(np.arange(60), 400)
    drawn = feed.draw(shown, np.random.default_rng(0), asked)
    for name in ("click", "like", "watch_time"):
        per_request = drawn[name].sum(axis=1)
        error = per_request.std() / np.sqrt(len(asked))
        assert per_request.mean() == pytest.approx(totals[name].mean(), abs=4 * error), name


def test_predictions_stand_in_the_shape_of_the_candidates(feed, predictor):
    p, raw = feed.predictions(predictor), feed.predictions(predictor, calibrated=False)
    assert {name: values.shape for name, values in p.items()} == dict.fromkeys(
        ("click", "like", "collect", "share", "watch_time"), (60, 40)
    )
    flat = predictor.predict(feed.asked)
    np.testing.assert_array_equal(flat["like"].reshape(60, 40), p["like"])
    odds = {name: q["click"] / (1 - q["click"]) for name, q in {"p": p, "raw": raw}.items()}
    np.testing.assert_allclose(odds["p"], 0.1 * odds["raw"], rtol=1e-9)
    np.testing.assert_array_equal(p["like"], raw["like"])


def test_predictions_are_of_the_right_size(log, predictor):
    """On the rows of the log: rates per impression, and per click for what follows one."""
    counted = log.with_statistics()
    p = predictor.predict(counted)
    clicked = counted.rows["click"].to_numpy()
    assert p["click"].mean() == pytest.approx(clicked.mean(), rel=0.2)
    watched = counted.rows["watch_time"].to_numpy()[clicked]
    assert p["watch_time"][clicked].mean() == pytest.approx(watched.mean(), rel=0.25)
    assert np.corrcoef(p["watch_time"][clicked], watched)[0, 1] > 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_requests": 0}, "n_requests must be a whole number"),
        ({"candidates": 2_000}, "candidates must be at most a quarter"),
        ({"users": [300]}, "users must be from 0 to 299"),
        ({"users": np.array([], dtype=int)}, "users must hold at least one user"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_bad_input_is_named(world, log, change, message):
    with pytest.raises(ValueError, match=message):
        Feed.at_end(world, log, **({"n_requests": 10, "candidates": 20} | change))


def test_lists_of_another_feed_are_refused(feed):
    with pytest.raises(ValueError, match=r"shown must have shape \(60, places\)"):
        feed.draw(np.zeros((3, 5), dtype=int), np.random.default_rng(0))
    with pytest.raises(ValueError, match="shown must be from 0 to 39"):
        feed.draw(np.full((60, 2), 40), np.random.default_rng(0))


def test_a_feed_in_a_world_that_drifts_has_the_truth_of_the_end_of_the_log(world):
    config = replace(world.config, drift=Drift(slope=-0.3, tastes=0.05))
    moved = World.build(config, seed=1)
    log = moved.simulate(20_000, seed=1)
    feed = Feed.at_end(moved, log, n_requests=40, candidates=20, seed=2)
    end = int(log.rows["time_ms"].iloc[-1])
    truth = moved.truth(item=feed.items, **feed.requests.context, time_ms=end)
    np.testing.assert_allclose(feed.rates["click"], truth.p_click, rtol=1e-6)
    still = world.truth(item=feed.items, **feed.requests.context)
    assert truth.p_click.mean() < 0.3 * still.p_click.mean()


@pytest.mark.parametrize("part", [{"sessions": Sessions()}, {"autoplay": Autoplay()}])
def test_worlds_without_clicks_or_single_requests_have_no_feed(world, log, part):
    other = World.build(replace(world.config, **part), seed=1)
    with pytest.raises(ValueError, match="world must have clicks and single requests"):
        Feed.at_end(other, log, n_requests=5)
