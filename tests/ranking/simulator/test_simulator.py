"""The simulator: the same seed gives the same log, and the labels follow the truth."""

import copy
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from ranking.logs import TARGETS
from ranking.logs.impressions import DAY_MS
from ranking.simulator import Truth, World, WorldConfig, log_normal, simulate_log
from ranking.simulator.config import LARGEST_SLATE
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.policy import CHANNELS, HOUR_WEIGHT, draw_slates, scene_proportions
from ranking.simulator.population import WeightedDraw, draw_topics
from ranking.simulator.vocabulary import SCENES, START_MS

N = 200_000
NO_NUMBERS = {"sessions", "autoplay", "conflict", "drift", "log_propensities", "randomised_from"}
TARGET_RATES = {"click": 0.10, "like": 0.04, "collect": 0.03, "share": 0.015}


@pytest.fixture(scope="module")
def world():
    return World.build(seed=3)


@pytest.fixture(scope="module")
def log(world):
    return world.simulate(N, seed=4)


@pytest.fixture(scope="module")
def small():
    return World.build(WorldConfig(n_users=50, n_items=300, n_authors=20, n_topics=6, dim=4, days=8), seed=1)


# --- the world ------------------------------------------------------------------------------------


def test_the_same_seeds_give_the_same_world_and_log(small):
    again = World.build(small.config, seed=1)
    for part in fields(World):
        one, other = getattr(small, part.name), getattr(again, part.name)
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other)
        else:
            np.testing.assert_array_equal(one, other)
    first, second = small.simulate(2_000, seed=5), again.simulate(2_000, seed=5)
    pd.testing.assert_frame_equal(first.rows, second.rows)
    pd.testing.assert_frame_equal(first.truth, second.truth)


def test_a_world_is_itself_alone(small):
    """Tables have no single answer to whether they are equal, so worlds are told apart as objects."""
    copied = copy.deepcopy(small)
    assert small != copied
    assert {small, copied} == {copied, small}
    pd.testing.assert_frame_equal(copied.simulate(50).rows, small.simulate(50).rows)


def test_other_seeds_give_other_worlds_and_logs(small):
    assert not np.array_equal(small.user_vectors, World.build(small.config, seed=2).user_vectors)
    # one world, two logs: another seed changes who comes, not who there is
    one, other = small.simulate(500, seed=5), small.simulate(500, seed=6)
    assert not one.rows["time_ms"].equals(other.rows["time_ms"])
    pd.testing.assert_frame_equal(one.users, other.users)


def test_writing_to_the_tables_of_a_log_leaves_the_world_alone(small):
    log = small.simulate(20, seed=5)
    region, duration = small.users["region"].copy(), small.items["duration"].copy()
    log.users["region"] = 99
    log.items.loc[:, "duration"] = 1.0
    pd.testing.assert_series_equal(small.users["region"], region)
    pd.testing.assert_series_equal(small.items["duration"], duration)


