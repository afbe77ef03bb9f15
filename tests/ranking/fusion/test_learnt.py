"""Fusion that is learnt: rows of what was shown, and a linear score; beside scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata
from sklearn.linear_model import LinearRegression

from ranking import fusion

NAMES = ("click", "like", "watch_time")
LOOKS = np.array([1.0, 0.8, 0.5, 0.25])
PRICES = {"click": 1.0, "like": 5.0, "watch_time": 0.01}


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    p = {name: rng.random((40, 12)) for name in NAMES}
    return {**p, "watch_time": 60.0 * p["watch_time"]}


@pytest.fixture
def shown():
    rng = np.random.default_rng(1)
    return np.argsort(rng.random((40, 12)), axis=1)[:, : len(LOOKS)]


@given(hnp.arrays(np.float64, (2, 7), elements=st.sampled_from([0.0, 0.1, 0.3, 0.30001, 5.0])))
def test_percentiles_are_those_of_scipy(scores):
    np.testing.assert_allclose(fusion.percentiles(scores), rankdata(scores, "max", axis=1) / 7)


def test_percentiles_by_hand_and_without_a_unit():
    assert fusion.percentiles([0.9, 0.5, 0.5, 0.1]).tolist() == [1.0, 0.75, 0.75, 0.25]
    assert fusion.percentiles([3.0]).tolist() == [1.0]
    seconds = np.array([[10.0, 40.0, 5.0]])
    np.testing.assert_array_equal(fusion.percentiles(seconds), fusion.percentiles(seconds / 60.0))


def test_a_row_for_every_item_shown(predictions, shown):
    worth = np.arange(160.0).reshape(40, 4)
    rows = fusion.shown_rows(predictions, shown, worth, LOOKS)
    assert rows.names == NAMES
    assert rows.inputs.shape == (160, 3)
    request, place = 3, 2
    row = 4 * request + place
    item = shown[request, place]
    assert rows.inputs[row].tolist() == [predictions[name][request, item] for name in NAMES]
    assert rows.value[row] == worth[request, place] / LOOKS[place]
    assert rows.weight[row] == LOOKS[place]


def test_a_row_for_every_list(predictions, shown):
    worth = np.arange(160.0).reshape(40, 4)
    rows = fusion.shown_rows(predictions, shown, worth, LOOKS, whole_lists=True)
    summed = fusion.expected_totals(shown, predictions, LOOKS)
    np.testing.assert_allclose(rows.inputs, np.stack([summed[name] for name in NAMES], axis=1))
    np.testing.assert_array_equal(rows.value, worth.sum(axis=1))
    np.testing.assert_array_equal(rows.weight, np.ones(40))


@pytest.mark.parametrize("whole_lists", [False, True])
def test_prices_are_found_where_nothing_is_left_to_chance(predictions, shown, whole_lists):
    """Each item brings its expected worth: the prices come back, whatever place it stood at."""
    worth = np.take_along_axis(fusion.weighted_sum(predictions, PRICES), shown, axis=1) * LOOKS
    rows = fusion.shown_rows(predictions, shown, worth, LOOKS, whole_lists)
    assert fusion.linear_fusion(rows) == pytest.approx(PRICES, rel=1e-9)


def test_the_linear_score_is_that_of_scikit_learn(predictions, shown):
    worth = np.random.default_rng(2).normal(size=shown.shape)
    rows = fusion.shown_rows(predictions, shown, worth, LOOKS)
    other = LinearRegression().fit(rows.inputs, rows.value, rows.weight)
    assert list(fusion.linear_fusion(rows).values()) == pytest.approx(other.coef_.tolist(), rel=1e-9)


def test_places_looked_at_less_do_not_bend_what_is_learnt(predictions):
    """The best items at the top, clicks drawn: only with the examination do prices come back."""
    rng = np.random.default_rng(3)
    p = {name: np.tile(values, (500, 1)) for name, values in predictions.items()}
    p["watch_time"] /= 60.0
    truth = 0.4 * p["click"] + 0.2 * p["like"]
    shown = fusion.top_k(truth, 4)
    clicks = rng.random(shown.shape) < np.take_along_axis(truth, shown, axis=1) * LOOKS
    seen = fusion.linear_fusion(fusion.shown_rows(p, shown, clicks, LOOKS))
    blind = fusion.linear_fusion(fusion.shown_rows(p, shown, clicks))
    assert seen["click"] == pytest.approx(0.4, abs=0.05)
    assert seen["like"] == pytest.approx(0.2, abs=0.05)
    assert abs(blind["click"] - 0.4) > 0.2


def test_what_says_nothing_weighs_nothing_and_what_is_said_twice_is_shared(predictions, shown):
    worth = np.take_along_axis(predictions["click"], shown, axis=1)
    twice = {"click": predictions["click"], "again": predictions["click"], "same": np.full((40, 12), 0.1)}
    weights = fusion.linear_fusion(fusion.shown_rows(twice, shown, worth))
    assert weights == pytest.approx({"click": 0.5, "again": 0.5, "same": 0.0})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predictions": {"click": [0.1, 0.2]}}, r"predictions must have shape \(requests, candidates\)"),
        ({"shown": [[0, 1]]}, r"shown must have shape \(2, k\)"),
        ({"worth": [[1.0], [2.0]]}, r"worth must have shape \(2, 2\), got \(2, 1\)"),
        ({"examination": [1.0, 0.0]}, "examination must be above 0"),
        ({"examination": [1.0]}, r"examination must have shape \(2,\)"),
        ({"whole_lists": 1}, "whole_lists"),
    ],
)
def test_bad_lists_are_named(changes, message):
    good = {"predictions": {"click": [[0.1, 0.2], [0.3, 0.4]]}, "shown": [[0, 1], [1, 0]]}
    good |= {"worth": [[1.0, 0.0], [0.0, 2.0]]}
    with pytest.raises(ValueError, match=message):
        fusion.shown_rows(**(good | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.ones((3, 1))}, r"inputs must have shape \(rows, 2\)"),
        ({"inputs": np.ones((0, 2))}, r"inputs must have shape \(rows, 2\)"),
        ({"value": np.ones(2)}, r"value must have shape \(3,\), got \(2,\)"),
        ({"weight": np.array([1.0, 0.0, 1.0])}, "weight must be above 0"),
    ],
)
def test_bad_rows_are_named(changes, message):
    good = {"names": ("click", "like"), "inputs": np.ones((3, 2)), "value": np.ones(3), "weight": np.ones(3)}
    with pytest.raises(ValueError, match=message):
        fusion.ShownRows(**(good | changes))
