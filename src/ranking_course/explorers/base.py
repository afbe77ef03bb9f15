"""The explorers that every book has, in the colours of this course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from bookwork import explorer
from ranking import progress, validation
from ranking_course.palette import PALETTE


class Explorer(explorer.Explorer):
    """Base of the course's explorers."""

    palette = PALETTE


_QUIZZES = files("ranking_course") / "quizzes"


def quizzes() -> tuple[str, ...]:
    """Names of the quizzes that the package holds, one for each chapter, sorted."""
    return tuple(sorted(file.name[:-5] for file in _QUIZZES.iterdir() if file.name.endswith(".toml")))


class QuizExplorer(explorer.QuizExplorer):
    """:class:`bookwork.explorer.QuizExplorer`; also of one of :func:`quizzes`, by its name."""

    palette = PALETTE

    def __init__(self, questions: str | Path | Sequence[Mapping[str, Any]], **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        named = isinstance(questions, str) and not questions.endswith(".toml")
        if named:
            validation.one_of("questions", questions, quizzes())
        super().__init__(Path(str(_QUIZZES / f"{questions}.toml")) if named else questions, **others)
        if named:
            self._shown = repr(questions)


class RecordedExplorer(explorer.RecordedExplorer):
    __doc__ = explorer.RecordedExplorer.__doc__
    palette = PALETTE
    progress = staticmethod(progress.progress)
