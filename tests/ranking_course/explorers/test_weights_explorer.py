"""The weights explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets
from looking import MODEL, columns, press, rows, sentence
from recordings import weights_recording
from spoiling import spoilt

from bookwork.explorer.base import MIME_TYPE
from ranking.evaluation import margin
from ranking_course.explorers import WeightsExplorer
from ranking_course.explorers.loss import TASKS
from ranking_course.explorers.weights import checked_recording


def paired(recorded, task, weight):
    """Changes of every target against weight 1, a row per world."""
    by = {(r["task"], r["weight"], r["seed"]): r["gap_closed"] for r in recorded["runs"]}
    seeds = sorted({seed for _, _, seed in by})
    return np.array([[by[task, weight, seed][t] - by[task, 1.0, seed][t] for t in TASKS] for seed in seeds])


def value_of(cell):
    """Mean and margin in points, and whether the change may be none."""
    mean, _, rest = cell.replace("−", "-").partition(" ± ")
    return float(mean), float(rest.split(" ")[0]), cell.endswith("(may be none)")


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = WeightsExplorer(weights_recording())
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), list(WeightsExplorer.settings))
    explorer.swept = "share"
    explorer.agreed = True
    assert seen == [("swept", "share"), ("agreed", True)]
    assert explorer.start == {"swept": "all", "agreed": False}
    assert repr(explorer) == "WeightsExplorer(swept='share', agreed=True)"
    assert "A heat map of 12 settings of the loss weights by four targets" in explorer.alt


@pytest.mark.parametrize(("name", "bad"), [("swept", "completion"), ("agreed", "yes")])
def test_bad_settings_are_refused(name, bad):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=name):
        WeightsExplorer(weights_recording(), **setting)


def test_only_what_was_recorded_can_be_shown_first():
    one = weights_recording(("like",))
    assert WeightsExplorer(one, "like").swept == "like"
    with pytest.raises(ValueError, match="swept must be one of 'all', 'like', got 'share'"):
        WeightsExplorer(one, "share")


def test_state_holds_means_and_margins_over_worlds():
    recorded = weights_recording()
    data, _ = WeightsExplorer(recorded)._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {"labels", "start", "recorded", "swept", "agreed"}
    of = state["recorded"]
    assert of["worlds"] == 5
    assert [(c["task"], c["weight"]) for c in of["changes"]] == [
        (task, weight) for task in TASKS for weight in (0.1, 10.0, 100.0)
    ]
    for change in of["changes"]:
        values = paired(recorded, change["task"], change["weight"])
        assert list(change["mean"]) == list(TASKS)
        np.testing.assert_allclose(list(change["mean"].values()), values.mean(axis=0), atol=2e-6)
        np.testing.assert_allclose(list(change["margin"].values()), margin(values), atol=5e-6)
    of_click = [r for r in recorded["runs"] if (r["task"], r["weight"]) == ("click", 1)]
    equal = [r["gap_closed"]["click"] for r in of_click]
    assert of["equal"]["mean"]["click"] == pytest.approx(np.mean(equal), abs=1e-6)


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        (["runs"], [], r"recorded\['runs'\] must be a list of at least one entry"),
        (["runs", 0, "task"], "watch_time", r"\['runs'\]\[0\]\['task'\] must be one of 'click'"),
        (["runs", 0, "weight"], 0.0, r"\['runs'\]\[0\]\['weight'\] must be above 0, got 0.0"),
        (["runs", 0, "gap_closed"], {}, r"\['gap_closed'\] must be a mapping with the key 'click'"),
        (["runs", 0, "gap_closed", "like"], float("nan"), r"\['gap_closed'\]\['like'\] must be finite"),
        (["runs", 0, "seed"], 1, r"must hold seed 1 at click weight 0.1 once"),
        (["runs", 12], None, r"missing \(task, weight, seed\): \[\('click', 10.0, 2\)\]"),
        (["runs", 0, "weight"], 0.2, r"at every weight of every task, 1"),
        (
            ["runs", 27, "gap_closed", "share"],
            0.9,
            r"those of seed 2 differ between click and like",
        ),
    ],
)
def test_bad_recordings_are_refused(path, bad, message):
    with pytest.raises(ValueError, match=message):
        WeightsExplorer(spoilt(weights_recording(), path, bad))


def test_one_world_and_no_weight_of_one_are_too_little():
    with pytest.raises(ValueError, match=r"at least two seeds .* seeds \[0\]"):
        checked_recording(weights_recording(seeds=1))
    without = weights_recording()
    without["runs"] = [run for run in without["runs"] if run["weight"] != 1.0]
    with pytest.raises(ValueError, match="1 and another among them"):
        checked_recording(without)


# ---- in a browser


@pytest.mark.browser
def test_the_map_is_what_was_recorded(show):
    recorded = weights_recording()
    page = show(WeightsExplorer(recorded))

    def check(task):
        tasks = TASKS if task == "all" else (task,)
        table = rows(page)
        assert table[0] == ["setting", *TASKS]
        settings = [(t, w) for t in tasks for w in (0.1, 10.0, 100.0)]
        assert [row[0] for row in table[1:]] == ["every λ = 1", *(f"{t}: λ = {w:g}" for t, w in settings)]
        open_cells = 0
        for setting, row in zip(settings, table[2:], strict=True):
            values = paired(recorded, *setting)
            found = [value_of(cell) for cell in row[1:]]
            half = margin(values)
            np.testing.assert_allclose([f[0] for f in found], 100 * values.mean(axis=0), atol=0.51)
            np.testing.assert_allclose([f[1] for f in found], 100 * half, rtol=0.06)
            assert [f[2] for f in found] == (np.abs(values.mean(axis=0)) <= half).tolist()
            open_cells += sum(f[2] for f in found)
        texts = page.locator(".rx-cell-text").all_text_contents()
        assert len(texts) == 4 * (len(settings) + 1)
        assert sorted(texts[4:]) == sorted(cell.split(" ")[0] for row in table[2:] for cell in row[1:])
        return open_cells

    open_cells = check("all")
    assert 0 < open_cells < 48
    assert f"the other {open_cells} may be none" in sentence(page)
    assert page.locator("[data-name=open] text").count() == 0
    press(page.get_by_role("checkbox", name="only what the worlds agree on"), " ")
    assert page.evaluate(MODEL, "agreed") is True
    assert page.locator("[data-name=open] text").count() == open_cells
    page.get_by_role("radio", name="share").check()
    check("share")
    assert sentence(page).startswith("share itself gains most with its λ at 100")
    page.get_by_role("button", name="Reset").click()
    assert check("all") == open_cells


@pytest.mark.browser
def test_gains_and_losses_differ_in_sign_and_colour(show):
    page = show(WeightsExplorer(weights_recording()))
    gains, losses = (
        page.locator(f"[data-name={name}] text").all_text_contents() for name in ("gains", "losses")
    )
    assert {text[0] for text in gains} <= {"+", "0"}
    assert {text[0] for text in losses} <= {"−", "0"}
    fill = "(cell) => getComputedStyle(cell).fill"
    fills = [page.locator(f"[data-name={name}] rect").first.evaluate(fill) for name in ("gains", "losses")]
    assert fills[0] != fills[1]


@pytest.mark.browser
def test_cells_by_arrow_keys(show):
    page = show(WeightsExplorer(weights_recording()))
    page.locator(".rx-reset").focus()
    page.keyboard.press("Tab")
    tip = page.locator(".rx-tip").first
    assert tip.inner_text().split("\n")[0] == "click, click: λ = 0.1"  # the first change, below equal weights
    for key, first in (
        ("ArrowDown", "click, click: λ = 10"),
        ("ArrowRight", "like, click: λ = 10"),
        ("ArrowUp", "like, click: λ = 0.1"),
        ("ArrowUp", "like, every λ = 1"),
    ):
        page.keyboard.press(key)
        assert tip.inner_text().split("\n")[0] == first
    table = columns(page)
    assert tip.inner_text().split("\n")[1] == f"share of the gap closed: {table['every λ = 1'][1]}"


@pytest.mark.browser
def test_what_a_task_costs_the_others_is_said(show):
    def changed(own, others):
        """Two worlds that agree: at weight 10 of click it changes by own, the others by others."""
        recorded = weights_recording(("click",), seeds=2)
        for run in recorded["runs"]:
            share = {1.0: 0.0, 10.0: 1.0}.get(run["weight"], 0.1)
            base = 0.5 + 0.1 * run["seed"]
            run["gap_closed"] = {t: base + share * (own if t == "click" else others) for t in TASKS}
        return WeightsExplorer(recorded, swept="click")

    assert sentence(show(changed(0.1, -0.05))) == (
        "click itself gains most with its λ at 10: +10 ± 0 points. Others pay for it: like −5, collect −5, "
        "share −5."
    )
    free = sentence(show(changed(0.1, 0.0)))
    assert free.endswith("The worlds agree on no loss of another target.")
    assert sentence(show(changed(-0.1, 0.0))).startswith("No other λ of click brings click a gain")


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"share": "<b>转发</b>", "sentence": "{gains} {losses} {open}"}
    page = show(WeightsExplorer(weights_recording(), labels=labels))
    assert rows(page)[0][4] == "<b>转发</b>"
    assert sum(map(int, sentence(page).split())) == 48
