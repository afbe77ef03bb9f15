"""Files of whole numbers: what is whole is read exactly, every other line is counted and placed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranking.logs.kuairand import csv_rows
from ranking.logs.kuairand.csv_rows import Damage, WholeNumber, read_text, read_whole_numbers

COLUMNS = {"id": WholeNumber(0, 10**6, np.int32), "flag": WholeNumber(0, 1, np.bool_)}


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes) -> tuple[list[tuple[int, bool]], int, Damage]:
    damage = Damage()
    table, rows_read = read_whole_numbers(write(folder, text), COLUMNS, damage)
    return list(zip(table["id"].tolist(), table["flag"].tolist(), strict=True)), rows_read, damage


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
    # A block of nothing but digits goes the fast way, a word sends it the careful one.
    lambda number, flag, note: f"{number},{flag},{note}",
    st.integers(0, 10**6),
    st.integers(0, 1),
    st.sampled_from([*"0123456789", "text"]),
)
LINE = st.one_of(GOOD_LINE, st.lists(CELL, min_size=0, max_size=5).map(",".join))


@given(
    lines=st.lists(LINE, min_size=1, max_size=30),
    block=st.integers(1, 60),
    newline=st.sampled_from(["\n", "\r\n"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_is_read_exactly_or_counted(lines, block, newline, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", block)
    rows, rows_read, damage = read(tmp_path, newline.join(["id,flag,note", *lines, ""]))
    good = [line for line in lines if is_good(line)]
    assert rows == [(int(float(line.split(",")[0])), float(line.split(",")[1]) == 1) for line in good]
    assert rows_read == len(lines)
    assert sum(count for count, _ in damage.rows.values()) == len(lines) - len(good)
    assert not damage.cells
    if len(good) < len(lines):
        first = next(number for number, line in enumerate(lines, start=2) if not is_good(line))
        assert any(where.startswith(f"line {first}:") for _, where in damage.rows.values())


@pytest.mark.parametrize("note", ["7", "text"])
@pytest.mark.parametrize("block", [1, 7, 1 << 24])
def test_strict_names_file_line_column_and_value(tmp_path, monkeypatch, block, note):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", block)
    path = write(tmp_path, f"id,flag,note\n1,0,{note}\n2,7,{note}\n3,1,{note}\n")
    with pytest.raises(ValueError, match=r"rows\.csv, column flag, line 3: must be 0 or 1, got '7'"):
        read_whole_numbers(path, COLUMNS, Damage(strict=True))


@pytest.mark.parametrize("end", ["4", "4,", "4,1", '4,"1'])
def test_a_torn_last_line_is_dropped_and_placed(tmp_path, end):
    rows, rows_read, damage = read(tmp_path, "id,flag,note\n1,0,a\n2,1,b\n" + end)
    assert rows == [(1, False), (2, True)]
    assert rows_read == 3
    ((reason, (count, where)),) = damage.rows.items()
    assert reason == "rows.csv: torn row, there must be 3 fields"
    assert count == 1
    assert where.startswith("line 4: ")
    assert repr(end) in where


def test_a_last_line_without_newline_is_kept_and_noted_when_its_fields_are_there(tmp_path):
    rows, _, damage = read(tmp_path, "id,flag,note\r\n1,0,a\r\n2,1,b")
    assert rows == [(1, False), (2, True)]
    assert not damage.rows
    assert [where for _, where in damage.cells.values()] == ["line 3: the end of the file"]


def test_too_many_fields_are_not_cut_off(tmp_path):
    rows, _, damage = read(tmp_path, "id,flag,note\n1,0,a,9\n2,1,b\n")
    assert rows == [(2, True)]
    assert Damage.listed(damage.rows) == {
        "rows.csv: torn row, there must be 3 fields (first at line 2: 4 in '1,0,a,9')": 1
    }


@pytest.mark.parametrize("cell", [b"1\x002", b"1\r", b"\xff", b'"1"', b"+", b"1_0"])
def test_odd_bytes_stay_in_their_cell(tmp_path, cell):
    rows, rows_read, damage = read(tmp_path, b"id,flag,note\n5,0,a\n" + cell + b",0,b\n6,1,c\n")
    assert rows == [(5, False), (6, True)]
    assert rows_read == 3
    assert list(damage.rows) == ["rows.csv, column id: must be a whole number from 0 to 1000000"]


def test_a_row_with_two_faults_counts_once(tmp_path):
    _, _, damage = read(tmp_path, "id,flag,note\n-1,9,a\n2,1,b\n")
    assert sum(count for count, _ in damage.rows.values()) == 1


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
    damage = Damage()
    table = read_text(write(tmp_path, text), ["key", "range", "tag"], "key", damage)
    assert table.index.tolist() == [1, 3]
    assert table["range"].tolist() == ["0", "[1,5)"]
    assert table["tag"].tolist() == ["", "12,65"]
    assert Damage.listed(damage.cells) == {
        "rows.csv: torn row, there must be 3 fields (first at line 6: '2,\"[1,')": 1,
        "rows.csv, column key: must be a whole number of at least 0 (first at line 4: 'x')": 1,
        "rows.csv, column key: must not come twice (first at line 5: '3')": 1,
    }
    with pytest.raises(ValueError, match=r"rows\.csv, line 6: torn row"):
        read_text(tmp_path / "rows.csv", ["key", "range", "tag"], "key", Damage(strict=True))


def test_numbers_and_dates_of_text_tables(tmp_path):
    text = "key,n,day\n1,2.5,2022-04-10\n2,,\n3,-7,10 April\n4,many,2022-04-31\n"
    damage = Damage()
    table = read_text(write(tmp_path, text), ["key", "n", "day"], "key", damage)
    np.testing.assert_array_equal(
        csv_rows.numbers(table, "n", "rows.csv", damage, low=0), np.float32([2.5, np.nan, np.nan, np.nan])
    )
    days = csv_rows.dates(table, "day", "rows.csv", damage)
    assert days.isna().tolist() == [False, True, True, True]
    assert Damage.listed(damage.cells) == {
        "rows.csv, column n: must be a number of at least 0 (first at line 4: '-7')": 2,
        "rows.csv, column day: must be a date like 2022-04-10 (first at line 4: '10 April')": 2,
    }


@pytest.mark.parametrize(
    "reader",
    [
        lambda path, damage: read_whole_numbers(path, COLUMNS, damage),
        lambda path, damage: read_text(path, ["id", "flag"], "id", damage),
    ],
    ids=["whole numbers", "text"],
)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"id,flag,note\r1,0,7\r", "line 1: not a line of comma-separated names"),
        (gzip.compress(b"id,flag,note\n1,0,7\n", mtime=0), "line 1: not a line of comma-separated names"),
        (b"id,flag,note,flag\n1,0,7,1\n", "line 1: columns must be named once, not flag"),
    ],
)
def test_damaged_headers_are_refused_by_file(tmp_path, reader, data, message):
    path = write(tmp_path, data)
    with pytest.raises(ValueError, match=rf"rows\.csv, {message}"):
        reader(path, Damage())


def test_columns_that_nobody_reads_may_share_a_name(tmp_path):
    assert read(tmp_path, "id,note,flag,note\n1,a,0,b\n")[0] == [(1, False)]


def test_text_tables_note_a_last_line_that_may_be_torn(tmp_path):
    damage = Damage()
    table = read_text(write(tmp_path, "key,tag\n1,a\n2,b"), ["key", "tag"], "key", damage)
    assert table["tag"].tolist() == ["a", "b"]
    rule = "rows.csv: the last line should end in a newline; all its fields are there"
    assert Damage.listed(damage.cells) == {f"{rule} (first at line 3: the end of the file)": 1}
    assert not damage.rows


def test_text_tables_count_lines_that_are_not_utf_8(tmp_path):
    damage = Damage()
    data = b"key,tag\n1,\xff\n2,b\n3,caf\xe9\n"
    table = read_text(write(tmp_path, data), ["key", "tag"], "key", damage)
    assert table["tag"].tolist() == ["\ufffd", "b", "caf\ufffd"]
    assert Damage.listed(damage.cells) == {"rows.csv: must be UTF-8 (first at line 2: '1,\ufffd')": 2}
