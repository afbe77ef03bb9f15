"""What all experiments share: options, one bar, a record beside the script, and the list of them all."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bookwork.results import save_results
from experiments import running
from experiments.__main__ import chosen, commands
from experiments.running import DataMissing, each, record, rounded
from ranking.progress import SILENT

ROOT = Path(__file__).parents[2]
NAMES = [
    path.relative_to(ROOT / "experiments").with_suffix("").as_posix()
    for path in ROOT.glob("experiments/*/*.json")
]
pytestmark = pytest.mark.usefixtures("one_thread")


def measure(seeds: range, rows: int = 7) -> dict[str, object]:
    """Stands for an experiment; this module for its script."""
    return {"runs": [{"seed": seed, "rows": rows, "mean": np.float32(0.1)} for seed in each(seeds)]}


def without_seeds(rows: int = 7) -> dict[str, object]:
    return {"rows": rows}


def without_data(seeds: range) -> dict[str, object]:
    raise DataMissing("No data here")


def test_options_are_the_parameters_and_the_record_says_all_of_them(tmp_path):
    out = tmp_path / "toy.json"
    record(measure, seeds=10, arguments=["--seeds", "2", "--out", str(out)])
    found = json.loads(out.read_text())
    made_by = found.pop("made_by")
    assert made_by["command"] == f"python -m {__name__} --seeds 2 --rows 7"
    assert made_by["seeds"] == [0, 1]
    assert found == {"runs": [{"seed": seed, "rows": 7, "mean": 0.1} for seed in (0, 1)]}
    record(without_seeds, arguments=["--rows", "3", "--out", str(out)])
    found = json.loads(out.read_text())
    assert (found["rows"], found["made_by"]["seeds"]) == (3, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "argument --seeds: must be a whole number of at least 1, got '0'"),
        (["--rows", "many"], "argument --rows: must be a whole number of at least 1, got 'many'"),
        (["--row", "3"], "unrecognized arguments: --row 3"),
        (["--speed", "3"], "unrecognized arguments: --speed 3"),
        (["--out", "no/such/folder/toy.json"], "argument --out: must be a file in a folder that exists"),
        (["--out", "."], "argument --out: must be a file in a folder that exists"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "save_results", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(SystemExit):
        record(measure, seeds=2, arguments=arguments)
    assert message in capsys.readouterr().err


def test_without_its_data_an_experiment_leaves_the_record(tmp_path, capsys):
    out = tmp_path / "toy.json"
    save_results(out, {"runs": [1]}, command="", seeds=[])
    before = out.read_text()
    record(without_data, seeds=2, arguments=["--out", str(out)])
    assert capsys.readouterr().out == "No data here: nothing was re-made.\n"
    assert out.read_text() == before


@pytest.mark.parametrize("before", [None, "0", "1"])
def test_the_bars_inside_stay_silent_and_later_ones_do_not(monkeypatch, before):
    if before is None:
        monkeypatch.delenv(SILENT)
    else:
        monkeypatch.setenv(SILENT, before)
    assert [os.environ[SILENT] for _ in each(range(2))] == ["1", "1"]
    assert os.environ.get(SILENT) == before


def test_numbers_are_rounded_but_never_to_nothing():
    found = {
        "a": [1234.56789012, 0.000012345678],
        "b": np.float32([0.1]),
        "c": torch.tensor(2.0),
        "d": (1, None, "x"),
    }
    assert rounded(found) == {"a": [1234.56789, 1.23457e-05], "b": [0.1], "c": 2.0, "d": [1, None, "x"]}
    assert rounded([-0.0, True, 10**12]) == [0.0, True, 10**12]


def test_every_record_has_one_command_and_every_command_its_record():
    assert sorted(commands()) == sorted(NAMES)


@pytest.mark.parametrize("name", sorted(commands()))
def test_the_recorded_command_is_the_one_that_would_run(name):
    made_by = json.loads((ROOT / "experiments" / f"{name}.json").read_text(encoding="utf-8"))["made_by"]
    _, module, *_ = commands()[name]
    assert made_by["command"].startswith((f"python -m {module}", f"python {module.replace('.', '/')}.py"))
    if module.startswith("experiments."):
        assert callable(importlib.import_module(module).measure)


def test_chapters_name_scripts_and_records_that_exist():
    scripts, records = set(), set()
    for path in (ROOT / "book").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        scripts |= set(re.findall(r"experiments/[\w/]+\.py", text))
        records |= set(re.findall(r'load_results\(\\"([\w/]+)\\"', text))
    assert len(scripts) > 10
    assert all((ROOT / script).is_file() for script in scripts)
    assert records == set(NAMES)


def test_all_or_some_can_be_chosen():
    assert list(chosen([])) == list(commands())
    assert list(chosen(["fusion/ab", "calibration"])) == [
        "calibration/alarm",
        "calibration/bend",
        "calibration/controls",
        "calibration/fused_order",
        "calibration/kuairand",
        "calibration/level",
        "calibration/level_kuairand",
        "calibration/sampling",
        "calibration/weighting",
        "fusion/ab",
    ]
    with pytest.raises(ValueError, match="no record or chapter is named 'fusion/none'; there are funnel, "):
        chosen(["fusion/none"])


def test_the_list_runs_nothing():
    command = [sys.executable, "-m", "experiments", "--list", "mmoe"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert " ".join(shown[-1].split()) == (
        "mmoe/speed python -m benchmarks.mmoe --out experiments/mmoe/speed.json"
    )
    assert len(shown) == 10


def test_a_script_runs_as_a_module(tmp_path):
    out = tmp_path / "alarm.json"
    options = ["--months=2", "--rows=20", "--faults=1", f"--out={out}"]
    command = [sys.executable, "-m", "experiments.calibration.alarm", *options]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    found = json.loads(out.read_text())
    assert found["made_by"]["command"] == (
        "python -m experiments.calibration.alarm --months 2 --rows 20 --faults 1"
    )
    recorded = ROOT / "experiments/calibration/alarm.json"
    assert set(found) == set(json.loads(recorded.read_text(encoding="utf-8")))
