"""The watch-time explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import traitlets
from looking import (
    CALL,
    MODEL,
    columns,
    pictures,
    press,
    rows,
    sentence,
    slider,
    value,
)
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import norm

from bookwork.explorer.base import MIME_TYPE
from ranking.watch_time import LogNormalWatchTime, quadrature, watch_time_target
from ranking_course.explorers import WatchTimeExplorer

MEAN = "Mean watch time true mean of t, given click"
SIGMA = "Spread σ standard deviation of ln t"
UNIT = "Unit u t is counted in it: y = t / (u + t)"

# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = WatchTimeExplorer()
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), ["mean", "sigma", "unit"])
    explorer.mean = np.float32(60)
    explorer.sigma = 0
    explorer.unit = 3600
    assert seen == [("mean", 60.0), ("sigma", 0.0), ("unit", 3600.0)]
    assert explorer.start == {"mean": 20.0, "sigma": 1.4, "unit": 1.0}
    assert repr(explorer) == "WatchTimeExplorer(mean=60.0, sigma=0.0, unit=3600.0)"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("mean", 4.9),
        ("mean", 601),
        ("mean", float("nan")),
        ("sigma", -0.1),
        ("sigma", 2.1),
        ("sigma", "1"),
        ("unit", 0),
        ("unit", 86_401),
        ("unit", True),
    ],
)
def test_bad_settings_are_refused(name, bad):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=f"{name} must be a number from"):
        WatchTimeExplorer(**setting)
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(WatchTimeExplorer(), name, bad)


def test_output_entry():
    data, _ = WatchTimeExplorer(60, 0.5, 3600)._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {"labels", "start", "quadrature", *WatchTimeExplorer.settings}
    np.testing.assert_array_equal(state["quadrature"], quadrature())  # to the last bit
    t = LogNormalWatchTime(np.log(60) - 0.125, 0.5)
    assert data[MIME_TYPE]["alt"].startswith(
        f"Watch-time explorer. A watch time with mean 60 s and median {float(t.median):.3g} s, counted in "
        f"units of 3600 s: u·exp(z) is {float(t.source_limit(3600)):.3g} s."
    )


def test_the_other_explorers_do_without_torch():
    code = "import sys, ranking_course.explorers; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---- formulas, in a browser


@pytest.mark.browser
def test_integrals_agree_with_python(show):
    page = show(WatchTimeExplorer())
    rng = np.random.default_rng(31)
    mean, unit = 10 ** rng.uniform(-1, 4, 400), 10 ** rng.uniform(-2, 6, 400)
    sigma = np.concatenate([[0.0, 0.0, 1e-9], rng.uniform(0, 2.5, 397)])
    mu = np.log(mean) - sigma**2 / 2
    rule = [part.tolist() for part in quadrature()]
    given = list(zip(mu.tolist(), sigma.tolist(), unit.tolist(), strict=True))
    calls = [[rule, *setting] for setting in given]
    limits = [LogNormalWatchTime(m, s).source_limit(u) for m, s, u in given]
    found = page.evaluate(CALL, ["watch_time", "sourceLimit", calls])
    np.testing.assert_allclose(found, limits, rtol=1e-12, atol=0)
    found = page.evaluate(CALL, ["watch_time", "expectedTarget", calls])
    targets = [LogNormalWatchTime(m, s).expected_target(u) for m, s, u in given]
    np.testing.assert_allclose([each["target"] for each in found], targets, rtol=1e-12, atol=0)
    np.testing.assert_allclose([each["target"] + each["rest"] for each in found], 1.0, rtol=1e-12)


@pytest.mark.browser
def test_integrals_agree_with_adaptive_quadrature(show):
    """Independent of the rule that Python and JavaScript share."""
    page = show(WatchTimeExplorer())
    rule = [part.tolist() for part in quadrature()]
    for sigma, unit in [(0.3, 1.0), (1.4, 1.0), (1.4, 60.0), (2.0, 0.1), (2.0, 86_400.0)]:
        mu = np.log(20) - sigma**2 / 2

        def mean_of(g, mu=mu, sigma=sigma):
            weighted = lambda x: norm.pdf(x) * g(np.exp(mu + sigma * x))  # noqa: E731
            return quad(weighted, -12, 12, epsabs=0, epsrel=1e-11, limit=500)[0]

        expected = unit * mean_of(lambda t, u=unit: t / (u + t)) / mean_of(lambda t, u=unit: u / (u + t))
        (found,) = page.evaluate(CALL, ["watch_time", "sourceLimit", [[rule, mu, sigma, unit]]])
        assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.browser
def test_closed_forms_agree_with_python(show):
    page = show(WatchTimeExplorer())
    rng = np.random.default_rng(32)
    mu, sigma, t = rng.uniform(-3, 7, 500), rng.uniform(0.05, 2.5, 500), 10 ** rng.uniform(-3, 5, 500)
    truth = LogNormalWatchTime(mu, sigma)
    for name, arguments, expected in [
        ("muOf", (truth.mean, sigma), mu),
        ("meanOf", (mu, sigma), truth.mean),
        ("medianOf", (mu,), truth.median),
        ("medianOf", (mu,), truth.geometric_mean),  # of a log-normal they are one
        ("harmonicMeanOf", (mu, sigma), truth.harmonic_mean),
        ("density", (t, mu, sigma), norm.pdf((np.log(t) - mu) / sigma) / sigma),
        ("below", (t, mu, sigma), ndtr((np.log(t) - mu) / sigma)),
        ("target", (t, np.full(500, 60.0)), watch_time_target(t, 60.0)),
    ]:
        found = page.evaluate(CALL, ["watch_time", name, np.stack(arguments, axis=1).tolist()])
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=name)


# ---- what is shown


def number(text: str) -> float:
    """A number out of a cell of a table."""
    return float(text.split()[0].replace("−", "-").replace(",", "").rstrip("%s"))


@pytest.mark.browser
def test_tables_hold_what_python_says(show):
    page = show(WatchTimeExplorer(60, 1.2, 5))
    t = LogNormalWatchTime(np.log(60) - 0.72, 1.2)
    said = float(t.source_limit(5))
    quantities = columns(page, 0)
    for name, seconds in [
        ("harmonic mean", t.harmonic_mean),
        ("median", t.median),
        ("u·exp(z)", said),
        ("mean", 60.0),
    ]:
        shown, share, below = (number(cell) for cell in quantities[name])
        assert shown == pytest.approx(float(seconds), rel=5e-3)
        assert share == pytest.approx(100 * float(seconds) / 60, abs=0.5)
        assert below == pytest.approx(100 * ndtr((np.log(seconds) - float(t.mu)) / 1.2), abs=0.5)
    (read_back,) = [row for row in rows(page, 1) if "u·exp(z)" in row[0]]
    assert number(read_back[1]) == pytest.approx(float(t.expected_target(5)), rel=5e-3)
    for unit, seconds in [("0.1 s", 0.1), ("1 s", 1), ("1 min", 60), ("1 h", 3600), ("1 day", 86_400)]:
        assert number(columns(page, 2)[unit][0]) == pytest.approx(float(t.source_limit(seconds)), rel=5e-3)
    losses = columns(page, 3)
    assert [number(cells[1]) for cells in losses.values()] == [
        pytest.approx(seconds, rel=5e-3) for seconds in (said, float(t.geometric_mean), 60, 60, 60)
    ]
    assert [cells[3] for cells in losses.values()] == ["yes", "no", "no", "no", "no"]
    assert f"the same × {np.exp(0.72):.3g}, retransformed" in losses


@pytest.mark.browser
def test_a_unit_of_the_median_gives_the_median(show):
    page = show(WatchTimeExplorer(20, 1.0, 20 * np.exp(-0.5)))
    assert "and 1 times the median of 12.1 s" in sentence(page)
    assert len(columns(page, 2)) == 21  # a row for the unit that is no stop


def settled(mean: float, sigma: float, unit: float) -> str:
    """What the sentence says at a setting, as Python computes it."""
    t = LogNormalWatchTime(np.log(mean) - sigma**2 / 2, sigma)
    said = float(t.source_limit(unit))
    share = 100 * said / mean
    percent = f"{share:.1f}".removesuffix(".0") if share < 9.95 or share > 99 else f"{share:.0f}"
    of_median = f"{said / float(t.median):.2g}"
    return f"settles at {said:.3g} s: {percent}% of the mean of {mean:g} s, and {of_median} times the median"


@pytest.mark.browser
def test_sliders_by_keyboard_change_what_is_seen(show):
    page = show(WatchTimeExplorer())
    assert page.locator(".rx-picture").count() == 4
    # (slider, keys, value, the setting then)
    for label, keys, text, setting in [
        (UNIT, ["ArrowRight"], "2 s", (20, 1.4, 2)),
        (UNIT, ["Home"], "0.1 s", (20, 1.4, 0.1)),
        (UNIT, ["End", "ArrowLeft"], "10 h", (20, 1.4, 36_000)),
        (UNIT, ["PageDown"], "2 h", (20, 1.4, 7200)),
        (MEAN, ["ArrowUp"], "30 s", (30, 1.4, 7200)),
        (MEAN, ["End"], "600 s", (600, 1.4, 7200)),
        (MEAN, ["Home"], "5 s", (5, 1.4, 7200)),
        (SIGMA, ["ArrowLeft"], "1.3", (5, 1.3, 7200)),
        (SIGMA, ["End"], "2", (5, 2, 7200)),
        (SIGMA, ["Home"], "0", None),
    ]:
        before = pictures(page)
        control = slider(page, label)
        press(control, *keys)
        assert value(control) == text
        assert (settled(*setting) if setting else "Without spread u·exp(z) is right: 5 s") in sentence(page)
        assert pictures(page) != before
    assert page.evaluate(MODEL, "sigma") == 0
    assert "Without spread the unit does not matter." in page.locator(".rx-note").nth(2).inner_text()
    page.get_by_role("button", name="Reset").click()
    assert [value(slider(page, label)) for label in (MEAN, SIGMA, UNIT)] == ["20 s", "1.4", "1 s"]
    assert sentence(page).startswith("At u = 1 s, u·exp(z) settles at 4.52 s: 23% of the mean of 20 s")


@pytest.mark.browser
def test_values_read_out_by_keyboard(show):
    page = show(WatchTimeExplorer())
    tips = page.locator(".rx-tip")
    first = page.locator(".rx-picture").first
    page.locator("button").focus()
    page.keyboard.press("Tab")
    assert tips.first.inner_text().split("\n") == [
        "watch time t in s: 7.51", "density of ln t: 0.285", "share watched for less: 50%"
    ]  # fmt: skip
    first.press("ArrowRight")
    assert not tips.first.inner_text().startswith("watch time t in s: 7.51")
    losses = page.locator(".rx-picture").nth(3)
    losses.focus()
    losses.press("ArrowRight")
    assert tips.nth(3).inner_text().split("\n") == [
        "squared error of ln t, then exp", "geometric mean: 7.51 s", "share of the mean: 38%"
    ]  # fmt: skip


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"unit": "单位 u", "seconds": "{n} 秒", "mean": "<b>均值</b>", "sentence": "{unit} {said}"}
    page = show(WatchTimeExplorer(labels=labels))
    assert page.get_by_role("slider", name="单位 u").count() == 1
    assert "<b>均值</b>" in columns(page, 0)
    assert sentence(page) == "1 秒 4.52 秒"
