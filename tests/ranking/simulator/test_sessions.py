"""Sessions: how requests come in them, the mood that lasts, and the topics that tire."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import chisquare
from solving_sample import solving_sample

from ranking.logs.statistics import DAY_MS
from ranking.simulator import Sessions, World, WorldConfig, topic_repeats, world
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.policy import draw_requests
from ranking.simulator.sessions import RunningRepeats
from ranking.simulator.vocabulary import OUTCOMES, START_MS

SIZES = {"n_users": 400, "n_items": 1_500, "n_authors": 150, "n_topics": 8, "dim": 6, "days": 4}
SESSIONS = Sessions(mean_requests=5.0, most_requests=9, gap_seconds=600.5, mood=1.3, fatigue=0.4)
CONTEXT = {"user": 5, "item": 77, "hour": 8, "weekday": 6, "scene": 1, "position": 4}


@pytest.fixture(scope="module")
def lively():
    return World.build(WorldConfig(**SIZES, sessions=SESSIONS), seed=2)


@pytest.fixture(scope="module")
def requests(lively):
    return draw_requests(lively, 60_000, np.random.default_rng(5))


@pytest.fixture(scope="module")
def log(lively):
    return lively.simulate(120_005, seed=3)


def naive_repeats(session, topic):
    counted, found = {}, []
    for key in zip(session, topic, strict=True):
        found.append(counted.get(key, 0))
        counted[key] = found[-1] + 1
    return found


# --- how requests come ------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "most"), [(1.0, 5), (4.0, 12), (50.0, 3), (2.5, 1_000)])
def test_lengths_are_geometric_up_to_the_cut(mean, most):
    sessions = Sessions(mean_requests=mean, most_requests=most, gap_seconds=1.0)
    lengths = sessions.draw_lengths(60_000, np.random.default_rng(0))
    assert lengths.sum() == 60_000
    assert lengths.min() >= 1
    k, stop = np.arange(1, most + 1), 1 - 1 / mean  # P(length ≥ k) = stop^(k − 1) up to the cut
    expected = len(lengths) * np.append(stop ** (k[:-1] - 1) - stop ** k[:-1], stop ** (most - 1))
    drawn = np.bincount(lengths, minlength=most + 1)[1:]
    assert len(drawn) == most
    usual = expected >= 5
    drawn, expected = (np.append(part[usual], part[~usual].sum()) for part in (drawn, expected))
    z = (drawn - expected) / np.sqrt(np.maximum(expected, 1.0))
    assert np.sum(z**2) < len(z) + 5 * np.sqrt(2 * len(z))


@pytest.mark.parametrize("n", [1, 2, 7, 12, 13, 1_000])
def test_the_last_session_is_cut_to_the_requests_asked_for(n):
    for seed in range(20):
        lengths = Sessions(mean_requests=1e18).draw_lengths(n, np.random.default_rng(seed))
        assert lengths.tolist() == [12] * (n // 12) + [n % 12] * (n % 12 > 0)


def test_requests_of_a_session_share_who_where_and_the_mood(requests):
    starts = np.unique(requests.session, return_index=True)[1]
    for shared in ("user", "scene", "mood"):
        values = getattr(requests, shared)
        np.testing.assert_array_equal(values, values[starts][requests.session])
    assert np.mean(requests.randomised) == pytest.approx(0.05, abs=0.005)  # request by request
    assert len(np.unique(requests.session[requests.randomised])) > 0.8 * requests.randomised.sum()


def test_requests_of_a_session_stand_apart_by_the_gap_within_the_days(requests):
    assert (np.diff(requests.time_ms) >= 0).all()
    order = np.argsort(requests.session, kind="stable")
    session, time_ms = requests.session[order], requests.time_ms[order]
    same = np.diff(session) == 0
    assert set(np.diff(time_ms)[same]) == {600_500}
    assert requests.time_ms[0] >= START_MS
    assert requests.time_ms[-1] < START_MS + 4 * DAY_MS
    slot = (requests.time_ms - START_MS) // 3_600_000
    np.testing.assert_array_equal(requests.hour, slot % 24)
    np.testing.assert_array_equal(requests.weekday, slot // 24)


def test_sessions_are_numbered_by_their_start_even_where_the_end_of_the_log_moved_it(requests):
    first = requests.time_ms[np.unique(requests.session, return_index=True)[1]]
    assert (np.diff(first) >= 0).all()
    assert requests.session[0] == 0
    assert len(first) == requests.session.max() + 1
    late = first > START_MS + 4 * DAY_MS - 9 * 600_500
    assert late.sum() > 100


def test_the_longest_sessions_fit_into_a_single_day():
    whole_day = Sessions(mean_requests=1e6, most_requests=12, gap_seconds=7_200)
    small = {"n_users": 20, "n_items": 100, "n_authors": 5, "n_topics": 3, "dim": 3, "days": 1}
    log = World.build(WorldConfig(**small, sessions=whole_day)).simulate(1_200)
    assert (log.rows["time_ms"].groupby(log.rows["session"]).min() == START_MS).all()


def test_moods_are_own_interests_or_any_topic(lively, requests):
    first = np.unique(requests.session, return_index=True)[1]
    user, mood = requests.user[first], requests.mood[first]
    chance = 0.7 * lively.user_interests[user] + 0.3 / 8  # (sessions, topics)
    z = (mood[:, None] == np.arange(8)).sum(axis=0) - chance.sum(axis=0)
    z /= np.sqrt((chance * (1 - chance)).sum(axis=0))
    assert np.abs(z).max() < 4.5
    # who likes a topic best is in the mood for it as often as that, and not by how popular it is
    rank = np.argsort(-lively.user_interests, axis=1)[user]  # (sessions, topics)
    drawn = (rank == mood[:, None]).sum(axis=0)
    expected = np.take_along_axis(chance, rank, axis=1).sum(axis=0, dtype=np.float64)
    assert chisquare(drawn, expected / expected.sum() * drawn.sum()).pvalue > 1e-4


def test_moods_by_own_interest_at_its_ends():
    for own, expected in ((0.0, 1 / 8), (1.0, None)):
        people = World.build(WorldConfig(**SIZES, sessions=Sessions(mean_requests=1, own_interest=own)), 2)
        drawn = draw_requests(people, 20_000, np.random.default_rng(1))
        likes = people.user_interests[drawn.user, drawn.mood].mean()
        wanted = expected or np.mean(np.sum(people.user_interests[drawn.user] ** 2, axis=1))
        assert likes == pytest.approx(wanted, abs=0.01)


# --- what tires -------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40))
def test_repeats_are_counted_as_a_loop_does(rows):
    session, topic = (np.array([row[k] for row in rows], dtype=np.int16) for k in (0, 1))
    found = topic_repeats(session, topic)
    assert found.dtype == np.int64
    assert found.tolist() == naive_repeats(session, topic)


def test_repeats_take_the_largest_numbers_there_are():
    session = [2**31 - 2, 2**31 - 2, 0, 2**31 - 2]
    assert topic_repeats(session, [2**31 - 2] * 4).tolist() == [0, 1, 0, 2]
    with pytest.raises(ValueError, match="session must be from 0 to 2147483646, got 2147483647"):
        topic_repeats([2**31 - 1], [0])
    with pytest.raises(ValueError, match="topic must be from 0 to 2147483646, got -1"):
        topic_repeats([1], [-1])
    with pytest.raises(ValueError, match="must have the same shape, got session"):
        topic_repeats([1, 2], [0])
    with pytest.raises(ValueError, match="session must hold whole numbers"):
        topic_repeats([0.5], [0])


@pytest.mark.parametrize("size", [1, 7, 500, 10_000])
def test_repeats_of_parts_are_those_of_the_whole(requests, size):
    part = requests[:2_000]
    topic = np.random.default_rng(0).integers(0, 8, (2_000, 3)).astype(np.int16)
    running, found = RunningRepeats(SESSIONS, 8), []
    for start in range(0, 2_000, size):
        at = slice(start, start + size)
        found.append(running(part.session[at], part.time_ms[at], topic[at]))
    whole = naive_repeats(np.repeat(part.session, 3), topic.ravel())
    np.testing.assert_array_equal(np.concatenate(found).ravel(), whole)


def test_what_is_remembered_does_not_grow_with_the_log(requests):
    running = RunningRepeats(SESSIONS, 8)
    kept = []
    for start in range(0, len(requests), 2_000):
        part = requests[start : start + 2_000]
        running(part.session, part.time_ms, np.zeros((len(part), 3), dtype=np.int16))
        kept.append(len(running.keys))
    assert max(kept) < 0.1 * 3 * len(requests)  # an hour and a half of four days


@pytest.mark.parametrize("chunk", [37, 10_000])
def test_the_log_counts_what_its_sessions_saw(lively, monkeypatch, chunk):
    monkeypatch.setattr(world, "CHUNK_REQUESTS", chunk)
    log = lively.simulate(6_003, seed=8)
    topic = lively.item_topic[log.rows["item"]]
    expected = naive_repeats(log.rows["session"], topic)
    np.testing.assert_array_equal(log.truth["seen"], expected)
    np.testing.assert_array_equal(topic_repeats(log.rows["session"], topic), expected)
    assert max(expected) > 20


# --- the truth --------------------------------------------------------------------------------------


def by_hand(lively, outcome, mood, seen):
    """The logit of one outcome, or μ, without examination, for ``CONTEXT``."""
    user, item = CONTEXT["user"], CONTEXT["item"]
    row, column = lively.items.iloc[item], OUTCOMES.index(outcome)
    length = np.log(row["duration"] / 60)
    drivers = {
        "affinity": (lively.user_vectors[user] + 1.3 * lively.topic_vectors[mood])
        @ lively.item_vectors[item],
        "quality": lively.item_quality[item],
        "appeal": lively.item_appeal[item],
        "followed": float(lively.follows(user, np.array([int(row["author"])]))[0]),
        "length": length,
    }
    total = lively.intercepts[column] + lively.user_bias[user, column]
    total += lively.topic_effect[int(row["topic"]), column]
    total += sum(effect * drivers[name] for name, effect in EFFECTS[outcome].items())
    if outcome == "click":
        hours = CONTEXT["hour"] - lively.topics["peak_hour"][int(row["topic"])]
        total += -0.5 * length + 0.4 * np.cos(2 * np.pi * hours / 24) - 0.4 * np.log(1 + seen)
    return total - 0.2 + 0.1 if outcome == "watch_time" else total


@pytest.mark.parametrize(("mood", "seen"), [(0, 0), (3, 1), (7, 6)])
def test_mood_is_in_every_outcome_and_fatigue_in_clicks_alone(lively, mood, seen):
    truth = lively.truth(**CONTEXT, mood=mood, seen=seen)
    assert logit(truth.p_click * 4**0.3) == pytest.approx(by_hand(lively, "click", mood, seen), abs=1e-4)
    for name in ("like", "collect", "share"):
        found = logit(getattr(truth, f"p_{name}"))
        assert found == pytest.approx(by_hand(lively, name, mood, seen), abs=1e-4)
    assert truth.watch_mu == pytest.approx(by_hand(lively, "watch_time", mood, seen), abs=1e-4)


def test_without_seen_the_topic_is_new(lively):
    left_out, new = lively.truth(**CONTEXT, mood=2), lively.truth(**CONTEXT, mood=2, seen=0)
    assert left_out.frame().equals(new.frame())
    grid = lively.truth(5, np.arange(3)[:, None], 8, 6, 1, mood=np.arange(8), seen=[[0], [1], [2]])
    assert grid.p_click.shape == (3, 8)


def test_the_log_holds_the_truth_of_its_mood_and_of_what_was_seen(lively, log):
    rows, true = log.rows, log.truth
    part = np.arange(0, len(log), 97)
    asked = {name: rows[name].to_numpy()[part] for name in ("user", "item", "hour", "weekday", "scene")}
    asked |= {"position": rows["position"].to_numpy()[part]}
    truth = lively.truth(**asked, mood=true["mood"].to_numpy()[part], seen=true["seen"].to_numpy()[part])
    for name in ("p_click", "p_like", "p_collect", "p_share", "watch_mu", "watch_time", "completion"):
        np.testing.assert_allclose(getattr(truth, name), true[name].to_numpy()[part], rtol=1e-5)


def test_a_log_holds_sessions_and_hides_moods(log):
    assert log.rows["session"].dtype == np.int32
    assert not {"mood", "seen"} & set(log.rows)
    assert log.truth["mood"].dtype == np.int16
    assert {"mood", "seen"} <= set(log.truth)


def test_rates_asked_for_hold_with_sessions_on(lively, log):
    """On the sample on which they were solved, exactly; in a log moods, which many rows share, add noise."""
    for true, off in ((solving_sample(lively).truth, 1e-4), (log.truth, 0.1)):
        p = true["p_click"].to_numpy(dtype=np.float64)
        assert p.mean() == pytest.approx(0.10, rel=off)
        for name, rate in (("like", 0.04), ("collect", 0.03), ("share", 0.015)):
            assert np.average(true[f"p_{name}"], weights=p) == pytest.approx(rate, rel=off)
        assert np.average(true["watch_time"], weights=p) == pytest.approx(20.0, rel=off)


def test_the_same_people_live_in_a_world_without(lively):
    alone = World.build(WorldConfig(**SIZES), seed=2)
    for name in ("user_vectors", "item_vectors", "user_bias", "item_quality", "follow_author"):
        np.testing.assert_array_equal(getattr(lively, name), getattr(alone, name))
    assert lively.users.equals(alone.users)
    assert lively.items.equals(alone.items)
    assert "session" not in alone.simulate(100).rows


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean_requests": 0.9}, "mean_requests must be at least 1, got 0.9"),
        ({"most_requests": 0}, "most_requests must be a whole number of at least 1, got 0"),
        ({"most_requests": 1_001}, "most_requests must be at most 1,000, got 1,001"),
        ({"gap_seconds": 0.0}, r"gap_seconds must be in \(0, 86400\], got 0.0"),
        ({"gap_seconds": 7_200.5}, "gap_seconds must let the longest session end within a day, got 12 req"),
        ({"gap_seconds": 86_400 / 13, "most_requests": 13}, "gap_seconds must let the longest session"),
        ({"gap_seconds": 1e306}, r"gap_seconds must be in \(0, 86400\], got 1e\+306"),
        ({"mood": -0.1}, r"mood must be in \[0, 1000\], got -0.1"),
        ({"fatigue": 1e39}, r"fatigue must be in \[0, 1000\], got 1e\+39"),
        ({"own_interest": 1.5}, r"own_interest must be in \[0, 1\], got 1.5"),
        ({"fatigue": float("nan")}, "fatigue must be finite"),
    ],
)
def test_sessions_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Sessions(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "mood must be given: this world has sessions"),
        ({"seen": 2}, "mood must be given: this world has sessions"),
        ({"mood": 8}, "mood must be from 0 to 7, got 8"),
        ({"mood": 0.5}, "mood must hold whole numbers"),
        ({"mood": 0, "seen": -1}, "seen must be from 0 to .* got -1"),
        ({"mood": [0, 1], "seen": [0, 1, 2]}, "must broadcast"),
    ],
)
def test_a_world_with_sessions_asks_for_the_mood(lively, change, message):
    with pytest.raises(ValueError, match=message):
        lively.truth(**CONTEXT, **change)


@pytest.mark.parametrize("name", ["mood", "seen"])
def test_a_world_without_sessions_takes_neither(name):
    alone = World.build(WorldConfig(n_users=20, n_items=100, n_authors=5, n_topics=3, dim=3, days=2))
    with pytest.raises(ValueError, match=f"{name} must be left out: this world has no sessions"):
        alone.truth(0, 0, 0, 0, 0, **{name: 0})
    with pytest.raises(ValueError, match="sessions must be a Sessions, got bool"):
        WorldConfig(sessions=True)
