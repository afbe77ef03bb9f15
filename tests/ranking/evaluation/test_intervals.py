"""Intervals and errors, against SciPy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from ranking import evaluation
from ranking.evaluation import wilson_interval


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 7), (5, 5), (40, 400)])
def test_wilson_is_scipys(k: int, n: int) -> None:
    expected = binomtest(k, n).proportion_ci(0.9, method="wilson")
    np.testing.assert_allclose(np.array(wilson_interval(k, n, 0.9)), np.array(expected), atol=1e-12)


def test_wilson_without_trials_knows_nothing() -> None:
    low, high = wilson_interval([0, 2], [0, 4])
    assert (low[0], high[0]) == (0.0, 1.0)
    assert 0 < low[1] < 0.5 < high[1] < 1


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
