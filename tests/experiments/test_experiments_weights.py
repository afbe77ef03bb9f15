"""Choosing weights under noise (chapter 5): trials are honest, and a part of the record comes out again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bookwork.results import load_results
from experiments.fusion import weights
from experiments.fusion.setting import halves, learnt
from experiments.fusion.trials import HIGH, LOW, READINGS, Live, Platform, Truthful, smoothed
from experiments.logs import world
from ranking.funnel.feed import Feed

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]
SETTING = np.array([0.0, 0.0, 0.0, -1.5])
"""Logarithms of weights under which seconds count."""


@pytest.fixture(scope="module")
def recorded():
    return load_results("fusion/weights")


@pytest.fixture(scope="module")
def found(recorded):
    """One row per case and world."""
    tables = []
    for run in recorded["runs"]:
        table = pd.DataFrame(recorded["cases"], columns=recorded["case"])
        table[recorded["columns"]] = run["found"]
        tables.append(table.assign(seed=run["seed"]))
    return pd.concat(tables)


@pytest.fixture(scope="module")
def platform():
    """Two thousand requests of the course's world."""
    log, predictor = learnt(0, 200_000)
    return Platform(Feed.at_end(world(), log, 2_000, seed=0, users=halves(log, 0)[0]), predictor)


def test_every_world_has_every_case(recorded, found):
    assert recorded["made_by"]["command"].startswith("python -m experiments.fusion.weights")
    assert recorded["made_by"]["seeds"] == list(range(6)) == [run["seed"] for run in recorded["runs"]]
    assert found.groupby(recorded["case"]).size().eq(6).all()
    assert not found[recorded["columns"]].isna().any(axis=None)
    assert (found["fell_1%"] <= found["fell"]).all()


def test_winners_were_told_what_was_asked_for(found):
    """Where any trial had clicks enough, the winner was told so; with a margin it is told no more seconds."""
    truth = found[found["judge"] == "truth"]
    assert (truth.loc[truth["margin"] == "none", "told_clicks"] >= 0.0).all()
    told = found.pivot_table(
        "told_seconds", ["judge", "search", "reading", "winner", "after", "seed"], "margin"
    )
    assert (told["1%"] <= told["none"] + 1e-9).all()
    assert (told["2%"] <= told["1%"] + 1e-9).all()


def test_a_platform_draws_what_the_feed_says(platform):
    expected = platform.feed.totals(platform.old)
    true = platform.expected(platform.old, platform.everybody)
    np.testing.assert_allclose(true, np.column_stack([expected["click"], expected["watch_time"]]))
    draws = [platform.draw(platform.old, platform.everybody, np.random.default_rng(k)) for k in range(40)]
    own = [platform.feed.draw(platform.old, np.random.default_rng(100 + k)) for k in range(40)]
    own = [np.column_stack([d["click"].sum(axis=1), d["watch_time"].sum(axis=1)]) for d in own]
    for drawn in (draws, own):
        means = np.array([d.mean(axis=0) for d in drawn])
        error = means.std(axis=0) / np.sqrt(len(means))
        assert (abs(means.mean(axis=0) - true.mean(axis=0)) < 4 * error).all()
    np.testing.assert_allclose(np.mean(draws, axis=0).std(), np.mean(own, axis=0).std(), rtol=0.1)


def test_every_reading_means_the_truth_and_less_noise_where_it_should(platform):
    live = Live(platform, 500, "own control", np.random.default_rng(1))
    for _ in range(300):
        live(SETTING)
    true = Truthful(platform, 2_000).change(SETTING)
    spread = {}
    for reading in READINGS:
        changes = live.changes(reading, 300)
        spread[reading] = changes.std(axis=0)
        # a ratio of means lies above the ratio of the true ones by about the square of its error
        allowed = 4 * spread[reading] / np.sqrt(300) + spread[reading] ** 2
        assert (abs(changes.mean(axis=0) - true) < allowed).all(), reading
        assert live.errors(reading, 300).mean() == pytest.approx(spread[reading][0], rel=0.2), reading
    assert (spread["known control"] < 0.9 * spread["own control"]).all()
    clicks = {reading: changes[0] for reading, changes in spread.items()}  # of seconds too little goes
    assert clicks["CUPED"] < clicks["own control"]
    assert clicks["CUPED, known control"] < clicks["known control"]
    assert clicks["same requests"] < clicks["own control"]


