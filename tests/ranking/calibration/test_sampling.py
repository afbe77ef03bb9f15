"""Down-sampling and calibration (claims C2–C6)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from ranking import calibration

ALPHAS = st.floats(1e-4, 1.0)
OPEN_UNIT = st.floats(1e-6, 1 - 1e-6)


@given(OPEN_UNIT, ALPHAS)
def test_calibrating_undoes_sampling(p, alpha):
    assert calibration.calibrate(calibration.downsampled(p, alpha), alpha) == pytest.approx(p, rel=1e-9)


@given(OPEN_UNIT, ALPHAS)
def test_formula_is_a_shift_of_logits(p, alpha):
    shifted = expit(calibration.calibrate_logits(logit(p), alpha))
    assert calibration.calibrate(p, alpha) == pytest.approx(float(shifted), rel=1e-9)


@given(OPEN_UNIT, ALPHAS)
def test_same_as_the_formula_of_he_et_al(p, alpha):
    # Their q = p / (p + (1 - p) / w), with w the share of negatives kept.
    assert calibration.calibrate(p, alpha) == pytest.approx(p / (p + (1 - p) / alpha), rel=1e-12)


@given(st.integers(1, 10**6), st.integers(1, 10**7), ALPHAS)
def test_counts_of_claim_c4(positives, negatives, alpha):
    p_true = positives / (positives + negatives)
    p_pred = positives / (positives + alpha * negatives)
    assert calibration.downsampled(p_true, alpha) == pytest.approx(p_pred, rel=1e-12)
    assert calibration.calibrate(p_pred, alpha) == pytest.approx(p_true, rel=1e-9)


@given(st.lists(OPEN_UNIT, min_size=2, max_size=20), ALPHAS)
def test_order_is_kept(p, alpha):
    p = np.sort(p)
    assert np.all(np.diff(calibration.calibrate(p, alpha)) >= 0)


def test_smaller_rates_overestimate_more():
    raw = [float(calibration.downsampled(0.1, alpha)) for alpha in (1.0, 0.5, 0.1, 0.01)]
    assert raw[0] == pytest.approx(0.1)
    assert raw == sorted(raw)


def test_ends_stay_where_they_are():
    np.testing.assert_array_equal(calibration.calibrate([0.0, 1.0], 0.1), [0.0, 1.0])
    np.testing.assert_array_equal(calibration.downsampled([0.0, 1.0], 0.1), [0.0, 1.0])


def test_logits_keep_what_probabilities_lose():
    z = np.array([40.0, 41.0])
    assert calibration.calibrate(expit(z), 0.01).tolist() == [1.0, 1.0]
    assert np.diff(calibration.calibrate_logits(z, 0.01)) == pytest.approx(1.0)


def test_tensors_are_taken():
    p = torch.tensor([0.2, 0.5], dtype=torch.float64)
    np.testing.assert_allclose(calibration.calibrate(p, 0.1), calibration.calibrate(p.numpy(), 0.1))


def test_sampling_keeps_all_positives_and_a_share_of_negatives():
    y = (np.random.default_rng(1).random(100_000) < 0.1).astype(int)
    kept = calibration.downsample_negatives(y, 0.1, rng=2)
    assert np.all(np.diff(kept) > 0)
    assert y[kept].sum() == y.sum()
    negatives = (y == 0).sum()
    # Five standard deviations of a binomial count.
    assert abs((y[kept] == 0).sum() - 0.1 * negatives) < 5 * np.sqrt(negatives * 0.09)
    assert kept.size / y.size == pytest.approx(calibration.kept_share(y.mean(), 0.1), rel=0.03)


def test_sampling_at_rate_one_keeps_everything():
    assert calibration.downsample_negatives([0, 1, 0], 1.0, rng=0).tolist() == [0, 1, 2]


def test_sampling_is_seeded():
    y = np.r_[1, np.zeros(1_000)]
    first, second, other = (calibration.downsample_negatives(y, 0.5, rng=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert first.size != other.size or not np.array_equal(first, other)


def test_a_model_trained_on_the_sample_shifts_its_intercept_by_minus_ln_alpha():
    """An independent model (scikit-learn) does what claim C5 says, up to what sampling noise allows."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200_000, 2))
    y = (rng.random(200_000) < expit(x @ [1.0, -0.5] - 2.5)).astype(int)
    alpha = 0.1
    kept = calibration.downsample_negatives(y, alpha, rng=6)
    full = LogisticRegression(C=np.inf).fit(x, y)
    sampled = LogisticRegression(C=np.inf).fit(x[kept], y[kept])
    assert sampled.intercept_ - full.intercept_ == pytest.approx(-np.log(alpha), abs=0.05)
    np.testing.assert_allclose(sampled.coef_, full.coef_, atol=0.05)
    calibrated = calibration.calibrate(sampled.predict_proba(x)[:, 1], alpha)
    assert calibrated.mean() == pytest.approx(y.mean(), rel=0.02)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.5, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "call",
    [
        lambda alpha: calibration.calibrate([0.5], alpha),
        lambda alpha: calibration.downsampled([0.5], alpha),
        lambda alpha: calibration.calibrate_logits([0.5], alpha),
        lambda alpha: calibration.downsample_negatives([0, 1], alpha, rng=0),
        lambda alpha: calibration.kept_share(0.1, alpha),
    ],
)
def test_sampling_rates_outside_the_range_are_refused(call, alpha):
    with pytest.raises(ValueError, match="sampling_rate must be"):
        call(alpha)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: calibration.calibrate([0.2, 1.2], 0.1),
            r"predictions must be in \[0, 1\], got 1.2 at index 1",
        ),
        (lambda: calibration.calibrate([-0.1], 0.1), r"predictions must be in \[0, 1\], got -0.1"),
        (lambda: calibration.calibrate([np.nan], 0.1), "predictions must be finite, got nan"),
        (lambda: calibration.calibrate([0.5], [0.1, 0.2]), r"sampling_rate must be a single number.*\(2,\)"),
        (lambda: calibration.downsample_negatives([0, 0], 0.1, 0), "at least one positive, got none"),
        (lambda: calibration.downsample_negatives([0, 2], 0.1, 0), "only 0 and 1, got 2.0 at index 1"),
        (lambda: calibration.downsample_negatives([[0, 1]], 0.1, 0), r"shape \(rows,\), got \(1, 2\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("rng", [None, True, 1.5, "a", -1])
def test_what_is_no_seed_is_refused(rng):
    with pytest.raises(ValueError, match="rng must be a whole number from 0"):
        calibration.downsample_negatives([0, 1], 0.5, rng)


def test_a_seed_and_its_generator_draw_alike():
    y = np.arange(50) % 5 == 0
    expected = calibration.downsample_negatives(y, 0.5, np.random.default_rng(3))
    np.testing.assert_array_equal(calibration.downsample_negatives(y, 0.5, np.int64(3)), expected)