def test_vectors_interests_and_follows_are_what_they_say(small):
    config = small.config
    np.testing.assert_allclose(np.linalg.norm(small.user_vectors, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(small.item_vectors, axis=1), 1.0, rtol=1e-5)
    assert small.item_vectors.dtype == np.float32
    np.testing.assert_allclose(small.user_interests.sum(axis=1), 1.0, rtol=1e-5)
    assert small.items["duration"].between(7, 600).all()
    assert small.items["publish_ms"].is_monotonic_increasing
    fresh = small.items["publish_ms"] >= START_MS
    assert fresh.sum() == round(config.fresh_share * config.n_items)
    table = np.zeros((config.n_users, config.n_authors), dtype=bool)
    for user in range(config.n_users):
        followed = small.follow_author[small.follow_start[user] : small.follow_start[user + 1]]
        assert np.all(np.diff(followed) > 0)
        table[user, followed] = True
    users, authors = np.arange(config.n_users)[:, None], np.arange(config.n_authors)
    np.testing.assert_array_equal(small.follows(users, authors), table)
    for user in (0, np.int64(3)):  # one user goes another way
        np.testing.assert_array_equal(small.follows(user, authors), table[int(user)])


def test_popularity_is_zipf_like_and_declared_interests_are_mostly_true(world):
    popularity = np.sort(world.item_popularity)[::-1]
    assert popularity.mean() == pytest.approx(1.0, rel=1e-4)
    assert 0.2 < popularity[:200].sum() / popularity.sum() < 0.4  # the top 1% of the items
    strongest = world.user_interests.argmax(axis=1)
    assert np.mean(world.users["interest_1"] == strongest) == pytest.approx(0.85 + 0.15 / 24, abs=0.02)


def test_a_world_so_small_that_every_channel_brings_the_same_items():
    config = WorldConfig(
        n_users=3, n_items=40, n_authors=1, n_topics=1, dim=1, days=1, fresh_share=0, slate_size=20
    )
    log = World.build(config).simulate(9_990)
    assert len(log) == 9_990
    assert not log.rows.duplicated(["request", "item"]).any()


# --- the truth ------------------------------------------------------------------------------------


def test_truth_broadcasts_one_user_against_many_items(small):
    items = np.arange(300)
    truth = small.truth(7, items, 21, 5, 0)
    assert all(getattr(truth, part.name).shape == (300,) for part in fields(Truth))
    grid = small.truth(np.arange(50)[:, None], items[None, :], 21, 5, 0, position=1)
    assert grid.p_click.shape == grid.watch_time.shape == (50, 300)
    for part in fields(Truth):
        np.testing.assert_allclose(getattr(grid, part.name)[7], getattr(truth, part.name), rtol=1e-5)
    single = small.truth(7, 13, 21, 5, 0)
    assert single.p_click.shape == ()
    assert float(single.watch_time) == pytest.approx(truth.watch_time[13], rel=1e-5)
    frame = truth.frame()
    assert len(frame) == 300
    assert {"p_click", "p_like", "p_collect", "p_share", "watch_time", "completion"} <= set(frame)


def test_truth_is_the_sum_that_the_docstring_says(small):
    """The click logit and the mean of ln(watch time), rebuilt by hand for one impression."""
    user, item, hour = 4, 123, 8
    truth = small.truth(user, item, hour, 6, SCENES.index("commute"), position=4)
    row = small.items.iloc[item]
    topic = int(row["topic"])
    drivers = {
        "affinity": float(small.user_vectors[user] @ small.item_vectors[item]),
        "quality": float(small.item_quality[item]),
        "appeal": float(small.item_appeal[item]),
        "followed": float(small.follows(np.array(user), np.array(int(row["author"])))),
        "length": np.log(row["duration"] / 60),
    }

    def total(outcome, column):
        effects = sum(effect * drivers[name] for name, effect in EFFECTS[outcome].items())
        return (
            small.intercepts[column]
            + small.user_bias[user, column]
            + small.topic_effect[topic, column]
            + effects
        )

    wave = 0.4 * np.cos(2 * np.pi * (hour - small.topics["peak_hour"][topic]) / 24)
    click = expit(total("click", 0) - 0.5 * drivers["length"] + wave)
    assert float(truth.p_click) == pytest.approx(4**-0.3 * click, rel=1e-4)
    assert float(truth.p_like) == pytest.approx(expit(total("like", 1)), rel=1e-4)
    assert float(truth.watch_mu) == pytest.approx(total("watch_time", 4) - 0.2 + 0.1, rel=1e-4)


def test_position_lowers_clicks_by_a_known_factor_and_nothing_else(small):
    items = np.arange(300)
    first, tenth = (small.truth(2, items, 12, 0, 0, position=k) for k in (1, 10))
    np.testing.assert_allclose(tenth.p_click / first.p_click, 10**-0.3, rtol=1e-5)
    np.testing.assert_array_equal(tenth.p_like, first.p_like)
    np.testing.assert_array_equal(tenth.watch_mu, first.watch_mu)


def test_targets_are_related_but_conflict(log):
    related = log.truth[["p_click", "p_like", "watch_time", "watch_mu"]].corr()
    assert 0.02 < related.loc["p_click", "p_like"] < 0.6
    assert 0.0 < related.loc["p_click", "watch_mu"] < 0.6


def test_appeal_raises_clicks_and_lowers_likes(world):
    items = np.arange(20_000)
    truth = world.truth(np.arange(200)[:, None], items, 12, 0, 0)
    assert np.corrcoef(world.item_appeal, logit(truth.p_click).mean(axis=0))[0, 1] > 0.5
    assert np.corrcoef(world.item_appeal, logit(truth.p_like).mean(axis=0))[0, 1] < -0.2


def test_watch_time_formulas_agree_with_draws():
    rng = np.random.default_rng(0)
    p, mu, sigma, duration = (np.float32(v) for v in (0.1, 2.5, 1.2, 40.0))
    truth = Truth(p, p, p, p, watch_mu=mu, watch_sigma=sigma, duration=duration)
    drawn = np.minimum(np.exp(rng.normal(mu, sigma, 1_000_000)), duration)
    assert float(truth.watch_time) == pytest.approx(drawn.mean(), rel=5e-3)
    assert float(log_normal.mean(mu, sigma, duration)) == float(truth.watch_time)
    assert float(truth.completion) == pytest.approx(np.mean(drawn >= 32.0), abs=2e-3)
    assert float(truth.reaches(1.0)) == pytest.approx(np.mean(drawn >= 40.0), abs=2e-3)
    for level in (0.1, 0.5, 0.99):
        assert float(truth.watch_quantile(level)) == pytest.approx(np.quantile(drawn, level), rel=1e-2)


# --- the log --------------------------------------------------------------------------------------


def test_the_log_shows_the_rates_that_were_asked_for(log):
    rows = log.rows
    clicked = rows[rows["click"]]
    assert rows["click"].mean() == pytest.approx(TARGET_RATES["click"], rel=0.03)
    for target in TARGETS[1:]:
        # the truth has no noise, the labels have that of about 20,000 clicks
        share = float(np.average(log.truth[f"p_{target}"], weights=log.truth["p_click"]))
        assert share == pytest.approx(TARGET_RATES[target], rel=0.08)
        assert clicked[target].mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(clicked)))
    assert clicked["watch_time"].mean() == pytest.approx(20.0, rel=0.05)
    assert 6 < clicked["watch_time"].median() < 11


