"""Play time where items play at once: the closed form against what happens, integrals, and its own laws."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import expon, lognorm

from ranking.simulator.play_time import QUANTILE_ACCURACY, PlayTime, labels

N = 200_000
NAMES = "p_zero p_leave leave_mu leave_sigma watch_mu watch_sigma p_replay replay_mean linger_mean duration"
CASES = {
    "a minute": (0.008, 0.53, 0.99, 0.84, 3.87, 1.01, 0.03, 91.8, 2.3, 60.0),
    "over before 7 s": (0.05, 0.4, 0.99, 0.84, 3.2, 1.0, 0.4, 7.65, 2.3, 5.0),
    "ten seconds, for both long views are whole ones": (0.2, 0.6, 2.5, 0.9, 4.0, 0.5, 0.6, 15.3, 2.3, 10.0),
    "under 3 s": (0.1, 0.3, 1.0, 0.5, 2.0, 1.0, 0.5, 3.06, 2.3, 2.0),
    "ten minutes, wide": (0.5, 0.7, 0.5, 2.0, 5.0, 3.0, 0.01, 918.0, 2.3, 600.0),
}
POWERS = (0.3, 1.0, 2.5)


def play_time(case, dtype=np.float64):
    return PlayTime(*(np.asarray(value, dtype=dtype) for value in case))


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request):
    return dict(zip(NAMES.split(), request.param, strict=True))


def seconds_of_interest(d):
    return [0.0, 0.5, 3.0, 0.4 * d, d, np.nextafter(d, np.inf), d + 1.0, 7.0, 18.0, 1.5 * d, 3.0 * d]


def played(case, rng):
    """(plays,) seconds, drawn step by step as the model is told."""
    at, seconds = case, np.zeros(50_000)
    for row in np.nonzero(rng.random(len(seconds)) >= at["p_zero"])[0]:
        kind = "leave" if rng.random() < at["p_leave"] else "watch"
        run = rng.lognormal(at[f"{kind}_mu"], at[f"{kind}_sigma"])
        if run >= at["duration"]:
            past = at["replay_mean"] if rng.random() < at["p_replay"] else at["linger_mean"]
            run = at["duration"] + rng.exponential(past)
        seconds[row] = run
    return seconds


def survival(case, seconds):
    """P(t ≥ seconds) by SciPy's distributions."""
    at, first = case, min(seconds, case["duration"])
    leaves = lognorm.sf(first, at["leave_sigma"], scale=np.exp(at["leave_mu"]))
    watches = lognorm.sf(first, at["watch_sigma"], scale=np.exp(at["watch_mu"]))
    past = seconds - first
    goes_on = expon.sf(past, scale=[at["replay_mean"], at["linger_mean"]])
    runs = at["p_leave"] * leaves + (1 - at["p_leave"]) * watches
    return (1 - at["p_zero"]) * runs * (at["p_replay"] * goes_on[0] + (1 - at["p_replay"]) * goes_on[1])


def near(values, expected):
    """Whether the mean of independent values agrees with what is expected, at 4.5 standard errors."""
    return abs(values.mean() - expected) < 4.5 * values.std() / np.sqrt(len(values)) + 1e-12


def test_chances_are_those_of_the_distributions_written_out(case):
    model, d = PlayTime(**case), case["duration"]
    for seconds in seconds_of_interest(d)[1:]:
        np.testing.assert_allclose(model.at_least(seconds), survival(case, seconds), rtol=1e-12)
        np.testing.assert_allclose(model.reaches(seconds / d), survival(case, seconds), rtol=1e-9)
    assert model.at_least([-1.0, 0.0]).tolist() == [1.0, 1.0]
    assert float(model.at_least(1e-12)) == pytest.approx(1 - case["p_zero"])  # all but the plays of nothing
    np.testing.assert_allclose(model.p_effective_view, survival(case, min(7.0, d)))
    np.testing.assert_allclose(model.p_long_view, survival(case, min(18.0, d)))
    np.testing.assert_allclose(model.p_skip, 1 - survival(case, 3.0))


