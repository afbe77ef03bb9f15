"""The gates explorer: packing, what it takes as a widget, what it shows in a browser, and its recording."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import traitlets
from looking import (
    CALL,
    MODEL,
    assert_laid_out,
    columns,
    pictures,
    press,
    rows,
    sentence,
    slider,
    value,
)
from recordings import gates_examples, gates_recording
from spoiling import spoilt

from bookwork.explorer.base import MIME_TYPE
from bookwork.results import load_results
from ranking.evaluation import wilson_interval
from ranking.mmoe import effective_experts, polarized
from ranking_course.explorers import GatesExplorer
from ranking_course.explorers.gates_recording import (
    CURES,
    FINE,
    HEADS,
    PARTS,
    RATES,
    checked_recording,
    pack_utilisation,
    pack_weights,
    unpacked,
)

STEP = "Training step"
SEED = "Seed"
RATE = "Learning rate"
BEAT = 600  # ms from step to step while it plays
LIMIT_BYTES = 450_000


def the_run(recorded, optimiser="adam", rate="middle", heads="half", cure="none"):
    """The one run that a recording has of these."""
    found = [
        run
        for run in recorded["runs"]
        if (run["optimiser"], run["rate"], run["heads"], run["cure"]) == (optimiser, rate, heads, cure)
    ]
    (run,) = found
    return run


@pytest.fixture(scope="module")
def recorded():
    return load_results("mmoe/gates")


def share(text):
    """A percentage as a number; the smallest are written as "<0.1%"."""
    return float(text.lstrip("<").rstrip("%")) / 100


# ---- packing


def random_weights(shape, seed):
    """From nearly even to one-hot."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=shape) * rng.uniform(0, 12, size=(*shape[:-1], 1))
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def as_run(recorded, **packed):
    """A run of a recording with other packed numbers."""
    return {**recorded["runs"][0], **packed}


def test_packed_weights_are_off_by_about_a_part():
    recording = gates_recording()
    weights = random_weights((4, 5, 2, 12, 3), 1)
    weights[0, 0, 0, :3] = np.eye(3)
    _, back = unpacked(as_run(recording, weights=pack_weights(weights)), recording)
    assert back.min() >= 0
    assert np.abs(back - weights).max() < 1 / PARTS
    np.testing.assert_array_equal(back[0, 0, 0, :3], np.eye(3))
    np.testing.assert_allclose(back.sum(axis=-1), 1.0, rtol=1e-15)


def test_all_parts_have_a_code_of_their_own():
    parts = [(a, b, PARTS - a - b) for a in range(PARTS + 1) for b in range(PARTS + 1 - a)]
    packed = pack_weights(np.array(parts) / PARTS)
    assert len(parts) == 4095
    assert len({packed[i : i + 2] for i in range(0, len(packed), 2)}) == len(parts)


def test_float32_weights_are_packed():
    weights = random_weights((1000, 3), 2).astype(np.float32)
    assert pack_weights(weights) == pack_weights(weights.astype(np.float64))


def test_packed_utilisation_is_off_by_a_part_at_most():
    recording = gates_recording()
    used = random_weights((4, 5, 2, 3), 3)
    used[0, 0] = [[0.5 / FINE, 1 - 0.5 / FINE, 0.0], [0, 0, 1]]  # both of the first are rounded up
    back, _ = unpacked(as_run(recording, utilisation=pack_utilisation(used)), recording)
    assert np.abs(back - used).max() <= 1 / FINE
    np.testing.assert_allclose(back.sum(axis=-1), 1.0, rtol=1e-15)


@pytest.mark.parametrize(
    "bad", [[0.2, 0.2, 0.2], [1.0], [0.5, 0.5], [1.5, -0.5, 0.0], [float("nan"), 1.0, 0.0]]
)
def test_what_are_no_weights_is_not_packed(bad):
    with pytest.raises(ValueError, match="weights must"):
        pack_weights(bad)


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = GatesExplorer(gates_recording(), step=20, cure="exact", seed=2, rate="high", heads="low")
    heard = []
    explorer.observe(lambda change: heard.append((change.name, change.new)), list(explorer.settings))
    explorer.step, explorer.seed, explorer.rate, explorer.heads = 60, 1, "low", "base"
    assert heard == [("step", 60), ("seed", 1), ("rate", "low"), ("heads", "base")]
    assert explorer.start == {
        "optimiser": "adam", "rate": "high", "heads": "low", "cure": "exact", "seed": 2, "step": 20,
        "live": None,
    }  # fmt: skip
    assert repr(explorer) == (
        "GatesExplorer(optimiser='adam', rate='low', heads='base', cure='exact', seed=1, step=60)"
    )
    assert "three experts share out their weight after 60 of 200 training steps" in explorer.alt


