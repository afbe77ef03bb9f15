"""Recorded results carry their origin and are found from a chapter's folder."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results, save_results


def test_round_trip_from_a_folder_below(tmp_path, monkeypatch):
    folder = tmp_path / "experiments" / "chapter"
    folder.mkdir(parents=True)
    save_results(
        folder / "toy.json", {"runs": [1, 2]}, command="python -m experiments.chapter.toy", seeds=range(2)
    )
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path / "book")
    found = load_results("chapter/toy")
    assert found["runs"] == [1, 2]
    assert found["made_by"]["seeds"] == [0, 1]
    assert found["made_by"]["command"] == "python -m experiments.chapter.toy"
    assert {"torch", "numpy"} <= set(found["made_by"]["versions"])
    assert found["made_by"]["machine"]["cores"] >= 1


def test_missing_results_say_where_they_were_sought(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"experiments/chapter/toy\.json"):
        load_results("chapter/toy")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"made_by": 1}, "made_by"),
        ({"x": float("nan")}, r"data\['x'\] must be finite: JSON has no nan"),
        (
            {"runs": [{"auc": 0.5}, {"auc": np.float32("inf")}]},
            r"data\['runs'\]\[1\]\['auc'\] must be finite",
        ),
        ({"x": {1, 2}}, r"data\['x'\] must be what JSON can hold, got set"),
        ({"x": {(1, 2): 3}}, r"data\['x'\] must have texts or numbers as keys, got \(1, 2\)"),
    ],
)
def test_bad_data_is_refused(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        save_results(tmp_path / "toy.json", data, command="", seeds=[])
    assert not (tmp_path / "toy.json").exists()


def test_numpy_numbers_and_text_paths_are_taken(tmp_path, monkeypatch):
    folder = tmp_path / "experiments" / "chapter"
    folder.mkdir(parents=True)
    data = {
        "auc": np.float64(0.5),
        "rows": np.int64(3),
        "kept": np.True_,
        "bins": np.arange(2),
        0.1: (1, None),
    }
    save_results(str(folder / "toy.json"), data, command="", seeds=np.arange(2))
    monkeypatch.chdir(tmp_path)
    found = load_results("chapter/toy")
    assert found.pop("made_by")["seeds"] == [0, 1]
    assert found == {"auc": 0.5, "rows": 3, "kept": True, "bins": [0, 1], "0.1": [1, None]}


@pytest.mark.parametrize("content", [b'{"runs": [1,', b"\xff"])
def test_a_broken_file_is_named(tmp_path, monkeypatch, content):
    folder = tmp_path / "experiments" / "chapter"
    folder.mkdir(parents=True)
    (folder / "toy.json").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"toy\.json must hold JSON, got"):
        load_results("chapter/toy")
