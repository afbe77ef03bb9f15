from __future__ import annotations

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from bookwork.figure import picture_of
from bookwork.figure.parts import values
from bookwork.palette import DEFAULT, NEUTRAL, Palette

PALETTE = Palette(series={"click": "#0072B2", "watch_time": "#E69F00"})


def stored(*traces, **layout):
    """The figure as a notebook stores it, arrays packed as base64."""
    return json.loads(go.Figure(traces, layout).to_json())


def picture(*traces, **layout):
    return picture_of(stored(*traces, **layout), PALETTE)


def only(*traces, **layout):
    (series,) = picture(*traces, **layout)["series"]
    return series


@pytest.mark.parametrize(
    "array", [np.array([1.5, 2.0]), np.array([[1, 2], [3, 4]], dtype="i4"), np.arange(5, dtype="u1")]
)
def test_packed_arrays_are_read_back(array):
    packed = stored(go.Heatmap(z=array) if array.ndim == 2 else go.Scatter(y=array))["data"][0]
    assert values(packed["z" if array.ndim == 2 else "y"]) == array.tolist()


def test_a_line_with_open_markers():
    series = only(
        go.Scatter(
            x=np.array([1.0, 0.1]),
            y=np.array([1 / 3, np.nan]),
            name="<b>raw</b>",
            mode="lines+markers",
            opacity=0.4,
            line={"color": "#0072b2", "width": 3, "dash": "dashdot"},
            marker={"symbol": "triangle-up-open", "size": [8, 12]},
        )
    )
    assert series == {
        "name": "raw",
        "kind": "line",
        "x": [1, 0.1],
        "y": [0.333333, None],
        "color": "click",
        "width": 3,
        "dash": "dashdot",
        "marker": "triangle",
        "hollow": True,
        "size": [4, 6],
        "opacity": 0.4,
    }


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (NEUTRAL["ink"], "ink"),
        ("#E69F00", "watch-time"),
        ("#123456", "#123456"),
        ("rgba(1,2,3,0.5)", "rgba(1,2,3,0.5)"),
        ("tomato", "tomato"),
    ],
)
def test_colours_are_names_of_the_palette_where_it_has_them(given, shown):
    assert only(go.Scatter(y=[1, 2], mode="markers", marker_color=given))["color"] == shown


def test_traces_without_a_colour_take_those_of_the_palette_in_turn():
    found = picture(go.Scatter(y=[1]), go.Scatter(y=[2]), template="none")["series"]
    assert [series["color"] for series in found] == ["click", "watch-time"]


def test_a_label_becomes_part_of_the_line_before_it():
    label = go.Scatter(x=[2], y=[2], name="label of raw", textposition="top right", meta="direct label")
    shown = picture(go.Scatter(y=[1, 2], name="raw, median"), label)
    assert [series["label"] for series in shown["series"]] == [{"text": "raw", "at": "top"}]
    assert shown["names"] == 1


@pytest.mark.parametrize(
    ("axis", "shown"),
    [
        ({"title": {"text": "rate α"}}, {"label": "rate α", "scale": "linear"}),
        ({"type": "log", "autorange": "reversed"}, {"scale": "log", "reversed": True}),
        ({"range": [1, 0]}, {"domain": [0, 1], "reversed": True}),
        ({"type": "log", "range": [-1, 2]}, {"domain": [0.1, 100]}),
        ({"tickformat": ".0%", "dtick": 0.5}, {"format": "percent", "step": 0.5}),
        ({"visible": False, "showgrid": False}, {"hidden": True, "bare": True}),
        ({"tickformat": ".2f"}, {"format": ".2f"}),
        ({"tickvals": [1, 2], "ticktext": ["a", "b<br>c"]}, {"ticks": [1, 2], "texts": ["a", "b\nc"]}),
        ({"type": "log", "tickvals": [0.01, 1, 900]}, {"ticks": [1]}),  # far ones are left out
    ],
)
def test_axes(axis, shown):
    found = picture(go.Scatter(x=[1, 2], y=[1, 2]), xaxis=axis)["x"]
    assert {key: found[key] for key in shown} == shown


def test_texts_make_a_band_from_the_bottom_or_reversed_from_the_top():
    trace = go.Scatter(x=[1, 2], y=["a", "b"], mode="markers")
    assert picture(trace)["y"]["categories"] == ["b", "a"]
    assert picture(trace, yaxis_autorange="reversed")["y"]["categories"] == ["a", "b"]


def test_bars_stand_side_by_side_with_colours_hatches_and_texts():
    shown = picture(
        go.Bar(x=["a", "b"], y=[1, 2], marker={"color": ["#0072B2", "#E69F00"]}, text=["1", "2"]),
        go.Bar(x=["a", "b"], y=[3, 4], marker={"pattern": {"shape": "/"}}),
    )
    first, second = shown["series"]
    assert (first["colors"], first["texts"]) == (["click", "watch-time"], ["1", "2"])
    assert second["fill"] == "hatched"
    assert [(series["slot"], series["slots"]) for series in shown["series"]] == [(0, 2), (1, 2)]
    assert shown["legend"]


def test_lying_bars_have_their_names_at_the_left_and_numbers_can_be_names():
    shown = picture(go.Bar(x=[3, 4], y=[2, 1], orientation="h"))
    assert (shown["x"]["scale"], shown["y"]["scale"], shown["y"]["categories"]) == ("linear", "band", [2, 1])
    with pytest.raises(ValueError, match="bars at numbers that are not evenly apart"):
        picture(go.Bar(x=[1, 2, 4], y=[1, 1, 1]))


