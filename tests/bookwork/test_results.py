"""Recorded results carry their origin and are found from a chapter's folder."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from bookwork.results import load_results, save_results, text_of

RECORDS = sorted((Path(__file__).parents[2] / "experiments").rglob("*.json"))


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
        ({"x": {1: 2, "1": 3}}, r"data\['x'\] must have keys that differ as texts"),
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


def test_a_downloaded_chapter_finds_the_results_of_the_installed_course(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_results("fusion/weights")["runs"]


def test_a_folder_of_results_can_be_named(tmp_path):
    save_results(tmp_path / "toy.json", {"runs": []}, command="", seeds=[])
    assert load_results("toy", folder=tmp_path)["runs"] == []
    with pytest.raises(FileNotFoundError, match=r"no other\.json in"):
        load_results("other", folder=tmp_path)


def test_one_record_a_line():
    data = {"rates": [1, 2], "empty": [], "runs": [{"seed": 0, "mse": {"a": [1]}}, {"seed": 1}], "名": None}
    text = text_of(data)
    assert json.loads(text) == data
    assert text.splitlines() == [
        "{",
        ' "rates": [1, 2],',
        ' "empty": [],',
        ' "runs": [',
        '  {"seed": 0, "mse": {"a": [1]}},',
        '  {"seed": 1}',
        " ],",
        ' "名": null',
        "}",
    ]


@pytest.mark.parametrize("path", RECORDS, ids=[f"{path.parent.name}/{path.stem}" for path in RECORDS])
def test_every_recorded_file_is_as_it_would_be_written(path):
    text = path.read_text(encoding="utf-8")
    assert text == text_of(json.loads(text))


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_old_results(tmp_path, monkeypatch):
    path = tmp_path / "toy.json"
    save_results(path, {"runs": [1]}, command="", seeds=[])
    before = path.read_text()
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_results(path, {"runs": [2]}, command="", seeds=[])
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_share_what_is_half_written(tmp_path, monkeypatch):
    """A second writer begins and ends while the first is at work; the first, who ends last, wins."""
    path, sync = tmp_path / "toy.json", os.fsync

    def meanwhile(file):
        sync(file)
        monkeypatch.setattr(os, "fsync", sync)
        save_results(path, {"runs": [2]}, command="", seeds=[])
        assert load_results("toy", folder=tmp_path)["runs"] == [2]

    monkeypatch.setattr(os, "fsync", meanwhile)
    save_results(path, {"runs": [1]}, command="", seeds=[])
    assert load_results("toy", folder=tmp_path)["runs"] == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_is_no_file_is_refused(tmp_path):
    save_results(tmp_path / "real.json", {"runs": [1]}, command="", seeds=[])
    (tmp_path / "link.json").symlink_to("real.json")
    save_results(tmp_path / "link.json", {"runs": [2]}, command="", seeds=[])
    assert (tmp_path / "link.json").is_symlink()
    assert load_results("real", folder=tmp_path)["runs"] == [2]
    with pytest.raises(ValueError, match="path must name a file"):
        save_results(tmp_path, {}, command="", seeds=[])
