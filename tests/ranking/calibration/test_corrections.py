"""Corrections of a level that is off, against other implementations and against what they are to do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ranking.calibration import Isotonic, Platt, Shift, SlicedShift, Temperature
from ranking.calibration.slices import WIDEST
from ranking.evaluation import metrics

ROWS = 20_000


@pytest.fixture(scope="module")
def traffic():
    """Labels, logits that are off by a shift and a slope, and a slice whose level is off on its own."""
    rng = np.random.default_rng(3)
    truth = rng.normal(-2.0, 1.0, ROWS)
    slices = rng.choice([2, 5, 9], size=ROWS, p=[0.2, 0.7, 0.1])
    labels = (rng.random(ROWS) < expit(truth - 0.6 * (slices == 2))).astype(float)
    return labels, 1.25 * truth + 0.5, slices


def likelihood(labels, z):
    return (labels * z - np.logaddexp(0.0, z)).sum()


def test_a_shift_is_the_intercept_of_a_logistic_regression_with_an_offset(traffic):
    y, z, _ = traffic
    peer = minimize(lambda b: -likelihood(y, z + b[0]) / ROWS, [0.0], method="Nelder-Mead", tol=1e-10)
    assert Shift.fit(y, z).shift == pytest.approx(peer.x[0], abs=1e-6)


def test_platt_and_temperature_are_logistic_regressions_on_the_logit(traffic):
    y, z, _ = traffic
    peer = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], y)
    ours = Platt.fit(y, z)
    assert (ours.slope, ours.shift) == pytest.approx((peer.coef_[0, 0], peer.intercept_[0]), abs=1e-5)
    peer = LogisticRegression(C=np.inf, tol=1e-10, fit_intercept=False).fit(z[:, None], y)
    assert Temperature.fit(y, z).slope == pytest.approx(peer.coef_[0, 0], abs=1e-5)


@pytest.mark.parametrize("kind", [Shift, Platt])
def test_the_mean_prediction_becomes_the_mean_label(traffic, kind):
    y, z, _ = traffic
    assert expit(kind.fit(y, z)(z)).mean() == pytest.approx(y.mean(), rel=1e-9)


def test_what_is_right_stays_as_it_is():
    z = np.repeat([-1.0, 1.0], 1_000)
    y = np.zeros(2_000)
    share = round(1_000 * expit(1.0))
    z = logit(np.repeat([1 - share / 1_000, share / 1_000], 1_000))
    y[: 1_000 - share] = y[1_000 : 1_000 + share] = 1.0
    assert Shift.fit(y, z).shift == pytest.approx(0.0, abs=1e-12)
    assert Temperature.fit(y, z).slope == pytest.approx(1.0)
    for correction in (Platt.fit(y, z), Isotonic.fit(y, z)):
        np.testing.assert_allclose(correction(z), z)


def test_down_sampling_is_a_shift_by_ln_alpha(traffic):
    z = traffic[1]
    rng = np.random.default_rng(0)
    y = (rng.random(ROWS) < expit(z + np.log(0.1))).astype(float)
    assert Shift.fit(y, z).shift == pytest.approx(np.log(0.1), abs=0.1)


@pytest.mark.parametrize("start", [-1_000.0, -30.0, 30.0, 1_000.0])
def test_a_level_that_is_far_off_is_found(traffic, start):
    y, z, _ = traffic
    assert Shift.fit(y, z + start).shift + start == pytest.approx(Shift.fit(y, z).shift, abs=1e-6)


def test_logits_that_say_0_or_1_in_every_row_leave_nowhere_to_go():
    y, z = np.array([0.0, 1.0, 0.0, 1.0]), np.array([-1e3, 1e3, 2e3, -2e3])
    for kind in (Temperature, Platt):
        with pytest.raises(ValueError, match="logits must be small enough for a fit, got one of size 2000"):
            kind.fit(y, z)


def test_labels_that_logits_tell_apart_have_no_finite_slope():
    y, z = np.array([0.0, 0.0, 1.0, 1.0]), np.array([-2.0, -1.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="logits must not tell all labels apart"):
        Temperature.fit(y, z)
    for tied in (z, np.array([-2.0, 1.0, 1.0, 2.0]), -z, np.ones(4)):
        with pytest.raises(ValueError, match="logits of the two labels must overlap"):
            Platt.fit(y, tied)
    assert Shift.fit(y, z).shift == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_of_one_class_teach_nothing(label):
    y, z = np.full(5, label), np.arange(5.0)
    for kind in (Shift, Temperature, Platt, Isotonic):
        with pytest.raises(ValueError, match=f"labels must hold both classes, got only {label:g} in 5 rows"):
            kind.fit(y, z)
    with pytest.raises(ValueError, match="labels must hold both classes"):
        SlicedShift.fit(y, z, np.arange(5))


# --- isotonic ---------------------------------------------------------------------------------------


def test_isotonic_is_that_of_scikit_learn(traffic):
    y, z, _ = traffic
    z = np.round(z, 2)  # with ties
    least = 0.5 / ROWS
    peer = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(z, y)
    at = np.linspace(z.min() - 1, z.max() + 1, 2_001)
    np.testing.assert_allclose(expit(Isotonic.fit(y, z)(at)), peer.predict(at))


def test_isotonic_keeps_the_order_ties_rows_and_is_never_sure(traffic):
    y, z, _ = traffic
    y, z = y[:500], z[:500]
    fitted = Isotonic.fit(y, z)
    corrected = fitted(np.sort(z))
    assert (np.diff(corrected) >= 0.0).all()
    assert len(np.unique(corrected)) < 100
    assert expit(fitted(np.array([-50.0, 50.0]))) == pytest.approx([0.001, 0.999], rel=1e-9)
    assert np.isfinite(metrics.log_loss(1.0 - y, expit(fitted(z))))


@pytest.mark.parametrize(
    ("knots", "probabilities", "message"),
    [
        ([1.0, 1.0], [0.2, 0.3], "knots must increase"),
        ([1.0, 2.0], [0.3, 0.2], "probabilities must not decrease"),
        ([1.0, 2.0], [0.0, 0.2], r"lie in \(0, 1\)"),
        ([1.0, 2.0], [0.2, 1.0], r"lie in \(0, 1\)"),
    ],
)
def test_steps_that_are_none_are_refused(knots, probabilities, message):
    with pytest.raises(ValueError, match=message):
        Isotonic(np.array(knots), np.array(probabilities))


# --- by slice ---------------------------------------------------------------------------------------


def test_each_slice_is_the_mode_of_its_posterior(traffic):
    y, z, slices = traffic
    fitted = SlicedShift.fit(y, z, slices, spread=0.1)
    assert fitted.slices.tolist() == [2, 5, 9]
    for code, shift in zip(fitted.slices, fitted.shifts, strict=True):
        rows = slices == code

        def lost(d, rows=rows):
            return -likelihood(y[rows], z[rows] + fitted.shift + d[0]) + d[0] ** 2 / (2 * 0.1**2)

        peer = minimize(lost, [0.0], method="Nelder-Mead", tol=1e-10)
        assert shift - fitted.shift == pytest.approx(peer.x[0], abs=1e-6)


def test_without_shrinkage_each_slice_has_a_shift_of_its_own(traffic):
    y, z, slices = traffic
    fitted = SlicedShift.fit(y, z, slices, spread=WIDEST)
    alone = [Shift.fit(y[slices == code], z[slices == code]).shift for code in (2, 5, 9)]
    np.testing.assert_allclose(fitted.shifts, alone, atol=1e-3)
    none = SlicedShift.fit(y, z, slices, spread=0.0)
    np.testing.assert_array_equal(none.shifts, [Shift.fit(y, z).shift] * 3)


def test_small_slices_are_shrunk_more(traffic):
    y, z, slices = traffic
    wide = SlicedShift.fit(y[:600], z[:600], slices[:600], spread=WIDEST)
    shrunk = SlicedShift.fit(y[:600], z[:600], slices[:600], spread=0.3)
    kept = (shrunk.shifts - shrunk.shift) / (wide.shifts - wide.shift)
    assert ((kept > 0.0) & (kept < 1.0)).all()
    assert kept[2] < kept[1]  # a tenth of the rows, and seven tenths


def test_a_slice_without_a_positive_stays_finite():
    y, z, slices = np.array([1.0, 0, 1, 0, 0, 0]), np.zeros(6), np.array([0, 0, 0, 0, 7, 7])
    for spread in (None, WIDEST):
        assert np.isfinite(SlicedShift.fit(y, z, slices, spread).shifts).all()


def test_slices_that_were_not_seen_get_the_common_shift(traffic):
    y, z, slices = traffic
    fitted = SlicedShift.fit(y, z, slices)
    moved = fitted(np.zeros((2, 3)), np.array([[2, 5, 9], [1, 6, 10]]))
    np.testing.assert_array_equal(moved, [fitted.shifts, [fitted.shift] * 3])


def test_the_spread_that_slices_show_is_found():
    """Over many draws the moments come out at the spread that was put in, and at 0 where there is none."""
    rng = np.random.default_rng(1)
    slices = np.repeat(np.arange(40), 400)
    found = {0.0: [], 0.3: []}
    for spread, squares in found.items():
        for _ in range(30):
            z = rng.normal(-1.0, 0.7, slices.size)
            moved = z + 0.2 + rng.normal(0.0, spread, 40)[slices]
            y = (rng.random(slices.size) < expit(moved)).astype(float)
            squares.append(SlicedShift.fit(y, z, slices).spread ** 2)
    assert np.mean(found[0.0]) < 0.1**2
    assert np.mean(found[0.3]) == pytest.approx(0.3**2, rel=0.1)


def test_one_slice_is_the_common_shift(traffic):
    y, z, _ = traffic
    fitted = SlicedShift.fit(y, z, np.full(ROWS, 4))
    assert fitted.spread == 0.0
    assert fitted.shifts == [Shift.fit(y, z).shift]


def test_slices_out_of_order_are_refused():
    with pytest.raises(ValueError, match="slices must increase"):
        SlicedShift(0.0, np.array([3, 1]), np.array([0.1, 0.2]), 0.5)