def test_means_are_integrals_of_the_chances(case):
    model, d = PlayTime(**case), case["duration"]
    within = quad(lambda c: survival(case, c), 0.0, d, limit=400)[0]
    beyond = quad(lambda c: survival(case, c), d, d + 40 * case["replay_mean"], limit=400)[0]
    assert float(model.mean) == pytest.approx(within + beyond, rel=1e-6)
    for power in POWERS:  # E[rᵃ] = ∫ P(rᵃ ≥ u) du
        integral = quad(lambda u, power=power: survival(case, d * u ** (1 / power)), 0.0, 1.0, limit=400)[0]
        assert float(model.power_mean(power)) == pytest.approx(integral, rel=1e-6)


def test_it_says_what_happens_step_by_step(case):
    model, d = PlayTime(**case), case["duration"]
    seconds = played(case, np.random.default_rng(1))
    for c in seconds_of_interest(d):
        assert near(seconds >= c, model.at_least(c))
    assert near(seconds, model.mean)
    for power in POWERS:
        assert near(np.minimum(seconds / d, 1.0) ** power, model.power_mean(power))
    assert near((seconds > 7.0) | (seconds >= d), model.p_effective_view)
    assert near((seconds > 18.0) | (seconds >= d), model.p_long_view)
    assert near(seconds < 3.0, model.p_skip)
    for level in (0.1, 0.3, 0.5, 0.75, 0.9, 0.99):
        if (quantile := float(model.quantile(level))) > 0.0:
            assert near(seconds <= quantile, level)
        else:
            assert level <= case["p_zero"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_drawn_agrees(case, dtype):
    model = play_time(case.values(), dtype)
    many = replace(model, duration=np.full(N, model.duration))
    drawn = many.draw(np.random.default_rng(2))
    seconds = drawn["watch_time"]
    assert (seconds.dtype, seconds.shape) == (dtype, (N,))
    for c in seconds_of_interest(case["duration"]):
        assert near((seconds >= dtype(c)).astype(float), model.at_least(c).astype(float))
    assert near(seconds.astype(float), float(model.mean))
    for name in ("effective_view", "long_view", "skip"):
        assert drawn[name].dtype == bool
        assert near(drawn[name].astype(float), float(getattr(model, f"p_{name}")))
    again = many.draw(np.random.default_rng(2))
    assert all(np.array_equal(again[name], drawn[name]) for name in drawn)


def test_labels_follow_their_rules():
    duration = np.array([5.0, 5.0, 60.0, 60.0, 60.0, 12.0, 12.0, 2.0])
    seconds = np.array([4.9, 5.0, 6.9, 7.0, 18.0, 11.9, 12.0, 2.0])
    found = {name: label.astype(int).tolist() for name, label in labels(seconds, duration).items()}
    assert found == {
        "effective_view": [0, 1, 0, 1, 1, 1, 1, 1],
        "long_view": [0, 1, 0, 0, 1, 0, 1, 1],
        "skip": [0, 0, 0, 0, 0, 0, 0, 1],
    }


def test_fields_broadcast_and_keep_their_type():
    duration = np.array([[8.0, 30.0, 90.0]], dtype=np.float32)
    mu = np.array([[2.0], [4.0]], dtype=np.float32)
    model = PlayTime(0.01, 0.5, 1.0, 0.8, mu, 1.0, 0.1, 1.53 * duration, 2.3, duration)
    found = [model.mean, model.p_effective_view, model.p_long_view, model.p_skip, model.reaches(1.2)]
    found += [model.power_mean(np.float64(0.7)), model.quantile(0.5), model.at_least([[10.0]])]
    found += [model.draw(np.random.default_rng(0))["watch_time"]]
    for values in found:
        assert (values.dtype, values.shape) == (np.float32, (2, 3))
    double = replace(play_time(CASES["a minute"]), watch_mu=mu, duration=duration)
    assert double.mean.dtype == np.float64
    for row, column in np.ndindex(2, 3):
        d = duration[0, column]
        one = play_time((0.01, 0.5, 1.0, 0.8, mu[row, 0], 1.0, 0.1, 1.53 * d, 2.3, d))
        assert float(model.mean[row, column]) == pytest.approx(float(one.mean), rel=1e-5)


chances = st.floats(0.0, 1.0)
mus, sigmas = st.floats(-100.0, 100.0), st.floats(0.0, 8.0)
models = st.tuples(
    st.floats(0.0, 0.99), chances, mus, sigmas, mus, sigmas, chances,
    st.floats(0.1, 5e3), st.floats(0.1, 30.0), st.floats(1.0, 3600.0),
)  # fmt: skip


@given(models, st.sampled_from([np.float32, np.float64]))
def test_its_laws_hold_wherever_the_parameters_lie(case, dtype):
    model = play_time(case, dtype)
    d, small = float(model.duration), 1e-5
    grid = np.concatenate([[0.0, 1e-3, 0.5], d * np.array([0.01, 0.2, 0.8, 1.0, 1.0001, 1.5, 4.0, 100.0])])
    curve = model.at_least(np.sort(grid))
    assert curve[0] == 1.0
    assert curve.min() >= 0.0
    assert np.diff(curve).max() <= small
    for share in (0.2, 0.8, 1.0, 1.5):
        assert float(model.reaches(share)) == pytest.approx(float(model.at_least(share * d)), abs=1e-3)
    moments = [float(model.power_mean(power)) for power in (0.01, 0.5, 1.0, 3.0)]
    assert all(-small <= low <= high + small <= 1.0 + 2 * small for high, low in pairwise(moments))
    assert float(model.reaches(1.0)) <= moments[-1] + small
    assert d * moments[2] * (1 - small) <= float(model.mean) <= d * moments[2] + 5e3 + small
    for chance in (model.p_effective_view, model.p_long_view, model.p_skip):
        assert 0.0 <= chance <= 1.0
    assert float(model.p_long_view) <= float(model.p_effective_view) + small
    found = [float(model.quantile(level)) for level in (0.02, 0.5, 0.98)]
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -2 * QUANTILE_ACCURACY * np.array(found[1:])).all()
    drawn = model.draw(np.random.default_rng(0))["watch_time"]
    assert 0.0 <= drawn < np.inf