def test_it_starts_with_adam_at_the_last_step():
    explorer = GatesExplorer(gates_recording())
    shown = explorer.optimiser, explorer.rate, explorer.heads, explorer.cure, explorer.seed, explorer.step
    assert shown == ("adam", "middle", "half", "none", 0, 200)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("step", 7),
        ("step", -5),
        ("optimiser", "adagrad"),
        ("rate", "higher"),
        ("rate", 0.01),
        ("heads", "high"),
        ("cure", "slow"),
        ("seed", 4),
        ("step", True),
    ],
)
def test_settings_that_are_not_recorded_are_refused(name, bad):
    explorer = GatesExplorer(gates_recording())
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, bad)
    if bad is not True:
        setting = {name: bad}
        with pytest.raises(ValueError, match=f"{name} must be one of"):
            GatesExplorer(gates_recording(), **setting)


def test_without_a_recording_of_the_cure_there_is_none():
    explorer = GatesExplorer(gates_recording(), cure="exact")
    explorer.optimiser = "sgd"
    assert explorer.cure == "none"
    with pytest.raises(
        traitlets.TraitError, match=r"cure must be one of none with optimiser 'sgd', got 'exact'"
    ):
        explorer.cure = "exact"
    explorer.optimiser = "adam"
    explorer.cure = "exact"
    with pytest.raises(ValueError, match="cure must be one of"):
        GatesExplorer(gates_recording(), optimiser="sgd", cure="exact")
    with explorer.hold_trait_notifications():  # as what comes from a page
        explorer.cure, explorer.optimiser = "none", "sgd"
    assert (explorer.optimiser, explorer.cure) == ("sgd", "none")


def test_the_page_gets_the_recording_and_nothing_of_the_training():
    explorer = GatesExplorer(gates_recording(), data=gates_examples())
    state = explorer._repr_mimebundle_()[0][MIME_TYPE]["state"]
    assert set(state) == {
        "labels", "start", "optimiser", "rate", "heads", "cure", "seed", "step", "recorded",
    }  # fmt: skip
    assert set(state["recorded"]) == {
        "tasks", "steps", "rows", "learnt_from", "threshold", "closes", "shown", "runs",
    }  # fmt: skip
    assert all("note" not in run for run in state["recorded"]["runs"])
    assert "made_by" not in json.dumps(state)
    assert checked_recording(state["recorded"]) == state["recorded"]


