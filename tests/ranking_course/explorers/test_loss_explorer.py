"""The loss explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
import traitlets
from looking import (
    CALL,
    MODEL,
    assert_laid_out,
    columns,
    pictures,
    press,
    sentence,
    slider,
    value,
)

from bookwork.explorer.base import MIME_TYPE
from ranking.evaluation.metrics import cross_entropy
from ranking.multi_task import click_mask, weighted_cross_entropy
from ranking_course.explorers import LossExplorer
from ranking_course.explorers.loss import TASKS

ONES = dict.fromkeys(TASKS, 1.0)

# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = LossExplorer()
    seen = []
    explorer.observe(lambda change: seen.append(change.name), list(LossExplorer.settings))
    explorer.outcomes = {"click": False + 0, "like": np.int64(1), "collect": 0, "share": 0}
    explorer.predictions = dict.fromkeys(TASKS, 0.25)
    explorer.loss_weights = {**ONES, "like": 10}
    explorer.masked = False
    explorer.target = "like"
    assert seen == ["outcomes", "predictions", "loss_weights", "masked", "target"]
    assert explorer.start["loss_weights"] == ONES
    assert explorer.outcomes == {"click": 0, "like": 1, "collect": 0, "share": 0}


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("outcomes", {**ONES, "like": 2}, r"outcomes\['like'\] must be a whole number from 0 to 1, got 2"),
        ("outcomes", {"click": 1}, "outcomes must map exactly the names click, like, collect, share"),
        (
            "predictions",
            {**ONES, "like": 0.5},
            r"predictions\['click'\] must be a number from 0.001 to 0.999",
        ),
        ("predictions", dict.fromkeys(TASKS, float("nan")), r"predictions\['click'\] must be a number"),
        ("loss_weights", {**ONES, "share": -1}, r"loss_weights\['share'\] must be a number from 0.0"),
        ("loss_weights", [1, 1, 1, 1], "loss_weights must map exactly"),
        ("target", "completion", "target"),
        ("masked", "yes", "masked"),
    ],
)
def test_bad_settings_are_refused(name, bad, message):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=message):
        LossExplorer(**setting)


def test_what_a_browser_sends_back_is_checked_too():
    explorer = LossExplorer()
    explorer.set_state({"loss_weights": {**ONES, "share": 5}, "masked": False})
    assert (explorer.loss_weights["share"], explorer.masked) == (5.0, False)
    with pytest.raises(traitlets.TraitError, match=r"loss_weights\['share'\]"):
        explorer.set_state({"loss_weights": {**ONES, "share": -5}})


def test_output_entry():
    data, _ = LossExplorer(predictions=dict.fromkeys(TASKS, 0.5))._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {"labels", "start", *LossExplorer.settings}
    assert data[MIME_TYPE]["alt"].startswith("Loss explorer. For each of click, like, collect and share")


# ---- in a browser


@pytest.mark.browser
def test_formulas_agree_with_python(show):
    """Cross-entropy with metrics; total and gradient with the course's loss from logits, in float64."""
    page = show(LossExplorer())
    rng = np.random.default_rng(3)
    pairs = [[int(rng.integers(2)), float(p)] for p in [1e-12, 0.5, 1 - 1e-9, *rng.random(300)]]
    found = page.evaluate(CALL, ["loss", "crossEntropy", pairs])
    expected = cross_entropy(*np.array(pairs).T)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)

    calls = []
    for _ in range(100):
        outcomes = {task: int(rng.integers(2)) for task in TASKS}
        predictions = {task: float(rng.uniform(0.001, 0.999)) for task in TASKS}
        weights = {task: float(rng.uniform(0.01, 20)) for task in TASKS}
        calls.append([outcomes, predictions, weights, bool(rng.integers(2))])
    totals = page.evaluate(CALL, ["loss", "totalLoss", calls])
    parts = page.evaluate(CALL, ["loss", "taskLosses", calls])
    for (outcomes, predictions, weights, masked), total, tasks in zip(calls, totals, parts, strict=True):
        y = torch.tensor([[float(outcomes[task]) for task in TASKS]], dtype=torch.float64)
        p = torch.tensor([[predictions[task] for task in TASKS]], dtype=torch.float64)
        loss_weights = torch.tensor([weights[task] for task in TASKS], dtype=torch.float64)
        logits = torch.logit(p).requires_grad_()
        mask = click_mask(y, TASKS) if masked else None
        expected = weighted_cross_entropy(logits, y, loss_weights, mask)
        expected.backward()
        assert total == pytest.approx(expected.item(), rel=1e-12)
        gradients = [task["gradient"] for task in tasks]
        np.testing.assert_allclose(gradients, logits.grad[0].numpy(), rtol=1e-12, atol=1e-15)
        assert math.fsum(task["term"] for task in tasks) == pytest.approx(total, rel=1e-12)
        assert [task["counts"] for task in tasks] == [
            task == "click" or not masked or outcomes["click"] == 1 for task in TASKS
        ]


