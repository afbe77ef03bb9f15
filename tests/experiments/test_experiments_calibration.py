"""Recorded results: they meet what chapter 3 promises, and a small part of them comes out again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from bookwork.results import load_results
from experiments.calibration import alarm, bend, controls, fused_order, level, level_kuairand, weighting
from experiments.calibration.sampling import click_model
from experiments.logs import true, truth_in_first_place, whole_requests
from experiments.multi_task.setting import Setting
from ranking.calibration import LevelCusum, calibrate, downsample_negatives, downsampled
from ranking.logs import FeatureEncoder
from ranking.simulator import World, WorldConfig
from ranking.training import predict_logits
from ranking_course import course_log, openings
from ranking_course.explorers import FusedOrderExplorer

pytestmark = pytest.mark.slow

SMALL = {"n_users": 500, "n_items": 800, "n_authors": 80}


@pytest.fixture(scope="module")
def recorded():
    return load_results("calibration/sampling")


@pytest.fixture(scope="module")
def runs(recorded):
    """One row per run, with what it is compared with: the truth and the full data of the same log."""
    table = pd.json_normalize(recorded["runs"])
    truth = {t["seed"]: t["mean"] for t in recorded["truths"]}
    full = table[table["rate"] == 1.0].set_index("seed")
    table["level"] = table["calibrated.mean"] / table["seed"].map(truth)
    table["auc_lost"] = table["seed"].map(full["auc"]) - table["auc"]
    table["cheaper"] = table["seed"].map(full["train_seconds"]) / table["train_seconds"]
    return table


def test_every_rate_has_every_seed(recorded, runs):
    assert len(recorded["made_by"]["seeds"]) >= 5
    assert (runs.groupby("rate")["seed"].nunique() == len(recorded["made_by"]["seeds"])).all()
    assert set(runs["rate"]) == {1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01}


def test_one_negative_in_ten_meets_the_targets(runs):
    at = runs[runs["rate"] == 0.1].median(numeric_only=True)
    assert abs(at["level"] - 1) < 0.02
    assert at["calibrated.ece"] < 0.01
    assert at["auc_lost"] < 0.003
    assert at["cheaper"] > 4


def test_calibration_never_changes_the_log_loss_of_the_full_data(runs):
    full = runs[runs["rate"] == 1.0]
    np.testing.assert_array_equal(full["raw.log_loss"], full["calibrated.log_loss"])


@pytest.mark.usefixtures("one_thread")
def test_a_part_of_the_record_comes_out_again(recorded, runs):
    from experiments.calibration.sampling import run

    log = course_log(recorded["impressions"]).after(days=30)
    again = run(log, rate=0.1, seed=0)
    was = runs[(runs["rate"] == 0.1) & (runs["seed"] == 0)].iloc[0]
    assert again["rows"] == was["rows"]
    # Sums run in another order on another processor: equal up to what that makes of 150 steps.
    assert again["auc"] == pytest.approx(was["auc"], abs=0.002)
    assert again["raw"]["mean"] == pytest.approx(was["raw.mean"], rel=0.02)
    assert again["calibrated"]["log_loss"] == pytest.approx(was["calibrated.log_loss"], abs=0.002)


@pytest.fixture(scope="module")
def small_world():
    return World.build(WorldConfig(**SMALL), seed=1)


@pytest.fixture(scope="module")
def small_log(small_world):
    return small_world.simulate(60_000, seed=1).with_statistics().after(days=20)


def test_a_model_starts_at_the_rate_of_its_sample(small_log):
    labels = small_log.label("click")
    encoder = FeatureEncoder().fit(small_log)
    sample = labels[downsample_negatives(labels, 0.4, rng=0)]  # far from one half, where models start
    untrained = expit(predict_logits(click_model(encoder, 0, sample), encoder.transform(small_log)))
    assert untrained.mean() == pytest.approx(sample.mean(), rel=0.05)
    assert 1.5 * labels.mean() < sample.mean() < 0.4


# --- fused order ------------------------------------------------------------------------------------


def test_every_price_was_tried_at_every_rate_in_every_world():
    record = load_results("calibration/fused_order")
    worlds = len(record["made_by"]["seeds"])
    assert worlds >= 10
    assert len(record["runs"]) == worlds * len(record["rates"])
    for run in record["runs"]:
        assert [price["price"] for price in run["prices"]] == record["prices"]
    assert record["standard_price"] in record["prices"]


@pytest.fixture(scope="module")
def known_rates():
    """True rates of clicks and likes, (requests, items) each, and a half of the requests."""
    rng = np.random.default_rng(0)
    shape = (600, 10)
    half = np.arange(shape[0]) % 2 == 0
    return expit(rng.normal(-2.5, 1.0, shape)), expit(rng.normal(-3.3, 1.0, shape)), half


def test_raw_clicks_cost_value_and_a_smaller_weight_brings_most_of_it_back(known_rates):
    p, like, half = known_rates
    raw, right = fused_order.fused(downsampled(p, 0.05), like), fused_order.fused(p, like)
    at = fused_order.at_price(10, p * (1 + 10 * like), raw, right, half)
    assert at["order_differs"] > at["first_differs"] > 0.1
    assert at["value_lost"] > 0.02
    assert 0.0 <= at["raw_tuned"]["value_lost"] < at["value_lost"] / 3
    assert max(at["raw_tuned"]["multiples"]) < 1.0
    assert at["calibrated_tuned"] == {"value_lost": pytest.approx(0.0, abs=1e-12), "multiples": [1.0, 1.0]}


def test_what_is_tuned_on_one_half_is_judged_on_the_other(known_rates):
    """Two halves that want opposite weights: each gets the other's, and loses by it."""
    p, like, half = known_rates
    value = np.where(half[:, None], p * (1 + 100 * like), p)
    right = fused_order.fused(p, like)
    at = fused_order.at_price(10, value, right, right, half)
    assert at["raw_tuned"]["multiples"][0] > 2.0 > 0.5 > at["raw_tuned"]["multiples"][1]
    assert at["raw_tuned"]["value_lost"] > 0.02


