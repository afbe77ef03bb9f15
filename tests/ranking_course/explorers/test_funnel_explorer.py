"""The funnel explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
import traitlets
from looking import (
    CALL,
    MODEL,
    assert_laid_out,
    columns,
    open_groups,
    pictures,
    press,
    rows,
    sentence,
    slider,
    value,
)
from recordings import funnel_recording
from spoiling import spoilt

from bookwork.explorer.base import MIME_TYPE
from bookwork.results import load_results
from ranking_course.explorers import FunnelExplorer
from ranking_course.explorers.funnel import (
    CHANNELS,
    COSTS,
    FIXED,
    QUOTAS,
    STAGES,
    checked_recording,
    stage_costs,
)

NAMES = ("Retrieval", "Pre-ranking", "Ranking", "Re-ranking")

# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = FunnelExplorer()
    seen = []
    explorer.observe(lambda change: seen.append(change.name), ["quotas", "kept", "shown", "costs"])
    explorer.quotas = {**QUOTAS, "popular": np.int64(7)}
    explorer.kept = 120
    explorer.shown = 12
    explorer.costs = {**COSTS, "ranking": 80}
    assert seen == ["quotas", "kept", "shown", "costs"]
    assert explorer.quotas["popular"] == 7
    assert explorer.start["quotas"] == QUOTAS
    assert "1,000,000 items the channels are asked for 1,807, 120 are ranked and 12 are shown" in explorer.alt


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("kept", 0, "kept must be a whole number from 1 to 10000, got 0"),
        ("kept", 2.5, "kept must be a whole number"),
        ("kept", True, "kept must be a whole number"),
        ("shown", float("nan"), "shown must be a whole number"),
        (
            "quotas",
            {"popular": 5},
            "quotas must map exactly the names embedding, popular, fresh, followed, topic",
        ),
        ("quotas", {**QUOTAS, "fresh": -1}, r"quotas\['fresh'\] must be a whole number from 0"),
        ("quotas", {**QUOTAS, "viral": 1}, "quotas must map exactly"),
        ("costs", {**COSTS, "ranking": float("nan")}, r"costs\['ranking'\] must be a number from 0.0"),
        ("costs", {**COSTS, "retrieval": "1"}, r"costs\['retrieval'\] must be a number"),
        ("fixed", {"ranking": 1}, "fixed must map exactly the names retrieval, pre_ranking"),
        ("bulk", 0, "bulk must be a number from 0.001"),
    ],
)
def test_bad_settings_are_refused(name, bad, message):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=message):
        FunnelExplorer(**setting)
    explorer = FunnelExplorer()
    before = getattr(explorer, name)
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(explorer, name, bad)
    assert getattr(explorer, name) == before


def test_a_recording_says_where_to_start():
    explorer = FunnelExplorer(funnel_recording(), kept=100)
    assert explorer.catalogue == 1_000_000
    assert explorer.quotas == {"embedding": 500, "popular": 100, "fresh": 100, "followed": 100, "topic": 100}
    assert (explorer.kept, explorer.shown) == (100, 30)
    assert explorer.costs["ranking"] == 37.0
    assert (explorer.fixed, explorer.bulk) == (FIXED, 1.0)  # neither was recorded
    data, _ = explorer._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {
        "labels", "start", "recorded", "quotas", "kept", "shown", "costs", "catalogue", "fixed", "bulk",
    }  # fmt: skip
    assert set(state["recorded"]) == {"catalogue", "requests", "best", "grid", "runs"}
    assert "note" not in state["recorded"]["runs"][0]
    assert data["text/plain"] == explorer.alt
    with pytest.raises(ValueError, match="catalogue must be the recorded 1,000,000, got 10"):
        FunnelExplorer(funnel_recording(), catalogue=10)


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        (["grid"], None, r"recorded must be a mapping with the key 'grid'"),
        (["grid", "fresh"], None, r"recorded\['grid'\] must be a mapping with the key 'fresh'"),
        (["grid", "fresh"], [0, 200, 100], r"recorded\['grid'\]\['fresh'\] must hold .* in ascending order"),
        (["grid", "kept"], [0, 10], r"recorded\['grid'\]\['kept'\]\[0\] must be at least 1"),
        (["runs"], [], r"recorded\['runs'\] must be a list of at least one entry"),
        (["runs", 0, "candidates"], [1.0], r"\['runs'\]\[0\]\['candidates'\] must hold 324 numbers"),
        (["runs", 0, "retrieval", 3], 1.5, r"\['retrieval'\] must be in \[0, 1\], got 1.5 at index 3"),
        (["runs", 1, "pre_ranking"], [0.0] * 9, r"\['pre_ranking'\] must hold 972 numbers, got 9"),
        (["runs", 2, "re_ranking", 1943], 1.0, r"must not exceed the share that survived the stage before"),
        (["runs", 2, "seed"], None, r"\['runs'\]\[2\] must be a mapping with the key 'seed'"),
        (["best"], 0, r"recorded\['best'\] must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_recordings_are_refused(path, bad, message):
    with pytest.raises(ValueError, match=message):
        FunnelExplorer(spoilt(funnel_recording(), path, bad))


def test_costs_of_a_case_worked_out_by_hand():
    """1000 items at 0.5 µs, 60 candidates at 10 µs, 20 ranked at 100 µs, 20 · 5 pairs at 1 µs."""
    prices = {"retrieval": 0.5, "pre_ranking": 10, "ranking": 100, "re_ranking": 1}
    assert stage_costs(60, 20, 5, prices, 1000) == {
        "retrieval": 0.5, "pre_ranking": 0.6, "ranking": 2.0, "re_ranking": 0.1,
    }  # fmt: skip
    # fewer candidates than may be kept, fewer kept than may be shown
    assert stage_costs(3, 20, 5, prices, 1000)["ranking"] == 0.3
    assert stage_costs(3, 20, 5, prices, 1000)["re_ranking"] == 0.009
    # a call of each stage beside it; without candidates there is nothing to call the later ones for
    calls = {"retrieval": 4, "pre_ranking": 3, "ranking": 2, "re_ranking": 1}
    assert stage_costs(60, 20, 5, prices, 1000, calls) == {
        "retrieval": 4.5, "pre_ranking": 3.6, "ranking": 4.0, "re_ranking": 1.1,
    }  # fmt: skip
    assert stage_costs(0, 20, 5, prices, 1000, calls) == {
        "retrieval": 4.5, "pre_ranking": 0, "ranking": 0, "re_ranking": 0,
    }  # fmt: skip


# ---- in a browser


@pytest.mark.browser
def test_formulas_agree_with_python(show):
    page = show(FunnelExplorer())
    rng = np.random.default_rng(1)
    calls, expected = [], []
    for _ in range(200):
        prices = {stage: float(10 ** rng.uniform(-4, 3)) for stage in STAGES}
        fixed = {stage: float(rng.uniform(0, 10)) for stage in STAGES}
        candidates, kept, shown = (int(10 ** rng.uniform(-0.5, 4)) for _ in range(3))
        calls.append([candidates, kept, shown, prices, 1_000_000, fixed])
        expected.append(stage_costs(*calls[-1]))
    found = page.evaluate(CALL, ["funnel", "stageCosts", calls])
    for a, b in zip(found, expected, strict=True):
        assert all(math.isclose(a[stage], b[stage], rel_tol=1e-12) for stage in STAGES)


@pytest.mark.browser
def test_recorded_settings_stand_in_the_order_of_numpy(show):
    recorded = checked_recording(funnel_recording())
    page = show(FunnelExplorer(funnel_recording()))
    grid = recorded["grid"]
    names = [*CHANNELS, "kept", "shown"]
    rng = np.random.default_rng(2)
    shape = [len(grid[name]) for name in names]
    for _ in range(30):
        index = [int(rng.integers(size)) for size in shape]
        setting = {name: grid[name][i] for name, i in zip(names, index, strict=True)}
        (found,) = page.evaluate(CALL, ["funnel", "recordedAt", [[recorded, setting]]])
        assert found["exact"] is True
        for stage, axes in (("retrieval", 5), ("pre_ranking", 6), ("re_ranking", 7)):
            expected = [np.reshape(run[stage], shape[:axes])[tuple(index[:axes])] for run in recorded["runs"]]
            assert found["shares"][stage] == expected
        assert found["shares"]["ranking"] == found["shares"]["pre_ranking"]  # it truncates nothing
    setting["kept"] = 310  # nearest: 300
    (found,) = page.evaluate(CALL, ["funnel", "recordedAt", [[recorded, setting]]])
    assert (found["exact"], found["near"]["kept"]) == (False, 300)


@pytest.mark.browser
def test_counts_and_costs_follow_the_sliders(show):
    page = show(FunnelExplorer())
    assert page.locator(".rx-picture").count() == 2
    assert sentence(page).startswith(
        "Of 1,000,000 items, 2,000 are retrieved, 300 ranked and 30 shown, in 29.9 ms: 1,672 times cheaper"
    )
    open_groups(page)
    # (slider, key, value, words of the sentence)
    steps = [
        ("embedding", "Home", "0", "1,000 are retrieved"),
        ("topic", "ArrowRight", "500", "1,100 are retrieved"),
        ("popular", "ArrowLeft", "100", "1,000 are retrieved"),
        ("kept by pre-ranking", "ArrowLeft", "200", "200 ranked"),
        ("shown after re-ranking", "ArrowRight", "40", "40 shown"),
        ("ranking per item ranked", "ArrowRight", "100", "in 32.8 ms"),
        ("retrieval per item of the catalogue", "Home", "0.0001", "in 22.9 ms"),
        ("fresh", "End", "5,000", "5,800 are retrieved"),
    ]
    for label, key, text, words in steps:
        before = pictures(page)
        control = slider(page, label)
        press(control, key)
        assert value(control) == text
        assert words in sentence(page)
        assert pictures(page) != before
    assert page.evaluate(MODEL, "quotas")["fresh"] == 5000
    times = {stage: float(cells[2]) for stage, cells in columns(page, 1).items()}
    expected = stage_costs(5800, 200, 40, page.evaluate(MODEL, "costs"), 1_000_000)
    for stage, name in zip(STAGES, NAMES, strict=True):
        assert math.isclose(times[name], expected[stage], rel_tol=0.01)
    page.get_by_role("button", name="Reset").click()
    assert value(slider(page, "embedding")) == "1,000"
    assert "2,000 are retrieved" in sentence(page)


def of_the_chapter():
    """What chapter 1 gives its explorer: survival from one record, costs from another."""
    return {**load_results("funnel/stages")["explorer"], **load_results("funnel/costs")["explorer"]}


@pytest.mark.browser
def test_a_channel_with_two_quotas_is_switched_on_and_off(show):
    recorded = of_the_chapter()
    grid = recorded["grid"]
    switched = [name for name in CHANNELS if len(grid[name]) == 2]
    assert switched
    page = show(FunnelExplorer(recorded))
    assert {box.is_checked() for box in page.get_by_role("checkbox").all()} == {True}
    assert page.get_by_role("checkbox").count() == len(switched)
    for name in switched:
        box = page.get_by_role("checkbox", name=f"{name}: {grid[name][1]:,}")
        box.press("Space")
        assert page.evaluate(MODEL, "quotas")[name] == 0
        box.press("Space")
        assert page.evaluate(MODEL, "quotas")[name] == grid[name][1]
    assert_laid_out(page)


@pytest.mark.browser
def test_costs_are_those_of_the_table_beside_it(show):
    """Chapter 1's table of costs has medians over the worlds; the explorer starts at what they measured."""
    costs = load_results("funnel/costs")
    runs = costs["runs"]
    took = [1e3 * np.median([run["seconds"][stage] for run in runs]) for stage in STAGES]
    everything = np.median([run["rank_everything_seconds"] for run in runs])
    page = show(FunnelExplorer(of_the_chapter()))
    heading, *stages = rows(page, 2)
    shown = [float(cells[heading.index("ms")]) for cells in stages]
    assert [f"{ms:.1f}" for ms in shown] == [f"{ms:.1f}" for ms in took]
    note = page.locator(".rx-note").nth(2).inner_text()
    # what is fixed is not made of items, in any world: every stage took longer than its items
    of_calls = sum(costs["explorer"]["fixed"].values())
    words = r"Together (.+) ms per request; hatched is the fixed cost of the calls, (.+) ms\. "
    words += r".+ would take (.+) s:"
    said = map(float, re.match(words, note).groups())
    assert list(said) == pytest.approx([sum(took), of_calls, everything], rel=0.02)
    for run in runs:
        left = run["candidates"]
        looks = [costs["items"], left["retrieval"], left["ranking"], left["ranking"] * left["re_ranking"]]
        for stage, items in zip(STAGES, looks, strict=True):
            assert run["costs"][stage] * items < 1e6 * run["seconds"][stage]


