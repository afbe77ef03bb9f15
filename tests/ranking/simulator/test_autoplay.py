"""A surface that plays at once: its curves, its reactions, and its truth against what is drawn from it."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from solving_sample import solving_sample

from ranking.simulator import Autoplay, Drift, Sessions, World, WorldConfig
from ranking.simulator import world as worlds
from ranking.simulator.autoplay import PLAY_EFFECTS, Curve
from ranking.simulator.play_time import QUANTILE_ACCURACY
from ranking.simulator.vocabulary import OUTCOMES, SCENES, START_MS

SIZES = {"n_users": 700, "n_items": 2_500, "n_authors": 250, "n_topics": 10, "dim": 8, "days": 8}
OTHER = Autoplay(
    zero_rate=0.1,
    leave=(-0.4, 0.3, 0.1),
    leave_mu=0.8,
    leave_sigma=0.7,
    watch=(3.5, 0.4),
    watch_sigma=1.2,
    replay=(-1.0, -0.8),
    replay_mean=0.9,
    linger_mean=4.0,
    like_rate=0.15,
    collect_rate=0.1,
    share_rate=0.05,
    like_floor=0.3,
    like_power=2.0,
    share_floor=0.0,
    share_power=0.5,
)
CONTEXT = {"user": 5, "item": 77, "hour": 8, "weekday": 6, "scene": 1}
DRAWS = 100_000


def world(autoplay=OTHER, seed=3, **parts):
    return World.build(WorldConfig(**SIZES, autoplay=autoplay, **parts), seed=seed)


@pytest.fixture(scope="module", autouse=True)
def solved_quickly():
    """On a sample so small that it is drawn again in no time: what is asked for holds there exactly."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worlds, "SOLVE_REQUESTS", 3_000)
        yield


@pytest.fixture(scope="module", params=[{}, {"sessions": Sessions()}], ids=["single", "in sessions"])
def plays(request):
    """A world with the sample on which it was solved, and x = ln(d / 60 s) of its rows."""
    built = world(**request.param)
    sample = solving_sample(built)
    return built, sample, np.log(sample.rows["duration"].to_numpy(dtype=np.float64) / 60)


@pytest.fixture(scope="module")
def built():
    return world()


def field(sample, name):
    """A field of ``PlayTime`` for each row."""
    return np.broadcast_to(getattr(sample.of.plays, name), len(sample.rows)).astype(np.float64)


# --- curves -----------------------------------------------------------------------------------------


def test_logged_plays_leave_early_as_the_curve_says(plays):
    _, sample, x = plays
    leaves, asked = field(sample, "p_leave"), expit(-0.4 + 0.3 * x + 0.1 * x**2)
    assert leaves.std() > 0.15  # of one length, plays differ by their drivers
    for power in range(3):
        assert np.mean(leaves * x**power) == pytest.approx(np.mean(asked * x**power), abs=1e-5)
    for part in np.array_split(np.argsort(x), 10):  # of 300 requests each
        assert leaves[part].mean() == pytest.approx(asked[part].mean(), abs=0.05)


def test_logged_plays_that_stay_last_as_the_curve_says(plays):
    built, sample, x = plays
    stays, mu = 1 - field(sample, "p_leave"), field(sample, "watch_mu")
    slope, start = np.polyfit(x, mu, 1, w=np.sqrt(stays))
    assert (start, slope) == pytest.approx((3.5, 0.4), abs=1e-4)
    spread = np.average((mu - start - slope * x) ** 2, weights=stays)
    assert spread > 0.05
    assert spread + built.curve.watch_sigma**2 == pytest.approx(1.2**2, abs=1e-4)
    assert (field(sample, "watch_sigma") == np.float32(built.curve.watch_sigma)).all()


def test_the_other_numbers_are_as_asked_for(plays):
    _, sample, x = plays
    np.testing.assert_allclose(field(sample, "p_replay"), expit(-1.0 - 0.8 * x), rtol=1e-5)
    np.testing.assert_allclose(field(sample, "replay_mean"), 0.9 * sample.rows["duration"], rtol=1e-6)
    for name, value in (("p_zero", 0.1), ("leave_mu", 0.8), ("leave_sigma", 0.7), ("linger_mean", 4.0)):
        np.testing.assert_allclose(field(sample, name), value, rtol=1e-6)


def test_reactions_come_as_often_as_asked_for(plays):
    truth = plays[1].truth
    for name, rate in (("like", 0.15), ("collect", 0.1), ("share", 0.05)):
        assert truth[f"p_{name}"].astype(float).mean() == pytest.approx(rate, rel=1e-4)


