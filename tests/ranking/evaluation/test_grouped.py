"""NDCG and grouped AUC against scikit-learn, group by group, and against what they must mean."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, roc_auc_score

from ranking.evaluation import bootstrap_interval
from ranking.evaluation.grouped import grouped_auc, ndcg


def rows(seed: int, groups: int = 40, most: int = 12, grades: int = 2, scores: int = 6):
    """Labels, predictions with ties and groups of several sizes, in no order."""
    rng = np.random.default_rng(seed)
    group = np.repeat(rng.permutation(groups) * 7, rng.integers(1, most, groups))
    group = group[rng.permutation(group.size)]
    return rng.integers(0, grades, group.size), rng.integers(0, scores, group.size) / scores, group


def by_hand(metric, labels, predictions, group) -> dict[int, float]:
    """scikit-learn's metric of every group in which both classes occur, or a gain."""
    of = {}
    for g in np.unique(group):
        y, p = labels[group == g], predictions[group == g]
        if metric is roc_auc_score and 0 < y.sum() < y.size:
            of[int(g)] = roc_auc_score(y, p)
        elif metric is not roc_auc_score and y.any():
            of[int(g)] = metric(y, p)
    return of


@pytest.mark.parametrize("at", [None, 1, 3, 100])
@pytest.mark.parametrize(
    ("gain", "value"), [("linear", lambda y: y), ("exponential", lambda y: 2.0**y - 1.0)]
)
def test_ndcg_agrees_with_scikit_learn_in_every_group(at, gain, value):
    y, p, g = rows(0, grades=4)

    def peer(labels, predictions):  # takes no list of one row
        both = [np.append(part, end) for part, end in ((value(labels), 0.0), (predictions, -1.0))]
        return ndcg_score([both[0]], [both[1]], k=at)

    expected = by_hand(peer, y, p, g)
    found = ndcg(y, p, g, at=at, gain=gain)
    assert list(found.groups) == list(expected)
    np.testing.assert_allclose(found.values, list(expected.values()), rtol=1e-12)
    assert found.mean == pytest.approx(np.mean(list(expected.values())), rel=1e-12)
    assert found.left_out == np.unique(g).size - len(expected) > 0


def test_ndcg_of_a_list_worked_out_by_hand():
    dcg = 1 / np.log2(3) + 2 / np.log2(4)
    best = 2 + 1 / np.log2(3)
    assert ndcg([0, 1, 2], [0.9, 0.5, 0.1], [4, 4, 4]).mean == pytest.approx(dcg / best, rel=1e-15)
    assert ndcg([0, 1, 2], [0.9, 0.5, 0.1], [4, 4, 4], at=2).mean == pytest.approx(
        (1 / np.log2(3)) / best, rel=1e-15
    )


def test_tied_predictions_take_the_mean_over_their_orders():
    y, g = np.array([3.0, 0.0, 1.0]), np.zeros(3, dtype=int)
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    expected = np.mean([ndcg(y, -np.array(order), g, at=2).mean for order in orders])
    assert ndcg(y, np.zeros(3), g, at=2).mean == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("weights", ["rows", "positives", "equal"])
def test_grouped_auc_agrees_with_scikit_learn_in_every_group(weights):
    y, p, g = rows(1)
    expected = by_hand(roc_auc_score, y, p, g)
    counted = {"rows": np.ones(y.size), "positives": y, "equal": None}[weights]
    by = [1.0 if counted is None else counted[g == name].sum() for name in expected]
    found = grouped_auc(y, p, g, weights=weights)
    assert list(found.groups) == list(expected)
    np.testing.assert_allclose(found.values, list(expected.values()), rtol=1e-13)
    assert found.mean == pytest.approx(np.average(list(expected.values()), weights=by), rel=1e-12)
    assert found.left_out == np.unique(g).size - len(expected) > 0


