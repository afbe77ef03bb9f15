"""Watch time: every loss against autograd and closed forms, and what it converges to (F2–F4, X4, X9)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import norm, rankdata

from ranking import watch_time as wt
from ranking.logs.features import FeatureTable
from ranking.multi_task import MultiTaskModel
from ranking.simulator import log_normal
from ranking.training import WatchTimeExamples, fit, predict_logits, seeded

RNG = np.random.default_rng(0)
UNITS = st.floats(1e-2, 1e5)
TIMES = st.floats(0.0, 1e6)
LOGITS = st.floats(-100.0, 100.0)


def tensor(*values: float, grad: bool = False) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def gradient(loss, logit: float, *labels: float, **settings: float) -> tuple[float, float]:
    """A loss of one row and its gradient at the logit, by autograd."""
    z = tensor(logit, grad=True)
    value = loss(z, *(tensor(label) for label in labels), **settings)
    value.backward()
    return float(value.detach()), float(z.grad)


# Target and prediction (F3, F4)


@given(TIMES, UNITS)
def test_the_odds_of_the_target_are_the_watch_time(t, unit):
    y = float(wt.watch_time_target(t, unit))
    assert 0.0 <= y < 1.0
    assert unit * y / (1.0 - y) == pytest.approx(t, rel=1e-5 * max(1.0, 1e-5 * t / unit), abs=1e-9)


@given(st.floats(1e-3, 1e6), UNITS)
def test_where_p_is_y_the_prediction_is_the_watch_time(t, unit):
    assert float(wt.predicted_watch_time(np.log(t / unit), unit)) == pytest.approx(t, rel=1e-12)


def test_predictions_reach_from_hardly_anything_to_more_than_anybody_watches():
    np.testing.assert_allclose(wt.predicted_watch_time([-100.0, 0.0, 100.0]), np.exp([-100.0, 0.0, 100.0]))


def test_a_prediction_beyond_what_a_float_holds_is_refused():
    with pytest.raises(ValueError, match="finite"):
        wt.predicted_watch_time(710.0)


LOSSES = {
    "watch_time_loss": (),
    "geometric_loss": (),
    "weighted_logistic_loss": ([1.0, 0.0, 1.0],),
    "squared_error": (),
    "log_squared_error": (),
    "quantile_loss": (),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_weight_of_two_is_the_row_twice(name):
    """Weights of 0, 1 and 2 have a mean of 1: they leave out the first row and repeat the last."""
    loss, given = getattr(wt, name), [tensor(*column) for column in LOSSES[name]]
    z, y, weights = tensor(0.5, -1.0, 2.0), tensor(0.2, 0.4, 0.9), tensor(0.0, 1.0, 2.0)
    again = [1, 2, 2]
    expected = loss(z[again], y[again], *(column[again] for column in given))
    torch.testing.assert_close(loss(z, y, *given, weights=weights), expected)
    torch.testing.assert_close(loss(z, y, *given, weights=torch.ones(3)), loss(z, y, *given))


# The losses: values and gradients


@given(LOGITS, TIMES, UNITS)
@example(z=21.0, t=0.0, unit=1.0)
@example(z=-21.0, t=1e6, unit=1.0)
def test_source_loss_has_the_gradient_p_minus_y(z, t, unit):
    value, slope = gradient(wt.watch_time_loss, z, t, unit=unit)
    assert slope == pytest.approx(float(expit(z) - t / (unit + t)), abs=1e-12)
    assert np.isfinite(value)
    assert value >= 0.0  # with its sign as the source has it (X4), it would be at most 0


@given(LOGITS, TIMES, UNITS)
def test_geometric_loss_has_the_gradient_one_plus_t_times_p_minus_t(z, t, unit):
    value, slope = gradient(wt.geometric_loss, z, t, unit=unit)
    t = t / unit
    # (1 + t) p − t loses digits where both are large: written without the difference of large numbers
    assert slope == pytest.approx(float(expit(z) - t * expit(-z)), rel=1e-9, abs=1e-9)
    assert np.isfinite(value)


@given(LOGITS, TIMES, st.booleans(), UNITS)
def test_weighted_logistic_loss_weights_only_the_clicked(z, t, clicked, unit):
    value, slope = gradient(wt.weighted_logistic_loss, z, t, float(clicked), unit=unit)
    expected = -t / unit * expit(-z) if clicked else expit(z)
    assert slope == pytest.approx(float(expected), rel=1e-9, abs=1e-12)
    assert np.isfinite(value)


@given(LOGITS, st.floats(1e-3, 1e6), UNITS, st.floats(0.0, 1.0))
def test_the_other_losses_pull_as_their_formulas_say(o, t, unit, q):
    _, slope = gradient(wt.squared_error, o, t, unit=unit)
    assert slope == pytest.approx(2 * (o - t / unit), rel=1e-9, abs=1e-9)
    _, slope = gradient(wt.log_squared_error, o, t, unit=unit)
    assert slope == pytest.approx(2 * (o - np.log(t / unit)), rel=1e-9, abs=1e-9)
    _, slope = gradient(wt.quantile_loss, o, q)
    assert slope == pytest.approx(2 * float((expit(o) - q) * expit(o) * expit(-o)), rel=1e-9, abs=1e-12)


@given(st.floats(-20.0, 20.0), TIMES, UNITS)
def test_geometric_loss_pulls_with_the_error_relative_to_the_prediction(z, t, unit):
    _, slope = gradient(wt.geometric_loss, z, t, unit=unit)
    said = unit * np.exp(z)
    assert slope == pytest.approx((said - t) / (unit + said), rel=1e-6, abs=1e-9)


def clicked_loss(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return wt.weighted_logistic_loss(z, t, (t > 0).to(z.dtype))


def log_loss(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return wt.log_squared_error(z, t + 1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "loss", [wt.watch_time_loss, wt.geometric_loss, clicked_loss, wt.squared_error, log_loss]
)
def test_losses_stay_finite_at_the_ends(loss, dtype):
    z = torch.tensor([-100.0, 0.0, 100.0], dtype=dtype).repeat(3).requires_grad_()
    t = torch.tensor([0.0, 1.0, 1e6], dtype=dtype).repeat_interleave(3)
    loss(z, t).backward()
    assert torch.isfinite(z.grad).all()
    assert torch.isfinite(loss(z, t))


def test_one_minus_y_keeps_its_digits_in_half_a_million_seconds():
    # In float32, 1 − y of 10⁶ seconds would round to within some per cent; u / (u + t) does not.
    z = torch.tensor([30.0])
    t = torch.tensor([1e6])
    exact = (30.0 + 1e6 * np.log1p(np.exp(-30.0))) / (1e6 + 1.0)
    assert float(wt.watch_time_loss(z, t)) == pytest.approx(exact, rel=1e-5)


def test_source_loss_is_torchs_cross_entropy():
    z, t = torch.randn(50, dtype=torch.float64), torch.rand(50, dtype=torch.float64) * 100
    own = F.binary_cross_entropy_with_logits(z, t / (60.0 + t))
    torch.testing.assert_close(wt.watch_time_loss(z, t, unit=60.0), own)


def test_source_loss_is_the_geometric_one_with_a_weight():
    z, t = tensor(0.7), tensor(12.0)
    torch.testing.assert_close(wt.watch_time_loss(z, t), wt.geometric_loss(z, t) / 13.0)


def test_geometric_loss_is_the_likelihood_of_a_geometric_distribution():
    z, t = 1.3, 4
    p = expit(z)
    own = -np.log((1 - p) * p**t)
    assert float(wt.geometric_loss(tensor(z), tensor(t))) == pytest.approx(own)


def test_squared_errors():
    assert float(wt.squared_error(tensor(1.0, 3.0), tensor(20.0, 40.0), unit=20.0)) == pytest.approx(0.5)
    logs = np.log([20.0, 40.0]) - np.log(20.0)
    assert float(wt.log_squared_error(tensor(*logs), tensor(20.0, 40.0), unit=20.0)) == pytest.approx(0.0)


@pytest.mark.parametrize("loss", [wt.watch_time_loss, wt.geometric_loss, wt.squared_error, wt.quantile_loss])
def test_outputs_of_half_precision_are_taken_in_single(loss):
    z, t = torch.randn(50).bfloat16(), torch.rand(50)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(z, t)
    assert found.dtype == torch.float32
    assert float(found) == float(loss(z.float(), t))


# What they converge to, on a sample


@pytest.fixture(scope="module")
def watched() -> np.ndarray:
    return np.minimum(np.exp(RNG.normal(2.0, 1.4, 2_000)), 90.0)


def best_constant(loss, *labels: np.ndarray, **settings: float) -> float:
    """The output of smallest loss, the same for all rows."""
    tensors = [torch.from_numpy(np.asarray(label, dtype=np.float64)) for label in labels]

    def mean_loss(z: float) -> float:
        return float(loss(torch.full(tensors[0].shape, z, dtype=torch.float64), *tensors, **settings))

    return minimize_scalar(mean_loss, bracket=(-3.0, 3.0), options={"xtol": 1e-12}).x


@pytest.mark.parametrize("unit", [0.1, 1.0, 60.0, 3600.0])
def test_source_loss_converges_to_its_limit(watched, unit):
    z = best_constant(wt.watch_time_loss, watched, unit=unit)
    assert unit * np.exp(z) == pytest.approx(wt.source_limit(watched, unit), rel=1e-5)
    limit = np.mean(watched / (unit + watched)) / np.mean(1 / (unit + watched))  # X9, as it stands there
    assert wt.source_limit(watched, unit) == pytest.approx(limit, rel=1e-12)


@pytest.mark.parametrize("unit", [1.0, 20.0])
def test_geometric_loss_and_squared_error_converge_to_the_mean(watched, unit):
    z = best_constant(wt.geometric_loss, watched, unit=unit)
    assert unit * np.exp(z) == pytest.approx(watched.mean(), rel=1e-5)
    assert unit * best_constant(wt.squared_error, watched, unit=unit) == pytest.approx(watched.mean())


def test_log_squared_error_converges_to_the_geometric_mean_and_smearing_mends_it(watched):
    geometric = np.exp(best_constant(wt.log_squared_error, watched))
    assert geometric == pytest.approx(np.exp(np.log(watched).mean()), rel=1e-6)
    factor = wt.smearing_factor(watched, np.full(watched.shape, geometric))
    assert factor * geometric == pytest.approx(watched.mean(), rel=1e-9)


def test_weighted_logistic_regression_overestimates_by_one_in_one_minus_p(watched):
    clicked = (np.arange(watched.size) % 5 == 0).astype(float)  # P = 0.2
    t = watched * clicked
    z = best_constant(wt.weighted_logistic_loss, t, clicked)
    mean = watched[clicked == 1].mean()
    assert np.exp(z) == pytest.approx(float(wt.weighted_logistic_limit(0.2, mean)), rel=1e-6)
    assert float(wt.seconds_per_impression(z, 0.2)) == pytest.approx(t.mean(), rel=1e-6)


def test_d2q_converges_to_the_group_quantile_at_the_mean_rank(watched):
    quantiles = wt.DurationQuantiles.fit(np.full(watched.shape, 60.0), watched)
    z = best_constant(wt.quantile_loss, quantiles.targets(np.full(watched.shape, 60.0), watched))
    # All rows look alike: the mean quantile is one half, and one half is the median, not the mean.
    assert float(quantiles.watch_time(60.0, expit(z))) == pytest.approx(np.median(watched), rel=1e-3)


@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=30), UNITS, st.floats(1.0, 100.0))
def test_source_limit_lies_between_harmonic_mean_and_mean_and_grows_with_the_unit(times, unit, larger):
    t = np.array(times)
    limit = wt.source_limit(t, unit)
    assert 1 / np.mean(1 / t) * (1 - 1e-9) <= limit <= t.mean() * (1 + 1e-9)
    assert wt.source_limit(t, unit * larger) >= limit * (1 - 1e-9)


def test_source_limit_is_the_watch_time_where_it_is_known():
    assert wt.source_limit([7.0, 7.0], 1.0) == pytest.approx(7.0)


# The log-normal of the simulator


@pytest.fixture(scope="module")
def capped() -> wt.LogNormalWatchTime:
    return wt.LogNormalWatchTime(RNG.normal(2.0, 1.0, 40), RNG.uniform(0.3, 3.0, 40), RNG.uniform(5, 300, 40))


def expectation(value, mu: float, sigma: float, end: float) -> float:
    """E[value(t)] by SciPy's adaptive quadrature."""
    b = (np.log(end) - mu) / sigma
    inside, _ = quad(lambda x: norm.pdf(x) * value(np.exp(mu + sigma * x)), -12, b, epsabs=1e-13, limit=200)
    return inside + value(end) * norm.sf(b)