@pytest.mark.browser
@pytest.mark.parametrize("key", ["Home", "End"])
def test_costs_are_right_at_the_ends_of_every_slider(show, key):
    page = show(FunnelExplorer(of_the_chapter()))
    open_groups(page)
    for control in reversed(page.get_by_role("slider").all()):  # the channels last, with which all may end
        press(control, key)
        assert_costs_add_up(page)
        assert_laid_out(page)


def assert_costs_add_up(page):
    """The table's rows are what :func:`stage_costs` says; note and sentence name their sum."""
    setting = {name: page.evaluate(MODEL, name) for name in ("kept", "shown", "costs", "fixed", "catalogue")}
    cells = columns(page, 2)
    candidates = float(cells["Pre-ranking"][0].replace(",", ""))
    expected = stage_costs(candidates, **setting)
    for stage, name in zip(STAGES, NAMES, strict=True):
        shown = float(cells[name][3].replace(",", ""))
        assert math.isclose(shown, expected[stage], rel_tol=0.006, abs_tol=1e-9)
        if candidates:
            assert math.isclose(float(cells[name][2]), setting["fixed"][stage], rel_tol=0.006)
    total = page.locator(".rx-note").nth(2).inner_text().removeprefix("Together ").split(" per request")[0]
    number, unit = total.split(" ")
    scale = {"ms": 1, "s": 1e3, "min": 6e4}[unit]
    assert math.isclose(float(number) * scale, sum(expected.values()), rel_tol=0.06 if scale > 1 else 0.006)
    assert not candidates or f"{total}" in sentence(page)