def test_the_fused_orders_of_a_small_world(small_log, small_world):
    _, test = small_log.split(0.8, 0.2)
    its = truth_in_first_place(test.select(whole_requests(test)), small_world)
    found, shown = fused_order.run(small_log, its, 0.1, seed=0)
    assert found["requests"] == whole_requests(test).sum() // 10
    assert found["click_level"] == pytest.approx(1.0, abs=0.25)
    clicked = test.label("click") == 1.0
    assert found["like"]["clicked_rows"] == clicked.sum()
    assert found["like"]["truth"] == pytest.approx(true(test, "p_like")[clicked].mean())
    assert found["like"]["label"] == pytest.approx(test.label("like")[clicked].mean())
    differs = [price["order_differs"] for price in found["prices"]]
    assert differs == sorted(differs)
    whole = test.select(whole_requests(test)).rows["item"].to_numpy().reshape(-1, 10)
    assert [one["item"] for one in shown] in whole.tolist()


def test_the_disorder_of_two_orders_is_by_how_many_places_items_stand_apart():
    right = np.array([[2, 0, 1], [0, 1, 2]])
    wrong = np.array([[2, 1, 0], [2, 1, 0]])
    assert fused_order.disorder(right, wrong).tolist() == [2, 4]


def test_the_opening_shows_the_requests_and_what_raw_scores_cost():
    record = load_results("calibration/fused_order")
    shown = openings.fused_orders(record)
    assert len(shown["requests"]) == len(record["shown"]) == fused_order.SHOWN_WORLDS
    for request, recorded in zip(shown["requests"], record["shown"], strict=True):
        items = request["items"]
        assert [one["p_click"] for one in items] == [one["p_click"] for one in recorded]
        assert len({one["name"] for one in items}) == len(items) == 10
        assert all(one["name"].startswith(old["topic"]) for one, old in zip(items, recorded, strict=True))
    worlds = shown["worlds"]
    assert worlds["sampling_rates"] == [1.0, *record["rates"]]
    at = worlds["sampling_rates"].index(0.1), worlds["prices"].index(5)
    lost = [own[at[0]][at[1]] for own in worlds["lost"]]
    by_hand = [
        price["value_lost"]
        for run in record["runs"]
        for price in run["prices"]
        if (run["rate"], price["price"]) == (0.1, 5)
    ]
    assert lost == by_hand
    assert all(own[0] == [0.0] * len(worlds["prices"]) for own in worlds["lost"])
    FusedOrderExplorer(shown)  # takes it as it is


# --- weights in the loss ----------------------------------------------------------------------------