def test_another_log_shows_the_curve_and_the_rates(monkeypatch):
    monkeypatch.setattr(worlds, "SOLVE_REQUESTS", 20_000)
    built = world()
    log = built.simulate(150_000, seed=8)
    x = np.log(log.rows["duration"].to_numpy(dtype=np.float64) / 60)
    leaves, asked = log.truth["p_leave"].to_numpy(), expit(-0.4 + 0.3 * x + 0.1 * x**2)
    for part in np.array_split(np.argsort(x), 6):
        assert leaves[part].mean() == pytest.approx(asked[part].mean(), abs=0.03)
    for name, rate in (("like", 0.15), ("collect", 0.1), ("share", 0.05)):
        assert log.rows[name].mean() == pytest.approx(rate, rel=0.05)
    assert (log.rows["watch_time"] == 0).mean() == pytest.approx(0.1, abs=0.004)


def test_the_sums_by_hand(built):
    """Staying, ln seconds and reactions of one impression, from PLAY_EFFECTS and what there is besides."""
    truth, user, item = built.play_truth(**CONTEXT), CONTEXT["user"], CONTEXT["item"]
    row, bias = built.items.iloc[item], built.user_bias[user]
    topic, x = int(row["topic"]), float(np.log(row["duration"] / 60))
    drivers = {
        "affinity": built.user_vectors[user] @ built.item_vectors[item],
        "quality": built.item_quality[item],
        "followed": float(built.follows(user, np.array([int(row["author"])]))[0]),
        "patience": bias[OUTCOMES.index("watch_time")],
        "length": x,
    }
    wave = 0.4 * np.cos(2 * np.pi * (CONTEXT["hour"] - built.topics["peak_hour"][topic]) / 24)
    context = {"click": -0.5 * x + wave, "watch_time": -0.2 + 0.1}
    sums = {
        name: bias[k]
        + built.topic_effect[topic, k]
        + sum(effect * drivers[driver] for driver, effect in PLAY_EFFECTS[name].items())
        + context.get(name, 0.0)
        for k, name in enumerate(OUTCOMES)
    }
    curve = built.curve
    leave = np.polyval(curve.leave[::-1], x) - sums["click"]
    assert logit(float(truth.plays.p_leave)) == pytest.approx(leave, abs=1e-4)
    watch = np.polyval(curve.watch[::-1], x) + sums["watch_time"]
    assert float(truth.plays.watch_mu) == pytest.approx(watch, abs=1e-4)
    for name in ("like", "collect", "share"):
        whole = logit(float(truth.if_whole[name]))
        assert whole == pytest.approx(curve.intercepts[name] + sums[name], abs=1e-4)


def test_moods_fatigue_and_drift_move_plays_as_they_move_clicks():
    """Affinity to u + mood · c, staying less fatigue · ln(1 + n), a level: from the truth without them."""
    drift = Drift(outcomes=("click", "watch_time", "like"), jump_day=3, jump=0.5)
    moves, still = world(sessions=Sessions(mood=1.2, fatigue=0.4), drift=drift), world()
    mood, item = 4, CONTEXT["item"]
    time_ms = START_MS + 4 * 86_400_000
    moved = moves.play_truth(**CONTEXT, mood=mood, seen=3, time_ms=time_ms)
    usual = still.play_truth(**CONTEXT)
    drawn = 1.2 * float(moves.topic_vectors[mood] @ moves.item_vectors[item])
    x = float(np.log(moves.item_duration[item] / 60))

    def leave(built, truth):  # what drivers add to staying, without the curve
        return np.polyval(built.curve.leave[::-1], x) - logit(float(truth.plays.p_leave))

    def watch(built, truth):
        return float(truth.plays.watch_mu) - np.polyval(built.curve.watch[::-1], x)

    def whole(built, truth, name):
        return logit(float(truth.if_whole[name])) - built.curve.intercepts[name]

    more = leave(moves, moved) - leave(still, usual)
    assert more == pytest.approx(PLAY_EFFECTS["click"]["affinity"] * drawn - 0.4 * np.log(4) + 0.5, abs=1e-4)
    more = watch(moves, moved) - watch(still, usual)
    assert more == pytest.approx(PLAY_EFFECTS["watch_time"]["affinity"] * drawn + 0.5, abs=1e-4)
    for name, level in (("like", 0.5), ("collect", 0.0), ("share", 0.0)):
        more = whole(moves, moved, name) - whole(still, usual, name)
        assert more == pytest.approx(PLAY_EFFECTS[name]["affinity"] * drawn + level, abs=1e-4)
    early = moves.play_truth(**CONTEXT, mood=mood, seen=3, time_ms=START_MS)
    assert leave(moves, moved) - leave(moves, early) == pytest.approx(0.5, abs=1e-4)


