"""What passes between a learner's code and the checks is data, and nothing else; right forms all pass."""

from __future__ import annotations

import json
from collections import OrderedDict, UserDict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import sympy

from bookwork.grading import data
from bookwork.grading.data import decode, encode, through


@pytest.mark.parametrize(
    "value", [None, True, 3, 0.1, "text", [1, "a"], (1, 2.0), {"a": [1], "b": None}, [], {1, 2}, 2**70]
)
def test_plain_values_come_back_as_they_went(value):
    back = through(value)
    assert back == value
    assert type(back) is type(value)


def test_arrays_tensors_and_columns_come_back():
    torch = pytest.importorskip("torch")
    for array in (
        np.arange(6.0).reshape(2, 3),
        np.array([True, False]),
        np.array(["a", "bc"]),
        np.array(5),
        np.zeros((0, 3)),
        np.arange(6).reshape(2, 3).T,
    ):
        back = through(array)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
        assert back.flags.writeable
    np.testing.assert_array_equal(through(pd.Series([1.5, 2.0])), [1.5, 2.0])
    assert torch.equal(through(torch.ones(2, requires_grad=True)), torch.ones(2))
    assert through({"a": (np.float32(0.5),)}) == {"a": (0.5,)}
    assert np.isnan(through(float("nan")))


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (Fraction(1, 4), 0.25),
        (Fraction(8, 4), 2),
        (Decimal("0.5"), 0.5),
        (sympy.Rational(1, 4), 0.25),
        (sympy.Integer(3), 3),
        (sympy.sqrt(4) / 8, 0.25),
        (sympy.true, True),
        (range(3), [0, 1, 2]),
        (deque([1, 2]), [1, 2]),
        ((i * i for i in range(3)), [0, 1, 4]),
        ({"a": 1}.keys(), ["a"]),
        (frozenset({1}), {1}),
        (Point(1, 2.5), (1, 2.5)),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=np.int8(1)), {"a": 1}),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_and_containers_of_other_libraries_are_welcome(value, right):
    back = through(value)
    assert back == right
    assert type(back) is type(right)


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (np.array([Fraction(1, 2), sympy.Integer(2)], dtype=object), [0.5, 2.0]),
        (np.array([[1, 2.5]], dtype=object), [[1.0, 2.5]]),
        (np.ma.masked_array([1.0, 2.0], [False, True]), [1.0, np.nan]),
        (np.ma.masked_array(["a", "bc"]), ["a", "bc"]),
        (np.ma.masked_array([True, False], [False, False]), [True, False]),
        (pd.Series([1, None], dtype="Int64"), [1.0, np.nan]),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), [[1, 3], [2, 4]]),
        (pd.Index([3, 1]), [3, 1]),
        (np.matrix([[1.0, 2.0]]), [[1.0, 2.0]]),
        (np.longdouble([0.5, 2]), [0.5, 2.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arrays_of_other_kinds_are_welcome(value, right):
    back = through(value)
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, right)


def test_sparse_and_half_precision_ones_too():
    torch = pytest.importorskip("torch")
    from scipy.sparse import csr_array

    np.testing.assert_array_equal(through(csr_array(np.eye(2))), np.eye(2))
    assert through(torch.ones(2, dtype=torch.bfloat16)).tolist() == [1.0, 1.0]
    assert through(torch.eye(2).to_sparse()).tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    "value",
    [
        object(),
        np.array([object()]),
        lambda: 1,
        1j,
        b"a",
        sympy.Symbol("x"),
        np.ma.masked_array(["a", "b"], [False, True]),
    ],
)
def test_what_is_no_data_is_refused(value):
    with pytest.raises(TypeError, match="an answer must be numbers, texts or arrays"):
        encode(value)


def test_what_is_too_large_or_contains_itself_is_refused(monkeypatch):
    own: list = []
    own.append(own)
    with pytest.raises(TypeError, match="must not contain itself"):
        data.written(own)
    monkeypatch.setattr(data, "LARGEST", 100)
    monkeypatch.setattr(data, "LARGEST_ARRAY", 100)
    with pytest.raises(TypeError, match="must not be so large, got"):
        data.written("x" * 101)
    with pytest.raises(TypeError, match=r"an array of shape \(99,\) is too large"):
        data.written(np.zeros(99))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"array": 3}',
        '{"array": {"dtype": "|O", "shape": [1], "data": "AAAAAAAAAAA="}}',
        '{"array": {"dtype": "<f8", "shape": [1000000000000], "data": ""}}',
        '{"array": {"dtype": "f8,f8", "shape": [], "data": ""}}',
        '{"list": 1}',
        '{"dict": [[{"list": []}, 1]]}',
        '{"code": "print()"}',
        "{}",
        '{"list": ' * 100_000,
    ],
)
def test_what_is_no_answer_is_a_value_error_and_runs_nothing(text):
    with pytest.raises(ValueError, match=r"no data|reshape|Expecting|dtype|cannot"):
        data.read(text)


def test_reading_an_answer_never_runs_code():
    class Payload:
        def __reduce__(self):
            return (pytest.fail, ("code was run",))

    import base64
    import pickle

    content = base64.b64encode(pickle.dumps(Payload())).decode()
    with pytest.raises(ValueError, match="no data"):
        decode(json.loads(json.dumps({"array": {"dtype": "O", "shape": [1], "data": content}})))
