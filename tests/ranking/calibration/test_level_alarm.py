"""The alarm on the level of predictions: its formula, its false alarms, what it finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm

from ranking.calibration import LevelAlarm


def month(shift=0.0, rows=20_000, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(2.0, 18.0, rows)
    return (rng.random(rows) < expit(logit(p) + shift)).astype(float), p


def test_the_ratio_is_the_mixture_that_it_says():
    y, p = month(rows=400)
    alarm = LevelAlarm(tau=0.3).update(y, p)
    s, v = (y - p).sum(), (p * (1 - p)).sum()
    mixture, _ = quad(lambda t: math.exp(t * s - t * t * v / 2) * norm.pdf(t, scale=0.3), -3.0, 3.0)
    assert alarm.log_ratio == pytest.approx(math.log(mixture), abs=1e-8)


def test_rows_may_come_in_any_parts():
    y, p = month(0.4, rows=5_000)
    whole = LevelAlarm().update(y, p)
    parts = LevelAlarm()
    for some in np.split(np.arange(5_000), [1, 700, 701, 3_000]):
        parts = parts.update(y[some], p[some])
    assert whole.rang
    assert (parts.rows, parts.rang_after) == (whole.rows, whole.rang_after)
    assert parts.log_ratio == pytest.approx(whole.log_ratio)


def test_it_rings_at_the_first_row_at_which_the_path_is_high_enough_and_stays_so():
    y, p = month(0.4, rows=5_000)
    alarm = LevelAlarm()
    path = alarm.log_ratios(y, p)
    after = alarm.update(y, p)
    assert alarm == LevelAlarm()  # which was not changed
    assert path[after.rang_after - 1] >= math.log(20) > path[: after.rang_after - 1].max()
    calm = after.update(*month(-0.4, rows=5_000, seed=1))
    assert calm.log_ratio < math.log(20)
    assert calm.rang_after == after.rang_after
    assert path[-1] == pytest.approx(after.log_ratio)


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_false_alarms_are_as_rare_as_promised(level):
    rang = [LevelAlarm(level).update(*month(rows=5_000, seed=seed)).rang for seed in range(400)]
    assert np.mean(rang) <= level + 2 * math.sqrt(level * (1 - level) / 400)
    assert np.mean(rang) > 0.0


# --- a tolerance --------------------------------------------------------------------------------------


def test_with_a_tolerance_the_ratio_is_the_mean_of_two_one_sided_mixtures():
    y, p = month(0.1, rows=400)
    alarm = LevelAlarm(tau=0.3, tolerance=0.05).update(y, p)
    halves = []
    for sign in (1, -1):
        edge = expit(logit(p) + sign * 0.05)
        s, v = (y - edge).sum(), (edge * (1 - edge)).sum()
        mixture, _ = quad(
            lambda t, sign=sign, s=s, v=v: (
                math.exp(sign * t * s - t * t * v / 2) * 2 * norm.pdf(t, scale=0.3)
            ),
            0.0,
            3.0,
        )
        halves.append(mixture)
    assert alarm.log_ratio == pytest.approx(math.log(np.mean(halves)), abs=1e-7)
    assert alarm.log_ratio == pytest.approx(LevelAlarm(tau=0.3, tolerance=0.05).log_ratios(y, p)[-1])


def test_a_tolerance_that_vanishes_changes_nothing():
    y, p = month(0.2, rows=3_000)
    np.testing.assert_allclose(
        LevelAlarm(tolerance=1e-12).log_ratios(y, p), LevelAlarm().log_ratios(y, p), atol=1e-9
    )


def test_with_a_tolerance_too_many_and_too_few_clicks_are_alike():
    y, p = month(0.2, rows=3_000)
    for alarm in (LevelAlarm(), LevelAlarm(tolerance=0.03)):
        np.testing.assert_allclose(alarm.log_ratios(y, p), alarm.log_ratios(1 - y, 1 - p), atol=1e-9)


def test_with_a_tolerance_rows_may_come_in_any_parts():
    y, p = month(0.4, rows=5_000)
    alarm = LevelAlarm(tolerance=0.05, design_effect=1.5)
    whole, parts = alarm.update(y, p), alarm
    for some in np.split(np.arange(5_000), [1, 700, 701, 3_000]):
        parts = parts.update(y[some], p[some])
    assert whole.rang
    assert (parts.rows, parts.rang_after) == (whole.rows, whole.rang_after)
    assert parts.excess == pytest.approx(whole.excess)
    assert parts.variance == pytest.approx(whole.variance)


def test_chances_of_0_and_1_are_moved_nowhere():
    alarm = LevelAlarm(tolerance=0.1).update([0, 1, 0], [0.0, 1.0, 0.0])
    assert (alarm.log_ratio, alarm.excess, alarm.variance) == (pytest.approx(0.0), (0.0, 0.0), (0.0, 0.0))


@pytest.mark.parametrize("shift", [-0.1, 0.1])
def test_shifts_at_the_edge_of_the_tolerance_ring_as_rarely_as_promised(shift):
    tolerant, strict = LevelAlarm(0.2, tolerance=0.1), LevelAlarm(0.2)
    months = [month(shift, rows=10_000, seed=seed) for seed in range(300)]
    rang = np.mean([tolerant.update(y, p).rang for y, p in months])
    assert 0.0 < rang <= 0.2 + 2 * math.sqrt(0.2 * 0.8 / 300)
    assert np.mean([strict.update(y, p).rang for y, p in months]) > 0.5


def test_faults_beyond_the_tolerance_are_found_though_later():
    strict, tolerant = (
        [LevelAlarm(tolerance=by).update(*month(0.2, 60_000, seed)).rang_after for seed in range(11)]
        for by in (0.0, 0.1)
    )
    assert all(tolerant)
    assert np.median(tolerant) > 1.5 * np.median(strict)


# --- groups of rows that share an error -------------------------------------------------------------


def groups(seed, size=20, count=500):
    rng = np.random.default_rng(seed)
    chance = np.clip(rng.normal(0.4, 0.15, count), 0.0, 1.0).repeat(size)
    return (rng.random(size * count) < chance).astype(float), np.full(size * count, 0.4)


def test_with_a_design_effect_so_many_rows_say_as_much_as_one():
    y, p = month(0.1, rows=400)
    once = LevelAlarm().update(y, p)
    tripled = LevelAlarm(design_effect=3.0).update(np.repeat(y, 3), np.repeat(p, 3))
    assert tripled.log_ratio == pytest.approx(once.log_ratio)
    assert tripled.rows == 1_200


def test_a_design_effect_keeps_the_promise_where_rows_come_in_groups():
    y, p = groups(0, count=20_000)
    effect = ((y - p).reshape(-1, 20).sum(axis=1) ** 2).mean() / (20 * 0.4 * 0.6)
    assert effect == pytest.approx(1 + 19 * 0.15**2 / (0.4 * 0.6), rel=0.05)
    naive, aware = (
        np.mean([LevelAlarm(0.1, design_effect=d).update(*groups(1 + seed)).rang for seed in range(300)])
        for d in (1.0, effect)
    )
    assert naive > 0.2
    assert 0.0 < aware <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / 300)


# --- what it finds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-0.2, 0.2])
def test_a_level_that_is_off_is_found(shift):
    rang = [LevelAlarm().update(*month(shift, seed=seed)).rang for seed in range(20)]
    assert all(rang)


def test_larger_faults_are_found_sooner():
    after = [
        np.median([LevelAlarm().update(*month(shift, 60_000, seed)).rang_after for seed in range(11)])
        for shift in (0.1, 0.2, 0.4)
    ]
    assert after[0] > 1.5 * after[1] > 2.25 * after[2]


def test_before_the_first_row_nothing_speaks_against_the_predictions():
    assert LevelAlarm().log_ratio == 0.0
    assert not LevelAlarm().rang


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"level": 0.0}, r"level must be in \(0, 1\), got 0.0"),
        ({"level": 1.0}, r"level must be in \(0, 1\), got 1.0"),
        ({"tau": 0.0}, "tau must be above 0, got 0.0"),
        ({"tolerance": -0.1}, "tolerance must be at least 0, got -0.1"),
        ({"design_effect": 0.0}, "design_effect must be above 0, got 0.0"),
        ({"variance": (1.0, -1.0)}, r"variance\[1\] must be at least 0, got -1.0"),
        ({"excess": (1.0,)}, "excess must be two numbers, got 1"),
        ({"excess": 1.0}, "excess must be a list or tuple, got 1.0"),
        ({"rows": 3, "rang_after": 4}, "rang_after must be at most the 3 rows, got 4"),
    ],
)
def test_settings_outside_the_range_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        LevelAlarm(**given)


def test_predictions_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"predictions must be in \[0, 1\], got 1.2 at index 1"):
        LevelAlarm().update([0, 1], [0.5, 1.2])
