"""The checks of one exercise: run one by one, with a hint where one fails, and with partial credit."""

import contextlib
import inspect
import io
import warnings
from collections.abc import Callable
from typing import Any

from bookwork import arguments
from bookwork.grading import answers, limits


class Checks:
    """The checks of one exercise.

    A check is a function whose parameters are named after what the learner defines. It passes if it returns
    without an error; ``close`` and ``equal`` raise with a message that says what is wrong::

        checks = Checks(points=2, total=3)

        @checks("at α = 1 nothing changes", hint="Put α = 1 into your formula.")
        def _(my_formula):
            close(my_formula(0.3, 1.0), 0.3)

        checks.score()

    A failing check never stops the notebook.

    Args:
        points: of the exercise, above 0.
        total: weight of all checks together, with the hidden ones: those in sight never show full marks.
        source: where the learner's definitions are; by default the notebook.

    Attributes:
        passed, run: weight of the checks that passed, and of those that have run.
    """

    def __init__(self, points: float, total: float, source: answers.Source | None = None) -> None:
        self.points, self.total = arguments.positive("points", points), arguments.positive("total", total)
        self.passed = self.run = 0.0
        self._source = source
        limits.watch_notebook()

    def __call__(self, name: str, hint: str, weight: float = 1.0) -> Callable[[Callable[..., Any]], None]:
        """Run the decorated function as a check, and say how it went.

        Args:
            name: what is checked, in a few words.
            hint: what to look at when it fails.
            weight: its share of ``total``, above 0; it is a ValueError that all come to more than that.
        """
        arguments.positive("weight", weight)
        if self.run + weight > self.total + 1e-9:
            raise ValueError(f"weights must come to {self.total:g} at most, got {self.run + weight:g}")

        def run(check: Callable[..., Any]) -> None:
            self.run += weight
            fault = self._fault(check)
            if fault is None:
                self.passed += weight
                print(f"✓ {name}")
            else:
                said = f"  {fault}\n" if fault else ""
                print(f"✗ {name}\n{said}  Hint: {hint}")

        return run

    def _fault(self, check: Callable[..., Any]) -> str | None:
        """What is wrong, in one line; None if nothing is. A warning on stderr would cost all points."""
        source = answers.source() if self._source is None else self._source
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                check(*(_given(name, source.get(name)) for name in inspect.signature(check).parameters))
        except (AssertionError, answers.AnswerError) as error:
            return str(error)
        except Exception as error:  # the answer is of a kind that the check cannot work with
            return f"{type(error).__name__}: {error}"
        return None

    def score(self) -> float:
        """The points earned so far, as a plain number from 0 to ``points``: what nbgrader reads."""
        worth = self.points / self.total
        open_points = (self.total - self.run) * worth
        more = f"; {open_points:.3g} more from checks that run when it is graded"
        print(f"{self.passed * worth:.3g} of {self.points:g} points{more if open_points > 1e-9 else ''}")
        return float(round(min(max(self.passed * worth, 0.0), self.points), 3))


def _given(name: str, value: Any) -> Any:
    """What a learner defined, unless it is what the empty notebook says."""
    if value is None or value is ...:
        said = "..." if value is ... else "None"
        raise answers.AnswerError(f"{name} is still {said}: there is no answer yet")
    return value
