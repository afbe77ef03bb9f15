"""A log of a surface that plays at once: no click, effective views in its place."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ranking.evaluation.metrics import log_loss
from ranking.funnel import count_events, train_retrieval, training_table
from ranking.funnel.feed import train_predictor
from ranking.funnel.snapshot import Snapshot
from ranking.logs import PLAY_TARGETS, FeatureEncoder, ImpressionLog
from ranking.logs.statistics import DAY_MS
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.simulator import World, WorldConfig
from ranking.training import TableExamples, fit, predict_logits
from ranking.training.parquet import ParquetRows, ParquetWriter

TARGETS = ("effective_view", "long_view", "like")
DURATION = 30.0


def make_log(n=400, drop=(), **columns):
    """Plays of one item length, without a click; user 0 likes what the others do not."""
    rng = np.random.default_rng(0)
    user = rng.integers(0, 3, n).astype(np.int32)
    seconds = rng.exponential(12.0 + 8.0 * user).astype(np.float32)
    rows = pd.DataFrame(
        {
            "user": user,
            "item": rng.integers(0, 4, n).astype(np.int32),
            "time_ms": np.arange(n, dtype=np.int64) * (DAY_MS // 8),
            "watch_time": seconds,
            "duration": np.full(n, DURATION, dtype=np.float32),
            "effective_view": seconds > 7.0,
            "long_view": seconds > 18.0,
            "skip": seconds < 3.0,
            "like": rng.random(n) < np.where(user == 0, 0.3, 0.1),
            **columns,
        }
    ).drop(columns=list(drop))
    users = pd.DataFrame({"user_id": [70, 80, 90]})
    items = pd.DataFrame({"item_id": [5, 6, 7, 8], "topic": [0, 1, 1, 2]})
    return ImpressionLog(rows, users, items)


# --- what the log holds ------------------------------------------------------------------------


def test_targets_without_a_click():
    log = make_log()
    assert log.targets == ("like", *PLAY_TARGETS)
    np.testing.assert_array_equal(log.label("skip"), log.rows["skip"])
    assert log.labels(TARGETS).shape == (400, 3)
    assert make_log(drop=["skip"]).targets == ("like", "effective_view", "long_view")
    with pytest.raises(ValueError, match=r"target must be one of like, effective_view, .*got 'click'"):
        log.label("click")


def test_targets_beside_a_click_stay_those_of_the_course_and_the_labels_are_there():
    log = make_log(click=True)
    assert log.targets == ("click", "like")
    np.testing.assert_array_equal(log.label("long_view"), log.rows["long_view"])
    np.testing.assert_array_equal(log.labels(["click", "skip"])[:, 1], log.rows["skip"])


def test_a_log_needs_a_click_or_an_effective_view():
    message = "columns user, item, time_ms, click (or effective_view), watch_time, duration; missing: click"
    with pytest.raises(ValueError, match=re.escape(message)):
        make_log(drop=["effective_view"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *[({name: 2}, f"rows.{name} must hold only 0 and 1, got 2.0 at index 0") for name in PLAY_TARGETS],
        ({"skip": np.nan}, "rows.skip must be finite, got nan"),
        ({"long_view": "yes"}, "rows.long_view must hold only 0 and 1, or booleans"),
        ({"long_view": 2, "click": True}, "rows.long_view must hold only 0 and 1, got 2.0"),
        ({"session": -1}, "rows.session must be from 0 to 2147483646, got -1"),
        ({"session": 2**31}, "rows.session must be from 0 to 2147483646, got 2147483648"),
        ({"session": 1.0}, "rows.session must hold whole numbers, got float64"),
        ({"propensity": 0.0}, "rows.propensity must be above 0, got 0.0"),
        ({"propensity": 1.5}, r"rows.propensity must be in \[0, 1\], got 1.5"),
        ({"propensity": np.nan}, "rows.propensity must be finite, got nan"),
        ({"propensity": "1"}, "rows.propensity must hold numbers, got"),
    ],
)
def test_new_columns_that_hold_what_is_impossible_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_log(**change)


def test_new_columns_come_in_other_types():
    log = make_log(skip=1, long_view=0.0, session=np.arange(400, dtype=np.uint16), propensity=np.int8(1))
    types = log.rows.dtypes[["skip", "long_view", "session", "propensity"]]
    assert types.astype(str).tolist() == ["bool", "bool", "int32", "float64"]
    assert make_log(propensity=np.float32(0.5)).rows["propensity"].dtype == np.float32


def test_such_a_log_is_selected_split_and_cut():
    log = make_log()
    older, newer = log.after(days=2).split(0.75, 0.25)
    assert len(older) + len(newer) == 400 - 16
    assert older.targets == newer.targets == log.targets


# --- statistics and features -------------------------------------------------------------------


def test_statistics_count_views_where_there_is_no_click():
    log = make_log(40).with_statistics(window_days=2).with_topic_history(window_days=2)
    rows = log.rows
    added = [name for name in rows if name.endswith(("_impressions", "_views", "_clicks", "_likes"))]
    kinds = [f"{key}_{what}" for key in ("user", "item") for what in ("impressions", "views", "likes")]
    assert added == [*kinds, "topic_impressions", "topic_views"]
    topic = log.items["topic"].to_numpy()[rows["item"]]
    for k in (5, 17, 39):
        before = (rows["time_ms"] < rows["time_ms"][k]) & (rows["time_ms"] >= rows["time_ms"][k] - 2 * DAY_MS)
        own = rows[before & (rows["user"] == rows["user"][k])]
        assert rows["user_views"][k] == own["effective_view"].sum()
        assert rows["user_likes"][k] == own["like"].sum()
        of_topic = own[topic[own.index] == topic[k]]
        assert (rows["topic_impressions"][k], rows["topic_views"][k]) == (
            len(of_topic),
            of_topic["effective_view"].sum(),
        )


def test_views_are_counted_beside_no_click_alone():
    rows = make_log(click=True).with_statistics().rows
    assert "user_clicks" in rows
    assert not [name for name in rows if name.endswith("_views")]


def test_rates_of_views_and_of_likes_per_impression_are_features():
    log = make_log().with_statistics()
    table = FeatureEncoder().fit(log).transform(log)
    assert table.groups["statistics"] == tuple(
        f"log_{key}_{what}"
        for key in ("user", "item")
        for what in ("impressions", "likes", "views", "view_rate", "like_rate")
    )
    n, rows = len(log), log.rows
    for name, of, label in (("view", "views", "effective_view"), ("like", "likes", "like")):
        prior = (rows[label].sum() + 1) / (n + 2)
        rate = np.log((rows[f"user_{of}"] + 20 * prior) / (rows["user_impressions"] + 20))
        found = table.dense[:, table.columns.index(f"log_user_{name}_rate")]
        np.testing.assert_allclose(found, (rate - rate.mean()) / rate.std(ddof=0), atol=1e-4)


def test_what_is_no_feature():
    for outcome in PLAY_TARGETS:
        with pytest.raises(
            ValueError, match=f"context must not name an outcome as a feature, got '{outcome}"
        ):
            FeatureEncoder(context=[outcome])
    for hidden in ("propensity", "mood"):
        with pytest.raises(ValueError, match=f"user must not name what no model gets to know, got '{hidden}"):
            FeatureEncoder(user=[hidden])
    session = np.arange(400) // 10
    table = FeatureEncoder().fit(log := make_log(session=session, propensity=0.5, mood=3)).transform(log)
    assert not {"session", "propensity", "mood"} & {*table.fields, *table.columns}


# --- training ----------------------------------------------------------------------------------


def test_a_model_learns_from_such_a_log_from_memory_and_from_files(tmp_path):
    older, newer = make_log(2_000).with_statistics().split(0.8, 0.2)
    encoder = FeatureEncoder().fit(older)
    loss = WeightedCrossEntropy(TARGETS, masked=False)
    examples = TableExamples.of(older, encoder, TARGETS)
    with ParquetWriter(tmp_path / "rows.parquet", TARGETS) as writer:
        writer.write(encoder.transform(older), older.labels(TARGETS))
    labels = newer.labels(TARGETS)
    by_rate = log_loss(labels, np.broadcast_to(older.labels(TARGETS).mean(axis=0), labels.shape))
    for rows in (examples, ParquetRows(tmp_path / "rows.parquet")):
        model = MultiTaskModel.of(encoder, TARGETS, seed=0)
        fit(model, rows, loss, seed=0, epochs=12, batch_size=128)
        p = expit(predict_logits(model, encoder.transform(newer)))  # (rows, targets)
        assert log_loss(labels, p) < by_rate - 0.01
        assert np.abs(p.mean(axis=0) - labels.mean(axis=0)).max() < 0.08


def test_a_mask_by_clicks_is_refused():
    log = make_log().with_statistics()
    encoder = FeatureEncoder().fit(log)
    model = MultiTaskModel.of(encoder, TARGETS)
    with pytest.raises(ValueError, match=r"contain 'click' .*\(a log without clicks needs no mask\)"):
        fit(model, TableExamples.of(log, encoder, TARGETS), WeightedCrossEntropy(TARGETS), seed=0)


# --- what needs clicks says so -----------------------------------------------------------------


def test_what_needs_clicks_says_so():
    world = World.build(WorldConfig(n_users=60, n_items=200, n_authors=30, n_topics=5, dim=4, days=10), 1)
    clicks = world.simulate(400, seed=2).with_statistics().with_topic_history()
    rows = clicks.rows.rename(columns={"click": "effective_view"})
    plays = ImpressionLog(rows, clicks.users, clicks.items)
    encoder = FeatureEncoder().fit(clicks)
    table = encoder.transform(clicks)
    needs = (
        "log.rows must have the column 'click', this surface has none; it has like, collect, share, effect"
    )
    for call in (
        lambda: count_events(plays),
        lambda: Snapshot.at_end(world, plays),
        lambda: training_table(encoder, plays),
        lambda: train_retrieval(table, plays, seed=0),
        lambda: plays.clicked,
    ):
        with pytest.raises(ValueError, match=needs):
            call()
    with pytest.raises(ValueError, match=r"target must be one of like, .*, got 'click'"):
        train_predictor(plays, seed=0)
    np.testing.assert_array_equal(clicks.clicked, clicks.rows["click"])