# --- the truth against draws ------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[0, 1, 2])
def drawn(request, built):
    """One impression, its truth, and many draws of what happens: a short item, a long one, any."""
    order = np.argsort(built.item_duration)
    item = int(order[[10, -10, 1_250][request.param]])
    context = {"hour": 21, "weekday": 2, "scene": 0}
    one = built.play_truth(request.param, item, **context)
    many = built.play_truth(request.param, np.full(DRAWS, item), **context)
    return one, many.draw(np.random.default_rng(request.param)), float(built.item_duration[item])


def near(happened, expected):
    """The mean of what happened, at 4.5 standard errors of what is expected."""
    happened = np.asarray(happened, dtype=np.float64)
    return abs(happened.mean() - float(expected)) < 4.5 * happened.std() / np.sqrt(len(happened))


def test_what_is_drawn_comes_as_often_as_the_truth_says(drawn):
    truth, happened, duration = drawn
    for name in ("effective_view", "long_view", "skip", "like", "collect", "share"):
        assert happened[name].dtype == bool
        assert near(happened[name], getattr(truth, f"p_{name}"))
    seconds = happened["watch_time"]
    assert seconds.dtype == np.float32
    assert near(seconds, truth.watch_time)
    assert near(seconds >= np.float32(0.8) * duration, truth.completion)
    for share in (0.1, 0.5, 1.0, 1.3, 2.0):
        assert near(seconds >= share * duration, truth.reaches(share))
    for level in (0.2, 0.5, 0.9, 0.99):
        assert near(seconds <= float(truth.watch_quantile(level)), level)
    views = (seconds >= min(duration, 7), seconds >= min(duration, 18), seconds < 3)
    for name, view in zip(("effective_view", "long_view", "skip"), views, strict=True):
        np.testing.assert_array_equal(happened[name], view)


def test_reactions_grow_with_the_part_played(drawn):
    truth, happened, duration = drawn
    part = np.minimum(happened["watch_time"].astype(np.float64) / duration, 1.0)
    growth = {"like": 0.3 + 0.7 * part**2.0, "collect": 0.3 + 0.7 * part**2.0, "share": part**0.5}
    for name, grown in growth.items():
        chance = float(truth.if_whole[name]) * grown
        for piece in (part == 0, (part > 0) & (part < 0.2), (part >= 0.2) & (part < 1), part == 1):
            count, expected = happened[name][piece].sum(), chance[piece].sum()
            assert abs(count - expected) <= 4.5 * np.sqrt(expected) + 1e-9
    assert not happened["share"][part == 0].any()  # its floor is 0
    assert happened["like"][part == 0].any()


def test_given_the_play_reactions_know_nothing_of_each_other(drawn):
    truth, happened, duration = drawn
    part = np.minimum(happened["watch_time"].astype(np.float64) / duration, 1.0)
    grown = 0.3 + 0.7 * part**2.0
    like, collect = (happened[name] - float(truth.if_whole[name]) * grown for name in ("like", "collect"))
    assert abs(np.mean(like * collect)) < 4.5 * np.std(like * collect) / np.sqrt(DRAWS)


def test_plays_of_one_user_are_alike(built):
    """Views of the same user go together, beyond what chance brings about; of shuffled users they do not."""
    log = built.simulate(60_000, seed=1)
    happened = log.rows["effective_view"].to_numpy(dtype=np.float64)
    happened -= happened.mean()
    user = log.rows["user"].to_numpy()

    def alike(users):
        sums, count = np.bincount(users, happened), np.bincount(users)
        return (np.sum(sums**2) - np.sum(happened**2)) / np.sum(count * (count - 1.0)) / happened.var()

    assert 0.05 < alike(user) < 0.5
    assert abs(alike(np.random.default_rng(0).permutation(user))) < 0.01


# --- its parts --------------------------------------------------------------------------------------