def test_only_the_shown_rows_come_first():
    explorer = GatesExplorer(gates_recording(), cure="exact", heads="base")
    first = explorer.first_state()["recorded"]["runs"]
    kept = [run for run in first if run["weights"] is not None]
    assert kept == [the_run(explorer.recorded, heads="base", cure="exact")]


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        (["runs"], [], r"recorded\['runs'\] must be a list of at least one entry"),
        (["runs", 5], None, r"combination of .* once, missing: \[\('adam', 'low', 'base', 'entropy'\)\]"),
        (["runs", 0, "cure"], "luck", r"\['runs'\]\[0\]\['cure'\] must be one of 'none'"),
        (["runs", 0, "cure"], "exact", r"every combination of optimiser, rate, heads, cure once"),
        (["runs", 0, "rate"], 0.01, r"\['runs'\]\[0\]\['rate'\] must be one of 'low'"),
        (["runs", 0, "polarized"], [0, 1], r"one count per step, must hold 5 whole numbers, got 2"),
        (
            ["runs", 0, "polarized", 2],
            9,
            r"\['polarized'\], one count per step, must be in \[0, 8\], got 9 at index 2",
        ),
        (["runs", 0, "gap_closed", 2], [0.1], r"\['gap_closed'\], one per step and task, must hold 5 × 2"),
        (["runs", 0, "gap_closed", 2, 0], 1.5, r"must be at most 1, got 1.5 at index \(2, 0\)"),
        (["runs", 0, "stuck", 0, 0], 9, r"\['stuck'\], one count per step and task, must be in \[0, 8\]"),
        (["runs", 0, "heights", 0, 0, 0], 3, r"\['heights'\], experts in order, must be in \[0, 2\], got 3"),
        (["runs", 0, "utilisation"], "???", r"\['utilisation'\] must be base64"),
        (["runs", 0, "utilisation"], "AAAA", r"\['utilisation'\] must be base64|must hold 4 × 5 × 2 × 2"),
        (["rows"], 11, r"\['weights'\] must hold 4 × 5 × 2 × 11 × 2 numbers, got 960"),
        (["runs", 0, "weights"], None, r"must be a mapping with the key 'weights'"),
        (["runs", 0, "weights"], "=" * 960, r"\['weights'\] must be a text of base64's characters"),
        (["runs", 0, "weights"], "/" * 960, r"\['weights'\] must hold codes up to 4094, got 4095"),
        (["runs", 0, "seeds"], 3, r"\['runs'\]\[0\]\['seeds'\] must be at least the 4 that are shown, got 3"),
        (["threshold"], 1.5, r"recorded\['threshold'\] must"),
        (["shown", 0], {"world": 0}, r"recorded\['shown'\]\[0\] must be a mapping with the key 'seed'"),
        (["tasks", 0, "color"], "red", r"\['tasks'\]\[0\]\['color'\] must be one of 'click'"),
        (["steps"], [], r"recorded\['steps'\] must"),
    ],
)
def test_bad_recordings_are_refused(path, bad, message):
    with pytest.raises(ValueError, match=message):
        GatesExplorer(spoilt(gates_recording(), path, bad))


def test_utilisation_above_its_sum_is_refused():
    bad = gates_recording()
    full = np.full(4 * 5 * 2 * 2, 60_000, dtype="<u2")
    bad["runs"][0]["utilisation"] = base64.b64encode(full.tobytes()).decode()
    with pytest.raises(ValueError, match=r"\['utilisation'\] must sum to at most 65535 per gate, got 120000"):
        GatesExplorer(bad)


def test_explorers_do_not_wait_for_torch():
    code = "import sys, ranking_course.explorers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- training


@pytest.mark.parametrize(
    ("optimiser", "rate", "heads", "cure"),
    [("adam", "high", "low", "exact"), ("sgd", "low", "base", "none")],
)
def test_training_shows_the_chosen_run(optimiser, rate, heads, cure):
    explorer = GatesExplorer(
        gates_recording(), data=gates_examples(), optimiser=optimiser, rate=rate, heads=heads, cure=cure
    )
    assert explorer.trainable
    heard = []
    explorer.observe(lambda change: heard.append(change.new), "training")
    explorer._hear(explorer, {"train": True}, [])
    assert heard[0] == 0.0
    assert heard[-1] is None
    assert heard[1:-1] == sorted(heard[1:-1])
    assert 10 <= len(heard) <= 25
    live = explorer.live
    chosen = live["optimiser"], live["rate"], live["heads"], live["cure"]
    assert chosen == (optimiser, rate, heads, cure)
    assert (live["seeds"], live["live"]) == (4, True)
    assert live["learning_rate"] == 0.03
    assert len(live["polarized"]) == 5
    assert explorer.status == (
        "4 seeds trained on 400 rows, fewer than the recording's 9,000, and shown. "
        "Reset goes back to the recording."
    )


def test_data_may_be_a_function_that_is_called_when_needed():
    calls = []

    def examples():
        calls.append(None)
        return gates_examples()

    explorer = GatesExplorer(gates_recording(), data=examples)
    assert explorer.trainable
    assert calls == []
    explorer.train()
    explorer.train()
    assert len(calls) == 1
    assert explorer.live["seeds"] == 4


def test_ways_to_train_differ_and_seeds_are_the_shown_ones():
    explorer = GatesExplorer(gates_recording(), data=gates_examples())
    explorer.train()
    first = explorer.live["utilisation"]
    explorer.cure = "entropy"
    explorer.train()
    assert explorer.live["utilisation"] != first
    others = gates_recording()
    others["shown"][3]["seed"] = 99
    explorer = GatesExplorer(others, data=gates_examples())
    explorer.train()
    shared = len(first) // 4 // 4 * 3  # of the first three seeds, but for what base64 joins
    assert explorer.live["utilisation"][:shared] == first[:shared]
    assert explorer.live["utilisation"] != first


