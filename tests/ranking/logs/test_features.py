"""Statistics that do not see the future, and feature tables that hide nothing."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from ranking.logs import FeatureEncoder, FeatureTable, ImpressionLog
from ranking.logs.impressions import DAY_MS
from ranking.simulator import simulate_log

STATISTICS = [f"{key}_{what}" for key in ("user", "item") for what in ("impressions", "clicks", "likes")]


def make_log(users, items, times, clicks, likes=None, **columns):
    """A log of the required columns, and of those given."""
    n = len(times)
    rows = pd.DataFrame(
        {
            "user": np.asarray(users, dtype=np.int32),
            "item": np.asarray(items, dtype=np.int32),
            "time_ms": np.asarray(times, dtype=np.int64),
            "click": np.asarray(clicks, dtype=bool),
            "watch_time": np.zeros(n, dtype=np.float32),
            "duration": np.full(n, 30.0, dtype=np.float32),
        }
        | ({} if likes is None else {"like": np.asarray(likes, dtype=bool)})
        | columns
    )
    return ImpressionLog(
        rows=rows,
        users=pd.DataFrame({"user_id": np.arange(100, 104)}),
        items=pd.DataFrame({"item_id": np.arange(200, 204), "author": [1, 1, 2, 3]}),
    )


@pytest.fixture(scope="module")
def log():
    return simulate_log(60_000, seed=1, n_users=1_000, n_items=4_000, n_authors=300)


# --- statistics --------------------------------------------------------------------------------


def counted_naively(log, window_ms):
    """The definition, row by row."""
    rows = log.rows
    table = []
    for _, row in rows.iterrows():
        before = rows[(rows["time_ms"] < row["time_ms"]) & (rows["time_ms"] >= row["time_ms"] - window_ms)]
        table.append([])
        for key in ("user", "item"):
            own = before[before[key] == row[key]]
            table[-1] += [len(own), own["click"].sum(), own["like"].sum()]
    return np.array(table, dtype=np.int64).reshape(len(rows), 6)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 12), st.booleans(), st.booleans()),
        max_size=30,
    ),
    st.integers(1, 15),
)
@settings(max_examples=60, deadline=None)
def test_statistics_equal_a_naive_count(impressions, window_days):
    impressions.sort(key=lambda row: row[2])
    users, items, days, clicks, likes = zip(*impressions, strict=True) if impressions else ((),) * 5
    log = make_log(users, items, np.array(days, dtype=np.int64) * DAY_MS, clicks, likes)
    counted = log.with_statistics(window_days).rows[STATISTICS]
    assert (counted.dtypes == "int32").all()
    np.testing.assert_array_equal(counted.to_numpy(), counted_naively(log, window_days * DAY_MS))


def test_statistics_equal_a_naive_count_on_a_simulated_log(log):
    part = log.select(slice(0, 400))
    again = part.with_statistics(window_days=0.2)
    np.testing.assert_array_equal(again.rows[STATISTICS], counted_naively(part, int(0.2 * DAY_MS)))


def test_the_edges_of_the_window():
    """A row of the same moment does not count, one exactly a window ago does, one before that does not."""
    log = make_log([0] * 4, [0, 1, 2, 3], np.array([0, 1, 30, 30]) * DAY_MS, [True] * 4)
    assert log.with_statistics().rows["user_impressions"].tolist() == [0, 1, 2, 2]
    assert log.with_statistics(window_days=29).rows["user_clicks"].tolist() == [0, 1, 1, 1]
    assert log.with_statistics(window_days=1e9).rows["user_clicks"].tolist() == [0, 1, 2, 2]


def test_impressions_of_one_request_do_not_count_for_each_other(log):
    same = log.rows.groupby("request")["user_impressions"].nunique()
    assert (same == 1).all()


def test_later_labels_do_not_change_earlier_statistics(log):
    half = len(log) // 2
    moment = log.rows["time_ms"].iloc[half]
    rows = log.rows.copy()
    later = rows["time_ms"] >= moment
    rows.loc[later, ["click", "like"]] = ~rows.loc[later, ["click", "like"]]
    changed = replace(log, rows=rows).with_statistics().rows[STATISTICS]
    past = (rows["time_ms"] <= moment).to_numpy()
    pd.testing.assert_frame_equal(changed[past], log.rows.loc[past, STATISTICS])
    assert not changed[~past].equals(log.rows.loc[~past, STATISTICS])


def test_a_log_without_likes_gets_no_counts_of_likes():
    log = make_log([0, 0], [1, 1], [0, 5], [True, False]).with_statistics()
    assert [name for name in STATISTICS if name in log.rows] == [
        name for name in STATISTICS if "likes" not in name
    ]
    assert log.rows[["user_clicks", "item_clicks"]].to_numpy().tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("window", [0, -1.0, float("nan")])
def test_a_window_that_makes_no_sense_is_refused(window):
    with pytest.raises(ValueError, match="window_days must be"):
        make_log([0], [0], [0], [True]).with_statistics(window)


# --- the encoder -------------------------------------------------------------------------------


def test_shapes_groups_and_scales(log):
    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    table = encoder.transform(train)
    assert len(table) == len(train)
    assert table.categorical.shape == (len(train), len(table.fields))
    assert (table.categorical.dtype, table.dense.dtype) == (np.int64, np.float32)
    assert set(table.groups) == {"user", "item", "statistics", "context"}
    named = [name for names in table.groups.values() for name in names]
    assert sorted(named) == sorted(table.fields + table.columns)
    assert table.groups["context"] == ("hour", "weekday", "scene")
    assert "position" not in named

    later = encoder.transform(test)
    assert (later.categorical < np.array(table.cardinalities)).all()
    assert (table.categorical.min(axis=0) == 1).all()
    assert (table.categorical.max(axis=0) == np.array(table.cardinalities) - 1).all()
    plain = [k for k, name in enumerate(table.columns) if not name.endswith("_missing")]
    np.testing.assert_allclose(table.dense[:, plain].mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(table.dense[:, plain].std(axis=0), 1.0, atol=1e-3)
    assert np.isfinite(later.dense).all()
    assert not np.allclose(later.dense[:, plain].mean(axis=0), 0.0, atol=1e-3)  # scaled by the training rows


def test_dense_columns_are_what_the_docstring_says(log):
    encoder = FeatureEncoder(prior_weight=5.0).fit(log)
    table, rows = encoder.transform(log), log.rows
    clicks, likes = rows["click"].sum(), rows["like"].sum()
    age = (rows["time_ms"] - log.items["publish_ms"].to_numpy()[rows["item"]]) / DAY_MS
    by_hand = {
        "log_duration": np.log(rows["duration"]),
        "log_age_days": np.log1p(age),
        "log_user_impressions": np.log1p(rows["user_impressions"]),
        "log_item_click_rate": np.log(
            (rows["item_clicks"] + 5 * (clicks + 1) / (len(log) + 2)) / (rows["item_impressions"] + 5)
        ),
        "log_user_like_rate": np.log(
            (rows["user_likes"] + 5 * (likes + 1) / (clicks + 2)) / (rows["user_clicks"] + 5)
        ),
    }
    for name, values in by_hand.items():
        expected = (values - values.mean()) / values.std(ddof=0)
        np.testing.assert_allclose(table.dense[:, table.columns.index(name)], expected, atol=2e-4)


def test_the_same_value_has_the_same_code_in_every_log(log):
    train, test = log.split(0.5, 0.5)
    encoder = FeatureEncoder().fit(train)
    one, other = encoder.transform(train), encoder.transform(test)
    for name in ("author", "hour", "user"):
        field = one.fields.index(name)
        codes = {}
        for table, part in ((one, train), (other, test)):
            source = (
                part.items["author"].to_numpy()[part.rows["item"]] if name == "author" else part.rows[name]
            )
            for value, code in zip(source, table.categorical[:, field], strict=True):
                if code:
                    assert codes.setdefault(value, code) == code
        assert len(set(codes.values())) == len(codes) == one.cardinalities[field] - 1


def test_unseen_values_have_code_0_and_are_counted(log):
    train, test = log.split(0.5, 0.5)
    table = FeatureEncoder().fit(train).transform(test)
    new = ~test.rows["item"].isin(train.rows["item"])
    assert table.unseen["item"] == new.sum() > 0
    np.testing.assert_array_equal(table.categorical[:, table.fields.index("item")] == 0, new)
    assert table.unseen["hour"] == 0
    assert table[new.to_numpy()].unseen["item"] == new.sum()
    assert table[~new.to_numpy()].unseen["item"] == 0


def test_ids_are_matched_across_logs_with_other_tables():
    """Positions differ between two logs; ``user_id`` says who it is."""
    train = make_log([0, 1], [0, 1], [0, 1], [True, False])
    shifted = replace(train, users=pd.DataFrame({"user_id": [101, 999]}))
    table = FeatureEncoder(user=["user"], item=[], context=[]).fit(train).transform(shifted)
    assert table.categorical[:, 0].tolist() == [2, 0]


def test_a_log_of_another_platform_is_read_by_the_columns_it_has():
    """Texts, missing values and columns of its own; no collect, no place, no statistics of likes."""
    log = make_log([0, 1, 2, 0], [0, 1, 2, 3], [0, 1, 2, 3], [True, False, True, False], tab=[1, 1, 4, 0])
    users = pd.DataFrame(
        {
            "user_id": [7, 8, 9],
            "user_active_degree": pd.Series(["full", None, "low"], dtype="category"),
            "is_video_author": [1.0, np.nan, 0.0],
            "fans_user_num": [3, 4, 5],
        }
    )
    items = pd.DataFrame(
        {"item_id": [1, 2, 3, 4], "topic": [1, 1, 0, 2], "video_type": ["A", "A", None, "B"]}
    )
    rows = log.rows.assign(duration=np.array([10.0, np.nan, 20.0, np.nan], dtype=np.float32))
    log = ImpressionLog(rows, users, items).with_statistics()
    encoder = FeatureEncoder().fit(log)
    table = encoder.transform(log)
    assert table.groups["user"] == ("user", "user_active_degree", "is_video_author")
    assert table.groups["item"] == ("item", "topic", "video_type", "log_duration", "log_duration_missing")
    assert table.groups["context"] == ("tab",)
    assert table.groups["statistics"][-1] == "log_item_click_rate"
    assert encoder.left_out == {"users": ("fans_user_num",), "items": ()}
    # missing is a category of its own, where training rows had it
    assert table.unseen == dict.fromkeys(table.fields, 0)
    assert table.cardinalities[table.fields.index("is_video_author")] == 4
    assert table.missing == {"log_duration": 2}
    assert table.dense[:, 0].tolist() == [-1.0, 0.0, 1.0, 0.0]
    assert table.dense[:, 1].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_texts_are_matched_by_value_whatever_the_categories_of_the_other_log():
    def log_with(activity):
        log = make_log([0, 1, 2], [0, 0, 0], [0, 1, 2], [True, False, False])
        return replace(log, users=pd.DataFrame({"user_active_degree": pd.Series(activity, dtype="category")}))

    encoder = FeatureEncoder(user=["user_active_degree"], item=[], context=[])
    encoder.fit(log_with(["low", "full", "low"]))
    later = encoder.transform(log_with(["new", "full", None]))
    assert later.categorical[:, 0].tolist() == [0, 2, 0]
    assert later.unseen == {"user_active_degree": 2}


def test_a_column_that_does_not_vary_stays_0():
    log = make_log([0, 1, 2], [0, 0, 0], [0, 1, 2], [True, False, False])
    table = FeatureEncoder().fit(log).transform(log)
    assert (table.dense[:, table.columns.index("log_duration")] == 0).all()


def test_a_date_of_publication_after_the_impression_is_missing_and_counted():
    log = make_log([0, 0, 0], [0, 1, 2], np.array([10, 10, 10]) * DAY_MS, [True, False, False])
    items = pd.DataFrame({"item_id": [0, 1, 2], "publish_ms": [0.0, 11.0 * DAY_MS, np.nan]})
    table = FeatureEncoder().fit(replace(log, items=items)).transform(replace(log, items=items))
    assert table.missing == {"log_duration": 0, "log_age_days": 2}


def test_slices_share_memory_and_tensors_too(log):
    table = FeatureEncoder().fit(log).transform(log)
    part = table[100:200]
    assert len(part) == 100
    assert np.shares_memory(part.dense, table.dense)
    assert len(table[log.rows["click"]]) == log.rows["click"].sum()
    assert len(table[np.array([3, 1, 2])]) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        categorical, dense = part.to_tensors()
    assert (categorical.dtype, dense.dtype) == (torch.int64, torch.float32)
    assert categorical.shape == (100, len(table.fields))
    np.testing.assert_array_equal(dense.numpy(), part.dense)
    assert (
        repr(part)
        == f"FeatureTable(100 rows, {len(table.fields)} fields, {len(table.columns)} dense columns)"
    )


def test_a_slice_backwards_has_tensors_too(log):
    table = FeatureEncoder().fit(log).transform(log)
    categorical, dense = table[::-1].to_tensors()
    np.testing.assert_array_equal(categorical.numpy(), table.categorical[::-1])
    np.testing.assert_array_equal(dense.numpy(), table.dense[::-1])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([True, False], r"rows must be a mask of shape \(4,\), got \(2,\)"),
        (pd.Series([True] * 4)[::-1], "rows must be a mask with the index of the rows"),
        ([1.0], "rows must hold whole numbers, got float64"),
        (-1, "rows must be from 0 to 3, got -1"),
        ([0, 4], "rows must be from 0 to 3, got 4 at index 1"),
    ],
)
def test_rows_that_a_table_does_not_have_are_refused(rows, message):
    log = make_log([0, 1, 2, 0], [0, 1, 2, 3], [0, 1, 2, 3], [True, False, True, False])
    table = FeatureEncoder().fit(log).transform(log)
    assert (len(table[[]]), len(table[2]), len(table[[3, 3, 0]])) == (0, 1, 3)
    with pytest.raises(ValueError, match=message):
        table[rows]


def test_fields_can_be_chosen_position_too(log):
    table = FeatureEncoder(user=["age_band"], item=["topic"], context=["position"]).fit(log).transform(log)
    assert table.fields == ("age_band", "topic", "position")
    assert table.cardinalities[2] == 11


def test_the_features_predict_clicks(log):
    """A simple model has an AUC above .70 on later impressions; the truth has about .82."""
    train, test = simulate_log(120_000, seed=5).split(0.8, 0.2)
    encoder = FeatureEncoder(user=["age_band", "followed", "interest_1", "interest_2"], item=["topic"]).fit(
        train
    )

    def inputs(log):
        table = encoder.transform(log)
        return np.hstack([table.dense, table.categorical])

    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(
        inputs(train), train.label("click")
    )
    score = roc_auc_score(test.label("click"), model.predict_proba(inputs(test))[:, 1])
    assert 0.70 < score < roc_auc_score(test.label("click"), test.truth["p_click"])


# --- bad input ---------------------------------------------------------------------------------


def test_bad_arguments_are_refused(log):
    with pytest.raises(ValueError, match="context must not name an outcome as a feature, got 'like'"):
        FeatureEncoder(context=["hour", "like"])
    with pytest.raises(ValueError, match="must name a field once, got twice: topic"):
        FeatureEncoder(item=["topic"], context=["hour", "topic"])
    with pytest.raises(ValueError, match="prior_weight must be above 0, got 0"):
        FeatureEncoder(prior_weight=0)
    with pytest.raises(ValueError, match="item must name columns of the log, got 'colour'"):
        FeatureEncoder(item=["colour"]).fit(log)
    with pytest.raises(ValueError, match="encoder must be fitted"):
        FeatureEncoder().transform(log)
    with pytest.raises(ValueError, match="log must not be empty"):
        FeatureEncoder().fit(log.select(slice(0, 0)))
    for outcome in ("long_view", "follow", "comment", "hate", "completion"):
        with pytest.raises(
            ValueError, match=f"context must not name an outcome as a feature, got '{outcome}'"
        ):
            FeatureEncoder(context=[outcome])
    for group in ("user", "item", "context"):
        with pytest.raises(ValueError, match=f"{group} must be a list of names, got 'hour'"):
            FeatureEncoder(**dict.fromkeys((group,), "hour"))
    with pytest.raises(ValueError, match="prior_weight must be a single number"):
        FeatureEncoder(prior_weight=[20, 30])
    with pytest.raises(ValueError, match="window_days must be a single number"):
        log.with_statistics([30])


def test_after_a_failed_fit_an_encoder_is_not_fitted(log):
    encoder = FeatureEncoder(context=["hour"]).fit(log)
    without = replace(log, rows=log.rows.drop(columns="hour"))
    with pytest.raises(ValueError, match="got 'hour', which it does not have"):
        encoder.fit(without)
    with pytest.raises(
        ValueError, match=r"encoder must be fitted before transform: call fit\(train_log\) first"
    ):
        encoder.transform(log)


def test_a_log_that_lacks_what_training_had_is_refused(log):
    encoder = FeatureEncoder().fit(log)
    with pytest.raises(ValueError, match="lacks the context field 'scene'"):
        encoder.transform(replace(log, rows=log.rows.drop(columns="scene")))
    with pytest.raises(ValueError, match="lacks the columns for log_user_likes, log_user_like_rate"):
        encoder.transform(replace(log, rows=log.rows.drop(columns="user_likes")))


def test_zero_durations_are_refused():
    with pytest.raises(ValueError, match=r"rows\.duration must be above 0 or NaN, got 0.0"):
        make_log([0], [0], [0], [True], duration=np.float32(0.0))


def test_a_table_whose_names_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="must have the shapes"):
        FeatureTable(
            np.zeros((2, 1), dtype=np.int64), np.zeros((3, 1), dtype=np.float32), ("a",), ("b",), (2,), {}
        )


@pytest.mark.parametrize(
    ("codes", "cardinalities", "message"),
    [
        ([[0, 3]], (2, 3), "categorical must hold codes from 0 to 2 for b, got values from 3 to 3"),
        ([[-1, 0]], (2, 3), "categorical must hold codes from 0 to 1 for a, got values from -1 to -1"),
        ([[0.5, 0.0]], (2, 3), "categorical must hold whole numbers, got float64"),
        ([[0, 0]], (2, 2.5), "cardinalities of b must be a whole number of at least 1, got 2.5"),
        ([[0, 0]], (2,), "cardinalities must be one per field, 2, got 1"),
    ],
)
def test_codes_stay_below_their_cardinality(codes, cardinalities, message):
    with pytest.raises(ValueError, match=message):
        FeatureTable(np.array(codes), np.zeros((1, 0), np.float32), ("a", "b"), (), cardinalities, {})
