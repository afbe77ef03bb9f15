"""The calibration explorer as a widget: traits, output entry, checks of what it is given."""

from __future__ import annotations

import json

import ipywidgets
import numpy as np
import pytest
import traitlets
from spoiling import spoilt

from bookwork.explorer.base import MIME_TYPE
from ranking_course.explorers import CalibrationExplorer, Explorer
from ranking_course.explorers.calibration import checked_recording


def test_traits_can_be_set_and_observed():
    explorer = CalibrationExplorer(sampling_rate=0.05, base_rate=0.2)
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), ["sampling_rate", "base_rate"])
    explorer.sampling_rate = np.float32(0.5)
    explorer.base_rate = 0.3
    assert seen == [("sampling_rate", 0.5), ("base_rate", 0.3)]
    assert explorer.start == {"sampling_rate": 0.05, "base_rate": 0.2}  # where reset goes back to
    assert explorer in ipywidgets.VBox([explorer]).children


@pytest.mark.parametrize("name", ["sampling_rate", "base_rate"])
@pytest.mark.parametrize("value", [0, -0.1, 1.01, float("nan"), float("inf"), "0.1", None, True, [0.1]])
def test_bad_settings_are_refused(name, value):
    setting = {name: value}
    with pytest.raises(traitlets.TraitError, match=rf"{name} must be a number from 0.01 to (1.0|0.5), got"):
        CalibrationExplorer(**setting)
    explorer = CalibrationExplorer()
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == 0.1


def test_a_bound_in_single_precision_is_that_bound():
    assert float(np.float32(0.01)) < 0.01
    assert CalibrationExplorer(sampling_rate=np.float32(0.01)).sampling_rate == 0.01
    assert CalibrationExplorer(base_rate=np.float32(0.5)).base_rate == 0.5
    with pytest.raises(traitlets.TraitError, match="sampling_rate must be a number from"):
        CalibrationExplorer(sampling_rate=0.0099999)


def test_labels_hold_only_names_that_are_filled_in():
    assert CalibrationExplorer(labels={"alt": "α = {alpha}."}).alt == "α = 0.1."
    with pytest.raises(ValueError, match=r"labels\['alt'\] may hold {alpha}, {raw}, {true}; got {alfa}"):
        CalibrationExplorer(labels={"alt": "α = {alfa}."})
    with pytest.raises(ValueError, match=r"labels\['reset'\] may hold no names in braces; got {alpha}"):
        CalibrationExplorer(labels={"reset": "Back to {alpha}"})


def test_unknown_arguments_are_refused():
    with pytest.raises(ValueError, match="got samplingrate"):
        CalibrationExplorer(samplingrate=0.1)
    with pytest.raises(ValueError, match=r"labels may hold title, .*; got titel"):
        CalibrationExplorer(labels={"titel": "Kalibrierung"})


def test_output_entry(recording):
    explorer = CalibrationExplorer(0.05, 0.2, recording, caption="A caption.", labels={"raw": "roh"})
    data, _ = explorer._repr_mimebundle_()
    assert repr(explorer) == "CalibrationExplorer(sampling_rate=0.05, base_rate=0.2)"
    assert data["text/plain"] == explorer.alt
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    entry = data[MIME_TYPE]
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry
    assert (entry["module"], entry["caption"]) == ("calibration", "A caption.")
    assert entry["alt"].startswith(
        "Calibration explorer. At a sampling rate of 0.05 a model says 83% where 20%"
    )
    state = entry["state"]
    assert set(state) == {"labels", "start", "sampling_rate", "base_rate", "recorded"}
    assert state["labels"]["raw"] == "roh"
    assert state["labels"]["truth"] == "truth"
    assert "made_by" not in state["recorded"]
    assert len(state["recorded"]["runs"]) == 9


def test_alternative_text_can_be_given():
    assert CalibrationExplorer(alt="Two curves.")._repr_mimebundle_()[0][MIME_TYPE]["alt"] == "Two curves."