def test_training_without_data_and_with_bad_data():
    explorer = GatesExplorer(gates_recording())
    assert not explorer.trainable
    with pytest.raises(ValueError, match="data must be given"):
        explorer.train()
    train, held_out = gates_examples()
    train.inputs[3, 1] = np.nan
    explorer = GatesExplorer(gates_recording(), data=(train, held_out))
    explorer._hear(explorer, {"train": True}, [])
    assert "inputs must be finite" in explorer.status
    assert explorer.training is None
    assert explorer.live is None
    explorer._hear(explorer, {"something": "else"}, [])


# ---- the recording


def test_the_recording_is_whole_and_small(recorded):
    explorer = GatesExplorer(recorded)
    runs = explorer._repr_mimebundle_()[0][MIME_TYPE]["state"]["recorded"]["runs"]
    found = {(run["optimiser"], run["rate"], run["heads"], run["cure"]) for run in runs}
    assert len(runs) == len(found) == 3 * 3 * (len(CURES) + 1)
    assert {run["cure"] for run in runs if run["optimiser"] == "sgd"} == {"none"}
    assert {run["heads"] for run in runs} == set(HEADS)
    assert {run["rate"] for run in runs} == set(RATES)
    assert all(run["seeds"] >= 40 for run in runs)
    assert len(json.dumps(explorer.state())) < LIMIT_BYTES


def test_counts_say_of_the_shown_seeds_what_their_gates_say(recorded):
    for run in recorded["runs"]:
        used, weights = unpacked(run, recorded)
        shown = polarized(used).any(axis=-1).sum(axis=0)  # (steps,)
        counts = np.array(run["polarized"])
        assert (shown <= counts).all()
        assert (counts - shown <= run["seeds"] - len(recorded["shown"])).all()
        # gates that read nothing from rows would not show it
        assert np.abs(weights.mean(axis=3) - used).mean() < 0.05


def test_heights_are_of_the_seeds_alone(recorded):
    assert len({json.dumps(run["heights"]) for run in recorded["runs"]}) == 1


@pytest.mark.parametrize(("rate", "number"), [("low", "0.003"), ("middle", "0.01"), ("high", "0.03")])
def test_the_end_is_that_of_the_experiment_on_how_often(recorded, rate, number):
    """Same logs, seeds and settings in another script, which judges on more rows. Re-make both or none."""
    other = load_results("mmoe/often")
    count = of = 0
    closed = []
    for run in other["runs"]:
        if run["way"] == "Adam":
            found = run["by_rate"][number]
            seeds = range(recorded["few"])
            at_one = {seed for task in ("click", "like") for seed in found["polarized"][task]}
            count += len(at_one & set(seeds))
            of += len(seeds)
            (bounds,) = (
                world["bounds"] for world in other["setting"]["worlds"] if world["world"] == run["world"]
            )
            losses = np.stack([found["loss"][task][: len(seeds)] for task in ("click", "like")], axis=1)
            constant, truth = np.array(bounds["constant"]), np.array(bounds["truth"])
            closed.append((constant - losses) / (constant - truth))
    run = the_run(recorded, rate=rate)
    assert of == run["seeds"]
    assert abs(run["polarized"][-1] - count) <= 1  # of gates at the threshold
    np.testing.assert_allclose(run["gap_closed"][-1], np.median(np.concatenate(closed), axis=0), atol=0.03)


# ---- formulas in a browser


@pytest.mark.browser
def test_formulas_agree_with_python(show):
    page = show(GatesExplorer(gates_recording()))
    used = random_weights((50, 2, 4), 5)
    used[0] = [[1, 0, 0, 0], [0, 0, 1, 0]]
    used[1] = [[0.95, 0.05, 0, 0], [0.04, 0.96, 0, 0]]
    gates = used.reshape(-1, 4)
    found = page.evaluate(CALL, ["gates", "effectiveExperts", [[u.tolist()] for u in gates]])
    np.testing.assert_allclose(found, effective_experts(used).ravel(), rtol=1e-12)
    found = page.evaluate(CALL, ["gates", "polarized", [[u.tolist(), 0.95] for u in gates]])
    assert found == polarized(used).ravel().tolist()
    counts = [[k, n] for n in (1, 7, 40) for k in range(n + 1)]
    found = page.evaluate(CALL, ["gates", "wilson", counts])
    low, high = wilson_interval(*np.array(counts).T)
    np.testing.assert_allclose(found, np.stack([low, high], axis=1), rtol=1e-12, atol=1e-15)