@pytest.mark.parametrize("unit", [0.1, 1.0, 60.0, 3600.0])
def test_expectations_agree_with_adaptive_quadrature(capped, unit):
    for k in range(0, 40, 8):
        row = float(capped.mu[k]), float(capped.sigma[k]), float(capped.duration[k])
        target = expectation(lambda t: t / (unit + t), *row)
        rest = expectation(lambda t: unit / (unit + t), *row)
        assert capped.expected_target(unit)[k] == pytest.approx(target, rel=1e-9)
        assert capped.source_limit(unit)[k] == pytest.approx(unit * target / rest, rel=1e-9)
        assert capped.mean[k] == pytest.approx(expectation(lambda t: t, *row), rel=1e-8)
        assert capped.harmonic_mean[k] == pytest.approx(1 / expectation(lambda t: 1 / t, *row), rel=1e-6)
        assert capped.geometric_mean[k] == pytest.approx(np.exp(expectation(np.log, *row)), rel=1e-8)


def test_means_are_those_of_the_simulator(capped):
    np.testing.assert_allclose(capped.mean, log_normal.mean(capped.mu, capped.sigma, capped.duration))
    ranks = (capped.mu - np.log(0.8 * capped.duration)) / capped.sigma
    np.testing.assert_allclose(capped.reaches(0.8), norm.cdf(ranks))
    np.testing.assert_allclose(
        capped.quantile(0.9), np.minimum(np.exp(capped.mu + capped.sigma * norm.ppf(0.9)), capped.duration)
    )


