"""Drift: levels that slope, wander and jump, tastes that turn, and nothing at all before that."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from ranking.logs.statistics import DAY_MS
from ranking.simulator import Autoplay, Drift, Sessions, World, WorldConfig
from ranking.simulator import world as worlds
from ranking.simulator.drift import Drifting
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.vocabulary import OUTCOMES, START_MS

SIZES = {"n_users": 400, "n_items": 1_500, "n_authors": 150, "n_topics": 8, "dim": 6, "days": 9}
EVERYTHING = Drift(
    outcomes=("click", "share", "watch_time"),
    start_day=3,
    slope=0.2,
    walk=0.3,
    jump_day=5,
    jump=-0.8,
    jump_ages=(1, 4),
    tastes=0.25,
)
CONTEXT = {"user": 5, "item": 77, "hour": 8, "weekday": 6, "scene": 1}


def world(drift=None, **parts):
    return World.build(WorldConfig(**SIZES, drift=drift, **parts), seed=2)


def at(days):
    return (START_MS + np.asarray(days) * DAY_MS).astype(np.int64)


@pytest.fixture(scope="module", autouse=True)
def solved_quickly():
    """On a small sample: rates need not be as asked, here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worlds, "SOLVE_REQUESTS", 2_000)
        yield


@pytest.fixture(scope="module")
def moving():
    return world(EVERYTHING)


@pytest.fixture(scope="module")
def still():
    return world()


# --- levels -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_levels_slope_wander_and_jump_as_written_out(moving, outcome):
    walk = moving.drifting.walk[:, OUTCOMES.index(outcome)]
    for days in (0.0, 2.999, 3.0, 3.4, 4.999, 5.0, 5.001, 8.75):
        for age in range(6):
            expected = 0.2 * max(days - 3, 0.0) + walk[int(days)] - 0.8 * (days >= 5 and age in (1, 4))
            found = moving.drifting.level(outcome, at(days), np.array(age, dtype=np.int8))
            assert float(found) == pytest.approx(expected * (outcome in EVERYTHING.outcomes), abs=1e-5)


def test_a_jump_without_ages_is_everybodys(still):
    jumps = world(Drift(jump_day=4, jump=0.5))
    ages = np.arange(6, dtype=np.int8)
    assert (jumps.drifting.level("click", at(4), ages) == 0.5).all()
    before, after = (jumps.truth(**CONTEXT, time_ms=at(day)).p_click for day in (3.999, 4.0))
    assert before == still.truth(**CONTEXT).p_click
    assert logit(after) == pytest.approx(logit(before) + 0.5, abs=1e-5)


def test_a_jump_may_be_on_the_first_day(still):
    jumps = world(Drift(outcomes=["like"], jump_day=0, jump=1.0))
    found = jumps.truth(**CONTEXT, time_ms=at(0))
    assert logit(found.p_like) == pytest.approx(logit(still.truth(**CONTEXT).p_like) + 1.0, abs=1e-5)
    assert found.p_click == still.truth(**CONTEXT).p_click


def test_the_walk_takes_a_normal_step_at_every_midnight_after_the_start():
    drift = Drift(outcomes=("click", "like", "watch_time"), start_day=10, walk=0.2)
    drawn = Drifting.draw(drift, np.eye(3, dtype=np.float32), 4_000, np.random.default_rng(0))
    assert drawn.walk.shape == (4_000, 5)
    assert not drawn.walk[:11].any()  # the first step is at the first midnight after the start
    steps = np.diff(drawn.walk[10:], axis=0)
    moves = [OUTCOMES.index(name) for name in drift.outcomes]
    assert not np.delete(steps, moves, axis=1).any()
    steps = steps[:, moves]
    np.testing.assert_allclose(steps.std(axis=0), 0.2, rtol=0.05)
    assert np.abs(steps.mean(axis=0)).max() < 4 * 0.2 / np.sqrt(len(steps))
    assert np.abs(np.corrcoef(steps.T) - np.eye(3)).max() < 4 / np.sqrt(len(steps))  # each its own
    assert np.abs(np.corrcoef(steps[1:, 0], steps[:-1, 0])[0, 1]) < 4 / np.sqrt(len(steps))


def test_the_moment_at_which_the_log_ends_belongs_to_its_last_day(moving):
    end, last = (moving.drifting.level("share", at(days), np.int8(1)) for days in (9, 9 - 1e-6))
    assert float(end) == pytest.approx(float(last), abs=1e-4)
    assert np.isfinite(moving.truth(**CONTEXT, time_ms=at(9)).p_click)


# --- tastes -----------------------------------------------------------------------------------------


