"""Intervals and errors, against SciPy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, norm, ttest_1samp

from ranking import evaluation
from ranking.evaluation import bootstrap_interval, wilson_interval


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 7), (5, 5), (40, 400)])
def test_wilson_is_scipys(k: int, n: int) -> None:
    expected = binomtest(k, n).proportion_ci(0.9, method="wilson")
    np.testing.assert_allclose(np.array(wilson_interval(k, n, 0.9)), np.array(expected), atol=1e-12)


def test_wilson_without_trials_knows_nothing() -> None:
    low, high = wilson_interval([0, 2], [0, 4])
    assert (low[0], high[0]) == (0.0, 1.0)
    assert 0 < low[1] < 0.5 < high[1] < 1


@pytest.mark.parametrize("groups", [None, [0, 0, 1]])
def test_statistics_of_another_kind_are_named(groups) -> None:
    for statistic, message in [
        ("mean", "statistic must be a function, got 'mean'"),
        (len, "statistic must take an array and axis"),
        (lambda rows, axis: rows.sum(axis) * np.nan, "statistic must be finite for all resamples"),
    ]:
        with pytest.raises(ValueError, match=message):
            bootstrap_interval([1.0, 2.0, 4.0], statistic, groups)


def test_wilson_of_levels_near_one_and_of_huge_counts() -> None:
    """0.5 + level / 2 rounds to 1, whose quantile is infinite; k (n − k) is more than a float holds."""
    level = 1 - 2**-53
    low, high = evaluation.wilson_interval([0, 3, 10], 10, level)
    z2 = norm.isf(2.0**-54) ** 2
    assert low[0] == 0.0
    assert high[2] == 1.0
    assert high[0] == pytest.approx(z2 / (10 + z2))
    assert low[2] == pytest.approx(10 / (10 + z2))
    np.testing.assert_allclose(evaluation.wilson_interval(1e308, 1.5e308), 2 / 3)


def test_clusters_of_one_are_rows():
    values = np.random.default_rng(1).normal(size=200)
    error = evaluation.clustered_error(values, np.arange(200))
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(200))


def test_twins_say_no_more_than_one():
    values = np.random.default_rng(2).normal(size=300)
    once = evaluation.clustered_error(values, np.arange(300))
    twice = evaluation.clustered_error(np.repeat(values, 2), np.repeat(np.arange(300), 2))
    assert twice == pytest.approx(once)


def test_clustered_error_is_the_spread_of_the_mean():
    rng = np.random.default_rng(3)
    means, errors = [], []
    for _ in range(600):
        size = rng.integers(1, 12, 80)
        group = np.repeat(np.arange(80), size)
        values = rng.normal(size=80)[group] + rng.normal(size=len(group))
        means.append(values.mean())
        errors.append(evaluation.clustered_error(values, group))
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.08)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson_interval(3, 2), "successes must not exceed trials, got 3 of 2"),
        (lambda: wilson_interval(-1, 2), "successes must be at least 0"),
        (lambda: wilson_interval(1, 2, level=1.0), r"level must be in \(0, 1\)"),
        (lambda: evaluation.clustered_error([1.0, 2.0], [0, 0]), "groups must hold at least two groups"),
        (lambda: evaluation.clustered_error([1.0, 2.0], [0]), "the same shape"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


SAMPLE = np.random.default_rng(4).gamma(2.0, size=40)


def test_bootstrap_is_scipys():
    expected = bootstrap((SAMPLE,), np.median, confidence_level=0.9, method="percentile", random_state=3)
    found = bootstrap_interval(SAMPLE, np.median, level=0.9, seed=3)
    assert tuple(found) == tuple(expected.confidence_interval)
    assert bootstrap_interval(SAMPLE, seed=3) != bootstrap_interval(SAMPLE, seed=4)


def test_bootstrap_of_a_difference_is_scipys():
    other = SAMPLE[:25] + 1.0
    expected = bootstrap(
        (other, SAMPLE), lambda a, b, axis: a.mean(axis) - b.mean(axis), method="percentile", random_state=0
    )
    assert tuple(bootstrap_interval(other, versus=SAMPLE)) == pytest.approx(
        tuple(expected.confidence_interval)
    )


def test_bootstrap_takes_columns_at_once():
    low, high = bootstrap_interval(np.stack([SAMPLE, SAMPLE + 2.0], axis=1))
    assert (low[0], high[0]) == pytest.approx(tuple(bootstrap_interval(SAMPLE)))
    assert (low[1], high[1]) == pytest.approx((low[0] + 2.0, high[0] + 2.0))


def test_bootstrap_intervals_hold_the_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    held = [
        low < 1.0 < high for low, high in (bootstrap_interval(rng.normal(1.0, size=50)) for _ in range(200))
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.05)


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_groups_of_one_row_are_rows_and_twins_say_no_more_than_one(statistic):
    rows = bootstrap_interval(SAMPLE, statistic)
    order = np.random.default_rng(6).permutation(80)
    twins, groups = np.repeat(SAMPLE, 2)[order], np.repeat(np.arange(40), 2)[order]
    assert bootstrap_interval(SAMPLE, statistic, groups=np.arange(40)) == pytest.approx(rows)
    assert bootstrap_interval(twins, statistic, groups=groups) == pytest.approx(rows)
    low, high = bootstrap_interval(twins, statistic)
    assert high - low < 0.9 * (rows.high - rows.low)


def test_groups_differ_in_size_and_the_mean_is_over_rows():
    values, groups = [0.0, 0.0, 0.0, 1.0], [5, 5, 5, 9]
    low, high = bootstrap_interval(values, groups=groups, level=0.2)
    assert (low, high) == (0.25, 0.25)  # half of the resamples hold both groups


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [1.0]}, r"values must have the shape .* got \(1,\)"),
        ({"values": 1.0}, r"values must have the shape .* got \(\)"),
        ({"values": [1.0, np.nan]}, "values must be finite"),
        ({"values": [1.0, 2.0], "versus": [[1.0], [2.0]]}, r"versus must have the shape .* got \(2, 1\)"),
        ({"values": [1.0, 2.0], "groups": [1]}, r"groups must have the shape \(2,\), got \(1,\)"),
        ({"values": [1.0, 2.0], "groups": [1, 1]}, "groups must be at least 2, got one"),
        ({"values": [1.0, 2.0], "groups": [1, 2], "versus": [1.0, 2.0]}, "must not both be given"),
        ({"values": [1.0, 2.0], "level": 1.0}, "level must be"),
        ({"values": [1.0, 2.0], "seed": 2**32}, "seed must be from 0 to 4294967295"),
    ],
)
def test_bootstrap_refuses_what_it_cannot_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(**arguments)


def test_the_margin_is_half_of_students_interval():
    values = np.random.default_rng(4).normal(size=(5, 3))
    both = ttest_1samp(values, 0.0, axis=0).confidence_interval(0.9)
    np.testing.assert_allclose(evaluation.margin(values, 0.9), (both.high - both.low) / 2)
    assert evaluation.margin(values[:, 0]) == pytest.approx(evaluation.margin(values)[0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], "at least 2 runs"),
        (np.ones((2, 2, 2)), "shape"),
        (np.ones((3, 0)), "shape"),
        ([1.0, np.nan], "values"),
        ([-1e200, 1e200], "squares that a float can hold"),
    ],
)
def test_a_margin_of_nothing_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        evaluation.margin(values)