def in_pieces(mu: float, sigma: float, unit: float, end: float) -> tuple[float, float]:
    """E[t / (u + t)] and E[u / (u + t)] by SciPy's quadrature, in pieces that are short around t = u."""
    turn, b = (np.log(unit) - mu) / sigma, (np.log(end) - mu) / sigma
    steps = np.logspace(-2, 2, 25)
    cuts = np.concatenate([turn - steps, [turn], turn + steps, np.arange(-38.0, 39.0, 2.0), [b]])
    cuts = np.unique(cuts[(cuts >= -38) & (cuts <= min(b, 38))])
    found = []
    for sign in (1.0, -1.0):
        # not norm.pdf, which checks each of many thousand numbers
        bell = lambda x, sign=sign: math.exp(-x * x / 2) * expit(sign * sigma * (x - turn))  # noqa: E731
        parts = [quad(bell, *piece, epsabs=0.0, epsrel=1e-12)[0] for piece in itertools.pairwise(cuts)]
        within = sum(parts) / math.sqrt(2 * math.pi)
        found.append(within + norm.sf(b) * expit(sign * (np.log(end) - np.log(unit))))
    return found[0], found[1]


@pytest.mark.parametrize("sigma", [0.5, 2.3, 5.0, 15.0, 40.0, 100.0])
@pytest.mark.parametrize(("mu", "end"), [(2.0, 300.0), (40.0, 3.0), (-5.0, np.inf)])
def test_the_limit_is_right_however_wide_the_spread(sigma, mu, end):
    t = wt.LogNormalWatchTime(mu, sigma, None if np.isinf(end) else end)
    for unit in (0.01, 1.0, 3600.0):
        target, rest = in_pieces(mu, sigma, unit, end)
        assert float(t.expected_target(unit)) == pytest.approx(target, rel=1e-11)
        assert float(t.source_limit(unit)) == pytest.approx(unit * target / rest, rel=1e-11)
    if np.isfinite(end):  # in a unit beside which every time is short, the limit is the mean
        assert float(t.source_limit(1e30)) == pytest.approx(float(t.mean), rel=1e-11)
    else:  # ln t is symmetric around μ
        assert float(t.source_limit(np.exp(mu))) == pytest.approx(np.exp(mu), rel=1e-11)
        if sigma <= 15.0:
            assert float(t.source_limit(1e200)) == pytest.approx(np.exp(mu + sigma**2 / 2), rel=1e-11)
            assert float(t.source_limit(1e-200)) == pytest.approx(np.exp(mu - sigma**2 / 2), rel=1e-11)


