"""What is handed out after the deadline runs from top to bottom, and earns all points."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from small_course import NAME, SECRETS, write_small_project
from term_course import MODEL, term_notebook

from bookwork.grading.__main__ import main
from bookwork.grading.term.solutions import solved


@pytest.mark.slow
def test_solutions_run_and_all_checks_pass(tmp_path, capsys):
    write_small_project(tmp_path)
    folder = tmp_path / "book"
    out = tmp_path / "solutions"
    assert main(["solutions", str(out), "--folder", str(folder)]) == 0
    assert capsys.readouterr().out.split() == [str(out / f"{NAME}.ipynb")]
    notebook = nbformat.read(out / f"{NAME}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    results = [o.data["text/plain"] for o in outputs if o.output_type == "execute_result"]
    assert results == ["2.0", "2.0"]
    said = "".join(output.get("text", "") for output in outputs)
    assert said.count("✓") == 4
    assert all(secret in said for secret in SECRETS)


def test_nothing_is_left_of_how_it_was_authored():
    notebook = solved(term_notebook())
    text = nbformat.writes(notebook)
    assert not any(marker in text for marker in ("### BEGIN", "### END"))
    assert "nbgrader" not in text
    assert MODEL in text
    assert all(not cell.get("outputs") for cell in notebook.cells)


def test_errors(tmp_path, capsys):
    write_small_project(tmp_path)
    options = ("--folder", str(tmp_path / "book"), "--chapter", "x")
    assert main(["solutions", str(tmp_path / "new"), *options]) == 2
    assert f"chapters must be some of {NAME}, got x" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