@pytest.mark.browser
def test_controls_by_keyboard_change_what_is_seen(show):
    page = show(LossExplorer())
    assert page.locator(".rx-picture").count() == 3
    assert sentence(page) == (
        "Clicked: the loss is 5.27. Most of it, 3.91, comes from share: 2% was predicted where y = 1, "
        "with λ = 1."
    )
    # (group, label, key, value, words of the sentence)
    steps = [
        ("share", "prediction p", "End", "99.9%", "the loss is 1.36. Most of it, 1.2, comes from click"),
        ("click", "prediction p", "ArrowRight", "35%", "the loss is 1.21"),
        ("like", "loss weight λ", "End", "100", "the loss is 11.6. Most of it, 10.5, comes from like"),
        ("like", "loss weight λ", "Home", "0", "the loss is 1.1. Most of it"),
    ]
    for group, label, key, text, words in steps:
        page.get_by_role("radio", name=group, exact=True).check()
        before = pictures(page)
        control = slider(page, label, group)
        press(control, key)
        assert value(control) == text
        assert words in sentence(page)
        assert all(a != b for a, b in zip(before, pictures(page), strict=True)) or label.startswith("loss")
        assert before[1:] != pictures(page)[1:]
    like = page.get_by_role("group", name="like", exact=True).get_by_role("checkbox", name="it happened")
    press(like, " ")
    assert like.is_checked()
    assert page.evaluate(MODEL, "outcomes")["like"] == 1
    assert columns(page, 1)["like"] == ["1", "10%", "0", "0"]  # λ = 0: no gradient
    page.get_by_role("button", name="Reset").click()
    assert page.get_by_role("radio", name="share").is_checked()
    page.get_by_role("radio", name="like").check()
    assert not like.is_checked()
    assert columns(page, 1)["like"] == ["0", "10%", "1", "0.1"]
    assert "the loss is 5.27" in sentence(page)


@pytest.mark.browser
def test_controls_are_those_of_one_target_and_the_others_keep_their_values(show):
    page = show(LossExplorer())
    for target in ("share", "click", "like", "collect"):
        page.get_by_role("radio", name=target, exact=True).check()
        assert page.evaluate(MODEL, "target") == target
        assert page.locator(".rx-controls fieldset.rx-group:visible legend").all_text_contents() == [target]
        assert page.get_by_role("slider").count() == 2
        # of the click it is the same whether there was one and whether it happened
        assert page.get_by_role("checkbox").count() == (2 if target == "click" else 3)
        press(slider(page, "prediction p", target), "End")
        page.get_by_role("checkbox", name="it happened").click()
    assert page.evaluate(MODEL, "predictions") == dict.fromkeys(TASKS, 0.999)
    assert page.evaluate(MODEL, "outcomes") == {"click": 0, "like": 1, "collect": 1, "share": 0}
    page.get_by_role("checkbox", name="there was a click", exact=True).click()
    page.get_by_role("radio", name="click", exact=True).check()
    assert page.get_by_role("checkbox", name="it happened").is_checked()


@pytest.mark.browser
def test_without_a_click_the_others_are_masked(show):
    page = show(LossExplorer())
    page.get_by_role("checkbox", name="there was a click", exact=True).uncheck()
    assert sentence(page).startswith("Not clicked: the loss is 0.357, all of it from the click.")
    assert {task: cells[3] for task, cells in columns(page, 1).items()} == {
        "click": "0.3", **dict.fromkeys(TASKS[1:], "0 (masked)"),
    }  # fmt: skip
    assert [cells[3] for cells in columns(page, 0).values()] == ["yes", "no", "no", "no"]
    assert page.locator(".rx-note").nth(2).inner_text() == (
        "Together 0.357. Hatched: what the mask leaves out, 4.07."
    )
    # said in the picture too, not by colour alone
    labels = page.locator(".rx-picture").nth(1).locator(".rx-label").all_text_contents()
    assert labels.count("masked") == 3
    assert page.locator(".rx-picture").nth(2).locator(".rx-hollow").count() == 3
    page.get_by_role("checkbox", name="like, collect and share count only").uncheck()
    assert sentence(page).startswith("Not clicked, and not masked: the loss is 4.43, of which 4.07 teaches")
    assert columns(page, 1)["share"] == ["1", "2%", "1", "−0.98"]
    assert page.locator(".rx-picture").nth(2).locator(".rx-hollow").count() == 0


@pytest.mark.browser
def test_all_weights_zero_is_said(show):
    page = show(LossExplorer(loss_weights=dict.fromkeys(TASKS, 0)))
    assert sentence(page) == "Every weight that counts is 0: there is no loss, and nothing is learnt."
    assert_laid_out(page)


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"click": "点击", "share": "<b>转发</b>", "sentence": "{total}"}
    page = show(LossExplorer(labels=labels))
    page.get_by_role("radio", name="点击").check()
    assert page.get_by_role("group", name="点击", exact=True).count() == 1
    assert page.locator(".rx-picture b").count() == 0
    assert sentence(page) == "5.27"
