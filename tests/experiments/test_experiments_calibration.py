"""Recorded results: they meet what chapter 3 promises, and a small part of them comes out again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bookwork.results import load_results
from ranking_course import course_log

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def recorded():
    return load_results("calibration/sampling")


@pytest.fixture(scope="module")
def runs(recorded):
    """One row per run, with what it is compared with: the truth and the full data of the same log."""
    table = pd.json_normalize(recorded["runs"])
    truth = {t["seed"]: t["mean"] for t in recorded["truths"]}
    full = table[table["rate"] == 1.0].set_index("seed")
    table["level"] = table["calibrated.mean"] / table["seed"].map(truth)
    table["auc_lost"] = table["seed"].map(full["auc"]) - table["auc"]
    table["cheaper"] = table["seed"].map(full["train_seconds"]) / table["train_seconds"]
    return table


def test_every_rate_has_every_seed(recorded, runs):
    assert len(recorded["made_by"]["seeds"]) >= 5
    assert (runs.groupby("rate")["seed"].nunique() == len(recorded["made_by"]["seeds"])).all()
    assert set(runs["rate"]) == {1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01}


def test_one_negative_in_ten_meets_the_targets(runs):
    at = runs[runs["rate"] == 0.1].median(numeric_only=True)
    assert abs(at["level"] - 1) < 0.02
    assert at["calibrated.ece"] < 0.01
    assert at["auc_lost"] < 0.003
    assert at["cheaper"] > 4


def test_calibration_never_changes_the_log_loss_of_the_full_data(runs):
    full = runs[runs["rate"] == 1.0]
    np.testing.assert_array_equal(full["raw.log_loss"], full["calibrated.log_loss"])


@pytest.mark.usefixtures("one_thread")
def test_a_part_of_the_record_comes_out_again(recorded, runs):
    from experiments.calibration.sampling import run

    log = course_log(recorded["impressions"]).after(days=30)
    again = run(log, rate=0.1, seed=0)
    was = runs[(runs["rate"] == 0.1) & (runs["seed"] == 0)].iloc[0]
    assert again["rows"] == was["rows"]
    # Sums run in another order on another processor: equal up to what that makes of 150 steps.
    assert again["auc"] == pytest.approx(was["auc"], abs=0.002)
    assert again["raw"]["mean"] == pytest.approx(was["raw.mean"], rel=0.02)
    assert again["calibrated"]["log_loss"] == pytest.approx(was["calibrated.log_loss"], abs=0.002)


@pytest.mark.parametrize(
    ("rows", "size"), [(1_000_000, 256), (99_999, 64), (8_907, 64), (8_000, 32), (2_000, 8), (10, 8)]
)
def test_a_small_log_is_learned_in_small_steps(rows, size):
    from experiments.kuairand import batch_size_for

    assert batch_size_for(rows) == size


@pytest.mark.kuairand
@pytest.mark.usefixtures("one_thread")
def test_calibration_holds_on_real_rows(kuairand_folder):
    """Within 5% of the observed click rate on held-out rows of a real log, over five seeds."""
    from experiments.calibration.kuairand import run
    from ranking.logs.kuairand import load_kuairand

    train, test = load_kuairand(kuairand_folder).with_statistics().split(0.8, 0.2)
    observed = test.label("click").mean()
    level = np.mean([run(train, test, rate=0.5, seed=s)["calibrated_mean"] for s in range(5)]) / observed
    raw = run(train, test, rate=0.5, seed=0)["raw_mean"] / observed
    assert abs(level - 1) < 0.05
    assert raw > 1.2
