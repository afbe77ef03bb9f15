"""Right answers in unusual forms, handed in and graded by nbgrader itself."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest
from taking_checks import exercises_of

from bookwork.grading import course, editions, gate
from bookwork.grading.project import Project

pytestmark = pytest.mark.slow

CHAPTER = "06_watch_time"  # its exercises ask for functions, and once for two numbers
FORMS = {
    "tables": """
import pandas as pd


class InTables:
    def __init__(self, function):
        self.function = function

    def __call__(self, *given, **named):
        said = np.atleast_1d(self.function(*given, **named))
        return pd.Series(said, index=range(len(said), 0, -1))


{0} = InTables({0})
""",
    "columns, loud": """
import sys


def in_columns(function):
    def answer(*given, **named):
        said = np.reshape(function(*given, **named), (-1, 1))
        print("0 of 9 points")
        print("trouble", file=sys.stderr)
        for each in given:
            if isinstance(each, np.ndarray):
                each *= 0  # used up
        return np.ma.array(np.asfortranarray(said))

    return answer


{0} = in_columns({0})
""",
    "exact, one by one": """
from fractions import Fraction

{0} = lambda *given, said={0}: (Fraction(each) for each in np.ravel(said(*given)).tolist())
""",
}


def test_nbgrader_gives_all_points(tmp_path: Path) -> None:
    folder, project = tmp_path / "course", Project.here()
    authored = editions.read(project.exercises([CHAPTER])[CHAPTER])
    asked = {name: exercise.asked for name, exercise in exercises_of(CHAPTER).items()}
    course.write_course(folder, project, [CHAPTER])
    for number, form in enumerate(FORMS.values()):
        codes = {
            made.name: editions.solution_of(made.solution.source)
            + "".join(
                f"\nif callable({name}):\n{indent(form.format(name), '    ')}" for name in asked[made.name]
            )
            for made in editions.exercises(authored)
        }
        gate.hand_in(folder, f"learner-{number}", CHAPTER, gate.submission(authored, codes))
    course.nbgrader(folder, "autograde", CHAPTER)
    full = {made.name: made.points for made in editions.exercises(authored)}
    for number, form in enumerate(FORMS):
        grades = gate.grades(folder, CHAPTER)[f"learner-{number}"]
        assert {name: grades[name].points for name in full} == full, form
