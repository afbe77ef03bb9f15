"""The impression log: what it checks, selects and splits."""

import numpy as np
import pandas as pd
import pytest

from ranking.logs import ImpressionLog, LoadReport
from ranking.logs.impressions import DAY_MS


def make_log(n=10, **columns):
    """A log with only the required columns, and those given."""
    rows = pd.DataFrame(
        {
            "user": np.arange(n, dtype=np.int32) % 3,
            "item": np.arange(n, dtype=np.int32) % 4,
            "time_ms": np.arange(n, dtype=np.int64) // 2,
            "click": np.arange(n) % 2 == 0,
            "watch_time": np.zeros(n, dtype=np.float32),
            "duration": np.full(n, 30.0, dtype=np.float32),
            **columns,
        }
    )
    users = pd.DataFrame({"user_id": [70, 80, 90]})
    items = pd.DataFrame({"item_id": [5, 6, 7, 8]})
    return ImpressionLog(rows=rows, users=users, items=items)


def test_targets_are_the_labels_that_the_log_has():
    assert make_log().targets == ("click",)
    log = make_log(share=True, like=False)
    assert log.targets == ("click", "like", "share")
    np.testing.assert_array_equal(log.label("share"), np.ones(10, dtype=np.float32))
    assert log.label("click").dtype == np.float32
    with pytest.raises(ValueError, match="target must be one of click, like, share, got 'collect'"):
        log.label("collect")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": 3}, "rows.user must point into the table of 3 users, got values from 3 to 3"),
        ({"item": -1}, "rows.item must point into the table of 4 items, got values from -1 to -1"),
        ({"time_ms": np.arange(10)[::-1]}, "sorted by time_ms"),
        ({"user": 1.0}, "rows.user must hold whole numbers, got float64, such as .*1.0"),
        ({"item": "2"}, "rows.item must hold whole numbers, got"),
        ({"time_ms": np.arange(10.0)}, "rows.time_ms must hold whole numbers, got float64"),
        ({"click": 2}, "rows.click must hold only 0 and 1, got 2.0 at index 0"),
        ({"like": np.nan}, "rows.like must be finite, got nan"),
        ({"share": "yes"}, "rows.share must hold only 0 and 1, or booleans, got"),
        ({"watch_time": [0.0] * 9 + [-1.0]}, "rows.watch_time must be at least 0, got -1.0 at index 9"),
        ({"watch_time": [0.0, np.nan] * 5}, "rows.watch_time must be finite, got nan at index 1"),
        ({"duration": [np.nan] * 9 + [0.0]}, "rows.duration must be above 0 or NaN, got 0.0 at index 9"),
        ({"duration": -3}, "rows.duration must be above 0 or NaN, got -3 at index 0"),
        ({"duration": np.inf}, "rows.duration must be above 0 or NaN, got inf"),
    ],
)
def test_rows_that_do_not_hold_together_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_log(**change)


def test_labels_may_be_0_and_1_in_any_type():
    for labels in (np.arange(10) % 2, np.arange(10) % 2.0):
        np.testing.assert_array_equal(make_log(click=labels).label("click"), np.arange(10) % 2)


def test_rows_and_truth_are_indexed_by_position():
    log = make_log()
    with pytest.raises(ValueError, match=r"rows must be indexed 0, 1, 2, … .*, got RangeIndex"):
        ImpressionLog(log.rows[::2], log.users, log.items)
    with pytest.raises(ValueError, match="truth must have the index of rows"):
        ImpressionLog(log.rows, log.users, log.items, pd.DataFrame({"p": np.zeros(10)}, index=range(1, 11)))


def test_missing_columns_are_named():
    log = make_log()
    with pytest.raises(ValueError, match="missing: click, duration"):
        ImpressionLog(log.rows.drop(columns=["click", "duration"]), log.users, log.items)


def test_truth_has_one_row_per_impression():
    log = make_log()
    with pytest.raises(ValueError, match="one row per impression: 9 for 10"):
        ImpressionLog(log.rows, log.users, log.items, truth=pd.DataFrame({"p_click": np.zeros(9)}))


