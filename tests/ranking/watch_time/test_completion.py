"""Completion: two targets, one definition each, and the correction for length (G1, G2, X6, X14, X15)."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline
from scipy.special import expit, logit
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from ranking.watch_time import completion
from ranking.watch_time.completion import LengthCorrection

RNG = np.random.default_rng(0)


# Targets


def test_the_sources_example():
    assert completion.share_played(240.0, 600.0).share == pytest.approx(0.4)


def test_a_play_longer_than_the_item_counts_as_the_whole_item_and_is_counted():
    played = completion.share_played([5.0, 10.0, 15.0, 99.0], [10.0, 10.0, 10.0, 10.0])
    np.testing.assert_array_equal(played.share, [0.5, 1.0, 1.0, 1.0])
    assert played.longer == 2


def test_exactly_eighty_per_cent_is_completed():
    assert completion.COMPLETED == 0.8
    np.testing.assert_array_equal(completion.completed([479.9, 480.0, 700.0], [600.0] * 3), [0.0, 1.0, 1.0])


@given(st.integers(1, 100_000))
def test_the_threshold_itself_never_falls_to_rounding(fifth):
    assert completion.completed(4.0 * fifth, 5.0 * fifth) == 1.0


@pytest.mark.parametrize("number", [float, np.float32, torch.tensor])
def test_every_play_of_exactly_eighty_per_cent_is_completed_and_none_a_millisecond_shorter(number):
    for ms in range(5, 600_000, 995):  # whole fifths of a millisecond
        duration, exactly = number(5 * ms / 1000), number(4 * ms / 1000)
        assert completion.completed(exactly, duration) == 1.0
        assert completion.completed(number((4 * ms - 1) / 1000), duration) == 0.0
    assert completion.completed(number(4.8), number(6.0)) == 1.0


@given(st.floats(0.0, 1e6), st.floats(0.5, 1e5), st.floats(0.01, 1.0))
@example(4.8, 6.0, 0.8)
def test_completed_means_that_the_share_reaches_the_threshold(t, d, threshold):
    missing = Fraction(threshold) * Fraction(d) - Fraction(t)  # exact
    done = completion.completed(t, d, threshold)
    assert done == float(missing <= 0) or (
        done == 1.0 and missing < 1e-15 * Fraction(threshold) * Fraction(d)
    )


def test_extremes_do_not_overflow():
    played = completion.share_played([1e300, 5e-324], [1e-300, 1e300])
    assert played.share.tolist() == [1.0, 0.0]
    assert completion.completed([1e300, 0.0], [1e-300, 5e-324]).tolist() == [1.0, 0.0]


def test_unknown_durations_are_told_apart():
    known = completion.known_duration([10.0, 0.0, np.nan, 3.0])
    np.testing.assert_array_equal(known, [True, False, False, True])
    with pytest.raises(ValueError, match="duration must be at least 0"):
        completion.known_duration([-1.0])
    with pytest.raises(ValueError, match="duration must be finite"):
        completion.known_duration([np.inf])
    with pytest.raises(ValueError, match="duration must hold numbers"):
        completion.known_duration(["long"])
    with pytest.raises(ValueError, match="duration must not be a masked array"):
        completion.known_duration(np.ma.masked_array([5.0, 9.0], [False, True]))


# The correction


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Durations, true completion (the same interest for every length), labels."""
    duration = np.exp(RNG.normal(3.7, 0.8, 20_000))
    usual = expit(2.0 - 0.9 * np.log(duration))
    interest = np.exp(RNG.normal(-0.04, 0.3, duration.size))
    p = np.minimum(usual * interest, 1.0)
    return duration, p, (RNG.random(duration.size) < p).astype(float)


def test_f_has_the_mean_of_the_labels_and_their_shape(rows):
    duration, p, labels = rows
    f = LengthCorrection.fit(duration, labels)
    assert f.expected(duration).mean() == pytest.approx(labels.mean(), rel=1e-9)
    for low, high in ((0, 20), (20, 40), (40, 80), (80, 1e9)):
        here = (duration >= low) & (duration < high)
        assert f.expected(duration[here]).mean() == pytest.approx(p[here].mean(), rel=0.06)


