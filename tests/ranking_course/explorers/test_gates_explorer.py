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
from ranking.mmoe import dead_experts, effective_experts, polarized
from ranking_course.explorers import GatesExplorer
from ranking_course.explorers.gates_recording import (
    CURES,
    FINE,
    PARTS,
    checked_recording,
    pack_utilisation,
    pack_weights,
    unpacked,
)

STEP = "Training step"
SEED = "Seed first weights and batches"
LIMIT_BYTES = 1_000_000


def unpacked_run(recorded, cure, experts):
    """Utilisation and weights of the one run that a recording has of these."""
    (run,) = [run for run in recorded["runs"] if (run["cure"], run["experts"]) == (cure, experts)]
    return unpacked(run, recorded["shown"], len(recorded["tasks"]))


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


@pytest.mark.parametrize("experts", [2, 3, 8])
def test_packed_weights_are_off_by_less_than_a_part(experts):
    weights = np.concatenate([random_weights((5000, experts), 1), np.eye(experts)])
    parts = np.frombuffer(base64.b64decode(pack_weights(weights)), dtype=np.uint8).reshape(-1, experts - 1)
    back = np.concatenate([parts, PARTS - parts.sum(axis=1, keepdims=True, dtype=int)], axis=1) / PARTS
    assert back.min() >= 0
    assert np.abs(back - weights).max() < 1 / PARTS
    np.testing.assert_array_equal(back[-experts:], np.eye(experts))
    np.testing.assert_allclose(back.sum(axis=1), 1.0, rtol=1e-15)


def test_float32_weights_are_packed():
    weights = random_weights((1000, 3), 2).astype(np.float32)
    assert pack_weights(weights) == pack_weights(weights.astype(np.float64))


def test_packed_utilisation_is_off_by_half_a_part():
    used = random_weights((100, 8), 3)
    parts = np.frombuffer(base64.b64decode(pack_utilisation(used)), dtype="<u2").reshape(100, 8)
    assert np.abs(parts / FINE - used).max() <= 0.5 / FINE + 1e-15


@pytest.mark.parametrize("bad", [[0.2, 0.2], [1.0], [1.5, -0.5], [float("nan"), 1.0]])
def test_what_are_no_weights_is_not_packed(bad):
    with pytest.raises(ValueError, match="weights must"):
        pack_weights(bad)


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = GatesExplorer(gates_recording(), step=20, cure="exact", seed=2, experts=8)
    heard = []
    explorer.observe(lambda change: heard.append((change.name, change.new)), list(explorer.settings))
    explorer.step, explorer.cure, explorer.seed, explorer.experts = 60, "none", 1, 3
    assert heard == [("step", 60), ("cure", "none"), ("seed", 1), ("experts", 3)]
    assert explorer.start == {"step": 20, "cure": "exact", "seed": 2, "experts": 8, "live": None}
    assert repr(explorer) == "GatesExplorer(step=60, cure='none', seed=1, experts=3)"
    assert "3 experts share out their weight after 60 of 200 training steps" in explorer.alt


def test_it_starts_at_the_last_step():
    assert GatesExplorer(gates_recording()).step == 200


@pytest.mark.parametrize(
    ("name", "bad"),
    [("step", 7), ("step", -5), ("cure", "slow"), ("seed", 4), ("experts", 4), ("step", True)],
)
def test_settings_that_are_not_recorded_are_refused(name, bad):
    explorer = GatesExplorer(gates_recording())
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, bad)
    if bad is not True:
        setting = {name: bad}
        with pytest.raises(ValueError, match=f"{name} must be one of"):
            GatesExplorer(gates_recording(), **setting)