def test_tastes_turn_by_the_angle_and_keep_their_length(moving):
    users = np.arange(400)
    away = moving.drifting.elsewhere
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.sum(away * moving.user_vectors, axis=1), 0.0, atol=1e-4)
    for days in (0.0, 3.0, 3.5, 6.0, 8.9):
        turned = moving.drifting.tastes(moving.user_vectors, users, at(days))
        np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1.0, atol=1e-5)
        cosines = np.sum(turned * moving.user_vectors, axis=1)
        np.testing.assert_allclose(cosines, np.cos(0.25 * max(days - 3, 0)), atol=1e-4)
        assert (np.sum(turned * away, axis=1) >= -1e-6).all()  # and towards there, not away from it


def test_tastes_turn_towards_those_of_others(moving):
    """Not anywhere: of two tastes of one population, the average alike, more stays in common."""
    away, random = moving.drifting.elsewhere, np.random.default_rng(0).standard_normal((400, 6))
    random -= np.sum(random * moving.user_vectors, axis=1, keepdims=True) * moving.user_vectors
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    cosines = [np.max(vectors @ moving.topic_vectors.T, axis=1).mean() for vectors in (away, random)]
    assert cosines[0] > cosines[1] + 0.02


@pytest.mark.parametrize("days", [1.5, 7.25])
def test_the_truth_is_the_sum_with_drift(moving, still, days):
    """From the truth of the world without: another affinity in every outcome, another level in some."""
    user, item = CONTEXT["user"], CONTEXT["item"]
    tau = max(days - 3, 0.0)
    u, w = moving.user_vectors[user], moving.drifting.elsewhere[user]
    turned = np.cos(0.25 * tau) * u + np.sin(0.25 * tau) * w
    affinity = (turned - u) @ moving.item_vectors[item]
    found, usual = moving.truth(**CONTEXT, time_ms=at(days)), still.truth(**CONTEXT)
    for column, outcome in enumerate(OUTCOMES):
        more = EFFECTS[outcome]["affinity"] * affinity
        if outcome in EVERYTHING.outcomes:
            more += 0.2 * tau + moving.drifting.walk[int(days), column]
            more -= 0.8 * (days >= 5 and moving.user_age[user] in (1, 4))
        if outcome == "watch_time":
            assert found.watch_mu == pytest.approx(usual.watch_mu + more, abs=1e-4)
        else:
            name = f"p_{outcome}"
            assert logit(getattr(found, name)) == pytest.approx(logit(getattr(usual, name)) + more, abs=1e-4)


# --- the log ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"sessions": Sessions()},
        {"autoplay": Autoplay()},
        {"autoplay": Autoplay(), "sessions": Sessions()},
    ],
    ids=["clicked", "clicked in sessions", "played", "played in sessions"],
)
def test_until_the_midnight_of_the_start_nothing_differs(parts):
    drifts, stays = (world(drift, **parts).simulate(20_000, seed=4) for drift in (EVERYTHING, None))
    before = int(np.searchsorted(drifts.rows["time_ms"], at(3)))
    assert 4_000 < before < 10_000
    pd.testing.assert_frame_equal(drifts.rows[:before], stays.rows[:before])
    pd.testing.assert_frame_equal(drifts.truth[:before], stays.truth[:before])
    first = "click" if "autoplay" not in parts else "effective_view"
    after = slice(before + 500, None)
    assert (drifts.truth[f"p_{first}"][after] != stays.truth[f"p_{first}"][after]).mean() > 0.99
    shown = ["user", "item", "time_ms", "position"]  # the policy goes on as if nothing had moved
    pd.testing.assert_frame_equal(drifts.rows[shown], stays.rows[shown])


def test_a_drift_of_nothing_is_none(still):
    nothing = world(Drift())
    pd.testing.assert_frame_equal(nothing.simulate(3_000).truth, still.simulate(3_000).truth)


def test_a_drift_leaves_the_world_as_it_was(moving, still):
    np.testing.assert_array_equal(moving.intercepts, still.intercepts)
    np.testing.assert_array_equal(moving.user_vectors, still.user_vectors)
    assert moving.items.equals(still.items)


def test_click_rates_follow_the_level():
    """Of the same impressions, as the world without a jump has them, with 1 more in the logit."""
    drift = Drift(jump_day=4, jump=1.0, jump_ages=(2,))
    jumped, usual = (world(part, click_rate=0.3).simulate(60_000, seed=3) for part in (drift, None))
    age = usual.users["age_band"].to_numpy()[usual.rows["user"]]
    late = usual.rows["time_ms"].to_numpy() >= at(4)
    p = usual.truth["p_click"].to_numpy(dtype=np.float64)
    looked_at = usual.rows["position"].to_numpy() ** -0.3
    expected = looked_at * expit(logit(p / looked_at) + (late & (age == 2)))
    off = jumped.rows["click"].to_numpy() - expected
    for part in (late & (age == 2), late & (age != 2), ~late & (age == 2), ~late & (age != 2)):
        assert part.sum() > 5_000
        spread = np.sqrt(np.sum(expected[part] * (1 - expected[part])))
        assert abs(off[part].sum()) < 4 * spread
        assert np.sum(expected[late & (age == 2)] - p[late & (age == 2)]) > 10 * spread