@pytest.mark.browser
def test_what_is_packed_is_unpacked_as_in_python(show, recorded):
    page = show(GatesExplorer(recorded))
    for run in (recorded["runs"][0], recorded["runs"][-1]):
        used, weights = unpacked(run, recorded)
        (found,) = page.evaluate(CALL, ["gates", "unpackUtilisation", [[run["utilisation"]]]])
        np.testing.assert_allclose(found, used.reshape(-1, 3), rtol=1e-15)
        (found,) = page.evaluate(CALL, ["gates", "unpackWeights", [[run["weights"]]]])
        np.testing.assert_array_equal(found, weights.reshape(-1, 3))


@pytest.mark.browser
def test_corners_and_the_middle_of_the_triangle(show):
    page = show(GatesExplorer(gates_recording()))
    shares = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]
    (found,) = page.evaluate(CALL, ["gates", "inTriangle", [[shares]]])
    height = np.sqrt(3) / 2
    np.testing.assert_allclose(found["x"], [0, 1, 0.5, 0.5], rtol=1e-12)
    np.testing.assert_allclose(found["y"], [0, 0, height, height / 3], rtol=1e-12)


# ---- what is seen


HEIGHTS = ("the lowest", "the middle one", "the highest")


def check_shown(page, recorded, seed, step, **way):
    """Tables, drawing and sentence are those of the recording."""
    run = the_run(recorded, **way)
    used, weights = unpacked(run, recorded)
    at = recorded["steps"].index(step)
    for task, name in enumerate(("click", "like")):
        table = columns(page, task)
        assert list(table) == ["mean", *[str(i + 1) for i in range(recorded["rows"])]]
        cells = np.array([[share(cell) for cell in row] for row in table.values()])
        np.testing.assert_allclose(cells[0], used[seed, at, task], atol=0.0051)
        np.testing.assert_allclose(cells[1:], weights[seed, at, task], atol=0.0051)
        drawn = page.locator(".rx-picture").nth(task).locator(".rx-overlaid")
        assert drawn.count() == recorded["rows"]
        top = int(used[seed, at, task].argmax())
        if used[seed, at, task].max() > 0.95:
            height = HEIGHTS[run["heights"][seed][task].index(top)]
            assert re.search(
                rf"the gate of {name} is polarized, with \d+(\.\d+)?% of its weight on expert {top + 1}, "
                rf"at step 0 {height}",
                sentence(page),
            )
        else:
            effective = effective_experts(used[seed, at])[task]
            spread = f"the gate of {name} spreads its weight over {effective:.2f} of 3 experts"
            assert spread in sentence(page)
    count, seeds = run["polarized"][at], run["seeds"]
    assert f"Of {seeds} seeds {count} are polarized, " in sentence(page)
    shown = columns(page, 2)
    low, high = wilson_interval(count, seeds)
    assert shown["as set"][:2] == [str(count), str(seeds)]
    ends = [share(end) for end in shown["as set"][3].split(" – ")]
    np.testing.assert_allclose(ends, [low, high], atol=0.0051)
    learnt = columns(page, 3)
    assert list(learnt) == list(shown)
    closed = [float(cell.replace("−", "-").rstrip("%")) / 100 for cell in learnt["as set"][:2]]
    np.testing.assert_allclose(closed, run["gap_closed"][at], atol=0.0051)
    assert learnt["as set"][2:] == [f"{stuck} / {seeds}" for stuck in run["stuck"][at]]


def choose(page, label, key):
    """Move a choice by keyboard from the option of that label."""
    page.get_by_role("radio", name=label, exact=True).focus()
    page.keyboard.press(key)


