"""Quizzes: a few questions on a chapter, each option with its explanation, answered without a kernel."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets

from bookwork import arguments
from bookwork.explorer.base import Explorer
from bookwork.explorer.schema import anything, each, flag, optional, record
from bookwork.explorer.traits import Checked

_ID = re.compile(r"[a-z][a-z0-9_]*")


def read_questions(path: Path | str) -> list[dict[str, Any]]:
    """Questions from a TOML file: tables ``[[questions]]``, each with tables ``[[questions.options]]``.

    Raises:
        FileNotFoundError: naming the folder in which the file was looked for.
        ValueError: for a file that is no TOML, or whose questions :func:`checked_questions` refuses.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"path must name a TOML file of questions, got {str(path)!r} in {Path.cwd()}")
    try:
        read = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} must be TOML: {error}") from error
    return checked_questions(record(questions=each(anything()))(str(path), read)["questions"])


def _line(name: str, value: Any) -> str:
    """A text that is not empty, its line breaks as spaces."""
    return " ".join(arguments.text(name, value).split())


def _id(name: str, value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{name} must be small letters, digits and underscores, got {value!r}")
    return value


_OPTION = record(text=_line, explanation=_line, right=optional(flag()), closed=True)
_QUESTION = record(id=_id, text=_line, options=each(_OPTION, at_least=2), closed=True)


def _distinct(name: str, texts: Sequence[str]) -> None:
    for i, text in enumerate(texts):
        if text in texts[:i]:
            raise ValueError(f"{name} must differ from each other, got twice {text!r:.80}")


def checked_questions(questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Questions as plain data, line breaks in their texts as spaces.

    Args:
        questions: at least one ``{"id", "text", "options"}``; an id is a name in small letters, by which
            answers are kept. Options are at least two ``{"text", "explanation", "right"}``, exactly one of
            them right; ``right`` may be left out where it is false.

    Raises:
        ValueError: naming the entry that is missing, doubled or not allowed.
    """
    kept = each(_QUESTION)("quiz['questions']", questions)
    for question in kept:
        name = f"quiz question {question['id']!r}"
        options = [{**option, "right": option.get("right", False)} for option in question["options"]]
        right = sum(option["right"] for option in options)
        if right != 1:
            raise ValueError(f"{name} must have exactly one option that is right, got {right}")
        for key in ("text", "explanation"):
            _distinct(f"options of {name}, by their {key},", [option[key] for option in options])
        question["options"] = options
    for key in ("id", "text"):
        _distinct(f"questions, by their {key},", [question[key] for question in kept])
    return kept


class QuizExplorer(Explorer):
    """Questions to check oneself with: choose an option, press "Check", read why it is right or not.

    ``QuizExplorer("quiz.toml")`` shows the questions of a file (see :func:`read_questions`) in the working
    folder, which in JupyterLab and in the build is that of the notebook; ``QuizExplorer(questions)`` shows
    questions that are at hand, see :func:`checked_questions`. By a question's id, the trait ``chosen`` has
    the option that is chosen now, and ``tries`` the options that were checked, in their order, counted from
    0; :attr:`result` counts them.
    """

    module = "quiz"
    settings = ("chosen", "tries")

    questions = Checked(checked_questions, [], help="Checked questions.")
    chosen = traitlets.Dict(help="The option chosen now, by question.")
    tries = traitlets.Dict(help="The options checked so far, by question.")

    def __init__(self, questions: str | Path | Sequence[Mapping[str, Any]], **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        if isinstance(questions, (str, Path)):
            self._shown, questions = repr(str(questions)), read_questions(questions)
        else:
            self._shown = f"{len(checked_questions(questions))} of one's own"
        super().__init__(questions=questions, **others)

    @property
    def result(self) -> dict[str, int]:
        """How many questions there are, were answered right, and were so at the first try."""
        found = {"questions": len(self.questions), "right": 0, "first_try": 0}
        for question in self.questions:
            right = [option["right"] for option in question["options"]]
            answers = [right[k] for k in self.tries.get(question["id"], ())]
            found["right"] += any(answers)
            found["first_try"] += answers[:1] == [True]
        return found

    @traitlets.validate("chosen", "tries")
    def _check_setting(self, proposal: dict[str, Any]) -> dict[str, Any]:
        name, answers = proposal["trait"].name, proposal["value"]
        options = {question["id"]: len(question["options"]) for question in self.questions}
        for key, value in answers.items():
            arguments.one_of(f"{name}, its key", key, tuple(options))
            for k in value if name == "tries" and isinstance(value, (list, tuple)) else [value]:
                if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k < options[key]:
                    raise ValueError(
                        f"{name}[{key!r}] must be of options from 0 to {options[key] - 1}, got {value!r}"
                    )
        return answers

    def facts(self) -> dict[str, Any]:
        return {"questions": len(self.questions)}

    def __repr__(self) -> str:
        # neither questions nor answers: outputs of cells are compared, and searched
        return f"QuizExplorer({self._shown})"