def test_other_rates_can_be_asked_for():
    log = simulate_log(100_000, seed=2, n_users=2_000, click_rate=0.02, like_rate=0.3, watch_mean=8.0)
    clicked = log.rows[log.rows["click"]]
    assert log.rows["click"].mean() == pytest.approx(0.02, rel=0.1)
    assert clicked["like"].mean() == pytest.approx(0.3, rel=0.15)
    assert clicked["watch_time"].mean() == pytest.approx(8.0, rel=0.12)


@pytest.mark.parametrize("target", TARGETS)
def test_labels_are_calibrated_to_their_truth(log, target):
    """In each of ten bins of p, the share of positives is the mean p, within four standard errors."""
    seen = slice(None) if target == "click" else log.rows["click"]
    y, p = log.label(target)[seen], log.truth[f"p_{target}"].to_numpy()[seen]
    for part in np.array_split(np.argsort(p), 10):
        error = np.sqrt(np.sum(p[part] * (1 - p[part]))) / len(part)
        assert abs(y[part].mean() - p[part].mean()) < 4 * error


def test_watch_times_and_completions_follow_their_truth(log):
    clicked = log.rows["click"].to_numpy()
    rows, truth = log.rows[clicked], log.truth[clicked]
    completed = (rows["watch_time"] >= 0.8 * rows["duration"]).to_numpy()
    for part in np.array_split(np.argsort(truth["watch_time"].to_numpy()), 5):
        t, d = rows["watch_time"].to_numpy()[part], rows["duration"].to_numpy()[part]
        assert (t <= d).all()
        assert abs(t.mean() - truth["watch_time"].to_numpy()[part].mean()) < 4 * t.std() / np.sqrt(len(t))
        p = truth["completion"].to_numpy()[part]
        assert abs(completed[part].mean() - p.mean()) < 4 * np.sqrt(np.sum(p * (1 - p))) / len(p)


def test_nothing_follows_where_nothing_was_clicked(log):
    unclicked = log.rows[~log.rows["click"]]
    assert not unclicked[["like", "collect", "share"]].any(axis=None)
    assert (unclicked["watch_time"] == 0).all()
    assert (log.rows.loc[log.rows["click"], "watch_time"] > 0).all()


