"""Damaged files: what is whole is read exactly, every other line or cell is counted and placed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranking.logs.kuairand.reading import Damage, read_rows
from ranking.logs.kuairand.rules import Day, Number, Rule, Text, WholeNumber

COLUMNS: dict[str, Rule] = {"id": WholeNumber(0, 10**6, np.int32), "flag": WholeNumber(0, 1, np.bool_)}
KEY = WholeNumber(0, 10**6, np.int64)
LAST_LINE = "rows.csv: the last line should end in a newline; all its fields are there"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes) -> tuple[list[tuple[int, bool]], int, Damage]:
    damage = Damage()
    table, rows_read = read_rows(write(folder, text), COLUMNS, damage)
    return list(zip(table["id"].tolist(), table["flag"].tolist(), strict=True)), rows_read, damage


def read_table(
    folder: Path, text: str | bytes, *rules: Rule, strict: bool = False
) -> tuple[pd.DataFrame, Damage]:
    """A table beside the log, of which the first column is the key."""
    damage = Damage(strict)
    path = write(folder, text)
    names = path.read_bytes().split(b"\n")[0].decode("utf-8-sig").strip().split(",")
    table, _ = read_rows(path, dict(zip(names, rules, strict=False)), damage, key=names[0])
    assert not damage.rows
    return table, damage


def is_good(line: str) -> bool:
    """The rule for a line of three fields, said as plainly as possible."""
    cells = line.split(",")
    if len(cells) != 3:
        return False
    try:
        number, flag = float(cells[0]), float(cells[1])
    except ValueError:
        return False
    return number.is_integer() and 0 <= number <= 10**6 and flag in (0.0, 1.0)


CELL = st.one_of(
    st.integers(0, 3).map(str),
    st.sampled_from(
        ["", "-1", "1.0", "0.5", "x", '"', "1000001", "99999999999999999999", "nan", "inf", "True", "é", "--"]
    ),
)
GOOD_LINE = st.builds(
    lambda number, flag, note: f"{number},{flag},{note}",
    st.integers(0, 10**6),
    st.integers(0, 1),
    st.sampled_from([*"0123456789", "text"]),
)
LINE = st.one_of(GOOD_LINE, st.lists(CELL, min_size=0, max_size=5).map(",".join))


@given(
    lines=st.lists(LINE, min_size=1, max_size=30),
    newline=st.sampled_from(["\n", "\r\n"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_is_read_exactly_or_counted(lines, newline, tmp_path):
    rows, rows_read, damage = read(tmp_path, newline.join(["id,flag,note", *lines, ""]))
    good = [line for line in lines if is_good(line)]
    assert rows == [(int(float(line.split(",")[0])), float(line.split(",")[1]) == 1) for line in good]
    assert rows_read == len(lines)
    assert sum(damage.rows.values()) == len(lines) - len(good)
    assert not damage.cells
    if len(good) < len(lines):
        first = next(number for number, line in enumerate(lines, start=2) if not is_good(line))
        assert any(f"(first at line {first}: " in said for said in damage.rows)


@pytest.mark.parametrize("note", ["7", "text"])
def test_strict_names_file_line_column_and_value(tmp_path, note):
    path = write(tmp_path, f"id,flag,note\n1,0,{note}\n2,7,{note}\n3,1,{note}\n")
    with pytest.raises(ValueError, match=r"rows\.csv, column flag, line 3: must be 0 or 1, got '7'"):
        read_rows(path, COLUMNS, Damage(strict=True))


@pytest.mark.parametrize("end", ["4", "4,", "4,1", '4,"1'])
def test_a_torn_last_line_is_dropped_and_placed(tmp_path, end):
    rows, rows_read, damage = read(tmp_path, "id,flag,note\n1,0,a\n2,1,b\n" + end)
    assert rows == [(1, False), (2, True)]
    assert rows_read == 3
    fields = end.count(",") + 1
    said = f"rows.csv: torn row, there must be 3 fields (first at line 4: {fields} in {end!r})"
    assert damage.rows == {said: 1}
    assert not damage.cells


def test_a_last_line_without_newline_is_kept_and_noted_when_its_fields_are_there(tmp_path):
    rows, _, damage = read(tmp_path, "id,flag,note\r\n1,0,a\r\n2,1,b")
    assert rows == [(1, False), (2, True)]
    assert not damage.rows
    assert damage.cells == {f"{LAST_LINE} (first at line 3: the end of the file)": 1}


def test_too_many_fields_are_not_cut_off(tmp_path):
    rows, _, damage = read(tmp_path, "id,flag,note\n1,0,a,9\n2,1,b\n")
    assert rows == [(2, True)]
    assert damage.rows == {"rows.csv: torn row, there must be 3 fields (first at line 2: 4 in '1,0,a,9')": 1}


@pytest.mark.parametrize(
    "cell",
    [
        b"1\x002",
        b"\0",
        b"1\r",
        b"\r1",
        b"\xff",
        b'"1"',
        b'"1',
        b"+",
        b"1_0",
        b"0x5",
        b"1e400",
        b"nan",
        b"1\xc2\xa0",
    ],
)
def test_odd_bytes_stay_in_their_cell(tmp_path, cell):
    rows, rows_read, damage = read(tmp_path, b"id,flag,note\n5,0,a\n" + cell + b",0,b\n6,1,c\n")
    assert rows == [(5, False), (6, True)]
    assert rows_read == 3
    ((said, count),) = damage.rows.items()
    assert said.startswith("rows.csv, column id: must be a whole number from 0 to 1000000 (first at line 3: ")
    assert count == 1


def test_a_row_with_two_faults_counts_once(tmp_path):
    _, _, damage = read(tmp_path, "id,flag,note\n-1,9,a\n2,1,b\n")
    assert sum(damage.rows.values()) == 1


def test_header_may_be_quoted_reordered_and_marked(tmp_path):
    rows, _, _ = read(tmp_path, '\ufeff"flag","note","id"\n1,a,5\n')
    assert rows == [(5, True)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rows.csv is empty"),
        ("\n", "rows.csv is empty"),
        ("id,flag\n", "no rows"),
        ("id;flag\n1;0\n", "rows.csv, line 1: missing columns id, flag"),
        ("id,flagged\n1,0\n", "missing columns flag"),
    ],
)
def test_files_without_header_columns_or_rows_are_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_text_tables_keep_quoted_commas_and_count_bad_rows(tmp_path):
    text = 'key,range,tag\n3,"[1,5)","12,65"\n1,0,NULL\nx,a,b\n3,again,c\n2,"[1,'
    table, damage = read_table(tmp_path, text, KEY, Text(), Text())
    assert table["key"].tolist() == [3, 1]
    assert table["range"].tolist() == ["[1,5)", "0"]
    assert table["tag"].tolist() == ["12,65", ""]
    assert damage.cells == {
        "rows.csv: torn row, there must be 3 fields (first at line 6: '2,\"[1,')": 1,
        "rows.csv, column key: must be a whole number from 0 to 1000000 (first at line 4: 'x')": 1,
        "rows.csv, column key: must not come twice (first at line 5: '3')": 1,
    }
    with pytest.raises(ValueError, match=r"rows\.csv, line 6: torn row"):
        read_table(tmp_path, text, KEY, Text(), Text(), strict=True)


def test_an_impossible_key_does_not_stand_in_the_way_of_a_good_one(tmp_path):
    table, damage = read_table(tmp_path, "key,tag\n-1,a\n0,b\nx,c\n", KEY, Text())
    assert table["tag"].tolist() == ["b"]
    assert list(damage.cells.values()) == [2]


@pytest.mark.parametrize(
    "line",
    [
        '2,"b',
        '"2,b',
        '2,"b"x',
        '2,"b" ',
        '"2" ,b',
        '2,"b""',
        "2\r,b",
        "",
        " ",
        "2",
        "2,b,",
        '2,"b,c',
    ],
)
def test_what_is_wrong_with_a_line_of_a_text_table_stays_within_it(tmp_path, line):
    text = f'key,tag\n1,"a,""a"""\n{line}\n3,"c"\n4,"d\re"\n5,f"f\n'
    table, damage = read_table(tmp_path, text, KEY, Text())
    assert table["key"].tolist() == [1, 3, 4, 5]
    assert table["tag"].tolist() == ['a,"a"', "c", "d\re", 'f"f']
    assert damage.cells == {f"rows.csv: torn row, there must be 2 fields (first at line 3: {line!r})": 1}


