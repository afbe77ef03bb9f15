"""Checks: one by one, with hints, with partial credit, and a plain number at the end."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bookwork.grading import Checks, close
from bookwork.grading.answers import Namespace


def run(names: dict, checks: dict[str, object], total: float | None = None) -> Checks:
    made = Checks(points=4, total=total or len(checks), source=Namespace(names))
    for name, check in checks.items():
        made(name, hint=f"about {name}")(check)
    return made


def test_passing_and_failing_checks_are_told_apart(capsys):
    def right(f):
        close(f(2), 4)

    def wrong(f):
        close(f(2), 5)

    score = run({"f": lambda x: 2 * x}, {"first": right, "second": wrong}).score()
    assert score == 2.0
    assert capsys.readouterr().out.splitlines() == [
        "✓ first",
        "✗ second",
        "  expected 5, got 4",
        "  Hint: about second",
        "2 of 4 points",
    ]


def test_score_is_a_plain_float_that_nbgrader_can_read():
    score = run({}, {"passes": lambda: None}).score()
    assert type(score) is float
    assert repr(score) == "4.0"


def test_visible_checks_alone_never_show_full_marks(capsys):
    score = run({}, {"passes": lambda: None}, total=4).score()
    assert score == 1.0
    assert "3 more from checks that run when it is graded" in capsys.readouterr().out


def test_what_is_missing_or_fails_or_is_no_number_fails_with_a_line(capsys):
    def raises(x):
        raise ZeroDivisionError("division by zero")

    checks = {
        "missing": lambda nothing: None,
        "raising": lambda raises: raises(1),
        "none": lambda empty: close(empty(1), 1),
        "stub": lambda stub: close(stub, 1),
        "plan": lambda plan: plan["keep"],
        "text": lambda text: close(text, 1),
        "shape": lambda many: close(many, 1),
        "nan": lambda nan: close(nan, 1),
    }
    names = {
        "raises": raises,
        "empty": lambda x: None,
        "stub": ...,
        "plan": None,
        "text": "one",
        "many": [1.0, 1.0],
        "nan": float("nan"),
    }
    assert run(names, checks).score() == 0.0
    printed = capsys.readouterr().out
    for line in (
        "nothing is not defined: run the cell above first",
        "raises raised ZeroDivisionError: division by zero",
        "empty gives None: nothing is returned yet",
        "stub is still ...: there is no answer yet",
        "plan is still None: there is no answer yet",
        "expected numbers, got 'one'",
        "expected shape (), got (2,)",
        "expected 1, got nan",
    ):
        assert line in printed


def test_warnings_of_an_answer_reach_no_stderr(capfd):
    def warns(x):
        warnings.warn("careful", stacklevel=1)
        return np.log(np.array([0.0]))[0]

    run({"f": warns}, {"logs": lambda f: close(f(1), 0)}).score()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("bad", [0, -1, float("nan")])
def test_points_total_and_weights_are_above_0(bad):
    for arguments in ({"points": bad, "total": 1}, {"points": 1, "total": bad}):
        with pytest.raises(ValueError, match="must be"):
            Checks(**arguments)
    with pytest.raises(ValueError, match="weight must be"):
        Checks(points=1, total=1)("name", hint="hint", weight=bad)


def test_weights_beyond_the_total_are_refused():
    checks = Checks(points=1, total=1, source=Namespace({}))
    checks("one", hint="none")(lambda: None)
    with pytest.raises(ValueError, match="must come to 1 at most, got 2"):
        checks("two", hint="none")