def test_every_treatment_was_drawn_in_every_world():
    record = load_results("calibration/weighting")
    runs = pd.DataFrame(record["runs"])
    seeds = len(record["made_by"]["seeds"])
    draws = runs["draw"].nunique()
    assert seeds >= 10
    counts = runs.groupby(["treatment", "rate"]).size()
    assert (counts == seeds * draws).all()
    assert set(counts["weights"].index) == set(counts["shift"].index) == set(record["rates"])
    assert set(runs["learning_rate"]) <= set(record["learning_rates"])


@pytest.mark.usefixtures("one_thread")
def test_weights_need_no_shift_and_no_weights_do(small_log):
    setting = Setting.of(small_log, seed=1)
    labels = setting.learnt.labels[:, 0]
    rows = downsample_negatives(labels, 0.1, rng=0)
    weights = np.where(labels[rows] == 1.0, 1.0, 10.0)
    features = setting.judged_on.features
    said = {
        name: expit(predict_logits(weighting.train(setting, rows, given, 0.005, seed=0), features)).mean()
        for name, given in {"weighted": weights, "not": None}.items()
    }
    assert said["weighted"] == pytest.approx(labels.mean(), rel=0.15)
    assert said["not"] == pytest.approx(labels[rows].mean(), rel=0.15)


@pytest.mark.usefixtures("one_thread")
def test_draws_share_the_learning_rate_of_the_first(small_log):
    setting = Setting.of(small_log, seed=1)
    runs = weighting.treatment(setting, "shift", 0.1, 2, lambda p: calibrate(p, 0.1))
    assert [run["draw"] for run in runs] == [0, 1]
    assert runs[0]["learning_rate"] == runs[1]["learning_rate"]
    assert runs[0]["auc"] != runs[1]["auc"]
    for run in runs:
        assert run["level"] == pytest.approx(1.0, abs=0.3)
        assert 0.5 < run["auc"] < 1.0


# --- a level that is still off ----------------------------------------------------------------------


def test_every_correction_was_fitted_after_every_drift():
    record = load_results("calibration/level")
    seeds = record["made_by"]["seeds"]
    assert len(seeds) >= 10
    assert [(r["seed"], r["drift"]) for r in record["runs"]] == [(s, d) for s in seeds for d in level.DRIFTS]
    for run in record["runs"]:
        for name in level.JUDGED:
            assert np.shape(run[name]) == (len(record["sizes"]), len(record["corrections"]))
        assert run["fresh_rows"] >= max(record["sizes"])


def test_until_the_drift_sets_in_there_is_one_log():
    """What lets one model serve all four; and the jump of a segment is the segment's alone."""
    logs = {
        name: World.build(WorldConfig(**SMALL, drift=drift), 2).simulate(40_000, seed=2)
        for name, drift in level.DRIFTS.items()
    }
    before = [level.days(log, 0, level.DRIFT_FROM) for log in logs.values()]
    after = {name: level.days(log, level.DRIFT_FROM) for name, log in logs.items()}
    for log in before[1:]:
        pd.testing.assert_frame_equal(log.rows, before[0].rows)
    assert len(before[0]) + len(after["none"]) == 40_000
    calm = true(after["none"], "p_click")
    assert (true(after["jump"], "p_click") < calm).mean() > 0.99
    moved = true(after["segment"], "p_click") < 0.99 * calm
    young = np.isin(level.slices_of(after["none"])["age_band"], level.YOUNG)
    np.testing.assert_array_equal(moved, young)


@pytest.fixture(scope="module")
def judged():
    """What the corrections make of logits whose young are 0.8 too high, and of old rows that are rubbish."""
    rng = np.random.default_rng(4)

    def rows(count):
        z = rng.normal(-2.0, 1.0, count)
        codes = {"age_band": rng.integers(0, 6, count), "region": rng.integers(0, 30, count)}
        return z, codes, expit(z - 0.8 * np.isin(codes["age_band"], level.YOUNG))

    logits, codes, chances = rows(60_000)
    labels = (rng.random(60_000) < chances).astype(float)
    labels[:20_000] = rng.random(20_000) < 0.5
    found = level.compared(labels, logits, codes, *rows(30_000))
    return {name: pd.DataFrame(found[name], level.SIZES, list(level.CORRECTIONS)) for name in level.JUDGED}


