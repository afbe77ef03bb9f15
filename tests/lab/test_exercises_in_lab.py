"""The learner's edition in JupyterLab runs to its end; wrong answers get hints, right ones pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab_server import open_notebook, run_all, serve

from bookwork.grading.course import write_learners
from bookwork.grading.project import Project

pytestmark = [pytest.mark.browser, pytest.mark.lab]

NAME = "03_calibration.ipynb"
WRONG = "def calibrate_both(p, alpha, beta):\n    return alpha * p / ((1 - p) + alpha * p)"
RIGHT = "def calibrate_both(p, alpha, beta):\n    return alpha * p / (alpha * p + beta * (1 - p))"

WRITE_AND_RUN = """async ([name, code]) => {
    const panel = window.jupyterapp.shell.currentWidget;
    const widgets = panel.content.widgets;
    const at = widgets.findIndex((cell) => cell.model.id === name);
    if (code !== null) widgets[at].model.sharedModel.setSource(code);
    const run = async (index) => {
        panel.content.activeCellIndex = index;
        await window.jupyterapp.commands.execute("notebook:run-cell");
    };
    await run(at);
    await run(at + 1);
    const outputs = widgets[at + 1].model.outputs.toJSON();
    return outputs.map((output) => output.text ?? output.data?.["text/plain"] ?? output.ename).join("");
}"""

ERRORS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .flatMap((cell) => cell.model.outputs?.toJSON() ?? [])
    .filter((output) => output.output_type === "error" || output.name === "stderr")"""


def test_a_learner_solves_an_exercise(chromium: Any, tmp_path: Path) -> None:
    write_learners(tmp_path / "class", Project.here())
    with serve(tmp_path / "class" / "exercises", tmp_path) as address:
        page = chromium.new_page()
        open_notebook(page, address, NAME)
        run_all(page)
        assert page.evaluate(ERRORS) == []
        page.get_by_text("calibrate_both gives None: nothing is returned yet").first.wait_for()

        assert "calibrate_both gives None: nothing is returned yet" in page.evaluate(
            WRITE_AND_RUN, ["both-sides", None]
        )
        wrong = page.evaluate(WRITE_AND_RUN, ["both-sides", WRONG])
        assert "✓ β = 1 is the formula of the chapter" in wrong
        assert "Hint: Dropping the same share of both leaves the odds alone." in wrong
        page.get_by_text("Hint: Dropping the same share of both leaves the odds alone.").wait_for()

        right = page.evaluate(WRITE_AND_RUN, ["both-sides", RIGHT])
        assert "✗" not in right
        assert "1.33 of 2 points; 0.667 more from checks that run when it is graded" in right
        assert page.evaluate(ERRORS) == []

        # what is to stay as it is cannot be changed
        locked = page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model)
                .filter((model) => model.getMetadata("editable") === false).map((model) => model.id)"""
        )
        assert "setup" in locked
        assert "both-sides-check" in locked
        assert "both-sides" not in locked
        page.close()
