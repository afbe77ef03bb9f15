"""``grades``: who got what, who has no grade, and what does not fit together."""

import argparse
from typing import Any

from bookwork.grading import gradebook
from bookwork.grading.term import due, options, platforms
from bookwork.grading.term.grade import lines, strangers
from bookwork.grading.term.standings import Standing, standings

ABOUT = "list who got what, and whose submission has no grade"


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.in_course(commands, "grades", ABOUT, _main)
    options.people(parser)
    parser.add_argument("--exercises", action="store_true", help="the points of each exercise, too")


def _main(chosen: argparse.Namespace) -> int:
    course, missing = chosen.course, 0
    chapters = options.chapters_of(course, chosen.chapter)
    schedule = due.read(course, gradebook.assignments(course))
    found = {name: standings(course, name, schedule) for name in chapters}
    learners = sorted({each.learner for of_chapter in found.values() for each in of_chapter})
    who = platforms.people(chosen.mapping, learners) if chosen.mapping else {}
    print(*strangers(course, schedule), sep="\n", end="")
    for name, of_chapter in found.items():
        print(name)
        for standing in of_chapter:
            print(*lines(standing), *(_exercises(standing) if chosen.exercises else ()), sep="\n")
        ungraded = sum(each.open is not None for each in of_chapter)
        absent = [learner for learner in who if learner not in {each.learner for each in of_chapter}]
        print(*(f"  {learner:24} has handed in nothing\n" for learner in absent), sep="", end="")
        nothing = f"; {len(absent)} handed in nothing" if who else ""
        print(f"  {len(of_chapter) - ungraded} graded, {ungraded} not graded{nothing}")
        missing += ungraded
    return int(missing > 0)


def _exercises(standing: Standing) -> list[str]:
    if standing.ungraded:
        return []
    return [
        f"    {name:22} {mark.points:g} of {mark.most:g}" + ("" if mark.graded else ", waits for marks")
        for name, mark in standing.marks.items()
    ]