def test_quantiles_are_as_exact_as_they_say():
    levels = np.concatenate([np.linspace(0.02, 0.98, 25), [0.999, 1 - 1e-6]])
    for case in CASES.values():
        model = play_time(case)
        exact = QUANTILE_ACCURACY
        for level in levels[levels > case[0]]:
            q = float(model.quantile(level))
            # the exact one lies where the chance of no more passes the level
            assert 1 - model.at_least(q * (1 - exact)) < level < 1 - model.at_least(q * (1 + exact))


def test_without_spread_all_is_decided():
    leaves_at, duration = np.log(4.0), np.array([3.0, 4.0, 60.0], dtype=np.float32)
    model = PlayTime(0.0, 1.0, leaves_at, 0.0, 0.0, 0.0, 1.0, 2.0, 2.3, duration)
    assert model.reaches(1.0).tolist() == [1.0, 1.0, 0.0]
    assert model.at_least(3.5).tolist() == pytest.approx([np.exp(-0.25), 1.0, 1.0])
    assert model.mean.tolist() == pytest.approx([5.0, 6.0, 4.0])
    assert model.power_mean(2.0).tolist() == pytest.approx([1.0, 1.0, (4 / 60) ** 2])
    assert model.quantile(0.3)[2] == pytest.approx(4.0, rel=QUANTILE_ACCURACY)
    assert (PlayTime(1.0, 0.5, 1.0, 1.0, 3.0, 1.0, 0.1, 9.0, 2.3, duration).quantile(0.9) == 0.0).all()
