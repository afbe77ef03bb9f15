from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from bookwork.figure import picture_of
from bookwork.figure.jupyter import CAPTION, PLOTLY
from ranking.evaluation.metrics import Reliability, reliability
from ranking_course import figures
from ranking_course.palette import NEUTRAL, PALETTE, TARGET_COLOURS

TEXTS = {
    "title": "A title",
    "alt": "What is seen.",
    "caption": "A caption.",
    "x": "α",
    "y": "log loss (nats)",
}
X = np.array([1.0, 0.1, 0.01])


def labels(figure):
    return [trace for trace in figure.data if trace.meta == figures.DIRECT_LABEL]


def test_a_new_figure_carries_its_texts():
    figure = figures.new_figure(**TEXTS)
    assert figure.layout.meta == {"alt": "What is seen.", "caption": "A caption."}
    assert figure.layout.title.text == "A title"
    assert figure.layout.yaxis.title.text == "log loss (nats)"


SHOWN_TWICE = """
import sys
import numpy as np
from ranking_course import figures
figure = figures.new_figure(title="T", alt="A", caption="C", x="x", y="y")
figure.line(np.arange(3), np.array([0.1, 0.2, 0.3]), "line", target="click")
display(figure)
print("plotly.io._renderers" in sys.modules)
figure.show()  # plotly's own way
display(figure)
"""


def test_jupyter_is_given_what_plotly_would_give_it_without_the_wait_and_more():
    notebook = new_notebook(cells=[new_code_cell(SHOWN_TWICE)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    ours, caption, loaded, theirs, after = notebook.cells[0].outputs
    assert loaded.text == "False\n"
    assert set(theirs.data) == {PLOTLY}
    assert ours.data[PLOTLY] == theirs.data[PLOTLY] == after.data[PLOTLY]
    assert ours.data["text/plain"] == "T. A"
    assert 'data-module="drawn"' in ours.data["text/html"]
    assert "http" not in ours.data["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert caption.data == {"text/markdown": "C", CAPTION: {}}


def test_another_place_is_left_to_plotly(monkeypatch):
    called = []
    monkeypatch.setattr(figures.go.Figure, "_ipython_display_", lambda self: called.append(self))
    figure = figures.new_figure(**TEXTS)
    figure._ipython_display_()  # no kernel here
    assert called == [figure]


@pytest.mark.parametrize("name", TEXTS)
def test_a_figure_without_a_text_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a text that is not empty, got ' '"):
        figures.new_figure(**(TEXTS | {name: " "}))


def test_an_unknown_kind_of_axis_is_refused():
    with pytest.raises(ValueError, match="axes must be one of 'x_log', 'y_log', 'x_reversed', got 'z_log'"):
        figures.new_figure(**TEXTS, z_log=True)


def test_the_look_is_transparent_local_and_in_replaceable_inks():
    stored = json.dumps(figures.new_figure(**TEXTS).line(X, X, "truth").to_plotly_json())
    assert '"paper_bgcolor": "rgba(0,0,0,0)"' in stored
    assert NEUTRAL["ink"] in stored
    assert "http" not in stored


def test_a_line_takes_the_colour_of_its_target_and_the_style_of_its_role():
    figure = figures.new_figure(**TEXTS)
    figure.line(X, X, "raw", target="like", role="raw")
    figure.line(X, X, "calibrated", target="like", role="calibrated")
    figure.line(X, X, "truth", target="like", role="truth")
    raw, calibrated, truth = (trace.line for trace in figure.data if trace.meta is None)
    assert raw.color == calibrated.color == TARGET_COLOURS["like"]
    assert raw.width < calibrated.width
    assert len({raw.dash, calibrated.dash, truth.dash}) == 3
    assert (truth.color, truth.dash) == (NEUTRAL["ink"], "dash")


@pytest.mark.parametrize(("reversed_axis", "end"), [(False, 1.0), (True, 0.01)])
def test_the_label_stands_at_the_right_end(reversed_axis, end):
    figure = figures.new_figure(**TEXTS, x_log=True, x_reversed=reversed_axis)
    figure.line(X, 2 * X, "raw", label_at="top")
    (label,) = labels(figure)
    assert (label.x[0], label.y[0]) == (end, 2 * end)
    assert label.textposition == "top right"
    assert label.text[0].endswith(" raw")


def test_seeds_are_faint_lines_behind_their_median():
    values = np.array([[1.0, 2.0, 9.0], [2.0, 3.0, 1.0], [6.0, 4.0, 2.0]])
    figure = figures.new_figure(**TEXTS).seeds(X, values, "raw", target="click")
    *seeds, median, label = figure.data
    assert [trace.name for trace in seeds] == ["raw, seed 1", "raw, seed 2", "raw, seed 3"]
    assert all(trace.opacity < 0.5 and not trace.showlegend for trace in seeds)
    np.testing.assert_array_equal(median.y, [2.0, 3.0, 2.0])
    assert label.y[0] == 2.0


@pytest.mark.parametrize(
    ("role", "dash", "sample"),
    [
        ("plain", None, "───"),
        ("calibrated", None, "━━━"),
        ("truth", None, "╌╌╌"),
        ("plain", "dashdot", "─·─·"),
    ],
)
def test_a_label_draws_the_line_that_it_names(role, dash, sample):
    figure = figures.new_figure(**TEXTS).line(X, X, "raw", role=role, dash=dash)
    (label,) = labels(figure)
    assert sample in label.text[0]
    assert figure.data[0].line.color in label.text[0]


def test_many_seeds_are_a_band_of_their_middle_80_percent():
    values = np.arange(1.0, 42.0)[:, None] * X
    figure = figures.new_figure(**TEXTS).seeds(X, values, "raw", target="click")
    low, high, median, _ = figure.data
    assert (low.name, high.name, median.name) == ("raw, 10%", "raw, 90%", "raw, median")
    np.testing.assert_allclose(low.y, 5 * X)
    np.testing.assert_allclose(high.y, 37 * X)
    np.testing.assert_allclose(median.customdata, np.stack([5 * X, 37 * X], axis=1))
    band, line = picture_of(json.loads(figure.to_json()), PALETTE)["series"]
    assert (band["kind"], band["color"], band["bounds"]) == ("band", "click", ["raw, 10%", "raw, 90%"])
    assert line["said"][0] == "at 1: median 21\n10% to 90%: 5 to 37"


def test_as_many_seeds_as_can_be_told_apart_stay_lines():
    figure = figures.new_figure(**TEXTS).seeds(X, np.ones((figures.FAINT_LINES, 3)), "raw")
    assert len(figure.data) == figures.FAINT_LINES + 2


@pytest.mark.parametrize("ground", ["#FFFFFF", "#111111"])
def test_inks_are_read_in_both_themes_of_jupyterlab(ground):
    def light(colour):
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for name in ("ink", "ink-soft"):
        dark, bright = sorted((light(NEUTRAL[name]), light(ground)))
        assert (bright + 0.05) / (dark + 0.05) > 4


def test_one_run_is_not_called_a_median():
    figure = figures.new_figure(**TEXTS).seeds(X, [X], "raw")
    assert figure.data[1].name == "raw"


@pytest.mark.parametrize("values", [X, X[None, :2], np.ones((3, 2))])
def test_seeds_of_another_shape_are_refused(values):
    with pytest.raises(ValueError, match=r"values must have shape \(seeds, points\)"):
        figures.new_figure(**TEXTS).seeds(X, values, "raw")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": X[:2]}, "same shape"),
        ({"x": [], "y": []}, "x must not be empty"),
        ({"y": [1.0, np.nan, 2.0]}, "y must be finite"),
        ({"target": "clicks"}, "target must be one of"),
        ({"role": "bold"}, "role must be one of"),
        ({"dash": "wavy"}, "dash must be one of"),
        ({"label_at": "left"}, "label_at must be one of"),
        ({"x": 1.0, "y": 1.0}, r"x must have shape \(points,\), got \(\)"),
        ({"x": X[None], "y": X[None]}, r"x must have shape \(points,\), got \(1, 3\)"),
        ({"x": X - 0.01}, "x must be above 0 on a logarithmic axis, got 0.0"),
        ({"y": -X}, "y must be above 0 on a logarithmic axis, got -1.0"),
    ],
)
def test_bad_lines_are_refused_and_leave_the_figure_as_it_was(changed, message):
    figure = figures.new_figure(**TEXTS, x_log=True, y_log=True)
    with pytest.raises(ValueError, match=message):
        figure.line(**({"x": X, "y": X, "name": "raw"} | changed))
    assert not figure.data


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label_at": "left"}, "label_at must be one of"),
        ({"values": [X, -X]}, "values must be above 0 on a logarithmic axis, got -1.0"),
        ({"x": 1.0}, r"x must have shape \(points,\), got \(\)"),
    ],
)
def test_bad_seeds_leave_the_figure_as_it_was(changed, message):
    figure = figures.new_figure(**TEXTS, y_log=True)
    with pytest.raises(ValueError, match=message):
        figure.seeds(**({"x": X, "values": [X, X], "name": "raw"} | changed))
    assert not figure.data


