"""What the instructor's guide says of chapters and exercises is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ranking.teaching import course, editions

BOOK = Path(__file__).parents[2] / "book"
PLAN = (BOOK / "teaching" / "plan.md").read_text(encoding="utf-8")
CHAPTERS = sorted(BOOK.glob("0*.ipynb"))
MINUTES = re.compile(r"^\| *(.+?) *\| *(\d+) *\|$", re.MULTILINE)


def texts(path: Path) -> str:
    return "\n".join(cell.source for cell in editions.read(path).cells if cell.cell_type == "markdown")


def sections(path: Path) -> dict[str, int]:
    """The table of minutes at the top of a chapter."""
    return {name: int(minutes) for name, minutes in MINUTES.findall(texts(path))}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_minutes_of_a_chapter(path):
    number = int(path.stem[:2])
    (said,) = re.findall(rf"^\| {number}\. [^|]*\| (\d+) \|", PLAN, re.MULTILINE)
    of_chapter = sections(path)
    assert int(said) == sum(of_chapter.values()) - of_chapter["Check yourself"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_session_is_as_long_as_it_says(path):
    """As in: chapter 1 without "Pre-ranking" (85 minutes)."""
    number = int(path.stem[:2])
    (row,) = re.findall(rf"^\| {number} \| (chapter {number}\b[^|]*)\|", PLAN, re.MULTILINE)
    said = int(re.findall(r"\((\d+)", row)[0])
    of_chapter = sections(path)
    left_out = re.findall(r'"([^"]+)"', row)
    whole = sum(of_chapter.values()) - of_chapter["Check yourself"]
    assert said == whole - sum(of_chapter[name] for name in left_out)
    assert said <= 90


def test_every_section_that_the_plan_names_exists():
    headings = {line.strip("# ") for path in CHAPTERS for line in texts(path).split("\n") if line[:2] == "##"}
    lecture = PLAN.split("## One lecture")[1].split("\n## ")[0]
    named = set(re.findall(r'"([^"]+)"', lecture))
    assert len(named) > 8
    assert named <= headings


def test_the_version_to_install_on_a_server_is_the_pinned_one():
    guide = (BOOK / "teaching" / "classroom.md").read_text(encoding="utf-8")
    pinned = (BOOK.parent / "requirements.txt").read_text(encoding="utf-8")
    (said,) = re.findall(r"torch==[\d.]+", guide)
    assert said in pinned.split()


def test_exercises_take_as_long_as_the_plan_says():
    least, most = map(int, re.search(r"Its exercises take another (\d+) to (\d+)\s+minutes", PLAN).groups())
    for path in editions.notebooks(course.EXERCISES):
        assert least <= sum(each.minutes for each in editions.exercises(editions.read(path))) <= most