def test_the_page_gets_the_recording_and_nothing_of_the_training():
    explorer = GatesExplorer(gates_recording(), data=gates_examples())
    state = explorer._repr_mimebundle_()[0][MIME_TYPE]["state"]
    assert set(state) == {"labels", "start", "step", "cure", "seed", "experts", "recorded"}
    assert set(state["recorded"]) == {
        "learning_rate", "tasks", "steps", "shown", "threshold", "dead", "runs",
    }  # fmt: skip
    assert all("note" not in run for run in state["recorded"]["runs"])
    assert "made_by" not in json.dumps(state)
    assert checked_recording(state["recorded"]) == state["recorded"]


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        (["runs"], [], r"recorded\['runs'\] must be a list of at least one entry"),
        (["runs", 5], None, r"every cure with every number of experts once, missing: \[\('entropy', 8\)\]"),
        (["runs", 0, "cure"], "luck", r"\['runs'\]\[0\]\['cure'\] must be one of 'none'"),
        (["runs", 0, "cure"], "exact", r"every cure with every number of experts once"),
        (["runs", 0, "polarized"], [0, 1], r"one count per step, must hold 5 whole numbers, got 2"),
        (
            ["runs", 0, "polarized", 2],
            9,
            r"\['polarized'\], one count per step, must be in \[0, 8\], got 9 at index 2",
        ),
        (
            ["runs", 0, "steps"],
            [0, 5, 5, 60, 200],
            r"\['steps'\] must hold at least two numbers in ascending",
        ),
        (["runs", 0, "utilisation"], "???", r"\['utilisation'\] must be base64"),
        (
            ["runs", 0, "utilisation"],
            "AAAA",
            r"\['utilisation'\] must be base64|must hold 4 × 5 × 2 × 3 numbers",
        ),
        (["runs", 0, "rows"], 11, r"\['weights'\] must hold 4 × 5 × 2 × 11 × 2 numbers, got 960"),
        (["runs", 0, "weights"], None, r"must be a mapping with the key 'weights'"),
        (["runs", 1, "weights"], "AAAA", r"\['weights'\] must be there for 3 experts"),
        (["shown"], 9, r"\['runs'\]\[0\]\['seeds'\] must be at least shown=9, got 8"),
        (["threshold"], 1.5, r"recorded\['threshold'\] must"),
        (["tasks", 0, "color"], "red", r"\['tasks'\]\[0\]\['color'\] must be one of 'click'"),
        (["steps"], [], r"recorded\['steps'\] must"),
    ],
)
def test_bad_recordings_are_refused(path, bad, message):
    with pytest.raises(ValueError, match=message):
        GatesExplorer(spoilt(gates_recording(), path, bad))


def test_weights_above_their_sum_are_refused():
    bad = gates_recording()
    full = np.full(4 * 5 * 2 * 12 * 2, 200, dtype=np.uint8)
    bad["runs"][0]["weights"] = base64.b64encode(full.tobytes()).decode()
    with pytest.raises(ValueError, match=r"\['weights'\] must sum to at most 255 per row, got 400"):
        GatesExplorer(bad)


def test_explorers_do_not_wait_for_torch():
    code = "import sys, ranking_course.explorers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- training


@pytest.mark.parametrize("experts", [3, 8])
def test_training_shows_the_chosen_run(experts):
    explorer = GatesExplorer(gates_recording(), data=gates_examples(), cure="exact", experts=experts)
    assert explorer.trainable
    heard = []
    explorer.observe(lambda change: heard.append(change.new), "training")
    explorer._hear(explorer, {"train": True}, [])
    assert heard[0] == 0.0
    assert heard[-1] is None
    assert heard[1:-1] == sorted(heard[1:-1])
    assert 10 <= len(heard) <= 25
    live = explorer.live
    assert (live["cure"], live["experts"], live["seeds"], live["live"]) == ("exact", experts, 4, True)
    assert live["steps"] == explorer.recorded["steps"]
    assert live["rows"] == 60
    assert explorer.status.startswith("4 seeds trained at learning rate 0.05")
    assert len(live["polarized"]) == 5


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


