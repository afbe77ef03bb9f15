"""JupyterLab in a course folder: nbgrader's buttons are there, but for the one that fails right work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab_server import open_notebook, serve
from small_course import write_small_notebook

from bookwork.grading import course

pytestmark = [pytest.mark.browser, pytest.mark.lab]

HAS = "(name) => window.jupyterapp.hasPlugin(name)"


def test_formgrader_is_there_and_validate_is_not(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scratch = tmp_path / "grading", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    course.write_lab(folder, without=course.VALIDATE)
    notebook = write_small_notebook(folder)
    monkeypatch.chdir(folder)  # where the guide starts it
    with serve(None, scratch, f"--config={course.LAB}") as address:
        page = chromium.new_page()
        open_notebook(page, address, str(notebook.relative_to(folder)))
        page.locator(".lm-MenuBar-itemLabel", has_text="Nbgrader").wait_for()
        assert page.evaluate(HAS, f"{course.NBGRADER_IN_LAB}:formgrader")
        assert not page.evaluate(HAS, course.VALIDATE)
        assert page.get_by_role("button", name="Validate").count() == 0
        page.close()