@given(st.integers(0, 2**32 - 1))
def test_only_the_order_within_a_group_counts(seed):
    y, p, g = rows(seed, groups=8, grades=3)
    y[:2], p[:2], g[:2] = (0, 1), (0.0, 1.0), 3
    rng = np.random.default_rng(seed)
    shift, scale = rng.normal(size=(2, g.max() + 1))
    moved = np.exp(p) * 4.0 ** np.round(scale[g]) + np.round(shift[g])
    for metric, labels in ((ndcg, y), (grouped_auc, y > 0)):
        was, found = metric(labels, p, g), metric(labels, moved, g)
        np.testing.assert_array_equal(found.values, was.values)
        order = rng.permutation(y.size)
        again = metric(labels[order], p[order], g[order])
        np.testing.assert_allclose(again.values, was.values, rtol=1e-14)
        assert (found.left_out, again.left_out) == (was.left_out, was.left_out)


@given(st.integers(0, 2**32 - 1))
def test_the_best_order_is_one_and_turning_round_takes_the_auc_to_its_complement(seed):
    y, p, g = rows(seed, groups=8, grades=5)
    y[:2], g[:2] = (0, 1), 3
    np.testing.assert_allclose(ndcg(y, y, g).values, 1.0, rtol=1e-14)
    assert (ndcg(y, p, g).values < 1 + 1e-14).all()
    clicked = y > 0
    np.testing.assert_allclose(
        grouped_auc(clicked, -p, g).values, 1.0 - grouped_auc(clicked, p, g).values, atol=1e-14
    )


def test_constants_per_group_change_the_auc_of_all_rows_and_not_the_grouped_one():
    rng = np.random.default_rng(2)
    g = rng.integers(0, 50, 5_000)
    y = rng.random(g.size) < 0.3
    p = rng.normal(size=g.size) + y
    moved = p + rng.normal(size=50)[g] * 3
    assert grouped_auc(y, moved, g).mean == pytest.approx(grouped_auc(y, p, g).mean, abs=1e-12)
    assert abs(roc_auc_score(y, moved) - roc_auc_score(y, p)) > 0.05


def test_narrow_types_booleans_and_tensors_are_the_same_numbers():
    y, p, g = rows(3)
    narrow = torch.tensor(y, dtype=torch.int8), torch.tensor(p), g.astype(np.uint16)
    for metric in (ndcg, grouped_auc):
        assert metric(*narrow).mean == metric(y, p, g).mean == metric(y > 0, list(p), list(g)).mean
    far = g + (2**62 + 1)
    assert list(grouped_auc(y, p, far).groups) == list(grouped_auc(y, p, g).groups + (2**62 + 1))