def test_the_fit_is_scikit_learns_on_the_same_columns(rows):
    duration, _, labels = rows
    f = LengthCorrection.fit(duration, labels)
    columns = completion._natural_spline(np.log(duration), f.knots)
    own = LogisticRegression(C=1e10, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(columns, labels)
    lengths = np.array([8.0, 30.0, 60.0, 200.0])
    theirs = expit(completion._natural_spline(np.log(lengths), f.knots) @ own.coef_[0])
    np.testing.assert_allclose(f.expected(lengths), theirs, rtol=1e-4)


def test_f_is_scipys_natural_spline_between_the_knots_and_straight_beyond(rows):
    f = LengthCorrection.fit(rows[0], rows[2], knots=5)
    at_knots = logit(f.expected(np.exp(f.knots)))
    natural = CubicSpline(f.knots, at_knots, bc_type="natural")
    inside = np.linspace(f.knots[0], f.knots[-1], 50)
    np.testing.assert_allclose(logit(f.expected(np.exp(inside))), natural(inside), atol=1e-9)
    for edge, way in ((f.knots[0], -1.0), (f.knots[-1], 1.0)):
        beyond = logit(f.expected(np.exp(edge + way * np.array([0.0, 1.0, 2.0]))))
        assert beyond[2] - beyond[1] == pytest.approx(beyond[1] - beyond[0])


def test_correcting_takes_the_length_out_and_leaves_the_interest(rows):
    duration, p, labels = rows
    corrected = LengthCorrection.fit(duration, labels).correct(p, duration)
    interest = p / expit(2.0 - 0.9 * np.log(duration))
    assert spearmanr(p, duration).statistic < -0.7
    assert abs(spearmanr(corrected, duration).statistic) < 0.1
    assert spearmanr(corrected, interest).statistic > 0.97 > spearmanr(p, interest).statistic
    assert corrected.max() > 1.0  # no probability


def test_shares_can_be_fitted_too():
    duration = np.exp(RNG.normal(3.5, 0.7, 3_000))
    f = LengthCorrection.fit(duration, np.minimum(10.0 / duration, 1.0))
    assert f.expected([100.0]) == pytest.approx(0.1, rel=0.05)


def test_order_within_one_length_stays(rows):
    f = LengthCorrection.fit(rows[0], rows[2])
    p = np.sort(RNG.random(20))
    assert (np.diff(f.correct(p, np.full(20, 33.0))) > 0).all()


SOME = np.array([5.0, 10.0, 20.0, 40.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: completion.share_played([1.0], [0.0]), "duration must be above 0, got 0.0"),
        (lambda: completion.share_played([1.0], [np.nan]), "duration must be finite"),
        (lambda: completion.share_played([-1.0], [1.0]), "watch_time must be at least 0"),
        (lambda: completion.share_played([1.0, 2.0], [1.0]), "same shape"),
        (
            lambda: completion.completed([1.0], [1.0], threshold=0.0),
            r"threshold must be in \(0, 1\], got 0.0",
        ),
        (lambda: completion.completed([1.0], [1.0], threshold=1.1), r"threshold must be in \(0, 1\]"),
        (lambda: LengthCorrection([1.0, 1.0, 2.0], [0.0] * 3), "knots must be at least 3 and ascend"),
        (lambda: LengthCorrection.fit(SOME, [0.0] * 4), "completion must not be 0 in every row"),
        (lambda: LengthCorrection.fit(SOME, [1.0] * 4), "completion must not be 1 in every row"),
        (lambda: LengthCorrection.fit(SOME, [0.0, 1.0, 0.0, 2.0]), r"completion must be in \[0, 1\]"),
        (lambda: LengthCorrection.fit(SOME[:2], [0.0, 1.0, 1.0]), "same shape"),
        (lambda: LengthCorrection.fit(SOME, [0.0, 1.0, 0.0, 1.0], knots=2), "knots must be at least 3"),
        (lambda: LengthCorrection.fit([9.0] * 4, [0.0, 1.0, 0.0, 1.0]), "different values at 4 quantiles"),
        (
            lambda: LengthCorrection.fit(SOME.repeat(9), (SOME < 15).repeat(9)),
            "decided by the duration alone",
        ),
        (lambda: LengthCorrection.fit([], []), "duration must not be empty"),
        (lambda: LengthCorrection.fit([[1.0]], [[1.0]]), r"duration must have shape \(rows,\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_predictions_are_named(rows):
    f = LengthCorrection.fit(rows[0], rows[2])
    with pytest.raises(ValueError, match=r"predictions must be in \[0, 1\]"):
        f.correct([1.2], [30.0])
    with pytest.raises(ValueError, match="duration must be above 0"):
        f.correct([0.2], [0.0])
    with pytest.raises(ValueError, match="same shape"):
        f.correct([0.2, 0.3], [10.0])


def test_what_needs_only_numpy_does_not_wait_for_torch():
    code = "import sys, ranking.watch_time, ranking.fusion, ranking.simulator; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
