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


def test_the_mean_weight_tells_wrong_propensities():
    rng = np.random.default_rng(6)
    action = rng.choice(3, size=20_000, p=LOGGED)
    right = evaluation.inverse_propensity(REWARD[action], TARGET[action], LOGGED[action], clip=2.0)
    assert right.mean_weight == pytest.approx((TARGET / LOGGED)[action].mean())  # of weights not clipped
    assert right.mean_weight == pytest.approx(1.0, abs=0.05)
    noted = np.full(3, 1 / 3)
    wrong = evaluation.inverse_propensity(REWARD[action], TARGET[action], noted[action])
    assert wrong.mean_weight == pytest.approx(LOGGED @ (TARGET / noted), rel=0.02)
    assert evaluation.inverse_propensity([1.0, 2.0], [0.0, 0.0], [0.5, 0.5]).mean_weight == 0.0


MODEL = np.array([0.3, 0.1, 0.5])  # what a bad model expects of each action


def many_robust(rows, logs, model, noted=LOGGED, **settings):
    rng = np.random.default_rng(7)
    found = []
    for _ in range(logs):
        action = rng.choice(3, size=rows, p=LOGGED)
        clicked = rng.random(rows) < REWARD[action]
        expected = np.full(rows, TARGET @ model)
        found.append(
            evaluation.doubly_robust(
                clicked, TARGET[action], noted[action], model[action], expected, **settings
            )
        )
    return found


def test_doubly_robust_is_the_formula_row_by_row():
    reward, target, logged = [1.0, 0.0, 2.0], [0.5, 0.2, 0.9], [0.25, 0.4, 0.1]
    predicted, expected = [0.5, 0.5, 1.0], [0.75, 0.25, 1.5]
    rows = []
    for r, new, old, of_done, of_target in zip(reward, target, logged, predicted, expected, strict=True):
        rows.append(of_target + min(new / old, 4.0) * (r - of_done))
    found = evaluation.doubly_robust(reward, target, logged, predicted, expected, clip=4.0)
    assert found.value == pytest.approx(np.mean(rows))
    assert found.standard_error == pytest.approx(stats.sem(rows))
    weight = [2.0, 0.5, 4.0]
    assert found.effective_rows == pytest.approx(sum(weight) ** 2 / sum(w**2 for w in weight))
    assert found.mean_weight == pytest.approx((2.0 + 0.5 + 9.0) / 3)


@pytest.mark.parametrize(
    ("model", "noted"),
    [(MODEL, LOGGED), (REWARD, np.array([0.4, 0.3, 0.3]))],
    ids=["the model is wrong", "the propensities are wrong"],
)
def test_doubly_robust_needs_only_one_of_two_to_be_right(model, noted):
    found = many_robust(400, 1_500, model, noted)
    values = np.array([estimate.value for estimate in found])
    assert values.mean() == pytest.approx(TARGET @ REWARD, abs=3.5 * values.std() / np.sqrt(1_500))
    assert np.mean([estimate.standard_error for estimate in found]) == pytest.approx(values.std(), rel=0.06)


def test_doubly_robust_fails_where_both_are_wrong():
    noted = np.array([0.4, 0.3, 0.3])
    values = np.array([estimate.value for estimate in many_robust(400, 500, MODEL, noted)])
    shift = LOGGED @ (TARGET / noted * (REWARD - MODEL)) + TARGET @ MODEL - TARGET @ REWARD
    assert values.mean() - TARGET @ REWARD == pytest.approx(shift, abs=0.01)
    assert abs(shift) > 0.05


def test_a_model_of_nothing_is_inverse_propensity():
    robust, plain = many_robust(50, 3, np.zeros(3)), []
    rng = np.random.default_rng(7)
    for _ in range(3):
        action = rng.choice(3, size=50, p=LOGGED)
        clicked = rng.random(50) < REWARD[action]
        plain.append(evaluation.inverse_propensity(clicked, TARGET[action], LOGGED[action]))
    np.testing.assert_allclose(robust, plain)


def clicks_of_lists(orders, rng):
    """Lists of three; a click at a place is half as likely if item 0 stands anywhere above it."""
    rate = np.array([0.6, 0.4, 0.2])[orders]
    above = np.cumsum(orders == 0, axis=1) - (orders == 0) > 0
    return rng.random(orders.shape) < np.where(above, 0.5 * rate, rate)


def test_slates_place_by_place_and_given_what_stands_above():
    rng = np.random.default_rng(8)
    orders = np.argsort(rng.random((200_000, 3)), axis=1)
    clicks = clicks_of_lists(orders, rng)
    wanted = np.array([0, 1, 2])
    right = orders == wanted
    truth = 0.6 + 0.2 + 0.1
    by_place = evaluation.slate_propensity(clicks, right, np.full(orders.shape, 1 / 3))
    in_log = 0.6 + 0.5 * (0.2 + 0.4) + 0.1  # item 1 at the second place: item 0 above it in every other list
    assert by_place.value == pytest.approx(in_log, abs=4 * by_place.standard_error)
    assert by_place.value > truth + 10 * by_place.standard_error
    assert by_place.effective_rows == pytest.approx(right.sum(axis=0).min())
    logged = np.broadcast_to([1 / 3, 1 / 2, 1.0], orders.shape)
    above = evaluation.slate_propensity(clicks, right, logged, given_above=True)
    assert above.value == pytest.approx(truth, abs=4 * above.standard_error)
    assert above.standard_error < 0.01
    assert above.effective_rows == pytest.approx(right[:, :2].all(axis=1).sum())  # the third place follows
    assert above.mean_weight == pytest.approx(1.0, abs=0.02)


def test_slates_by_hand():
    clicks, right = [[1, 0], [0, 1]], [[1.0, 0.5], [0.0, 0.5]]
    logged = [[0.5, 0.25], [0.5, 0.25]]
    found = evaluation.slate_propensity(clicks, right, logged)
    assert found.value == pytest.approx((2.0 + 2.0) / 2)
    assert found.standard_error == pytest.approx(0.0)
    found = evaluation.slate_propensity(clicks, right, logged, given_above=True)
    assert found.value == pytest.approx((2.0 + 0.0) / 2)
    assert found.effective_rows == pytest.approx(1.0)
    assert found.mean_weight == pytest.approx(1.0)


def test_weights_of_slates_that_no_float_holds():
    tiny = np.full((2, 2), 1e-200)
    with pytest.raises(ValueError, match="logged must leave the product"):
        evaluation.slate_propensity(np.ones((2, 2)), np.ones((2, 2)), tiny, given_above=True)


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
        (
            lambda: evaluation.doubly_robust([1, 0], [1, 1], [1, 1], [1.0], [1, 1]),
            "the same shape",
        ),
        (
            lambda: evaluation.doubly_robust([1, 0], [1, 1], [1, 1], [1, 1], [1, np.nan]),
            "expected must be finite",
        ),
        (
            lambda: evaluation.doubly_robust([1, 0], [1, 1], [1, 1], [1, 1], [1, 1], clip=-1),
            "clip must be above 0",
        ),
        (
            lambda: evaluation.slate_propensity([1, 0], [1, 1], [1, 1]),
            r"rewards must have shape \(requests, places\)",
        ),
        (
            lambda: evaluation.slate_propensity(np.ones((2, 2)), np.ones((2, 2)), [[1, 0.5], [0.0, 1]]),
            r"logged must be above 0: .* at index \(1, 0\)",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
