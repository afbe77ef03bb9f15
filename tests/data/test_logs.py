"""The impression log: what it checks, selects and splits."""

import numpy as np
import pandas as pd
import pytest

from ranking.data import ImpressionLog, LoadReport
from ranking.data.logs import DAY_MS


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
    ],
)
def test_rows_that_do_not_hold_together_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_log(**change)


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
    with pytest.raises(ValueError, match="sorted by time_ms"):
        log.select([9, 0])


def test_split_cuts_along_time_and_loses_nothing():
    log = make_log(11)
    older, middle, newer = log.split(0.5, 0.25, 0.25)
    assert [len(part) for part in (older, middle, newer)] == [6, 2, 3]
    assert older.rows["time_ms"].max() <= middle.rows["time_ms"].min()
    pd.testing.assert_frame_equal(
        pd.concat([older.rows, middle.rows, newer.rows], ignore_index=True), log.rows
    )
    for shares in ((), (0.5,), (1.5, -0.5)):
        with pytest.raises(ValueError, match="shares must be positive and sum to 1"):
            log.split(*shares)


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
