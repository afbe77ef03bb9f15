"""A book of another project: live, offline, folded and graded, from nothing but what bookwork offers.

Its package lies in a temporary folder; nothing of this course's packages is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from small_course import KERNEL, NAME, RIGHT, SECRETS, small_notebook, write_small_notebook

from bookwork.grading import editions, gate

pytestmark = pytest.mark.slow

PACKAGE = """from traitlets import Int

from bookwork.explorer import Explorer
from bookwork.palette import Palette


PALETTE = Palette(series={"tea": "#0B6E4F"})


class Doubling(Explorer):
    module = "doubling"
    palette = PALETTE
    settings = ("x",)
    default_labels = {"x": "x"}
    x = Int(3).tag(sync=True, explorer=True)
"""

MODULE = """function render({ model, el }) {
  const input = Object.assign(document.createElement("input"), { type: "range", max: 9, ariaLabel: "x" });
  const said = document.createElement("output");
  const show = () => { said.textContent = `twice ${model.get("x")} is ${2 * model.get("x")}`; };
  input.value = model.get("x");
  input.addEventListener("input", () => model.set("x", Number(input.value)));
  model.on("change:x", show);
  el.append(input, said);
  show();
}

export default { render };
"""

CLAIM = """import sys

from bookwork.claims import check

course = [name for name in sys.modules if name.partition(".")[0].startswith("ranking")]
check("another course is not needed", course == [])"""

CONFIG = """title: A small book
execute: {execute_notebooks: cache}
only_build_toc_files: true
sphinx:
  extra_extensions: [bookwork.sphinx]
  config:
    bookwork_explorers: [tiny]
    bookwork_palette: "tiny:PALETTE"
    bookwork_inputs: ["tiny/**/*"]
"""
CONTENTS = f"format: jb-book\nroot: intro\nchapters:\n  - file: {NAME}/exercises\n"
PROJECT = """[project]
requires-python = ">=3.11"

[tool.bookwork]
course_id = "tiny"
handout = ["tiny", "pyproject.toml"]
"""


def write_book(root: Path) -> None:
    """Package, configuration, a page, and a notebook of exercises."""
    (root / "tiny" / "js").mkdir(parents=True)
    (root / "tiny" / "__init__.py").write_text(PACKAGE)
    (root / "tiny" / "js" / "doubling.js").write_text(MODULE)
    (root / "_config.yml").write_text(CONFIG)
    (root / "_toc.yml").write_text(CONTENTS)
    (root / "pyproject.toml").write_text(PROJECT)
    write_small_notebook(root / "book")
    cells = [
        new_markdown_cell("# A live figure"),
        new_code_cell("from tiny import Doubling\n\nDoubling(x=4)"),
        new_code_cell(CLAIM, metadata={"tags": ["claims"]}),
    ]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), root / "book" / "intro.ipynb")


BUILD = ("-c", "from jupyter_book.cli.main import main; main()", "build", "book")
OPTIONS = ("--config", "_config.yml", "--toc", "_toc.yml", "--path-output", ".", "-W", "--keep-going")
GRADING = ("-m", "bookwork.grading")


def run(root: Path, *arguments: str) -> str:
    """Run Python in the project's folder, with its package at hand."""
    paths = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    answer = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": paths, "PATH": beside, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, (answer.stdout + answer.stderr)[-5000:]
    return answer.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("foreign")
    write_book(root)
    run(root, *BUILD, *OPTIONS)
    return root


@pytest.mark.browser
def test_the_figure_is_live_and_claims_are_folded(project: Path, chromium: Any) -> None:
    page = chromium.new_page()
    outside: list[str] = []
    page.on("request", lambda request: request.url.startswith("file:") or outside.append(request.url))
    page.goto((project / "_build" / "html" / "intro.html").as_uri())
    figure = page.locator(".ranking-explorer")
    figure.get_by_text("twice 4 is 8").wait_for()
    figure.locator("input").press("ArrowRight")
    figure.get_by_text("twice 5 is 10").wait_for()
    assert page.locator(".tag_claims summary").inner_text() == "1 claim checked"
    colour = "getComputedStyle(document.documentElement).getPropertyValue('--ranking-tea')"
    assert page.evaluate(colour).strip() == "#0B6E4F"
    page.close()
    assert outside == []


def test_the_page_of_exercises_keeps_its_secrets(project: Path) -> None:
    pages = project / "_build" / "html"
    text = (pages / NAME / "exercises.html").read_text(encoding="utf-8")
    assert "your code here" in text
    assert "three in sight" in text
    for path in (*pages.rglob("*.html"), *pages.rglob("*.ipynb"), *pages.rglob("sections.js")):
        assert not any(secret in path.read_text(encoding="utf-8") for secret in SECRETS), path


def test_the_course_is_graded(project: Path) -> None:
    run(project, *GRADING, "student", "handout")
    assert (project / "handout" / "tiny" / "js" / "doubling.js").is_file()
    assert "Python >=3.11" in (project / "handout" / "README.md").read_text()
    run(project, *GRADING, "course", "course")
    run(project, *GRADING, "course", "from-folder", "--folder", "book")
    for name in ("release", "source"):
        file = f"{name}/{NAME}/{NAME}.ipynb"
        made, same = (project / folder / file for folder in ("course", "from-folder"))
        assert made.read_bytes() == same.read_bytes()
    authored = small_notebook()
    gate.hand_in(project / "course", "ada", NAME, gate.submission(authored, RIGHT))
    gate.hand_in(project / "course", "ben", NAME, editions.learners(authored))
    run(project, *GRADING, "grade", "course")
    lines = run(project, *GRADING, "grades", "course").splitlines()
    assert [line.split() for line in lines] == [
        [NAME],
        ["ada", "4", "of", "4"],
        ["ben", "0", "of", "4"],
        ["2", "graded,", "0", "not", "graded"],
    ]