@pytest.mark.browser
def test_a_funnel_without_fixed_costs_says_that_they_are_left_out(show):
    page = show(FunnelExplorer())
    note = page.locator(".rx-note").nth(1)
    assert note.inner_text() == (
        "Together 29.9 ms per request; the fixed cost of the calls is left out. "
        "Ranking the whole catalogue would take 50 s."
    )


@pytest.mark.browser
def test_what_survives_is_what_was_recorded(show):
    recorded = checked_recording(funnel_recording())
    page = show(FunnelExplorer(funnel_recording()))
    open_groups(page)
    grid = recorded["grid"]

    def share(stage, *index):
        shape = [len(grid[name]) for name in [*CHANNELS, "kept", "shown"]][: len(index)]
        return np.median([np.reshape(run[stage], shape)[index] for run in recorded["runs"]])

    def seen():
        return {name: cells[0] for name, cells in columns(page, 1).items()}

    def shown_as(number):
        return f"{number:.0%}" if number >= 0.0995 else f"{number:.1%}".replace(".0%", "%")

    assert seen()["Catalogue"] == "100%"
    assert seen()["Retrieval"] == shown_as(share("retrieval", 2, 1, 1, 1, 1))
    assert seen()["Pre-ranking"] == seen()["Ranking"] == shown_as(share("pre_ranking", 2, 1, 1, 1, 1, 1))
    press(slider(page, "embedding"), "End")
    press(slider(page, "kept by pre-ranking"), "Home")
    press(slider(page, "shown after re-ranking"), "Home")
    assert value(slider(page, "embedding")) == "1,000"
    assert seen()["Retrieval"] == shown_as(share("retrieval", 3, 1, 1, 1, 1))
    assert seen()["Ranking"] == shown_as(share("pre_ranking", 3, 1, 1, 1, 1, 0))
    assert seen()["Re-ranking"] == shown_as(share("re_ranking", 3, 1, 1, 1, 1, 0, 0))
    assert f"and {seen()['Re-ranking']} are shown" in sentence(page)
    note = page.locator(".rx-note")
    assert note.nth(0).inner_text().endswith("1,260 of 1,400 remain once merged.")
    assert note.nth(1).inner_text().startswith("Recorded: mean over 200 requests, median of 3 worlds.")


