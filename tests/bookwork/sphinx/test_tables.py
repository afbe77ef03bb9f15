from __future__ import annotations

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from bookwork.sphinx.tables import LONGEST, cell, figure_tables, html_table, values


def stored(*traces, **layout):
    """The figure as a notebook stores it, arrays packed as base64."""
    return json.loads(go.Figure(traces, layout).to_json())


def rows(html: str) -> list[list[str]]:
    """Texts of all cells, row by row."""
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]


@pytest.mark.parametrize(
    "array", [np.array([1.5, 2.0]), np.array([[1, 2], [3, 4]], dtype="i4"), np.arange(5, dtype="u1")]
)
def test_packed_arrays_are_read_back(array):
    packed = stored(go.Heatmap(z=array) if array.ndim == 2 else go.Scatter(y=array))["data"][0]
    assert values(packed["z" if array.ndim == 2 else "y"]) == array.tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (2.0, "2"),
        (1_000_000, "1000000"),
        (None, "–"),
        (float("nan"), "–"),
        ("a<b", "a&lt;b"),
        (True, "True"),
        (1e-7, "1e-07"),
    ],
)
def test_cells_have_the_digits_they_deserve(value, text):
    assert cell(value) == text


def test_traces_with_one_x_share_a_table():
    x = np.array([1.0, 0.1])
    html = figure_tables(
        stored(
            go.Scatter(x=x, y=np.array([0.3, 0.4]), name="raw"),
            go.Scatter(x=x, y=np.array([0.3, 0.31]), name="<b>calibrated</b>"),
            xaxis_title_text="sampling rate α",
        )
    )
    assert html.count("<table>") == 1
    assert rows(html) == [
        ["sampling rate α", "raw", "calibrated"],
        ["1", "0.3", "0.3"],
        ["0.1", "0.4", "0.31"],
    ]
    assert '<th scope="row">0.1</th>' in html


def test_other_x_get_tables_of_their_own_with_a_caption():
    html = figure_tables(stored(go.Scatter(x=[1], y=[2], name="one"), go.Scatter(x=[3], y=[4], name="two")))
    assert re.findall("<caption>(.*?)</caption>", html) == ["one", "two"]


def test_spread_and_counts_are_columns():
    html = figure_tables(
        stored(
            go.Scatter(
                x=[1], y=[2], name="rate", error_y_array=[0.5], customdata=[30], meta={"customdata": "rows"}
            )
        )
    )
    assert rows(html) == [["x", "rate", "rate, ±", "rate, rows"], ["1", "2", "0.5", "30"]]


def test_lying_bars_are_read_along_their_axis():
    html = figure_tables(stored(go.Bar(x=[3], y=["click"], orientation="h", name="share")))
    assert rows(html)[1] == ["click", "3"]


def test_a_matrix_becomes_a_table():
    html = figure_tables(stored(go.Heatmap(z=np.eye(2), x=["a", "b"], y=["c", "d"], name="gates")))
    assert rows(html) == [["y \\ x", "a", "b"], ["c", "1", "0"], ["d", "0", "1"]]


def test_labels_are_no_data():
    figure = stored(go.Scatter(x=[1], y=[1], mode="text", text=["label"]), go.Scatter(y=[7], name="line"))
    assert "label" not in figure_tables(figure)


def test_what_is_left_out_of_a_long_table_is_said():
    html = html_table("curve", ["x", "y"], [(i, i) for i in range(LONGEST + 50)])
    assert f"curve (the first {LONGEST} of {LONGEST + 50} rows)" in html
    assert len(rows(html)) == LONGEST + 1


def test_a_figure_without_a_table_is_refused():
    with pytest.raises(ValueError, match="no data table can be made of a 'pie' trace"):
        figure_tables(stored(go.Pie(values=[1, 2])))
