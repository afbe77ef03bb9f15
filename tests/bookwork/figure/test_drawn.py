"""What a page draws of figures: pictures, readout and tables, on a page that needs no build."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from bookwork.explorer import bundle
from bookwork.figure import data_html, figure_html, picture_of
from bookwork.palette import DEFAULT

pytestmark = pytest.mark.browser

TABLES = """([picture, more]) => rankingExplorers.definitions.drawn.formulas.tablesOf(picture, more)
    .map((table) => ({
        caption: table.caption?.textContent ?? "",
        rows: [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent)),
        heads: table.querySelectorAll("tbody th[scope=row]").length,
    }))"""


def stored(*traces, **layout):
    """The figure as a notebook stores it."""
    layout = {"meta": {"alt": "Seen."}, "title": {"text": "A title"}, **layout}
    return json.loads(go.Figure(traces, layout).to_json())


def page_of(*figures: dict[str, Any]) -> str:
    """A page with these figures, far apart."""
    gap = '<div style="height: 3000px"></div>'
    placed = gap.join(f"<figure>{figure_html(figure)}{data_html(figure)}</figure>" for figure in figures)
    scripts = bundle.page_script("bookwork", "drawn") + bundle.page_runtime()
    return (
        f'<!doctype html><html lang="en"><title>Figures</title><style>{bundle.stylesheet(DEFAULT)}'
        f".ranking-plot {{ min-height: var(--rf-height) }}</style>{placed}<script>{scripts}</script></html>"
    )


@pytest.fixture(scope="module")
def tab(chromium, tmp_path_factory) -> Any:
    """A tab that opens pages of figures."""
    page = chromium.new_page(viewport={"width": 800, "height": 900})
    path: Path = tmp_path_factory.mktemp("figures") / "page.html"

    def show(*figures: dict[str, Any], width: int = 800) -> Any:
        path.write_text(page_of(*figures), encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path.as_uri())
        page.locator(".rx-picture .rx-axis").first.wait_for()
        return page

    yield show
    page.close()


@pytest.fixture(scope="module")
def tables(tab) -> Any:
    """What the tables of a figure say."""
    page = tab(stored(go.Scatter(y=[1, 2])))
    return lambda *traces, **layout: page.evaluate(
        TABLES, [picture_of(stored(*traces, **layout)), "the first {shown} of {all} rows"]
    )


def test_traces_with_one_x_share_a_table(tables):
    x = np.array([1.0, 0.1])
    (table,) = tables(
        go.Scatter(x=x, y=np.array([0.3, 0.4]), name="raw"),
        go.Scatter(x=x, y=np.array([0.3, 0.31]), name="<b>calibrated</b>"),
        xaxis_title_text="sampling rate α",
    )
    assert table == {
        "caption": "",
        "rows": [["sampling rate α", "raw", "calibrated"], ["1", "0.3", "0.3"], ["0.1", "0.4", "0.31"]],
        "heads": 2,
    }


def test_other_x_get_tables_of_their_own_with_a_caption(tables):
    found = tables(go.Scatter(x=[1], y=[2], name="one"), go.Scatter(x=[3], y=[4], name="two"))
    assert [table["caption"] for table in found] == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456, "0.1235"), (2.0, "2"), (1_000_000, "1000000"), (None, "–"), (1e-7, "1e-7"), (-0.5, "−0.5")],
)
def test_cells_have_the_digits_they_deserve(tables, value, text):
    assert tables(go.Scatter(x=["a<b", "c"], y=[value, 1]))[0]["rows"][1] == ["a<b", text]


def test_spread_counts_and_areas_are_columns(tables):
    more = {"customdata": [30], "meta": {"customdata": "rows"}}
    lopsided = {"symmetric": False, "array": [1], "arrayminus": [0.5]}
    found = tables(
        go.Scatter(x=[1], y=[2], name="rate", error_y_array=[0.5], **more),
        go.Scatter(x=[1], y=[2], name="other", error_y=lopsided),
        go.Scatter(x=[1], y=[3], name="10%"),
        go.Scatter(x=[1], y=[4], name="90%", fill="tonexty"),
    )
    heads = ["x", "rate", "rate, ±", "rate, rows", "other", "other, from", "other, to", "10%", "90%"]
    assert found[0]["rows"] == [heads, ["1", "2", "0.5", "30", "2", "1.5", "3", "3", "4"]]


def test_lying_bars_are_read_along_their_axis(tables):
    (table,) = tables(go.Bar(x=[3], y=["click"], orientation="h", name="share"))
    assert table["rows"] == [["name", "share"], ["click", "3"]]


def test_rows_of_points_are_named_and_shares_are_in_per_cent(tables):
    found = tables(
        go.Scatter(x=[-0.02133, 0.5], y=[0, 0], name="click, a log each", mode="markers"),
        go.Scatter(x=[0.1], y=[-1], name="like", mode="markers"),
        go.Scatter(x=[0, 0], y=[-1.4, 0.4], name="no change", mode="lines"),
        xaxis={"tickformat": ".0%"},
        yaxis={"tickvals": [0, -1], "ticktext": ["click", "like"]},
    )
    assert [table["rows"] for table in found] == [
        [["name", "click, a log each"], ["click", "−2.133%"], ["click", "50%"]],
        [["name", "like"], ["like", "10%"]],
    ]


def test_what_is_only_drawn_and_what_has_no_points_is_in_no_table(tables):
    found = tables(
        go.Scatter(x=[0, 1], y=[0, 0], name="frame", meta="decoration"),
        go.Scatter(x=[], y=[], name="none"),
        go.Scatter(x=[1], y=[2], name="one"),
    )
    assert [table["rows"] for table in found] == [[["x", "one"], ["1", "2"]]]


def test_values_of_their_own_take_the_place_of_coordinates_in_one_table(tables):
    meta = {"customdata": ["step", "first"], "table": "customdata"}
    found = tables(
        go.Scatter(x=[0.5], y=[0.1], name="early", customdata=[[0, 0.25]], meta=meta),
        go.Scatter(x=[1.5, 1.6], y=[0.2, 0.3], name="late", customdata=[[30, 0.98], [30, 0.5]], meta=meta),
    )
    assert [table["rows"] for table in found] == [
        [["step", "first"], ["0", "0.25"], ["30", "0.98"], ["30", "0.5"]]
    ]


@pytest.mark.parametrize(
    ("x", "rows"),
    [([0, 1], [["7-15", "1"], ["over 120", "2"]]), ([0, 0.5], [["0", "1"], ["0.5", "2"]])],
)
def test_places_on_a_scale_are_called_by_its_ticks_if_all_are(tables, x, rows):
    ticks = {"tickvals": [0, 1], "ticktext": ["7-15", "over<br>120"]}
    assert tables(go.Scatter(x=x, y=[1, 2], name="part"), xaxis=ticks)[0]["rows"][1:] == rows


def test_a_matrix_becomes_a_table(tables):
    (table,) = tables(go.Heatmap(z=np.eye(2), x=["a", "b"], y=["c", "d"], name="gates"))
    assert table["caption"] == "gates"
    assert table["rows"] == [["y \\ x", "a", "b"], ["c", "1", "0"], ["d", "0", "1"]]


def test_what_is_left_out_of_a_long_table_is_said(tables):
    (table,) = tables(go.Scatter(x=list(range(250)), y=list(range(250)), name="curve"))
    assert table["caption"] == "(the first 200 of 250 rows)"
    assert len(table["rows"]) == 201


def test_a_figure_is_drawn_when_it_comes_near_without_a_jump_and_tabled_when_opened(tab):
    page = tab(stored(go.Scatter(y=[1, 2])), stored(go.Scatter(y=[3, 4])))
    later = page.locator(".ranking-plot").nth(1)
    height = page.evaluate("document.documentElement.scrollHeight")
    assert page.locator(".rx-picture").count() == 1
    assert later.get_attribute("aria-label") == "Seen."
    assert page.locator("table").count() == 0
    later.scroll_into_view_if_needed()
    picture = later.locator(".rx-picture .rx-stroke")
    picture.wait_for()
    assert page.get_by_role("img", name="Seen. Arrow keys read the values.").count() == 2
    assert page.evaluate("document.documentElement.scrollHeight") == height
    page.locator("summary").nth(1).press("Enter")
    assert page.locator("table").inner_text().split() == "x trace 1 0 3 1 4".split()


def test_all_are_drawn_for_print(tab):
    page = tab(stored(go.Scatter(y=[1, 2])), stored(go.Scatter(y=[3, 4])))
    assert page.locator(".rx-picture").count() == 1
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".rx-picture .rx-stroke").count() == 2  # at once: paper does not wait


def test_values_are_read_by_keyboard_and_pointer(tab):
    said = go.Scatter(x=[1, 2], y=[10, 20], name="raw", hovertemplate="at %{x}: %{y}")
    faint = go.Scatter(x=[1, 2], y=[11, 21], name="seed", hoverinfo="skip")
    page = tab(stored(faint, said))
    tip, picture = page.locator(".rx-tip"), page.locator(".rx-picture")
    picture.focus()
    page.keyboard.press("Home")
    assert tip.inner_text().split("\n") == ["raw", "at 1: 10"]
    page.keyboard.press("ArrowRight")
    assert tip.inner_text().split("\n") == ["raw", "at 2: 20"]
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 60)
    assert "at 2" in tip.inner_text()


@pytest.fixture
def read(tab):
    """What is read out at every point of a figure, from the first to the last."""

    def lines_of(*traces, **layout) -> list[list[str]]:
        page = tab(stored(*traces, **layout))
        page.locator(".rx-picture").focus()
        points = sum(len(trace.x) for trace in traces if trace.meta != "decoration")
        found = []
        for key in ["Home"] + ["ArrowRight"] * (points - 1):
            page.keyboard.press(key)
            found.append(page.locator(".rx-tip").inner_text().split("\n"))
        return found

    return lines_of


ROWS = {"tickvals": [0, -2], "ticktext": ["click", "collect"]}


def test_a_row_is_read_out_by_its_name_and_a_place_beside_the_rows_is_not(read):
    found = read(
        go.Scatter(x=[-0.11], y=[-2], name="a log each", mode="markers"),
        go.Scatter(x=[0], y=[-2.4], name="no change", mode="lines"),
        xaxis={"title": {"text": "change"}, "tickformat": ".0%"},
        yaxis=ROWS,
    )
    assert found == [["a log each", "change: −11%", "collect"], ["no change", "change: 0%"]]


def test_a_named_place_keeps_the_title_of_its_axis(read):
    points = go.Scatter(x=[0.2], y=[0], name="share", mode="markers")
    found = read(points, xaxis_title_text="part", yaxis={**ROWS, "title": {"text": "head"}})
    assert found == [["share", "part: 0.2", "head: click"]]


def test_an_axis_without_a_title_gives_no_empty_label(read):
    assert read(go.Scatter(x=[1], y=[2.5], name="curve", mode="markers")) == [["curve", "1", "2.5"]]
    assert read(go.Bar(x=["a"], y=[3], name="bars"), yaxis_title_text="share") == [["bars", "a", "share: 3"]]


def test_cells_of_axes_without_titles_are_read_out_without_labels(tab):
    page = tab(stored(go.Heatmap(z=[[0.5, 2]], x=["a", "b"], y=["c"])))
    page.locator(".rx-picture").focus()
    page.keyboard.press("Home")
    assert page.locator(".rx-tip").inner_text().split("\n") == ["0.5", "a", "c"]


def test_numbers_on_ticks_that_write_them_stay_as_they_are(read):
    ticks = {"tickvals": [0.5, 1000], "ticktext": ["50%", "1,000"], "title": {"text": "rate"}}
    found = read(go.Scatter(x=[0.5, 1000], y=[1, 1], name="curve"), xaxis=ticks)
    assert [lines[1] for lines in found] == ["rate: 0.5", "rate: 1,000"]


def test_what_is_only_drawn_is_not_read_out_and_values_of_their_own_are(read):
    own = {"customdata": [[0.98, 0.02]], "meta": {"customdata": ["first", "second"], "table": "customdata"}}
    found = read(
        go.Scatter(x=[0, 1], y=[0, 0], name="edge", meta="decoration"),
        go.Scatter(x=[1.79], y=[0.00562], name="step 30", **own),
    )
    assert found == [["step 30", "first: 0.98", "second: 0.02"]]


def test_a_frame_shows_the_focus_of_keys_and_not_of_a_finger_or_a_mouse(chromium, tab):
    framed = "(picture) => getComputedStyle(picture).outlineStyle !== 'none'"
    focused = "(picture) => picture === document.activeElement"
    page = tab(stored(go.Scatter(y=[1, 2])))
    picture = page.locator(".rx-picture")
    picture.click()
    assert (picture.evaluate(focused), picture.evaluate(framed)) == (True, False)
    picture.press("ArrowRight")
    assert picture.evaluate(framed)
    context = chromium.new_context(has_touch=True, is_mobile=True)
    phone = context.new_page()
    phone.goto(page.url)
    picture = phone.locator(".rx-picture")
    picture.tap()
    assert (picture.evaluate(focused), picture.evaluate(framed)) == (True, False)
    context.close()


def test_labels_stand_apart_beside_a_wide_figure_and_in_a_list_above_a_narrow_one(tab):
    ends = [1.0, 1.001, 1.002, 0.999]
    traces = []
    for number, end in enumerate(ends):
        traces.append(go.Scatter(x=[0, 1], y=[0, end], name=f"line {number}", mode="lines", line_dash="dot"))
        named = f"label of line {number}"
        traces.append(go.Scatter(x=[1], y=[end], name=named, meta="direct label", showlegend=False))
    page = tab(stored(*traces, showlegend=False))
    boxes = page.locator(".rx-labels text").evaluate_all(
        "(all) => all.map((text) => text.getBoundingClientRect().top).sort((a, b) => a - b)"
    )
    assert len(boxes) == 4
    assert all(b - a >= 15 for a, b in itertools.pairwise(boxes))
    # each label draws the line that it names
    assert page.locator(".rx-labels .rx-swatch path[stroke-dasharray]").count() == 4
    page = tab(stored(*traces, showlegend=False), width=390)
    assert page.locator(".rx-labels text").count() == 0
    names = [f"line {number}" for number in range(4)]
    assert page.locator(".rx-legend li").all_inner_texts() == names


DRAW = """(picture) => {
    const el = document.createElement('div');
    document.body.replaceChildren(el);
    const state = { picture, labels: { readout: 'Keys.', table: 'Data' } };
    rankingExplorers.definitions.drawn.render({ model: { get: (key) => state[key] }, el });
}"""


def test_cells_may_be_oblong_and_hold_texts(tab):
    """What explorers ask for beyond figures: a heat map as wide as there is room, a text in each cell."""
    page = tab(stored(go.Scatter(y=[1, 2])))
    series = {
        "name": "gates",
        "kind": "cells",
        "color": "ink",
        "x": ["a", "b"] * 2,
        "y": ["c", "c", "d", "d"],
    }
    series |= {"v": [1, 0, 0, 1], "z": [1, 0, 0, 1]}
    axes = {k: {"scale": "band", "categories": names} for k, names in (("x", ["a", "b"]), ("y", ["c", "d"]))}
    picture = {"title": "", "alt": "Seen.", "height": 200, **axes, "series": [series]}

    def cells(**more: Any) -> list[dict[str, float]]:
        page.evaluate(DRAW, {**picture, **more})
        page.locator(".rx-picture .rx-cell").first.wait_for()
        return [cell.bounding_box() for cell in page.locator(".rx-picture .rx-cell").all()]

    square = cells()[0]
    assert square["width"] == pytest.approx(square["height"], abs=1)
    assert page.locator(".rx-cell-text").count() == 0
    written = cells(oblong=True, series=[{**series, "texts": ["+1", "−2", "0", "–"]}])
    assert written[0]["width"] > 2 * written[0]["height"]
    texts = page.locator(".rx-picture .rx-cell-text")
    assert texts.all_text_contents() == ["+1", "−2", "0", "–"]
    for cell, text in zip(written, texts.all(), strict=True):
        box = text.bounding_box()
        for start, size in (("x", "width"), ("y", "height")):
            middle = cell[start] + cell[size] / 2
            assert box[start] + box[size] / 2 == pytest.approx(middle, abs=3)