def test_a_slope_moves_the_mean_truth_as_it_says(still):
    """The truth of the same impressions at other moments, by the logits of the world without."""
    slopes = world(Drift(slope=-0.1))
    users, items = np.arange(400)[:, None], np.arange(0, 1_500, 50)
    usual = still.truth(users, items, 20, 1, 0).p_click
    for days in (0.5, 4.0, 9.0):
        found = slopes.truth(users, items, 20, 1, 0, time_ms=at(days)).p_click
        np.testing.assert_allclose(found, expit(logit(usual.astype(float)) - 0.1 * days), rtol=1e-4)


@pytest.mark.parametrize("slope", [-1_000.0, 1_000.0])
@pytest.mark.parametrize("autoplay", [None, Autoplay()], ids=["clicks", "plays at once"])
def test_levels_that_run_far_away_leave_numbers(slope, autoplay):
    """e to that power is more than single precision holds, but an item that has an end bounds its play."""
    log = world(Drift(outcomes=OUTCOMES, slope=slope), autoplay=autoplay).simulate(2_000, seed=1)
    assert np.isfinite(log.truth.to_numpy(dtype=np.float64)).all()
    late = log.rows["time_ms"] > at(8)
    if autoplay is None and slope > 0:
        np.testing.assert_allclose(log.truth["watch_time"][late], log.rows["duration"][late])


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcomes": ("click", "clicks")}, "outcomes must be one of 'click', .* got 'clicks'"),
        ({"outcomes": ()}, "outcomes must"),
        ({"start_day": -1}, "start_day must be a whole number of at least 0, got -1"),
        ({"start_day": 1.5}, "start_day must be a whole number"),
        ({"slope": float("inf")}, "slope must be finite"),
        ({"slope": 1e39}, r"slope must be in \[-1000, 1000\], got 1e\+39"),
        ({"walk": -0.1}, r"walk must be in \[0, 1000\], got -0.1"),
        ({"jump_day": 1, "jump": -1e39}, r"jump must be in \[-1000, 1000\], got -1e\+39"),
        ({"tastes": 3.2}, r"tastes must be in \[0, 3.14159\], got 3.2"),
        ({"jump": 0.5}, "jump_day must be given where there is a jump, got None"),
        ({"jump_ages": (1,)}, "jump_day must be given where there is a jump, got None"),
        ({"jump_day": -2}, "jump_day must be a whole number of at least 0, got -2"),
        ({"jump_day": 1, "jump_ages": (6,)}, "jump_ages must be from 0 to 5, got 6"),
        ({"jump_day": 1, "jump_ages": ()}, "jump_ages must hold at least one age band"),
    ],
)
def test_drifts_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Drift(**change)


@pytest.mark.parametrize(
    ("drift", "message"),
    [
        (Drift(start_day=9), "drift.start_day must be one of the 9 days, from 0, got 9"),
        (Drift(jump_day=9), "drift.jump_day must be one of the 9 days, from 0, got 9"),
        ({"slope": 1.0}, "drift must be a Drift, got dict"),
    ],
)
def test_a_drift_fits_its_world(drift, message):
    with pytest.raises(ValueError, match=message):
        WorldConfig(**SIZES, drift=drift)


def test_tastes_need_room_to_turn():
    flat = SIZES | {"dim": 1}
    with pytest.raises(ValueError, match="dim must be at least 2 where tastes drift, got 1"):
        WorldConfig(**flat, drift=Drift(tastes=0.1))
    log = World.build(WorldConfig(**flat, drift=Drift(slope=0.1))).simulate(500)
    assert np.isfinite(log.truth.to_numpy()).all()


def test_a_world_that_drifts_asks_for_the_moment(moving, still):
    with pytest.raises(ValueError, match="time_ms must be given: this world drifts"):
        moving.truth(**CONTEXT)
    for off in (-1, 9 * DAY_MS + 1):
        for one in (moving, still):
            with pytest.raises(ValueError, match="time_ms must be from 1727625600000 to 1728403200000"):
                one.truth(**CONTEXT, time_ms=START_MS + off)
    assert still.truth(**CONTEXT, time_ms=at(1)).p_click == still.truth(**CONTEXT).p_click
    both = moving.truth(**(CONTEXT | {"item": [1, 2, 3]}), time_ms=at([[1], [5]]))
    assert both.p_click.shape == (2, 3)


def test_a_population_of_one_turns_somewhere_too():
    alone = replace(WorldConfig(**SIZES, drift=Drift(tastes=0.5)), n_users=1)
    log = World.build(alone).simulate(300)
    assert np.isfinite(log.truth.to_numpy()).all()