def test_the_right_slice_repairs_what_a_common_shift_hides(judged):
    loss = judged["log_loss_change"].loc[40_000]
    assert (judged["log_loss_change"]["none"] == 0.0).all()
    assert loss["right slice, raw"] < loss["shift"] < 0.0
    assert loss["right slice, shrunk"] == pytest.approx(loss["right slice, raw"], rel=0.05)
    assert loss["shift"] <= loss["wrong slice, shrunk"] <= loss["wrong slice, raw"]
    assert judged["level"].loc[40_000, "shift"] == pytest.approx(1.0, abs=0.03)
    assert judged["level_young"].loc[40_000, "shift"] > 1.2
    assert judged["level_others"].loc[40_000, "shift"] < 0.95
    assert judged["level_young"].loc[40_000, "right slice, raw"] == pytest.approx(1.0, abs=0.05)


def test_few_rows_are_enough_for_one_parameter_alone(judged):
    loss = judged["log_loss_change"].loc[500]
    assert loss["shift"] < loss["isotonic"]
    assert loss["right slice, shrunk"] < loss["right slice, raw"] < loss["wrong slice, raw"]


def test_order_moves_only_where_rows_move_apart_or_together(judged):
    auc = judged["auc_change"]
    assert (auc[["none", "shift", "temperature", "platt"]] == 0.0).all(axis=None)
    assert (auc["isotonic"] < 0.0).all()
    assert auc.loc[40_000, "right slice, raw"] > 0.0


@pytest.mark.usefixtures("one_thread")
def test_corrections_on_rows_of_tabs(small_log, monkeypatch):
    tab = np.arange(len(small_log)) % 3
    tabbed = replace(small_log, rows=small_log.rows.assign(tab=tab.astype(np.int8)))
    monkeypatch.setattr(level_kuairand, "real_log", lambda: tabbed)
    monkeypatch.setattr(level_kuairand, "SIZES", (500,))
    found = level_kuairand.measure(range(1))
    assert found["train_rows"] + found["fresh_rows"] + found["judged_rows"] == found["rows"]
    assert found["slices"] == 3
    assert len(found["runs"]) % len(level_kuairand.CORRECTIONS) == 0
    assert max(run["size"] for run in found["runs"]) == found["fresh_rows"]
    for run in found["runs"]:
        assert run["interval"][0] < run["log_loss_change"] < run["interval"][1]
        if run["correction"] in ("shift", "temperature", "platt"):
            assert run["auc_change"] == 0.0
        if run["correction"] in ("isotonic", "by tab, raw"):
            assert run["auc_change"] != 0.0


# --- the alarm --------------------------------------------------------------------------------------


def test_months_and_faults_were_many():
    record = load_results("calibration/alarm")
    assert {(c["base_rate"], c["scatter"]) for c in record["calm"]} == {
        (rate, scatter) for rate in alarm.SPREADS for scatter in (0.0, alarm.SCATTER)
    }
    assert all(case["months"] >= 1_000 for case in record["calm"])
    assert all(case["faults"] >= 200 for case in record["faulty"])


@pytest.mark.parametrize("base_rate", alarm.SPREADS)
def test_predictions_are_as_said(base_rate):
    p = alarm.predictions(base_rate)
    assert p.mean() == pytest.approx(base_rate, rel=0.01)
    assert p.std() == pytest.approx(alarm.SPREADS[base_rate], rel=0.01)
    truth = expit(logit(p) + alarm.shift_for(p, 0.05))
    assert p.mean() / truth.mean() == pytest.approx(1.05)
    rng = np.random.default_rng(0)
    labels, said = alarm.draw(p, np.array([0.0, alarm.shift_for(p, 0.5)]), 100_000, rng)
    assert said[:100_000].mean() / labels[:100_000].mean() == pytest.approx(1.0, abs=0.03)
    assert said[100_000:].mean() / labels[100_000:].mean() == pytest.approx(1.5, abs=0.05)


def test_each_test_looks_at_what_it_says():
    p = np.full(300, 0.5)
    calm = np.tile([0.0, 1.0], 150)
    alarms = {"alarm": alarm.ALARM, "chart": LevelCusum(0.1, 2.0)}
    assert not any(alarm.rang(calm, p, 10, alarms).values())
    one_bad_day = np.r_[calm[:250], np.ones(10), calm[260:]]
    assert alarm.rang(one_bad_day, p, 10, alarms) == {
        "alarm": False,
        "chart": False,
        "z of all rows so far": False,
        "z of the day": True,
    }
    assert all(alarm.rang(np.ones(300), p, 10, alarms).values())