def test_error_bars_are_their_ends():
    lopsided = {"type": "data", "symmetric": False, "array": [1], "arrayminus": [0.5]}
    assert only(go.Scatter(x=[2], y=["a"], error_x=lopsided))["errors"] == {"x": [[1.5], [3]]}
    assert only(go.Scatter(x=[2], y=[1], error_y={"array": [0.25]}))["errors"] == {"y": [[0.75], [1.25]]}


def test_an_area_lies_between_a_trace_and_the_one_before_it():
    band = only(
        go.Scatter(x=[1, 2], y=[0, 1], name="low"),
        go.Scatter(x=[1, 2], y=[2, 3], name="high", fill="tonexty", line_color="#0072B2"),
    )
    assert (band["kind"], band["from"], band["y"], band["bounds"]) == (
        "band",
        [0, 1],
        [2, 3],
        ["low", "high"],
    )
    assert only(go.Scatter(x=[1, 2], y=[2, 3], fill="tozeroy"))["from"] == [0, 0]


def test_what_is_read_out_and_what_only_the_table_shows():
    series = only(
        go.Scatter(
            x=[0.25],
            y=[2.0],
            customdata=[30],
            meta={"customdata": "rows"},
            hovertemplate="at %{x:.0%}<br>%{y}, %{customdata:,d} rows<extra>no</extra>",
        )
    )
    assert series["said"] == ["at 25%\n2, 30 rows"]
    assert series["more"] == [["rows", [30]]]


def test_a_decoration_and_values_in_place_of_coordinates():
    frame, dots = picture(
        go.Scatter(x=[0, 1], y=[0, 0], meta="decoration"),
        go.Scatter(
            x=[0.5],
            y=[0.1],
            customdata=np.array([[30.0, 0.25]]),
            meta={"customdata": ["step", "first"], "table": "customdata"},
        ),
    )["series"]
    assert (frame["decoration"], frame["unlisted"]) == (True, True)
    assert dots["own"] == [["step", [30]], ["first", [0.25]]]
    assert "more" not in dots


@pytest.mark.parametrize(
    ("customdata", "meta", "named"),
    [
        ([1, 2, 3], {"customdata": "rows"}, "data[0].customdata: 3 rows for 2 points"),
        ([[1, 2], [3, 4]], {"customdata": ["rows"]}, "data[0].meta.customdata: 1 names for other rows"),
        ([1, 2], {"customdata": ["rows"]}, "data[0].meta.customdata: 1 names for other rows"),
        ([1, 2], {"customdata": "rows", "table": "all"}, "data[0].meta.table = 'all'"),
    ],
)
def test_values_that_fit_no_points_or_names_are_refused(customdata, meta, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        picture(go.Scatter(y=[1, 2], customdata=customdata, meta=meta))


def test_a_heat_map_is_cells_of_one_colour():
    cells = only(go.Heatmap(z=[[0, 4], [2, None]], x=["a", "b"], y=["c", "d"], name="gates"))
    assert (cells["x"], cells["y"]) == (["a", "b", "a", "b"], ["c", "c", "d", "d"])
    assert (cells["z"], cells["v"]) == ([0, 4, 2, None], [0, 1, 0.5, 0])


@pytest.mark.parametrize(
    ("traces", "layout", "named"),
    [
        ([go.Pie(values=[1, 2])], {}, "data[0].type = 'pie'"),
        ([go.Scatter(y=[1], line_shape="spline")], {}, "data[0].line.shape = 'spline'"),
        ([go.Scatter(y=[1], marker_symbol="hexagram")], {}, "data[0].marker.symbol = 'hexagram'"),
        ([go.Scatter(y=[1], marker_colorscale="Viridis")], {}, "data[0].marker.colorscale"),
        ([go.Scatter(y=[1], hovertext="a")], {}, "data[0].hovertext = 'a'"),
        ([go.Scatter(y=[1], hovertemplate="%{z}")], {}, "data[0].hovertemplate = '%{z}'"),
        ([go.Scatter(y=[1], fill="toself")], {}, "data[0].fill = 'toself'"),
        ([go.Scatter(y=[1], yaxis="y2")], {"yaxis2": {}}, "data[0].yaxis = 'y2'"),
        ([go.Bar(y=[1])], {"barmode": "stack"}, "layout.barmode = 'stack'"),
        ([go.Scatter(y=[1])], {"shapes": [{"type": "line"}]}, "layout.shapes"),
        ([go.Scatter(y=[1])], {"annotations": [{"text": "a"}]}, "layout.annotations"),
        ([go.Scatter(y=[1])], {"xaxis": {"tickangle": 45}}, "layout.xaxis.tickangle = 45"),
        ([go.Scatter(y=[1])], {"xaxis": {"type": "date"}}, "layout.xaxis.type = 'date'"),
        ([go.Scatter(y=[1])], {"yaxis": {"tickformat": "e"}}, "layout.yaxis.tickformat = 'e'"),
    ],
)
def test_what_pages_cannot_draw_is_refused_by_name(traces, layout, named):
    with pytest.raises(ValueError, match="a plotly figure uses what pages cannot draw") as error:
        picture(*traces, **layout)
    assert named in str(error.value)


def test_plotlys_own_look_is_no_feature():
    shown = picture_of(stored(go.Scatter(y=[1, 2]), template="plotly_dark"), DEFAULT)
    assert shown["series"][0]["color"] == "#636efa"
