"""Records of chapter 5 on formulas, tuned and learnt: they are whole, and a small part comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.fusion import formulas as script
from experiments.fusion import learnt as learning
from experiments.fusion.setting import halves
from ranking import fusion

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def recorded():
    return load_results("fusion/formulas")


@pytest.fixture(scope="module")
def case(recorded):
    return script.Case.of(0, recorded["impressions"])


@pytest.mark.parametrize("name", ["formulas", "learnt"])
def test_every_record_has_its_worlds(name):
    found = load_results(f"fusion/{name}")
    assert found["made_by"]["command"].startswith(f"python -m experiments.fusion.{name}")
    assert [run["seed"] for run in found["runs"]] == found["worlds"] == found["made_by"]["seeds"]
    assert len(found["worlds"]) >= 4


def test_users_who_choose_do_not_check(case):
    first, second = halves(case.log, 0)
    assert not np.intersect1d(case.searching.requests.user, case.fresh.requests.user).size
    assert np.isin(case.searching.requests.user, first).all()
    assert np.isin(case.fresh.requests.user, second).all()


def by_package(name, p, x):
    """The formula's own function of ranking.fusion, at numbers by name."""
    w = {key: x[key] for key in script.NAMES if key in x}
    one = {"click": 1.0, **w}
    if name == "click alone":
        return p["click"]
    if name == "weighted sum":
        return fusion.weighted_sum(p, one)
    if name == script.REFERENCE:
        return fusion.click_times_rest(p, w)
    if name == "powers, exponents 1":
        return fusion.product_of_powers(p, w, script.EXPONENTS)
    if name == "powers":
        beta = {key: x.get(f"{key}, exponent", 1.0) for key in script.NAMES}
        return fusion.product_of_powers(p, w, beta)
    if name == "ranks":
        return fusion.rank_fusion(p, one, power=x["power"], offset=x["offset"])
    if name == "percentiles":
        return fusion.weighted_sum({key: fusion.percentiles(values) for key, values in p.items()}, one)
    return fusion.commerce_product(p, one)


@pytest.mark.parametrize("name", script.FORMULAS)
def test_what_is_tuned_orders_as_the_package_does(case, recorded, name):
    p = case.p["search"]
    numbers = recorded["runs"][0]["tuned"]["worth"][name]["numbers"]
    x = np.array([numbers[key] for key in script.FORMULAS[name].bounds])
    ours = script.shown_by(script.FORMULAS[name].score(p, x))
    theirs = script.shown_by(by_package(name, p.p, numbers))
    assert (ours == theirs).mean() > 0.9995  # ties but for rounding


def test_per_impression_the_weighted_sum_is_click_times_rest(case):
    """E1 of rates per impression is E2 of rates per click, at the same weights: claim A7."""
    p = case.p["search"].p
    for w in (script.REST, *script.PRICES.values()):
        e1 = fusion.weighted_sum(fusion.per_impression(p), {"click": 1.0, **w})
        np.testing.assert_allclose(e1, fusion.click_times_rest(p, w), rtol=1e-12)


def test_untuned_formulas_come_out_again(case, recorded):
    was, again = recorded["runs"][0]["untuned"], script.untuned(case)
    assert set(was) == set(again)
    for name, totals in again.items():
        # Sums run in another order on another processor: equal up to what training makes of it.
        near = 1e-5 if name in ("random", "ceiling: click times the rest on true rates") else 0.02
        assert totals["worth"] == pytest.approx(was[name]["worth"], rel=near), name


@pytest.mark.parametrize("goal", script.GOALS)
def test_numbers_recorded_bring_what_was_recorded(case, recorded, goal):
    was = recorded["runs"][0]["tuned"][goal]
    judges = case.judges(goal)
    for name, formula in script.FORMULAS.items():
        x = np.array([was[name]["numbers"][key] for key in formula.bounds])
        for half, judge in judges.items():
            told = judge.told(formula.score(case.p[half], x))
            assert told["value"] == pytest.approx(was[name][half]["value"], rel=0.02), (name, half)


def test_no_formula_was_tuned_worse_than_at_random(case, recorded):
    """A search that forgot its best trial, or minimised, would fail."""
    judge = case.judges("worth")["search"]
    for name in (script.REFERENCE, "ranks"):
        formula = script.FORMULAS[name]
        some = 10.0 ** np.random.default_rng(5).uniform(*formula.box.T, (20, len(formula.box)))
        best = recorded["runs"][0]["tuned"]["worth"][name]["search"]["value"]
        assert max(judge(formula.score(case.p["search"], x)) for x in some) < best * 1.005, name


def test_the_search_finds_the_top_of_a_hill():
    box = np.array([[-3.0, 2.0], [-5.0, 0.0]])
    found = script.search(
        lambda u: -float(((u - [1.0, -4.0]) ** 2).sum()), box, 250, np.random.default_rng(0)
    )
    np.testing.assert_allclose(np.log10(found), [1.0, -4.0], atol=0.05)


def test_orders_ask_nothing_of_units_and_levels(recorded):
    for run in recorded["runs"]:
        for name in ("click alone", "ranks", "percentiles"):
            for change in ("uncalibrated click", "minutes"):
                assert run["asked"][name][change] == {"exchanged": 0.0, "worth": 0.0}
        assert run["asked"]["e-commerce"]["minutes"]["exchanged"] < 1e-4
        assert run["asked"]["weighted sum"]["uncalibrated click"]["exchanged"] > 0.1


def test_a_learnt_score_comes_out_again():
    found = load_results("fusion/learnt")
    few = {learning.NOISE: (300,), learning.NONE: (10_000,)}
    again = learning.run(0, found["impressions"], found["trials"], few, ("linear", "careful trees"))
    was = found["runs"][0]["learnt"]
    for policy, sizes in again["learnt"].items():
        for size, by_learner in sizes.items():
            for name, now in by_learner.items():
                then = was[policy][size][name]
                for half, value in now["against E2"].items():
                    assert value == pytest.approx(then["against E2"][half], abs=0.05), (policy, size, name)


def test_a_correlation_counts_items_as_learning_does():
    rng = np.random.default_rng(0)
    score, looks = rng.random((6, 5)), np.array([1.0, 0.5, 0.25])
    shown = learning.Shown(fusion.top_k(rng.random((6, 5)), 3), rng.random((6, 3)))
    x = np.take_along_axis(score, shown.lists, axis=1).ravel()
    y = (shown.worth / looks).ravel()
    covariance = np.cov(x, y, aweights=np.tile(looks, 6))
    wanted = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert learning.correlation(score, shown, looks) == pytest.approx(wanted)
    assert learning.correlation(np.ones((6, 5)), shown, looks) == pytest.approx(0.0, abs=1e-12)