def test_the_truth_ranks_clicks_well_but_not_perfectly(log):
    assert 0.80 < roc_auc_score(log.rows["click"], log.truth["p_click"]) < 0.88


def test_slates_are_whole_ordered_and_without_repeats(log):
    rows = log.rows
    assert len(log) == N
    np.testing.assert_array_equal(
        rows["position"].to_numpy().reshape(-1, 10), np.tile(range(1, 11), (N // 10, 1))
    )
    assert not rows.duplicated(["request", "item"]).any()
    assert (rows.groupby("request")[["user", "time_ms", "scene"]].nunique() == 1).all(axis=None)
    assert 4_000 < rows["user"].nunique() < 5_000


def test_a_cut_last_slate_gives_exactly_the_rows_asked_for(small):
    log = small.simulate(37)
    assert len(log) == len(log.truth) == 37
    assert log.rows["position"].iloc[-1] == 7


def test_items_are_shown_only_once_published_and_fresh_ones_are(log):
    age = log.rows["time_ms"] - log.items["publish_ms"].to_numpy()[log.rows["item"]]
    assert (age >= 0).all()
    fresh = log.items["publish_ms"].to_numpy()[log.rows["item"]] >= START_MS
    assert fresh.mean() > 0.1


def test_time_has_a_daily_rhythm_and_matches_its_columns(log):
    rows = log.rows.drop_duplicates("request")
    local = pd.to_datetime(rows["time_ms"] + 8 * 3_600_000, unit="ms")
    np.testing.assert_array_equal(local.dt.hour, rows["hour"])
    np.testing.assert_array_equal(local.dt.day_of_week, rows["weekday"])
    assert rows["time_ms"].between(START_MS, START_MS + 40 * DAY_MS - 1).all()
    shares = np.bincount(rows["hour"], minlength=24) / len(rows)
    np.testing.assert_allclose(shares, HOUR_WEIGHT / HOUR_WEIGHT.sum(), atol=0.01)
    np.testing.assert_allclose(scene_proportions().sum(axis=-1), 1.0)
    morning = rows[(rows["hour"] == 8) & (rows["weekday"] < 5)]
    assert (morning["scene"] == SCENES.index("commute")).mean() == pytest.approx(0.45, abs=0.08)


def test_columns_have_the_types_that_the_log_promises(log):
    expected = {
        "user": "int32",
        "item": "int32",
        "time_ms": "int64",
        "click": "bool",
        "watch_time": "float32",
    }
    expected |= {
        "duration": "float32",
        "like": "bool",
        "collect": "bool",
        "share": "bool",
        "request": "int32",
    }
    expected |= {"position": "int16", "hour": "int8", "weekday": "int8", "scene": "int8"}
    expected |= {"followed": "bool", "randomised": "bool"}
    assert {name: str(dtype) for name, dtype in log.rows.dtypes.items()} == expected
    assert (log.truth.dtypes == "float32").all()


# --- the logging policy ---------------------------------------------------------------------------


def test_slates_are_drawn_with_the_propensities_given():
    """Over many draws, each order of two out of three comes up as often as its probability says."""
    scores = np.array([0.0, 1.0, -np.inf, -1.0])
    order, propensity = draw_slates(np.tile(scores, (100_000, 1)), 2, np.random.default_rng(0))
    assert not (order == 2).any()
    for pair in ((0, 1), (1, 0), (1, 3), (3, 0)):
        hit = (order == pair).all(axis=1)
        p = propensity[hit][0].prod()
        assert hit.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 100_000))
    first = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(propensity[:, 0], first[order[:, 0]])


def test_randomised_slates_are_uniform_over_their_candidates(log):
    random = log.rows["randomised"].to_numpy()
    assert random.mean() == pytest.approx(0.05, abs=0.01)
    propensity = log.truth["propensity"].to_numpy()[random].reshape(-1, 10)
    left = 1 / propensity  # candidates left to draw from: one fewer at each position
    np.testing.assert_allclose(np.diff(left, axis=1), -1.0, atol=1e-3)
    assert left[:, 0].max() <= sum(CHANNELS.values())
    # there, clicks fall with the position only by examination
    rows = log.rows[random]
    rate = rows.groupby("position")["click"].mean()
    assert rate[10] / rate[1] == pytest.approx(10**-0.3, abs=0.2)