def test_the_interval_draws_whole_users():
    """Requests of one user say the same: as many copies of it must not narrow the interval."""
    rng = np.random.default_rng(4)
    users, copies, size = 40, 25, 6
    y = rng.random((users, size)) < 0.5
    y[:, 0], y[:, 1] = True, False
    p = rng.normal(size=(users, size)) + rng.normal(size=(users, 1)) * y
    labels, scores = (np.repeat(part, copies, axis=0).ravel() for part in (y, p))
    request = np.repeat(np.arange(users * copies), size)
    for metric in (ndcg, grouped_auc):
        once = metric(y.ravel(), p.ravel(), np.repeat(np.arange(users), size))
        told = metric(labels, scores, request, users=request // copies)
        blind = metric(labels, scores, request)
        assert told.interval(seed=1) == pytest.approx(once.interval(seed=1), rel=1e-12)
        low, high = told.interval()
        assert low < told.mean < high
        assert np.diff(blind.interval())[0] < 0.4 * (high - low)


def test_users_who_count_alike_have_the_interval_of_a_plain_mean():
    y, p, g = rows(5)
    found = grouped_auc(y, p, g, weights="equal")
    expected = bootstrap_interval(found.values, level=0.8, seed=3)
    assert found.interval(level=0.8, seed=3) == pytest.approx(expected, rel=1e-12)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Of 200 draws of 60 users, whose requests differ in number, 90% intervals hold the mean of all users."""
    rng = np.random.default_rng(6)
    slope = rng.normal(1.0, 1.5, 4_000)  # how well each user is predicted
    requests = rng.integers(1, 6, slope.size)

    def drawn(users):
        user = np.repeat(users, requests[users])
        draw = np.repeat(np.arange(users.size), requests[users])  # a user may be drawn twice
        p = rng.normal(size=(user.size, 8))
        y = rng.random(p.shape) < 1 / (1 + np.exp(-slope[user][:, None] * p))
        group = np.repeat(np.arange(user.size), 8)
        return grouped_auc(y.ravel(), p.ravel(), group, users=np.repeat(draw, 8))

    truth = np.mean([drawn(np.arange(slope.size)).mean for _ in range(10)])
    intervals = [drawn(rng.integers(0, slope.size, 60)).interval(level=0.9) for _ in range(200)]
    held = sum(low <= truth <= high for low, high in intervals)
    assert 0.83 * 200 <= held <= 0.96 * 200


@pytest.mark.parametrize("metric", [ndcg, grouped_auc])
def test_a_hundred_thousand_groups_take_hardly_longer_than_ten(metric):
    """Beside each other, as machines differ. A loop over groups takes a hundred times as long."""
    rng = np.random.default_rng(7)
    y, p = rng.random(400_000) < 0.1, rng.random(400_000)
    seconds = []
    for groups in (10, 100_000):
        g = rng.integers(0, groups, len(y))
        began = time.process_time()
        metric(y, p, g)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 10 * seconds[0]


@pytest.mark.parametrize("metric", [ndcg, grouped_auc])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [1, 0]}, "same shape, got labels \\(2,\\), predictions \\(3,\\)"),
        ({"groups": [1, 1]}, "same shape, got labels \\(3,\\), groups \\(2,\\)"),
        ({"users": [1, 1]}, "same shape, got labels \\(3,\\), users \\(2,\\)"),
        ({"users": [1, 2, 1]}, "users must be one per group, got 1 and 2 in group 5"),
        ({"groups": [1.0, 1.0, 2.0]}, "groups must hold whole numbers, got float64"),
        ({"groups": [-1, 1, 2]}, "groups must be from 0 to .*, got -1 at index 0"),
        ({"predictions": [0.1, np.nan, 0.2]}, "predictions must be finite, got nan at index 1"),
        ({"labels": [-1, 0, 1]}, "labels must .*got -1.0 at index 0"),
        ({"labels": [0, 0, 0]}, "labels must hold .* in at least one group, got none in 1 groups"),
        (
            {"labels": [[0, 0, 1]], "predictions": [[1, 2, 3]]},
            "labels must have shape \\(rows,\\), got \\(1, 3\\)",
        ),
        ({"labels": [], "predictions": [], "groups": []}, "labels must not be empty"),
    ],
)
def test_bad_rows_are_named(metric, changes, message):
    good = {"labels": [1, 0, 1], "predictions": [0.1, 0.2, 0.3], "groups": [5, 5, 5]}
    with pytest.raises(ValueError, match=message):
        metric(**(good | changes))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y, p, g: ndcg(y, p, g, at=0), "at must be a whole number of at least 1, got 0"),
        (lambda y, p, g: ndcg(y, p, g, at=2.0), "at must be a whole number of at least 1, got 2.0"),
        (lambda y, p, g: ndcg(y, p, g, gain="log"), "gain must be one of 'linear', 'exponential', got 'log'"),
        (
            lambda y, p, g: ndcg([0, 2_000, 1], p, g, gain="exponential"),
            "labels must have gains .* up to 2000.0",
        ),
        (lambda y, p, g: ndcg([0, 1.7e308, 1.7e308], p, g), "labels must have gains .* up to 1.7e"),
        (lambda y, p, g: grouped_auc([0, 2, 1], p, g), "labels must hold only 0 and 1, got 2.0 at index 1"),
        (lambda y, p, g: grouped_auc(y, p, g, weights="row"), "weights must be one of 'rows', 'positives'"),
        (lambda y, p, g: grouped_auc(y, p, g).interval(), "users must be at least 2 .*, got one"),
        (
            lambda y, p, g: ndcg([1, 1, 1], p, [1, 2, 3]).interval(level=95),
            "level must be in \\(0, 1\\), got 95",
        ),
        (lambda y, p, g: ndcg([1, 1, 1], p, [1, 2, 3]).interval(seed=-1), "seed must be from 0"),
    ],
)
def test_bad_settings_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call([1, 0, 1], [0.1, 0.2, 0.3], [5, 5, 5])
