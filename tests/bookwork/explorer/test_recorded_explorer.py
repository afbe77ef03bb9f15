"""The recorded explorer as a widget: the grid it runs, the pictures it takes, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets

from bookwork.explorer import RecordedExplorer, Slider
from bookwork.explorer.base import MIME_TYPE
from bookwork.explorer.frame import checked_frame


def curve(power, shift=0.0):
    x = np.linspace(0, 1, 5)
    return {
        "x": {"label": "x"},
        "y": {"label": "y"},
        "series": [{"name": "curve", "kind": "line", "x": x, "y": x**power + shift, "color": "sky"}],
        "sentence": f"At power {power} and shift {shift}.",
    }


def changed(**parts):
    return lambda power: {**curve(power), **parts}


def series(**parts):
    return changed(series=[{**curve(1)["series"][0], **parts}])


LINE = {"name": "line", "kind": "line", "x": [0, 1]}


def test_every_setting_is_run_once_with_the_last_slider_fastest():
    calls = []

    def function(power, shift):
        calls.append((power, shift))
        return curve(power, shift)

    explorer = RecordedExplorer(function, {"power": [1, 2], "shift": [0, 0.5, 1.0]}, title="Powers")
    assert calls == [(1, 0), (1, 0.5), (1, 1), (2, 0), (2, 0.5), (2, 1)]
    assert [frame["sentence"] for frame in explorer.frames] == [curve(*call)["sentence"] for call in calls]
    assert repr(explorer) == "RecordedExplorer(setting={'power': 1, 'shift': 0})"


def test_axes_keep_still_and_common_parts_are_kept_once():
    explorer = RecordedExplorer(curve, {"power": [1, 2], "shift": [-1.0, 2.0]}, title="Powers")
    assert explorer.shared["y"]["extent"] == [-1.0, 3.0]
    assert explorer.shared["x"]["extent"] == [0.0, 1.0]
    assert all(set(frame) == {"series", "sentence", "alt"} for frame in explorer.frames)


def test_output_entry():
    grid = {"power": Slider([1, 2], label="Power", hint="of x", format="integer")}
    explorer = RecordedExplorer(curve, grid, title="Powers", setting={"power": 2}, labels={"reset": "Zurück"})
    entry = explorer._repr_mimebundle_()[0][MIME_TYPE]
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry
    assert entry["module"] == "recorded"
    assert entry["alt"] == "Powers. At power 2 and shift 0.0."
    state = entry["state"]
    assert state["setting"] == {"power": 2}
    assert state["start"] == {"setting": {"power": 2}}
    assert state["labels"]["reset"] == "Zurück"
    assert state["labels"]["title"] == "Powers"
    assert state["grid"] == [
        {"name": "power", "values": [1, 2], "label": "Power", "hint": "of x", "format": "integer"}
    ]
    drawn = state["frames"][1]["series"][0]
    assert drawn["y"] == [0.0, 0.0625, 0.25, 0.5625, 1.0]
    assert drawn["color"] == "sky"


def test_numbers_are_kept_to_six_digits():
    explorer = RecordedExplorer(series(y=[1 / 3] * 5), {"power": [1, 2]}, title="Thirds")
    assert explorer.shared["series"][0]["y"] == [0.333333] * 5


def test_the_function_gets_the_values_of_the_grid_in_full():
    calls = []

    def function(power):
        calls.append(power)
        return curve(power)

    explorer = RecordedExplorer(function, {"power": [1 / 3, np.pi]}, title="Powers", setting={"power": np.pi})
    assert calls == [1 / 3, np.pi]
    assert explorer.setting == {"power": np.pi}


def test_a_series_may_say_all_of_its_looks():
    looks = {"width": 2, "size": np.float64(5), "dash": True, "hollow": np.True_, "faint": False}
    label = {"text": "end", "prefer": 0.5, "side": "above"}
    explorer = RecordedExplorer(series(**looks, label=label), {"power": [1, 2]}, title="Powers")
    drawn = explorer.state()["shared"]["series"][0]
    assert {key: drawn[key] for key in looks} == looks
    assert drawn["label"] == label


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (None, "function must be a function of power, got None"),
        (lambda shift: curve(1), r"function must take the arguments power, got \(shift\): .*'shift'"),
    ],
)
def test_functions_that_do_not_take_the_grid_are_refused(function, message):
    with pytest.raises(ValueError, match=message):
        RecordedExplorer(function, {"power": [1, 2]}, title="Powers")


def test_setting_must_be_on_the_grid():
    explorer = RecordedExplorer(curve, {"power": [1, 2]}, title="Powers")
    explorer.setting = {"power": 2}
    for bad in ({"power": 3}, {}, {"power": 1, "shift": 0}):
        with pytest.raises(traitlets.TraitError, match="setting must give each slider one of its values"):
            explorer.setting = bad
    assert explorer.setting == {"power": 2}


def test_a_large_grid_is_refused_before_it_is_finished():
    calls = []

    def function(power):
        calls.append(power)
        return curve(power)

    with pytest.raises(ValueError, match=r"grid has 1,000 settings, .* above limit_bytes=2,000"):
        RecordedExplorer(function, {"power": list(range(1, 1001))}, title="Powers", limit_bytes=2000)
    assert len(calls) < 20


def test_a_colour_may_be_written_as_in_python():
    frame = {**curve(1), "series": [{**curve(1)["series"][0], "color": "night_sky"}]}
    assert checked_frame("frame", frame, ("night-sky",))["series"][0]["color"] == "night-sky"


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({}, "grid must map at least one argument's name to its values"),
        ([1, 2], "grid must map"),
        ({"power": [1]}, r"grid\['power'\] must hold at least two values, each once"),
        ({"power": [1, 1]}, r"grid\['power'\] must hold at least two values, each once"),
        ({"power": "12"}, r"grid\['power'\] must be a list"),
        ({"power": [1, float("nan")]}, r"grid\['power'\] must hold finite numbers"),
        ({"power": Slider([1, 2], format="roman")}, r"grid\['power'\].format must be one of 'percent'"),
    ],
)
def test_bad_grids_are_refused(grid, message):
    with pytest.raises(ValueError, match=message):
        RecordedExplorer(curve, grid, title="Powers")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda power: None, r"function\(power=1\) must be a mapping"),
        (lambda power: {"x": {"label": "x"}}, r"function\(power=1\) must have .* missing: \['y'"),
        (changed(legend="x"), r"unknown: \['legend'\]"),
        (changed(series=[]), r"\['series'\] must be a list of at least one entry"),
        (changed(x={"scale": "log"}), r"\['x'\] must have label"),
        (changed(x={"label": "x", "scale": "cubic"}), r"\['x'\]\['scale'\] must be one of"),
        (changed(x={"label": "x", "scale": "band"}), r"\['x'\] must have 'categories' if and only if"),
        (changed(x={"label": "x", "domain": [1, 0]}), r"\['x'\]\['domain'\] must be \[low, high\]"),
        (changed(x={"label": "x", "scale": "log"}), r"\['x'\] must be above 0 on a log axis, got 0.0"),
        (
            series(kind="pie"),
            r"\['series'\]\[0\]\['kind'\] must be one of 'line', 'points', 'bars', got 'pie'",
        ),
        (series(color="red"), r"\['color'\] must be one of 'blue'"),
        (series(y=[1, 2]), r"\['x'\] and \['y'\] must have one length: 5 and 2"),
        (series(y=[1, 2, 3, 4, float("nan")]), r"\['y'\] must hold finite numbers, .* got nan"),
        (series(marker="star"), r"\['marker'\] must be one of"),
        (series(color=None), r"\['color'\] must be a text that is not empty, got None"),
        (series(name=None), r"\['name'\] must be a text"),
        (changed(series=5), r"\['series'\] must be a list of at least one entry, got 5"),
        (changed(x={"label": None}), r"\['x'\]\['label'\] must be a text"),
        (changed(x={"label": "x", "domain": [None, 1]}), r"\['domain'\] must be \[low, high\]"),
        (changed(x={"label": "x", "domain": ["a", "b"]}), r"\['domain'\] must be \[low, high\]"),
        (series(y=["a"] * 5), r"\['y'\] must hold numbers on a linear axis, got 'a'"),
        (
            changed(y={"label": "y", "scale": "log"}, series=[{**LINE, "y": ["a", "b"]}]),
            r"\['y'\] must hold numbers on a log axis, got 'a'",
        ),
        (
            changed(y={"label": "y", "scale": "log"}, series=[{**LINE, "y": [None, -1]}]),
            r"\['y'\] must be above 0 on a log axis, got -1",
        ),
        (changed(sentence=5), r"\['sentence'\] must be a text that is not empty, got 5"),
        (changed(sentence=" "), r"\['sentence'\] must be a text that is not empty, got ' '"),
        (changed(note=["n"]), r"\['note'\] must be a text"),
        (series(width="thick"), r"\['width'\] must be a number, got 'thick'"),
        (series(size=-1), r"\['size'\] must be above 0, got -1"),
        (series(dash=object()), r"\['dash'\] must be true or false"),
        (series(label={"text": "t", "side": "left"}), r"\['label'\]\['side'\] must be one of"),
        (series(label={"text": "t", "at": 1}), r"\['label'\] must have text .* unknown: \['at'\]"),
    ],
)
def test_bad_pictures_are_refused(function, message):
    with pytest.raises(ValueError, match=message):
        RecordedExplorer(function, {"power": [1, 2]}, title="Powers")
