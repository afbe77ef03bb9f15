"""Chapter 6's records of completion and of the real log: they add up, and a small part comes out again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import rankdata

from bookwork.results import load_results
from experiments.logs import column
from experiments.watch_time import completion, kuairand
from experiments.watch_time.setting import (
    SHARES,
    interest_of,
    quantiles_of,
    rank_correlation,
    shares_of,
    trained_on_shares,
    truth_of,
)
from ranking import watch_time as wt
from ranking.evaluation import bootstrap_interval
from ranking.fusion import top_k
from ranking.logs import FeatureEncoder
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.truth import COMPLETED
from ranking_course import course_log

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

NETWORKS = ("completion", "corrected completion", "share played", "corrected share played", "D2Q")
WISHES = ("no completion", "completions", "more than usual")


@pytest.fixture(scope="module")
def recorded():
    return load_results("watch_time/completion")


@pytest.fixture(scope="module")
def real():
    return load_results("watch_time/kuairand")


# --- completion, over worlds -------------------------------------------------------------------------


def test_every_world_has_every_score_and_every_wish(recorded):
    assert len(recorded["made_by"]["seeds"]) >= 8
    assert [run["seed"] for run in recorded["runs"]] == recorded["made_by"]["seeds"]
    for run in recorded["runs"]:
        assert set(run["yardstick"]) == {*NETWORKS, *(f"ceiling: {name}" for name in NETWORKS)}
        assert set(run["fused"]) == {"requests", *WISHES}
        assert all(set(run["fused"][wish]) == {"none", "raw", "corrected", "ceiling"} for wish in WISHES)
        assert all(weight in recorded["tried"] for weight in run["fused"]["completions"]["raw"]["weights"])


def test_the_correction_takes_the_length_out_in_every_world(recorded):
    for run in recorded["runs"]:
        for target in SHARES:
            raw, corrected = (run["yardstick"][name] for name in (target, f"corrected {target}"))
            assert raw["length"] < -0.6
            assert abs(corrected["length"]) < 0.25
            assert corrected["interest"] > raw["interest"] + 0.1
            assert run["yardstick"][f"ceiling: corrected {target}"]["interest"] > 0.93


def test_without_a_term_there_is_one_list_for_every_wish(recorded):
    for run in recorded["runs"]:
        for outcome in ("clicks", "completions", "seconds", "duration"):
            assert len({run["fused"][wish]["none"][outcome] for wish in WISHES}) == 1
        for wish in WISHES:
            values = {name: found["value"] for name, found in run["fused"][wish].items()}
            assert values["ceiling"] == max(values.values())


def test_a_part_of_the_record_comes_out_again(recorded):
    """What the truth alone decides comes out as it was, what a network learnt nearly so."""
    train, test = course_log(recorded["impressions"]).after(days=30).split(0.8, 0.2)
    rows, held_out = (part.select(part.label("click") == 1) for part in (train, test))
    was = recorded["runs"][0]
    assert (was["rows"], was["held_out"]) == (len(rows), len(held_out))
    labels, duration = shares_of(rows), column(held_out, "duration")
    f = wt.LengthCorrection.fit(rows.rows["duration"], labels[:, 1])
    p = truth_of(held_out).reaches(COMPLETED)
    interest = interest_of(held_out.truth["watch_mu"].to_numpy(np.float64), duration)
    for name, score in {"completion": p, "corrected completion": f.correct(p, duration)}.items():
        found = rank_correlation(score, interest)
        assert found == pytest.approx(was["yardstick"][f"ceiling: {name}"]["interest"], abs=1e-4)
    encoder = FeatureEncoder().fit(train)
    net = trained_on_shares(encoder.transform(rows), labels, 0)
    said = expit(net(encoder.transform(held_out)))[:, 1]
    # Sums run in another order on another processor: equal up to what that makes of 300 steps.
    assert said.mean() == pytest.approx(was["targets"]["completion"]["mean"], rel=0.03)
    found = rank_correlation(f.correct(said, duration), interest)
    assert found == pytest.approx(was["yardstick"]["corrected completion"]["interest"], abs=0.05)


def test_the_interest_has_nothing_left_of_the_length():
    d = np.array([10.0, 60.0, 300.0])
    mu = 2.5 + EFFECTS["watch_time"]["length"] * np.log(d / 60)
    np.testing.assert_allclose(interest_of(mu, d), 2.5)


def test_a_perfect_d2q_says_one_half_where_all_rows_are_alike():
    rng = np.random.default_rng(1)
    d = rng.uniform(10.0, 200.0, 4_000)
    truth = wt.LogNormalWatchTime(np.full(4_000, 1.5), np.full(4_000, 1.0), d)
    watched = np.minimum(np.exp(rng.normal(1.5, 1.0, 4_000)), d)
    quantiles = wt.DurationQuantiles.fit(d, watched, groups=4)
    assert quantiles_of(quantiles, truth).mean() == pytest.approx(0.5, abs=0.02)


def test_a_weight_is_chosen_on_one_half_and_judged_on_the_other():
    """Two halves that want opposite weights: each gets the other's, and loses by it."""
    rng = np.random.default_rng(2)
    base, term = rng.random((2, 400, 10))
    half = np.arange(400) % 2 == 0
    value = np.where(half[:, None], base, term)
    found = completion.at_best_weight(base, term, value, {"term": term}, half)
    assert found["weights"][0] == 0.0
    assert found["weights"][1] == completion.TRIED[-1]
    best = completion.shown_first(value, {"value": value})["value"]
    assert found["value"] < best - 0.1
    swapped = np.where(half[:, None], top_k(term, completion.SHOWN), top_k(base, completion.SHOWN))
    by_hand = np.take_along_axis(value, swapped, axis=1).mean()
    assert found["value"] == pytest.approx(by_hand, abs=0.01)


