"""JupyterLab as `make lab` opens it: the introduction first, no grading buttons, asides that are boxes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lab_server import START_SECONDS, open_notebook, serve

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = "lab/config.json"

pytestmark = [pytest.mark.browser, pytest.mark.lab]


def test_a_reader_finds_the_introduction_and_no_grading(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"jupyter lab --config {CONFIG}" in (REPOSITORY / "book" / "run.md").read_text(encoding="utf-8")
    monkeypatch.chdir(REPOSITORY)  # where readers are when they give the command
    with serve(None, tmp_path, f"--config={CONFIG}") as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.wait_for_url("**/lab/tree/intro.ipynb*", timeout=START_SECONDS * 1000)
        page.locator(".jp-Notebook h1").first.wait_for(timeout=START_SECONDS * 1000)
        page.locator(".lm-MenuBar-itemLabel", has_text="Kernel").wait_for(timeout=START_SECONDS * 1000)
        menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
        assert "Nbgrader" not in menus
        assert page.get_by_text(re.compile("Create Assignment|^Validate$")).count() == 0
        assert page.get_by_text("Would you like to get notified").count() == 0

        open_notebook(page, address, "03_calibration/index.ipynb")
        aside = page.locator("blockquote", has_text="A slip in the source").first
        aside.wait_for()
        assert aside.evaluate("(quote) => getComputedStyle(quote).backgroundColor") != "rgba(0, 0, 0, 0)"
        # the picture's code is folded
        page.locator(".jp-CodeCell").first.locator(".jp-Placeholder").first.wait_for()
        page.close()
