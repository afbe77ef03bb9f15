"""A learner's definitions, asked for in the same notebook or from the other side: one road, one limit."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from bookwork.grading import data, limits
from bookwork.grading.answers import AnswerError, Namespace, respond


def asked(names: dict, name: str, *arguments: object, **named: object) -> dict:
    request = data.written([list(arguments), named])
    return json.loads(respond(names, name, request, 5.0))


def test_the_learners_side_answers_with_text():
    names = {"f": lambda x, k=1: k * x, "rate": 0.5, "odd": object()}
    assert data.read(asked(names, "f", np.array([2.0]), k=3)["value"]) == [6.0]
    assert json.loads(respond(names, "f", None, 5.0)) == {"function": True}
    assert data.read(json.loads(respond(names, "rate", None, 5.0))["value"]) == 0.5
    assert "must be numbers" in json.loads(respond(names, "odd", None, 5.0))["error"]
    assert "not defined" in json.loads(respond(names, "g", None, 5.0))["error"]


def fails(x):
    raise KeyError("a")


def leaves(x):
    raise SystemExit


def endless(x):
    while True:
        try:
            x += 1
        except Exception:
            continue


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (fails, "f raised KeyError: 'a'"),
        (leaves, "f raised SystemExit: "),
        (lambda x: None, "f gives None: nothing is returned yet"),
        (lambda x: ..., "f gives ...: nothing is returned yet"),
        (lambda x: fails, "f: an answer must be numbers, texts or arrays, got function"),
        (endless, "f took more than 0.3 seconds of processor time"),
    ],
)
def test_both_roads_say_the_same(function, said):
    with pytest.raises(AnswerError) as error:
        Namespace({"f": function}, seconds=0.3).get("f")(1)
    assert str(error.value) == said
    request = data.written([[1], {}])
    assert json.loads(respond({"f": function}, "f", request, 0.3)) == {"error": said}


def test_a_check_keeps_its_arguments_whatever_the_answer_does_to_them():
    def spoils(x, table):
        x *= 0
        table["a"].append(1)
        return x

    given, table = np.ones(2), {"a": []}
    Namespace({"f": spoils}).get("f")(given, table)
    assert given.tolist() == [1.0, 1.0]
    assert table == {"a": []}


def test_a_value_is_a_copy_too():
    mine = [1, [2]]
    Namespace({"mine": mine}).get("mine")[1].append(3)
    assert mine == [1, [2]]


def test_time_is_that_of_the_processor():
    """Waiting costs nothing: a busy machine must not cost a point."""
    assert Namespace({"f": lambda: time.sleep(0.4) or 1}, seconds=0.2).get("f")() == 1


def test_a_cell_that_is_too_slow_to_be_graded_is_told(capsys, monkeypatch):
    monkeypatch.setattr(limits, "CELL_SECONDS", 0.0)
    watch = limits.Watch()
    watch.before()
    begin = time.process_time()
    while time.process_time() == begin:  # some machines count in steps of ten milliseconds
        sum(range(1000))
    watch.after()
    assert "when your work is graded, it is stopped after 0" in capsys.readouterr().out
