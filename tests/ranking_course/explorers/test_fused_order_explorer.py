"""The fused order explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets
from looking import (
    CALL,
    MODEL,
    assert_laid_out,
    columns,
    frames,
    picture,
    press,
    rows,
    sentence,
    slider,
    value,
)
from recordings import fused_items, fused_recording
from spoiling import spoilt

from bookwork.explorer.base import MIME_TYPE
from ranking.calibration import calibrate, downsampled
from ranking.fusion import click_times_rest, order
from ranking_course.explorers import FusedOrderExplorer
from ranking_course.explorers.fused_order import both_orders, checked_recording

ALPHA = "Sampling rate α share of unclicked rows kept"
PRICE = "Price w of a like in clicks"
KINDS = {
    "rise": {"dash": None, "width": "2.5"},
    "fall": {"dash": "6 4", "width": "2.5"},
    "stay": {"dash": "2 3", "width": "1.5"},
}


def scores_of(items, alpha, price):
    """Fused scores of calibrated and of raw click scores, and the worth by the truth, each (items,)."""
    of = {key: np.array([item[key] for item in items]) for key in items[0] if key != "name"}

    def fused(click, like):
        return click_times_rest({"click": click, "like": like}, {"like": price})

    return (
        fused(of["p_click"], of["p_like"]),
        fused(downsampled(of["p_click"], alpha), of["p_like"]),
        fused(of["true_click"], of["true_like"]),
    )


def lost_share(items, alpha, price):
    """Share of the worth of the first three that raw click scores lose."""
    score, raw_score, worth = scores_of(items, alpha, price)
    top = [worth[order(by)[:3]].sum() for by in (score, raw_score)]
    return 1 - top[1] / top[0]


def items_of(rows_of_items):
    """Items named A, B, C … of p_click, p_like, and the truth where it is another."""
    keys = ("p_click", "p_like", "true_click", "true_like")
    return [
        {"name": chr(65 + i), **dict(zip(keys, (*row, *row)[:4], strict=True))}
        for i, row in enumerate(rows_of_items)
    ]


def of_items(rows_of_items, *settings):
    """The explorer of one request of such items."""
    return FusedOrderExplorer({"requests": [{"items": items_of(rows_of_items)}]}, *settings)


def labels_of(page):
    """Names at the left and at the right, from the first place on."""
    texts = page.locator(".rx-labels .rx-label").evaluate_all(
        "(all) => all.map((text) => [text.getAttribute('text-anchor'), text.textContent])"
    )
    return tuple([text for anchor, text in texts if anchor == side] for side in ("end", "start"))


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = FusedOrderExplorer(fused_recording())
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), list(FusedOrderExplorer.settings))
    explorer.sampling_rate = np.float32(0.25)
    explorer.price = 10
    explorer.request = 2
    assert seen == [("sampling_rate", 0.25), ("price", 10.0), ("request", 2)]
    assert explorer.start == {"sampling_rate": 1.0, "price": 5.0, "request": 0}
    assert repr(explorer) == "FusedOrderExplorer(sampling_rate=0.25, price=10.0, request=2)"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("sampling_rate", 0.0),
        ("sampling_rate", 1.1),
        ("sampling_rate", float("nan")),
        ("price", -1),
        ("price", 101),
        ("price", "5"),
        ("request", -1),
        ("request", 0.5),
        ("request", 3),
    ],
)
def test_bad_settings_are_refused(name, bad):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=name):
        FusedOrderExplorer(fused_recording(), **setting)
    explorer = FusedOrderExplorer(fused_recording())
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, bad)


def test_output_entry():
    recorded = fused_recording()
    data, _ = FusedOrderExplorer(recorded, 0.1, 10)._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {"labels", "start", "recorded", "sampling_rate", "price", "request"}
    assert set(state["recorded"]) == {"requests", "worlds"}
    first = state["recorded"]["requests"][0]["items"][0]
    assert first == {key: v for key, v in recorded["requests"][0]["items"][0].items() if key != "author"}
    score, raw_score, _ = scores_of(state["recorded"]["requests"][0]["items"], 0.1, 10)
    moved = (order(score) != order(raw_score)).sum()
    assert data[MIME_TYPE]["alt"] == (
        "Fused order explorer. 10 items are sorted by p_click · (1 + w · p_like), at w = 10 and α = 0.1: "
        f"{moved} of them stand at another place when the click score is left raw; sliders change both."
    )
    assert 0 < moved < 10


def test_worlds_may_be_left_out():
    explorer = FusedOrderExplorer(fused_recording(requests=1, worlds=0))
    assert set(explorer.recorded) == {"requests"}
    assert "at w = 5 and α = 1: 0 of them stand" in explorer.alt


ITEM = ["requests", 1, "items", 2]


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        (["requests"], [], r"recorded\['requests'\] must be a list of at least one entry"),
        (["requests"], [{"items": fused_items()}] * 13, r"\['requests'\] must hold from 1 to 12 entries"),
        (["requests", 1, "items"], fused_items(2), r"\[1\]\['items'\] must hold from 3 to 20 entries, got 2"),
        (["requests", 1, "items"], fused_items(21), r"\['items'\] must hold from 3 to 20 entries, got 21"),
        ([*ITEM, "name"], "", r"\['requests'\]\[1\]\['items'\]\[2\]\['name'\] must be a text"),
        (
            [*ITEM, "name"],
            fused_items()[0]["name"],
            r"\[1\]\['items'\]\[2\]\['name'\] must be another than those",
        ),
        ([*ITEM, "p_click"], 0.0, r"\[1\]\['items'\]\[2\]\['p_click'\] must be in \(0, 1\], got 0.0"),
        ([*ITEM, "p_like"], 1.2, r"\[2\]\['p_like'\] must be in \[0, 1\], got 1.2"),
        ([*ITEM, "true_click"], float("nan"), r"\[2\]\['true_click'\] must be finite"),
        ([*ITEM, "true_like"], None, r"\['items'\]\[2\] must be a mapping with the key 'true_like'"),
        (["worlds", "prices"], None, r"recorded\['worlds'\] must be a mapping with the key 'prices'"),
        (["worlds", "prices", 2], 1, r"\['prices'\] must hold at least two numbers in ascending order"),
        (["worlds", "prices", 6], 101, r"\['prices'\]\[6\] must be in \[0, 100\], got 101"),
        (["worlds", "sampling_rates", 6], 0.005, r"\['sampling_rates'\]\[6\] must be in \[0.01, 1\]"),
        (["worlds", "sampling_rates", 1], 1.0, r"\['sampling_rates'\] must hold numbers in falling order"),
        (["worlds", "sampling_rates"], [0.1, 1.0], r"must hold numbers in falling order, each once"),
        (["worlds", "lost"], [], r"recorded\['worlds'\]\['lost'\] must hold"),
        (["worlds", "lost", 2, 3], [0.1], r"\['lost'\] must hold any number of × any number of"),
        (["worlds", "lost", 2, 3, 4], 1.5, r"\['lost'\] must be at most 1, got 1.5 at index \(2, 3, 4\)"),
        (["worlds", "prices", 6], None, r"\['lost'\] must hold any number of × 7 × 6 numbers, got 6 × 7 × 7"),
    ],
)
def test_bad_recordings_are_refused(path, bad, message):
    with pytest.raises(ValueError, match=message):
        FusedOrderExplorer(spoilt(fused_recording(), path, bad))


def test_the_start_leaves_the_question_open():
    """Both lists are one; yet at the same price a sampling rate of one in ten changes the order."""
    explorer = FusedOrderExplorer(fused_recording())
    items = explorer.recorded["requests"][0]["items"]
    right, raw = both_orders(items, explorer.sampling_rate, explorer.price)
    assert right == raw
    right, raw = both_orders(items, 0.1, explorer.price)
    assert right != raw


def test_equal_scores_stay_equal_whatever_rounding_does():
    """At α = 1, and at a price of 0, both lists are one; ties keep the order of the items."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        rates = np.round(rng.uniform(0.01, 0.99, (20, 2)), 1).clip(0.1).tolist()
        items = items_of(rates)
        for alpha, price in ((1.0, 5.0), (0.01, 0.0), (0.3, 0.0)):
            right, raw = both_orders(items, alpha, price)
            assert right == raw
    alike = items_of([(0.2, 0.1), (0.4, 0.1), (0.2, 0.1)])
    assert both_orders(alike, 0.1, 5.0) == ([1, 0, 2], [1, 0, 2])


