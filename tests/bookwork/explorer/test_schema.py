"""Checks of recorded data: what they keep, and that they name the entry, the value and what is allowed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bookwork.explorer import schema as s

POINT = s.record(x=s.number(0, 1), name=s.words(), note=s.optional(s.text()))
WHOLE = s.record(runs=s.each(POINT, 1, 3), counts=s.array(2, None, low=0, whole=True))


def test_what_is_asked_for_is_kept_as_plain_data():
    given = {
        "runs": ({"x": np.float32(0.5), "name": "a", "other": 1}, {"x": 1, "name": "b", "note": 7}),
        "counts": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "made_by": "a note",
    }
    assert WHOLE("data", given) == {
        "runs": [{"x": 0.5, "name": "a"}, {"x": 1.0, "name": "b", "note": "7"}],
        "counts": [[1, 2], [3, 4]],
    }
    assert type(WHOLE("data", given)["counts"][0][0]) is int
    assert s.ascending(s.whole(0))("steps", range(3)) == [0, 1, 2]
    assert s.record(dict.fromkeys("ab", s.anything()))("m", {"a": 1, "b": None, "c": 2}) == {
        "a": 1,
        "b": None,
    }
    assert s.flag()("f", np.True_) is True


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (WHOLE, 5, r"data must be a mapping with the keys runs, counts, got 5"),
        (WHOLE, {"runs": []}, r"data must be a mapping with the key 'counts', got"),
        (s.each(POINT), [{"x": 0}], r"data\[0\] must be a mapping with the key 'name'"),
        (s.each(POINT), [{"x": 2, "name": "a"}], r"data\[0\]\['x'\] must be in \[0, 1\], got 2"),
        (s.each(POINT), [{"x": 1, "name": ""}], r"data\[0\]\['name'\] must be a text that is not empty"),
        (s.each(POINT), {"a": 1}, "data must be a list of at least one entry, got {'a': 1}"),
        (s.each(POINT, 2), [1], "data must hold at least 2 entries, got 1"),
        (s.each(POINT, 1, 2), [1, 2, 3], "data must hold from 1 to 2 entries, got 3"),
        (
            s.record(a=s.text(), closed=True),
            {"b": 1},
            r"must have a and .*missing: \['a'\], unknown: \['b'\]",
        ),
        (s.number(), "2", "data must be a number, got '2'"),
        (s.number(), True, "data must be a number, got True"),
        (s.number(), math.inf, "data must be finite, got inf"),
        (s.number(0.0), -1, "data must be at least 0, got -1"),
        (s.number(above=0.0), 0, "data must be above 0, got 0"),
        (s.number(above=0.0, high=1.0), 1.5, r"data must be in \(0, 1\], got 1.5"),
        (s.number(high=1.0), 1.5, "data must be at most 1, got 1.5"),
        (s.whole(2), 1, "data must be a whole number of at least 2, got 1"),
        (s.whole(), True, "data must be a whole number of at least 1, got True"),
        (s.one_of((1, 2)), 3, "data must be one of 1, 2, got 3"),
        (s.flag(), 1, "data must be true or false, got 1"),
        (s.array(3), [1, 2], r"data must hold 3 numbers, got 2: \[1, 2\]"),
        (s.array(None), 7, "data must hold any number of numbers, got no list: 7"),
        (s.array(2, 2), [[1, 2], [3]], "data must hold 2 × 2 numbers, got"),
        (s.array(2), ["1", "2"], "data must hold 2 numbers"),
        (s.array(2), [True, False], "data must hold 2 numbers"),
        (s.array(2), [1, None], "data must hold 2 numbers"),
        (s.array(2, whole=True), [1, 1.5], "data must hold 2 whole numbers"),
        (s.array(2), [1, math.nan], "data must be finite, got nan at index 1"),
        (s.array(2, high=1), [1, 2], "data must be at most 1, got 2 at index 1"),
        (s.array(1, 2, low=0, high=1), [[1, -2]], r"data must be in \[0, 1\], got -2 at index \(0, 1\)"),
        (s.ascending(s.number()), [1.0], "data must hold at least two numbers in ascending order"),
        (s.ascending(s.number()), [1.0, 1.0], "data must hold at least two numbers in ascending order"),
        (s.ascending(s.number()), [1.0, "2"], r"data\[1\] must be a number, got '2'"),
    ],
)
def test_what_is_not_allowed_is_named(check, value, message):
    with pytest.raises(ValueError, match=message):
        check("data", value)
