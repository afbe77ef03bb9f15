"""The checks of the course's exercises, run again and again on answers that say the same in other forms.

What costs time is done once: where a function of a setup cell, a helper of a check cell or a solution's
function is asked what it was asked before, it gives what it gave. So only the forms of answers are new.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import io
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bookwork.grading import answers, editions
from bookwork.grading.grading import definitions
from bookwork.grading.project import Project

MARK = "_told_again"  # the decorator that the functions of cells get
COSTLY = 0.05  # seconds of processor time from which an answer is kept
Names = dict[str, Any]
Function = Callable[..., Any]


class Memory:
    """What functions gave, by what they were asked; large things that it gave are known by their identity."""

    def __init__(self, costly: float = COSTLY) -> None:
        self._costly = costly
        self._given: dict[Any, Any] = {}
        self._held: dict[int, Any] = {}  # kept, so that no other thing gets the same identity

    def telling(self, name: object, function: Function) -> Function:
        """``function``, which is not run again for what cost much; ``name`` tells it from others."""

        @functools.wraps(function)
        def told(*arguments: Any, **named: Any) -> Any:
            key = self._key((name, arguments, named))
            if key is None or _draws(function):
                return function(*arguments, **named)
            if key in self._given:
                return self._given[key]
            began = time.process_time()
            found = function(*arguments, **named)
            if time.process_time() - began >= self._costly:
                self._given[key] = found
                self._held |= {id(part): part for part in _parts(found)}
            return found

        return told

    def _key(self, asked: Any) -> bytes | None:
        """None where a function is among the arguments, as a learner's is."""
        written = io.BytesIO()
        pickler = pickle.Pickler(written, protocol=5)
        pickler.persistent_id = lambda part: id(part) if id(part) in self._held else None  # type: ignore[method-assign]
        try:
            pickler.dump(asked)
        except (pickle.PicklingError, AttributeError, TypeError):
            return None
        return hashlib.blake2b(written.getbuffer()).digest()


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _parts(part)
    if isinstance(value, (list, tuple, dict, np.ndarray)):
        yield value


def _draws(function: Function) -> bool:
    """Whether it draws from a generator of its cell, and so gives other things each time."""
    code = getattr(function, "__code__", None)
    used = (function.__globals__.get(name) for name in code.co_names) if code else ()
    return any(isinstance(value, np.random.Generator) for value in used)


def run_cell(source: str, names: Names, memory: Memory) -> None:
    """Run a cell's code; what its functions give is remembered. What it prints is left out."""
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            node.decorator_list.append(ast.Name(MARK, ast.Load()))
    code = compile(ast.fix_missing_locations(tree), "cell", "exec")
    names[MARK] = lambda function: memory.telling((source, function.__name__), function)
    exec(code, names)


class Exercise:
    """An exercise with its solution; what runs is run when it is first asked for.

    Attributes:
        asked: names of the definitions that its checks ask for.
    """

    def __init__(self, made: editions.Exercise, chapter: str) -> None:
        self.name, self.points, self._made, self._chapter = made.name, made.points, made, chapter
        self._check, self._memory = editions.shown_of(made.check.source), Memory()
        checks = [node for node in ast.parse(self._check).body if isinstance(node, ast.FunctionDef)]
        checks = [node for node in checks if node.decorator_list]
        self.asked = sorted({argument.arg for node in checks for argument in node.args.args})

    @functools.cached_property
    def solution(self) -> Names:
        """What a learner's notebook holds whose answer is the solution."""
        names, answered = dict(setup_of(self._chapter)), Memory(costly=0.0)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(editions.solution_of(self._made.solution.source), names)
            # what the checks in sight import and define is there, too
            run_cell(definitions(editions.visible_of(self._made.check.source)), names, self._memory)
        for name in self.asked:
            if callable(names[name]):
                names[name] = answered.telling(name, names[name])
        return names

    def take(self, source: answers.Source) -> tuple[float, str]:
        """Points of all checks, in sight and hidden, on answers from there, and what they print."""
        names, printed = dict(setup_of(self._chapter)), io.StringIO()
        answers.use(source)
        try:
            with contextlib.redirect_stdout(printed):
                run_cell(self._check, names, self._memory)
                points = names["checks"].score()
        finally:
            answers.use(None)
        return points, printed.getvalue()


@functools.cache
def setup_of(chapter: str) -> Names:
    """What the setup cells of a chapter define."""
    names: Names = {"__name__": "cell"}
    memory = Memory()
    for cell in editions.read(Project.here().exercises([chapter])[chapter]).cells:
        if (editions.grade_id(cell) or "").startswith(editions.SETUP):
            with contextlib.redirect_stdout(io.StringIO()):
                run_cell(cell.source, names, memory)
    return names


def exercises_of(chapter: str) -> dict[str, Exercise]:
    """The exercises of a chapter by name."""
    notebook = editions.read(Project.here().exercises([chapter])[chapter])
    return {made.name: Exercise(made, chapter) for made in editions.exercises(notebook)}
