"""A notebook turned into a page by nbconvert, as many viewers do: live figures move, without our build."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.browser

CELLS = (
    "from ranking_course.explorers import CalibrationExplorer\n\nCalibrationExplorer(sampling_rate=0.1)",
    "from ranking_course import figures\n\nfigures.new_figure(\n"
    "    title='A line', alt='A line that rises', caption='What rises.', x='x', y='y'\n"
    ").line([0, 1], [0, 1], 'rises')",
    "from ipywidgets import interact\n\n@interact(x=0.5)\ndef twice(x):\n    return f'twice {x}'",
)


def command_in_run_page() -> list[str]:
    """The command by which the page "Run it" makes one file of a chapter, with all but the chapter's path."""
    page = (ROOT / "book" / "run.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"^jupyter nbconvert (.*?)\n```", page, flags=re.MULTILINE | re.DOTALL)
    *options, chapter = shlex.split(written.replace("\\\n", ""))
    assert (ROOT / chapter).is_file()
    return [sys.executable, "-m", "nbconvert", *options]


def test_explorers_and_figures_show_without_our_pages(chromium: Any, tmp_path: Path) -> None:
    notebook = new_notebook(cells=[new_markdown_cell("# A page"), *map(new_code_cell, CELLS)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "page.ipynb")
    subprocess.run([*command_in_run_page(), "page.ipynb"], cwd=tmp_path, check=True)
    page = chromium.new_page(viewport={"width": 1000, "height": 1600})
    page.route(lambda url: not url.startswith("file:"), lambda route: route.abort())  # as without a network
    page.goto((tmp_path / "_build" / "page.html").as_uri())

    frames = [page.main_frame, *(frame for frame in page.frames if frame is not page.main_frame)]
    (live,) = [frame for frame in frames if frame.locator(".rx input[type=range]").count()]
    sentence = live.locator(".rx-sentence")
    assert "53% where 10% is true" in sentence.inner_text()
    live.get_by_label("Sampling rate α").press("ArrowRight")
    assert "48%" in sentence.inner_text()

    shown = "".join(frame.locator("body").inner_text() for frame in page.frames)
    assert "What rises." in shown
    assert any(frame.locator("svg", has_text="rises").count() for frame in page.frames)
    page.close()