def test_a_slower_learning_rate_is_a_fifth():
    whole = gates_recording()
    for run in whole["runs"]:
        run["cure"] = {"none": "none", "exact": "slow", "entropy": "entropy"}[run["cure"]]
    explorer = GatesExplorer(whole, data=gates_examples(), cure="slow")
    explorer.train(learning_rate=0.1)
    slow = explorer.live
    assert explorer.learning_rate == 0.1
    assert "learning rate 0.02" in explorer.status
    explorer.cure = "none"
    explorer.train(learning_rate=0.02)
    assert explorer.live["utilisation"] == slow["utilisation"]


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
    assert len(explorer._repr_mimebundle_()[0][MIME_TYPE]["state"]["recorded"]["runs"]) == 2 * len(CURES)
    assert {(run["cure"], run["experts"]) for run in recorded["runs"]} == {
        (cure, experts) for cure in CURES for experts in (3, 8)
    }
    assert all(run["seeds"] >= 40 for run in recorded["runs"])
    assert len(json.dumps(explorer.state())) < LIMIT_BYTES


def test_counts_say_of_the_shown_seeds_what_their_gates_say(recorded):
    for run in recorded["runs"]:
        used, weights = unpacked_run(recorded, run["cure"], run["experts"])
        np.testing.assert_allclose(used.sum(axis=-1), 1.0, atol=8 / FINE)
        shown = polarized(used).any(axis=-1).sum(axis=0)  # (steps,)
        assert (shown <= np.array(run["polarized"])).all()
        assert (np.array(run["polarized"]) - shown <= run["seeds"] - recorded["shown"]).all()
        assert (weights is None) == (run["experts"] == 8)


def test_the_end_is_that_of_the_experiment_on_cures(recorded):
    """Same log, seeds and settings in another script: readers find the same numbers. Re-make both or none."""
    names = {
        "none": "nothing",
        "exact": "mask 10%, renormalise",
        "constant": "mask 10%, renormalise with a constant",
        "plain": "mask 10%, plain dropout",
        "entropy": "entropy bonus .01",
        "balance": "load balancing .01",
        "slow": "learning rate .01",
    }
    others = {(run["cure"], run["experts"], run["log"]): run for run in load_results("mmoe/cures")["runs"]}
    for run in recorded["runs"]:
        other = others[names[run["cure"]], run["experts"], 0]
        assert run["polarized"][-1] == polarized(other["utilisation"]).any(axis=-1).sum()


def test_a_part_of_the_record_comes_out_again(recorded):
    import torch

    from ranking.mmoe.examples import gate_examples
    from ranking_course.explorers.gates_run import train_gates

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the script does
    try:
        data = gate_examples(seed=0)
        steps = [step for step in recorded["steps"] if step <= 60]
        again = {cure: train_gates(*data, cure, seeds=range(3), steps=steps) for cure in ("none", "exact")}
    finally:
        torch.set_num_threads(threads)
    for cure, run in again.items():
        used, weights = unpacked_run(recorded, cure, 3)
        found = run.trajectory.utilisation.swapaxes(0, 1)  # (seeds, steps, tasks, experts)
        # sums run in another order on another processor; by step 60 inputs off by 1e-6 make less than 1e-4
        np.testing.assert_allclose(found, used[:3, : len(steps)], atol=0.005)
        rows = run.trajectory.gates.transpose(1, 0, 3, 2, 4)  # (seeds, steps, tasks, rows, experts)
        np.testing.assert_allclose(rows, weights[:3, : len(steps)], atol=0.02)


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
    found = page.evaluate(CALL, ["gates", "deadExperts", [[u.tolist(), 0.01] for u in used]])
    assert found == [np.flatnonzero(dead).tolist() for dead in dead_experts(used)]
    counts = [[k, n] for n in (1, 7, 40) for k in range(n + 1)]
    found = page.evaluate(CALL, ["gates", "wilson", counts])
    low, high = wilson_interval(*np.array(counts).T)
    np.testing.assert_allclose(found, np.stack([low, high], axis=1), rtol=1e-12, atol=1e-15)