def test_weighted_draw_keeps_to_group_range_and_weights():
    rng = np.random.default_rng(0)
    groups = np.array([0, 1, 0, 1, 0, 3])
    draw = WeightedDraw(groups, np.array([1.0, 5.0, 3.0, 5.0, 100.0, 1.0]))
    drawn = draw(rng, np.zeros(20_000, dtype=int), before=4)
    assert set(drawn) == {0, 2}
    assert np.mean(drawn == 2) == pytest.approx(0.75, abs=0.02)
    assert set(draw(rng, np.full(100, 1), before=6, since=2)) == {3}
    assert set(draw(rng, np.array([2, 3, 1]), before=np.array([6, 5, 1]))) == {-1}


def test_one_group_alone_is_drawn_from_without_a_search_and_as_with_one():
    draw = WeightedDraw(np.zeros(50, dtype=int), np.arange(1.0, 51.0))
    assert draw.one_group
    asked = {"before": np.array([[50], [7], [1], [0]]), "since": np.array([[3], [0], [0], [0]])}
    groups = np.broadcast_to([0, 0, 0, 2], (4, 4))  # there is no group 2
    quick = draw(np.random.default_rng(0), groups, **asked)
    draw.one_group = False
    np.testing.assert_array_equal(draw(np.random.default_rng(0), groups, **asked), quick)
    assert (quick[:, 3] == -1).all()


def test_draw_topics_follows_each_users_interests():
    interests = np.array([[0.2, 0.8, 0.0], [0.0, 0.5, 0.5]], dtype=np.float32)
    drawn = draw_topics(np.random.default_rng(0), interests, np.repeat([0, 1], 20_000)).reshape(2, -1)
    shares = np.stack([np.bincount(row, minlength=3) / 20_000 for row in drawn])
    np.testing.assert_allclose(shares, interests, atol=0.015)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_users": 0}, "n_users must be a whole number of at least 1, got 0"),
        ({"days": 2.5}, "days must be a whole number"),
        ({"click_rate": 0.0}, r"click_rate must be in \(0, 1\], got 0.0"),
        ({"like_rate": 1.2}, r"like_rate must be in \(0, 1\], got 1.2"),
        ({"share_rate": float("nan")}, "share_rate must be finite"),
        ({"fresh_share": -0.1}, r"fresh_share must be in \[0, 1\]"),
        ({"watch_mean": 0.0}, "watch_mean must be above 0"),
        ({"watch_sigma": -1.0}, r"watch_sigma must be in \(0, 5\], got -1.0"),
        ({"watch_sigma": 5.1}, r"watch_sigma must be in \(0, 5\], got 5.1"),
        ({"watch_sigma": [1.0, 2.0]}, "watch_sigma must be a single number"),
        ({"randomised_share": [0.1]}, "randomised_share must be a single number"),
        ({"n_topics": 32_768}, "n_topics must be at most 32,767, got 32,768"),
        ({"n_items": 25}, "n_items must leave at least 20 items"),
        ({"fresh_share": 1.0}, "n_items must leave at least 20 items"),
        ({"slate_size": LARGEST_SLATE + 1}, "slate_size must be at most 20"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        WorldConfig(**change)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"click_rate": 0.9}, "click_rate"),
        ({"watch_mean": 900.0}, "watch_mean"),
        ({"watch_mean": 1e-12}, "watch_mean"),
    ],
)
def test_rates_that_no_world_can_reach_are_refused(change, name):
    with pytest.raises(ValueError, match=rf"{name} must be between \d.* and \d.* got {change[name]}"):
        World.build(WorldConfig(n_users=50, n_items=300, **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": 50}, "user must be from 0 to 49, got 50"),
        ({"item": np.array([0, -1])}, "item must be from 0 to 299, got -1 at index 1"),
        ({"item": 1.5}, "item must hold whole numbers"),
        ({"hour": 24}, "hour must be from 0 to 23, got 24"),
        ({"weekday": 7}, "weekday must be from 0 to 6, got 7"),
        ({"scene": 4}, "scene must be from 0 to 3, got 4"),
        ({"position": 0}, "position must be from 1"),
        ({"user": np.zeros(2, dtype=int), "item": np.zeros(3, dtype=int)}, "must broadcast"),
    ],
)
def test_truth_refuses_what_does_not_exist(small, change, message):
    with pytest.raises(ValueError, match=message):
        small.truth(**({"user": 0, "item": 0, "hour": 0, "weekday": 0, "scene": 0} | change))


