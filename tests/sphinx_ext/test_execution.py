from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ranking.sphinx_ext.execution import BUILD_ONLY, PACKAGE, fingerprint, inputs, set_cache


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "experiments" / "results").mkdir(parents=True)
    (tmp_path / "experiments" / "results" / "a.json").write_text("{}")
    (tmp_path / "requirements.txt").write_text("numpy==2.0\n")
    return tmp_path


def cache_path(project: Path) -> Path:
    app = SimpleNamespace(srcdir=project / "book", outdir=project / "_build" / "html")
    config = SimpleNamespace()
    set_cache(app, config)
    path = Path(config.nb_execution_cache_path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def test_fingerprint_sees_names_and_contents_not_order(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("1")
    two.write_text("2")
    first = fingerprint([one, two])
    assert first == fingerprint([two, one])
    assert first != fingerprint([one, two], "with data")
    two.write_text("3")
    assert first != fingerprint([one, two])
    one.rename(tmp_path / "other.py")
    assert fingerprint([tmp_path / "other.py"]) != fingerprint([two])


def test_inputs_are_package_environment_and_results(project):
    found = inputs(project)
    assert PACKAGE / "calibration.py" in found
    assert PACKAGE / "explorers" / "js" / "chart.js" in found
    assert project / "requirements.txt" in found
    assert project / "experiments" / "results" / "a.json" in found
    assert not any(BUILD_ONLY in path.parents for path in found)


def test_the_same_state_keeps_its_cache(project):
    assert cache_path(project) == cache_path(project)


@pytest.mark.parametrize("changed", ["requirements.txt", "experiments/results/a.json"])
def test_another_state_has_another_cache_and_the_old_one_goes(project, changed):
    old = cache_path(project)
    (project / changed).write_text("other")
    new = cache_path(project)
    assert new != old
    assert new.is_dir()
    assert not old.exists()


def test_the_folder_with_real_data_is_part_of_the_state(project, monkeypatch):
    monkeypatch.delenv("RANKING_KUAIRAND_DIR", raising=False)
    without = cache_path(project)
    monkeypatch.setenv("RANKING_KUAIRAND_DIR", "somewhere")
    assert cache_path(project) != without
