"""Estimates from logs, chapter 5: the records are whole, and a small part of each comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.fusion import neighbours, offline
from experiments.fusion.setting import learnt
from experiments.logs import world
from ranking.funnel.feed import Feed

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def exploring():
    log, predictor = learnt(3, 200_000, world_seed=3)
    feed = Feed.at_end(world(3), log, 400, seed=3)
    return offline.Exploring(feed, feed.predictions(predictor), np.random.default_rng(3))


@pytest.fixture(scope="module")
def slates():
    return neighbours.Slates(3, 200_000)


@pytest.mark.parametrize("name", ["offline", "neighbours"])
def test_every_record_has_eight_worlds(name):
    recorded = load_results(f"fusion/{name}")
    assert recorded["made_by"]["command"].startswith(f"python -m experiments.fusion.{name}")
    assert [run["seed"] for run in recorded["runs"]] == recorded["made_by"]["seeds"] == list(range(8))


def test_chances_follow_the_score():
    scores = np.array([[1.0, 4.0, 2.0], [3.0, 1.0, 1.0]])
    np.testing.assert_allclose(offline.chances(scores, 0.5)[0], np.array([1, 16, 4]) / 21)
    np.testing.assert_array_equal(offline.chances(scores, 0.0), [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(offline.chances(scores, 1.0, kept=2)[0], [0, 4 / 6, 2 / 6])
    rng = np.random.default_rng(0)
    of = np.tile([0.2, 0.0, 0.8], (20_000, 1))
    counted = np.bincount(offline.drawn(of, rng), minlength=3) / 20_000
    np.testing.assert_allclose(counted, of[0], atol=0.015)


def test_estimates_of_an_exploring_feed_are_right_on_average(exploring):
    old = offline.chances(exploring.scores["old"], offline.EXPLORING)
    target = exploring.targets["new weights, half the temperature"]
    logs = [exploring.log(old, 1_000) for _ in range(120)]
    found = [offline.estimates(exploring, target, old, log, (2.0,)) for log in logs]
    told = offline.summary(exploring, target, found)
    columns = [{name: three[i] for name, three in told.items() if np.ndim(three)} for i in range(3)]
    bias, spread, holds = columns
    for name in ("ips", "doubly robust, half", "doubly robust, truth", "doubly robust, levelled"):
        assert abs(bias[name]) < 4 * spread[name] / np.sqrt(120), name
        assert holds[name] > 0.85
    assert bias["clipped at 2"] < -0.03
    assert bias["clipped at 2"] < bias["doubly robust, clipped at 2"]
    assert spread["clipped at 2"] < spread["ips"]
    value = (target * exploring.true).sum() / 400
    assert exploring.value(target) == pytest.approx(value)


def test_the_difference_to_the_old_policy_is_right_and_surer_than_the_level(exploring):
    old = offline.chances(exploring.scores["old"], offline.EXPLORING)
    target = exploring.targets["new weights"]
    logs = [exploring.log(old, 1_000) for _ in range(120)]
    found = [offline.differences(exploring, target, old, log) for log in logs]
    level = [offline.estimates(exploring, target, old, log, (), ("levelled",)) for log in logs]
    for one, of_level, (_, _, watched) in zip(found, level, logs, strict=True):
        for name in ("ips", "doubly robust, levelled"):
            assert one[name].value == pytest.approx(of_level[name].value - watched.mean())
        assert one["ips"].effective_rows == pytest.approx(of_level["ips"].effective_rows)
    told = offline.summary_of_difference(exploring, target, old, found)
    ratio = exploring.value(target) / exploring.value(old)
    assert told["truth"] == pytest.approx(ratio - 1)
    of_levels = offline.summary(exploring, target, level)
    for name in ("ips", "doubly robust, levelled", "doubly robust of both"):
        bias, spread, holds = told[name]
        assert abs(bias) < 4 * spread / np.sqrt(120), name
        assert holds > 0.85
        assert spread < 0.6 * ratio * of_levels["ips"][1]
    itself = offline.differences(exploring, old, old, logs[0])
    assert itself["ips"].value == itself["doubly robust of both"].value == 0.0


def test_what_is_left_out_of_a_log_is_missing_from_its_estimate(exploring):
    gaps = offline.chances(exploring.scores["old"], offline.EXPLORING, kept=offline.KEPT)
    target = exploring.targets["new weights"]
    log = exploring.log(gaps, 100_000)
    found = offline.estimates(exploring, target, gaps, log, (), ("truth",))
    covered = target * (gaps > 0)
    assert found["ips"].mean_weight == pytest.approx(covered.sum() / 400, abs=0.02)
    assert found["ips"].value == pytest.approx(exploring.value(covered), abs=5 * found["ips"].standard_error)
    assert found["doubly robust, truth"].value == pytest.approx(exploring.value(target), rel=0.05)


def test_the_recorded_far_policy_comes_out_again():
    recorded = load_results("fusion/offline")
    was = recorded["runs"][0]
    log, predictor = learnt(0, recorded["impressions"])
    feed = Feed.at_end(world(), log, recorded["requests"], seed=0)
    again = offline.Exploring(feed, feed.predictions(predictor), np.random.default_rng(0))
    name = recorded["far"]
    assert again.value(again.targets[name]) == pytest.approx(was["right"][name]["truth"], rel=0.01)
    old = offline.chances(again.scores["old"], recorded["temperature"])
    found = offline.estimates(again, again.targets[name], old, again.log(old, recorded["requests"]))
    assert found["ips"].effective_rows == pytest.approx(was["right"][name]["effective_rows"], rel=0.2)


def test_the_average_of_an_estimate_is_that_of_many_logs(slates):
    """Drawn lists and clicks, against the average that needs no clicks."""
    order, rng = slates.orders["new weights"], np.random.default_rng(0)
    average = slates.on_average(order, "leaving", 1.0, rng)
    truth = slates.truth(order, "leaving", 1.0)
    found, shown = [], []
    for _ in range(150):
        random = neighbours.random_orders(len(slates), rng)
        clicks = slates.draw(random, 1.0, rng)
        found.append(10 * (clicks & (random == order)).sum() / len(slates))
        shown.append(slates.draw(order, 1.0, rng).sum() / len(slates))
    assert np.mean(found) == pytest.approx(average, abs=4 * np.std(found) / np.sqrt(150))
    assert np.mean(shown) == pytest.approx(truth, abs=4 * np.std(shown) / np.sqrt(150))
    assert average > truth


def test_tiring_follows_the_rule_of_sessions(slates):
    """Against the simulator's own truth of a world in which a topic tires within a list."""
    topic = np.array([[2, 2, 1, 2, 1]])
    np.testing.assert_array_equal(neighbours.earlier_of_topic(topic), [[0, 1, 0, 2, 1]])
    order = slates.orders["worst first"]
    rate = np.take_along_axis(slates.rate, order, axis=1)
    above = neighbours.earlier_of_topic(np.take_along_axis(slates.topic, order, axis=1))
    odds = rate / (1 - rate) * (1.0 + above) ** -0.6
    clicks = slates.examined * odds / (1 + odds)
    for place in (0, 4, 9):
        chance = slates.chance(order, place, "tiring", 0.6)
        np.testing.assert_allclose(chance, clicks[:, place], rtol=1e-6)


