"""Explorers as widgets of JupyterLab: they show, they nest, arrow keys reach them, Python follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lab_server import open_notebook, run_all, serve

from bookwork.explorer.bundle import modules

WITH_CONTROLS = sorted({*modules(["ranking_course"])} - {"drawn", "funnel_picture"})
EXPLORER_TESTS = Path(__file__).resolve().parents[1] / "ranking_course" / "explorers"

pytestmark = [pytest.mark.browser, pytest.mark.lab]

CELLS = [
    "import ipywidgets\nfrom ranking_course.explorers import CalibrationExplorer\n"
    "explorer = CalibrationExplorer()",
    "heard = ipywidgets.Label('nothing yet')\n"
    "explorer.observe(lambda change: setattr(heard, 'value', f'{change.name} is {change.new}'),\n"
    "                 ['sampling_rate', 'base_rate'])\n"
    "ipywidgets.VBox([explorer, heard])",
]


def notebook(cells: list[str]) -> str:
    """A notebook of code cells, as JSON."""
    code = [
        {
            "cell_type": "code",
            "id": f"cell-{i}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": c,
        }
        for i, c in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def test_slider_and_python_follow_each_other(chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "try.ipynb").write_text(notebook(CELLS), encoding="utf-8")
    with serve(tmp_path / "work", tmp_path) as address:
        page = chromium.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, address, "try.ipynb")
        run_all(page)
        slider = page.get_by_label("Sampling rate α")
        slider.wait_for()
        sentence = page.locator(".rx-sentence")
        assert sentence.inner_text().startswith("At α = 0.10 the model says 53% where 10% is true")
        assert page.locator(".rx-picture").count() == 2

        slider.focus()
        page.keyboard.press("ArrowRight")
        page.get_by_text("sampling_rate is 0.12").wait_for()
        assert sentence.inner_text().startswith("At α = 0.12 the model says 48%")
        assert slider.evaluate("(input) => document.activeElement === input")  # and no cell was selected

        page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
                .requestExecute({ code: 'explorer.base_rate = 0.25' }).done"""
        )
        page.get_by_text("base_rate is 0.25").wait_for()
        page.get_by_label("Base rate").and_(page.locator("[aria-valuetext='25%']")).wait_for()
        assert "where 25% is true" in sentence.inner_text()

        ink = "document.querySelector('.rx') && getComputedStyle(document.querySelector('.rx')).color"
        light = page.evaluate(ink)
        page.evaluate(
            "() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
        )
        page.wait_for_function(f"(light) => ({ink}) !== light", arg=light)
        page.close()
    assert errors == []


def test_every_explorer_shows_and_is_heard(chromium: Any, tmp_path: Path) -> None:
    """The first control of each, by keyboard: the widget redraws, and Python hears of the new setting."""
    cells = [
        f"import sys\nsys.path[:0] = [{str(EXPLORER_TESTS)!r}]\n"
        "import ipywidgets\nfrom gallery import GALLERY\n\n"
        "def follow(name):\n"
        "    explorer, heard = GALLERY[name](), ipywidgets.Label(f'{name}: silent')\n"
        "    hear = lambda change: setattr(heard, 'value', f'{name}: heard')\n"
        "    explorer.observe(hear, list(explorer.settings))\n"
        "    return ipywidgets.VBox([explorer, heard])",
        *[f"follow({name!r})" for name in WITH_CONTROLS],
    ]
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "all.ipynb").write_text(notebook(cells), encoding="utf-8")
    with serve(tmp_path / "work", tmp_path) as address:
        page = chromium.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, address, "all.ipynb")
        run_all(page)
        for name in WITH_CONTROLS:
            heard = page.locator(".widget-label", has_text=f"{name}: ")
            heard.wait_for()
            assert heard.inner_text() == f"{name}: silent"
            box = page.locator(".widget-vbox").filter(has=heard)
            box.locator(".rx input").first.wait_for(state="attached")
            if box.locator(".rx input[type=range]").count() == 0:  # another choice is made
                box.locator(".rx input:not(:checked)").first.press("Space")
                page.get_by_text(f"{name}: heard").wait_for()
                check = box.get_by_role("button", name="Check")
                if check.count():  # of a quiz, the answer is checked
                    check.first.press("Enter")
                    box.locator(".rx-feedback strong").first.wait_for()
                continue
            slider = box.locator(".rx input[type=range]:visible").first
            before = slider.get_attribute("aria-valuetext")
            slider.focus()
            page.keyboard.press(
                "Home" if slider.input_value() == slider.get_attribute("max") else "ArrowRight"
            )
            page.get_by_text(f"{name}: heard").wait_for()
            assert slider.get_attribute("aria-valuetext") != before, name

        # the gates explorer trains in Python when its button is pressed, and shows what came out
        page.get_by_role("button", name="Train").click()
        page.get_by_text("6 seeds trained on 400 rows").wait_for()
        page.locator(".rx-sentence", has_text="Trained here: Adam at a learning rate of ").wait_for()
        page.close()
    assert errors == []
