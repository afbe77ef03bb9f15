"""Estimates from logs, against simulation and against other libraries' formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ranking import evaluation

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
    plain, clipped = (np.array([e.value for e in many_logs(400, 500, clip=c)]) for c in (None, 2.0))
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


def test_weights_whose_squares_no_float_holds():
    logged = np.array([1e-200, 2e-200, 1e-200])
    found = evaluation.inverse_propensity([1.0, 0.0, 3.0], np.full(3, 0.5), logged, normalised=True)
    assert found.effective_rows == pytest.approx(2.5**2 / 2.25)
    assert found.value == pytest.approx(4.0 / 2.5)  # of the weights 1, 1/2 and 1
    with pytest.raises(ValueError, match="rewards must leave an estimate that a float can hold"):
        evaluation.inverse_propensity([1.0, 0.0, 3.0], np.full(3, 0.5), logged)


@pytest.mark.parametrize("normalised", ["no", "False", 1, 0, None, np.nan])
def test_normalised_is_true_or_false(normalised):
    with pytest.raises(ValueError, match="normalised must be True or False"):
        evaluation.inverse_propensity([1.0, 2.0], [0.5, 0.5], [0.5, 0.5], normalised=normalised)


def test_the_same_policy_is_the_plain_mean():
    reward, p = np.array([0.0, 1.0, 3.0]), np.array([0.5, 0.2, 0.1])
    found = evaluation.inverse_propensity(reward, p, p)
    assert found.value == pytest.approx(4 / 3)
    assert found.standard_error == pytest.approx(stats.sem(reward))
    assert found.effective_rows == pytest.approx(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