def test_select_takes_masks_slices_and_positions_and_the_truth_along():
    log = make_log()
    log = ImpressionLog(
        log.rows, log.users, log.items, truth=pd.DataFrame({"p_click": np.linspace(0, 1, 10)})
    )
    for chosen in (log.rows["click"], slice(0, 10, 2), [0, 2, 4, 6, 8]):
        part = log.select(chosen)
        assert len(part) == 5
        assert part.rows["click"].all()
        assert list(part.rows.index) == list(range(5))
        np.testing.assert_array_equal(part.truth["p_click"], log.truth["p_click"][::2])
        assert part.users is log.users
    with pytest.raises(ValueError, match=r"mask of shape \(10,\), got \(3,\)"):
        log.select([True, False, True])
    with pytest.raises(ValueError, match="rows must be strictly increasing, got 0 after 9"):
        log.select([9, 0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([2, 2], "rows must be strictly increasing, got 2 after 2"),
        ([0.0, 1.0], "rows must hold whole numbers, got float64"),
        ([3, 10], "rows must be from 0 to 9, got 10 at index 1"),
        ([-1], "rows must be from 0 to 9, got -1"),
        ([[0, 1]], "rows must be a mask, a slice or positions"),
        (slice(None, None, -1), "rows must be a slice with a positive step"),
        (slice(0.5, 3), "rows must be a slice of whole numbers"),
        (pd.Series([True] * 10, index=range(1, 11)), "rows must be a mask with the index of the rows"),
        (pd.Series([True] * 10)[::-1], "rows must be a mask with the index of the rows"),
    ],
)
def test_select_refuses_what_would_pick_other_rows(rows, message):
    with pytest.raises(ValueError, match=message):
        make_log().select(rows)


def test_an_empty_list_selects_nothing():
    assert len(make_log().select([])) == 0
    assert len(make_log().select(np.zeros(10, dtype=bool))) == 0


def test_split_cuts_along_time_and_loses_nothing():
    log = make_log(11)
    older, middle, newer = log.split(0.5, 0.25, 0.25)
    assert [len(part) for part in (older, middle, newer)] == [6, 2, 3]
    assert older.rows["time_ms"].max() <= middle.rows["time_ms"].min()
    pd.testing.assert_frame_equal(
        pd.concat([older.rows, middle.rows, newer.rows], ignore_index=True), log.rows
    )
    for shares in ((), (0.5,), (1.5, -0.5), (0.33333, 0.33333, 0.33333)):
        with pytest.raises(ValueError, match="shares must be positive and sum to 1"):
            log.split(*shares)
    assert sum(len(part) for part in log.split(*[0.1] * 10)) == 11


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (([0.8, 0.2],), r"shares must be a single number, got an array of shape \(2,\)"),
        (("a",), "shares must .*'a'"),
        ((0.99, 0.01), r"shares must leave rows in every part, got \(0.99, 0.01\) of 10 rows"),
    ],
)
def test_shares_that_make_no_parts_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        make_log().split(*shares)


def test_repr_says_what_it_is():
    text = repr(make_log())
    assert text == "ImpressionLog(real, 10 impressions, 3 users, 4 items)"


def test_a_report_must_add_up():
    report = LoadReport(
        10, 7, dropped={"torn line": 1, "exact duplicate": 2}, noted={"like without click": 4}
    )
    assert str(report).splitlines()[0] == "10 rows read, 7 kept"
    assert "  dropped 2: exact duplicate" in str(report)
    assert "  noted 4: like without click" in str(report)
    with pytest.raises(ValueError, match="do not add up: 10 read, 8 kept"):
        LoadReport(10, 8, dropped={"torn line": 1})


def test_after_leaves_out_the_first_days():
    log = make_log(time_ms=np.arange(10, dtype=np.int64) * DAY_MS)
    assert log.after(7).rows["time_ms"].tolist() == [7 * DAY_MS, 8 * DAY_MS, 9 * DAY_MS]
    assert len(log.after(0)) == 10
    assert len(log.after(9)) == 1
    with pytest.raises(ValueError, match=r"days must leave some of the log, got 9\.5"):
        log.after(9.5)
    with pytest.raises(ValueError, match="days must be at least 0, got -1"):
        log.after(-1)
    with pytest.raises(ValueError, match=r"days must be a single number, got an array of shape \(2,\)"):
        log.after([1, 2])
    with pytest.raises(ValueError, match="days must hold numbers, got '3'"):
        log.after("3")
