"""A notebook turned into a page by nbconvert, as many viewers do: live figures move, without our build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytestmark = pytest.mark.browser

CELLS = (
    "from ranking_course.explorers import CalibrationExplorer\n\nCalibrationExplorer(sampling_rate=0.1)",
    "from ranking_course import figures\n\nfigures.new_figure(\n"
    "    title='A line', alt='A line that rises', caption='What rises.', x='x', y='y'\n"
    ").line([0, 1], [0, 1], 'rises')",
)


def test_explorers_and_figures_show_without_our_pages(chromium: Any, tmp_path: Path) -> None:
    notebook = new_notebook(cells=[new_markdown_cell("# A page"), *map(new_code_cell, CELLS)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, kernel_name="python3", store_widget_state=False).execute(cwd=str(tmp_path))
    html, _ = HTMLExporter(exclude_input=True).from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1000, "height": 1600})
    page.route(lambda url: not url.startswith("file:"), lambda route: route.abort())  # as without a network
    page.goto((tmp_path / "page.html").as_uri())

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
