from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

from bookwork.sphinx.execution import (
    BUILD_ONLY,
    MACHINE,
    as_parsed,
    execute_side_by_side,
    fingerprint,
    inputs,
    is_cached,
    set_cache,
)

INPUTS = ["src/**/*", "experiments/**/*.json", "requirements.txt", "none.txt"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "experiments" / "chapter").mkdir(parents=True)
    (tmp_path / "experiments" / "chapter" / "a.json").write_text("{}")
    (tmp_path / "requirements.txt").write_text("numpy==2.0\n")
    (tmp_path / "src" / "science" / "__pycache__").mkdir(parents=True)
    (tmp_path / "src" / "science" / "model.py").write_text("1")
    (tmp_path / "src" / "science" / "__pycache__" / "model.pyc").write_text("1")
    return tmp_path


def cache_path(project: Path) -> Path:
    app = SimpleNamespace(srcdir=project / "book", outdir=project / "_build" / "html")
    config = SimpleNamespace(
        bookwork_inputs=INPUTS, bookwork_variables=["BOOK_DATA"], bookwork_explorers=["ranking_course"]
    )
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


def test_inputs_are_what_the_book_names_and_the_machine(project):
    found = inputs(project, INPUTS)
    assert {path.relative_to(project).as_posix() for path in found if project in path.parents} == {
        "requirements.txt",
        "experiments/chapter/a.json",
        "src/science/model.py",
    }
    assert MACHINE / "explorer" / "base.py" in found
    assert not any(BUILD_ONLY in path.parents or path.suffix == ".js" for path in found)


def test_the_same_state_keeps_its_cache(project):
    assert cache_path(project) == cache_path(project)


@pytest.mark.parametrize(
    "changed", ["requirements.txt", "experiments/chapter/a.json", "src/science/model.py"]
)
def test_another_state_has_another_cache_and_the_old_one_goes(project, changed):
    old = cache_path(project)
    (project / changed).write_text("other")
    new = cache_path(project)
    assert new != old
    assert new.is_dir()
    assert not old.exists()


def test_the_folder_with_real_data_is_part_of_the_state(project, monkeypatch):
    monkeypatch.delenv("BOOK_DATA", raising=False)
    without = cache_path(project)
    monkeypatch.setenv("BOOK_DATA", "somewhere")
    assert cache_path(project) != without


@pytest.fixture
def book(tmp_path: Path) -> SimpleNamespace:
    """An application with three notebooks, one of which fails, and an extension that changes their code."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name, code in {"one": "1 + 1", "two": "2 + 2", "bad": "1 / 0"}.items():
        notebook = new_notebook(cells=[new_code_cell(code)], metadata={"kernelspec": kernel})
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    (tmp_path / "text.md").write_text("# Text")

    def emit(event: str, docname: str, source: list[str]) -> None:
        assert event == "source-read"
        source[0] = source[0].replace("2 + 2", "2 + 2 + 4")

    def doc2path(name: str) -> str:
        return str(tmp_path / (f"{name}.md" if name == "text" else f"{name}.ipynb"))

    config = SimpleNamespace(
        nb_execution_mode="cache", nb_execution_timeout=60, nb_execution_cache_path=str(tmp_path / "cache")
    )
    return SimpleNamespace(env=SimpleNamespace(doc2path=doc2path), config=config, emit=emit)


def test_notebooks_are_executed_as_they_will_be_parsed(book, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    execute_side_by_side(book, book.env, ["one", "text", "two", "bad"])
    cache = get_cache(book.config.nb_execution_cache_path)
    assert [is_cached(cache, as_parsed(book, name)) for name in ("one", "two", "bad")] == [True, True, False]
    _, merged = cache.merge_match_into_notebook(as_parsed(book, "two"))
    assert merged.cells[0].source == "2 + 2 + 4"
    assert merged.cells[0].outputs[0].data["text/plain"] == "8"


@pytest.mark.parametrize(("mode", "executed"), [("cache", True), ("off", False)])
def test_a_single_notebook_is_executed_here_too_and_another_mode_is_left_to_the_parser(book, mode, executed):
    book.config.nb_execution_mode = mode
    execute_side_by_side(book, book.env, ["one", "text"])
    assert is_cached(get_cache(book.config.nb_execution_cache_path), as_parsed(book, "one")) == executed
    execute_side_by_side(book, book.env, ["text"])
