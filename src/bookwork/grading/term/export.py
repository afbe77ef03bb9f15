"""``export``: the grades as a table for a learning platform, or for whatever else reads tables."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bookwork.grading import gradebook
from bookwork.grading.term import due, options, platforms, tables
from bookwork.grading.term.standings import standings

ABOUT = "write the grades as a table for a learning platform; who has no grade stays empty there"


def add(commands: Any) -> None:
    """Offer the command."""
    parser = options.in_course(commands, "export", ABOUT, _main)
    parser.add_argument("--for", dest="form", choices=platforms.FORMS, required=True, help="whose form")
    options.result(parser, "the CSV file to write")
    options.people(parser)


def _main(chosen: argparse.Namespace) -> int:
    course = chosen.course
    chapters = options.chapters_of(course, chosen.chapter)
    schedule = due.read(course, gradebook.assignments(course))
    grades = {name: {each.learner: each for each in standings(course, name, schedule)} for name in chapters}
    learners = sorted({learner for of_all in grades.values() for learner in of_all})
    who = platforms.people(chosen.mapping, learners)
    _check_identities(chosen.form, who, chosen.mapping)
    most = {name: sum(gradebook.most(course, name).values()) for name in chapters}
    tables.write(chosen.out, platforms.FORMS[chosen.form](grades, who, most))
    return _print_left_out(grades, learners, list(who)[len(learners) :], chosen.out)


def _check_identities(form: str, who: platforms.People, path: Path | None) -> None:
    """A ValueError where the platform could not know somebody."""
    needed = platforms.NEEDED[form]
    unknown = [name for name, person in who.items() if not any(person.get(column) for column in needed)]
    if needed and unknown:
        where = "--mapping must be given, and" if path is None else path
        raise ValueError(f"{where} must say {' or '.join(needed)} of {', '.join(unknown)}")


def _print_left_out(
    grades: platforms.Grades, learners: Sequence[str], absent: Sequence[str], out: Path
) -> int:
    """Name who has no grade in the table; 1 if somebody's submission has none."""
    left_out = 0
    for name, of_all in grades.items():
        for learner in learners:
            standing = of_all.get(learner)
            if standing is None or standing.open:
                said = "not handed in" if standing is None else standing.open
                print(f"  {name}, {learner}: left empty, {said}")
                left_out += standing is not None
    for learner in absent:
        print(f"  {learner}: left empty, has handed in nothing")
    print(f"{len(learners) + len(absent)} learners: {out}")
    return int(left_out > 0)
