"""What learners write themselves in chapters 5 and 6: the cells are live in JupyterLab, sliders included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lab_server import open_notebook, run_all, serve

BOOK = Path(__file__).resolve().parents[2] / "book"

pytestmark = [pytest.mark.browser, pytest.mark.lab]

A_SMALL_FEED = """
import numpy as np

from ranking_course import figures
from ranking import fusion
from ranking_course.palette import TARGET_COLOURS

rng = np.random.default_rng(0)
p = {name: rng.beta(1, 9, (20, 30)) for name in ("click", "like", "collect", "share")}
p["watch_time"] = rng.gamma(2, 10, (20, 30))


def show(score):
    totals = fusion.expected_totals(fusion.top_k(score, 10), fusion.per_impression(p))
    return {name: total.mean() for name, total in totals.items()}
"""

IMPORTS = "import numpy as np\nfrom ranking import watch_time as wt"


def cells_from(chapter: str, function: str) -> list[dict[str, Any]]:
    """The code cell of a chapter that defines a function for learners to change, and the next: its slider."""
    cells = json.loads((BOOK / chapter / "index.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    (at,) = (k for k, cell in enumerate(code) if f"def {function}(" in "".join(cell["source"]))
    return code[at : at + 2]


@pytest.mark.parametrize(
    ("chapter", "before", "function", "slider", "shown"),
    [
        ("05_fusion", A_SMALL_FEED, "my_formula", "c", ".js-plotly-plot .bartext"),
        ("06_watch_time", IMPORTS, "my_target", "spread", ".widget-output pre"),
    ],
)
def test_a_slider_moves_what_the_learner_wrote(
    chromium: Any, tmp_path: Path, chapter: str, before: str, function: str, slider: str, shown: str
) -> None:
    first = {"cell_type": "code", "id": "first", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [first | {"source": before}, *cells_from(chapter, function)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "own.ipynb").write_text(json.dumps(book), encoding="utf-8")
    with serve(tmp_path / "work", tmp_path) as address:
        page = chromium.new_page(viewport={"width": 1200, "height": 1600})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, address, "own.ipynb")
        run_all(page)
        text = page.locator(shown)
        text.first.wait_for()
        was = text.all_text_contents()
        handle = page.locator(".widget-slider", has=page.get_by_text(slider, exact=True)).get_by_role(
            "slider"
        )
        handle.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.wait_for_function(
            """([shown, was]) => {
                const now = [...document.querySelectorAll(shown)].map((element) => element.textContent);
                return now.length > 0 && now.join() !== was.join();
            }""",
            arg=[shown, was],
        )
        page.close()
    assert errors == []
