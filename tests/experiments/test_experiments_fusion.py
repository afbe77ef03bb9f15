"""Recorded results of chapter 5: they are whole, and a small part of each comes out again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bookwork.results import load_results
from ranking import fusion
from ranking.funnel.feed import Feed, train_predictor
from ranking_course import course_log, course_world

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]
NAMES = ("formulas", "weights", "ab", "offline")


@pytest.fixture(scope="module")
def world():
    return course_world()


@pytest.fixture(scope="module")
def log():
    return course_log()


@pytest.fixture(scope="module")
def predictor(log):
    return train_predictor(log.after(days=30), seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_every_record_has_ten_logs(name):
    recorded = load_results(f"fusion/{name}")
    assert recorded["made_by"]["command"].startswith(f"python -m experiments.fusion.{name}")
    assert [run["seed"] for run in recorded["runs"]] == recorded["made_by"]["seeds"] == list(range(10))


def test_what_formulas_bring_comes_out_again():
    from experiments.fusion.formulas import run

    recorded = load_results("fusion/formulas")
    was, again = recorded["runs"][0], run(0, recorded["impressions"], recorded["requests"])
    # Sums run in another order on another processor: equal up to what training makes of it.
    for name in ("click_only", "weighted_sum", "click_times_rest", "rank_fusion"):
        clicks = again["totals"][name]["click"][0]
        assert clicks == pytest.approx(was["totals"][name]["click"][0], rel=0.02), name
    for name in ("random", "truth, click_only"):  # recorded with five digits after the point
        for total, values in was["totals"][name].items():
            assert np.round(again["totals"][name][total], 5).tolist() == values
    assert again["uncalibrated_click"]["rank_fusion"]["exchanged"] == 0
    exchanged = again["uncalibrated_click"]["click_times_rest"]["exchanged"]
    assert exchanged == pytest.approx(was["uncalibrated_click"]["click_times_rest"]["exchanged"], abs=0.02)


def test_a_search_is_judged_by_its_own_trials(world, log, predictor):
    from experiments.fusion import weights as script

    users = np.random.default_rng(0).permutation(len(world.users))[:2_500]
    feed = Feed.at_end(world, log, 200, seed=0, users=users)
    trials = script.Trials(feed, feed.predictions(predictor), 500, np.random.default_rng(1))
    draws = np.random.default_rng(2).uniform(script.LOW, script.HIGH, (12, 4))
    values = [trials(u) for u in draws]
    u, clicks, seconds = trials.best()
    assert trials.value(clicks, seconds) == max(values)
    np.testing.assert_array_equal(u, draws[int(np.argmax(values))])
    feasible = [t for t in trials.history if t[1] >= trials.floor]
    if feasible:
        assert seconds == max(t[2] for t in feasible)


def test_searches_made_all_their_trials():
    recorded = load_results("fusion/weights")
    searches = pd.DataFrame([search for run in recorded["runs"] for search in run["searches"]])
    assert (searches["trials"] == recorded["trials"]).all()
    assert searches.groupby(["judge", "search"]).size().eq(10).all()


def test_recorded_choices_bring_what_was_recorded(world, log, predictor):
    """The weights that a search chose, valued again by the truth on the users that it never saw."""
    from experiments.fusion import weights as script

    recorded = load_results("fusion/weights")
    halves = np.array_split(np.random.default_rng(0).permutation(len(world.users)), 2)
    checking = Feed.at_end(world, log, recorded["requests"], seed=1, users=halves[1])
    check = script.Trials(checking, checking.predictions(predictor), None, np.random.default_rng(0))
    for search in recorded["runs"][0]["searches"][:2]:
        clicks, seconds = check.measure(search["weights"])
        assert clicks / check.floor - 1 == pytest.approx(search["fresh"]["clicks"], abs=0.01)
        assert seconds / check.before - 1 == pytest.approx(search["fresh"]["seconds"], abs=0.02)


def test_sizes_and_false_alarms_come_out_again(world, log, predictor):
    from experiments.fusion import ab as script
    from ranking.evaluation import requests_per_arm

    was = load_results("fusion/ab")["runs"][0]
    feed = Feed.at_end(world, log, 2_000, seed=0)
    p = feed.predictions(predictor)
    a, b = (fusion.top_k(fusion.click_times_rest(p, w), script.SHOWN) for w in (script.A, script.B))
    effect = feed.totals(b)["watch_time"].mean() - feed.totals(a)["watch_time"].mean()
    assert effect == pytest.approx(was["effect"]["watch_time"], rel=0.05)
    sizes = was["requests_for_seconds"]
    assert (
        requests_per_arm(was["effect"]["watch_time"], was["spread"]["a"]["watch_time"])
        == sizes["spread of a"]
    )
    found = script.power_of_tests(feed, a, b, sizes["spread of both"], 150, np.random.default_rng(5))
    assert found["a against b"] == pytest.approx(0.8, abs=0.12)
    assert found["a against a"] < 0.13


def test_the_randomised_log_is_read_as_recorded(predictor):
    from experiments.fusion.offline import randomised_slates

    recorded = load_results("fusion/offline")
    was = recorded["runs"][0]["randomised"]
    again = randomised_slates(predictor, recorded["impressions"], seed=1_000)
    assert again["requests"] == was["requests"]
    assert again["new"]["truth"] == pytest.approx(was["new"]["truth"], rel=0.005)
    assert again["new"]["estimate"] == pytest.approx(
        was["new"]["truth"], abs=4 * was["new"]["standard_error"]
    )


def test_an_exploring_feed_is_estimated_without_bias(world, log, predictor):
    from experiments.fusion.offline import exploring

    feed = Feed.at_end(world, log, 400, seed=0)
    found = exploring(feed, feed.predictions(predictor), 60, np.random.default_rng(0))["policies"]
    for name, policy in list(found.items())[:3]:
        error = policy["ips"]["sd"] / np.sqrt(60)
        assert policy["ips"]["mean"] == pytest.approx(policy["truth"], abs=4 * error), name
    sizes = [policy["effective_rows"] for policy in found.values()]
    assert sizes == sorted(sizes, reverse=True)
