"""Who is late, by how much, and what it costs."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from bookwork.grading.term import due

SCHEDULE = """
[due]
03_x = 2026-02-02T15:00:00Z

[extensions.03_x]
ada = 2026-02-05T16:00:00+01:00

[late]
per_day = 0.1
most = 0.5
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def schedule(tmp_path):
    (tmp_path / due.FILE).write_text(SCHEDULE)
    return due.read(tmp_path, ["03_x", "04_y"])


def test_late_is_who_comes_after_the_own_time(schedule):
    assert schedule.late("03_x", "ben", at("2026-02-02T15:00:00Z")) is None
    assert schedule.late("03_x", "ben", at("2026-02-03T18:30:00Z")) == timedelta(days=1, hours=3, minutes=30)
    assert schedule.late("03_x", "ada", at("2026-02-05T15:00:00Z")) is None
    assert schedule.late("03_x", "ada", at("2026-02-05T15:01:00Z")) == timedelta(minutes=1)
    assert schedule.late("04_y", "ben", at("2030-01-01T00:00:00Z")) is None


def test_each_day_that_has_begun_costs_up_to_the_most(schedule):
    costs = {timedelta(minutes=1): 0.1, timedelta(days=1): 0.1, timedelta(days=1, minutes=1): 0.2}
    assert {late: schedule.lost(late) for late in costs} == pytest.approx(costs)
    assert schedule.lost(timedelta(days=30)) == 0.5
    assert schedule.lost(None) == 0.0


def test_without_a_file_nobody_is_late(tmp_path):
    assert due.read(tmp_path, ["03_x"]) == due.Schedule()
    assert due.Schedule().lost(timedelta(days=9)) == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[due]\n05_z = 2026-02-02T15:00:00Z", "must be some of 03_x, 04_y, got 05_z"),
        ("[extensions.05_z]\nada = 2026-02-02T15:00:00Z", "must be some of 03_x, 04_y, got 05_z"),
        ("[due]\n03_x = 2026-02-02T15:00:00", "must be a time with its offset, as in 2026-02-02T15:00:00Z"),
        ("[extensions.03_x]\nada = 2026-02-02", "ada in [extensions.03_x] of"),
        ("[dew]\n03_x = 3", "must be some of due, extensions, late, got dew"),
        ("due = 3", "[due] of"),
        ("[late]\nper_day = 2", "must be from 0 to 1, got 2"),
        ("[late]\nper_week = 0.1", "must be some of per_day, most, got per_week"),
        ("= 3", "must be TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    (tmp_path / due.FILE).write_text(text)
    with pytest.raises(ValueError, match=r"term\.toml") as caught:
        due.read(tmp_path, ["03_x", "04_y"])
    assert message in str(caught.value)


def test_the_time_is_that_of_the_file_unless_a_timestamp_says_it(tmp_path):
    notebook = tmp_path / "x.ipynb"
    notebook.touch()
    os.utime(notebook, (0, 1_770_000_000))
    assert due.handed_in_at(tmp_path, notebook) == datetime.fromtimestamp(1_770_000_000, UTC)
    stamp = tmp_path / due.TIMESTAMP
    stamp.write_text("\n")
    assert due.handed_in_at(tmp_path, notebook) == datetime.fromtimestamp(1_770_000_000, UTC)
    for text in ("2026-02-02 14:58:23 UTC\n", "2026-02-02T15:58:23+01:00"):
        stamp.write_text(text)
        assert due.handed_in_at(tmp_path, notebook) == at("2026-02-02T14:58:23Z")
    stamp.write_text("yesterday, I think")
    with pytest.raises(ValueError, match=r"timestamp.txt must hold a time, as in .*got 'yesterday"):
        due.handed_in_at(tmp_path, notebook)


def test_in_words():
    said = {timedelta(days=1, hours=3, minutes=9): "1 d 3 h", timedelta(hours=2, minutes=5): "2 h 5 min"}
    assert {late: due.in_words(late) for late in said} == said
    assert due.in_words(timedelta(seconds=90)) == "1 min"
