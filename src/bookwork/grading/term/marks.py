"""``marks``: what a person marks, as a table to fill in, and the points from it into the gradebook."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nbformat import NotebookNode

from bookwork import command_line
from bookwork.grading import editions, gradebook
from bookwork.grading.gradebook import Mark, Marks
from bookwork.grading.term import options, submissions, tables

ABOUT = "write what waits for marks as a table, or record the points of one"
COLUMNS = ("learner", "exercise", "points")  # that a table must have to be recorded
COMPARED = 1000  # characters of a text; spreadsheets cut long ones


class Given(NamedTuple):
    """Points that somebody gives."""

    learner: str
    mark: Mark
    points: float


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.command(commands, "marks", ABOUT, _main)
    parser.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    options.one_chapter(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=command_line.result_file, metavar="FILE", help="a new table to fill in")
    what.add_argument("--from", type=Path, dest="table", metavar="FILE", help="a table that is filled in")


def _main(chosen: argparse.Namespace) -> int:
    (name,) = options.chapters_of(chosen.course, [chosen.chapter])
    if chosen.table is None:
        return _write(chosen.course, name, chosen.out)
    given = read(chosen.course, name, chosen.table)
    record(chosen.course, name, given)
    for learner, mark, points in given:
        was = f"{mark.points:g}" if mark.graded else "waits"
        print(f"  {learner:24} {mark.exercise:22} {was} -> {points:g} of {mark.most:g}")
    waiting = len(list(waiting_in(chosen.course, name)))
    print(f"  {len(given)} recorded, {waiting} still wait")
    return 0


def _write(course: Path, assignment: str, out: Path) -> int:
    if out.exists():  # it may be half filled in
        raise ValueError(f"--out must be a new file, got {out}")
    waiting = list(waiting_in(course, assignment))
    header = ("learner", "exercise", "most", "text", "points")
    rows = [(learner, mark.exercise, mark.most, text, None) for learner, mark, text in waiting]
    tables.write(out, [header, *rows], mark=True)
    print(f"{len(waiting)} wait for marks: {out}")
    return 0


def waiting_in(course: Path, assignment: str) -> Iterator[tuple[str, Mark, str]]:
    """Learner, mark and text of what was handed in and waits for somebody's marks."""
    for learner, marks in gradebook.marks(course, assignment).items():
        notebook = submissions.graded_notebook(course, learner, assignment)
        if notebook is not None:
            waiting = [mark for mark in marks.values() if not mark.graded]
            yield from ((learner, mark, text_of(notebook, mark)) for mark in waiting)


def text_of(notebook: NotebookNode, mark: Mark) -> str:
    """What a learner wrote for an exercise: the paragraph, or the code that a check has looked at."""
    texts = {editions.grade_id(cell): cell.source for cell in notebook.cells}
    return str(texts.get(mark.exercise, ""))


def read(course: Path, assignment: str, table: Path) -> list[Given]:
    """The points that a table gives; rows without points are left out.

    A ValueError names the row where learner or exercise are unknown or come twice, the points are none from
    0 to the most, or the text is another than what is graded now.
    """
    marks = gradebook.marks(course, assignment)
    found: dict[tuple[str, str], Given] = {}
    for number, row in enumerate(tables.read(table, COLUMNS), start=2):
        if not row["points"].strip():
            continue
        try:
            given = _given(course, assignment, marks, row)
            if (given.learner, given.mark.exercise) in found:
                raise ValueError(f"{given.learner}, {given.mark.exercise} must come once")
        except ValueError as error:
            raise ValueError(f"row {number} of {table}: {error}") from error
        found[given.learner, given.mark.exercise] = given
    return list(found.values())


def _given(course: Path, assignment: str, marks: Marks, row: dict[str, str]) -> Given:
    learner, exercise = row["learner"], row["exercise"]
    options.known_ones("learner", sorted(marks), [learner])
    options.known_ones("exercise", list(marks[learner]), [exercise])
    mark = marks[learner][exercise]
    try:
        points = float(row["points"].replace(",", "."))
    except ValueError:
        points = -1.0
    if not 0 <= points <= mark.most:
        raise ValueError(f"points must be from 0 to {mark.most:g}, got {row['points']!r:.40}")
    notebook = submissions.graded_notebook(course, learner, assignment)
    if notebook is None:
        raise ValueError(f"{learner} must have been graded first")
    text = _plain(row.get("text", ""))  # a row that somebody has added may have none
    if text and text != _plain(text_of(notebook, mark)):
        must = "must be what is graded now: write the table anew"
        raise ValueError(f"the text of {learner}, {exercise} {must}")
    return Given(learner, mark, points)


def _plain(text: str) -> str:
    return "".join(text.split())[:COMPARED]


def record(course: Path, assignment: str, given: list[Given]) -> None:
    """Enter points by hand into the gradebook, all or none."""
    with gradebook.opened(course) as book:
        for learner, mark, points in given:
            grade = book.find_grade(mark.cell, assignment, assignment, learner)
            grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()