@pytest.mark.browser
def test_every_control_by_keyboard(show):
    recording = gates_recording()
    page = show(GatesExplorer(recording))
    assert page.locator(".rx-picture").count() == 4
    check_shown(page, recording, 0, 200)
    before = pictures(page)
    press(slider(page, STEP), "ArrowLeft")
    assert value(slider(page, STEP)) == "60"
    assert all(a != b for a, b in zip(before, pictures(page), strict=True))
    check_shown(page, recording, 0, 60)
    press(slider(page, STEP), "Home", "ArrowRight")
    check_shown(page, recording, 0, 5)
    press(slider(page, SEED), "End")
    assert value(slider(page, SEED)) == "3 (world 1)"
    check_shown(page, recording, 3, 5)
    press(slider(page, STEP), "End")
    press(slider(page, RATE), "End")
    assert page.evaluate(MODEL, "rate") == "high"
    check_shown(page, recording, 3, 200, rate="high")
    choose(page, "near one half", "ArrowRight")
    assert page.evaluate(MODEL, "heads") == "base"
    assert "heads that start at the base rates" in sentence(page)
    check_shown(page, recording, 3, 200, rate="high", heads="base")
    choose(page, "none", "ArrowRight")
    assert page.evaluate(MODEL, "cure") == "exact"
    assert "with masks, renormalised exactly" in sentence(page)
    check_shown(page, recording, 3, 200, rate="high", heads="base", cure="exact")
    page.get_by_role("button", name="Reset").click()
    assert [value(slider(page, STEP)), value(slider(page, SEED))] == ["200", "0 (world 0)"]
    check_shown(page, recording, 0, 200)


@pytest.mark.browser
def test_sgd_has_rates_of_its_own_and_no_cure(show):
    recording = gates_recording()
    page = show(GatesExplorer(recording, cure="exact"))
    rate, cures = slider(page, RATE), page.get_by_role("group", name="Cure", exact=True)
    assert value(rate) == "0.01"
    assert cures.is_visible()
    choose(page, "Adam", "ArrowRight")
    assert value(rate) == "0.1"
    assert page.evaluate(MODEL, "cure") == "none"
    assert cures.is_hidden()
    assert sentence(page).startswith("SGD with momentum at a learning rate of 0.1, ")
    assert sentence(page).endswith("Cures were tried with Adam alone: with SGD there is none to choose.")
    check_shown(page, recording, 0, 200, optimiser="sgd")
    assert_laid_out(page)
    choose(page, "SGD with momentum", "ArrowLeft")
    assert cures.is_visible()
    check_shown(page, recording, 0, 200)
    page.get_by_role("button", name="Reset").click()
    check_shown(page, recording, 0, 200, cure="exact")
    choose(page, "Adam", "ArrowRight")
    page.get_by_role("button", name="Reset").click()
    check_shown(page, recording, 0, 200, cure="exact")


@pytest.mark.browser
def test_rows_are_the_setting_and_each_control_moved_alone(show):
    recording = gates_recording()
    page = show(GatesExplorer(recording, cure="exact", heads="base"))
    base = {"heads": "base", "cure": "exact"}
    ways = {
        "as set": base,
        "learning rate 0.00316": {**base, "rate": "low"},
        "learning rate 0.0316": {**base, "rate": "high"},
        "SGD at 0.1, no cure": {"heads": "base", "optimiser": "sgd"},
        "heads near one half": {"cure": "exact"},
        "heads too low": {"cure": "exact", "heads": "low"},
        "no cure": {"heads": "base"},
        "entropy bonus": {"heads": "base", "cure": "entropy"},
    }
    shown = columns(page, 2)
    counts = {name: str(the_run(recording, **way)["polarized"][-1]) for name, way in ways.items()}
    assert {name: cells[0] for name, cells in shown.items()} == counts
    assert list(shown) == list(ways)
    press(slider(page, STEP), "Home")  # untrained heads are worse than a constant, and said to be
    assert page.locator(".rx-picture").nth(3).locator(".rx-heading").first.text_content() == (
        "as set: click < 0%, like < 0%"
    )
    assert page.locator(".rx-picture").nth(3).locator(".rx-hollow").count() == 2
    assert "heads close less than 0% for click and less than 0% for like of the gap" in sentence(page)
    assert "16 of 16 heads less than 5%" in sentence(page)


