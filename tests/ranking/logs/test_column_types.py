"""One log in many types of columns: converted where the log is made, so that every number stays the same."""

import numpy as np
import pandas as pd
import pytest

from ranking.funnel import count_events, train_retrieval, training_table
from ranking.funnel.snapshot import Snapshot
from ranking.logs import FeatureEncoder, FeatureTable, ImpressionLog, Impressions, LoadReport
from ranking.logs.statistics import counts_before
from ranking.simulator import World, WorldConfig

LABELS = ["click", "like", "collect", "share", "followed", "randomised"]


@pytest.fixture(scope="module")
def world():
    return World.build(WorldConfig(n_users=120, n_items=250, n_authors=40, n_topics=100, dim=4, days=30), 1)


@pytest.fixture(scope="module")
def log(world):
    return world.simulate(20_000, seed=2)


def typed(log, **types):
    """The same log, made of columns of other types."""
    return ImpressionLog(log.rows.astype(types), log.users, log.items, log.truth)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "float64"])
def test_labels_of_0_and_1_are_booleans_in_every_log(log, dtype):
    other = typed(log, **dict.fromkeys(LABELS, dtype))
    assert set(other.rows[LABELS].dtypes) == {np.dtype(bool)}
    pd.testing.assert_frame_equal(other.rows, log.rows)
    clicks = int(log.rows["click"].sum())
    assert count_events(other)["clicks"].sum() == clicks
    assert len(other.select(other.rows["randomised"].to_numpy())) == log.rows["randomised"].sum()
    assert (~other.rows["click"]).sum() == len(log) - clicks


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int64", "uint64"])
def test_users_and_items_of_narrow_types_are_counted_apart(world, log, dtype):
    """120 users times 100 topics do not fit into 8 bits."""
    other = typed(log, user=dtype, item=dtype, time_ms="uint64")
    assert set(other.rows[["user", "item", "time_ms"]].dtypes) <= {np.dtype("int32"), np.dtype("int64")}
    columns = {}
    for name, one in (("wanted", log), ("found", other)):
        counted = one.with_statistics().with_topic_history()
        columns[name] = counted.rows.drop(columns=["user", "item"])
        encoder = FeatureEncoder(item=("item", "author", "topic")).fit(counted)
        columns[f"{name} table"] = encoder.transform(counted)
        columns[f"{name} counts"] = Snapshot.at_end(world, one).topic_counts
    pd.testing.assert_frame_equal(columns["found"], columns["wanted"])
    for part in ("categorical", "dense"):
        pair = (getattr(columns[f"{name} table"], part) for name in ("found", "wanted"))
        np.testing.assert_array_equal(*pair)
    np.testing.assert_array_equal(columns["found counts"], columns["wanted counts"])


def test_counts_of_narrow_types_keep_their_logarithms(log):
    counted = log.with_statistics()
    names = [name for name in counted.rows if name.endswith(("_impressions", "_clicks", "_likes"))]
    few = counted.rows[names].clip(upper=250)
    wanted, found = (
        ImpressionLog(counted.rows.assign(**few.astype(dtype)), log.users, log.items)
        for dtype in (np.int32, np.uint8)
    )
    encoder = FeatureEncoder().fit(wanted)
    np.testing.assert_array_equal(encoder.transform(found).dense, encoder.transform(wanted).dense)


def test_seconds_in_whole_numbers_are_seconds(log):
    whole = log.rows[["watch_time", "duration"]].round().clip(upper=100).astype(np.int8)
    found = ImpressionLog(log.rows.assign(**whole), log.users, log.items).rows
    assert (found[["watch_time", "duration"]].dtypes == np.float64).all()
    assert (found["duration"] * 2 == whole["duration"].astype(int) * 2).all()


def test_a_model_of_the_funnel_learns_the_same_from_labels_of_0_and_1(log):
    weights = []
    for one in (log, typed(log, click="int8", like="int8")):
        counted = one.with_statistics().with_topic_history()
        table = training_table(FeatureEncoder().fit(counted), counted)
        model = train_retrieval(table, counted, seed=0, epochs=1)
        weights.append(np.concatenate([part.detach().numpy().ravel() for part in model.parameters()]))
    np.testing.assert_array_equal(*weights)


