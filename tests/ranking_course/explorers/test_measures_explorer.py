"""The measures explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets
from looking import CALL, MODEL, columns, press, sentence, slider, value
from scipy.stats import norm

from bookwork.explorer.base import MIME_TYPE
from ranking.evaluation.metrics import expected_auc, log_loss
from ranking_course.explorers import MeasuresExplorer
from ranking_course.explorers.measures import ROWS, predicted_rates, true_rates

SHIFT = "Shift every rate too low or too high"
STRETCH = "Stretch too timid below 1, too bold above"
BLUR = "Blur noise: rows change places"
SETTINGS = [(0.9, 1.0, 0.5), (0.0, 1.0, 0.0), (-2.0, 0.25, 0.0), (2.0, 3.0, 2.0), (0.3, 0.6, 1.1)]


def measured(shift, stretch, blur):
    """AUC, log loss, share of the gap closed and level of a setting, by the course's own metrics."""
    truth, said = true_rates(), predicted_rates(shift, stretch, blur)
    best, constant = log_loss(truth, truth), log_loss(truth, np.full(ROWS, truth.mean()))
    loss = log_loss(truth, said)
    closed = (constant - loss) / (constant - best)
    return expected_auc(truth, said), loss, closed, said.mean() / truth.mean()


def numbers(page):
    """The table of measures: of model, truth and constant, by the first word."""
    table = page.locator(".rx-numbers")
    found = table.evaluate("(t) => [...t.rows].map((row) => [...row.cells].map((c) => c.textContent))")
    return {first.split(":")[0]: rest for first, *rest in found[1:]}


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = MeasuresExplorer()
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), ["shift", "stretch", "blur"])
    explorer.shift = np.float32(-0.5)
    explorer.stretch = 2
    explorer.blur = 0.0
    assert seen == [("shift", -0.5), ("stretch", 2.0), ("blur", 0.0)]
    assert explorer.start == {"shift": 0.9, "stretch": 1.0, "blur": 0.5}
    assert repr(MeasuresExplorer(0.1, 2.0, 1.0)) == "MeasuresExplorer(shift=0.1, stretch=2.0, blur=1.0)"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("shift", 2.1),
        ("shift", float("nan")),
        ("stretch", 0.2),
        ("stretch", 0),
        ("blur", -0.1),
        ("blur", "1"),
    ],
)
def test_bad_settings_are_refused(name, bad):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=f"{name} must be a number from"):
        MeasuresExplorer(**setting)


def test_output_entry():
    data, _ = MeasuresExplorer()._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {"labels", "start", "shift", "stretch", "blur"}
    assert data[MIME_TYPE]["alt"] == (
        "Measures explorer. A model predicts the click rates of 300 impressions, shifted by 0.9, stretched "
        "by 1 and blurred by 0.5: AUC 0.765, log loss 0.328, level 1.99; sliders change them."
    )


def test_the_truth_is_the_best_of_all_settings():
    truth = true_rates()
    assert truth.mean() == pytest.approx(0.1, abs=0.001)
    np.testing.assert_allclose(predicted_rates(0.0, 1.0, 0.0), truth, rtol=1e-12)
    auc, loss, _, _ = measured(0.0, 1.0, 0.0)
    for setting in SETTINGS:
        other = measured(*setting)
        assert other[0] <= auc + 1e-12
        assert other[1] >= loss - 1e-12


def test_the_start_leaves_a_question_open():
    """An AUC close to the truth's beside a log loss worse than the constant's, at twice the level."""
    auc, _, closed, level = measured(0.9, 1.0, 0.5)
    assert auc > measured(0.0, 1.0, 0.0)[0] - 0.03
    assert closed < 0
    assert level == pytest.approx(2.0, abs=0.05)


# ---- in a browser


@pytest.mark.browser
def test_formulas_agree_with_python(show):
    page = show(MeasuresExplorer())
    truth = page.evaluate(CALL, ["measures", "trueRates", [[]]])[0]
    np.testing.assert_allclose(truth, true_rates(), rtol=1e-12)
    noise = page.evaluate(CALL, ["measures", "noiseOf", [[]]])[0]
    calls = [[truth, noise, *setting] for setting in SETTINGS]
    predicted = page.evaluate(CALL, ["measures", "predictedRates", calls])
    for setting, said in zip(SETTINGS, predicted, strict=True):
        np.testing.assert_allclose(said, predicted_rates(*setting), rtol=1e-10)
    rng = np.random.default_rng(2)
    tied = [
        np.round(rng.uniform(0.01, 0.99, (2, 50)), 1).tolist() for _ in range(20)
    ]  # with 0 and 1 as truths
    pairs = [*([truth, said] for said in predicted), *([t, np.clip(s, 0.05, 0.95).tolist()] for t, s in tied)]
    for name, metric in (("expectedAuc", expected_auc), ("logLoss", log_loss)):
        found = page.evaluate(CALL, ["measures", name, pairs])
        np.testing.assert_allclose(found, [metric(*pair) for pair in pairs], rtol=1e-12)


