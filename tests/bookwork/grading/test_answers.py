"""What passes between a learner's kernel and that of the checks is data, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from bookwork.grading.answers import AnswerError, Namespace, decode, encode, respond


def through(value):
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize("value", [None, True, 3, 0.1, "text", [1, "a"], (1, 2.0), {"a": [1], "b": None}, []])
def test_plain_values_come_back_as_they_went(value):
    back = through(value)
    assert back == value
    assert type(back) is type(value)


def test_arrays_tensors_and_columns_come_back():
    torch = pytest.importorskip("torch")
    for array in (np.arange(6.0).reshape(2, 3), np.array([True, False]), np.array(["a", "bc"])):
        back = through(array)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
    np.testing.assert_array_equal(through(pd.Series([1.5, 2.0])), [1.5, 2.0])
    assert torch.equal(through(torch.ones(2, requires_grad=True)), torch.ones(2))
    assert through({"a": (np.float32(0.5),)}) == {"a": (0.5,)}
    assert np.isnan(through(float("nan")))


@pytest.mark.parametrize("value", [object(), np.array([object()]), lambda: 1, {1, 2}])
def test_what_is_no_data_is_refused(value):
    with pytest.raises(TypeError, match="an answer must be numbers, texts or arrays"):
        encode(value)


def test_reading_an_answer_never_runs_code():
    class Payload:
        def __reduce__(self):
            return (pytest.fail, ("code was run",))

    import base64
    import io
    import pickle

    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload()], dtype=object), allow_pickle=True)
    for content in (buffer.getvalue(), pickle.dumps(Payload())):
        with pytest.raises(ValueError, match=r"allow_pickle|pickled"):
            decode({"array": base64.b64encode(content).decode()})


def test_the_learners_side_answers_with_text():
    names = {"f": lambda x, k=1: k * x, "rate": 0.5, "odd": object()}
    request = json.dumps([encode([np.array([2.0])]), encode({"k": 3})])
    assert decode(json.loads(respond(names, "f", request))["value"]) == [6.0]
    assert json.loads(respond(names, "f", None)) == {"function": True}
    assert json.loads(respond(names, "rate", None)) == {"value": 0.5}
    assert "must be numbers" in json.loads(respond(names, "odd", None))["error"]
    assert "not defined" in json.loads(respond(names, "g", None))["error"]


def test_errors_name_the_function():
    def fails(x):
        raise KeyError("a")

    with pytest.raises(AnswerError, match="fails raised KeyError: 'a'"):
        Namespace({"fails": fails}).get("fails")(1)
