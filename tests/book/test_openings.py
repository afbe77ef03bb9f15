"""Every chapter opens with a picture or a live figure and a question; its aims and its code are folded."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from bookwork.sphinx.openings import OPENING

BOOK = Path(__file__).parents[2] / "book"
CHAPTERS = sorted(BOOK.glob("0*/index.ipynb"))
SHOWN = re.compile(r"^(?:figure\b.*|figure\.update_.*|\w+Explorer\(.*|\))$")  # an opening's last line


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.parent.name)
def test_a_chapter_opens_with_a_question_and_a_picture(path):
    text, picture, aims = nbformat.read(path, as_version=4).cells[:3]
    title, terms, question = text.source.split("\n\n")  # no list, no table, no formula
    assert title.startswith("# ")
    assert re.fullmatch(r"\*[^*]*[\u4e00-\u9fff][^*]*\*", terms), "the terms, Chinese ones in brackets"
    assert question.endswith("?")
    assert len(re.findall(r"[a-z\"]+[.?:] ", question)) <= 5, "a few sentences"

    assert picture.cell_type == "code"
    assert picture.metadata.tags == ["hide-input", OPENING]
    assert SHOWN.match(picture.source.splitlines()[-1])

    assert aims.source.startswith("<details>\n<summary>What you will learn")
    assert aims.source.endswith("</details>")
    for part in ("After this chapter you will be able to\n\n1. ", "**You need** ", "| section | minutes |"):
        assert part in aims.source


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.parent.name)
def test_its_end_comes_back_to_the_question(path):
    cells = nbformat.read(path, as_version=4).cells
    (summary,) = (cell.source for cell in cells if "\n## Summary\n" in f"\n{cell.source}")
    summary = summary.split("## Summary\n")[1].split("\n## ")[0]
    assert re.search(r"at\s+the\s+top|of\s+the\s+beginning", summary)
