"""The chart of cumulative sums on the level: its recursion, its false alarms, what it finds and forgets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit

from ranking.calibration import LevelAlarm, LevelCusum


def stretch(shift=0.0, rows=20_000, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(2.0, 3.0, rows)
    return (rng.random(rows) < expit(logit(p) + shift)).astype(float), p


def test_it_follows_the_recursion_row_by_row():
    y, p = stretch(0.1, rows=2_000)
    up, down, path, resets = 0.3, 1.1, [], 0
    for label, chance in zip(y, p, strict=True):
        less = 0.1**2 * chance * (1 - chance) / 2
        up = max(0.0, up + 0.1 * (label - chance) - less)
        down = max(0.0, down - 0.1 * (label - chance) - less)
        path.append(max(up, down))
        resets += (up == 0.0) + (down == 0.0)
    chart = LevelCusum(shift=0.1, threshold=2.0, upwards=0.3, downwards=1.1)
    np.testing.assert_allclose(chart.log_ratios(y, p), path, atol=1e-9)
    after = chart.update(y, p)
    assert (after.upwards, after.downwards) == (pytest.approx(up), pytest.approx(down))
    assert after.log_ratio == pytest.approx(path[-1])
    assert after.rang_after == 1 + np.flatnonzero(np.array(path) >= 2.0)[0]
    assert resets > 100


def test_rows_may_come_in_any_parts():
    y, p = stretch(0.2, rows=5_000)
    whole = LevelCusum().update(y, p)
    parts = LevelCusum()
    for some in np.split(np.arange(5_000), [1, 700, 701, 3_000]):
        parts = parts.update(y[some], p[some])
    assert whole.rang
    assert (parts.rows, parts.rang_after) == (whole.rows, whole.rang_after)
    assert (parts.upwards, parts.downwards) == pytest.approx((whole.upwards, whole.downwards))
    calm = whole.update(*stretch(-0.3, rows=4_000))
    assert calm.upwards < whole.threshold
    assert calm.rang_after == whole.rang_after


def test_too_many_and_too_few_clicks_are_alike():
    y, p = stretch(0.2, rows=3_000)
    one, other = LevelCusum().update(y, p), LevelCusum().update(1 - y, 1 - p)
    assert one.rang_after == other.rang_after
    assert (one.upwards, one.downwards) == pytest.approx((other.downwards, other.upwards))
    assert one.upwards > one.downwards


def test_false_alarms_come_about_as_often_as_the_formula_says():
    """And far more rarely than the bound that always holds."""
    chart = LevelCusum(shift=0.1, threshold=3.0)

    def rang_after(seed):
        now = chart
        for part in range(10):  # nearly all are over in the first
            now = now.update(*stretch(rows=30_000, seed=[seed, part]))
            if now.rang_after:
                return now.rang_after
        pytest.fail(f"no alarm in 300,000 rows, seed {seed}")

    runs = [rang_after(seed) for seed in range(200)]
    formula = (math.exp(3.0) - 3.0 - 1.0) / (0.1**2 * 0.2)  # p (1 − p) is 1/5 in the mean of Beta(2, 3)
    assert np.mean(runs) == pytest.approx(formula, rel=0.25)
    assert np.mean(runs) > 100 * math.exp(3.0) / 2


def test_a_calm_past_is_forgotten():
    """The alarm that sums over all rows finds the same fault far later; the chart does not."""
    found = {}
    for watch in (LevelAlarm(), LevelCusum(shift=0.1)):
        for calm_rows in (10, 60_000):
            after = []
            for seed in range(9):
                now = watch.update(*stretch(0.0, calm_rows, seed)).update(*stretch(0.2, 60_000, 100 + seed))
                after.append(now.rang_after - calm_rows)
            found[type(watch), calm_rows] = np.median(after)
    assert found[LevelCusum, 60_000] < 1.3 * found[LevelCusum, 10]
    assert found[LevelAlarm, 60_000] > 3 * found[LevelAlarm, 10]


def test_before_the_first_row_nothing_speaks_against_the_predictions():
    assert LevelCusum().log_ratio == 0.0
    assert not LevelCusum().rang


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shift": 0.0}, "shift must be above 0, got 0.0"),
        ({"threshold": 0.0}, "threshold must be above 0, got 0.0"),
        ({"upwards": -1.0}, "upwards must be at least 0, got -1.0"),
        ({"downwards": -1.0}, "downwards must be at least 0, got -1.0"),
        ({"rows": 3, "rang_after": 4}, "rang_after must be at most the 3 rows, got 4"),
    ],
)
def test_settings_outside_the_range_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        LevelCusum(**given)


def test_predictions_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"predictions must be in \[0, 1\], got 1.2 at index 1"):
        LevelCusum().update([0, 1], [0.5, 1.2])
