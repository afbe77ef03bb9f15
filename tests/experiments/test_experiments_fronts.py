"""Recorded fronts of chapter 5: no point beats another, and what a setting brings comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.fusion import fronts
from experiments.fusion.formulas import FORMULAS, REFERENCE, SECONDS, Judge, Prepared
from ranking import fusion
from ranking.funnel.feed import Feed, train_predictor
from ranking_course import course_log, course_world

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def recorded():
    return load_results("fusion/fronts")


def beaten(points: np.ndarray) -> np.ndarray:
    """Whether another point has at least as much of both and more of one, (points,)."""
    at_least = (points[None] >= points[:, None]).all(axis=2)
    more = (points[None] > points[:, None]).any(axis=2)
    return (at_least & more).any(axis=1)


def test_a_front_is_what_no_point_beats():
    points = np.random.default_rng(0).integers(0, 8, (60, 2)).astype(float)  # with ties
    kept = fronts.front(points)
    assert sorted(map(tuple, kept)) == sorted({tuple(point) for point in points[~beaten(points)]})
    assert (np.diff(kept[:, 0]) < 0).all()
    assert (np.diff(kept[:, 1]) > 0).all()


def test_fronts_of_the_record_are_fronts_and_that_of_e2_lies_outside(recorded):
    found = {name: np.array(points) for name, points in recorded["fronts"].items()}
    assert set(found) == set(fronts.SHOWN_FORMULAS)
    for points in found.values():
        assert not beaten(points).all()
    at = {name: points[points[:, 0] >= 0.0, 1].max() for name, points in found.items()}
    assert at[REFERENCE] > at["weighted sum"] > 0
    assert at[REFERENCE] > at["ranks"] > 0


def test_settings_are_valued_by_the_truth():
    log = course_log()
    feed = Feed.at_end(course_world(), log, 100, seed=0)
    p = Prepared(feed.predictions(train_predictor(log.after(days=30), seed=0)))
    judge = Judge(feed, p.p, SECONDS)
    found = fronts.offered(FORMULAS[REFERENCE], p, judge, 30, np.random.default_rng(0))
    again = np.random.default_rng(0).uniform(*FORMULAS[REFERENCE].box.T, (15, 4))[3]
    weights = dict(zip(("like", "collect", "share", "watch_time"), 10.0**again, strict=True))
    totals = feed.totals(fusion.top_k(fusion.click_times_rest(p.p, weights), 10))
    assert found.shape == (30, 2)
    assert found[3] == pytest.approx([totals["click"].mean(), totals["watch_time"].mean()])
    assert found[15:].mean(axis=0).sum() > found[:15].mean(axis=0).sum()  # near the best ones
