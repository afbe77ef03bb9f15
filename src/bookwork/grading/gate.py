"""The gate: by nbgrader itself, every answer gets the points that it deserves.

For each notebook a small class hands in: the solution, the empty learner's edition, and learners with typical
mistakes. Wrong answers stand in a TOML file beside the notebook::

    [[answer]]
    exercise = "formula"
    mistake = "forgets the denominator"
    points = 1
    code = '''
    def my_formula(p, alpha):
        return alpha * p
    '''

Mistakes in different exercises share a submission.
"""

import tomllib
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode

from bookwork.arguments import one_of
from bookwork.files import parsed
from bookwork.grading import editions, faults
from bookwork.grading.course import nbgrader, write_course
from bookwork.grading.gradebook import opened
from bookwork.grading.project import Project

WRONG = "wrong_answers.toml"
FEWEST = 4  # typical mistakes that each exercise must have in its file
TOLERANCE = 0.006  # points; the file rounds them to hundredths
SOLUTION, EMPTY = "solution", "empty"
Points = dict[str, dict[str, float]]  # learner -> exercise -> points


class Answer(NamedTuple):
    """A wrong answer, and what it is worth."""

    exercise: str
    mistake: str
    points: float
    code: str


class Grade(NamedTuple):
    """What nbgrader recorded for a check cell; ``graded`` is False if it waits for somebody to look."""

    points: float
    graded: bool


def wrong_answers(notebook: Path) -> dict[str, list[Answer]]:
    """The wrong answers beside a notebook, by exercise; a ValueError where one has too few, or is unknown."""
    file = notebook.with_name(WRONG)
    data = parsed(file, "TOML", tomllib.loads)
    found: dict[str, list[Answer]] = {e.name: [] for e in editions.exercises(editions.read(notebook))}
    entries = data.get("answer", [])
    for entry in entries if isinstance(entries, list) else [entries]:
        if not isinstance(entry, dict) or set(entry) != set(Answer._fields):
            raise ValueError(
                f"each [[answer]] of {file} must have {', '.join(Answer._fields)}, got {entry!r:.80}"
            )
        found[one_of(f"exercise in {file}", entry["exercise"], list(found))].append(Answer(**entry))
    for name, answers in found.items():
        if len(answers) < FEWEST:
            raise ValueError(f"{name!r} must have at least {FEWEST} typical mistakes, got {len(answers)}")
    return found


def submission(authored: NotebookNode, codes: Mapping[str, str]) -> NotebookNode:
    """The learner's edition, handed in with these answers, and the solution where none is given."""
    handed_in = editions.learners(authored)
    for made, cell in zip(authored.cells, handed_in.cells, strict=True):
        if made.metadata.get("nbgrader", {}).get("solution"):
            name = made.metadata.nbgrader.grade_id
            cell.source = codes.get(name, editions.solution_of(made.source)).strip("\n")
    return handed_in


def hand_in(course: Path, learner: str, assignment: str, notebook: NotebookNode) -> Path:
    """Put a submission where nbgrader looks for it."""
    path = course / "submitted" / learner / assignment / f"{assignment}.ipynb"
    path.parent.mkdir(parents=True)
    editions.write(notebook, path)
    return path


def grades(course: Path, assignment: str) -> dict[str, dict[str, Grade]]:
    """What the gradebook says: learner -> exercise -> grade; a ValueError where there is none."""
    with opened(course) as book:
        return {
            handed_in.student.id: {
                grade.name.removesuffix(editions.CHECK): Grade(
                    grade.score, grade.auto_score is not None and not grade.needs_manual_grade
                )
                for notebook in handed_in.notebooks
                for grade in notebook.grades
            }
            for handed_in in book.assignment_submissions(assignment)
        }


def expected_grades(notebook: Path, most: int | None = None) -> tuple[Points, list[dict[str, Answer]]]:
    """Learner -> exercise -> points, and the wrong answers of each submission with some, at most ``most``."""
    full = {e.name: e.points for e in editions.exercises(editions.read(notebook))}
    wrong = {} if most == 0 else wrong_answers(notebook)
    together = zip_longest(*wrong.values())  # one of each exercise, while there are any
    rounds = [{answer.exercise: answer for answer in each if answer} for each in together][:most]
    expected = {SOLUTION: full, EMPTY: dict.fromkeys(full, 0.0)}
    for at, answers in enumerate(rounds, start=1):
        expected[f"wrong-{at}"] = {**full, **{name: answer.points for name, answer in answers.items()}}
    return expected, rounds


def verify(name: str, scratch: Path, project: Project, most: int | None = None) -> list[str]:
    """Grade the gate's class in a new folder ``scratch``; a line for each answer with undeserved points."""
    notebook = project.exercises([name])[name]
    source = editions.read(notebook)
    if found := faults.faults(source):
        return [f"{name}: {fault}" for fault in found]
    expected, rounds = expected_grades(notebook, most)
    write_course(scratch, project, [name])
    hand_in(scratch, SOLUTION, name, submission(source, {}))
    hand_in(scratch, EMPTY, name, editions.learners(source))
    for at, answers in enumerate(rounds, start=1):
        codes = {exercise: answer.code for exercise, answer in answers.items()}
        hand_in(scratch, f"wrong-{at}", name, submission(source, codes))
    said = []
    try:
        nbgrader(scratch, "autograde", name)
    except RuntimeError as error:  # it grades the others, and below it is said who has no grade
        said = [f"{name}: {str(error).splitlines()[0]}"]
    return said + differences(name, expected, rounds, grades(scratch, name))


def differences(
    name: str, expected: Points, rounds: list[dict[str, Answer]], found: dict[str, dict[str, Grade]]
) -> list[str]:
    """Where the gradebook does not say what it should."""
    lines = []
    for learner, points in expected.items():
        for exercise, deserved in points.items():
            grade = found.get(learner, {}).get(exercise)
            what = learner
            if learner not in (SOLUTION, EMPTY):
                answer = rounds[int(learner.removeprefix("wrong-")) - 1].get(exercise)
                what = repr(answer.mistake) if answer else f"right, in {learner}"
            if grade is None or not grade.graded:
                lines.append(f"{name}, {exercise}, {what}: not graded")
            elif abs(grade.points - deserved) > TOLERANCE:
                lines.append(f"{name}, {exercise}, {what}: {grade.points:g} points, deserves {deserved:g}")
    return lines