def test_nothing_is_off_where_neighbours_do_not_matter(slates):
    rng = np.random.default_rng(0)
    for users in neighbours.STRENGTHS:
        order = slates.orders["topics apart"]
        average = slates.on_average(order, users, 0.0, rng)
        assert average == pytest.approx(slates.truth(order, users, 0.0), rel=1e-9)
    recorded = load_results("fusion/neighbours")
    for run in recorded["runs"]:
        for by_order in run["dependence"].values():
            for pairs in by_order.values():
                assert pairs[0][0] == pytest.approx(pairs[0][1], rel=1e-5)


def test_an_item_moves_to_its_place_and_the_list_stays_a_list(slates):
    rng = np.random.default_rng(0)
    order = slates.orders["new weights"]
    random = neighbours.random_orders(len(slates), rng)
    moved = neighbours.with_item_at(random, order, 6)
    np.testing.assert_array_equal(moved[:, 6], order[:, 6])
    np.testing.assert_array_equal(np.sort(moved, axis=1), np.sort(random, axis=1))


def test_a_world_of_randomised_lists_is_read_as_recorded():
    recorded = load_results("fusion/neighbours")
    was = recorded["runs"][0]
    slates = neighbours.Slates(0, recorded["impressions"])
    assert len(slates) == was["requests"]
    again = neighbours.as_logged(slates)
    for name in ("new weights", "worst first"):
        assert again[name]["truth"] == pytest.approx(was["as_logged"][name]["truth"], rel=0.005)
        assert again[name]["estimate"] == pytest.approx(
            was["as_logged"][name]["truth"], abs=4 * was["as_logged"][name]["error"]
        )
