"""``feedback``: a page for each learner that shows the graded notebook, with points and checks.

What learners wrote is shown to others, the teacher first: nothing of it is run by a browser, and a page asks
no other host for anything.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from bookwork.files import write_whole
from bookwork.grading import editions, gradebook
from bookwork.grading.course import nbgrader
from bookwork.grading.term import options, runs, submissions
from bookwork.grading.term.standings import Standing, digest_of, feedback_page, standings
from bookwork.grading.term.still import still

ABOUT = "write a page of feedback per learner, hidden checks included"
SANITIZED = "--HTMLExporter.sanitize_html=True"
LARGEST = 5_000_000  # bytes of a page
ENTRY = re.compile(r'(<a href="#(?:comment-)?([^"]*)">)(Test cell|Written response|Comment)</a>')
"""How nbgrader's list at the top of a page calls what it links to."""


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.command(commands, "feedback", ABOUT, _main)
    parser.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    options.one_chapter(parser)
    about = "leave out whose grade is open, where this would end the command"
    parser.add_argument("--all", action="store_true", help=about)


def _main(chosen: argparse.Namespace) -> int:
    course = chosen.course
    (name,) = options.chapters_of(course, [chosen.chapter])
    runs.remove_sentinels(course)
    found = standings(course, name)
    open_ = [each for each in found if each.open is not None]
    if open_ and not chosen.all:
        said = ", ".join(f"{each.learner} ({each.open})" for each in open_)
        raise ValueError(f"every grade must be settled first, or --all given; open are {said}")
    wanted = [each for each in found if each.open is None and _has_notebook(course, name, each)]
    if not wanted:
        raise ValueError(f"{name} must have a grade that is settled")
    left_out = [f"  {each.learner}: left out, {each.open}" for each in open_]
    large = write(course, name, wanted)
    print(*left_out, *large, f"{len(wanted) - len(large)} pages in {course / 'feedback'}", sep="\n")
    print("They show the hidden checks: give them out when everybody has handed in.")
    return int(bool(large))


def _has_notebook(course: Path, assignment: str, standing: Standing) -> bool:
    return submissions.autograded(course, standing.learner, assignment).is_file()


def write(course: Path, assignment: str, wanted: list[Standing]) -> list[str]:
    """Write the pages; a line for each that is too large, and is not kept."""
    record_lateness(course, assignment, wanted)
    chosen = {each.learner for each in wanted}
    others = {path.parent.name for path in (course / "autograded").glob(f"*/{assignment}")} - chosen
    excluded = [f"--CourseDirectory.student_id_exclude={','.join(sorted(others))}"] if others else []
    try:
        nbgrader(course, "generate_feedback", assignment, "--force", SANITIZED, *excluded)
    except RuntimeError as error:
        raise ValueError(f"{course} must be what nbgrader can write feedback of: {error}") from error
    large = []
    for each in wanted:
        page = feedback_page(course, assignment, each.learner)
        if (size := page.stat().st_size) > LARGEST:
            page.unlink()
            large.append(f"  {each.learner}: no page, it would have {size / 1e6:.0f} MB")
            continue
        text = still(with_names(page.read_text(encoding="utf-8")))
        write_whole(page, f"{text}\n<!-- bookwork-marks: {digest_of(each.marks)} -->\n")
    return large


def with_names(html: str) -> str:
    """The page with the names of exercises in the list at its top, which nbgrader calls all the same."""

    def named(found: re.Match[str]) -> str:
        link, cell, kind = found.groups()
        name = cell.removesuffix(editions.CHECK)
        return f"{link}{f'{kind} on {name}' if kind == 'Comment' else name}</a>"

    return ENTRY.sub(named, html)


def record_lateness(course: Path, assignment: str, found: list[Standing]) -> None:
    """Tell nbgrader what lateness costs, which its pages and its own export subtract."""
    with gradebook.opened(course) as book:
        for each in found:
            cost = sum(mark.points for mark in each.marks.values()) * each.lost
            notebook = book.find_submission_notebook(assignment, assignment, each.learner)
            notebook.late_submission_penalty = cost or None
        book.db.commit()