@pytest.mark.browser
def test_what_is_packed_is_unpacked_as_in_python(show, recorded):
    page = show(GatesExplorer(recorded))
    for cure, experts in (("none", 3), ("entropy", 3), ("balance", 8)):
        (run,) = [r for r in recorded["runs"] if (r["cure"], r["experts"]) == (cure, experts)]
        used, weights = unpacked_run(recorded, cure, experts)
        (found,) = page.evaluate(CALL, ["gates", "unpackUtilisation", [[run["utilisation"], experts]]])
        np.testing.assert_array_equal(found, used.reshape(-1, experts))
        if weights is not None:
            (found,) = page.evaluate(CALL, ["gates", "unpackWeights", [[run["weights"], experts]]])
            np.testing.assert_array_equal(found, weights.reshape(-1, experts))


@pytest.mark.browser
def test_corners_and_the_middle_of_the_triangle(show):
    page = show(GatesExplorer(gates_recording()))
    shares = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]
    (found,) = page.evaluate(CALL, ["gates", "inTriangle", [[shares]]])
    height = np.sqrt(3) / 2
    np.testing.assert_allclose(found["x"], [0, 1, 0.5, 0.5], rtol=1e-12)
    np.testing.assert_allclose(found["y"], [0, 0, height, height / 3], rtol=1e-12)


# ---- what is seen


def check_three(page, recorded, cure, seed, step):
    """Tables, drawing and sentence are those of the recording."""
    used, weights = unpacked_run(recorded, cure, 3)
    at = recorded["steps"].index(step)
    (run,) = [r for r in recorded["runs"] if (r["cure"], r["experts"]) == (cure, 3)]
    for task, name in enumerate(("click", "like")):
        table = columns(page, task)
        assert list(table) == ["mean", *[str(i + 1) for i in range(run["rows"])]]
        cells = np.array([[share(cell) for cell in row] for row in table.values()])
        np.testing.assert_allclose(cells[0], used[seed, at, task], atol=0.0051)
        np.testing.assert_allclose(cells[1:], weights[seed, at, task], atol=0.0051)
        drawn = page.locator(".rx-picture").nth(task).locator(".rx-overlaid")
        assert drawn.count() == run["rows"]
        bars = columns(page, 2)[name]
        np.testing.assert_allclose([share(cell) for cell in bars[:3]], used[seed, at, task], atol=0.0051)
        effective = effective_experts(used[seed, at])[task]
        assert float(bars[3]) == pytest.approx(effective, abs=0.0051)
        if used[seed, at, task].max() > 0.95:
            assert re.search(
                rf"the gate of {name} is polarized, with \d+(\.\d)?% of its weight on expert \d",
                sentence(page),
            )
        else:
            assert f"the gate of {name} spreads its weight over {effective:.2f} of 3 experts" in sentence(
                page
            )
    count, seeds = run["polarized"][at], run["seeds"]
    assert f"{count} of {seeds} seeds are polarized, " in sentence(page)
    shown = columns(page, 3)
    low, high = wilson_interval(count, seeds)
    label = GatesExplorer.default_labels[cure]
    assert shown[label][:2] == [str(count), str(seeds)]
    ends = [share(end) for end in shown[label][3].split(" – ")]
    np.testing.assert_allclose(ends, [low, high], atol=0.0051)