@pytest.mark.browser
def test_quantiles_agree_with_scipy(show):
    page = show(MeasuresExplorer())
    u = [1e-6, 1e-4, 0.3, 0.5, 0.9, 1 - 1e-6, *np.random.default_rng(1).random(200).tolist()]
    found = page.evaluate(CALL, ["measures", "normalQuantile", [[each] for each in u]])
    np.testing.assert_allclose(found, norm.ppf(u), rtol=1e-9, atol=1e-12)


@pytest.mark.browser
def test_tenths_hold_means_by_rising_prediction(show):
    page = show(MeasuresExplorer())
    truth, said = true_rates(), predicted_rates(0.3, 0.6, 1.1)
    (found,) = page.evaluate(CALL, ["measures", "tenths", [[truth.tolist(), said.tolist()]]])
    rising = np.argsort(said, kind="stable").reshape(10, 30)
    np.testing.assert_allclose([bin["predicted"] for bin in found], said[rising].mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose([bin["truth"] for bin in found], truth[rising].mean(axis=1), rtol=1e-12)


@pytest.mark.browser
def test_what_is_seen_is_what_the_metrics_say(show):
    page = show(MeasuresExplorer())

    def check(*setting):
        auc, loss, closed, level = measured(*setting)
        found = numbers(page)
        assert found["AUC"] == [f"{auc:.3f}", "0.786", "0.500"]
        assert found["log loss"] == [f"{loss:.3f}", "0.274", "0.326"]
        shown = float(found["share of the gap closed"][0].replace("−", "-").rstrip("%"))
        assert shown == pytest.approx(100 * closed, abs=0.51)
        assert found["share of the gap closed"][1:] == ["100%", "0%"]
        assert found["level"] == [f"{level:.2f}", "1.00", "1.00"]

    check(0.9, 1.0, 0.5)
    assert sentence(page) == (
        "The order is nearly right: AUC 0.765, where the truth has 0.786. Yet the log loss, 0.328, is worse "
        "than that of one constant for all, 0.326. What does AUC not see?"
    )
    press(slider(page, BLUR), "Home")
    check(0.9, 1.0, 0.0)
    assert sentence(page).startswith("The AUC stays at the truth's 0.786: it sees the order only.")
    press(slider(page, SHIFT), "Home")
    check(-2.0, 1.0, 0.0)
    assert page.evaluate(MODEL, "shift") == -2
    press(slider(page, SHIFT), "PageUp", "PageUp", "PageUp", "PageUp", "PageUp")
    assert value(slider(page, SHIFT)) == "0.0"
    assert sentence(page).startswith("The model says the truth. No prediction has a higher AUC than 0.786")
    press(slider(page, STRETCH), "Home")
    assert value(slider(page, STRETCH)) == "× 0.25"
    assert sentence(page).startswith("Too timid")
    press(slider(page, STRETCH), "End")
    check(0.0, 3.0, 0.0)
    assert sentence(page).startswith("Too bold")
    press(slider(page, BLUR), "End")
    check(0.0, 3.0, 2.0)
    press(slider(page, STRETCH), "Home")
    check(0.0, 0.25, 2.0)
    assert sentence(page).startswith("With an AUC of")
    page.get_by_role("button", name="Reset").click()
    press(slider(page, SHIFT), "ArrowLeft", "ArrowLeft", "ArrowLeft")
    check(0.6, 1.0, 0.5)
    assert sentence(page).startswith("Rows have changed places: AUC 0.765 instead of 0.786")


@pytest.mark.browser
def test_of_the_truth_every_tenth_lies_on_the_diagonal(show):
    page = show(MeasuresExplorer(0.0, 1.0, 0.0))
    tenths = columns(page, 1)
    assert list(tenths) == [str(i) for i in range(1, 11)]
    assert all(said == true for said, true in tenths.values())


@pytest.mark.browser
def test_shares_above_a_prediction_explain_the_order(show):
    page = show(MeasuresExplorer(blur=0.0, shift=0.0))
    truth = true_rates()
    found = columns(page, 2)
    for at in (0.01, 0.1):
        above = truth > at
        shares = (truth[above].sum() / truth.sum(), (1 - truth)[above].sum() / (1 - truth).sum())
        told = found[f"predicted above {at:.0%}"]
        assert [float(cell.rstrip("%")) for cell in told] == pytest.approx(
            [100 * s for s in shares], abs=0.51
        )


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    page = show(MeasuresExplorer(labels={"auc": "<b>排序</b>", "sentence_open": "{auc}"}))
    assert "<b>排序</b>" in numbers(page)
    assert sentence(page) == "0.765"