def test_seconds_that_no_float_can_hold_are_an_error():
    t = wt.LogNormalWatchTime(800.0, 40.0)
    calls = {
        "mean": lambda: t.mean,
        "geometric_mean": lambda: t.geometric_mean,
        "source_limit": lambda: t.source_limit(1e308),
        "quantile": lambda: t.quantile(0.9),
    }
    for what, call in calls.items():
        with pytest.raises(ValueError, match=f"{what} must be finite"):
            call()
    assert float(t.harmonic_mean) == pytest.approx(1.0)


def test_a_share_that_rounding_alone_keeps_off_is_reached_without_spread():
    fifths = np.arange(1.0, 200.0)  # 4.8 of 6.0 seconds and the like
    t = wt.LogNormalWatchTime(np.log(0.4 * fifths), 0.0, 0.5 * fifths)
    assert t.reaches(0.8).tolist() == [1.0] * 199
    assert wt.LogNormalWatchTime(np.log(0.3999999 * fifths), 0.0, 0.5 * fifths).reaches(0.8).max() == 0.0
    single = [part.astype(np.float32) for part in (np.log(0.4 * fifths), np.zeros(199), 0.5 * fifths)]
    assert log_normal.reaches(*single, 0.8).tolist() == [1.0] * 199


def test_a_sample_of_extremes_has_the_limit_that_it_must_have():
    assert wt.source_limit([0.0, 1e10], unit=1e-320) == 0.0
    assert wt.source_limit([1e200, 1e200], unit=1.0) == pytest.approx(1e200)
    with pytest.raises(ValueError, match=r"unit \+ watch_time must be finite"):
        wt.source_limit([1.7e308], unit=1.7e308)