def test_a_part_of_a_truth_is_the_truth_of_a_part(built):
    users, items = np.arange(20), np.arange(40, 20, -1)
    truth = built.play_truth(users, items, 20, 6, 3)
    rows = [3, 0, 19, 3]
    part = truth.select(rows)
    whole = truth.frame()
    pd.testing.assert_frame_equal(part.frame(), whole.iloc[rows].reset_index(drop=True))
    assert part.draw(np.random.default_rng(0))["like"].shape == (4,)
    halves = part.watch_quantile(0.5), truth.watch_quantile(0.5)[rows]
    np.testing.assert_allclose(*halves, rtol=2 * QUANTILE_ACCURACY)
    assert whole.columns.is_unique
    asked = "p_effective_view p_long_view p_skip p_like p_collect p_share watch_time completion".split()
    assert set(asked) <= set(whole)
    for name in asked:
        np.testing.assert_array_equal(whole[name], getattr(truth, name))
    grid = built.play_truth(users[:, None], items, 20, 6, 3)
    assert grid.p_like.shape == grid.watch_time.shape == grid.completion.shape == (20, 20)
    np.testing.assert_allclose(np.diag(grid.p_like), truth.p_like, rtol=1e-5)
    np.testing.assert_allclose(grid.select([4]).p_skip[0], grid.p_skip[4])


def test_one_impression_alone_has_a_truth_and_draws(built):
    one = built.play_truth(**CONTEXT)
    assert np.shape(one.p_like) == np.shape(one.watch_time) == np.shape(one.watch_quantile(0.5)) == ()
    happened = one.draw(np.random.default_rng(0))
    assert {np.shape(values) for values in happened.values()} == {()}
    assert len(one.frame()) == 1
    with pytest.raises(ValueError, match="rows must select from an array of impressions"):
        one.select([0])


def test_a_log_has_views_and_no_clicks(built):
    log = built.simulate(1_003, seed=2)
    assert len(log) == len(log.truth) == 1_003
    assert log.targets == ("like", "collect", "share", "effective_view", "long_view", "skip")
    assert "click" not in log.rows
    assert "p_click" not in log.truth
    assert (log.truth.dtypes == "float32").all()
    assert (log.rows["watch_time"] > log.rows["duration"]).any()
    assert (log.rows["like"] & ~log.rows["effective_view"]).any()
    again = built.simulate(1_003, seed=2)
    pd.testing.assert_frame_equal(log.rows, again.rows)
    pd.testing.assert_frame_equal(log.truth, again.truth)


def test_everything_that_is_shown_plays(built):
    np.testing.assert_array_equal(built.examination(10), np.ones(10))


def test_the_same_people_live_in_a_world_with_clicks(built):
    clicks = World.build(WorldConfig(**SIZES), seed=3)
    for name in ("user_vectors", "item_vectors", "user_bias", "item_quality", "follow_author"):
        np.testing.assert_array_equal(getattr(built, name), getattr(clicks, name))
    logs = [one.simulate(1_000, seed=2) for one in (built, clicks)]
    np.testing.assert_array_equal(logs[0].rows["item"], logs[1].rows["item"])  # the policy knows no outcomes


@pytest.mark.parametrize("leave", [(0.0, 0.0, 0.0), (-7.0, 0.0, 0.0), (8.0, 0.0, 0.0), (0.0, 3.0, -1.0)])
@pytest.mark.parametrize(
    ("spread", "middle"), [(1.0, 1.0), (1.0, -9.0), (1.0, 60.0), (12.0, 12.0), (20.0, -40.0)]
)
def test_the_curve_is_met_whatever_it_is(leave, spread, middle):
    """Solved from sums of a spread far above that of any world, and far off 0: moods may be strong."""
    rng = np.random.default_rng(0)
    duration = np.exp(rng.uniform(np.log(7), np.log(600), 4_000)).astype(np.float32)
    asked = Autoplay(leave=leave, watch_sigma=5.0, like_floor=1.0, share_floor=1.0)
    sums = {name: rng.standard_normal(4_000).astype(np.float32) for name in OUTCOMES}
    sums["click"] = (spread * sums["click"] + middle).astype(np.float32)
    curve = Curve.solve(asked, sums, duration)
    x = np.log(duration.astype(np.float64) / 60)
    leaves = expit(np.polyval(curve.leave[::-1], x) - sums["click"])
    for power in range(3):
        wanted = np.mean(expit(np.polyval(leave[::-1], x)) * x**power)
        assert np.mean(leaves * x**power) == pytest.approx(wanted, abs=1e-6)


