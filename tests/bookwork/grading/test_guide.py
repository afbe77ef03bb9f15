"""What the instructor's guide says of chapters and exercises is so."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from mdit_py_plugins.anchors.index import slugify

from bookwork.grading import editions, limits
from bookwork.grading.grading import RunApart
from bookwork.grading.project import Project
from bookwork.grading.sandbox import FILE_BYTES, KINDS, PROCESSES
from bookwork.grading.term.evidence import MOST
from bookwork.grading.term.marks import COLUMNS
from bookwork.grading.term.platforms import NEEDED
from bookwork.grading.warden import FOLDER_BYTES

BOOK = Path(__file__).parents[3] / "book"
GRADING = Path(editions.__file__).parent
PLAN = (BOOK / "teaching" / "plan.md").read_text(encoding="utf-8")
CLASSROOM = (BOOK / "teaching" / "classroom.md").read_text(encoding="utf-8")
CHAPTERS = sorted(BOOK.glob("0*/index.ipynb"))
# A section, or a whole page below the index of a chapter: its name, where it is, its anchor
PLACE = re.compile(r"\[([^\]]+)\]\(\.\./(\w+/(?!index\.ipynb\))\w+\.ipynb)(?:#([^)]+))?\)")
NUMBER = re.compile(r"^\d+\.\d+ ")  # of such a page
MINUTES = re.compile(r"^\| *(.+?) *\| *(\d+) *\|$", re.MULTILINE)


def texts(path: Path) -> str:
    return "\n".join(cell.source for cell in editions.read(path).cells if cell.cell_type == "markdown")


def sections(path: Path) -> dict[str, int]:
    """The table of minutes at the top of a chapter: sections and pages by their names, without numbers."""
    rows = MINUTES.findall(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", texts(path)))
    return {NUMBER.sub("", name): int(minutes) for name, minutes in rows}


def headings(path: Path) -> dict[str, str]:
    """Sections of a page by their anchors, and the page itself, without its number, under none."""
    lines = [line for line in texts(path).split("\n") if re.match("#{1,3} ", line)]
    title, *below = (line.strip("# ") for line in lines)
    return {slugify(name): name for name in below} | {"": NUMBER.sub("", title)}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.parent.name)
def test_minutes_of_a_chapter(path):
    number = int(path.parent.name[:2])
    (said,) = re.findall(rf"^\| {number}\. [^|]*\| (\d+) \|", PLAN, re.MULTILINE)
    of_chapter = sections(path)
    assert int(said) == sum(of_chapter.values()) - of_chapter["Check yourself"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.parent.name)
def test_a_session_is_as_long_as_it_says(path):
    """As in: chapter 1 without Pre-ranking (85 minutes), with links to both."""
    number = int(path.parent.name[:2])
    (row,) = re.findall(rf"^\| {number} \| (\[chapter {number}\][^|]*)\|", PLAN, re.MULTILINE)
    said = int(re.findall(r"\((\d+)", row)[0])
    of_chapter = sections(path)
    left_out = PLACE.findall(row)
    whole = sum(of_chapter.values()) - of_chapter["Check yourself"]
    assert said == whole - sum(of_chapter[name] for name, _, _ in left_out)
    assert said <= 90


def test_every_section_that_the_plan_names_exists():
    lecture = PLAN.split("## One lecture")[1].split("\n## ")[0]
    assert len(set(PLACE.findall(lecture))) > 8
    for name, page, anchor in PLACE.findall(PLAN):
        assert headings(BOOK / page).get(anchor) == name, f"{page}#{anchor}"


def test_the_version_to_install_on_a_server_is_the_pinned_one():
    pinned = (BOOK.parent / "requirements.txt").read_text(encoding="utf-8")
    (said,) = re.findall(r"torch==[\d.]+", CLASSROOM)
    assert said in pinned.split()


def table(caption: str) -> list[list[str]]:
    """The rows of a table of the guide, without its head."""
    text = CLASSROOM.split(f"Table: {caption}")[1].split("\n\n")[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def test_limits_are_those_of_the_code():
    units = {"s": 1, "min": 60, "GiB": 1024**3, "MiB": 1024**2}
    found = {}
    for what, most, trait in table("Limits while a submission is graded"):
        number, _, unit = most.partition(" ")
        name = trait.partition("RunApart.")[2].partition("`")[0]
        found[name or what] = int(number) * units.get(unit, 1)
    names = ("seconds", "call_seconds", "total_seconds", "memory")
    traits = {name: RunApart.class_traits()[name].default_value for name in names}
    others = {"processes and threads": PROCESSES, "one file": FILE_BYTES, "all files": FOLDER_BYTES}
    assert found == traits | others
    (times,) = re.findall(r"By the clock, a cell or call has (\d+) times as long", CLASSROOM)
    assert int(times) == limits.WAITS


def test_what_a_teacher_may_read_is_what_grading_says():
    code = "".join(path.read_text(encoding="utf-8") for path in GRADING.rglob("*.py"))
    notes = [row[0].strip("`") for row in table("Notes, and what to make of them")]
    assert len(notes) > 10
    assert [note for note in notes if note not in code] == []
    kinds = [row[0].strip("`") for row in table("What keeps a submission apart")]
    assert kinds == list(KINDS)
    columns = [row[0].strip("`") for row in table("Columns of `people.csv`")][:-1]
    assert sorted(columns) == sorted({"learner", *NEEDED["canvas"], *NEEDED["moodle"], "name", "section"})
    least = table("Columns of `people.csv`")[-1][1:]
    assert [tuple(re.findall(r"`(\w+)`", text)) for text in least] == [NEEDED["moodle"], NEEDED["canvas"]]


def test_columns_of_the_table_of_marks_are_those_that_are_written():
    names = [name for row in table("Columns of `marks.csv`") for name in re.findall(r"`(\w+)`", row[0])]
    assert names == list(COLUMNS)
    (most,) = re.findall(r"cut after ([\d,]+) characters", CLASSROOM)
    assert int(most.replace(",", "")) == MOST


def test_the_load_of_marking_is_that_of_the_exercises():
    notebooks = [editions.read(path) for path in BOOK.glob("0*/exercises.ipynb")]
    paragraphs = sum(editions.is_paragraph(cell) for notebook in notebooks for cell in notebook.cells)
    load = r"(\d+) paragraphs a learner .*?about ([\d,]+)\. .*? that is up to (\d+)\s+hours"
    said = re.search(load, CLASSROOM, re.DOTALL)
    assert [int(text.replace(",", "")) for text in said.groups()] == [
        paragraphs,
        100 * paragraphs,
        round(100 * paragraphs * 2 / 60),
    ]


def test_every_notebook_that_a_learner_may_run_was_measured():
    """And what follows from the table does follow."""
    rows = re.findall(r"^\| (exercises|chapter) (\d) \| ([\d,]+) \| ([\d.]+) \|$", CLASSROOM, re.MULTILINE)
    memory = {(kind, int(number)): int(mib.replace(",", "")) for kind, number, mib, _ in rows}
    assert set(memory) == {(kind, n) for kind in ("exercises", "chapter") for n in range(1, 7)}
    server = int(re.search(r"nothing open \| (\d+)", CLASSROOM)[1])
    groups = [
        max(mib for (kind, _), mib in memory.items() if kind == "exercises"),
        max(memory.values()),
    ]
    said = re.search(r"largest notebook and server \| (.*) \|", CLASSROOM)[1].split(" | ")
    assert said == [f"{most + server:,} MiB" for most in groups]
    headroom = re.search(r"with 30% of headroom \| (.*) \|", CLASSROOM)[1].split(" | ")
    assert headroom == [f"{round(1.3 * (most + server)):,} MiB" for most in groups]
    for learners in (60, 100):
        (row,) = re.findall(
            rf"^\| (?:all )?{learners}[^|]* at the same time \| (.*) \|$", CLASSROOM, re.MULTILINE
        )
        whole = [(learners * round(1.3 * (most + server)) + 128) / 1024 for most in groups]
        assert row.split(" | ") == [f"{math.ceil(gib)} GiB" for gib in whole]


def test_exercises_take_as_long_as_the_plan_says():
    least, most = map(
        int, re.search(r"exercises of a chapter take another (\d+) to (\d+)\s+minutes", PLAN).groups()
    )
    for path in Project.here().exercises().values():
        assert least <= sum(each.minutes for each in editions.exercises(editions.read(path))) <= most
