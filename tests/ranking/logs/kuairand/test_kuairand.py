"""KuaiRand-Pure read into an impression log: a small set with every trap in it, and the real rows."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ranking.logs.kuairand import find_kuairand, load_kuairand, single_column
from ranking.logs.kuairand import loading as kuairand
from ranking.logs.kuairand.files import LOG_FILES, USER_FILE, VARIABLE, VIDEO_FILE
from ranking.logs.kuairand.rules import LOG_COLUMNS, USER_COLUMNS, Text

EARLY, LATE, RANDOM = LOG_FILES.values()
NOON = int(datetime(2022, 4, 25, 12, 5, tzinfo=timezone(timedelta(hours=8))).timestamp() * 1000)  # a Monday

PLAIN = dict.fromkeys(LOG_COLUMNS, 0) | {
    "user_id": 3,
    "video_id": 30,
    "date": 20220425,
    "hourmin": 1200,
    "time_ms": NOON,
    "play_time_ms": 2500,
    "duration_ms": 10_000,
    "tab": 1,
}


def row(**changed: object) -> dict[str, object]:
    return PLAIN | changed


def write_log(path: Path, rows: list[dict[str, object]], end: str = "\n") -> None:
    lines = [",".join(LOG_COLUMNS), *(",".join(map(str, one.values())) for one in rows)]
    path.write_text("\n".join(lines) + end)


ROWS = [
    row(user_id=5, time_ms=NOON + 9, is_click=1, is_like=1, is_forward=1, long_view=1, play_time_ms=12_000),
    row(time_ms=NOON + 1),
    row(time_ms=NOON + 1),  # exact duplicate
    row(time_ms=NOON + 1, hourmin=1300),  # the same impression, logged under two hours
    row(time_ms=NOON + 1, tab=2),  # another impression in the same millisecond
    row(time_ms=NOON + 2, is_like=1, play_time_ms=0),  # a like without a click
    row(time_ms=NOON + 3, duration_ms=0),
    row(time_ms=NOON + 4, user_id=99, video_id=77),  # both without features
    row(time_ms=NOON + 5, hourmin=300),
]


@pytest.fixture
def folder(tmp_path) -> Path:
    """KuaiRand-Pure in miniature: one period, three users, three videos."""
    write_log(tmp_path / LATE, ROWS)
    users = pd.DataFrame({"user_id": [7, 3, 5]})
    for name in list(USER_COLUMNS)[1:]:
        users[name] = ["[1,5)", "0", ""] if isinstance(USER_COLUMNS[name], Text) else [1, "", 0.5]
    users.to_csv(tmp_path / USER_FILE, index=False)
    videos = {
        "video_id": [30, 20, 10],
        "author_id": [900, 5, 900],
        "video_type": ["NORMAL", "AD", "UNKNOWN"],
        "upload_dt": ["2022-04-10", "2022-04-09", ""],
        "upload_type": ["Web", "Web", ""],
        "visible_status": [0.0, "", 1.0],
        "video_duration": ["10000.0", "", "0"],
        "server_width": [720.0, "", 1280.0],
        "server_height": [1280.0, "", 720.0],
        "music_id": [0, 9141092381, ""],
        "music_type": [9.0, "", 4.0],
        "tag": ["12,65", "9", ""],
    }
    pd.DataFrame(videos).to_csv(tmp_path / VIDEO_FILE, index=False)
    return tmp_path


def replace_lines(path: Path, change: dict[int, str]) -> None:
    lines = path.read_text().split("\n")
    for number, text in change.items():
        lines[number - 1] = text
    path.write_text("\n".join(lines))


def cells(**changed: object) -> str:
    return ",".join(map(str, row(**changed).values()))


def test_rows_have_the_names_units_and_types_of_the_log(folder):
    log = load_kuairand(folder)
    rows = log.rows
    assert log.targets == ("click", "like", "share")
    assert len(rows) == 7
    assert rows["time_ms"].tolist() == [NOON + k for k in (1, 1, 2, 3, 4, 5, 9)]
    assert rows["tab"].tolist() == [1, 2, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(rows["watch_time"], [2.5, 2.5, 0, 2.5, 2.5, 2.5, 12])
    np.testing.assert_allclose(rows["duration"], [10, 10, 10, np.nan, 10, 10, 10])
    assert rows["like"].tolist() == [False, False, True, False, False, False, True]
    for name in ("click", "share", "long_view"):
        assert rows[name].tolist() == [False] * 6 + [True]
    assert set(rows["hour"]) == {12}
    assert set(rows["weekday"]) == {0}
    types = {
        "int32": ["user", "item"],
        "int64": ["time_ms"],
        "int8": ["hour", "weekday", "tab"],
        "bool": ["randomised", "click", "like", "share", "follow", "comment", "hate", "long_view"],
        "float32": ["duration", "watch_time"],
    }
    for dtype, names in types.items():
        assert set(rows[names].dtypes.astype(str)) == {dtype}
    assert set(rows) == {name for names in types.values() for name in names}


def test_users_and_items_join_and_unknown_stays_unknown(folder):
    log = load_kuairand(folder)
    users, items = log.users, log.items
    assert users["user_id"].tolist() == [3, 5, 7, 99]
    assert items["item_id"].tolist() == [10, 20, 30, 77]
    np.testing.assert_array_equal(users["user_id"].to_numpy()[log.rows["user"]], [3, 3, 3, 3, 99, 3, 5])
    np.testing.assert_array_equal(items["item_id"].to_numpy()[log.rows["item"]], [30] * 4 + [77, 30, 30])
    assert users["fans_user_num_range"].tolist()[:3] == ["0", np.nan, "[1,5)"]
    np.testing.assert_array_equal(users["register_days"], np.float32([np.nan, 0.5, 1, np.nan]))
    assert users.iloc[3, 1:].isna().all()
    assert items["author"].tolist() == [2, 1, 2, 0]
    assert items["topic"].tolist() == [0, 1, 2, 0]
    assert items["tags"].tolist()[1:3] == ["9", "12,65"]
    np.testing.assert_array_equal(items["duration"], np.float32([np.nan, np.nan, 10, np.nan]))
    assert items["upload_date"].isna().tolist() == [True, False, False, True]
    assert (items["author"].dtype, items["topic"].dtype) == (np.int32, np.int16)
    assert items["duration"].dtype == np.float32


def test_the_report_counts_every_row_and_oddity(folder):
    report = load_kuairand(folder).report
    assert (report.rows_read, report.rows_kept) == (9, 7)
    assert report.dropped == {
        "exact duplicate of another row": 1,
        "duplicate of another row but for date and hourmin": 1,
    }
    assert report.noted == {
        f"rows in {EARLY} (asked for, but not in the folder)": 0,
        f"rows in {LATE}, before duplicates were dropped": 9,
        "duration of 0, taken as unknown (NaN)": 1,
        "played for longer than the video lasts": 1,
        "played without a click": 5,
        "like without a click": 1,
        "hourmin names another hour than time_ms, which is used": 1,
        f"rows of users that {USER_FILE} does not list (1 of them)": 1,
        f"rows of videos that {VIDEO_FILE} does not list (1 of them)": 1,
    }


def test_whole_files_give_no_warning(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_kuairand(folder, strict=True)


def test_periods_and_random_exposure_are_read_together_in_order_of_time(folder):
    write_log(folder / EARLY, [row(time_ms=NOON - 10**9), row(time_ms=NOON - 10**9 + 5)])
    write_log(folder / RANDOM, [row(time_ms=NOON + 1, is_rand=1, video_id=20)])
    assert len(load_kuairand(folder)) == 9
    assert len(load_kuairand(folder, logs="standard_4_08")) == 2
    random = load_kuairand(folder, logs=["random"])
    assert random.rows["randomised"].tolist() == [True]
    everything = load_kuairand(folder, logs=("standard", "random"))
    assert len(everything) == 10
    assert everything.rows["randomised"].sum() == 1
    assert everything.rows["time_ms"].is_monotonic_increasing
    everything.split(0.8, 0.2)


def test_a_folder_with_random_exposure_alone_is_read_with_a_warning(folder):
    (folder / LATE).unlink()
    write_log(folder / RANDOM, [row(is_rand=1), row(time_ms=NOON + 1, is_rand=1)])
    with pytest.warns(UserWarning, match="holds no standard log: that of random exposure is read"):
        log = load_kuairand(folder)
    assert log.rows["randomised"].tolist() == [True, True]
    with pytest.raises(ValueError, match=f"no such file in .*: {EARLY}, {LATE}; there is {RANDOM}$"):
        load_kuairand(folder, logs="standard")


@pytest.mark.parametrize("inside", ["data", "KuaiRand-Pure/data"])
def test_a_parent_folder_may_be_named(folder, tmp_path_factory, inside):
    parent = tmp_path_factory.mktemp("parent")
    (parent / inside).parent.mkdir(exist_ok=True)
    folder.rename(parent / inside)
    assert len(load_kuairand(parent)) == 7


def test_without_a_folder_the_variable_decides(folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(folder))
    assert len(load_kuairand()) == 7


def test_without_folder_or_variable_it_is_downloaded(folder, monkeypatch):
    monkeypatch.setattr(kuairand, "find_kuairand", lambda: None)
    monkeypatch.setattr(kuairand, "download_kuairand", lambda: folder)
    assert len(load_kuairand()) == 7


@pytest.mark.parametrize(
    ("logs", "message"),
    [
        ("clicks", "logs must be one of .*'standard', 'random'.*got 'clicks'"),
        ((), "logs must not be empty"),
        (4, "logs must be a name or a list of names, got 4"),
        ("random", f"no such file in .*: {RANDOM}"),
        (("standard", "standard_4_08"), f"no such file in .*: {EARLY}"),
    ],
)
def test_logs_that_do_not_exist_are_refused(folder, logs, message):
    with pytest.raises(ValueError, match=message):
        load_kuairand(folder, logs=logs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *[({"strict": strict}, "strict must be True or False") for strict in ("no", 1, None, float("nan"))],
        *[({"folder": at}, "folder must be the path of a folder") for at in (3, b"data", ["data"], {"data"})],
        *[({"logs": logs}, "logs must be a name or a list of names") for logs in ({"standard"}, iter("ab"))],
        *[({"logs": logs}, "logs must be one of") for logs in ([None], [3], [["standard"]])],
    ],
)
def test_settings_of_another_kind_are_named(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        load_kuairand(**({"folder": folder} | settings))


@pytest.mark.parametrize("name", [USER_FILE, VIDEO_FILE])
def test_a_missing_feature_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"no such file in .*: {name}"):
        load_kuairand(folder)


def test_a_folder_without_logs_is_refused(tmp_path):
    with pytest.raises(ValueError, match=f"folder must name a folder with .*{LATE}.*, got "):
        load_kuairand(tmp_path)


@pytest.mark.parametrize("name", [LATE, USER_FILE, VIDEO_FILE])
def test_empty_files_and_bare_headers_are_refused(folder, name):
    header = (folder / name).read_text().split("\n")[0]
    (folder / name).write_text(header + "\n")
    with pytest.raises(ValueError, match=f"{name} holds column names but no rows"):
        load_kuairand(folder)
    (folder / name).write_text("")
    with pytest.raises(ValueError, match=f"{name} is empty"):
        load_kuairand(folder)


@pytest.mark.parametrize(
    ("name", "column"),
    [(LATE, "is_click"), (LATE, "tab"), (USER_FILE, "register_days"), (VIDEO_FILE, "tag")],
)
def test_missing_columns_are_named(folder, name, column):
    table = pd.read_csv(folder / name, dtype=str)
    table.drop(columns=column).to_csv(folder / name, index=False)
    with pytest.raises(ValueError, match=f"{name}, line 1: missing columns {column}"):
        load_kuairand(folder)


IMPOSSIBLE = [
    ({"is_click": 2}, "column is_click: must be 0 or 1"),
    ({"is_like": -1}, "column is_like: must be 0 or 1"),
    ({"is_forward": ""}, "column is_forward: must be 0 or 1"),
    ({"is_rand": "yes"}, "column is_rand: must be 0 or 1"),
    ({"play_time_ms": -1}, "column play_time_ms: must be a whole number from 0 to 86400000"),
    ({"play_time_ms": 10**10}, "column play_time_ms: must be a whole number"),
    ({"duration_ms": -9500}, "column duration_ms: must be a whole number"),
    ({"duration_ms": "nan"}, "column duration_ms: must be a whole number"),
    ({"time_ms": NOON // 1000}, "column time_ms: must be a whole number from 1648742400000"),
    ({"time_ms": NOON + 10**11}, "column time_ms: must be a whole number"),
    ({"time_ms": 0.5}, "column time_ms: must be a whole number"),
    ({"user_id": -3}, "column user_id: must be a whole number"),
    ({"video_id": "12a"}, "column video_id: must be a whole number"),
    ({"tab": 15}, "column tab: must be a whole number from 0 to 14"),
]


@pytest.mark.parametrize(("fault", "reason"), IMPOSSIBLE, ids=[str(fault) for fault, _ in IMPOSSIBLE])
def test_an_impossible_value_costs_its_row_and_is_reported(folder, fault, reason):
    clean = load_kuairand(folder)
    replace_lines(folder / LATE, {6: cells(**fault)})  # the row at the same millisecond in tab 2
    with pytest.warns(UserWarning, match=f"{LATE}, {reason}"):
        log = load_kuairand(folder)
    assert len(log) == len(clean) - 1
    ((said, count),) = [entry for entry in log.report.dropped.items() if entry[0].startswith(LATE)]
    value = str(next(iter(fault.values())))
    assert said.startswith(f"{LATE}, {reason}")
    assert said.endswith(f"(first at line 6: {value!r})")
    assert count == 1
    with pytest.raises(
        ValueError, match=f"{LATE}, column {next(iter(fault))}, line 6: must be .*got {value!r}"
    ):
        load_kuairand(folder, strict=True)


def test_a_torn_last_line_is_reported_with_its_line(folder):
    write_log(folder / LATE, ROWS, end="\n3,30,20220425,1200,16508")
    with pytest.warns(UserWarning, match="torn row, there must be 19 fields"):
        log = load_kuairand(folder)
    assert log.report.rows_read == 10
    assert (
        log.report.dropped[
            f"{LATE}: torn row, there must be 19 fields (first at line 11: 5 in '3,30,20220425,1200,16508')"
        ]
        == 1
    )
    with pytest.raises(ValueError, match=f"{LATE}, line 11: torn row"):
        load_kuairand(folder, strict=True)


def test_a_log_without_one_usable_row_is_refused(folder):
    write_log(folder / LATE, [row(is_click=3), row(tab=-1)])
    with pytest.raises(ValueError, match=f"not one usable row in {LATE}.*is_click.*tab"):
        load_kuairand(folder)


def test_damage_in_the_feature_files_costs_cells_not_impressions(folder):
    replace_lines(folder / VIDEO_FILE, {3: "20,5,AD"})
    text = (folder / USER_FILE).read_text().replace(",0.5", ",many", 1)
    (folder / USER_FILE).write_text(text)
    with pytest.warns(UserWarning, match="damage in the KuaiRand files"):
        log = load_kuairand(folder)
    assert len(log) == 7
    assert log.items["item_id"].tolist() == [10, 30, 77]
    assert np.isnan(log.users["is_lowactive_period"][1])
    flaws = [what for what in log.report.noted if "(first at" in what]
    assert flaws == [
        f"{USER_FILE}, column is_lowactive_period: must be a number (first at line 4: 'many')",
        f"{VIDEO_FILE}: torn row, there must be 12 fields (first at line 3: '20,5,AD')",
    ]
    with pytest.raises(ValueError, match=f"{USER_FILE}, column is_lowactive_period, line 4"):
        load_kuairand(folder, strict=True)


def test_numbers_written_as_floats_are_the_same_numbers(folder):
    clean = load_kuairand(folder)
    table = pd.read_csv(folder / LATE)
    table.astype(float).astype({"time_ms": "int64"}).to_csv(folder / LATE, index=False)
    pd.testing.assert_frame_equal(load_kuairand(folder).rows, clean.rows)


@pytest.fixture(scope="module")
def real(kuairand_folder):
    """The rows of all log files that are there, as pandas alone reads them, and as loaded."""
    present = {name: path for name in LOG_FILES if (path := find_kuairand() / LOG_FILES[name]).is_file()}
    raw = pd.concat([pd.read_csv(path) for path in present.values()], ignore_index=True)
    return raw, load_kuairand(kuairand_folder, logs=tuple(present))


@pytest.mark.kuairand
def test_real_rows_are_all_accounted_for(real):
    raw, log = real
    exact = int(raw.duplicated().sum())
    same = [name for name in raw if name not in ("date", "hourmin")]
    assert log.report.rows_read == len(raw)
    assert log.report.dropped["exact duplicate of another row"] == exact
    assert len(log) == len(raw.drop_duplicates(same))
    assert not log.rows.duplicated().any()


@pytest.mark.kuairand
def test_real_rows_say_what_the_files_say(real):
    raw, log = real
    same = [name for name in raw if name not in ("date", "hourmin")]
    raw = raw.drop_duplicates(same).sort_values("time_ms", kind="stable", ignore_index=True)
    rows = log.rows
    np.testing.assert_array_equal(log.users["user_id"].to_numpy()[rows["user"]], raw["user_id"])
    np.testing.assert_array_equal(log.items["item_id"].to_numpy()[rows["item"]], raw["video_id"])
    np.testing.assert_array_equal(rows["time_ms"], raw["time_ms"])
    for ours, theirs in {"click": "is_click", "like": "is_like", "share": "is_forward", "tab": "tab"}.items():
        np.testing.assert_array_equal(rows[ours], raw[theirs])
    np.testing.assert_allclose(rows["watch_time"], raw["play_time_ms"] / 1000, rtol=1e-6)
    np.testing.assert_allclose(rows["duration"], raw["duration_ms"].replace(0, np.nan) / 1000, rtol=1e-6)
    local = pd.to_datetime(raw["time_ms"], unit="ms", utc=True).dt.tz_convert("Asia/Shanghai")
    np.testing.assert_array_equal(rows["hour"], local.dt.hour)
    np.testing.assert_array_equal(rows["weekday"], local.dt.day_of_week)


@pytest.mark.kuairand
def test_real_rows_obey_the_published_rule_of_long_views(real):
    """``long_view``: the whole video when it lasts up to 18 s, else 18 s; so the units are right."""
    rows = real[1].rows
    known = rows[rows["duration"].notna()]
    rule = known["watch_time"] >= np.minimum(known["duration"], 18)
    assert (rule == known["long_view"]).mean() > 0.99


@pytest.mark.kuairand
def test_real_profiles_are_there(real):
    _, log = real
    assert log.users["user_active_degree"].notna().mean() > 0.99
    assert (log.items["topic"] > 0).mean() > 0.9
    assert (log.items["author"] > 0).mean() > 0.99
    shown = log.items["duration"].to_numpy()[log.rows["item"]]
    both = np.isfinite(shown) & log.rows["duration"].notna().to_numpy()
    assert (shown[both] == log.rows["duration"].to_numpy()[both]).mean() > 0.99


def test_more_values_than_a_code_can_name_are_refused():
    tags = pd.Series(np.arange(32_768).astype(str), name="tag")
    assert kuairand._codes(tags[:-1], np.int16).max() == 32_767
    with pytest.raises(ValueError, match="tag must hold at most 32767 different values, got 32768"):
        kuairand._codes(tags, np.int16)


# --- the tabs that play at once ----------------------------------------------------------------


def test_tabs_that_play_at_once_are_a_log_without_clicks(folder):
    write_log(
        folder / LATE, [*ROWS, row(tab=0, time_ms=NOON + 10), row(tab=6, is_click=1, time_ms=NOON + 11)]
    )
    log = load_kuairand(folder)
    plays = single_column(log)
    assert plays.targets == ("like", "share", "effective_view", "long_view", "skip")
    assert (plays.report.rows_read, plays.report.rows_kept) == (9, 7)
    assert plays.report.dropped == {"tab other than 1, 2, 4, 6": 1, "unknown duration": 1}
    assert plays.rows["tab"].tolist() == [1, 2, 1, 1, 1, 1, 6]
    assert plays.rows["effective_view"].tolist() == [False] * 5 + [True] * 2
    assert plays.rows["skip"].tolist() == [True] * 5 + [False, True]
    assert "click" not in plays.rows
    assert "skip" not in log.rows


def test_a_log_that_does_not_play_at_once_is_refused(folder):
    write_log(folder / LATE, [row(tab=0), row(tab=1, duration_ms=0)])
    log = load_kuairand(folder)
    with pytest.raises(ValueError, match="rows of known duration in the tabs 1, 2, 4, 6, got none"):
        single_column(log)
    with pytest.raises(ValueError, match=r"log.rows must have the column 'tab', got user, item"):
        single_column(replace(log, rows=log.rows.drop(columns="tab")))


@pytest.mark.kuairand
def test_real_clicks_in_those_tabs_are_the_rule_of_effective_views(real):
    log = real[1]
    plays = single_column(log)
    rows = plays.rows
    shown = log.rows["tab"].isin([1, 2, 4, 6])
    assert len(plays) == (shown & log.rows["duration"].notna()).sum()
    assert rows["like"].sum() <= log.rows.loc[shown, "like"].sum()
    rule = rows["watch_time"] >= np.minimum(rows["duration"], 7)
    assert (rule == rows["effective_view"]).groupby(rows["tab"]).mean().min() > 0.97
    assert 0.3 < rows["skip"].mean() < 0.4
    assert not (rows["skip"] & rows["long_view"] & (rows["duration"] >= 3)).any()
