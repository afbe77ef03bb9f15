"""Tables go through spreadsheets and back, and bring no formula along."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookwork.grading.term import tables


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_no_text_is_a_formula(text):
    assert tables.harmless(text) == f"'{text}"


def test_numbers_and_other_texts_stay(tmp_path):
    tables.write(tmp_path / "t.csv", [("a", "b"), ("x=1", -1.5), (None, "=1")])
    assert (tmp_path / "t.csv").read_bytes() == b"a,b\r\nx=1,-1.5\r\n,'=1\r\n"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1))
def test_a_text_comes_back(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    tables.write(path, [("a", "b"), (text, "x")], mark=True)
    assert tables.read(path, ["a"]) == [{"a": text, "b": "x"}]


def test_what_a_spreadsheet_makes_of_it_can_be_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffname;points\r\nZoë;1,5\r\n;\r\n".encode())
    assert tables.read(path, ["name", "points"]) == [
        {"name": "Zoë", "points": "1,5"},
        {"name": "", "points": ""},
    ]


def test_errors(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="must be a CSV file in UTF-8"):
        tables.read(path, [])
    path.write_text("a,b\n")
    with pytest.raises(ValueError, match="must have the columns a, c; c missing"):
        tables.read(path, ["a", "c"])
    path.write_text("a,b,,c\n1,2,,3\n")
    assert tables.read(path, ["a"]) == [{"a": "1", "b": "2", "": "", "c": "3"}]
    assert tables.read(path, ["a"], ["b", "c"])
    with pytest.raises(ValueError, match="must have no columns but a, b; got 'c'"):
        tables.read(path, ["a"], ["b"])
    path.write_text("a\n" + "x" * (csv.field_size_limit() + 1))
    with pytest.raises(ValueError, match="must be a CSV file: field larger"):
        tables.read(path, ["a"])