def test_numbers_and_dates_of_text_tables(tmp_path):
    text = "key,n,m,day\n4,2.5,-7,2022-04-10\n3,,NA,\n2,-7,1e38,10 April\n1,many,1e39,2022-04-31\n"
    table, damage = read_table(tmp_path, text, KEY, Number(0), Number(), Day())
    np.testing.assert_array_equal(table["n"], np.float32([2.5, np.nan, np.nan, np.nan]))
    np.testing.assert_array_equal(table["m"], np.float32([-7, np.nan, 1e38, np.nan]))
    assert table["day"].isna().tolist() == [False, True, True, True]
    assert damage.cells == {
        "rows.csv, column n: must be a number of at least 0 (first at line 4: '-7')": 2,
        "rows.csv, column m: must be a number (first at line 5: '1e39')": 1,
        "rows.csv, column day: must be a date like 2022-04-10 (first at line 4: '10 April')": 2,
    }


@pytest.mark.parametrize(
    ("cell", "number"),
    [(" 5", 5), ("5 ", 5), ("+5", 5), ("005", 5), ("5.", 5), (".5e1", 5), ("5E+0", 5), ("-0", 0)],
)
def test_numbers_may_be_written_in_several_ways(tmp_path, cell, number):
    assert read(tmp_path, f"id,flag,note\n{cell},0,a\n")[0] == [(number, False)]  # read at once
    assert read(tmp_path, f"id,flag,note\n{cell},0,a\nx,1,b\n")[0] == [(number, False)]  # cell by cell