def test_a_watch_time_that_is_far_beyond_the_end_is_the_end():
    far = wt.LogNormalWatchTime(800.0, 1.0, 90.0)
    for value in (far.mean, far.median, far.geometric_mean, far.harmonic_mean, far.source_limit()):
        assert float(value) == pytest.approx(90.0)
    wide = wt.LogNormalWatchTime(1.0, 60.0, 90.0)  # half the plays last no time, half to the end
    assert float(wide.mean) == pytest.approx(90.0 * norm.sf((np.log(90.0) - 1.0) / 60.0), rel=0.02)


@given(st.floats(-3.0, 8.0), st.floats(0.0, 3.0))
def test_without_an_end_the_unit_moves_the_limit_from_harmonic_mean_through_median_to_mean(mu, sigma):
    t = wt.LogNormalWatchTime(mu, sigma)
    median = np.exp(mu)
    assert float(t.median) == pytest.approx(median)
    assert float(t.source_limit(float(median))) == pytest.approx(median, rel=1e-9)
    assert float(t.mean) == pytest.approx(median * np.exp(sigma**2 / 2))
    assert float(t.harmonic_mean) == pytest.approx(median * np.exp(-(sigma**2) / 2))
    assert float(t.source_limit(1e-9 * median)) == pytest.approx(float(t.harmonic_mean), rel=1e-4)
    assert float(t.source_limit(1e9 * median)) == pytest.approx(float(t.mean), rel=1e-4)


@pytest.mark.parametrize("sigma", [0.0, 1e-310, 1e-20])
@pytest.mark.parametrize("duration", [None, 90.0, 3.0])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_without_spread_everything_is_the_same_number(duration, sigma):
    t = wt.LogNormalWatchTime(np.log(7.0), sigma, duration)
    known = 7.0 if duration != 3.0 else 3.0
    for value in (t.mean, t.median, t.geometric_mean, t.harmonic_mean, t.source_limit(1.0)):
        assert float(value) == pytest.approx(known, rel=1e-12)
    assert float(t.reaches(0.8)) == float(duration == 3.0)


# D2Q


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    duration = np.exp(RNG.normal(3.7, 0.9, 3_000))
    return duration, np.minimum(np.exp(RNG.normal(0.35 * np.log(duration) + 1.0, 1.2)), duration)


def test_groups_are_of_equal_number_and_ordered_by_duration(rows):
    quantiles = wt.DurationQuantiles.fit(*rows, groups=10)
    group = quantiles.group(rows[0])
    assert set(np.bincount(group)) <= {299, 300, 301}
    assert (np.diff(group[np.argsort(rows[0])]) >= 0).all()


def test_targets_are_mid_ranks_within_the_group(rows):
    duration, t = rows[0], rows[1].round()  # many ties
    quantiles = wt.DurationQuantiles.fit(duration, t, groups=5)
    targets = quantiles.targets(duration, t)
    for k in range(5):
        here = quantiles.group(duration) == k
        np.testing.assert_allclose(targets[here], (rankdata(t[here]) - 0.5) / here.sum())
        # whatever the length, the middle row stands in the middle: the bias is gone from the target
        assert targets[here].mean() == pytest.approx(0.5)