def test_scattered_days_and_daily_tests_ring_more_often():
    alarms = {"alarm": alarm.ALARM}
    calm, scattered = (
        alarm.false_months(0.45, scatter, 60, 1_000, alarms)["false"] for scatter in (0.0, 0.05)
    )
    assert calm["alarm"] < calm["z of all rows so far"] < calm["z of the day"]
    assert scattered["alarm"] > calm["alarm"] + 5


def test_larger_faults_are_found_sooner_and_late_ones_later():
    small, large, late = (
        alarm.rows_until_found(0.45, *case, faults=15, rows=500)
        for case in ((0.1, False), (0.2, False), (0.2, True))
    )
    assert small["found"] == 15
    assert large["quartiles"][1] < small["quartiles"][1]
    assert large["quartiles"] == sorted(large["quartiles"])
    assert (
        large["quartiles"][1] < late["quartiles"][1] < 30 * 500
    )  # of the fault alone, not of the calm month
    assert late["faults"] <= 15


def test_a_fault_that_is_not_found_counts_as_endless(monkeypatch):
    monkeypatch.setattr(alarm, "PATIENCE", 0)
    found = alarm.rows_until_found(0.1, 0.05, False, faults=3, rows=10)
    assert (found["found"], found["quartiles"]) == (0, [None] * 3)


def test_users_share_an_error_and_the_model_is_right_on_average():
    p = np.full(400_000, 0.1)
    chances = alarm.with_user_errors(p, np.random.default_rng(0))
    assert chances.mean() == pytest.approx(0.1, rel=0.01)
    by_user = chances.reshape(-1, alarm.USER_ROWS)
    assert (by_user == by_user[:, :1]).all()
    assert logit(by_user[:, 0]).std() == pytest.approx(alarm.USER_ERROR, rel=0.02)
    assert alarm.with_user_errors(p[:30], np.random.default_rng(0)).shape == (30,)


def test_the_design_effect_is_one_more_than_what_users_share():
    p = alarm.predictions(0.45)
    rng = np.random.default_rng(5)
    chances = np.array([alarm.with_user_errors(p, rng) - p for _ in range(5)]).reshape(5, -1, 20)
    shared = ((chances.sum(axis=2) ** 2).sum() - (chances**2).sum()) / (5 * (p * (1 - p)).sum())
    assert alarm.design_effect(0.45, 5, 2_000) == pytest.approx(1.0 + shared, rel=0.03)


def test_the_chart_rings_in_its_part_of_calm_months_and_users_ring_all_that_do_not_know_of_them():
    chart = alarm.chart_for(0.45, 100, 200)
    alarms = alarm.alarms_for(chart, alarm.design_effect(0.45, 10, 2_000))
    alone, clustered = (
        alarm.false_months(0.45, 0.0, 100, 200, alarms, clustered)["false"] for clustered in (False, True)
    )
    assert alone["chart"] <= 12
    assert clustered["chart"] > 12
    assert clustered["alarm"] > clustered["alarm with design effect"]
    assert clustered["chart"] > clustered["chart with design effect"]


def test_the_chart_forgets_a_calm_month():
    chart = LevelCusum(0.1, 5.0)
    early, late = (
        alarm.rows_until_found(0.45, 0.2, late, faults=15, rows=500, alarm=chart) for late in (False, True)
    )
    assert late["quartiles"][1] < 1.3 * early["quartiles"][1]


def test_the_record_of_other_alarms_is_complete():
    record = load_results("calibration/alarm")
    faults = {(case["base_rate"], case["too_high"], case["after_a_calm_month"]) for case in record["faulty"]}
    for kind, names in (
        ("faulty_by_alarm", {"tolerant alarm", "chart"}),
        ("faulty_clustered", {"alarm with design effect", "chart with design effect"}),
    ):
        found = {
            (case["alarm"], case["base_rate"], case["too_high"], case["after_a_calm_month"])
            for case in record[kind]
        }
        assert found == {(name, *fault) for name in names for fault in faults}
    assert all(case["months"] >= 500 for case in record["clustered"])
    tolerant = [case["false"]["tolerant alarm"] / case["months"] for case in record["calm"]]
    assert max(tolerant) < alarm.LEVEL
    known = [case["false"]["alarm with design effect"] / case["months"] for case in record["clustered"]]
    assert max(known) < alarm.LEVEL + 0.02