@pytest.mark.browser
def test_every_control_by_keyboard(show):
    recording = gates_recording()
    page = show(GatesExplorer(recording))
    assert page.locator(".rx-picture").count() == 4
    check_three(page, recording, "none", 0, 200)
    before = pictures(page)
    press(slider(page, STEP), "ArrowLeft")
    assert value(slider(page, STEP)) == "60"
    assert all(a != b for a, b in zip(before, pictures(page), strict=True))
    check_three(page, recording, "none", 0, 60)
    press(slider(page, STEP), "Home", "ArrowRight")
    check_three(page, recording, "none", 0, 5)
    press(slider(page, SEED), "End")
    assert value(slider(page, SEED)) == "3"
    check_three(page, recording, "none", 3, 5)
    press(slider(page, STEP), "End")
    page.get_by_role("radio", name="none", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(MODEL, "cure") == "exact"
    assert "with masks, renormalised exactly" in sentence(page)
    check_three(page, recording, "exact", 3, 200)
    page.get_by_role("radio", name="3", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(MODEL, "experts") == 8
    assert "of 8 experts" in sentence(page) or "polarized" in sentence(page)
    page.get_by_role("button", name="Reset").click()
    assert [value(slider(page, STEP)), value(slider(page, SEED))] == ["200", "0"]
    check_three(page, recording, "none", 0, 200)


@pytest.mark.browser
def test_more_experts_are_a_heat_map_up_to_the_step(show):
    recording = gates_recording()
    page = show(GatesExplorer(recording, experts=8, seed=1))
    used, _ = unpacked_run(recording, "none", 8)
    for key, at in (("End", 4), ("ArrowLeft", 3), ("Home", 0)):
        press(slider(page, STEP), key)
        for task in (0, 1):
            table = rows(page, task)
            steps = [f"step {step}" for step in recording["steps"][: at + 1]]
            assert table[0] == ["expert", *steps]
            cells = np.array([[share(cell) for cell in row[1:]] for row in table[1:]])  # (experts, steps)
            np.testing.assert_allclose(cells, used[1, : at + 1, task].T, atol=0.0051)
            drawn = page.locator(".rx-picture").nth(task).locator(".rx-cell")
            full = drawn.evaluate_all("(all) => all.map((cell) => Number(cell.getAttribute('fill-opacity')))")
            np.testing.assert_allclose(full, used[1, : at + 1, task].T.ravel(), atol=0.00051)
    bars = columns(page, 2)["like"]
    np.testing.assert_allclose([share(cell) for cell in bars[:8]], used[1, 0, 1], atol=0.0051)


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
    shares = page.locator(".rx-picture").nth(3)
    shares.press("Home")
    assert page.locator(".rx-tip").nth(3).inner_text().startswith("none: ")
    assert "95% interval: " in page.locator(".rx-tip").nth(3).inner_text()


@pytest.mark.browser
def test_dead_experts_are_named(show):
    recording = gates_recording()
    used = np.full((4, 5, 2, 3), [0.001, 0.009, 0.99])
    used[..., 1, :] = [0.001, 0.109, 0.89]
    recording["runs"][0]["utilisation"] = pack_utilisation(used)
    page = show(GatesExplorer(recording))
    assert "Dead, below 1% in every gate: 1." in page.locator(".rx-note").nth(2).inner_text()
    assert "the gate of click is polarized, with 99% of its weight on expert 3" in sentence(page)


# ---- playing

PLAYED = """() => new Promise((done) => {
    const model = document.querySelector('.ranking-explorer').rankingModel;
    const [seen, said] = [[], []];
    const live = () => document.querySelector('.rx-sentence').getAttribute('aria-live');
    model.on('change:step', () => { seen.push(model.get('step')); said.push(live()); });
    const button = document.querySelector('.rx-play');
    button.click();
    new MutationObserver((_, watch) => {
        if (button.textContent !== 'Play') return;
        watch.disconnect();
        setTimeout(() => done([seen, said, live()]), 700);
    }).observe(button, { childList: true });
})"""


@pytest.mark.browser
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_play_walks_from_the_start_to_the_end_and_stops(show, motion):
    page = show(GatesExplorer(gates_recording()), reduced_motion=motion)
    seen, said, after = page.evaluate(PLAYED)
    assert seen == [0, 5, 20, 60, 200]
    # while it plays nothing is read out; the end is
    assert said == ["off", "off", "off", "off", "polite"]
    assert after == "polite"
    assert value(slider(page, STEP)) == "200"
    assert page.get_by_role("button", name="Play").count() == 1


@pytest.mark.browser
def test_play_goes_on_from_where_it_stands(show):
    page = show(GatesExplorer(gates_recording(), step=20))
    seen, _, _ = page.evaluate(PLAYED)
    assert seen == [60, 200]


@pytest.mark.browser
@pytest.mark.parametrize("how", ["key", "button", "space", "pointer", "radio"])
def test_play_is_paused_by_any_key_or_press(show, how):
    page = show(GatesExplorer(gates_recording(), step=0))
    play = page.locator(".rx-play")
    play.focus()
    page.keyboard.press("Enter")
    assert play.inner_text() == "Pause"
    assert page.evaluate(MODEL, "step") == 5
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
    stands = page.evaluate(MODEL, "step")
    page.wait_for_timeout(900)
    assert page.evaluate(MODEL, "step") == stands < 200


@pytest.mark.browser
def test_under_reduced_motion_every_step_is_drawn_at_once(show):
    """Two frames after a step the picture is what it stays until the next."""
    page = show(GatesExplorer(gates_recording(), step=0))
    moved = page.evaluate("""() => new Promise((done) => {
        const model = document.querySelector('.ranking-explorer').rankingModel;
        const look = () => document.querySelector('.rx-picture').innerHTML;
        document.querySelector('.rx-play').click();
        const first = look();
        setTimeout(() => done(look() !== first), 250);
    })""")
    assert not moved


# ---- training in JupyterLab, played with a model of its own

HOST = """() => {
    const place = document.querySelector('.ranking-explorer');
    const state = JSON.parse(place.querySelector('script').textContent);
    Object.assign(state, { trainable: true, learning_rate: 0.05, learning_rates: [0.01, 0.05, 0.1],
        training: null, status: '', live: null });
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
def test_learning_rates_are_said_as_recorded(show, recorded):
    rates = {run["cure"]: run["learning_rate"] for run in recorded["runs"]}
    usual, slow = recorded["learning_rate"], rates.pop("slow")
    assert set(rates.values()) == {usual}
    page = show(GatesExplorer(recorded))
    assert sentence(page).startswith(
        f"At a learning rate of {usual}, after 300 steps without a cure, seed 0: "
    )
    note = page.locator(".rx-note").last.inner_text()
    assert note.endswith(f"Learning rate {usual}, where no other is named.")
    page.get_by_role("radio", name=f"lower learning rate ({slow} instead of {usual})", exact=True).check()
    assert sentence(page).startswith(f"At a learning rate of {slow} instead of {usual}, after 300 steps")
    assert f"lower learning rate ({slow} instead of {usual})" in columns(page, 3)
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
    press(slider(page, "learning rate"), "End")
    assert page.evaluate("lab.get('learning_rate')") == 0.1
    train.click()
    assert page.evaluate("sent") == {"train": True}
    page.evaluate("lab.set('training', 0.4)")
    assert train.is_disabled()
    assert bar.evaluate("(bar) => bar.value") == 0.4
    page.evaluate("(live) => { lab.set('live', live); lab.set('training', null); }", trained.live)
    page.evaluate("(text) => lab.set('status', text)", trained.status)
    assert train.is_enabled()
    assert bar.is_hidden()
    assert page.get_by_text("4 seeds trained at learning rate 0.05").count() == 1
    assert sentence(page).startswith(
        "Trained here at a learning rate of 0.05, after 200 steps without a cure, seed 0: "
    )
    used, _ = unpacked_run({**trained.recorded, "runs": [trained.live]}, "none", 3)
    np.testing.assert_allclose(
        [share(cell) for cell in columns(page, 0)["mean"]], used[0, -1, 0], atol=0.0051
    )
    assert f"{trained.live['polarized'][-1]} of 4 seeds" in sentence(page)
    assert "none (trained here at 0.05): " in page.locator(".rx-heading").first.text_content()
    page.get_by_role("radio", name="entropy bonus").check()  # is shown as it was recorded
    assert sentence(page).startswith("At a learning rate of 0.05, after 200 steps with an entropy bonus")
    page.get_by_role("radio", name="none", exact=True).check()
    page.get_by_role("button", name="Reset").click()
    # this host's start is the page's, where nothing was trained
    assert sentence(page).startswith("At a learning rate of 0.05, after 200 steps without a cure")
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
