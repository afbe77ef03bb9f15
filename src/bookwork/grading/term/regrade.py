"""``regrade``: after a check was mended, grade everybody again, and say who gets other points."""

import argparse
import shutil
from pathlib import Path
from typing import Any

from bookwork.grading import editions, gradebook
from bookwork.grading.course import nbgrader
from bookwork.grading.gradebook import Marks
from bookwork.grading.project import Project
from bookwork.grading.term import options, runs, submissions
from bookwork.grading.term.grade import REFUSED
from bookwork.grading.term.standings import ANEW, standings

ABOUT = "after a mended check: grade everybody again, and say who gets other points"


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.command(commands, "regrade", ABOUT, _main)
    parser.add_argument("course", type=Path, metavar="COURSE", help="a course folder")
    options.one_chapter(parser)
    about = "where the mended exercises are: a project, or a folder with NAME/exercises.ipynb"
    parser.add_argument("--source", type=Path, metavar="FOLDER", help=about)
    parser.add_argument("--dry-run", action="store_true", help="say it, and leave everything as it was")


def _main(chosen: argparse.Namespace) -> int:
    (name,) = options.chapters_of(chosen.course, [chosen.chapter])
    notebook = Project.chosen(chosen.source).exercises([name])[name]
    return regrade(chosen.course, name, notebook, keep=not chosen.dry_run)


def regrade(course: Path, assignment: str, authored: Path, keep: bool = True) -> int:
    """Make the assignment anew from the authored notebook, grade everybody, and print what changed.

    Marks by hand stay. Without ``keep``, and where the run is refused, everything is left as it was. A
    notebook with other cells than were handed out is a ValueError.
    """
    before = gradebook.marks(course, assignment)
    print(assignment)
    stale = {each.learner for each in standings(course, assignment) if ANEW in each.remarks}
    faults = {
        learner: submissions.fault(course, learner, assignment)
        for learner in sorted({*before, *submissions.learners(course, assignment)})
    }
    wanted = [learner for learner, fault in faults.items() if fault is None]
    with runs.kept(course, assignment, "source", "release") as put_back:
        _make_anew(course, assignment, authored)
        why = runs.autograde(course, assignment, wanted)
        if why is None:
            _settle(course, assignment, {name: before.get(name, {}) for name in wanted if name not in stale})
            _print_changes(before, gradebook.marks(course, assignment), faults)
        if why is not None or not keep:
            put_back()
    print(f"  {REFUSED.format(why)}" if why else "  recorded" if keep else "  nothing of this was recorded")
    return int(why is not None or any(faults.values()))


def _make_anew(course: Path, assignment: str, authored: Path) -> None:
    source = course / "source" / assignment
    stays = source.is_dir()  # solutions need not lie where submissions are run
    source.mkdir(parents=True, exist_ok=True)
    editions.write(editions.unfolded(editions.read(authored)), source / f"{assignment}.ipynb")
    try:
        nbgrader(course, "generate_assignment", assignment, "--force", "--create")
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        raise ValueError(f"{authored} must have the cells that were handed out: {said}") from error
    finally:
        if not stays:
            shutil.rmtree(source)


def _settle(course: Path, assignment: str, before: Marks) -> None:
    """Let marks by hand count as before: nbgrader asks for another look, but the work is the same."""
    with gradebook.opened(course) as book:
        for learner, marks in before.items():
            for mark in marks.values():
                if mark.manual is not None and not mark.waits:
                    grade = book.find_grade(mark.cell, assignment, assignment, learner)
                    grade.needs_manual_grade = False
        book.db.commit()


def _print_changes(before: Marks, after: Marks, faults: dict[str, str | None]) -> None:
    changed, kept = 0, []
    for learner, fault in faults.items():
        old, new = before.get(learner, {}), after.get(learner, {})
        lines = [f"    not graded again: {fault}"] if fault else []
        for name, mark in new.items():
            was = _shown(old[name].points) if name in old else "nothing"
            if was != _shown(mark.points):
                lines.append(f"    {name:22} {was} -> {mark.points:g}")
            if mark.checked and mark.manual is not None and name in old:
                said = f"{mark.manual:g} by hand, kept; its check gives {_shown(mark.automatic)}"
                kept.append(f"  {learner}, {name}: {said} (was {_shown(old[name].automatic)})")
        if lines:
            sums = (sum(mark.points for mark in marks.values()) for marks in (old, new))
            print("  {:24} {:g} -> {:g}".format(learner, *sums), *lines, sep="\n")
            changed += 1
    print(f"  {changed} of {len(faults)} have other points, or were not graded again", *kept, sep="\n")


def _shown(points: float | None) -> str:
    """Points as they are printed: what differs by less is no other grade."""
    return f"{points or 0:g}"