@pytest.mark.parametrize(
    ("rows", "size"), [(1_000_000, 256), (99_999, 64), (8_907, 64), (8_000, 32), (2_000, 8), (10, 8)]
)
def test_a_small_log_is_learned_in_small_steps(rows, size):
    from experiments.kuairand import batch_size_for

    assert batch_size_for(rows) == size


@pytest.mark.kuairand
@pytest.mark.usefixtures("one_thread")
def test_calibration_holds_on_real_rows(kuairand_folder):
    """Within 5% of the observed click rate on held-out rows of a real log, over five seeds."""
    from experiments.calibration.kuairand import run
    from ranking.logs.kuairand import load_kuairand

    train, test = load_kuairand(kuairand_folder).with_statistics().split(0.8, 0.2)
    observed = test.label("click").mean()
    level = np.mean([run(train, test, rate=0.5, seed=s)["calibrated_mean"] for s in range(5)]) / observed
    raw = run(train, test, rate=0.5, seed=0)["raw_mean"] / observed
    assert abs(level - 1) < 0.05
    assert raw > 1.2


# --- controls, and predictions that are bent --------------------------------------------------------


def test_every_control_was_tried_in_every_world():
    record = load_results("calibration/controls")
    runs = pd.DataFrame(record["runs"])
    seeds = record["made_by"]["seeds"]
    assert len(seeds) >= 10
    assert all(sorted(own) == sorted(seeds) for _, own in runs.groupby("treatment")["seed"])
    kinds = ("short, negatives", "short, any rows", "long, negatives")
    sampled = {f"{kind}, {alpha}" for kind in kinds for alpha in record["rates"]}
    assert set(runs["treatment"]) == sampled | {"short, all rows", "long, all rows"}
    rows = runs.pivot(index="seed", columns="treatment", values="rows")
    for alpha in record["rates"]:
        assert (rows[f"short, negatives, {alpha}"] == rows[f"short, any rows, {alpha}"]).all()
    assert set(runs["learning_rate"]) <= set(record["learning_rates"])


def test_controls_learn_from_the_rows_that_they_name():
    labels = (np.arange(50_000) % 10 == 0).astype(np.float32)
    short = np.arange(0, 50_000, 5)
    found = controls.treatments(labels, short, np.random.default_rng(0))
    for alpha in controls.RATES:
        kept, rate = found[f"short, negatives, {alpha}"]
        assert rate == alpha
        assert set(kept) <= set(short)
        assert labels[kept].sum() == labels[short].sum()  # all clicks are there
        assert (labels[kept] == 0).sum() == pytest.approx(alpha * (labels[short] == 0).sum(), rel=0.3)
        any_rows, rate = found[f"short, any rows, {alpha}"]
        assert rate == 1.0
        assert len(any_rows) == len(set(any_rows)) == len(kept)
        assert labels[any_rows].mean() == pytest.approx(labels[short].mean(), rel=0.3)
        long, rate = found[f"long, negatives, {alpha}"]
        assert rate == alpha
        assert labels[long].sum() == labels.sum()
    assert len(found["long, all rows"][0]) == len(labels)


def test_bent_predictions_have_every_correction_in_every_world():
    record = load_results("calibration/bend")
    worlds = len(record["made_by"]["seeds"])
    assert worlds >= 10
    assert len(record["runs"]) == worlds * len(record["passes"])
    shape = (len(record["sizes"]), len(record["corrections"]))
    for run in record["runs"]:
        assert np.shape(run["log_loss_change"]) == shape
    assert record["corrections"] == list(level.CORRECTIONS)


def test_more_passes_bend_more_and_only_a_slope_mends_them():
    """On a log so small that the second pass learns it by heart."""
    found = {run["passes"]: run for run in bend.run(0, 60_000)}
    assert set(found) == set(bend.PASSES)
    assert found[6]["log_loss"] > found[3]["log_loss"]
    place = {name: k for k, name in enumerate(level.CORRECTIONS)}
    gained = found[6]["log_loss_change"][-1]
    assert gained[place["platt"]] < gained[place["shift"]] < 0.0