def test_the_inverse_map_brings_every_row_back(rows):
    quantiles = wt.DurationQuantiles.fit(*rows)
    back = quantiles.watch_time(rows[0], quantiles.targets(*rows))
    np.testing.assert_allclose(back, rows[1], rtol=1e-9)


def test_the_same_quantile_means_more_seconds_in_a_longer_item(rows):
    quantiles = wt.DurationQuantiles.fit(*rows)
    seconds = quantiles.watch_time([8.0, 40.0, 300.0], [0.7, 0.7, 0.7])
    assert (np.diff(seconds) > 0).all()


def test_new_rows_outside_of_what_was_seen_go_to_the_ends(rows):
    quantiles = wt.DurationQuantiles.fit(*rows)
    assert quantiles.targets([1e4, 1e-3], [1e5, 0.0]).tolist() == [1.0, 0.0]
    assert float(quantiles.watch_time(1e4, 1.0)) == quantiles.samples[-1].max()


@pytest.mark.parametrize("same", [1, 3, 50])
def test_no_group_is_empty_where_durations_repeat(same):
    duration = np.repeat(np.arange(1.0, 4.0), same)
    quantiles = wt.DurationQuantiles.fit(duration, duration, groups=10)
    assert all(len(times) for times in quantiles.samples)
    assert len(quantiles.samples) <= 3
    assert wt.DurationQuantiles.fit([5.0, 5.0], [1.0, 2.0]).edges.size == 0


# Learning from seconds


def test_a_network_learns_the_mean_and_the_limit():
    rng = np.random.default_rng(1)
    rows = 4_000
    table = FeatureTable(
        np.zeros((rows, 0), dtype=np.int64),
        rng.normal(size=(rows, 1)).astype(np.float32),
        (),
        ("x",),
        (),
        {"context": ("x",)},
    )
    truth = wt.LogNormalWatchTime(2.0 + 0.5 * table.dense[:, 0], 1.0)
    t = np.exp(truth.mu + rng.normal(size=rows))
    found = {}
    for name, loss in {"mean": wt.geometric_loss, "limit": wt.watch_time_loss}.items():
        with seeded(0):
            model = MultiTaskModel((), 1, ("watch_time",))
        fit(model, WatchTimeExamples(table, t), loss, seed=0, epochs=2, batch_size=64)
        found[name] = wt.predicted_watch_time(predict_logits(model, table)[:, 0]).mean()
    assert found["mean"] == pytest.approx(t.mean(), rel=0.1)
    assert found["limit"] == pytest.approx(truth.source_limit().mean(), rel=0.1)
    assert found["limit"] < 0.75 * found["mean"]


# Bad input


