"""Sample sizes, against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ranking import evaluation


def test_the_rule_of_sixteen():
    # 2 (1.96 + 0.84)² is about 16: 16 variances per squared effect, at 5% and 80%.
    assert evaluation.requests_per_arm(0.1, 1.0) == 1570
    assert 15.6 < evaluation.requests_per_arm(0.01, 1.0) * 0.01**2 < 16


@given(st.floats(0.01, 1), st.floats(0.1, 5), st.floats(0.5, 0.99))
def test_that_many_requests_have_that_power(effect, spread, power):
    n = evaluation.requests_per_arm(effect, spread, power)
    assert evaluation.power_of_test(n, effect, spread) >= power - 1e-9
    if n > 50:  # the other tail, which the size leaves out, no longer counts
        assert evaluation.power_of_test(n - 1, effect, spread) < power + 0.01


def test_no_effect_is_found_as_often_as_the_level_says():
    assert evaluation.power_of_test(100, 0.0, 1.0, level=0.1) == pytest.approx(0.1)


def test_power_comes_out_in_simulated_tests():
    rng = np.random.default_rng(0)
    n = evaluation.requests_per_arm(0.5, 2.0)
    a, b = rng.normal(0, 2, (4_000, n)), rng.normal(0.5, 2, (4_000, n))
    found = stats.ttest_ind(a, b, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.02)


def test_levels_below_what_one_minus_them_can_say():
    """1 − 1e-17 is 1 in floats; the edge is taken from the other tail."""
    assert evaluation.power_of_test(100, 5.0, 1.0, level=1e-17) == pytest.approx(1.0)
    for level in (1e-17, 1e-300, 1 - 1e-16):
        assert evaluation.power_of_test(100, 0.0, 1.0, level=level) == pytest.approx(level, rel=1e-9)
    # half of the smallest float is 0, whose quantile is infinite
    z = stats.norm.isf(0.2) + 38.5  # ln of the level is −744.4, and that of Φ(−38.5) / 2 about the same
    assert evaluation.requests_per_arm(0.5, 1.0, level=5e-324) == pytest.approx(8 * z**2, rel=0.01)


def test_sizes_and_spreads_at_the_ends_of_what_a_float_holds():
    assert evaluation.power_of_test(10**15, 1.0, 5e-324) == 1.0
    assert evaluation.power_of_test(10**15, 0.0, 5e-324) == pytest.approx(0.05)
    assert evaluation.power_of_test(2, 1e308, 1e-308) == 1.0


def test_the_size_of_a_test_that_rules_a_loss_out():
    """Julious, "Sample Sizes for Clinical Trials", 2010: 21 spread² / margin² at 90% and one-sided 2.5%."""
    n = evaluation.requests_for_non_inferiority(0.1, 1.0, power=0.9)
    z = stats.norm.isf(0.025) + stats.norm.isf(0.1)
    assert 2 * (z / 0.1) ** 2 <= n < 2 * (z / 0.1) ** 2 + 1
    assert n == pytest.approx(21.01 / 0.1**2, rel=0.001)
    # with no room for a loss it is the usual test, one-sided: the other tail is not counted by either
    assert evaluation.requests_for_non_inferiority(0.0, 2.0, 0.3) == evaluation.requests_per_arm(0.3, 2.0)
    # half of the margin lost leaves half of the room
    half = evaluation.requests_for_non_inferiority(0.1, 1.0, -0.05)
    assert half == pytest.approx(4 * evaluation.requests_for_non_inferiority(0.1, 1.0), rel=0.001)
    assert evaluation.requests_for_non_inferiority(1e300, 1.0) == 1


def test_a_loss_is_ruled_out_as_often_as_promised():
    rng, margin, spread = np.random.default_rng(0), 0.4, 2.0
    n = evaluation.requests_for_non_inferiority(margin, spread, effect=-0.1)
    error = spread * np.sqrt(2.0 / n)
    for effect, promised in ((-0.1, 0.8), (-margin, 0.025)):
        a, b = rng.normal(0, spread, (4_000, n)), rng.normal(effect, spread, (4_000, n))
        gaps = b.mean(axis=1) - a.mean(axis=1)
        passed = np.mean([evaluation.is_non_inferior(gap, error, margin) for gap in gaps])
        assert passed == pytest.approx(promised, abs=0.02), effect


def test_the_decision_is_that_of_a_one_sided_t_test():
    """SciPy's test of the shifted means, and the lower end of the 95% interval."""
    rng = np.random.default_rng(1)
    for effect in np.linspace(-0.4, 0.2, 25):
        a, b = rng.normal(0, 1, 3_000), rng.normal(effect, 1, 3_000)
        gap, error = b.mean() - a.mean(), np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 3_000)
        p = stats.ttest_ind(b + 0.1, a, equal_var=False, alternative="greater").pvalue
        if abs(p - 0.025) > 1e-4:  # normal and t edges differ by less
            assert evaluation.is_non_inferior(gap, error, 0.1) == (p < 0.025)
        assert evaluation.is_non_inferior(gap, error, 0.0, 0.025) == (gap - 1.959964 * error > 0)


def test_a_difference_at_the_edge_of_the_margin_does_not_pass():
    assert not evaluation.is_non_inferior(-1.0, 1.0, 1.0, level=0.5)
    assert evaluation.is_non_inferior(np.nextafter(-1.0, 0.0), 1.0, 1.0, level=0.5)
    assert evaluation.is_non_inferior(1e308, 1e-308, 1e308)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluation.requests_per_arm(0.0, 1.0), "effect must not be 0"),
        (lambda: evaluation.requests_per_arm(1e-200, 1.0), "effect must be at least a billionth"),
        (lambda: evaluation.requests_per_arm(1.0, 0.0), "spread must be above 0"),
        (lambda: evaluation.requests_per_arm(1.0, 1.0, power=1.0), r"power must be in \(0, 1\)"),
        (lambda: evaluation.requests_per_arm(1.0, 1.0, power=0.01), "power must be above level / 2"),
        (lambda: evaluation.requests_for_non_inferiority(-0.1, 1.0), "margin must be at least 0"),
        (lambda: evaluation.requests_for_non_inferiority(0.1, 1.0, -0.1), "effect must be above −margin"),
        (lambda: evaluation.requests_for_non_inferiority(0.0, 1.0), "effect must be above −margin"),
        (
            lambda: evaluation.requests_for_non_inferiority(1e-10, 1.0),
            "effect must be above −margin by a",
        ),
        (lambda: evaluation.requests_for_non_inferiority(0.1, 1.0, power=0.02), "power must be above level"),
        (lambda: evaluation.is_non_inferior(0.1, 0.0, 0.1), "error must be above 0"),
        (lambda: evaluation.is_non_inferior(0.1, 1.0, -0.1), "margin must be at least 0"),
        (lambda: evaluation.is_non_inferior(0.1, 1.0, 0.1, level=1.0), r"level must be in \(0, 1\)"),
        (lambda: evaluation.is_non_inferior([0.1, 0.2], 1.0, 0.1), "difference must be a single number"),
        (lambda: evaluation.power_of_test(0, 1.0, 1.0), "n_per_arm must be a whole number"),
        (
            lambda: evaluation.power_of_test(10**400, 1.0, 1.0),
            "n_per_arm must be at most 9,223,372,036",
        ),
        (lambda: evaluation.power_of_test(9, 1.0, 1.0, level=0.0), r"level must be in \(0, 1\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
