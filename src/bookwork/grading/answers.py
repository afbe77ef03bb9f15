"""What a learner defined: in the same notebook at first, in another kernel while it is graded.

When a submission is graded, the check cells run in a kernel of their own (see ``grading``), and the learner's
code in another. A learner's code therefore never sees a check, and whatever it changes (the package, NumPy,
the checks themselves) it changes on its own side only. In the notebook the same road is taken: arguments and
answers are copied as data (see ``data``), and a call has the same limit of time.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bookwork.grading import data, limits


class AnswerError(Exception):
    """A learner's definition is missing, fails, takes too long, or gives what is no data."""


class Source(Protocol):
    """Where a learner's definitions are."""

    def get(self, name: str) -> Any:
        """The definition of that name: a function that can be called, or a copy of a value."""


class Namespace:
    """Definitions in the same process; a call may take ``seconds`` of processor time."""

    def __init__(self, names: Mapping[str, Any], seconds: float = limits.CALL_SECONDS) -> None:
        self._names, self._seconds = names, seconds

    def get(self, name: str) -> Any:
        """The definition of that name: a function that can be called, or a copy of a value."""
        value = self.found(name)
        return self._caller(name, value) if callable(value) else self._copy(name, value)

    def found(self, name: str) -> Any:
        """The definition itself."""
        if name not in self._names:
            raise AnswerError(f"{name} is not defined: run the cell above first")
        return self._names[name]

    def _caller(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            given, also = data.through([list(arguments), named])
            return data.read(answer_text(name, function, given, also, self._seconds))

        return call

    @staticmethod
    def _copy(name: str, value: Any) -> Any:
        if value is ...:
            return value  # there is no answer yet
        try:
            return data.through(value)
        except TypeError as error:
            raise AnswerError(f"{name}: {error}") from None


def answer_text(
    name: str, function: Callable[..., Any], arguments: list[Any], named: dict[str, Any], seconds: float
) -> str:
    """Call a learner's function; its answer as text, or an :class:`AnswerError` that names the function."""
    try:
        with limits.limited(seconds):
            answer = function(*arguments, **named)
            if answer is None or answer is ...:
                raise AnswerError(f"{name} gives {_bare(answer)}: nothing is returned yet")
            return _written(name, answer)
    except AnswerError:
        raise
    except limits.TimeUp:
        raise AnswerError(limits.said_of_time(name, seconds)) from None
    except (Exception, SystemExit) as error:
        raise AnswerError(f"{name} raised {type(error).__name__}: {error}") from error


def _bare(answer: Any) -> str:
    return "..." if answer is ... else "None"


def _written(name: str, answer: Any) -> str:
    try:
        return data.written(answer)
    except TypeError as error:
        raise AnswerError(f"{name}: {error}") from None


def respond(names: Mapping[str, Any], name: str, request: str | None, seconds: float) -> str:
    """The learner's side: look a definition up, or call it, and give what comes out as text.

    ``request`` holds arguments as text; None asks what the definition is.
    """
    try:
        found = Namespace(names).found(name)
        if request is None:
            said = {"function": True} if callable(found) else {"value": _value(name, found)}
        else:
            arguments, named = data.read(request)
            said = {"value": answer_text(name, found, arguments, named, seconds)}
    except AnswerError as error:
        said = {"error": str(error)}
    return json.dumps(said)


def _value(name: str, value: Any) -> str:
    if value is ...:
        raise AnswerError(f"{name} is still ...: there is no answer yet")
    return _written(name, value)


_other: Source | None = None


def use(other: Source | None) -> None:
    """Take definitions from there from now on; None for the notebook that runs."""
    global _other
    _other = other


def source() -> Source:
    """The learner's kernel if there is a connection to one, else the notebook that runs."""
    if _other is not None:
        return _other
    from IPython import get_ipython

    return Namespace(getattr(get_ipython(), "user_ns", {}))
