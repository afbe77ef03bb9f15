"""Argument checks name the argument, the value and what is allowed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from ranking import validation


def test_checks_return_what_they_checked():
    assert validation.rate("r", 1) == 1.0
    assert validation.number("n", np.float32(2)) == 2.0
    assert validation.positive_int("k", np.int64(3)) == 3
    assert validation.one_of("mode", "a", ("a", "b")) == "a"
    np.testing.assert_array_equal(validation.probabilities("p", [[0, 1], [0.5, 0.25]]), [[0, 1], [0.5, 0.25]])
    np.testing.assert_array_equal(validation.binary("y", [True, False]), [1.0, 0.0])
    np.testing.assert_array_equal(validation.as_floats("t", torch.ones(2, requires_grad=True)), [1.0, 1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: validation.rate("r", 0), r"r must be in \(0, 1\], got 0.0"),
        (lambda: validation.rate("r", "half"), "r must hold numbers, got 'half'"),
        (lambda: validation.rate("r", None), "r must"),
        (lambda: validation.rate("r", True), r"r must be a number in \(0, 1\], got True"),
        (lambda: validation.number("n", [1.0]), r"n must be a single number, got an array of shape \(1,\)"),
        (lambda: validation.non_negative("t", [0.0, -2.0]), "t must be at least 0, got -2.0 at index 1"),
        (lambda: validation.as_floats("x", [1, np.inf, np.nan]), r"got inf at index 1 \(2 such values\)"),
        (lambda: validation.probabilities("p", [[0.0], [2.0]]), r"got 2.0 at index \(1, 0\)"),
        (lambda: validation.binary("y", [0, 3]), "y must hold only 0 and 1, got 3.0 at index 1"),
        (lambda: validation.positive_int("k", True), "k must be a whole number of at least 1, got True"),
        (lambda: validation.positive_int("k", 1.0), "k must be a whole number of at least 1, got 1.0"),
        (lambda: validation.one_of("mode", "c", ("a", "b")), "mode must be one of 'a', 'b', got 'c'"),
        (lambda: validation.one_of("mode", np.array(["a", "b"]), ("a", "b")), "mode must be one of"),
        (lambda: validation.as_array("x", {1, 2}), "x must be an array or a list, got {1, 2}"),
        (lambda: validation.as_array("x", (v for v in "ab")), "x must be an array or a list, got <gen"),
        (lambda: validation.as_floats("x", [2**53 + 1, 1]), r"x must be below 2\*\*53 .* at index 0"),
        (lambda: validation.as_floats("x", [2**53 + 1, 0.5]), r"x must be below 2\*\*53"),
        (lambda: validation.as_floats("x", [2**63, 1]), r"x must be below 2\*\*53"),
        (lambda: validation.as_floats("x", [10**30, 1]), r"x must be below 2\*\*53"),
        (lambda: validation.number("n", -(2**63)), r"n must be below 2\*\*53"),
        (lambda: validation.whole_number("n", np.timedelta64(3)), "n must be a whole number of at least 0"),
        (
            lambda: validation.positive_int("n", 10**30),
            "n must be at most 9,223,372,036,854,775,807",
        ),
        (lambda: validation.as_float32("w", np.array([1.0, -1e39])), r"w must be at most 3.403e\+38 in size"),
        (lambda: validation.seed("seed", np.timedelta64(3)), "seed must be a whole number from 0"),
        (lambda: validation.whole_number("n", -1), "n must be a whole number of at least 0, got -1"),
        (lambda: validation.integers("n", [0.0, 1.0]), "n must hold whole numbers, got float64"),
        (
            lambda: validation.integers("n", np.array([2**63], np.uint64)),
            r"n must be below 2\*\*63, got 9223372036854775808",
        ),
        (lambda: validation.booleans("b", [0, 2]), "b must hold only 0 and 1"),
        (lambda: validation.flag("shown", "no"), "shown must be True or False, got 'no'"),
        (lambda: validation.flag("shown", 1), "shown must be True or False, got 1"),
        (lambda: validation.flag("shown", np.nan), "shown must be True or False, got nan"),
        (lambda: validation.names("user", "age"), "user must be names, at least one, each once, got 'age'"),
        (lambda: validation.names("user", {"a", "b"}), "user must be a list or tuple"),
        (lambda: validation.names("user", ["a", 1]), "user must be names"),
        (lambda: validation.names("user", ["a", "a"]), "user must be names, at least one, each once"),
        (lambda: validation.targets(iter(["click"])), "targets must be a list or tuple"),
        (lambda: validation.targets([]), "targets must be names of targets, at least one, each once"),
        (lambda: validation.mapping("weights", {1: 2.0}), "weights must map names to values, got {1: 2.0}"),
        (lambda: validation.mapping("weights", ["a"]), "weights must map names to values"),
        (lambda: validation.instance("log", 3, dict), "log must be a dict, got int"),
        (lambda: validation.instance("log", None, Decimal), "log must be a Decimal, got NoneType"),
        (lambda: validation.function("statistic", "mean"), "statistic must be a function, got 'mean'"),
        (
            lambda: validation.broadcast_shape(a=np.ones(2), b=np.ones(3)),
            "a, b must broadcast: shape mismatch",
        ),
        (lambda: validation.not_empty("x", np.array([])), "x must not be empty"),
        (lambda: validation.not_empty("x", torch.zeros(3, 0)), "x must not be empty"),
        (lambda: validation.number("n", [[1], [2, 3]]), "n must hold numbers, got"),
        (lambda: validation.indices("item", [[1], [2, 3]], 5), "item must hold numbers, got"),
        (lambda: validation.indices("item", np.ma.array([1, 2]), 5), "item must not be a masked array"),
        (
            lambda: validation.same_shape(a=np.ones(2), b=np.ones((2, 1))),
            r"same shape, got a \(2,\), b \(2, 1\)",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_whole_numbers_below_2_to_the_53_are_the_same_as_floats():
    for dtype in (np.int64, np.uint64, object):
        values = np.array([0, 2**53 - 1], dtype=dtype)
        np.testing.assert_array_equal(validation.as_floats("x", values), [0.0, 2.0**53 - 1])
    # what is a float already is what it is
    assert validation.number("x", 1e300) == 1e300


def test_integers_are_widened():
    narrow = np.array([200, 100], dtype=np.uint8)
    assert validation.integers("n", narrow).dtype == np.int64
    assert (validation.indices("n", narrow, 201) * 1000).tolist() == [200_000, 100_000]


def test_flags_and_names_come_in_one_type():
    assert validation.flag("f", np.bool_(True)) is True
    assert validation.names("n", np.array(["b", "a"])) == validation.names("n", ["b", "a"]) == ("b", "a")
    assert type(validation.one_of("mode", np.str_("a"), ("a", "b"))) is str
    assert validation.names("n", (), empty=True) == ()
    for labels in (np.array([True, False]), [1, 0], np.array([1.0, 0.0], dtype=np.float32)):
        np.testing.assert_array_equal(validation.booleans("b", labels), np.array([True, False]))


def test_indices_are_whole_numbers_in_a_range():
    np.testing.assert_array_equal(validation.indices("item", [0, 4], 5), [0, 4])
    assert validation.indices("position", 1, 9, start=1).shape == ()
    with pytest.raises(ValueError, match="item must be from 0 to 4, got 5 at index 1"):
        validation.indices("item", [0, 5], 5)
    with pytest.raises(ValueError, match="position must be from 1 to 8, got 0"):
        validation.indices("position", 0, 9, start=1)
    with pytest.raises(ValueError, match="item must hold whole numbers, got float64"):
        validation.indices("item", [0.0], 5)


@pytest.mark.parametrize(
    "values",
    [
        "0.5",
        ["0.5"],
        np.array(["0.5"], dtype=object),
        b"1",
        1 + 2j,
        torch.tensor([1 + 2j]),
        np.array(["2024-01-01"], dtype="datetime64[D]"),
        np.timedelta64(5, "s"),
        [1.0, None],
        10**400,
        [torch.ones((), requires_grad=True)],
        [torch.ones(2, requires_grad=True)],
    ],
    ids=lambda values: repr(values)[:30],
)
def test_what_is_no_number_is_refused(values):
    with pytest.raises(ValueError, match="weight must hold numbers"):
        validation.as_floats("weight", values)


def test_a_mask_is_not_dropped():
    with pytest.raises(ValueError, match="weight must not be a masked array"):
        validation.as_floats("weight", np.ma.array([1.0, 2.0], mask=[True, False]))


def test_numbers_of_any_type_are_taken():
    half = torch.tensor([0.5, 3.0], dtype=torch.bfloat16, requires_grad=True)
    np.testing.assert_array_equal(validation.as_floats("x", half), [0.5, 3.0])
    np.testing.assert_array_equal(validation.as_floats("x", [Fraction(1, 2), Decimal("0.25")]), [0.5, 0.25])
    np.testing.assert_array_equal(validation.as_floats("x", pd.array([1, 2], dtype="Int64")), [1.0, 2.0])
    assert validation.as_floats("x", torch.tensor([True])).dtype == np.float64


def test_seeds_are_whole_numbers():
    assert [validation.seed("seed", value) for value in (0, np.uint8(7), 2**63 - 1)] == [0, 7, 2**63 - 1]
    for value in (None, True, np.True_, 1.5, 1.0, "a", -1, 2**63, [1]):
        with pytest.raises(ValueError, match=r"seed must be a whole number from 0 to 2\*\*63 - 1, got"):
            validation.seed("seed", value)


def test_positions_of_narrow_types_are_widened():
    found = validation.indices("item", np.array([200, 3], np.uint8), 300)
    assert found.dtype == np.int64
    assert (found * 1_000).tolist() == [200_000, 3_000]


def test_a_single_position_is_no_list_of_one():
    assert [validation.index("seed", value, 4) for value in (3, np.uint8(3), np.array(3))] == [3, 3, 3]
    for value in ([3], np.array([3]), True, 3.0):
        with pytest.raises(ValueError, match="seed must"):
            validation.index("seed", value, 4)


def test_flags_are_true_or_false_and_nothing_like_it():
    assert [validation.flag("masked", value) for value in (True, np.False_)] == [True, False]
    for value in (1, 0, None, "no", "False", np.nan, [True], np.array(True)):
        with pytest.raises(ValueError, match="masked must be True or False, got"):
            validation.flag("masked", value)


def test_what_is_listed_has_an_order():
    for values in ([3, 1], (3, 1), np.array([3, 1]), range(3, 0, -2)):
        assert validation.listed("widths", values) == validation.positive_ints("widths", values) == (3, 1)
    assert validation.positive_ints("widths", ()) == ()
    masked = np.ma.array([3, 1], mask=[True, False])
    for values in ({3, 1}, (n for n in (3, 1)), {3: 1}, "31", 3, None, masked, np.array([[3, 1]])):
        with pytest.raises(ValueError, match="widths must be a list or tuple, got"):
            validation.positive_ints("widths", values)
    with pytest.raises(ValueError, match=r"widths must be a whole number of at least 1, got 1\.5"):
        validation.positive_ints("widths", [3, 1.5])


def test_targets_are_names_in_an_order():
    assert validation.targets(["click", "like"]) == ("click", "like")
    for names in ({"click", "like"}, (name for name in ("click",)), {"click": 1}, (1, 2), (np.nan,), 3, None):
        with pytest.raises(ValueError, match="targets must be"):
            validation.targets(names)


def test_an_object_of_another_class_is_named():
    assert validation.instance("log", "rows", str) == "rows"
    with pytest.raises(ValueError, match="log must be a str, got NoneType"):
        validation.instance("log", None, str)