@pytest.mark.browser
def test_values_are_read_out(show):
    page = show(GatesExplorer(gates_recording()))
    table = columns(page, 0)
    page.locator("summary").first.evaluate("(s) => s.blur()")
    page.get_by_role("button", name="Reset").focus()
    page.keyboard.press("Tab")
    tip = page.locator(".rx-tip").first
    names = [f"expert {k}: {text}" for k, text in enumerate(table["mean"], start=1)]
    assert tip.inner_text().split("\n") == ["mean", *names]
    page.keyboard.press("ArrowRight")
    names = [f"expert {k}: {text}" for k, text in enumerate(table["1"], start=1)]
    assert tip.inner_text().split("\n") == ["row 1", *names]
    for number, said in ((2, "95% interval: "), (3, "heads under 5%, like: 1 / 8")):
        page.locator(".rx-picture").nth(number).press("Home")
        told = page.locator(".rx-tip").nth(number).inner_text()
        assert told.startswith("as set: ")
        assert said in told


# ---- playing

HEARD = """() => {
    const model = document.querySelector('.ranking-explorer').rankingModel;
    const live = () => document.querySelector('.rx-sentence').getAttribute('aria-live');
    window.heard = [];
    model.on('change:step', () => { heard.push([model.get('step'), live()]); });
}"""


def hold(page):
    """Time stands still on the page from here on, and moves only when it is told to."""
    page.clock.install(time=0)
    page.clock.pause_at(1_000)


@pytest.mark.browser
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_play_walks_from_the_start_to_the_end_and_stops(show, motion):
    page = show(GatesExplorer(gates_recording()), reduced_motion=motion)
    hold(page)
    page.evaluate(HEARD)
    play = page.locator(".rx-play")
    play.click()
    for step in (0, 5, 20, 60):
        assert page.evaluate(MODEL, "step") == step
        assert play.inner_text() == "Pause"
        page.clock.run_for(BEAT - 1)
        assert page.evaluate(MODEL, "step") == step
        page.clock.run_for(1)
    assert play.inner_text() == "Play"
    page.clock.run_for(3 * BEAT)
    # while it plays nothing is read out; the end is
    assert page.evaluate("heard") == [[0, "off"], [5, "off"], [20, "off"], [60, "off"], [200, "polite"]]
    assert page.locator(".rx-sentence").get_attribute("aria-live") == "polite"
    assert value(slider(page, STEP)) == "200"


@pytest.mark.browser
def test_play_goes_on_from_where_it_stands(show):
    page = show(GatesExplorer(gates_recording(), step=20))
    hold(page)
    page.evaluate(HEARD)
    page.locator(".rx-play").click()
    page.clock.run_for(3 * BEAT)
    assert [step for step, _ in page.evaluate("heard")] == [60, 200]


@pytest.mark.browser
@pytest.mark.parametrize("how", ["key", "button", "space", "pointer", "radio"])
def test_play_is_paused_by_any_key_or_press(show, how):
    page = show(GatesExplorer(gates_recording(), step=0))
    hold(page)
    play = page.locator(".rx-play")
    play.focus()
    page.keyboard.press("Enter")
    assert play.inner_text() == "Pause"
    assert page.evaluate(MODEL, "step") == 5
    page.clock.run_for(BEAT)
    assert page.evaluate(MODEL, "step") == 20
    if how == "key":
        page.keyboard.press("Shift")
    elif how == "button":
        play.click()
    elif how == "space":
        page.keyboard.press("Space")
    elif how == "pointer":
        page.locator(".rx-picture").first.click()
    else:
        page.locator(".rx-options").get_by_text("entropy bonus").click()
    assert play.inner_text() == "Play"
    page.clock.run_for(3 * BEAT)
    assert page.evaluate(MODEL, "step") == 20


@pytest.mark.browser
def test_under_reduced_motion_every_step_is_drawn_at_once(show):
    """The picture after a step is what it stays until the next."""
    page = show(GatesExplorer(gates_recording(), step=0))
    hold(page)
    first, then = page.evaluate("""() => {
        const look = () => document.querySelector('.rx-picture').innerHTML;
        const before = look();
        document.querySelector('.rx-play').click();
        return [before, look()];
    }""")
    assert first != then
    page.clock.run_for(BEAT - 1)
    assert page.locator(".rx-picture").first.inner_html() == then
    page.clock.run_for(1)
    assert page.locator(".rx-picture").first.inner_html() != then


# ---- training in JupyterLab, played with a model of its own

