"""The record of what losses for watch time learn: it says what chapter 6 says, and a part comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.logs import column, recent_log
from experiments.watch_time import estimators, losses
from experiments.watch_time.lists import PRICES, Lists
from experiments.watch_time.setting import Rows, shares_of, truth_of
from ranking.logs import FeatureEncoder

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def recorded():
    return load_results("watch_time/losses")


@pytest.fixture(scope="module")
def small():
    """A tenth of a world's log, in parts with features."""
    parts = recent_log(0, 100_000).split(0.7, 0.1, 0.2)
    encoder = FeatureEncoder().fit(parts[0])
    return [Rows.of(part, encoder) for part in parts]


def of(recorded, part: str, name: str, measure: str) -> np.ndarray:
    """By world."""
    return np.array([run[part][name][measure] for run in recorded["runs"]])


def lost(recorded, name: str, how: str, case: str = "a second .05") -> np.ndarray:
    return np.array([run["fused"][case]["lost"][name][how] for run in recorded["runs"]])


def test_every_world_has_every_method(recorded):
    assert [run["seed"] for run in recorded["runs"]] == recorded["made_by"]["seeds"] == list(range(8))
    for part in ("once_clicked", "per_impression", "fused"):
        assert len({tuple(run[part]) for run in recorded["runs"]}) == 1
    assert len({run["mean"] for run in recorded["runs"]}) == 8  # worlds, not logs of one


def test_losses_of_the_mean_have_the_mean_and_the_source_does_not(recorded):
    for name in ("squared error on t", "without the weight", "source, unit 36000 s"):
        assert np.abs(of(recorded, "once_clicked", name, "level") - 1).max() < 0.1
    assert np.abs(of(recorded, "per_impression", "the same, times 1 − P", "level") - 1).max() < 0.1
    assert of(recorded, "per_impression", "weighted logistic", "level").min() > 1.1
    assert of(recorded, "once_clicked", "source, unit 1 s", "level").max() < 0.35


def test_no_limit_lies_above_the_mean_and_they_rise_with_the_unit(recorded):
    names = [f"limit of the source, unit {unit:g} s" for unit in recorded["units"]]
    levels = np.stack([of(recorded, "once_clicked", name, "level") for name in names], axis=1)
    assert (np.diff(levels, axis=1) > 0).all()
    assert levels.max() <= 1.0


def test_heads_have_learned(recorded):
    for name in ("squared error on t", "squared error on ln t", "without the weight"):
        assert all(0.4 < run["gap_closed"][name] < 1.0 for run in recorded["runs"])


def test_only_the_true_mean_loses_nothing_at_the_price_itself(recorded):
    for case in recorded["prices"]:
        np.testing.assert_allclose(lost(recorded, "true mean", "lost", case), 0.0, atol=1e-9)
        for name in recorded["runs"][0]["fused"][case]["lost"]:
            assert lost(recorded, name, "lost_best", case).min() > -1e-9
        learnt, known = "without the weight", "limit of the source, unit 1 s"
        assert (lost(recorded, learnt, "lost", case) < lost(recorded, known, "lost", case)).all()


def test_the_mean_wins_by_one_judge_and_loses_by_two(recorded):
    def at(name, measure):
        return of(recorded, "once_clicked", name, measure)

    assert (at("true mean", "rmse") < at("true median", "rmse")).all()
    assert (at("true median", "mae") < at("true mean", "mae")).all()
    assert (at("true geometric mean", "xauc") > at("true mean", "xauc")).all()


def test_a_quantile_within_lengths_goes_with_interest_alone(recorded):
    scores = [run["aims"]["scores"] for run in recorded["runs"]]
    own = [run["aims"]["interest_and_length"] for run in recorded["runs"]]
    lengths = [score["D2Q quantile"]["length"] for score in scores]
    np.testing.assert_allclose(lengths, own, atol=0.12)
    assert all(score["D2Q quantile"]["interest"] > score["raw seconds"]["interest"] for score in scores)
    assert all(score["raw seconds"]["length"] > 0.6 for score in scores)


def test_ceilings_are_what_losses_converge_to(small):
    """The output that is best for a row is its ceiling, by the loss over labels drawn for it."""
    few = small[2].log.select(slice(3))
    truth = truth_of(few)
    draws = np.stack([truth.quantile(level) for level in (np.arange(100) + 0.5) / 100])  # (draws, rows)
    for name, estimator in estimators.estimators(20.0).items():
        best = [estimator.read(np.array([estimator.constant(row)])).item() for row in draws.T]
        np.testing.assert_allclose(best, estimator.ceiling(truth), rtol=0.04, err_msg=name)


def test_the_gap_is_closed_by_the_ceiling_and_not_by_a_constant(small):
    truth = truth_of(small[2].log)
    for estimator in estimators.estimators(20.0).values():
        ceiling = estimator.ceiling(truth)
        assert estimator.gap_closed(estimator.ask(ceiling), truth) == pytest.approx(1.0)
        flat = np.full(ceiling.shape, estimator.constant(ceiling))
        assert estimator.gap_closed(flat, truth) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("wanted", [losses.RATES[0], losses.RATES[3], losses.RATES[-2]])
def test_the_best_rate_is_found_downhill(wanted):
    net, rate = losses.at_best_rate(lambda rate: rate, lambda net: abs(np.log(net / wanted)))
    assert net == rate == wanted


def test_a_scale_costs_nothing_at_the_best_weight(small):
    made = Lists.of(small[2].log, losses.world())
    found = made.lost(PRICES["a second .05"], made.mean / 4.0, [1.0, 2.0, 4.0, 8.0])
    assert found["factor"] == 4.0
    assert found["lost"] > 0.0
    assert found["lost_matched"] == pytest.approx(0.0, abs=1e-9)
    assert found["lost_best"] == pytest.approx(0.0, abs=1e-9)


def test_a_part_of_the_record_comes_out_again(recorded):
    parts = recent_log(0, recorded["impressions"]).split(0.7, 0.1, 0.2)
    encoder = FeatureEncoder().fit(parts[0])
    train, chosen_on, test = (Rows.of(part, encoder).clicked for part in parts)
    estimator, name = estimators.source(1.0), "source, unit 1 s"
    net, rate = losses.Search(train, chosen_on, 0, 128)(estimator, losses.seconds_of)
    outputs, truth = net(test.features), truth_of(test.log)
    again = losses.judge(estimator.read(outputs), column(test.log, "watch_time"), truth.mean)
    was = recorded["runs"][0]
    assert rate == was["learning_rate"][name]
    assert estimator.gap_closed(outputs, truth) == pytest.approx(was["gap_closed"][name], abs=0.02)
    # Sums run in another order on another processor: equal up to what that makes of 130 steps.
    assert again["level"] == pytest.approx(was["once_clicked"][name]["level"], rel=0.05)
    assert again["mae"] == pytest.approx(was["once_clicked"][name]["mae"], rel=0.01)
    assert again["xauc"] == pytest.approx(was["once_clicked"][name]["xauc"], abs=0.005)


def test_shares_and_completions_are_those_of_the_log(small):
    clicked = small[0].clicked.log
    shares = shares_of(clicked)
    done = column(clicked, "watch_time") / column(clicked, "duration")
    np.testing.assert_allclose(shares[:, 0], np.minimum(done, 1.0))
    np.testing.assert_array_equal(shares[:, 1], done >= 0.8)
