"""Every chapter opens with a picture or a live figure and a question; its aims and its code are folded."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from visits import Setting

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


@pytest.mark.browser
class TestFiguresOfOpenings:
    """What an opening's figure reads out of its first and last point, and the head of its table."""

    pages = "course"

    @pytest.mark.parametrize(
        ("chapter", "first", "last", "head"),
        [
            (
                "01_funnel",
                r"still there\n\w+: found by [a-z, ]+, shown at place \d+",
                r"lost here\n\w+: no channel found it",
                ["the thirty best items, by topic", "still there", "still there, what became of it"],
            ),
            (
                "02_multi_task",
                r"click, a world each\nchange, in points: .*\nclick",
                r"no change\nchange, in points: 0(\nshare)?",
                ["name", "click, a world each"],
            ),
            (
                "04_mmoe",
                *(
                    rf"learning rate {at}\n" + r"expert 1: [01]...\nexpert 2: 0...\nexpert 3: 0..."
                    for at in ("0.003", "0.03")
                ),
                ["learning rate", "expert 1", "expert 2", "expert 3"],
            ),
        ],
    )
    def test_they_say_what_their_points_stand_for(self, reader, chapter, first, last, head):
        setting = Setting("file", "light", 1280)
        with reader.tab(setting) as (page, _):
            reader.open(page, setting, f"{chapter}/index.html")
            figure = page.locator("figure:has(.ranking-plot)").first
            for key, said in (("Home", first), ("End", last)):
                figure.locator(".rx-picture").press(key)
                assert re.fullmatch(said, figure.locator(".rx-tip").inner_text())
            figure.locator("summary", has_text="Data behind").click()
            assert figure.locator("table").first.locator("thead th").all_inner_texts() == head
