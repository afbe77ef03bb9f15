"""Tests that are looked at: edges against published constants and simulation, the interval too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ranking.calibration.alarm import log_mixture_ratio
from ranking.evaluation import always_valid_interval, crossed_by, sequential_edges

Z = stats.norm.ppf(0.975)

# The last edge at .05: Jennison and Turnbull, "Group Sequential Methods", 2000, tables 2.1 and 2.3.
PUBLISHED = {
    2: (2.178, 1.977),
    3: (2.289, 2.004),
    4: (2.361, 2.024),
    5: (2.413, 2.040),
    10: (2.555, 2.087),
    20: (2.672, 2.126),
}


@pytest.mark.parametrize("looks", PUBLISHED)
def test_the_edges_are_the_published_ones(looks):
    pocock, obrien = (sequential_edges(looks, shape) for shape in ("pocock", "obrien-fleming"))
    assert [pocock[-1], obrien[-1]] == pytest.approx(PUBLISHED[looks], abs=0.0011)
    assert np.ptp(pocock) == 0.0
    np.testing.assert_allclose(obrien * np.sqrt(np.arange(1, looks + 1)), obrien[-1] * math.sqrt(looks))


def test_repeated_tests_are_as_false_as_published():
    """Armitage, McPherson and Rowe, 1969, table 2: tests at 5%, looked at 1, 2, 5, 10, 20 and 50 times."""
    by_look = crossed_by(np.full(50, Z))
    assert by_look[[0, 1, 4, 9, 19, 49]] == pytest.approx([0.05, 0.083, 0.142, 0.193, 0.248, 0.320], abs=6e-4)


def test_power_needs_as_many_more_requests_as_published():
    """SAS/STAT, SEQDESIGN, example 3: four looks with Pocock's edges and a power of .9 take 118.3143%."""
    shift = (Z + stats.norm.ppf(0.9)) * math.sqrt(1.183143)
    found = crossed_by(sequential_edges(4, "pocock"), shift)[-1]  # on the wrong side, too
    assert found == pytest.approx(0.9, abs=3e-5)


def test_crossing_comes_out_in_simulated_tests():
    """Uneven edges, a difference, and the chance at every look."""
    edges, shift, tests = np.array([3.0, 1.5, 2.5, 2.0, 1.8]), -1.7, 200_000
    rng = np.random.default_rng(0)
    steps = rng.normal(shift / math.sqrt(5), 1.0, (tests, 5))
    z = steps.cumsum(axis=1) / np.sqrt(np.arange(1, 6))
    crossed = np.maximum.accumulate(np.abs(z) > edges, axis=1).mean(axis=0)
    assert crossed_by(edges, shift) == pytest.approx(crossed, abs=0.004)


@pytest.mark.parametrize("level", [1e-9, 0.001, 0.2, 0.5])
@pytest.mark.parametrize("shape", ["pocock", "obrien-fleming"])
def test_the_level_is_spent_and_no_more(shape, level):
    assert crossed_by(sequential_edges(7, shape, level))[-1] == pytest.approx(level, rel=1e-6)


def test_one_look_is_the_usual_test():
    for shape in ("pocock", "obrien-fleming"):
        assert sequential_edges(1, shape) == pytest.approx([Z])
    assert crossed_by([Z], 2.0) == pytest.approx([stats.norm.sf(Z - 2) + stats.norm.sf(Z + 2)])


def test_edges_that_all_or_none_cross():
    assert crossed_by([2.0, 2.0, 2.0], 1e6).tolist() == [1.0, 1.0, 1.0]
    assert crossed_by([1e9, 1e300]).tolist() == [0.0, 0.0]
    assert crossed_by([1e9, 1e-300])[-1] == pytest.approx(1.0)


@given(st.floats(-8, 8), st.floats(-3, 3), st.floats(-3, 3))
def test_the_interval_leaves_out_zero_where_the_alarm_rings(z, log_error, log_tau):
    error, tau, level = 10.0**log_error, 10.0**log_tau, 0.05
    ratio = log_mixture_ratio(np.array(z / error), np.array(error**-2.0), tau)
    low, high = always_valid_interval(z * error, error, tau, level)
    assert (low > 0.0 or high < 0.0) == (ratio > math.log(1.0 / level))


def test_the_interval_holds_the_truth_all_the_time():
    """A thousand paths, looked at after each of 2,000 rows; τ is the true difference."""
    rng = np.random.default_rng(0)
    rows = np.arange(1, 2_001)
    estimate = rng.normal(0.3, 1.0, (1_000, rows.size)).cumsum(axis=1) / rows
    error = np.broadcast_to(rows**-0.5, estimate.shape)
    low, high = always_valid_interval(estimate, error, 0.3)
    wrong = ((low > 0.3) | (high < 0.3)).any(axis=1).mean()
    assert 0.01 < wrong < 0.05
    assert (low > 0.0).any(axis=1).mean() > 0.99
    fixed = (np.abs(estimate - 0.3) > Z * error).any(axis=1).mean()
    assert fixed > 0.5


def test_the_interval_in_other_units():
    low, high = always_valid_interval(1.0, 0.2, 0.5)
    assert always_valid_interval(1e90, 2e89, 5e89) == pytest.approx((low * 1e90, high * 1e90))
    assert (low + high) / 2.0 == pytest.approx(1.0)
    assert always_valid_interval([1.0, 2.0], [0.2, 0.2], 0.5).low == pytest.approx([low, low + 1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequential_edges(0, "pocock"), "looks must be a whole number"),
        (lambda: sequential_edges(101, "pocock"), "looks must be"),
        (lambda: sequential_edges(3, "haybittle"), "shape must be one of"),
        (lambda: sequential_edges(3, "pocock", 1e-12), r"level must be in \[1e-09, 0.5\]"),
        (lambda: crossed_by([1.0, 0.0]), "edges must be above 0"),
        (lambda: crossed_by([]), r"edges must have the shape \(looks,\), 1 to 100"),
        (lambda: crossed_by([[1.0]]), r"edges must have the shape \(looks,\)"),
        (lambda: crossed_by(np.ones(101)), r"edges must have the shape \(looks,\), 1 to 100"),
        (lambda: crossed_by([1.0], np.inf), "shift must be"),
        (lambda: crossed_by([1.0], 1e7), r"shift must be in \[-1e\+06, 1e\+06\]"),
        (lambda: always_valid_interval(1.0, 0.0, 1.0), "error must be above 0"),
        (lambda: always_valid_interval(1.0, 1.0, 0.0), "tau must be above 0"),
        (lambda: always_valid_interval(1.0, 1.0, 1.0, 1.0), r"level must be in \(0, 1\)"),
        (lambda: always_valid_interval([1.0, 2.0], 1.0, 1.0), r"same shape, got estimate \(2,\), error \(\)"),
        (lambda: always_valid_interval(1.0, 1e-300, 1.0), "error must be within 150 powers of ten of tau"),
        (lambda: always_valid_interval(1.0, 1e300, 1e-300), "error must be within 150 powers of ten of tau"),
        (lambda: always_valid_interval(1e308, 1e308, 1e308), "error must leave ends that a float can hold"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
