"""What clicks say of the mood: Bayes' rule by hand, calibrated, and more with every request."""

import numpy as np
import pytest

from ranking.simulator import Autoplay, Sessions, World, WorldConfig, mood_posterior

SIZE = {"n_users": 400, "n_items": 2_000, "n_authors": 200, "n_topics": 6, "days": 10}


@pytest.fixture(scope="module")
def world():
    return World.build(WorldConfig(sessions=Sessions(mood=2.0), **SIZE), seed=2)


@pytest.fixture(scope="module")
def log(world):
    return world.simulate(60_000, seed=3)


@pytest.fixture(scope="module")
def posterior(world, log):
    return mood_posterior(world, log)


def test_the_first_request_knows_the_interests_alone(world, log, posterior):
    first = log.rows.drop_duplicates("session").index
    prior = 0.7 * world.user_interests[log.rows["user"][first]] + 0.3 / 6
    np.testing.assert_allclose(posterior[first], prior, rtol=1e-4)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, rtol=1e-5)


def test_one_session_by_hand(world, log, posterior):
    """Prior times the likelihood of each earlier impression, mood by mood, in plain loops."""
    rows = log.rows
    session = rows["session"][rows.groupby("session")["request"].transform("nunique") >= 4].iloc[0]
    of = rows[rows["session"] == session]
    last = of["request"].max()
    expected = 0.7 * world.user_interests[of["user"].iloc[0]].astype(float) + 0.3 / 6
    for mood in range(6):
        seen = dict.fromkeys(range(6), 0)
        for row in of[of["request"] < last].itertuples():
            topic = int(world.item_topic[row.item])
            at = (row.user, row.item, row.hour, row.weekday, row.scene, row.position)
            p = float(world.truth(*at, mood=mood, seen=seen[topic]).p_click)
            expected[mood] *= p if row.click else 1.0 - p
            seen[topic] += 1
    found = posterior[of.index[of["request"] == last]]
    np.testing.assert_allclose(found, np.tile(expected / expected.sum(), (len(found), 1)), rtol=1e-3)


def test_clicks_reveal_the_mood_more_with_every_request_and_as_often_as_they_say(log, posterior):
    first = log.rows.drop_duplicates("request")
    nth = first.groupby("session").cumcount().to_numpy()
    mood, known = log.truth["mood"].to_numpy()[first.index], posterior[first.index]
    true = known[np.arange(len(mood)), mood]
    surprise = [-np.log(true[nth == k]).mean() for k in (0, 1, 3, 6)]
    assert surprise == sorted(surprise, reverse=True)
    assert surprise[0] - surprise[-1] > 0.3
    # judged where the sixth request begins, as requests of one session share their mood
    sixth = known[nth == 5]
    right = mood[nth == 5][:, None] == np.arange(6)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 1.0)):
        here = (sixth >= low) & (sixth < high)
        error = np.sqrt(np.sum(sixth[here] * (1 - sixth[here])))
        assert abs(np.sum(right[here] - sixth[here])) < 4 * error


def test_weighted_with_it_the_truth_is_calibrated_without_the_mood(world, log, posterior):
    """Σ_m P(m) p(m) is the best guess of a click: it has the right mean, also by how sure one is."""
    rows = log.rows.iloc[:20_000]
    given = {name: rows[name].to_numpy() for name in ("user", "item", "hour", "weekday", "scene", "position")}
    seen = log.truth["seen"].to_numpy()[:20_000]
    by_mood = np.stack([world.truth(**given, mood=m, seen=seen).p_click for m in range(6)], axis=1)
    p = np.sum(posterior[:20_000] * by_mood, axis=1)
    surest = posterior[:20_000].max(axis=1)
    for low, high in ((0.0, 0.4), (0.4, 0.7), (0.7, 1.01)):
        here = (surest >= low) & (surest < high)
        error = np.sqrt(np.sum(p[here] * (1 - p[here])))
        assert abs(rows["click"].to_numpy()[here].sum() - p[here].sum()) < 4 * error


def test_a_world_or_a_log_without_sessions_is_refused(world, log):
    plain = World.build(WorldConfig(**SIZE), seed=2)
    with pytest.raises(ValueError, match="world must have sessions"):
        mood_posterior(plain, plain.simulate(100))
    with pytest.raises(ValueError, match=r"log.rows must say which session .* missing: session"):
        mood_posterior(world, plain.simulate(100))


def test_a_log_of_another_world_or_of_parts_of_sessions_is_refused(world, log):
    other = World.build(WorldConfig(**SIZE | {"n_users": 7}, sessions=Sessions()), seed=2)
    with pytest.raises(ValueError, match=r"log must be of this world, with \(7, \d+\) users and items, got"):
        mood_posterior(other, log)
    plays = World.build(WorldConfig(**SIZE, sessions=Sessions(), autoplay=Autoplay()), seed=2)
    with pytest.raises(ValueError, match=r"log.rows must have what this world logs, missing: click"):
        mood_posterior(world, plays.simulate(100))
    for part in (slice(500, None), log.rows["click"].to_numpy()):
        with pytest.raises(ValueError, match="log must hold all rows of a session from its start on"):
            mood_posterior(world, log.select(part))