def test_a_curve_that_cannot_be_met_is_refused():
    rng = np.random.default_rng(0)
    sums = {name: 1e4 * rng.standard_normal(50).astype(np.float32) for name in OUTCOMES}
    with pytest.raises(
        ValueError, match=r"autoplay\.leave must be a curve that plays of this world can follow"
    ):
        Curve.solve(Autoplay(leave=(-20.0, 5.0, 0.0)), sums, np.linspace(7, 600, 50, dtype=np.float32))


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zero_rate": 1.0}, r"zero_rate must be in \[0, 1\), got 1.0"),
        ({"zero_rate": -0.1}, r"zero_rate must be in \[0, 1\), got -0.1"),
        ({"leave": (1.0, 2.0)}, "leave must hold 3 coefficients, got 2"),
        ({"watch": (1.0, 2.0, 3.0)}, "watch must hold 2 coefficients, got 3"),
        ({"replay": ()}, "replay must"),
        ({"leave": (0.0, float("nan"), 0.0)}, r"leave\[1\] must be finite"),
        ({"watch": 3.0}, "watch must"),
        ({"leave_mu": float("inf")}, "leave_mu must be finite"),
        ({"leave_sigma": 0.0}, r"leave_sigma must be in \(0, 5\], got 0.0"),
        ({"watch_sigma": 5.1}, r"watch_sigma must be in \(0, 5\], got 5.1"),
        ({"leave_mu": 1e39}, r"leave_mu must be in \[-1000, 1000\], got 1e\+39"),
        ({"watch": (1e39, 0.0)}, r"watch\[0\] must be in \[-1000, 1000\], got 1e\+39"),
        ({"like_power": 1e39}, r"like_power must be in \[1e-06, 1000\], got 1e\+39"),
        ({"replay_mean": 0.0}, r"replay_mean must be in \[1e-06, 1000\], got 0.0"),
        ({"linger_mean": -1.0}, r"linger_mean must be in \[1e-06, 1000\], got -1.0"),
        ({"like_rate": 0.0}, r"like_rate must be in \(0, 1\], got 0.0"),
        ({"share_rate": 1.5}, r"share_rate must be in \(0, 1\], got 1.5"),
        ({"like_floor": 1.1}, r"like_floor must be in \[0, 1\], got 1.1"),
        ({"share_power": 0.0}, r"share_power must be in \[1e-06, 1000\], got 0.0"),
    ],
)
def test_plays_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Autoplay(**change)


def test_what_no_world_can_reach_is_refused():
    message = r"autoplay\.watch_sigma must be above 0\.\d+, the spread that users and items .* got 0.2"
    with pytest.raises(ValueError, match=message):
        world(Autoplay(watch_sigma=0.2))
    with pytest.raises(ValueError, match=r"autoplay\.like_rate must be between .* got 0.9"):
        world(Autoplay(like_rate=0.9))
    with pytest.raises(ValueError, match="autoplay must be an Autoplay, got bool"):
        WorldConfig(autoplay=True)


def test_each_kind_of_world_has_its_own_truth(built):
    with pytest.raises(
        ValueError, match="this world plays at once, without a click: ask play_truth, not truth"
    ):
        built.truth(**CONTEXT)
    clicks = World.build(WorldConfig(**SIZES), seed=3)
    with pytest.raises(ValueError, match="this world has clicks and does not play at once: ask truth, not"):
        clicks.play_truth(**CONTEXT)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda world: world.play_truth(**CONTEXT | {"user": 700}), "user must be from 0 to 699, got 700"),
        (
            lambda world: world.play_truth(**CONTEXT | {"scene": len(SCENES)}),
            "scene must be from 0 to 3, got 4",
        ),
        (lambda world: world.play_truth(**CONTEXT, mood=0), "mood must be left out"),
        (lambda world: world.play_truth(**CONTEXT, time_ms=0), "time_ms must be from"),
        (lambda world: world.play_truth(**CONTEXT).reaches(0.0), "share must be above 0, got 0"),
        (lambda world: world.play_truth(**CONTEXT).watch_quantile(1.0), r"level must be in \(0, 1\), got 1"),
        (lambda world: world.play_truth(**CONTEXT).draw(7), "rng must be a Generator, got int"),
        (lambda world: world.play_truth([1, 2], 3, 4, 5, 0).select([2]), "rows must be from 0 to 1, got 2"),
    ],
)
def test_what_does_not_exist_is_refused(built, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(built)


@pytest.mark.parametrize(
    "name", ["click_rate", "like_rate", "watch_mean", "watch_sigma", "examination_decay"]
)
def test_rates_of_clicks_beside_autoplay_are_refused_rather_than_ignored(name):
    with pytest.raises(ValueError, match=f"{name} must be left out beside autoplay.* got 0.5"):
        WorldConfig(autoplay=Autoplay(), **{name: 0.5})