TABLE = FeatureTable(
    np.zeros((2, 0), dtype=np.int64), np.zeros((2, 1), dtype=np.float32), (), ("x",), (), {"context": ("x",)}
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wt.watch_time_target([1.0, -1.0]), "watch_time must be at least 0, got -1.0 at index 1"),
        (lambda: wt.watch_time_target([np.nan]), "watch_time must be finite"),
        (lambda: wt.watch_time_target([1.0], unit=0.0), "unit must be above 0, got 0.0"),
        (lambda: wt.predicted_watch_time([1.0], unit=-60.0), "unit must be above 0"),
        (lambda: wt.predicted_watch_time([np.inf]), "logits must be finite"),
        (lambda: wt.seconds_per_impression([1.0], [1.5]), r"p_click must be in \[0, 1\]"),
        (lambda: wt.seconds_per_impression([1.0, 2.0], [0.5]), "same shape"),
        (lambda: wt.weighted_logistic_limit([1.0], [5.0]), "p_click must be below 1"),
        (lambda: wt.smearing_factor([1.0], [0.0]), "predictions must be above 0"),
        (lambda: wt.smearing_factor([], []), "watch_time must not be empty"),
        (lambda: wt.source_limit([]), "watch_time must not be empty"),
        (lambda: wt.LogNormalWatchTime(1.0, -1.0), "sigma must be at least 0"),
        (lambda: wt.LogNormalWatchTime(1.0, [1.0, 101.0]), "sigma must be at most 100, got 101"),
        (lambda: wt.smearing_factor([1e300], [1e-300]), "watch_time / predictions must be finite"),
        (lambda: wt.weighted_logistic_limit([0.9], [1.7e308]), "p_click .* must be finite"),
        (lambda: wt.watch_time_loss(tensor(np.nan), tensor(1.0)), "logits must be finite"),
        (lambda: wt.squared_error(tensor(np.inf), tensor(1.0)), "outputs must be finite"),
        (lambda: wt.log_squared_error([1.0], tensor(1.0)), "outputs must be a tensor, got list"),
        (lambda: wt.quantile_loss(tensor(np.inf), tensor(1.0)), "logits must be finite"),
        (lambda: wt.geometric_loss(tensor(0.0).float(), tensor(1e39)), "watch_time in the precision of the"),
        (lambda: wt.LogNormalWatchTime(1.0, 1.0, 0.0), "duration must be above 0"),
        (lambda: wt.LogNormalWatchTime([1.0, 2.0], [1.0, 2.0, 3.0]), "must broadcast"),
        (lambda: wt.LogNormalWatchTime(1.0, 1.0).quantile(1.0), r"level must be in \(0, 1\)"),
        (lambda: wt.LogNormalWatchTime(1.0, 1.0, 9.0).reaches(1.2), r"share must be in \(0, 1\]"),
        (lambda: wt.DurationQuantiles([5.0], [[1.0]]), "samples must be one more than edges, got 1"),
        (lambda: wt.DurationQuantiles([], [[2.0, 1.0]]), "edges and samples must ascend"),
        (lambda: wt.DurationQuantiles.fit([0.0], [1.0]), "duration must be above 0"),
        (lambda: wt.DurationQuantiles.fit([np.nan], [1.0]), "duration must be finite"),
        (lambda: wt.DurationQuantiles.fit([1.0], [1.0], groups=0), "groups must be a whole number"),
        (lambda: wt.DurationQuantiles.fit([[1.0]], [[1.0]]), r"duration must have shape \(rows,\)"),
        (lambda: wt.DurationQuantiles.fit([1.0], [1.0]).watch_time([1.0], [1.1]), "quantiles must be in"),
        (lambda: wt.DurationQuantiles.fit([1.0], [1.0]).targets([1.0], [-1.0]), "watch_time must be at"),
        (lambda: wt.watch_time_loss(torch.tensor([1]), tensor(1.0)), "logits must be of a floating type"),
        (lambda: wt.watch_time_loss(np.zeros(1), np.ones(1)), "logits must be a tensor, got ndarray"),
        (lambda: wt.geometric_loss(tensor(0.0), [1.0]), "watch_time must be a tensor, got list"),
        (lambda: wt.weighted_logistic_loss(tensor(0.0), tensor(1.0), [1]), "clicked must be a tensor"),
        (lambda: wt.quantile_loss(tensor(0.0), [0.5]), "quantiles must be a tensor"),
        (lambda: wt.watch_time_loss(tensor(0.0), tensor(-1.0)), "watch_time must be at least 0"),
        (lambda: wt.watch_time_loss(tensor(0.0), tensor(float("nan"))), "watch_time must be finite"),
        (lambda: wt.watch_time_loss(tensor(0.0, 1.0), tensor(1.0)), "the same shape"),
        (lambda: wt.watch_time_loss(tensor(), tensor()), "logits must not be empty"),
        (lambda: wt.geometric_loss(tensor(0.0), tensor(1.0), unit=0.0), "unit must be above 0"),
        (lambda: wt.weighted_logistic_loss(tensor(0.0), tensor(1.0), tensor(0.5)), "only 0 and 1"),
        (
            lambda: wt.weighted_logistic_loss(tensor(0.0), tensor(1.0), tensor(0.0, 1.0)),
            r"same shape, got clicked \(2,\)",
        ),
        (lambda: wt.log_squared_error(tensor(0.0), tensor(0.0)), "watch_time must be above 0"),
        (lambda: wt.quantile_loss(tensor(0.0), tensor(1.5)), r"quantiles must be in \[0, 1\]"),
        (lambda: wt.quantile_loss(tensor(0.0), tensor(0.5, 0.5)), "the same shape"),
        (lambda: WatchTimeExamples(TABLE, [1.0, -1.0]), "labels must be at least 0"),
        (lambda: WatchTimeExamples(TABLE, [1.0]), "one row per row of features"),
        (lambda: WatchTimeExamples(TABLE, [0.0, 0.0]).check_learnable(), "above 0, got only 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
