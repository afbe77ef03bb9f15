"""What is right in code that nobody expects: the same answers, from something else that can be called."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Function = Callable[..., Any]
Remake = Callable[[Function, Mapping[str, Any]], Function]


class Answer:
    """An object that can be called."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._function(*arguments, **named)

    def called(self, *arguments: Any, **named: Any) -> Any:
        """A method that says the same."""
        return self._function(*arguments, **named)


def spoils(function: Function, _: Mapping[str, Any]) -> Function:
    """Changes its arguments in place, after it has used them."""

    def answer(*arguments: Any, **named: Any) -> Any:
        found = function(*arguments, **named)
        for argument in [*arguments, *named.values()]:
            _spoil(argument)
        return found

    return answer


def _spoil(argument: Any) -> None:
    if isinstance(argument, np.ndarray):
        argument[...] = 0
    elif isinstance(argument, list):
        for entry in argument:
            _spoil(entry)
        argument.clear()
    elif isinstance(argument, dict):
        for entry in argument.values():
            _spoil(entry)
        argument.clear()


def talks(function: Function, _: Mapping[str, Any]) -> Function:
    """Prints, and warns."""

    def answer(*arguments: Any, **named: Any) -> Any:
        print("0 of 9 points")
        print("trouble", file=sys.stderr)
        warnings.warn("careful", RuntimeWarning, stacklevel=1)
        return function(*arguments, **named)

    return answer


def leans(function: Function, notebook: Mapping[str, Any]) -> Function:
    """Uses what only the check in sight imports."""

    def answer(*arguments: Any, **named: Any) -> Any:
        assert notebook["Checks"](points=1, total=1).points == 1
        return function(*arguments, **named)

    return answer


def tries(function: Function, _: Mapping[str, Any]) -> Function:
    """Runs into errors, and catches them."""

    def answer(*arguments: Any, **named: Any) -> Any:
        try:
            raise KeyError("nothing")
        except KeyError:
            return function(*arguments, **named)

    return answer


CODE: dict[str, Remake] = {
    "partial": lambda function, _: functools.partial(function),
    "object": lambda function, _: Answer(function),
    "method": lambda function, _: Answer(function).called,
    "lambda": lambda function, _: lambda *arguments, **named: function(*arguments, **named),
    "spoils its arguments": spoils,
    "talks": talks,
    "leans on the check in sight": leans,
    "tries": tries,
}
