"""Recorded results of chapter 6: they say what the chapter says, and a small part of them comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from bookwork.results import load_results
from ranking import watch_time as wt
from ranking.logs import FeatureEncoder
from ranking_course import course_log

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def recorded():
    return load_results("watch_time/losses")


@pytest.fixture(scope="module")
def completions():
    return load_results("watch_time/completion")


@pytest.fixture(scope="module")
def log(recorded):
    return course_log(recorded["impressions"]).after(days=30)


def median(recorded, part: str, name: str, measure: str) -> float:
    return float(np.median([run[part][name][measure] for run in recorded["runs"]]))


def test_every_log_has_every_method(recorded):
    assert len(recorded["made_by"]["seeds"]) >= 5
    assert [run["seed"] for run in recorded["runs"]] == recorded["made_by"]["seeds"]
    for part in ("once_clicked", "per_impression", "fused"):
        assert len({tuple(run[part]) for run in recorded["runs"]}) == 1


def test_losses_of_the_mean_have_the_mean_and_the_source_does_not(recorded):
    for name in ("squared error on t", "without the weight", "the same, smearing factor"):
        assert abs(median(recorded, "once_clicked", name, "level") - 1) < 0.05
    for name in ("weighted logistic", "the same, times 1 − P"):
        factor = 1.0 if name.startswith("the same") else 1.2
        assert median(recorded, "per_impression", name, "level") == pytest.approx(factor, abs=0.05)
    assert median(recorded, "once_clicked", "source, unit 1 s", "level") < 0.3


def test_no_limit_lies_above_the_mean_and_they_rise_with_the_unit(recorded):
    levels = [
        median(recorded, "once_clicked", f"limit of the source, unit {unit:g} s", "level")
        for unit in recorded["units"]
    ]
    assert levels == sorted(levels)
    assert levels[-1] <= 1.0


def test_only_the_true_mean_loses_nothing_in_a_fused_order(recorded):
    for run in recorded["runs"]:
        assert run["fused"]["true mean"]["lost"] == 0.0
        assert all(fused["lost"] >= 0.0 for fused in run["fused"].values())
        learnt, known = "without the weight", "limit of the source, unit 1 s"
        assert run["fused"][learnt]["lost"] < run["fused"][known]["lost"]


def test_a_part_of_the_record_comes_out_again(recorded, log):
    from experiments.watch_time.losses import judge, trained, truth_of

    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    learnt, held_out = (part.select(part.label("click") == 1) for part in (train, test))
    seconds = wt.predicted_watch_time(
        trained(encoder.transform(learnt), learnt.rows["watch_time"], wt.watch_time_loss, seed=0)(
            encoder.transform(held_out)
        )
    )
    again = judge(seconds, held_out.rows["watch_time"].to_numpy(np.float64), truth_of(held_out).mean)
    was = recorded["runs"][0]["once_clicked"]["source, unit 1 s"]
    # Sums run in another order on another processor: equal up to what that makes of 300 steps.
    assert again["level"] == pytest.approx(was["level"], rel=0.05)
    assert again["mae"] == pytest.approx(was["mae"], rel=0.01)
    assert again["xauc"] == pytest.approx(was["xauc"], abs=0.005)


def test_completion_comes_out_again(completions, log):
    from experiments.watch_time.completion import run

    again, was = run(log, seed=0), completions["runs"][0]
    assert again["rows"] == was["rows"]
    for target, judged in again["targets"].items():
        recorded = was["targets"][target]
        assert judged["mean"] == pytest.approx(recorded["mean"], rel=0.03)
        for kind in ("raw", "corrected", "raw_truth", "corrected_truth"):
            assert judged[kind]["length"] == pytest.approx(recorded[kind]["length"], abs=0.05)
            assert judged[kind]["interest"] == pytest.approx(recorded[kind]["interest"], abs=0.05)


def test_the_correction_takes_the_length_out_in_every_log(completions):
    for run in completions["runs"]:
        for judged in run["targets"].values():
            assert judged["raw"]["length"] < -0.7
            assert abs(judged["corrected"]["length"]) < 0.15
            assert judged["corrected"]["interest"] > judged["raw"]["interest"] + 0.1
            assert judged["corrected_truth"]["interest"] > 0.95


def test_the_record_of_the_real_log_adds_up():
    recorded = load_results("watch_time/kuairand")
    assert recorded["impressions"] == recorded["rows"] + recorded["unknown_duration"]
    described = recorded["described"]
    assert sum(group["rows"] for group in described["by_length"]) == recorded["rows"]
    assert all(abs(group["f"] - group["completion"]) < 0.02 for group in described["by_length"])


def test_only_the_newest_real_rows_are_read_too_low():
    recorded = load_results("watch_time/kuairand")
    for run in recorded["runs"]:
        found = run["drift"]
        assert found["newest"] == run["methods"]["without the weight"]["level"]
        assert found["newest"] < 0.9 < min(found["learnt_from"], found["at_random"], found["moved_back"])
    older, newer = recorded["by_count"]["learnt_from"], recorded["by_count"]["newest"]
    assert newer["count"] > 1.5 * older["count"]
    assert older["quarters"] == sorted(older["quarters"], reverse=True)


@pytest.mark.kuairand
def test_what_a_real_log_shows(kuairand_folder):
    """Completion falls with length, and the source's loss in seconds says a small part of what is watched."""
    from experiments.watch_time.kuairand import described, drift, run
    from ranking.logs.kuairand import load_kuairand
    from ranking.watch_time.completion import known_duration

    real = load_kuairand(kuairand_folder).with_statistics()
    real = real.select(known_duration(real.rows["duration"]))
    found = described(real)
    assert found["with_length"]["completion"] < -0.1
    few = real.select(slice(max(0, len(real) - 20_000), None))
    methods = run(*few.split(0.8, 0.2), seed=0)["methods"]
    assert methods["source, unit 1 s"]["level"] < 0.4
    assert methods["source, unit 1 s"]["level"] < methods["without the weight"]["level"] < 1.3
    assert drift(few, seed=0)["newest"] == methods["without the weight"]["level"]
