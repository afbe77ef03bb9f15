"""``marks``: what a person marks, as a table to fill in; points and comments from it into the gradebook."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bookwork import command_line
from bookwork.grading import gradebook
from bookwork.grading.gradebook import Mark, Marks
from bookwork.grading.term import evidence, options, submissions, tables

ABOUT = "write what waits for marks as a table, or record the points and comments of one"
NEEDED = ("learner", "exercise", "points")  # columns that a table must have to be recorded
EVIDENCE = ("words", "text", "printed", "handed_in", "notebook")
COLUMNS = ("learner", "exercise", "most", *EVIDENCE, "points", "comment")
COMPARED = 1000  # characters of a text; spreadsheets cut long ones


class Given(NamedTuple):
    """Points that somebody gives, and what is said to them; None for what stays as it is."""

    learner: str
    mark: Mark
    points: float | None
    comment: str | None

    def __str__(self) -> str:
        """In a line."""
        comment = "a comment" if self.comment else ""
        was = f"{self.mark.points:g}" if self.mark.graded else "waits"
        new = "" if self.points is None else f"{was} -> {self.points:g} of {self.mark.most:g}"
        return f"  {self.learner:24} {self.mark.exercise:22} {', with '.join(filter(None, (new, comment)))}"


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
    print(*given, sep="\n", end="\n" if given else "")
    waiting = len(list(waiting_in(chosen.course, name)))
    print(f"  {len(given)} recorded, {waiting} still wait")
    return 0


def _write(course: Path, assignment: str, out: Path) -> int:
    if out.exists():  # it may be half filled in
        raise ValueError(f"--out must be a new file, got {out}")
    rows = list(waiting_in(course, assignment))
    tables.write(out, [COLUMNS, *rows], mark=True)
    print(f"{len(rows)} wait for marks: {out}")
    return 0


def waiting_in(course: Path, assignment: str) -> Iterator[list[str | float | None]]:
    """The rows of what was handed in and waits for somebody's marks; see ``COLUMNS``."""
    for learner, marks in gradebook.marks(course, assignment).items():
        notebook = submissions.graded_notebook(course, learner, assignment)
        path = str(submissions.autograded(course, learner, assignment))
        for mark in marks.values():
            if notebook is not None and not mark.graded:
                text = evidence.text_of(notebook, mark.exercise)
                printed = evidence.printed(notebook, mark.exercise)
                handed_in = evidence.handed_in(notebook, mark.exercise)
                seen = evidence.length(text), text, printed, handed_in, path
                yield [learner, mark.exercise, mark.most, *seen, None, mark.comment]


def read(course: Path, assignment: str, table: Path) -> list[Given]:
    """The points and comments that a table gives; rows with neither, or none that are new, are left out.

    A ValueError names the row where learner or exercise are unknown or come twice, the points are none from
    0 to the most, or the text is another than what is graded now.
    """
    marks = gradebook.marks(course, assignment)
    found: dict[tuple[str, str], Given] = {}
    for number, row in enumerate(tables.read(table, NEEDED, COLUMNS), start=2):
        if not row["points"].strip() and not row.get("comment", "").strip():
            continue
        try:
            given = _given(course, assignment, marks, row)
            if (given.learner, given.mark.exercise) in found:
                raise ValueError(f"{given.learner}, {given.mark.exercise} must come once")
        except ValueError as error:
            raise ValueError(f"row {number} of {table}: {error}") from error
        found[given.learner, given.mark.exercise] = given
    return [given for given in found.values() if (given.points, given.comment) != (None, None)]


def _given(course: Path, assignment: str, marks: Marks, row: dict[str, str]) -> Given:
    learner, exercise = row["learner"], row["exercise"]
    options.known_ones("learner", sorted(marks), [learner])
    options.known_ones("exercise", list(marks[learner]), [exercise])
    mark = marks[learner][exercise]
    points = _points(row["points"], mark.most)
    notebook = submissions.graded_notebook(course, learner, assignment)
    if notebook is None:
        raise ValueError(f"{learner} must have been graded first")
    text = _plain(row.get("text", ""))  # a row that somebody has added may have none
    if text and text != _plain(evidence.text_of(notebook, exercise)):
        must = "must be what is graded now: write the table anew"
        raise ValueError(f"the text of {learner}, {exercise} {must}")
    comment = row.get("comment", "").strip()
    return Given(learner, mark, points, None if comment in ("", mark.comment) else comment)


def _points(text: str, most: float) -> float | None:
    """What somebody has written there; None where it is nothing."""
    if not text.strip():
        return None
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = -1.0
    if not 0 <= points <= most:
        raise ValueError(f"points must be from 0 to {most:g}, got {text!r:.40}")
    return points


def _plain(text: str) -> str:
    return "".join(text.split())[:COMPARED]


def record(course: Path, assignment: str, given: list[Given]) -> None:
    """Enter points by hand and comments into the gradebook, all or none."""
    with gradebook.opened(course) as book:
        for learner, mark, points, comment in given:
            if points is not None:
                grade = book.find_grade(mark.cell, assignment, assignment, learner)
                grade.manual_score, grade.needs_manual_grade = points, False
            if comment is not None:
                said = book.find_comment(mark.exercise, assignment, assignment, learner)
                said.manual_comment = comment
        book.db.commit()
