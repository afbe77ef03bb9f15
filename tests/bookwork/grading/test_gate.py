"""The gate: nbgrader gives every answer to the exercises of the course the points that it deserves.

`make test` grades, per chapter, the solution, the empty edition and one submission full of mistakes; `make
test-all` grades all mistakes, and a class of thirty. Each chapter is a class, so that workers share them out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import pytest
from small_course import NAME, small_notebook, write_small_project

from bookwork.grading import course, gate
from bookwork.grading.__main__ import main
from bookwork.grading.project import Project

pytestmark = pytest.mark.slow

EVERYTHING = bool(os.environ.get("RANKING_TEST_ALL"))
CLASS_SIZE = 30
WRONG_ANSWER = "[[answer]]\nexercise = '{}'\nmistake = 'none'\npoints = 0\ncode = ''\n"


class Chapter:
    """The gate for one chapter."""

    name: ClassVar[str]

    def test_every_answer_gets_what_it_deserves(self, tmp_path: Path) -> None:
        most = None if EVERYTHING else 1
        assert gate.verify(self.name, tmp_path / "course", Project.here(), most) == []


class TestFunnel(Chapter):
    name = "01_funnel"


class TestMultiTask(Chapter):
    name = "02_multi_task"


class TestCalibration(Chapter):
    name = "03_calibration"


class TestMmoe(Chapter):
    name = "04_mmoe"


class TestFusion(Chapter):
    name = "05_fusion"


class TestWatchTime(Chapter):
    name = "06_watch_time"


class TestTheGateItself:
    """It must see what is wrong."""

    def test_every_notebook_of_the_course_passes_through_it(self):
        tested = {each.name for each in Chapter.__subclasses__()}
        assert tested == set(Project.here().exercises())

    def test_every_exercise_has_its_typical_mistakes(self):
        for path in Project.here().exercises().values():
            expected, rounds = gate.expected_grades(path)
            assert len(rounds) >= gate.FEWEST
            for name, full in expected[gate.SOLUTION].items():
                worth = [answers[name].points for answers in rounds if name in answers]
                assert all(0 <= points < full for points in worth), name

    def test_wrong_points_and_lost_submissions_are_reported(self):
        answer = gate.Answer("double", "adds", 1.0, "")
        expected = {"solution": {"double": 2.0}, "empty": {"double": 0.0}, "wrong-1": {"double": 1.0}}
        found = {"solution": {"double": gate.Grade(1.5, True)}, "wrong-1": {"double": gate.Grade(1.0, False)}}
        assert gate.differences("x", expected, [{"double": answer}], found) == [
            "x, double, solution: 1.5 points, deserves 2",
            "x, double, empty: not graded",
            "x, double, 'adds': not graded",
        ]

    def test_too_few_mistakes_are_refused(self, tmp_path):
        path = write_small_project(tmp_path).exercises()[NAME]
        path.with_name(gate.WRONG).write_text(
            "[[answer]]\nexercise = 'double'\nmistake = 'none'\npoints = 0\ncode = ''\n"
        )
        with pytest.raises(ValueError, match="'double' must have at least 4 typical mistakes, got 1"):
            gate.wrong_answers(path)

    def test_what_nbgrader_says_is_a_line_and_the_rest_is_compared(self, tmp_path, monkeypatch):
        """When it fails, it has graded what it can."""
        project = write_small_project(tmp_path / "authored")
        answers = "".join(WRONG_ANSWER.format(exercise) for exercise in ("double", "half") for _ in range(4))
        project.exercises()[NAME].with_name(gate.WRONG).write_text(answers)

        def failing(*_: object) -> str:
            raise RuntimeError("nbgrader autograde 09_small failed: a reason\nand pages of it")

        monkeypatch.setattr(gate, "nbgrader", failing)
        lines = gate.verify(NAME, tmp_path / "course", project, most=0)
        assert lines[0] == "09_small: nbgrader autograde 09_small failed: a reason"
        assert lines[1:] == [
            f"09_small, {exercise}, {learner}: not graded"
            for learner in ("solution", "empty")
            for exercise in ("double", "half")
        ]

    def test_a_notebook_that_nbgrader_refuses_is_named(self, tmp_path, monkeypatch):
        def failing(*_: object) -> str:
            raise RuntimeError("nbgrader generate_assignment failed: a reason\nand pages of it")

        monkeypatch.setattr(course, "nbgrader", failing)
        with pytest.raises(
            ValueError, match=r"exercises\.ipynb must be what nbgrader can make .*: a reason$"
        ):
            course.write_course(tmp_path / "course", write_small_project(tmp_path / "authored"))
        assert [path.name for path in tmp_path.iterdir()] == ["authored"]

    def test_unknown_chapters_are_refused(self, capsys):
        assert main(["verify", "--chapter", "99_nothing"]) == 2
        assert "chapters must be some of" in capsys.readouterr().err


@pytest.mark.skipif(not EVERYTHING, reason="make test-all grades a whole class")
def test_a_class_of_thirty_loses_nobody(tmp_path: Path) -> None:
    """Some right, some wrong, some with an endless loop, some without a kernel: all in one run."""
    folder = tmp_path / "course"
    course.write_course(folder, write_small_project(tmp_path / "authored"))
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("c.RunApart.seconds = 5\n")
    right = small_notebook()
    kinds = [
        ({}, 4.0),
        ({"double": "while True:\n    pass"}, 2.0),
        ({"half": "import os\nos._exit(1)"}, 2.0),
        ({"double": "double = None", "half": "half = 3"}, 0.0),
        ({"half": "def half(x):\n    return np.array([1.5])"}, 3.0),
    ]
    for number in range(CLASS_SIZE):
        codes, _ = kinds[number % len(kinds)]
        gate.hand_in(folder, f"learner-{number}", NAME, gate.submission(right, codes))
    course.nbgrader(folder, "autograde", NAME)
    found = gate.grades(folder, NAME)
    assert len(found) == CLASS_SIZE
    for number in range(CLASS_SIZE):
        grades = found[f"learner-{number}"].values()
        assert all(grade.graded for grade in grades)
        assert sum(grade.points for grade in grades) == kinds[number % len(kinds)][1], number
