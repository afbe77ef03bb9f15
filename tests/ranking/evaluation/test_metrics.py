"""Metrics against scikit-learn, and against what they must mean."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from ranking.evaluation import metrics

RNG = np.random.default_rng(0)
P = RNG.beta(1, 6, 5_000)
Y = (RNG.random(5_000) < P).astype(float)


def test_log_loss_agrees_with_scikit_learn():
    assert metrics.log_loss(Y, P) == pytest.approx(sklearn_metrics.log_loss(Y, P), rel=1e-12)


def test_log_loss_takes_tensors_and_booleans():
    assert metrics.log_loss(Y.astype(bool), torch.tensor(P)) == metrics.log_loss(Y, P)


def test_log_loss_of_a_sure_mistake_is_infinite_not_clipped():
    assert metrics.log_loss([1, 0], [0.0, 0.5]) == np.inf
    assert metrics.log_loss([1, 0], [1.0, 0.0]) == 0.0


def test_truth_has_the_smallest_expected_log_loss():
    best = metrics.log_loss(P, P)
    for other in (P * 0.9, P**1.1, np.full(P.shape, P.mean())):
        assert metrics.log_loss(P, other) > best


@pytest.mark.parametrize("ties", [False, True])
def test_auc_agrees_with_scikit_learn(ties):
    scores = np.round(P, 1) if ties else P
    assert metrics.auc(Y, scores) == pytest.approx(sklearn_metrics.roc_auc_score(Y, scores), rel=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_auc_is_the_share_of_pairs_in_order(seed):
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(0, 2, 20)]
    scores = rng.integers(0, 6, y.size).astype(float)
    gap = scores[y == 1][:, None] - scores[y == 0][None, :]
    assert metrics.auc(y, scores) == pytest.approx(np.mean((gap > 0) + 0.5 * (gap == 0)))


@pytest.mark.parametrize(("binning", "strategy"), [("equal width", "uniform"), ("equal count", "quantile")])
def test_reliability_agrees_with_scikit_learn(binning, strategy):
    ours = metrics.reliability(Y, P, bins=12, binning=binning)
    observed, predicted = calibration_curve(Y, P, n_bins=12, strategy=strategy)
    filled = ours.count > 0
    np.testing.assert_allclose(ours.observed[filled], observed)
    np.testing.assert_allclose(ours.predicted[filled], predicted)
    assert ours.count.sum() == Y.size


def test_reliability_bins_hold_their_right_edge():
    bins = metrics.reliability([0, 1, 1, 1], [0.0, 0.5, 0.500001, 1.0], bins=2)
    assert bins.count.tolist() == [2, 2]


def test_calibration_error_by_hand():
    # Two bins of two rows: |0.2 - 0.5| and |0.8 - 1|, each with half of the rows.
    assert metrics.calibration_error([0, 1, 1, 1], [0.2, 0.2, 0.8, 0.8], bins=2) == pytest.approx(0.25)


def test_calibration_error_of_one_repeated_prediction():
    assert metrics.calibration_error([0, 0, 1, 0], np.full(4, 0.25)) == pytest.approx(0.0)
    same = metrics.reliability([0, 1], [0.3, 0.3], binning="equal count")
    assert same.count.tolist() == [2]
    assert same.error == pytest.approx(0.2)


def test_normalised_entropy_of_the_base_rate_is_one():
    assert metrics.normalised_entropy(Y, np.full(Y.shape, Y.mean())) == pytest.approx(1.0)
    assert metrics.normalised_entropy(Y, P) < 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.log_loss([0, 1], [0.5]), r"same shape, got labels \(2,\), predictions \(1,\)"),
        (
            lambda: metrics.log_loss([0, 1], [0.5, 1.5]),
            r"predictions must be in \[0, 1\], got 1.5 at index 1",
        ),
        (lambda: metrics.log_loss([0, 1], [0.5, np.nan]), "predictions must be finite, got nan at index 1"),
        (lambda: metrics.log_loss([0, -1], [0.5, 0.5]), r"labels must be in \[0, 1\], got -1.0 at index 1"),
        (lambda: metrics.log_loss([], []), "labels must not be empty"),
        (lambda: metrics.auc([1, 1], [0.1, 0.2]), "labels must hold positives and negatives, got 2 and 0"),
        (lambda: metrics.auc([0.5, 1], [0.1, 0.2]), "labels must hold only 0 and 1, got 0.5 at index 0"),
        (lambda: metrics.auc([0, 1, 1], [0.1, 0.2]), "same shape"),
        (
            lambda: metrics.reliability(np.ones((2, 3)), np.ones((3, 2))),
            r"same shape, got labels \(2, 3\), predictions \(3, 2\)",
        ),
        (lambda: metrics.reliability(Y, P, bins=0), "bins must be a whole number of at least 1, got 0"),
        (lambda: metrics.reliability(Y, P, binning="even"), "binning must be one of 'equal width'"),
        (lambda: metrics.normalised_entropy([0, 0], [0.1, 0.1]), "labels must hold both classes"),
        (lambda: metrics.log_loss(["a"], [0.5]), "labels must hold numbers"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_expected_auc_is_the_auc_where_labels_are_certain():
    rng = np.random.default_rng(0)
    labels, scores = rng.random(500) < 0.3, rng.integers(0, 40, 500)  # ties among them
    assert metrics.expected_auc(labels, scores) == pytest.approx(metrics.auc(labels, scores), rel=1e-12)


def test_expected_auc_is_the_mean_over_many_draws():
    rng = np.random.default_rng(1)
    truth, scores = rng.random(300), rng.random(300)
    draws = [metrics.auc(rng.random(300) < truth, scores) for _ in range(600)]
    error = np.std(draws) / np.sqrt(len(draws))
    assert metrics.expected_auc(truth, scores) == pytest.approx(np.mean(draws), abs=5 * error)


def test_weights_of_expected_auc_count_rows_as_often():
    truth, scores = [0.1, 0.7, 0.4], [0.3, 0.2, 0.9]
    twice = metrics.expected_auc([*truth, truth[1]], [*scores, scores[1]])
    assert metrics.expected_auc(truth, scores, weights=[1, 2, 1]) == pytest.approx(twice, rel=1e-12)
    with pytest.raises(ValueError, match="room for positives and negatives"):
        metrics.expected_auc([0.0, 0.0], [0.1, 0.2])


def test_shapes_that_only_agree_in_size_are_refused():
    with pytest.raises(ValueError, match=r"same shape, got truth \(2, 3\), predictions \(3, 2\)"):
        metrics.expected_auc(np.full((2, 3), 0.5), np.zeros((3, 2)))


def test_whole_numbers_that_floats_cannot_tell_apart_are_refused():
    """2**53 and 2**53 + 1 are one float: the AUC would be one half, for a tie."""
    labels, large = [0, 1], np.array([2**53, 2**53 + 1])
    assert metrics.auc(labels, large - 2) == 1.0
    for predictions in (large, large.astype(np.uint64), large.astype(object), large.tolist()):
        with pytest.raises(ValueError, match=r"predictions must be below 2\*\*53 where they are whole"):
            metrics.auc(labels, predictions)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1.0, 1e200, 1.7e308])
def test_weights_of_expected_auc_may_be_of_any_size(scale):
    truth, scores, weights = [0.2, 0.6, 0.4], [1, 3, 2], np.array([1.0, 0.5, 1.0])
    wanted = metrics.expected_auc(truth, scores, weights)
    assert metrics.expected_auc(truth, scores, weights * scale) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.float32, object])
def test_labels_of_any_type_are_the_same_labels(dtype):
    rng = np.random.default_rng(0)
    labels, scores = rng.random(1_000) < 0.3, rng.random(1_000)
    for metric in (metrics.auc, metrics.log_loss, metrics.normalised_entropy, metrics.calibration_error):
        assert metric(labels.astype(dtype), scores) == metric(labels.astype(float), scores)


def test_auc_takes_tensors_with_a_gradient():
    y, p = (torch.tensor(values, requires_grad=True) for values in ([[0.0, 1.0]], [[0.2, 0.7]]))
    assert metrics.auc(y, p) == 1.0


def test_calibration_error_of_empty_bins_is_refused():
    nothing = np.full(2, np.nan)
    empty = metrics.Reliability(np.array([0.0, 0.5, 1.0]), nothing, nothing, np.zeros(2))
    with pytest.raises(ValueError, match="count must hold at least one row"):
        _ = empty.error


# Watch times: order and level of predicted means


def xauc_by_pairs(values: np.ndarray, scores: np.ndarray) -> float:
    """Every pair looked at, one by one."""
    dy = np.sign(values[:, None] - values[None, :])
    ds = np.sign(scores[:, None] - scores[None, :])
    return float(((1 + dy * ds) / 2)[dy != 0].mean())


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=40))
def test_xauc_counts_pairs(pairs):
    values, scores = np.array(pairs, dtype=float).T
    if (values == values[0]).all():
        with pytest.raises(ValueError, match="at least two different numbers"):
            metrics.xauc(values, scores)
    else:
        assert metrics.xauc(values, scores) == pytest.approx(xauc_by_pairs(values, scores), abs=1e-12)


def test_xauc_of_labels_is_the_auc():
    assert metrics.xauc(Y, P) == pytest.approx(metrics.auc(Y, P), abs=1e-12)


def test_xauc_sees_only_the_order():
    t = RNG.exponential(20.0, 500)
    assert metrics.xauc(t, np.exp(t / 50)) == 1.0
    assert metrics.xauc(t, -t) == 0.0
    assert metrics.xauc(t, np.full(500, 3.0)) == 0.5


def test_deciles_of_predicted_seconds():
    seconds = RNG.exponential(20.0, 10_000)
    bins = metrics.reliability_of_means(1.5 * seconds, seconds)
    assert bins.count.tolist() == [1_000] * 10
    np.testing.assert_allclose(bins.observed, 1.5 * bins.predicted)
    assert bins.error == pytest.approx(0.5 * seconds.mean())
    assert metrics.reliability_of_means([1.0, 3.0], [2.0, 2.0]).observed.tolist() == [2.0]


@pytest.mark.parametrize("call", [metrics.xauc, metrics.reliability_of_means])
def test_bad_times_are_named(call):
    with pytest.raises(ValueError, match="values must be finite"):
        call([np.nan, 1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="same shape"):
        call([0.0, 1.0], [1.0])


def test_what_is_slow_to_import_comes_when_it_is_asked_for():
    code = "from ranking.evaluation import intervals, metrics; assert 'scipy.stats' not in sys.modules"
    subprocess.run([sys.executable, "-c", f"import sys; {code}"], check=True)