@pytest.mark.browser
def test_the_nearest_recorded_setting_is_named(show):
    page = show(FunnelExplorer(funnel_recording(), kept=350))
    note = page.locator(".rx-note").nth(1).inner_text()
    assert note.startswith("Recorded at the nearest setting, embedding 500, popular 100,")
    assert "kept by pre-ranking 300" in note


@pytest.mark.browser
@pytest.mark.parametrize("recorded", [True, False])
def test_nothing_asked_and_too_little_found_are_said(show, recorded):
    page = show(FunnelExplorer(funnel_recording() if recorded else None))
    press(slider(page, "kept by pre-ranking"), "End")
    for name in CHANNELS[:-1]:
        press(slider(page, name), "Home")
    press(slider(page, "topic"), "Home", "ArrowRight")
    assert "it has nothing to choose" in sentence(page)
    press(slider(page, "topic"), "Home")
    assert sentence(page) == "No channel is asked for anything: nothing can be shown."
    assert_laid_out(page)
    assert all("NaN" not in picture for picture in pictures(page))


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"embedding": "向量", "catalogue": "<b>物品</b>", "sentence": "{ranked}/{candidates}"}
    page = show(FunnelExplorer(labels=labels))
    assert slider(page, "向量").count() == 1
    assert page.locator(".rx-picture b").count() == 0
    assert sentence(page) == "300/2,000"
