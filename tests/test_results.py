"""Recorded results carry their origin and are found from a chapter's folder."""

from __future__ import annotations

import pytest

from ranking.results import load_results, save_results


def test_round_trip_from_a_folder_below(tmp_path, monkeypatch):
    folder = tmp_path / "experiments" / "results"
    folder.mkdir(parents=True)
    save_results(folder / "toy.json", {"runs": [1, 2]}, command="python experiments/toy.py", seeds=range(2))
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path / "book")
    found = load_results("toy")
    assert found["runs"] == [1, 2]
    assert found["made_by"]["seeds"] == [0, 1]
    assert found["made_by"]["command"] == "python experiments/toy.py"
    assert {"torch", "numpy"} <= set(found["made_by"]["versions"])
    assert found["made_by"]["machine"]["cores"] >= 1


def test_missing_results_say_where_they_were_sought(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"experiments/results/toy\.json"):
        load_results("toy")


@pytest.mark.parametrize(
    ("data", "message"), [({"made_by": 1}, "made_by"), ({"x": float("nan")}, "not JSON compliant")]
)
def test_bad_data_is_refused(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        save_results(tmp_path / "toy.json", data, command="", seeds=[])
    assert not (tmp_path / "toy.json").exists()