class TestReliabilityFigure:
    texts: ClassVar = {key: TEXTS[key] for key in ("title", "alt", "caption")}

    def diagrams(self):
        p = np.random.default_rng(0).beta(1, 9, 2_000)
        return {"raw": reliability(p, np.sqrt(p)), "calibrated": reliability(p, p)}

    def test_every_filled_bin_is_a_point(self):
        diagrams = self.diagrams()
        figure = figures.reliability_figure(diagrams, **self.texts, roles={"raw": "raw"})
        curves = {trace.name: trace for trace in figure.data}
        for name, diagram in diagrams.items():
            filled = diagram.count > 0
            assert not filled.all()
            np.testing.assert_array_equal(curves[name].x, diagram.predicted[filled])
            np.testing.assert_array_equal(curves[name].y, diagram.observed[filled])
            np.testing.assert_array_equal(curves[name].customdata, diagram.count[filled])
        assert curves["raw"].marker.symbol == "circle-open"
        assert curves["perfect"].line.dash == "dash"

    def test_empty_bins_alone_are_refused(self):
        nothing = np.full(2, np.nan)
        empty = Reliability(np.array([0.0, 0.5, 1.0]), nothing, nothing, np.zeros(2))
        with pytest.raises(
            ValueError, match=r"diagrams\['none'\] must have at least one bin that holds rows"
        ):
            figures.reliability_figure({**self.diagrams(), "none": empty}, **self.texts)

    def test_bad_arguments_are_refused(self):
        with pytest.raises(ValueError, match="diagrams must not be empty"):
            figures.reliability_figure({}, **self.texts)
        with pytest.raises(ValueError, match="roles must be one of 'raw', 'calibrated', got 'cooked'"):
            figures.reliability_figure(self.diagrams(), **self.texts, roles={"cooked": "raw"})
