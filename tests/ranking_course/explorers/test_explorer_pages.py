"""Explorers in a real browser, in a page without a kernel: formulas, keyboard, layout, accessibility."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from looking import frames, open_tables

from ranking.calibration import calibrate, downsampled, kept_share
from ranking_course.explorers import CalibrationExplorer, RecordedExplorer, Slider
from ranking_course.palette import TARGET_COLOURS

pytestmark = pytest.mark.browser

CALL = "([module, name, calls]) => calls.map(c => rankingExplorers.definitions[module].formulas[name](...c))"
MODEL = "(key) => document.querySelector('.ranking-explorer').rankingModel.get(key)"


def picture(page, number=0):
    """The drawing as text, to see whether it changed."""
    return page.locator(".rx-picture").nth(number).inner_html()


def value(page, number=0):
    return page.locator(".rx-value").nth(number).inner_text()


def sentence(page):
    return page.locator(".rx-sentence").inner_text()


def table(page, number=0):
    open_tables(page)
    return page.locator(".rx-scroll table").nth(number).text_content()


def waves(target, height):
    x = np.linspace(0, 1, 9)
    bars = {"name": "bars", "kind": "bars", "x": ["a", "b"], "y": [height, 2 * height], "color": target}
    if height == 2000:
        return {
            "x": {"label": "group", "scale": "band", "categories": ["a", "b"]},
            "y": {"label": "rows", "format": "integer"},
            "series": [{**bars, "fill": "hatched"}],
            "sentence": f"Bars of {height}.",
        }
    return {
        "x": {"label": "share kept", "format": "percent"},
        "y": {"label": "height"},
        "series": [
            {"name": "wave", "kind": "line", "x": x, "y": height * x**2, "color": target, "label": "wave"},
            {
                "name": "points",
                "kind": "points",
                "x": x,
                "y": height * x,
                "color": target,
                "marker": "diamond",
            },
        ],
        "sentence": f"A wave of {height} for {target}.",
    }


def recorded():
    grid = {"target": list(TARGET_COLOURS), "height": Slider([1, 5, 2000], label="Height", format="integer")}
    return RecordedExplorer(waves, grid, title="Waves")


# ---- formulas


@pytest.mark.parametrize(
    ("name", "function"), [("calibrate", calibrate), ("downsampled", downsampled), ("keptShare", kept_share)]
)
def test_formulas_agree_with_python(show, name, function):
    page = show(CalibrationExplorer())
    rng = np.random.default_rng(20)
    shares = np.concatenate([[0, 1, 1e-12, 1 - 1e-12], rng.random(996)])
    rates = np.concatenate([[1.0, 1.0, 1e-6, 1e-6], 10 ** rng.uniform(-6, 0, 996)])
    expected = [float(function(p, rate)) for p, rate in zip(shares, rates, strict=True)]
    calls = np.stack([shares, rates], axis=1).tolist()
    found = page.evaluate(CALL, ["calibration", name, calls])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_median_agrees_with_numpy(show):
    page = show(CalibrationExplorer())
    rng = np.random.default_rng(21)
    lists = [rng.normal(size=n).tolist() for n in range(1, 30)]
    found = page.evaluate(CALL, ["calibration", "median", [[values] for values in lists]])
    np.testing.assert_allclose(found, [np.median(values) for values in lists], rtol=1e-12)


def test_pooled_bins_are_weighted_by_rows(show):
    page = show(CalibrationExplorer())
    rng = np.random.default_rng(22)
    runs, expected = [], {"predicted": [], "observed": []}
    for _ in range(4):
        count = rng.integers(0, 50, 15) * (rng.random(15) < 0.7)
        count[7] = 0  # a bin that no run fills
        filled = {k: [None if n == 0 else float(rng.random()) for n in count] for k in expected}
        runs.append({**filled, "count": count.tolist()})
    counts = np.array([run["count"] for run in runs])
    for key, means in expected.items():
        sums = sum(np.array([v or 0.0 for v in run[key]]) * run["count"] for run in runs)
        means.extend(
            None if n == 0 else s / n for s, n in zip(sums, counts.sum(axis=0).tolist(), strict=True)
        )
    (found,) = page.evaluate(CALL, ["calibration", "pooledBins", [[runs]]])
    assert found["count"] == counts.sum(axis=0).tolist()
    assert found["predicted"][7] is None
    for key, means in expected.items():
        for a, b in zip(found[key], means, strict=True):
            assert (a is None) == (b is None)
            assert a is None or math.isclose(a, b, rel_tol=1e-12)


def test_nearest_rate_is_nearest_by_ratio(show):
    page = show(CalibrationExplorer())
    rates = [1.0, 0.5, 0.1, 0.02]
    alphas = (10 ** np.random.default_rng(23).uniform(-2, 0, 200)).tolist()
    found = page.evaluate(CALL, ["calibration", "nearestRate", [[rates, alpha] for alpha in alphas]])
    assert found == [min(rates, key=lambda rate: abs(math.log(rate / alpha))) for alpha in alphas]


def test_frames_stand_in_the_order_of_numpy(show):
    page = show(recorded())
    grid = page.evaluate(MODEL, "grid")
    settings = [{"target": t, "height": h} for t in grid[0]["values"] for h in grid[1]["values"]]
    found = page.evaluate(CALL, ["recorded", "frameIndex", [[grid, setting] for setting in settings]])
    assert found == list(range(len(settings)))


# ---- controls


@pytest.mark.parametrize("runtime_first", [False, True])
def test_scripts_load_in_any_order(show, runtime_first):
    page = show(CalibrationExplorer(), runtime_first=runtime_first)
    assert page.locator(".rx").count() == 1
    assert sentence(page).startswith("At α = 0.10 the model says 53% where 10% is true")


def test_a_script_that_comes_late_mounts_what_waits_for_it(show):
    page = show(CalibrationExplorer())
    page.evaluate("""() => {
        const place = document.querySelector('.ranking-explorer');
        const second = place.cloneNode(true);
        second.removeAttribute('data-mounted');
        second.querySelector('.rx').parentElement.remove();
        place.after(second);
        rankingExplorers.register('calibration', rankingExplorers.definitions.calibration);
    }""")
    page.locator(".rx").nth(1).wait_for()
    assert page.locator(".rx").count() == 2  # the first is not mounted again


def test_every_recorded_rate_is_a_stop(show, recording):
    page = show(CalibrationExplorer(recorded=recording))
    page.locator("input").first.focus()
    page.keyboard.press("Home")
    seen = [value(page)]
    for _ in range(30):
        page.keyboard.press("ArrowRight")
        seen.append(value(page))
    stops = {float(text) for text in seen}
    assert {0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0} <= stops


@pytest.mark.parametrize("with_recording", [True, False])
def test_sliders_by_keyboard_change_what_is_seen(show, recording, with_recording):
    page = show(CalibrationExplorer(recorded=recording if with_recording else None))
    assert page.locator(".rx-picture").count() == (3 if with_recording else 2)
    # (slider, keys, value, words of the sentence)
    steps = [
        (0, ["ArrowRight"], "0.12", "the model says 48% where 10% is true"),
        (0, ["ArrowLeft", "ArrowDown"], "0.08", "the model says 58% where 10% is true"),
        (0, ["Home"], "0.01", "the model says 92% where 10% is true"),
        (0, ["End"], "1.00", "every negative is kept"),
        (0, ["PageDown"], "0.60", "training sees 64% of the rows"),
        (1, ["ArrowUp"], "11%", "where 11% is true"),
        (1, ["End"], "50%", "where 50% is true"),
        (1, ["PageDown"], "45%", "where 45% is true"),
        (1, ["Home"], "1%", "the model says 1.7% where 1% is true"),
    ]
    for slider, keys, text, words in steps:
        before = picture(page), picture(page, -1), table(page)
        page.locator("input").nth(slider).focus()
        for key in keys:
            page.keyboard.press(key)
        assert value(page, slider) == text
        assert page.locator("input").nth(slider).get_attribute("aria-valuetext") == text
        assert words in sentence(page)
        assert all(
            a != b for a, b in zip(before, (picture(page), picture(page, -1), table(page)), strict=True)
        )
    assert page.evaluate(MODEL, "base_rate") == 0.01
    page.get_by_role("button", name="Reset").click()
    assert [value(page, 0), value(page, 1)] == ["0.10", "10%"]
    assert sentence(page).startswith("At α = 0.10 the model says 53% where 10% is true")


def test_recorded_trainings_follow_the_nearest_rate(show, recording):
    page = show(CalibrationExplorer(recorded=recording))
    title = page.locator(".rx-title").nth(1)
    note = page.locator(".rx-note")
    assert title.inner_text() == "Reliability, recorded at α = 0.10"
    assert "Median of 3 seeds: calibration error 0.361 → 0.001" in note.nth(1).inner_text()
    assert "0.39 s instead of 2 s, 5.2 times cheaper" in note.nth(2).inner_text()
    assert table(page, 1).count("calibrated, ") == 4  # the empty bin is left out
    page.locator("input").first.focus()
    page.keyboard.press("End")
    assert title.inner_text() == "Reliability, recorded at α = 1.00"
    assert "Recorded on all rows" in note.nth(2).inner_text()
    page.keyboard.press("Home")
    assert title.inner_text() == "Reliability, recorded at α = 0.03"


def test_slider_by_pointer(show):
    page = show(CalibrationExplorer())
    box = page.locator("input").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2, steps=5)
    assert value(page) == "1.00"  # readable while the pointer is down
    page.mouse.up()


def test_keys_stay_in_the_explorer(show):
    """JupyterLab listens for the same keys on the document."""
    page = show(CalibrationExplorer())
    page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    page.locator("input").first.focus()
    for key in ("ArrowRight", "Home", "PageUp", "Escape", "Tab", "Control+s"):
        page.keyboard.press(key)
    assert page.evaluate("heard") == ["Tab", "Control", "s"]


def test_settings_off_the_stops_are_shown_as_they_are(show):
    page = show(CalibrationExplorer(sampling_rate=0.137, base_rate=0.107))
    assert [value(page, 0), value(page, 1)] == ["0.137", "11%"]
    assert "At α = 0.137 the model says 47% where 11% is true" in sentence(page)


def test_recorded_explorer_replays_every_frame(show):
    page = show(recorded())
    seen = set()
    for target in TARGET_COLOURS:
        page.locator("input").nth(1).focus()
        page.keyboard.press("Home")
        for height in (1, 5, 2000):
            assert value(page, 0) == target
            assert str(height) in sentence(page).replace(",", "")
            assert page.evaluate(MODEL, "setting") == {"target": target, "height": height}
            seen.add(picture(page))
            page.keyboard.press("ArrowRight")
        page.locator("input").nth(0).focus()
        page.keyboard.press("ArrowRight")
    assert len(seen) == 3 * len(TARGET_COLOURS)
    page.get_by_role("button", name="Reset").click()
    assert sentence(page) == "A wave of 1 for click."


def test_few_bars_say_their_values_and_few_stops_their_names(show):
    def change(weight):
        names = ["clicks", "likes", "shares"]
        heights = [-weight / 1000, weight / 400, 0]
        return {
            "x": {"label": "what readers do", "scale": "band", "categories": names},
            "y": {"label": "change", "format": "percent"},
            "series": [{"name": "change", "kind": "bars", "x": names, "y": heights}],
            "sentence": f"At {weight}.",
        }

    weights = [0, 1, 2, 5, 10, 20, 50, 100, 200]
    page = show(RecordedExplorer(change, {"weight": weights}, title="Changes"), width=390)
    values, bars = page.locator(".rx-bars text"), page.locator(".rx-bars rect")
    assert values.all_text_contents() == ["0%", "0%", "0%"]
    sizes = "(all) => all.map((bar) => bar.getBoundingClientRect().height)"
    assert bars.evaluate_all(sizes) == [3, 3, 3]  # nothing is seen, too
    assert page.locator(".rx-scale span").all_inner_texts() == [str(weight) for weight in weights]
    page.locator("input").press("End")
    assert values.all_text_contents() == ["−20%", "50%", "0%"]
    lowest, highest = values.nth(0).bounding_box(), values.nth(1).bounding_box()
    box = page.locator("clipPath rect").evaluate("r => [r.y.baseVal.value, r.height.baseVal.value]")
    top = page.locator(".rx-picture").bounding_box()["y"] + box[0]
    assert top <= highest["y"]
    assert lowest["y"] + lowest["height"] <= top + box[1]

    def long(name):
        return {
            **change(1),
            "x": {"label": "x"},
            "series": [{"name": name, "kind": "bars", "x": list(range(20)), "y": [1] * 20}],
        }

    page = show(
        RecordedExplorer(long, {"name": [f"a name of some length {i}" for i in range(4)]}, title="Many")
    )
    assert page.locator(".rx-bars text").count() == 0
    assert page.locator(".rx-scale span").count() == 2


# ---- reading values


def test_values_read_out_by_keyboard_and_pointer(show, recording):
    page = show(CalibrationExplorer(recorded=recording))
    tip = page.locator(".rx-tip").first
    assert tip.is_hidden()
    page.get_by_role("button", name="Reset").focus()
    page.keyboard.press("Tab")
    assert tip.inner_text().split("\n") == ["true probability: 10%", "raw: 53%", "calibrated: 10%"]
    page.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith("true probability: 11%")
    page.keyboard.press("End")
    assert tip.inner_text().split("\n") == ["true probability: 100%", "raw: 100%", "calibrated: 100%"]
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    second = page.locator(".rx-picture").nth(1)
    second.scroll_into_view_if_needed()
    mark = second.locator(".rx-series[data-name=calibrated] .rx-mark").bounding_box()
    page.mouse.move(mark["x"] + 5, mark["y"] + mark["height"] - 5)
    assert re.match(r"calibrated\nprediction: \d+%?", page.locator(".rx-tip").nth(1).inner_text())
    page.mouse.move(0, 0)
    assert page.locator(".rx-tip").nth(1).is_hidden()


def test_the_table_reflects_the_figure(show):
    page = show(CalibrationExplorer(sampling_rate=0.2, base_rate=0.25))
    summary = page.locator("summary").first
    assert summary.text_content() == "Data table: What the model says"
    summary.click()
    rows = page.locator(".rx-scroll").first.get_by_role("row").all_inner_texts()
    cells = [row.split("\t") for row in rows]
    assert cells[0] == ["true probability", "raw", "calibrated"]
    assert ["25%", "63%", "25%"] in cells  # the base rate has its row
    assert page.locator("th[scope=row]").first.inner_text() == "0%"
    assert page.locator("caption").first.inner_text() == "Predictions at α = 0.20"
    page.locator("input").first.focus()
    page.keyboard.press("End")
    assert page.locator("caption").first.inner_text() == "Predictions at α = 1.00"


def test_pictures_have_text(show, recording):
    page = show(CalibrationExplorer(recorded=recording))
    for figure in page.get_by_role("img").all():
        assert len(figure.get_attribute("aria-label")) > 60
    assert "the raw prediction is 53%" in page.get_by_role("img").first.get_attribute("aria-label")


def test_texts_come_from_the_state(show):
    labels = {"sampling_rate": "采样率 α", "truth": "<b>真值</b>", "sentence": "α = {alpha}:{raw}"}
    page = show(CalibrationExplorer(labels=labels))
    assert page.get_by_label("采样率 α").count() == 1
    assert page.locator(".rx-picture b").count() == 0  # data is text, never markup
    assert "<b>真值</b>" in page.locator(".rx-label").all_text_contents()
    assert sentence(page) == "α = 0.10:53%"


# ---- layout


def test_direct_labels_keep_off_each_other(show, recording):
    page = show(CalibrationExplorer(recorded=recording), width=360)
    page.locator("input").first.focus()
    page.keyboard.press("Home")
    for _ in range(22):
        overlaps = page.evaluate("""() => [...document.querySelectorAll('.rx-labels')].flatMap((group) => {
            const boxes = [...group.children].map((text) => text.getBoundingClientRect());
            const meet = (a, b) => a.left < b.right && b.left < a.right
                && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
            const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).map((b) => [a, b]));
            return pairs.filter(([a, b]) => meet(a, b)).map(() => group.textContent);
        })""")
        assert overlaps == []
        page.keyboard.press("ArrowRight")


def test_pictures_follow_the_width(show):
    page = show(CalibrationExplorer())
    wide = page.locator(".rx-picture").first.bounding_box()["width"]
    page.set_viewport_size({"width": 400, "height": 900})
    page.wait_for_function(
        "(wide) => document.querySelector('.rx-picture').getBoundingClientRect().width !== wide", arg=wide
    )
    box = page.locator(".rx-picture").first.bounding_box()
    assert box["width"] != wide
    assert box["x"] + box["width"] <= 400


def test_a_picture_out_of_sight_is_drawn_when_it_is_shown(show):
    page = show(CalibrationExplorer(), width=1000)
    page.evaluate("""() => {
        document.querySelector(".ranking-explorer > div").replaceWith(document.createElement("div"));
        const place = document.querySelector(".ranking-explorer");
        const { calibration } = rankingExplorers.definitions;
        calibration.render({ model: place.rankingModel, el: place.lastElementChild });
        place.querySelectorAll(".rx-figure")[1].style.display = "none";
    }""")
    first, second = page.locator(".rx-picture").all()[:2]
    first.locator(".rx-axis").first.wait_for()  # seen, although another one has no size
    assert second.locator(".rx-axis").count() == 0
    assert page.locator(".rx-undrawn").count() == 0
    page.evaluate("document.querySelectorAll('.rx-figure')[1].style.display = ''")
    second.locator(".rx-axis").first.wait_for()


def test_labels_of_lines_draw_a_piece_of_them(show):
    page = show(CalibrationExplorer())
    for drawn in page.locator(".rx-picture").all():
        lines = drawn.locator(".rx-stroke:not(.rx-swatch *)").count()
        assert (drawn.locator(".rx-swatch .rx-stroke").count() > 0) == (lines > 0)
    dashes = page.locator(".rx-swatch .rx-stroke").evaluate_all(
        "(all) => all.map((sample) => sample.getAttribute('stroke-dasharray'))"
    )
    assert len({*dashes}) > 1


CONTRAST = """([text, ground]) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const luminance = (colour) => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => {
            const c = v / 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [a, b] = [luminance(text), luminance(ground)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_direct_labels_of_every_target_are_legible(show, theme):
    """axe does not look into SVG."""
    page = show(recorded())
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    checked = 0
    page.locator("input").first.focus()
    for _ in TARGET_COLOURS:
        texts = page.evaluate(
            "[...document.querySelectorAll('.rx-picture text')].map((text) => getComputedStyle(text).fill)"
        )
        for colour in set(texts):
            assert page.evaluate(CONTRAST, [colour, ground]) >= 4.5, (theme, colour)
            checked += 1
        page.keyboard.press("ArrowRight")
    assert checked >= 2 * len(TARGET_COLOURS)


# ---- motion

RAW = "() => document.querySelector('.rx-series[data-name=raw] path').getAttribute('d')"
RESET = "() => document.querySelector('.rx-reset').click()"
SLIDE = """() => {
    const input = document.querySelector('input');
    input.value = 0;
    input.dispatchEvent(new Event('input'));
}"""


def test_jumps_are_eased_and_what_a_hand_moves_is_not(show):
    page = show(CalibrationExplorer(), reduced_motion="no-preference")
    assert frames(page, SLIDE, RAW) == 1  # at once
    assert frames(page, RESET, RAW) > 2  # over 150 ms


def test_reduced_motion_is_respected(show):
    page = show(CalibrationExplorer(), reduced_motion="reduce")
    frames(page, SLIDE, RAW)
    assert frames(page, RESET, RAW) == 1
    durations = page.evaluate(
        "[...document.querySelectorAll('.rx *')].map((e) => getComputedStyle(e).transitionDuration)"
    )
    assert set(durations) == {"0s"}
