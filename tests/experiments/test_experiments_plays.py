"""A feed that plays at once: its true means are right, lists are judged by them, and the record holds."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.watch_time import plays
from experiments.watch_time.plays import FORMULAS, PRICES, SHOWN, Slates
from ranking import watch_time as wt

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

NAMES = ("effective_view", "long_view", "skip", "like", "watch_time", "duration")


@pytest.fixture(scope="module")
def recorded():
    return load_results("watch_time/plays")


@pytest.fixture(scope="module")
def truth():
    return plays.truth_of(plays.surface(0), plays.surface(0).simulate(3_000, seed=1))


def slates(requests: int = 400, seed: int = 0) -> Slates:
    rng = np.random.default_rng(seed)
    columns = {name: rng.random(requests * 10) for name in (*NAMES, "like given a view")}
    columns["like"] /= 20
    for name in ("watch_time", "watch_time given a view"):
        columns[name] = 20 * rng.random(requests * 10)
    return Slates(np.arange(requests * 10).reshape(requests, 10), columns)


def test_true_means_given_a_view_are_those_of_plays_drawn(truth):
    said, rng, times = plays.true_columns(truth), np.random.default_rng(0), 300
    sums = dict.fromkeys(("view", "seconds", "like", "played"), 0.0)
    for _ in range(times):
        drawn = truth.draw(rng)
        view = drawn["effective_view"]
        sums["view"] += view.sum()
        sums["seconds"] += drawn["watch_time"][view].sum()
        sums["like"] += (view & drawn["like"]).sum()
        sums["played"] += np.minimum(drawn["watch_time"] / truth.plays.duration, 1).sum()
    view = said["effective_view"]
    assert times * view.sum() == pytest.approx(sums["view"], rel=0.005)
    assert times * (view * said["watch_time given a view"]).sum() == pytest.approx(sums["seconds"], rel=0.01)
    assert times * (view * said["like given a view"]).sum() == pytest.approx(sums["like"], rel=0.03)
    assert times * said["share_played"].sum() == pytest.approx(sums["played"], rel=0.005)
    # what is given a view and what is not make up the whole
    assert np.all(view * said["like given a view"] < said["like"])
    assert np.all(view * said["watch_time given a view"] < said["watch_time"])


def test_likes_that_do_not_grow_in_a_line_are_refused(truth):
    from dataclasses import replace

    bent = replace(truth, growth={**truth.growth, "like": replace(truth.growth["like"], power=2.0)})
    with pytest.raises(ValueError, match="grow in a line, got the power 2"):
        plays.true_columns(bent)


def test_a_log_of_clicks_has_no_such_truth():
    from experiments.logs import world

    with pytest.raises(ValueError, match="has clicks and does not play at once"):
        plays.truth_of(world(), plays.surface(0).simulate(500, seed=0))


def test_the_first_items_are_judged_by_the_truth():
    its = slates(2)
    scores = its.truth["like"][its.rows]
    found = its.first(scores)
    best = np.argsort(-scores, axis=1)[:, :SHOWN]
    assert found["like"] == pytest.approx(np.take_along_axis(scores, best, axis=1).mean())
    worth = its.truth["effective_view"] + 20 * its.truth["like"] + 0.05 * its.truth["watch_time"]
    rows = np.take_along_axis(its.rows, best, axis=1)
    assert found["worth"] == pytest.approx(worth[rows].mean())
    assert its.as_they_came()["worth"] == pytest.approx(worth[its.rows].mean())


def test_formulas_are_what_their_names_say():
    its = slates()
    p, like, t = (its.truth[name][its.rows] for name in ("effective_view", "like", "watch_time"))
    like_given, t_given = (its.truth[f"{name} given a view"][its.rows] for name in ("like", "watch_time"))
    wanted = {
        "weighted sum, per impression": p + 20 * like + 0.05 * t,
        "view times the rest, per impression": p * (1 + 20 * like + 0.05 * t),
        "view times the rest, given a view": p * (1 + 20 * like_given + 0.05 * t_given),
        "weighted sum, given a view": p + 20 * like_given + 0.05 * t_given,
    }
    assert list(wanted) == list(FORMULAS)
    for name, values in wanted.items():
        assert FORMULAS[name](its, its.truth, PRICES) == pytest.approx(values)


def test_weights_of_its_own_find_what_a_formula_can_do():
    its = slates()
    sums = FORMULAS["weighted sum, per impression"]
    assert plays.tuned(sums, its.truth, its) == PRICES  # the truth at the prices is the worth
    scaled = its.truth | {"like": its.truth["like"] / 4, "watch_time": its.truth["watch_time"] / 2}
    assert plays.tuned(sums, scaled, its) == {"like": 80.0, "watch_time": 0.1}


def test_right_seconds_lose_nothing_and_low_ones_only_what_a_factor_wins_back():
    its = slates()
    right = plays.judged(its.truth["watch_time"], its.truth, its, its, its)
    assert (right["level"], right["order"]) == pytest.approx((1.0, 1.0))
    for lost in ("worth_lost", "worth_lost_matched", "worth_lost_best", "seconds_lost"):
        assert right[lost] == pytest.approx(0.0, abs=1e-9)
    low = plays.judged(its.truth["watch_time"] / 8, its.truth, its, its, its)
    assert (low["level"], low["best_factor"]) == pytest.approx((1 / 8, 8.0))
    assert low["worth_lost"] > 0.001
    for lost in ("worth_lost_matched", "worth_lost_best", "seconds_lost"):
        assert low[lost] == pytest.approx(0.0, abs=1e-9)


def test_limits_are_those_of_the_plays_of_one_row(truth):
    few = truth.select(np.arange(50))
    rng = np.random.default_rng(3)
    t = np.stack([few.plays.draw(rng)["watch_time"] for _ in range(plays.DRAWS)]).astype(float)
    d = few.plays.duration.astype(float)
    within = wt.DurationQuantiles.fit(d, t[0], groups=2)
    found = plays.limits(few, within, np.random.default_rng(3))
    for row in range(50):
        for unit in (1, 60):
            limit = wt.source_limit(t[:, row], unit)
            assert found[f"source, unit {unit} s"][row] == pytest.approx(limit)
        some = t[:, row][t[:, row] > 0]
        assert found["ln t, plays of 0 s left out"][row] == pytest.approx(np.exp(np.log(some).mean()))
        quantile = within.targets(np.full(plays.DRAWS, d[row]), t[:, row]).mean()
        assert found["D2Q"][row] == pytest.approx(within.watch_time(d[row : row + 1], [quantile])[0])


def test_every_world_has_all_of_it(recorded):
    runs = recorded["runs"]
    assert [run["seed"] for run in runs] == recorded["made_by"]["seeds"] == list(range(6))
    for part in ("methods", "limits", "scores", "sorted_by"):
        assert len({tuple(run[part]) for run in runs}) == 1
    for run in runs:
        assert run["requests"] > run["fresh"] > 1_000
        assert all(list(found) == list(FORMULAS) for found in run["scores"].values())
        truth = run["scores"]["truth"]
        assert truth["weighted sum, per impression"]["prices"] == run["most_worth"]
        most = run["most_worth"]["worth"]
        for found in (*truth.values(), *run["scores"]["heads"].values()):
            assert max(found["prices"]["worth"], found["tuned"]["worth"]) <= most


def test_levels_of_the_record_are_what_theory_says(recorded):
    for run in recorded["runs"]:
        level = {name: found["level"] for name, found in run["methods"].items()}
        for name in ("without the weight", "squared error on t", "ln t, smearing factor"):
            assert level[name] == pytest.approx(1.0, abs=0.1)
        assert level["source, unit 1 s"] < level["source, unit 60 s"] < level["without the weight"]
        limit = {name: found["level"] for name, found in run["limits"].items()}
        for name in ("source, unit 1 s", "source, unit 60 s", "ln(1 + t)"):
            assert level[name] < limit[name] < 1.0  # who knows less of a row averages over more


def test_a_small_part_comes_out_again(recorded):
    train, test, truth = plays.prepared(0, recorded["impressions"])
    was, true = recorded["runs"][0], plays.true_columns(truth) | {"duration": test.duration}
    its, search, fresh = plays.slates_of(test, true, 0)
    assert len(train.log) == was["rows"]
    assert len(fresh.rows) == was["fresh"]
    assert fresh.first(fresh.worth()) == pytest.approx(was["most_worth"], rel=1e-4)
    again = plays.sorted_by(true, its)
    for name, found in was["sorted_by"]["truth"].items():
        assert again[name] == pytest.approx(found, rel=1e-3)
    seconds = plays.mean_of(train, 0)(test.features)
    found = plays.judged(seconds, true, its, search, fresh)
    # Sums run in another order on another processor: equal up to what that makes of 800 steps.
    assert found["level"] == pytest.approx(was["methods"]["without the weight"]["level"], rel=0.05)
    assert found["order"] == pytest.approx(was["methods"]["without the weight"]["order"], abs=0.02)