def test_other_bad_arguments_are_refused(small):
    with pytest.raises(ValueError, match="n_impressions must be a whole number of at least 1, got 0"):
        small.simulate(0)
    for seed in (-1, 1.5, True):
        with pytest.raises(ValueError, match=r"seed must be a whole number from 0 to 2\*\*63 - 1"):
            small.simulate(10, seed=seed)
    with pytest.raises(ValueError, match="config must be one of 'n_users'"):
        simulate_log(10, n_user=5)
    truth = small.truth(0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 1.0"):
        truth.watch_quantile(1.0)
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\], got 0"):
        truth.reaches(0)


def test_the_widest_spread_of_watch_times_gives_numbers():
    log = World.build(WorldConfig(n_users=50, n_items=300, watch_sigma=5.0)).simulate(2_000)
    assert np.isfinite(log.truth.to_numpy()).all()


# --- arguments of other types ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint64])
def test_narrow_whole_numbers_are_the_same_users_and_items(small, dtype):
    """A user times the number of authors does not fit into 8 bits, nor does a place among the follows."""
    user, item = np.arange(40), np.arange(100, 60, -1)
    wanted = small.truth(user, item, 20, 6, 3, 5)
    found = small.truth(user.astype(dtype), item.astype(dtype), dtype(20), dtype(6), dtype(3), dtype(5))
    for part in fields(Truth):
        np.testing.assert_array_equal(getattr(found, part.name), getattr(wanted, part.name))
    np.testing.assert_array_equal(found.select(user[::-2].astype(dtype)).p_like, wanted.p_like[::-2])


def test_a_config_of_other_types_is_the_same_config(small):
    other = WorldConfig(
        n_users=np.uint8(50),
        n_items=np.uint16(300),
        n_authors=np.int8(20),
        n_topics=np.int16(6),
        dim=np.int64(4),
        days=np.uint8(8),
        fresh_share=np.array(0.3),
        watch_mean=np.uint8(20),
    )
    assert other == small.config
    numbers = {name: value for name, value in vars(other).items() if name not in NO_NUMBERS}
    assert {type(value) for value in numbers.values()} == {int, float}
    wanted = small.simulate(250, seed=5).rows
    pd.testing.assert_frame_equal(
        World.build(other, seed=np.uint8(1)).simulate(np.uint8(250), 5).rows, wanted
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda world: WorldConfig(n_users=2**31), "n_users must be at most 2,147,483,647"),
        (lambda world: world.examination(32_767), "places must be at most 32,766, got 32,767"),
        (lambda world: world.simulate(2**31), "n_impressions must be at most 2,147,483,647"),
        (lambda world: World.build(seed=np.timedelta64(1)), "seed must be a whole number"),
        (lambda world: World.build(3), "config must be a WorldConfig, got int"),
        (lambda world: World.build("small"), "config must be a WorldConfig, got str"),
        (lambda world: world.truth({1, 2}, 0, 0, 0, 0), "user must be an array or a list"),
        (lambda world: world.truth(np.ma.array([1], mask=[True]), 0, 0, 0, 0), "user must not be a masked"),
        (lambda world: world.truth(["1"], 0, 0, 0, 0), "user must hold whole numbers"),
        (lambda world: world.truth([0, 1], 0, 0, 0, 0).select([2]), "rows must be from 0 to 1, got 2"),
        (lambda world: world.truth([0, 1], 0, 0, 0, 0).select([-1]), "rows must be from 0 to 1, got -1"),
        (lambda world: world.truth([0, 1], 0, 0, 0, 0).draw(7), "rng must be a Generator, got int"),
    ],
)
def test_arguments_of_another_kind_are_named(small, call, message):
    with pytest.raises(ValueError, match=message):
        call(small)
