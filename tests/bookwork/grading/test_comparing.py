"""What is right in another form is right; what is wrong is named."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.grading import close, equal, numbers


def test_close_takes_arrays_lists_and_tensors_and_is_relative():
    torch = pytest.importorskip("torch")
    close(torch.tensor([1.0, 2.0]), [1, 2])
    close([1e6 + 0.5], np.array([1e6]), 1e-6)
    with pytest.raises(AssertionError, match="expected 2, got 3 at 1, 0"):
        close([[1.0], [3.0]], [[1.0], [2.0]])


def test_axes_of_length_one_are_neither_missed_nor_held_against_an_answer():
    assert numbers([[1], [2], [3]], (3,)).shape == (3,)
    assert numbers([2.5], ()).shape == ()
    assert numbers(2.5, (1, 1)).shape == (1, 1)
    close(np.array([[0.5]]), 0.5)
    equal([[[1, 0], [3, 0]]], [(1, 0), (3, 0)])
    equal([["a"], ["b"]], ["a", "b"])
    equal({"a": [[1, 2]], "b": [[]]}, {"a": [1, 2], "b": []})
    for other in ([[1, 2, 3]], [[1], [3]], [["1"], ["2"]], [[1, 2], [1, 2]]):
        with pytest.raises(AssertionError, match="expected"):
            equal(other, [1, 2])
    for shape in ((2,), (3, 3), ()):
        with pytest.raises(AssertionError, match="expected shape"):
            numbers([1, 2, 3], shape)


def test_numbers_are_no_texts():
    for nothing in (None, ..., "one", "1.0", ["1.0"], object(), {1: 2}):
        with pytest.raises(AssertionError, match=r"got|expected numbers"):
            numbers(nothing, ())


def test_truth_values_are_numbers():
    close([True, False], [1, 0])
    equal([1, 0], [True, False])
    equal(np.array([1.0, 2.0]), [1, 2])


def test_a_set_stands_for_its_members_in_order():
    equal({(3, 0), (1, 0)}, [(1, 0), (3, 0)])
    equal({2, 1}, [1, 2])
    close({2.0, 1.0}, [1.0, 2.0])
    assert numbers({2.0, 1.0}, (2,)).tolist() == [1.0, 2.0]
    with pytest.raises(AssertionError, match="expected 2, got 1 at 0"):
        close({2.0, 1.0}, [2.0, 1.0])
    with pytest.raises(AssertionError, match="expected numbers, got"):
        numbers({1.0, "a"}, (2,))
    with pytest.raises(AssertionError, match="expected"):
        equal({1, 2}, [2, 1])
    with pytest.raises(AssertionError, match="expected"):
        equal({(1, 0), (3, 1)}, [(1, 0), (3, 0)])


def test_equal_compares_orders_texts_and_tables():
    equal(np.array([2, 1]), [2, 1])
    equal("a", "a")
    equal(["a"], "a")
    equal({"a": (1, 2), "b": np.array([3])}, {"b": [3], "a": [1, 2]})
    equal([float("nan"), 1.0], [float("nan"), 1.0])
    for mine, right in (([2, 1], [1, 2]), ("b", "a"), ({"a": 1}, {"a": 2}), ({}, {"a": 1}), ([1], [1, 1])):
        with pytest.raises(AssertionError, match=r"expected .*, got"):
            equal(mine, right)
    with pytest.raises(AssertionError, match="nothing is returned yet"):
        equal(None, [1])


def test_what_equals_everything_equals_nothing():
    class Equal:
        def __eq__(self, other):
            return True

        __hash__ = None

    for right in (1, "a", 2.5, True, [1]):
        with pytest.raises(AssertionError, match="expected"):
            equal(Equal(), right)
