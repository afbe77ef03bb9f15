"""Which notebooks are the pages of a chapter, and in which order."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookwork.chapters import pages_of, title_of

TITLES = {
    "early": "1.10 Last of all",
    "z": "1.2 Second",
    "exercises": "Exercises 1: first",
    "speed": "Appendix 1: speed",
    "other": "10.1 Of another chapter",
    "draft": "A draft",
}


def write(path: Path, title: str) -> Path:
    nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {title}\n\nText.")]), path)
    return path


@pytest.mark.parametrize(
    ("index", "pages"), [("1. First", ["index", "z", "early"]), ("All of it", ["index"])]
)
def test_an_index_brings_the_pages_that_its_number_begins(tmp_path, index, pages):
    for name, title in TITLES.items():
        write(tmp_path / f"{name}.ipynb", title)
    assert [page.stem for page in pages_of(write(tmp_path / "index.ipynb", index))] == pages


def test_any_other_notebook_stands_alone(tmp_path):
    write(tmp_path / "index.ipynb", "1. First")
    page = write(tmp_path / "page.ipynb", "1.1 Page")
    assert pages_of(page) == [page]


def test_a_notebook_that_opens_with_code_has_no_title(tmp_path):
    path = tmp_path / "index.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1"), new_markdown_cell("# 1. Late")]), path)
    assert title_of(path) == ""
    assert title_of(write(path, "1. First")) == "1. First"
