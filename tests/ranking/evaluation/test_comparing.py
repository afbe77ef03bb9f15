"""Sample sizes, and estimates from logs, against simulation and against other libraries' formulas."""

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


LOGGED, TARGET = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.3, 0.6])
REWARD = np.array([0.1, 0.4, 0.8])  # chance of a click per action


def many_logs(rows, logs, **settings):
    rng = np.random.default_rng(4)
    found = []
    for _ in range(logs):
        action = rng.choice(3, size=rows, p=LOGGED)
        clicked = rng.random(rows) < REWARD[action]
        found.append(evaluation.inverse_propensity(clicked, TARGET[action], LOGGED[action], **settings))
    return found


def test_inverse_propensity_is_right_on_average_and_knows_its_error():
    found = many_logs(400, 1_500)
    values = np.array([estimate.value for estimate in found])
    assert values.mean() == pytest.approx(TARGET @ REWARD, abs=3.5 * values.std() / np.sqrt(1_500))
    assert np.mean([estimate.standard_error for estimate in found]) == pytest.approx(values.std(), rel=0.05)


def test_clipping_is_too_low_and_varies_less():
    plain, clipped = (np.array([e.value for e in many_logs(400, 500, **s)]) for s in ({}, {"clip": 2.0}))
    weight = np.minimum(TARGET / LOGGED, 2.0)
    assert clipped.mean() == pytest.approx(LOGGED @ (weight * REWARD), rel=0.02)
    assert clipped.mean() < TARGET @ REWARD - 0.1
    assert clipped.std() < 0.6 * plain.std()


def test_normalising_bears_a_shift_of_all_rewards():
    rng = np.random.default_rng(5)
    action = rng.choice(3, size=300, p=LOGGED)
    reward = REWARD[action]
    chances = TARGET[action], LOGGED[action]
    plain = [evaluation.inverse_propensity(reward + shift, *chances).value for shift in (0, 1)]
    normalised = [
        evaluation.inverse_propensity(reward + shift, *chances, normalised=True).value for shift in (0, 1)
    ]
    assert normalised[1] - normalised[0] == pytest.approx(1.0)
    assert plain[1] - plain[0] == pytest.approx((TARGET[action] / LOGGED[action]).mean())
    errors = [e.standard_error for e in many_logs(400, 500, normalised=True)]
    spread = np.std([e.value for e in many_logs(400, 500, normalised=True)])
    assert np.mean(errors) == pytest.approx(spread, rel=0.08)


def test_the_same_policy_is_the_plain_mean():
    reward, p = np.array([0.0, 1.0, 3.0]), np.array([0.5, 0.2, 0.1])
    found = evaluation.inverse_propensity(reward, p, p)
    assert found.value == pytest.approx(4 / 3)
    assert found.standard_error == pytest.approx(stats.sem(reward))
    assert found.effective_rows == pytest.approx(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluation.requests_per_arm(0.0, 1.0), "effect must not be 0"),
        (lambda: evaluation.requests_per_arm(1e-200, 1.0), "effect must be at least a billionth"),
        (lambda: evaluation.requests_per_arm(1.0, 0.0), "spread must be above 0"),
        (lambda: evaluation.requests_per_arm(1.0, 1.0, power=1.0), r"power must be in \(0, 1\)"),
        (lambda: evaluation.requests_per_arm(1.0, 1.0, power=0.01), "power must be above level / 2"),
        (lambda: evaluation.power_of_test(0, 1.0, 1.0), "n_per_arm must be a whole number"),
        (lambda: evaluation.power_of_test(9, 1.0, 1.0, level=0.0), r"level must be in \(0, 1\)"),
        (lambda: evaluation.clustered_error([1.0, 2.0], [0, 0]), "groups must hold at least two groups"),
        (lambda: evaluation.clustered_error([1.0, 2.0], [0]), "the same shape"),
        (lambda: evaluation.inverse_propensity([1, 0], [0.5, 0.5], [0.5, 0.0]), "logged must be above 0"),
        (
            lambda: evaluation.inverse_propensity([1, 0], [0.5, 0.5], [0.5, 1e-320]),
            "logged must leave target / logged finite",
        ),
        (
            lambda: evaluation.inverse_propensity([1, 0], [0.5, 1.5], [0.5, 0.5]),
            r"target must be in \[0, 1\]",
        ),
        (lambda: evaluation.inverse_propensity([1, 0], [0.5], [0.5, 0.5]), "the same shape"),
        (lambda: evaluation.inverse_propensity([1], [0.5], [0.5]), "at least two rows"),
        (lambda: evaluation.inverse_propensity([1, 0], [1, 1], [1, 1], clip=0), "clip must be above 0"),
        (
            lambda: evaluation.inverse_propensity([1, 0], [0, 0], [1, 1], normalised=True),
            "target must be above 0 in at least one row",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