def test_line_numbers_are_right_far_into_a_long_file(tmp_path):
    good = "7,1,a\n" * 300_000
    long = "9" * 3_000_000
    rows, rows_read, damage = read(tmp_path, f"id,flag,note\n{good}7,1\n{good}{long},1,a\n\n{good}7,2,a\n")
    assert len(rows) == 900_000
    assert rows_read == 900_004
    nines = repr("9" * 40 + "…")
    assert damage.rows == {
        "rows.csv: torn row, there must be 3 fields (first at line 300002: 2 in '7,1')": 2,
        f"rows.csv, column id: must be a whole number from 0 to 1000000 (first at line 600003: {nines})": 1,
        "rows.csv, column flag: must be 0 or 1 (first at line 900005: '2')": 1,
    }


@pytest.mark.parametrize("key", [None, "id"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"id,flag,note\r1,0,7\r", "line 1: not a line of comma-separated names"),
        (gzip.compress(b"id,flag,note\n1,0,7\n", mtime=0), "line 1: not a line of comma-separated names"),
        ("id,flag,note\n1,0,7\n".encode("utf-16"), "line 1: not a line of comma-separated names"),
        (b"id,flag,note,flag\n1,0,7,1\n", "line 1: columns must be named once, not flag"),
        (b"1,0,7\n2,1,7\n", "line 1: missing columns id, flag"),
    ],
)
def test_damaged_headers_are_refused_by_file(tmp_path, key, data, message):
    path = write(tmp_path, data)
    with pytest.raises(ValueError, match=rf"rows\.csv, {message}"):
        read_rows(path, COLUMNS, Damage(), key)


def test_columns_that_nobody_reads_may_share_a_name(tmp_path):
    assert read(tmp_path, "id,note,flag,note\n1,a,0,b\n")[0] == [(1, False)]


def test_text_tables_note_a_last_line_that_may_be_torn(tmp_path):
    table, damage = read_table(tmp_path, "key,tag\n1,a\n2,b", KEY, Text())
    assert table["tag"].tolist() == ["a", "b"]
    assert damage.cells == {f"{LAST_LINE} (first at line 3: the end of the file)": 1}


def test_text_tables_count_lines_that_are_not_utf_8(tmp_path):
    data = b"key,tag,unread\n1,\xff,\n2,b,\n3,caf\xe9,\n4,\xef\xbf\xbd,\n5,d,\xe4\xb8\n"
    table, damage = read_table(tmp_path, data, KEY, Text())
    assert table["tag"].tolist() == ["\ufffd", "b", "caf\ufffd", "\ufffd", "d"]
    assert damage.cells == {"rows.csv: must be UTF-8 (first at line 2: '1,\ufffd,')": 3}