def test_making_widgets_does_not_bundle_again(monkeypatch):
    """anywidget makes a subclass for each instance; bundling must not run for those."""

    def fail(package, name):
        raise AssertionError(f"bundled {name} again")

    monkeypatch.setattr("bookwork.explorer.base.widget_module", fail)
    explorer = CalibrationExplorer()
    explorer.add_traits(note=traitlets.Unicode("x"))
    assert explorer._esm == CalibrationExplorer._esm
    with pytest.raises(AssertionError, match="bundled calibration again"):
        type("Another", (Explorer,), {"module": "calibration", "__module__": "ranking_course"})


def test_recorded_may_be_set_later(recording):
    explorer = CalibrationExplorer()
    assert explorer.recorded is None
    explorer.recorded = recording
    assert explorer.recorded["rates"] == [1.0, 0.1, 0.03]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["rates"], None, r"recorded must be a mapping with the key 'rates'"),
        (["base_rate"], None, r"recorded must be a mapping with the key 'base_rate'"),
        (["base_rate"], 0.0, r"recorded\['base_rate'\] must be in \(0, 1\], got 0.0"),
        (["rates", 1], 1.5, r"recorded\['rates'\]\[1\] must be in \(0, 1\], got 1.5"),
        (["rates"], [1.0, 0.1, 0.03, 0.5], r"a run for every rate, got none for \[0.5\]"),
        (["runs"], [], r"recorded\['runs'\] must be a list of at least one entry, got \[\]"),
        (["runs"], 5, r"recorded\['runs'\] must be a list of at least one entry, got 5"),
        (["rates"], 0.1, r"recorded\['rates'\] must be a list of at least one entry, got 0.1"),
        (
            ["runs", 2, "raw", "count"],
            7,
            r"\['raw'\]\['count'\] must hold any number of whole numbers, got no list: 7",
        ),
        (
            ["runs", 2, "rate"],
            0.7,
            r"recorded\['runs'\]\[2\]\['rate'\] must be one of 1.0, 0.1, 0.03, got 0.7",
        ),
        (["runs", 2, "train_seconds"], 0.0, r"\[2\]\['train_seconds'\] must be above 0, got 0.0"),
        (["runs", 2, "rows"], 0, r"\[2\]\['rows'\] must be a whole number of at least 1, got 0"),
        (["runs", 2, "auc"], 1.2, r"\[2\]\['auc'\] must be in \[0, 1\], got 1.2"),
        (["runs", 2, "raw"], None, r"\[2\] must be a mapping with the key 'raw'"),
        (["runs", 2, "raw", "ece"], float("nan"), r"\['raw'\]\['ece'\] must be finite, got nan"),
        (["runs", 2, "raw", "count"], [0] * 5, r"\['count'\] must hold at least one row"),
        (["runs", 2, "raw", "predicted"], [0.1] * 4, r"\['predicted'\] must have one value per bin: 4 for 5"),
        (
            ["runs", 2, "raw", "observed", 1],
            1.1,
            r"\['observed'\]\[1\] must be in \[0, 1\], got 1.1",
        ),
        (
            ["runs", 2, "raw", "count", 0],
            1.7,
            r"\['raw'\]\['count'\] must hold any number of whole numbers, got 5: \[1.7, ",
        ),
        (["truth", "auc"], 1.2, r"recorded\['truth'\]\['auc'\] must be in \[0, 1\], got 1.2"),
        (["truth", "auc"], None, r"recorded\['truth'\] must be a mapping with the key 'auc'"),
    ],
)
def test_bad_recordings_are_refused(recording, path, value, message):
    with pytest.raises(ValueError, match=message):
        CalibrationExplorer(recorded=spoilt(recording, path, value))


def test_recordings_without_bins_in_common_are_refused(recording):
    three = {key: [0.1, 0.2, 0.3] for key in ("predicted", "observed")} | {"count": [1, 1, 1]}
    worse = spoilt(recording, ["runs", 0, "raw"], {**three, "ece": 0.1, "log_loss": 0.2})
    with pytest.raises(ValueError, match=r"the same number of bins, got \[3, 5\]"):
        checked_recording(worse)


def test_empty_bins_carry_no_numbers(recording):
    filled = spoilt(recording, ["runs", 0, "raw", "predicted", 3], float("nan"))
    assert checked_recording(filled)["runs"][0]["raw"]["predicted"][3] is None
