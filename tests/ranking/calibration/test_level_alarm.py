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
        ({"variance": -1.0}, "variance must be at least 0"),
        ({"rows": 3, "rang_after": 4}, "rang_after must be at most the 3 rows, got 4"),
    ],
)
def test_settings_outside_the_range_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        LevelAlarm(**given)


def test_predictions_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"predictions must be in \[0, 1\], got 1.2 at index 1"):
        LevelAlarm().update([0, 1], [0.5, 1.2])