HOST = """() => {
    const place = document.querySelector('.ranking-explorer');
    const state = JSON.parse(place.querySelector('script').textContent);
    Object.assign(state, { trainable: true, training: null, status: '', live: null });
    const listeners = {};
    const model = {
        get: (key) => state[key],
        set: (key, value) => {
            state[key] = value;
            (listeners[`change:${key}`] ?? []).forEach((call) => call());
        },
        on: (event, call) => { (listeners[event] ??= []).push(call); },
        off: (event, call) => { listeners[event] = listeners[event].filter((other) => other !== call); },
        save_changes: () => {},
        send: (content) => { window.sent = content; },
    };
    const el = document.createElement('div');
    place.replaceChildren(el);
    window.lab = model;
    window.clean = rankingExplorers.definitions.gates.render({ model, el });
    window.left = () => Object.values(listeners).flat().length;
}"""


@pytest.mark.browser
def test_rates_are_said_as_recorded(show, recorded):
    page = show(GatesExplorer(recorded))
    last = recorded["steps"][-1]
    assert sentence(page).startswith(
        f"Adam at a learning rate of 0.01, heads that start near one half, without a cure, after {last} steps"
    )
    rate = slider(page, RATE)
    for key, shown in (("Home", "0.003"), ("ArrowRight", "0.01"), ("End", "0.03")):
        press(rate, key)
        assert value(rate) == shown
    assert list(columns(page, 2)) == [
        "as set", "learning rate 0.003", "learning rate 0.01", "SGD at 0.3", "heads at the base rates",
        "heads too low", "mask, exact", "mask, constant", "entropy bonus", "load balancing", "slower gates",
    ]  # fmt: skip
    assert_laid_out(page)


@pytest.mark.browser
def test_the_page_has_no_training(show):
    page = show(GatesExplorer(gates_recording(), data=gates_examples()))
    assert page.get_by_role("button").all_inner_texts() == ["Play", "Reset"]


@pytest.mark.browser
def test_the_button_asks_for_a_training_and_shows_it(show):
    trained = GatesExplorer(gates_recording(), data=gates_examples())
    trained.train()
    page = show(GatesExplorer(gates_recording()))
    page.evaluate(HOST)
    train = page.get_by_role("button", name="Train")
    bar = page.get_by_role("progressbar", name="Train")
    assert bar.is_hidden()
    train.click()
    assert page.evaluate("sent") == {"train": True}
    page.evaluate("lab.set('training', 0.4)")
    assert train.is_disabled()
    assert bar.evaluate("(bar) => bar.value") == 0.4
    page.evaluate("(live) => { lab.set('live', live); lab.set('training', null); }", trained.live)
    page.evaluate("(text) => lab.set('status', text)", trained.status)
    assert train.is_enabled()
    assert bar.is_hidden()
    assert page.get_by_text("4 seeds trained on 400 rows, fewer than the recording's 9,000").count() == 1
    here = "Trained here: Adam at a learning rate of 0.01, heads that start near one half, without a cure"
    assert sentence(page).startswith(here)
    used, _ = unpacked(trained.live, trained.recorded)
    np.testing.assert_allclose(
        [share(cell) for cell in columns(page, 0)["mean"]], used[0, -1, 0], atol=0.0051
    )
    assert f"Of 4 seeds {trained.live['polarized'][-1]} are polarized" in sentence(page)
    assert "as set (trained here): " in page.locator(".rx-heading").first.text_content()
    page.get_by_role("radio", name="entropy bonus").check()  # is shown as it was recorded
    assert sentence(page).startswith("Adam at a learning rate of 0.01")
    assert "no cure (trained here)" in columns(page, 2)
    page.get_by_role("radio", name="none", exact=True).check()
    assert sentence(page).startswith(here)
    page.get_by_role("button", name="Reset").click()
    # this host's start is the page's, where nothing was trained
    assert sentence(page).startswith("Adam at a learning rate of 0.01")
    page.evaluate("clean()")
    assert page.evaluate("left()") == 0


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {
        "step_slider": "训练步数",
        "expert_name": "<b>专家</b> {expert}",
        "play": "播放",
        "sentence": "{step}",
    }
    page = show(GatesExplorer(gates_recording(), labels=labels))
    assert page.get_by_role("slider", name="训练步数").count() == 1
    assert page.get_by_role("button", name="播放").count() == 1
    assert rows(page, 0)[0][1] == "<b>专家</b> 1"
    assert sentence(page) == "200"
