"""Right answers in unusual forms keep all their points, in every exercise, on both roads."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from remaking import Form, remade
from taking_checks import Exercise, exercises_of
from unusual_code import CODE
from unusual_forms import FORMS

from bookwork.grading import answers, data
from bookwork.grading.project import Project

CALLS = 3  # of a definition, of which both roads are compared: they do the same each time
ENOUGH = 8  # forms that each exercise is tried in, at least
EVERYTHING = bool(os.environ.get("RANKING_TEST_ALL"))
LONG = {
    "tired-slate",
    "half-the-cost",
    "honest-model",
    "where-the-price-goes",
    "fifth-of-the-rows",
    "level-moved",
    "polarize-and-cure",
    "no-worse",
    "few-plays",
    "add-seconds",
}
"""Exercises whose checks take seconds: left out of `make check`, and tried in few forms but by `test-all`."""


class BothRoads:
    """Definitions as in the notebook, and as text from another kernel: both must say the same."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names, self._here = names, answers.Namespace(names)
        self._compared: Counter[str] = Counter()

    def get(self, name: str) -> Any:
        """A definition, in this process; what another kernel would say of it is compared."""
        found = self._here.get(name)
        if not callable(found):
            self._compare(found, name, None)
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            answer = found(*arguments, **named)
            if self._compared[name] < CALLS:
                self._compare(answer, name, data.written([list(arguments), named]))
            return answer

        return call

    def _compare(self, answer: Any, name: str, request: str | None) -> None:
        self._compared[name] += 1
        said = json.loads(answers.respond(self._names, name, request, 60.0))["value"]
        assert data.written(data.read(said)) == data.written(answer), f"{name}: the roads differ"


def in_form(
    exercise: Exercise, form: Form, code: Callable[..., Any] | None
) -> tuple[dict[str, Any], list[int]]:
    """What a notebook holds whose answers have that form, and for each how many parts have it."""
    names, changed = dict(exercise.solution), []

    def converting(function: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*arguments: Any, **named: Any) -> Any:
            found, parts = remade(function(*arguments, **named), form)
            changed.append(parts)
            return found

        return answer

    for name in exercise.asked:
        value = names[name]
        if callable(value):
            names[name] = converting(value)
            if code is not None:
                names[name] = code(names[name], names)
                changed.append(int(form == Form()))  # data, too, must be in another form
        elif not form.once:
            names[name], parts = remade(value, form)
            changed.append(parts)
    return names, changed


def forms_of(exercise: Exercise) -> Iterator[tuple[str, Form, Callable[..., Any] | None]]:
    """Forms of data, then of code; for what takes long, both at once."""
    long, codes = exercise.name in LONG, list(CODE.items())
    for k, (name, form) in enumerate(FORMS.items()):
        also, code = codes[k % len(codes)]
        yield (f"{name}, {also}", form, code) if long else (name, form, None)
    if not long:
        for name, code in codes:
            yield name, Form(), code


def faults_of(exercise: Exercise) -> tuple[list[str], int]:
    """Where points are lost, and in how many forms that are others."""
    faults, tried = [], 0
    for name, form, code in forms_of(exercise):
        names, changed = in_form(exercise, form, code)
        if not any(changed) and not any(map(callable, (names[asked] for asked in exercise.asked))):
            continue
        points, printed = exercise.take(BothRoads(names))
        if not any(changed):
            continue
        tried += 1
        if points != exercise.points:
            lines = printed.splitlines()
            said = [" ".join(lines[k : k + 2]) for k, line in enumerate(lines) if line.startswith("✗")]
            faults.append(f"{exercise.name}, {name}: {points:g} of {exercise.points:g}: {'; '.join(said)}")
        if exercise.name in LONG and tried >= ENOUGH and not EVERYTHING:
            break
    return faults, tried


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per exercise of a chapter."""
    if "name" in metafunc.fixturenames and hasattr(metafunc.cls, "chapter"):
        names = exercises_of(metafunc.cls.chapter)
        marks = {name: [pytest.mark.slow] if name in LONG else [] for name in names}
        metafunc.parametrize("name", [pytest.param(name, marks=marks[name]) for name in names])


class Chapter:
    """The exercises of one chapter."""

    chapter: ClassVar[str]

    def test_right_answers_in_unusual_forms_keep_all_points(self, name: str) -> None:
        faults, tried = faults_of(exercises_of(self.chapter)[name])
        assert not faults, "\n".join(faults)
        assert tried >= ENOUGH


class TestFunnel(Chapter):
    chapter = "01_funnel"


class TestMultiTask(Chapter):
    chapter = "02_multi_task"


class TestCalibration(Chapter):
    chapter = "03_calibration"


class TestMmoe(Chapter):
    chapter = "04_mmoe"


class TestFusion(Chapter):
    chapter = "05_fusion"


class TestWatchTime(Chapter):
    chapter = "06_watch_time"


def test_every_chapter_is_tried():
    assert {each.chapter for each in Chapter.__subclasses__()} == set(Project.here().exercises())