def test_a_small_log_of_another_world_runs_through():
    found = completion.run(3, 60_000)
    assert found["rows"] > 500
    f = found["exposure"]["f"]
    assert all(np.all(np.diff(values) < 0) for name, values in f.items() if name != "randomised")
    judged = found["exposure"]["on_drawn"]
    assert judged["raw"]["length"] < judged["policy"]["length"] < 0.0
    assert judged["drawn"]["interest"] > judged["raw"]["interest"]
    first = found["first"]
    assert first["completion"]["duration"] < first["any order"]["duration"]


# --- a real log --------------------------------------------------------------------------------------


def test_the_record_of_the_real_log_adds_up(real):
    assert real["impressions"] == real["rows"] + real["unknown_duration"]
    for part in ("described", "at_once"):
        found = real[part]
        assert sum(eighth["rows"] for eighth in found["by_length"]) == found["rows"]
        assert found["f_gap"] < 0.02
        for name in ("mean", "not_played", "skipped", "beyond", "share_played", "completion"):
            assert found["low"][name] < found[name] < found["high"][name]
            by_hand = sum(eighth["rows"] * eighth[name] for eighth in found["by_length"]) / found["rows"]
            assert by_hand == pytest.approx(found[name], rel=1e-5)
    assert real["described"]["rows"] == real["rows"] > real["at_once"]["rows"]


def test_methods_are_means_over_the_seeds_inside_their_intervals(real):
    value, low, high = (real["methods"][end] for end in ("value", "low", "high"))
    for name, found in value.items():
        levels = [run["methods"][name]["level"] for run in real["runs"]]
        assert found["level"] == pytest.approx(np.mean(levels), rel=1e-4)
        for measure in ("level", "mae", "rmse", "xauc"):
            assert low[name][measure] < found[measure] < high[name][measure]
        assert not set(kuairand.NO_INTERVAL) & set(low[name])


def test_only_the_newest_real_rows_are_read_too_low(real):
    for run in real["runs"]:
        found = run["drift"]
        assert found["newest"] == run["methods"]["without the weight"]["level"]
        assert found["newest"] < min(found["learnt_from"], found["at_random"], found["moved_back"])
    older, newer = real["by_count"]["learnt_from"], real["by_count"]["newest"]
    assert newer["count"] > 1.5 * older["count"]
    assert older["quarters"] == sorted(older["quarters"], reverse=True)


def test_intervals_draw_whole_users():
    """As the package's own bootstrap does; rows alone would make it too narrow."""
    rng = np.random.default_rng(4)
    user = rng.permutation(np.repeat(np.arange(40), 25))
    values = rng.normal(size=40)[user] + 0.1 * rng.normal(size=1_000)
    low, high = kuairand.over_users(user, lambda rows: {"mean": values[rows].mean()}, draws=2_000)
    right = bootstrap_interval(values, groups=user)
    assert low["mean"] == pytest.approx(right.low, abs=0.03)
    assert high["mean"] == pytest.approx(right.high, abs=0.03)
    alone = bootstrap_interval(values)
    assert high["mean"] - low["mean"] > 2 * (alone.high - alone.low)


def test_ends_keep_the_structure():
    found = [{"a": k, "b": [np.array([k, -k])]} for k in range(101)]
    low, high = kuairand.ends_of(found)
    assert (low["a"], high["a"]) == (2.5, 97.5)
    np.testing.assert_array_equal(low["b"][0], [2.5, -97.5])


def test_moments_of_five_plays():
    t, d = np.array([0.0, 2.0, 8.0, 9.0, 30.0]), np.array([10.0, 10.0, 10.0, 10.0, 20.0])
    found = kuairand.moments(t, d)
    assert (found["not_played"], found["skipped"], found["beyond"]) == (0.2, 0.4, 0.2)
    assert found["share_played"] == pytest.approx((0 + 0.2 + 0.8 + 0.9 + 1) / 5)
    assert found["completion"] == pytest.approx(0.6)
    assert found["quantiles"][2] == 8.0


def test_rank_correlation_is_that_of_ranks():
    rng = np.random.default_rng(5)
    a, b = rng.integers(5, size=(2, 60)).astype(float)
    right = np.corrcoef(rankdata(a), rankdata(b))[0, 1]
    assert rank_correlation(a, b) == pytest.approx(right)


@pytest.mark.kuairand
def test_what_a_real_log_shows(kuairand_folder):
    """Completion falls with length, and the source's loss in seconds says a small part of what is watched."""
    from ranking.logs.kuairand import load_kuairand, single_column

    log = load_kuairand(kuairand_folder).with_statistics()
    few = log.select(slice(max(0, len(log) - 20_000), None))
    usable = few.select(wt.known_duration(few.rows["duration"]))
    found = kuairand.described(usable, draws=3)
    assert found["with_length"]["completion"] < -0.1
    assert kuairand.described(single_column(few), draws=3)["not_played"] < found["not_played"]
    one, (low, high) = kuairand.run(usable, 0, draws=3)
    methods = one["methods"]
    assert methods["source, unit 1 s"]["level"] < 0.4
    assert methods["source, unit 1 s"]["level"] < methods["without the weight"]["level"] < 1.3
    assert one["drift"]["newest"] == methods["without the weight"]["level"]
    assert one["with_length"]["completion"] < -0.3 < one["with_length"]["corrected completion"]
    assert set(low) == set(high) == {"methods", "with_length", "drift"}
