"""Randomised slates from the whole catalogue, and propensities that a platform keeps."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from ranking.simulator import World, WorldConfig
from ranking.simulator import world as worlds
from ranking.simulator.policy import CHANNELS, LoggingPolicy, draw_requests
from ranking.simulator.vocabulary import START_MS

TINY = {"n_users": 30, "n_items": 50, "n_authors": 8, "n_topics": 4, "dim": 3, "days": 3, "slate_size": 4}
RANDOM = {"randomised_share": 1.0, "randomised_from": "catalogue", "log_propensities": True}


@pytest.fixture(scope="module", autouse=True)
def solved_quickly():
    """On a small sample: rates need not be as asked, here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worlds, "SOLVE_REQUESTS", 1_000)
        yield


def world(**parts):
    return World.build(WorldConfig(**(TINY | parts)), seed=1)


@pytest.fixture(scope="module")
def log():
    return world(**RANDOM).simulate(80_000, seed=2)


def published(log):
    """(rows,) how many items are out at the moment of each impression."""
    return np.searchsorted(log.items["publish_ms"], log.rows["time_ms"], side="right")


def test_from_the_catalogue_every_published_item_comes_as_often(log):
    """At the first place and at the last, among those that are out at that moment."""
    out, at = published(log), log.rows["item"].to_numpy()
    assert (at < out).all()
    for place in (1, 4):
        here = (log.rows["position"] == place).to_numpy()
        expected = np.zeros(50)
        for count in np.unique(out):
            expected[:count] += np.sum(here & (out == count)) / count
        drawn = np.bincount(at[here], minlength=50)
        seen = expected > 5
        assert seen.sum() > 45
        expected[seen] *= drawn[seen].sum() / expected[seen].sum()
        assert chisquare(drawn[seen], expected[seen]).pvalue > 1e-3


def test_orders_of_pairs_are_as_likely_as_each_other(log):
    """The first two places hold each ordered pair of the 35 items that are out from the start as often."""
    slates = log.rows["item"].to_numpy().reshape(-1, 4)
    first, second = slates[(slates[:, :2] < 35).all(axis=1)][:, :2].T
    assert (first != second).all()
    pairs = np.bincount(35 * first + second, minlength=35 * 35).reshape(35, 35)
    assert (np.diag(pairs) == 0).all()
    assert chisquare(pairs[~np.eye(35, dtype=bool)]).pvalue > 1e-3


def test_its_propensities_are_one_over_the_items_that_are_left(log):
    left = published(log) - (log.rows["position"].to_numpy() - 1)
    np.testing.assert_allclose(log.rows["propensity"], 1.0 / left, rtol=1e-6)
    np.testing.assert_array_equal(log.rows["propensity"], log.truth["propensity"])
    assert not log.rows.duplicated(["request", "item"]).any()


def test_items_are_shown_as_soon_as_they_are_out():
    """A moment before, they cannot be; at the moment itself, they can."""
    built = world(**RANDOM)
    requests = draw_requests(built, 400, np.random.default_rng(0))
    moment = int(built.items["publish_ms"].iloc[-1])
    assert moment > START_MS
    for time_ms, there in ((moment - 1, False), (moment, True)):
        at = type(requests)(**(vars(requests) | {"time_ms": np.full(400, time_ms)}))
        item, propensity = LoggingPolicy(built).slates(at, np.random.default_rng(1))
        assert (item.max() == 49) == there
        np.testing.assert_allclose(propensity[:, 0], 1 / (49 + there))


def test_only_randomised_requests_change():
    """Of the others, propensities go by candidates and scores as ever, and are the ones of the truth."""
    mixed = world(**(RANDOM | {"randomised_share": 0.5})).simulate(8_000, seed=2)
    random = mixed.rows["randomised"].to_numpy()
    assert 0.4 < random.mean() < 0.6
    left = published(mixed) - (mixed.rows["position"].to_numpy() - 1)
    assert np.isclose(mixed.rows["propensity"] * left, 1.0, rtol=1e-5)[random].all()
    assert np.isclose(mixed.rows["propensity"] * left, 1.0, rtol=1e-5)[~random].mean() < 0.01
    np.testing.assert_array_equal(mixed.rows["propensity"], mixed.truth["propensity"])


def test_from_the_candidates_propensities_hang_on_their_number():
    few = world(randomised_share=1.0, n_items=2_000, log_propensities=True).simulate(4_000, seed=2)
    left = 1 / few.rows["propensity"].to_numpy()[::4]
    np.testing.assert_allclose(left, np.round(left), rtol=1e-5)
    assert left.max() <= sum(CHANNELS.values())
    assert len(np.unique(np.round(left))) > 3


@pytest.mark.parametrize("parts", [{}, {"log_propensities": True}])
def test_a_log_has_the_column_only_where_it_is_kept(parts):
    kept, usual = world(**parts).simulate(600, seed=2), world().simulate(600, seed=2)
    assert ("propensity" in kept.rows) == bool(parts)
    assert "propensity" in kept.truth
    pd.testing.assert_frame_equal(kept.rows.drop(columns="propensity", errors="ignore"), usual.rows)
    pd.testing.assert_frame_equal(kept.truth, usual.truth)
    if parts:
        assert kept.rows["propensity"].dtype == np.float32
        np.testing.assert_array_equal(kept.rows["propensity"], kept.truth["propensity"])


def test_weighted_by_its_propensities_a_random_log_has_the_mean_of_the_catalogue(log):
    """What they are for: an average over all items, estimated from those that were shown."""
    value = np.arange(50.0) ** 2
    first = (log.rows["position"] == 1).to_numpy()
    weighted = value[log.rows["item"]] / log.rows["propensity"] / published(log)
    expected = np.cumsum(value)[published(log) - 1] / published(log)
    off = (weighted - expected)[first]
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"randomised_from": "everything"}, "randomised_from must be one of 'candidates', 'catalogue', got"),
        ({"randomised_from": None}, "randomised_from must be one of 'candidates', 'catalogue', got None"),
        ({"log_propensities": 1}, "log_propensities must be True or False, got 1"),
    ],
)
def test_what_is_no_policy_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        WorldConfig(**change)