# ---- in a browser


@pytest.mark.browser
def test_formulas_agree_with_python(show):
    page = show(FusedOrderExplorer(fused_recording()))
    p = np.array([1e-6, 0.01, 0.1, 0.37, 0.9, 0.999, 1.0])
    for alpha in (1.0, 0.3, 0.01):
        said = page.evaluate(CALL, ["fused_order", "downsampled", [[float(v), alpha] for v in p]])
        np.testing.assert_allclose(said, downsampled(p, alpha), rtol=1e-12)
        np.testing.assert_allclose(calibrate(said, alpha), p, rtol=1e-12)
    rng = np.random.default_rng(5)
    requests = [rng.uniform(0.001, 0.999, (n, 4)) for n in rng.integers(3, 21, 30)]
    requests += [np.round(rng.uniform(0.05, 0.95, (20, 4)), 1) for _ in range(10)]  # with ties
    for rates in requests:
        items = items_of(rates.tolist())
        calls = [[items, alpha, price] for alpha in (1.0, 0.5, 0.1, 0.01) for price in (0, 1, 5, 50)]
        found = page.evaluate(CALL, ["fused_order", "sortedTwice", calls])
        changes = page.evaluate(CALL, ["fused_order", "changesOf", [[each] for each in found]])
        for (_, alpha, price), items_found, change in zip(calls, found, changes, strict=True):
            score, raw_score, worth = scores_of(items, alpha, price)
            for key, expected in (("score", score), ("rawScore", raw_score), ("worth", worth)):
                np.testing.assert_allclose([item[key] for item in items_found], expected, rtol=1e-12)
            right, raw = both_orders(items, alpha, price)
            places = [[item[side] for item in items_found] for side in ("left", "right")]
            np.testing.assert_array_equal(places, [1 + np.argsort(right), 1 + np.argsort(raw)])
            assert change["moved"] == sum(a != b for a, b in zip(*places, strict=True))
            assert change["others"] == (set(right[:3]) != set(raw[:3]))
            worths = worth[right[:3]].sum(), worth[raw[:3]].sum()
            np.testing.assert_allclose((change["calibrated"], change["raw"]), worths, rtol=1e-12)
            assert change["lost"] == pytest.approx(1 - worths[1] / worths[0], abs=1e-9)


