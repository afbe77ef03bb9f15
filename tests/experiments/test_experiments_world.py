"""The simulated world beside the real log: moments say what they should, and the record what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from bookwork.results import load_results
from experiments.world.autoplay import EDGES, KINDS, MISSES, NEAR, REAL, SPREAD, simulated, spread_as_real
from experiments.world.moments import BINS, LEVELS, Plays
from ranking.logs.kuairand import load_kuairand, single_column

MINUTE = 60_000


def rows_of(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    duration = rng.integers(5, 200, n).astype(float)
    seconds = np.where(rng.random(n) < 0.1, 0.0, rng.integers(1, 250, n)).astype(float)
    return pd.DataFrame(
        {
            "user": rng.integers(0, 20, n),
            "time_ms": rng.permutation(n) * 20 * MINUTE,
            "duration": duration,
            "watch_time": seconds,
            "effective_view": seconds >= np.minimum(7, duration),
            "long_view": seconds >= np.minimum(18, duration),
            "like": rng.random(n) < 0.2,
            "share": rng.random(n) < 0.1,
        }
    )


def test_moments_are_what_their_names_say():
    rows = rows_of()
    found, ratio = Plays(rows).moments(), rows["watch_time"] / rows["duration"]
    expected = {
        "zero": (rows["watch_time"] == 0).mean(),
        "under 3 s": (rows["watch_time"] < 3).mean(),
        "beyond the end": (ratio > 1).mean(),
        "effective": rows["effective_view"].mean(),
        "long": rows["long_view"].mean(),
        "like | effective": rows["like"][rows["effective_view"]].mean(),
        "share | not effective": rows["share"][~rows["effective_view"]].mean(),
        "duration and ratio": spearmanr(rows["duration"], ratio).statistic,
        "duration and seconds": spearmanr(rows["duration"], rows["watch_time"]).statistic,
    }
    for name, (low, high) in BINS.items():
        there = (rows["duration"] >= low) & (rows["duration"] < high)
        expected[f"{name}: long"] = rows["long_view"][there].mean()
        expected[f"{name}: rows"] = there.mean()
        for level, q in LEVELS.items():
            expected[f"{name}: {level}"] = ratio[there].quantile(q, interpolation="inverted_cdf")
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_neighbours_are_in_one_session_and_later_plays_are_not():
    minutes = np.array([0, 10, 39, 69, 500, 1000, 2441])
    rows = rows_of(14).assign(user=np.repeat([3, 1], 7), time_ms=np.tile(minutes, 2) * MINUTE)
    plays = Plays(rows)
    seconds = rows["watch_time"].to_numpy().reshape(2, 7)[::-1]  # in order of the users
    assert np.array_equal(plays.seconds, seconds.ravel())
    pairs = {name: sorted(first % 7) for name, first in plays.pairs.items()}
    # 30 minutes are too long for a session; from 69 to 500 are 7 hours, the last gap is a day and a minute
    assert pairs == {"neighbours": [0, 0, 1, 1], "hours later": [3, 3, 4, 4]}
    x, y = seconds[:, :2].ravel(), seconds[:, 1:3].ravel()
    assert plays.moments()["neighbours"] == pytest.approx(spearmanr(x, y).statistic)


def test_a_whole_weight_is_as_many_rows():
    rows = rows_of(60).sort_values(["user", "time_ms"], ignore_index=True)
    times = np.random.default_rng(1).integers(0, 4, len(rows))
    weighted = Plays(rows).moments(times.astype(float))
    repeated = Plays(rows.loc[np.repeat(rows.index, times)]).moments()
    for moment in ("neighbours", "hours later"):  # repeated rows are neighbours of themselves
        del weighted[moment], repeated[moment]
    assert weighted == pytest.approx(repeated)


def test_intervals_hold_the_moment_and_go_by_users():
    rows = rows_of(2_000)
    one_each, few = Plays(rows.assign(user=np.arange(2_000))), Plays(rows)
    found = one_each.intervals(100, seed=0)["effective"]
    p = rows["effective_view"].mean()
    assert found[1] - found[0] == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 2_000), rel=0.25)
    low, high = few.intervals(100, seed=0)["effective"]
    assert low < p < high
    alike = rows.assign(effective_view=rows["user"] % 2 == 0)  # users decide: 20 values instead of 2,000
    low, high = Plays(alike).intervals(100, seed=0)["effective"]
    assert high - low > 5 * (found[1] - found[0])


def test_a_duration_that_is_not_known_is_refused():
    rows = rows_of(20)
    rows.loc[4, "duration"] = np.nan
    with pytest.raises(ValueError, match=r"rows must have durations above 0, got nan \(1 such values\)"):
        Plays(rows)


def test_weights_spread_durations_as_the_real_ones():
    assert sum(SPREAD) == pytest.approx(1.0, abs=2e-3)
    duration = np.random.default_rng(0).uniform(5.0, 700.0, 20_000)
    weights = spread_as_real(duration)
    assert not weights[(duration < 7) | (duration >= 600)].any()
    found = np.histogram(duration, EDGES, weights=weights)[0] / weights.sum()
    np.testing.assert_allclose(found, np.divide(SPREAD, sum(SPREAD)), atol=1e-9)


# --- the record -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return load_results("world/autoplay")


def test_the_record_holds_every_real_moment(recorded):
    assert {line["moment"]: line["real"] for line in recorded["moments"]} == REAL
    for line in recorded["moments"]:
        assert line["low"] <= line["rows_at_hand"] <= line["high"]
        assert all(kind in line for kind in KINDS) != line["moment"].startswith("0-7")


def test_moments_of_the_simulator_are_near_the_real_ones_but_for_those_named(recorded):
    simulated = [line for line in recorded["moments"] if not line["moment"].startswith("0-7")]
    for line in simulated:
        for kind in KINDS:
            found, low, high = line[kind]["mean"], *line[kind]["range"]
            assert low <= found <= high
            assert line[kind]["near"] == (abs(found - line["real"]) <= NEAR)
    missed = {line["moment"] for line in simulated if not all(line[kind]["near"] for kind in KINDS)}
    assert missed == set(MISSES)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_world_of_the_record_comes_out_again(recorded, kind):
    found = simulated(recorded["made_by"]["seeds"][0], recorded["impressions"], KINDS[kind])
    for line in recorded["moments"]:
        if kind in line:
            low, high = line[kind]["range"]
            assert low - 1e-3 <= found[line["moment"]] <= high + 1e-3


def test_the_rows_at_hand_are_like_the_real_figures_and_the_world_like_them(kuairand_folder):
    plays = Plays(single_column(load_kuairand(kuairand_folder)).rows)
    intervals = plays.intervals(60, seed=0)
    width = {name: high - low for name, (low, high) in intervals.items()}
    for name, value in REAL.items():  # 60 resamples and figures of two digits: half of the width more
        low, high = intervals[name]
        assert low - width[name] / 2 - 0.005 <= value <= high + width[name] / 2 + 0.005
    world = simulated(1, 50_000, None)
    for name in REAL.keys() & world.keys() - set(MISSES):
        low, high = intervals[name]
        assert low - NEAR <= world[name] <= high + NEAR
    spread = np.histogram(plays.duration, EDGES)[0]
    np.testing.assert_allclose(spread / spread.sum(), SPREAD, atol=0.01)
