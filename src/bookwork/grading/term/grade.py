"""``grade``: grade what has no grade yet, and what was handed in anew."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bookwork.grading import gradebook, sandbox
from bookwork.grading.term import due, options, runs, submissions
from bookwork.grading.term.standings import ANEW, Standing, standings

ABOUT = "grade what has no grade yet, and what was handed in anew"
REFUSED = "THE RUN IS REFUSED: {}; gradebook and graded notebooks are as they were before"
OPEN_DOORS = "NO ISOLATION: what was handed in ran with your rights"


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.in_course(commands, "grade", ABOUT, _main)
    parser.add_argument("--learner", action="append", metavar="NAME", help="one; may be repeated")
    parser.add_argument("--again", action="store_true", help="grade all of them, graded or not")


def _main(chosen: argparse.Namespace) -> int:
    chapters = options.chapters_of(chosen.course, chosen.chapter)
    known = sorted({name for each in chapters for name in submissions.learners(chosen.course, each)})
    options.known_ones("learners", known, chosen.learner)
    if sandbox.kind_here() == sandbox.NONE:
        print(sandbox.LOUD)
    schedule = due.read(chosen.course, gradebook.assignments(chosen.course))
    print(*strangers(chosen.course, schedule), sep="\n", end="")
    return max(grade(chosen.course, each, schedule, chosen.learner, chosen.again) for each in chapters)


def strangers(course: Path, schedule: due.Schedule) -> list[str]:
    """A line for each extension of somebody who has handed in nothing at all: the name may be misspelt."""
    known = {path.name for path in (course / "submitted").glob("*/")}
    return [
        f"{due.FILE} extends {assignment} for {learner}, who has handed in nothing so far\n"
        for assignment, times in schedule.extensions.items()
        for learner in times
        if learner not in known
    ]


def grade(
    course: Path,
    assignment: str,
    schedule: due.Schedule,
    learners: Sequence[str] | None = None,
    again: bool = False,
) -> int:
    """Grade an assignment and print how it went; 1 if the run is refused, or somebody has no grade."""
    before = standings(course, assignment, schedule)
    print(assignment)
    here = set(submissions.learners(course, assignment))
    asked = [each for each in before if each.learner in (learners or here) and each.learner in here]
    faults = {each.learner: submissions.fault(course, each.learner, assignment) for each in asked}
    wanted = [each.learner for each in asked if not faults[each.learner] and (again or _is_due(each))]
    if wanted and (why := runs.autograde(course, assignment, wanted)):
        print(f"  {REFUSED.format(why)}")
        return 1
    after = {each.learner: each for each in standings(course, assignment, schedule)}
    for learner, fault in faults.items():
        if learner in wanted or fault:
            print(*lines(after[learner], fault), sep="\n")
    ungraded = sum(bool(fault or after[learner].ungraded) for learner, fault in faults.items())
    old = len(asked) - len(wanted) - sum(map(bool, faults.values()))
    print(f"  {len(asked) - ungraded} graded, {old} of them before; {ungraded} not graded")
    print(*_isolations([after[learner] for learner in wanted]), sep="\n", end="")
    return int(ungraded > 0)


def _is_due(standing: Standing) -> bool:
    return standing.ungraded is not None or ANEW in standing.remarks


def lines(standing: Standing, fault: str | None = None) -> list[str]:
    """How a learner's submission went, and below it what the teacher should be told."""
    open_, late = fault or standing.ungraded, ""
    if standing.late is not None:
        late = f", late by {due.in_words(standing.late)}"
        late += f": {standing.lost:.0%} less" if standing.lost else ""
    said = open_ or f"{standing.points:g} of {standing.most:g}{late}"
    if not open_ and standing.waits:
        said += f", waits for marks: {', '.join(standing.waits)}"
    return [
        f"  {standing.learner:24} {said}",
        *(f"    {each}" for each in (*standing.remarks, *standing.notes)),
    ]


def _isolations(graded: Sequence[Standing]) -> list[str]:
    """Which isolation was used, loudly where there was none."""
    used = sorted({each.isolation or "not recorded" for each in graded if each.ungraded is None})
    if not used:
        return []
    return [f"  isolation: {', '.join(used)}\n", *([f"  {OPEN_DOORS}\n"] if "none" in used else [])]