@pytest.mark.browser
def test_both_lists_are_seen_and_told(show):
    recorded = checked_recording(fused_recording())
    page = show(FusedOrderExplorer(fused_recording()))

    def check(alpha, price, request=0):
        items = recorded["requests"][request]["items"]
        right, raw = both_orders(items, alpha, price)
        names = [[items[i]["name"] for i in each] for each in (right, raw)]
        assert labels_of(page) == tuple(names)
        score, raw_score, worth = scores_of(items, alpha, price)
        said = downsampled([item["p_click"] for item in items], alpha)
        table = columns(page)
        assert list(table) == names[0]
        for i, own in enumerate(right):
            cells = table[items[own]["name"]]
            assert cells[:2] == [str(i + 1), str(raw.index(own) + 1)]
            shares = [float(cell.rstrip("%")) / 100 for cell in cells[2:5]]
            expected = [items[own]["p_click"], said[own], items[own]["p_like"]]
            np.testing.assert_allclose(shares, expected, atol=0.0051)
            found = [float(cell) for cell in cells[5:]]
            np.testing.assert_allclose(found, [score[own], raw_score[own], worth[own]], rtol=0.006)
        numbers = page.locator(".rx-numbers tbody tr").evaluate_all(
            "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        top = [worth[each[:3]].sum() for each in (right, raw)]
        moved = sum(a != b for a, b in zip(right, raw, strict=True))
        assert numbers == [
            ["first place", names[0][0], names[1][0]],
            ["worth of 1 to 3", *(f"{value:.3f}" for value in top)],
            ["items moved", "–", f"{moved} of {len(items)}"],
        ]
        # every line has the look of its direction, from its place at the left to that at the right
        lines = page.locator(".rx-picture").first.locator(".rx-line").all()
        columns_at = (
            page.locator(".rx-grid")
            .first.locator("line")
            .evaluate_all(
                "(all) => all.map((line) => [line.x1, line.y1, line.y2].map((at) => at.baseVal.value))"
            )
        )
        (x_left, top_at, bottom), (x_right, *_) = columns_at
        step = (bottom - top_at) / (len(items) - 1)
        for i, drawn in enumerate(lines):
            assert drawn.get_attribute("data-name") == items[i]["name"]
            left, then = right.index(i), raw.index(i)
            look = KINDS["rise" if then < left else "fall" if then > left else "stay"]
            path = drawn.locator("path").first
            assert path.get_attribute("stroke-dasharray") == look["dash"]
            assert path.get_attribute("stroke-width") == look["width"]
            ends = [float(at) for at in path.get_attribute("d")[1:].replace("L", ",").split(",")]
            expected = [x_left, top_at + left * step, x_right, top_at + then * step]
            np.testing.assert_allclose(ends, expected, atol=0.011)
        return moved

    assert check(1.0, 5.0) == 0
    assert page.evaluate(MODEL, "sampling_rate") == 1
    press(slider(page, ALPHA), "Home", "PageUp", "PageUp", "PageUp", "PageUp", "PageUp", "ArrowRight")
    assert value(slider(page, ALPHA)) == "0.12"
    assert check(0.12, 5.0) > 0
    press(slider(page, PRICE), "End")
    assert value(slider(page, PRICE)) == "50"
    assert check(0.12, 50.0) > 0
    page.get_by_role("radio", name="2").check()
    assert page.evaluate(MODEL, "request") == 1
    check(0.12, 50.0, 1)
    press(slider(page, PRICE), "Home")
    assert check(0.12, 0.0, 1) == 0
    page.get_by_role("button", name="Reset").click()
    assert check(1.0, 5.0) == 0


@pytest.mark.browser
def test_raw_scores_stand_at_the_right(show):
    page = show(of_items([(0.1, 0.5), (0.2, 0.1), (0.05, 0.02)], 0.1, 0))
    texts = page.locator(".rx-labels text:not([class])").all_text_contents()
    assert texts == [
        "click 20%, like 10%",
        "click 10%, like 50%",
        "click 5%, like 2%",
        "click 71%, like 10%",
        "click 53%, like 50%",
        "click 34%, like 2%",
    ]
    narrow = show(of_items([(0.1, 0.5), (0.2, 0.1), (0.05, 0.02)], 0.1, 0), width=390)
    assert narrow.locator(".rx-labels text:not([class])").all_text_contents() == [
        "click, like",
        "20%, 10%",
        "10%, 50%",
        "5%, 2%",
        "click, like",
        "71%, 10%",
        "53%, 50%",
        "34%, 2%",
    ]


# p_click, p_like, then the truth: raw click scores hardly differ, so that B, C and D change places with A
STEEP = [(0.6, 0.01), (0.5, 0.1), (0.45, 0.2), (0.3, 0.4), (0.02, 0.01)]
TOLD = {
    "whole": ((STEEP, 1.0, 5), "At α = 1 no row is dropped"),
    "whole, at no price": ((STEEP, 1.0, 0), "At α = 1 no row is dropped"),
    "one": (
        (STEEP, 0.1, 0),
        "At w = 0 the click score alone sorts the list. Dropping rows at α = 0.10 lifts each of its logits "
        "by the same 2.30: no order changes.",
    ),
    "same": (
        ([(0.9, 0.3), (0.5, 0.2), (0.1, 0.01)], 0.5, 1),
        "At α = 0.50 the click score says 95% where 90% is right, for A. Still no item of this request "
        "changes its place: the gaps between the fused scores are too wide.",
    ),
    "kept": (
        ([(0.6, 0.01), (0.5, 0.1), (0.4, 0.2), (0.001, 0.0)], 0.05, 2),
        "2 of 4 items change places, though neither score alone changes its order. The first three are the "
        "same items, so those places lose nothing here.",
    ),
    "even": (
        ([(0.6, 0.0, 0.2, 0.1), (0.5, 0.1, 0.3, 0.1), (0.45, 0.2, 0.3, 0.1), (0.3, 0.4, 0.2, 0.1)], 0.01, 1),
        "4 of 4 items change places, though neither score alone changes its order. The first three are "
        "others, and by the truth they are worth the same.",
    ),
}


@pytest.mark.browser
@pytest.mark.parametrize("name", TOLD)
def test_what_a_setting_means_is_said(show, name):
    (rates, alpha, price), words = TOLD[name]
    assert sentence(show(of_items(rates, alpha, price))).startswith(words)


@pytest.mark.browser
def test_a_single_request_may_lose_or_gain(show):
    """The same predictions, with the truth of A and D as predicted, and the other way round."""
    loses = [(0.6, 0.0), (0.5, 0.1), (0.45, 0.2), (0.3, 0.4)]
    gains = [(0.6, 0.0, 0.1, 0.0), (0.5, 0.1), (0.45, 0.2), (0.3, 0.4, 0.9, 0.4)]
    for rates, words in ((loses, "and by the truth they are worth"), (gains, "and this time worth")):
        share = lost_share(items_of(rates), 0.01, 1)
        assert (share > 0) == (rates is loses)
        said = sentence(show(of_items(rates, 0.01, 1)))
        assert "The first three are others, " + words in said
        told = said.split("worth ")[1].split("%")[0]
        assert float(told) == pytest.approx(abs(100 * share), abs=0.51)


@pytest.mark.browser
def test_losses_over_worlds_are_those_recorded(show):
    recorded = fused_recording()
    worlds = recorded["worlds"]
    lost = np.array(worlds["lost"])  # (worlds, rates, prices)
    page = show(FusedOrderExplorer(recorded, 0.1, 5))
    shown = page.locator(".rx-figure").nth(1)

    def check(price):
        at = worlds["prices"].index(price)
        assert shown.locator(".rx-title").inner_text() == f"What it costs, at w = {price}"
        table = columns(page, 1)
        assert list(table) == [f"{rate:.2f}" for rate in worlds["sampling_rates"]]
        found = [[float(cell.replace("−", "-").rstrip("%")) for cell in row] for row in table.values()]
        own = 100 * lost[:, :, at]
        expected = np.stack([own.mean(axis=0), own.min(axis=0), own.max(axis=0)], axis=1)
        np.testing.assert_allclose(found, expected, atol=0.051)
        return expected

    expected = check(5)
    note = shown.locator(".rx-note")
    assert "one of 6 simulated worlds" in note.inner_text()
    assert note.locator("strong").nth(1).inner_text() == "0.10"
    told = [float(text.rstrip("%")) for text in note.locator("strong").all_inner_texts()[2:]]
    np.testing.assert_allclose(told, expected[3], atol=0.051)
    assert shown.locator("[data-name=now]").count() == 1
    assert shown.locator("[data-name^=world]").count() == 6
    axis = shown.locator(".rx-axis text").all_text_contents()
    press(slider(page, ALPHA), "ArrowRight")  # 0.12, between two recorded ones
    assert shown.locator("[data-name=now]").count() == 0
    assert note.locator("strong").nth(1).inner_text() == "0.10"
    press(slider(page, PRICE), "ArrowRight")
    check(10)
    assert shown.locator(".rx-axis text").all_text_contents() == axis
    press(slider(page, PRICE), "Home")
    check(0)
    assert note.inner_text().endswith("At α = 0.10 and w = 0 none of them loses anything.")


@pytest.mark.browser
def test_sliders_stop_where_worlds_were_recorded(show):
    recorded = fused_recording(worlds=2)
    recorded["worlds"] |= {
        "prices": [0, 3, 7],
        "sampling_rates": [1.0, 0.07],
        "lost": [[[0, 0, 0], [0, 0.1, 0.2]]],
    }
    page = show(FusedOrderExplorer(recorded, 0.08, 3))
    press(slider(page, ALPHA), "ArrowLeft")
    assert value(slider(page, ALPHA)) == "0.07"
    stops = []
    press(slider(page, PRICE), "Home")
    for _ in range(3):
        stops.append(value(slider(page, PRICE)))
        press(slider(page, PRICE), "ArrowRight")
    assert stops == ["0", "3", "7"]
    alone = show(FusedOrderExplorer(fused_recording(requests=1, worlds=0)))
    assert alone.locator(".rx-picture").count() == 1
    assert alone.get_by_role("radio").count() == 0
    press(slider(alone, PRICE), "Home")
    stops = []
    for _ in range(7):
        stops.append(value(slider(alone, PRICE)))
        press(slider(alone, PRICE), "ArrowRight")
    assert stops == ["0", "1", "2", "5", "10", "20", "50"]


@pytest.mark.browser
def test_places_by_arrow_keys(show):
    page = show(of_items(STEEP, 0.05, 2))
    right, raw = both_orders(items_of(STEEP), 0.05, 2)
    page.locator(".rx-reset").focus()
    page.keyboard.press("Tab")
    tip = page.locator(".rx-tip").first

    def check(i):
        lines = tip.inner_text().split("\n")
        assert lines[0] == "ABCDE"[i]
        assert lines[1] == f"place: {right.index(i) + 1} → {raw.index(i) + 1}"
        item = items_of(STEEP)[i]
        said = float(downsampled(item["p_click"], 0.05))
        assert [line.split(":")[0] for line in lines[2:]] == [
            "click",
            "like",
            "fused score",
            "worth by the truth",
        ]
        shares = [float(share.rstrip("%")) for share in lines[2].split(": ")[1].split(" → ")]
        assert shares == pytest.approx([100 * item["p_click"], 100 * said], abs=0.51)
        assert page.locator(".rx-cursor circle").count() == 2

    check(right[0])
    for key, i in (("ArrowDown", right[1]), ("ArrowRight", raw[1]), ("ArrowUp", raw[0]), ("End", raw[4])):
        page.keyboard.press(key)
        check(i)
    assert right != raw


@pytest.mark.browser
def test_long_names_are_cut_where_there_is_no_room(show):
    recorded = fused_recording(requests=1, worlds=0)
    long = "a name that is longer than any phone is wide"
    for i, item in enumerate(recorded["requests"][0]["items"]):
        item["name"] = f"{long}, {i}" if i < 3 else f"it {i}"
    for width in (360, 1280):
        page = show(FusedOrderExplorer(recorded, 0.1, 10), width=width)
        assert_laid_out(page)
        left, _ = labels_of(page)
        assert sum(name.startswith("a") for name in left) == 3
        assert any(name.endswith("…") for name in left)
        assert sum(name in {f"it {i}" for i in range(3, 10)} for name in left) == 7
        assert f"{long}, 1" in columns(page)


@pytest.mark.browser
def test_a_line_shows_the_first_three_places(show):
    page = show(of_items(STEEP))
    assert 'class="rx-rule"' in picture(page)
    assert "Above the line across" in page.locator(".rx-note").first.inner_text()
    three = show(of_items(STEEP[:3]))
    assert 'class="rx-rule"' not in picture(three)
    assert "Above the line" not in three.locator(".rx-note").first.inner_text()


@pytest.mark.browser
def test_items_move_to_their_places(show):
    """A jump is drawn in steps where the reader does not ask for stillness."""
    page = show(FusedOrderExplorer(fused_recording(), 0.02, 50), reduced_motion="no-preference")
    before = picture(page)
    second = "() => document.querySelectorAll('input[type=radio]')[1].click()"
    line = "() => document.querySelector('.rx-picture .rx-line path').getAttribute('d')"
    assert frames(page, second, line) > 2
    assert picture(page) != before


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"head_raw": "<b>原始</b>", "first": "第一", "sentence_whole": "α"}
    page = show(FusedOrderExplorer(fused_recording(), labels=labels))
    assert "<b>原始</b>" in page.locator(".rx-labels").first.locator("text").all_text_contents()
    assert page.locator(".rx-numbers tbody th").first.inner_text() == "第一"
    assert sentence(page) == "α"
    assert rows(page)[0][0] == "item"