def test_a_trial_asks_different_requests(platform, monkeypatch):
    asked = []
    draw = platform.draw
    monkeypatch.setattr(
        platform, "draw", lambda shown, rows, rng: asked.append(rows) or draw(shown, rows, rng)
    )
    Live(platform, 700, "CUPED", np.random.default_rng(0))(SETTING)
    new, old, same = asked
    assert len(np.union1d(new, old)) == 1_400
    np.testing.assert_array_equal(new, same)


def test_a_gaussian_process_is_nearer_to_the_truth_than_single_trials():
    rng = np.random.default_rng(0)
    tried = rng.uniform(LOW, HIGH, (150, 4))
    x = (tried - LOW) / (HIGH - LOW)
    true = np.column_stack([-(x[:, 3] ** 2), np.sin(2.0 * x[:, 3]) + 0.3 * x[:, 0]])
    told = true + rng.normal(size=true.shape) * 0.2
    means, spread = smoothed(list(tried), told)
    assert (abs(means - true).mean(axis=0) < 0.5 * abs(told - true).mean(axis=0)).all()
    assert 0.2 < abs((means - true)[:, 0]).mean() / spread.mean() < 2.0


def test_the_pick_has_the_most_seconds_of_those_with_enough_clicks():
    changes = np.array([[-0.1, 0.9], [0.0, 0.2], [0.03, 0.1], [0.015, 0.15]])
    assert [weights.pick(changes, margin) for margin in (0.0, 0.01, 0.02)] == [1, 3, 2]
    assert weights.pick(changes, np.array([0.0, 0.1, 0.1, 0.1])) == 2, "none has enough: the most clicks"


@pytest.mark.parametrize("name", list(weights.SEARCHES))
def test_a_search_makes_its_trials_and_finds_more_than_chance(name):
    """Told the truth about a smooth world, each comes near to what is best under the constraint."""

    def told(u):
        x = (u - LOW) / (HIGH - LOW)
        tried.append(np.array([0.5 - x[3], x[3] - (x[0] - 0.3) ** 2]))
        return tried[-1]

    tried: list[np.ndarray] = []
    weights.SEARCHES[name](told, 48, 0)
    assert len(tried) == 48
    assert 0.25 < max(weights.value(change) for change in tried) - 1.0 <= 0.5


def test_the_truth_comes_out_again(recorded):
    """Training is equal on another processor only up to its sums."""
    was = recorded["runs"][0]
    choosing, checking = weights.platforms(0, recorded["impressions"], recorded["requests"], 3_000)
    noise = weights.noise(choosing, np.random.default_rng(0))
    for name, part in was["noise"].items():
        assert noise[name]["variation"] == pytest.approx(part["variation"], rel=0.05), name
        for by, share in part["removed"].items():
            assert noise[name]["removed"][by] == pytest.approx(share, abs=0.03), (name, by)
    told = Truthful(choosing, 2_000)
    stream = np.random.SeedSequence((0, 0, 0)).generate_state(2).tolist()
    weights.random_search(told, 60, stream[1])
    case = recorded["cases"].index(["truth", "random", "truth", "luckiest", "none", 60])
    changes = told.changes("truth", 60)
    at = weights.pick(changes, 0.0)
    fresh = Truthful(checking, 3_000).change(told.tried[at])
    np.testing.assert_allclose([*changes[at], *fresh], was["found"][case][:4], atol=0.03)
