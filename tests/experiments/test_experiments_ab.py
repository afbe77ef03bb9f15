"""The recorded tests with users of chapter 5: their parts are right, and a few come out again."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.fusion import ab as script
from ranking import fusion
from ranking.evaluation import clustered_error, requests_per_arm, sequential_edges
from ranking.funnel.feed import Feed, train_predictor
from ranking_course import course_log, course_world


def test_the_record_has_eight_worlds():
    recorded = load_results("fusion/ab")
    assert recorded["made_by"]["command"].startswith("python -m experiments.fusion.ab")
    assert [run["seed"] for run in recorded["runs"]] == recorded["made_by"]["seeds"] == list(range(8))
    assert recorded["tests"] == 1_000
    assert (recorded["a"], recorded["b"], recorded["c"]) == (script.A, script.B, script.C)
    for run in recorded["runs"]:
        for case in ("no difference", "a difference"):
            looks = {rule: len(found["by_day"]) for rule, found in run["peeking"][case].items()}
            assert looks == {rule: 28 if "28" in rule else 14 for rule in looks}


def test_drawn_tests_have_the_means_and_errors_of_their_outcomes():
    rng = np.random.default_rng(0)
    a, b = rng.exponential(2.0, 5_000), rng.exponential(3.0, 5_000)
    gaps, errors = script.drawn_tests(a, b, 100, 4_000, rng, days=4)
    n = 100 * np.arange(1, 5)
    np.testing.assert_allclose(gaps.mean(axis=0), b.mean() - a.mean(), atol=0.02)
    np.testing.assert_allclose(gaps.std(axis=0), np.sqrt((a.var() + b.var()) / n), rtol=0.05)
    np.testing.assert_allclose(np.sqrt((errors**2).mean(axis=0)), gaps.std(axis=0), rtol=0.05)
    # later days hold the earlier ones: the first day is a quarter of all that there is on the fourth
    assert np.corrcoef(gaps[:, 0], gaps[:, 3])[0, 1] == pytest.approx(0.5, abs=0.05)


def test_counts_are_drawn_as_other_outcomes_are():
    rng = np.random.default_rng(0)
    a, b = rng.binomial(10, 0.15, 20_000) * 1.0, rng.binomial(10, 0.16, 20_000) * 1.0
    ways = [script.count_tests(a, b, 300, 4_000, rng), script.drawn_tests(a, b, 300, 4_000, rng)]
    (gap, error), (other_gap, other_error) = ways
    for ours, theirs in ((gap, other_gap), (error, other_error)):
        assert ours.mean() == pytest.approx(theirs.mean(), abs=5 * ours.std() / np.sqrt(2_000))
        assert ours.std() == pytest.approx(theirs.std(), rel=0.1)


def test_a_test_stops_at_the_first_look_beyond_the_edge():
    """Three tests: beyond 1.96 on day 3 alone, on the last day alone, and far out from day 2 on."""
    z = np.zeros((3, 28))
    z[0, 2], z[1, 13], z[2, 1:] = 2.0, -2.15, 9.0
    found = script.stopped(z, np.ones_like(z), tau=1.0)
    daily, one, obrien = (found[rule] for rule in ("daily", "one look", "obrien-fleming"))
    assert np.multiply(daily["by_day"], 3).round().tolist() == [0, 1, *[2] * 11, 3]
    assert daily["estimate"] == pytest.approx((2.0 - 2.15 + 9.0) / 3)
    assert daily["days"] == pytest.approx((3 + 14 + 2) / 3)
    assert one["by_day"][-1] == pytest.approx(2 / 3)
    assert one["by_day"][-2] == 0.0
    edges = sequential_edges(14, "obrien-fleming")
    assert edges[-1] < 2.15 < edges[-2]
    assert obrien["days"] == pytest.approx((14 + 14 + 2) / 3)
    assert len(found["interval, 28 days"]["by_day"]) == 28


def test_errors_of_split_users_are_those_of_the_package():
    rng = np.random.default_rng(0)
    user, day = rng.integers(40, size=600), rng.permutation(600) % script.DAYS
    user[:40] = np.arange(40)
    values = rng.gamma(2.0, 1.0, 600) * (1 + user % 3)
    arm = rng.permutation(40) < 20
    gap, naive, honest = script.split_errors(values, user, day, arm)
    for last in (2, script.DAYS - 1):
        sides = [(day <= last) & (arm[user] == side) for side in (False, True)]
        (a, b), who = [values[side] for side in sides], [user[side] for side in sides]
        assert gap[last] == pytest.approx(b.mean() - a.mean())
        independent = np.sqrt(a.var(ddof=1) / a.size + b.var(ddof=1) / b.size)
        assert naive[last] == pytest.approx(independent)
        assert honest[last] == pytest.approx(np.hypot(*map(clustered_error, (a, b), who)))


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_sizes_and_what_they_find_come_out_again():
    was = load_results("fusion/ab")["runs"][0]
    world, log = course_world(), course_log()
    feed = Feed.at_end(world, log, script.REQUESTS, seed=0)
    p = feed.predictions(train_predictor(log.after(days=30), seed=0))
    lists = {
        arm: fusion.top_k(fusion.click_times_rest(p, weights), script.SHOWN)
        for arm, weights in {"a": script.A, "b": script.B}.items()
    }
    rng = np.random.default_rng(5)
    drawn = {arm: script.shown_often(feed, shown, 100, rng) for arm, shown in lists.items()}
    for arm, outcomes in drawn.items():
        totals = feed.totals(lists[arm])
        for name, values in outcomes.items():
            assert values.mean() == pytest.approx(totals[name].mean(), rel=0.02)
            assert values.mean() == pytest.approx(was["means"][arm][name], rel=0.02)
    size = was["seconds"]["of both"]["requests"]
    a, b = (drawn[arm]["watch_time"] for arm in "ab")
    wanted = requests_per_arm(b.mean() - a.mean(), np.hypot(a.std(), b.std()) / np.sqrt(2))
    assert size == pytest.approx(wanted, rel=0.2)  # the pilot's spread varies
    assert script.share_found(a, b, wanted, 400, rng) == pytest.approx(0.8, abs=0.08)
    assert script.share_found(a, a, wanted, 400, rng) < 0.1
    clicks = script.losses_of_clicks({arm: drawn[arm]["click"] for arm in "ab"}, size, 1_000, rng)
    for kind, found in clicks.items():
        for lost, judged in found["lost"].items():
            before = was["clicks"][kind]["lost"][lost]
            assert judged["passed"] == pytest.approx(before["passed"], abs=0.08), (kind, lost)