def test_what_was_given_stays_as_it_is(log):
    rows = log.rows.astype({"click": "int8", "user": "uint8"})
    before = rows.copy()
    ImpressionLog(rows, log.users, log.items)
    pd.testing.assert_frame_equal(rows, before)
    assert ImpressionLog(log.rows, log.users, log.items).rows is log.rows  # nothing to convert, no copy


def test_feature_tables_are_int64_and_float32():
    codes, dense = [[1, 200], [2, 0]], [[0.5], [1.5]]
    table = FeatureTable(
        np.array(codes, np.uint8), np.array(dense), ("a", "b"), ("x",), np.array([3, 201]), {}
    )
    assert (table.categorical.dtype, table.dense.dtype) == (np.int64, np.float32)
    assert table.cardinalities == (3, 201)
    assert (table.categorical[0, 1] * 1_000, table.dense[1, 0]) == (200_000, 1.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32])
def test_counts_of_codes_of_narrow_types(dtype):
    codes = np.arange(300) % 3 + 100
    wanted = counts_before(codes, np.arange(300), {"clicks": codes == 101})
    found = counts_before(codes.astype(dtype), range(300), {"clicks": (codes == 101).astype(dtype)})
    np.testing.assert_array_equal(found["impressions"], wanted["impressions"])
    np.testing.assert_array_equal(found["clicks"], wanted["clicks"])
    assert found["impressions"].max() == 99


def test_counts_of_codes_as_large_as_they_come():
    """A code times the number of rows is more than an int64 holds."""
    codes = np.arange(300) % 3
    wanted = counts_before(codes, np.arange(300), {})["impressions"]
    found = counts_before(2**62 + codes * 2**60, np.arange(300), {})["impressions"]
    np.testing.assert_array_equal(found, wanted)


def test_reports_add_up_in_any_type():
    report = LoadReport(np.int64(500), np.uint8(250), {"torn": np.uint8(250)}, {"odd": np.int8(3)})
    assert report == LoadReport(500, 250, {"torn": 250}, {"odd": 3})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda log: log.select(np.ma.array([1, 2], mask=[True, False])), "rows must not be a masked array"),
        (lambda log: log.select({1, 2}), "rows must be an array or a list"),
        (lambda log: log.select(["1", "2"]), "rows must hold whole numbers"),
        (lambda log: log.select(np.array([1, 2], "datetime64[s]")), "rows must hold whole numbers"),
        (lambda log: log.labels({"click", "like"}), "targets must be a list or tuple"),
        (lambda log: log.labels(name for name in ("click",)), "targets must be a list or tuple"),
        (lambda log: log.labels("click"), "targets must be names of targets"),
        (lambda log: FeatureEncoder(user={"user", "region"}), "user must be a list or tuple"),
        (lambda log: FeatureEncoder().fit(log.rows), "log must be an ImpressionLog, got DataFrame"),
        (lambda log: FeatureEncoder().fit(log).transform(7), "log must be an Impressions, got int"),
        (lambda log: ImpressionLog(log, log.users, log.items), "rows must be a DataFrame, got ImpressionLog"),
        (lambda log: Impressions(log.rows, None, log.items), "users must be a DataFrame, got NoneType"),
        (
            lambda log: Impressions(log.rows.assign(user=np.int64(-1)), log.users, log.items),
            "rows.user must point into the table of 120 users, got values from -1 to -1",
        ),
        (
            lambda log: (
                FeatureEncoder()
                .fit(log)
                .transform(Impressions(log.rows[["user", "item"]], log.users, log.items))
            ),
            "log must have what the training rows had; it lacks time_ms, duration",
        ),
        (
            lambda log: Impressions(pd.concat([log.rows, log.rows], axis=1), log.users, log.items),
            "rows must name each column once",
        ),
        (
            lambda log: ImpressionLog(log.rows.assign(followed=2), log.users, log.items),
            "rows.followed must hold only 0 and 1",
        ),
        (
            lambda log: ImpressionLog(log.rows, log.users, log.items[["item_id"]]).with_topic_history(),
            "items must have the column 'topic', got item_id",
        ),
    ],
)
def test_what_is_no_such_thing_is_named(log, call, message):
    with pytest.raises(ValueError, match=message):
        call(log)
