"""Candidates: what they refuse, and that merging keeps where every item came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.funnel import CHANNELS, Candidates, Channel, Request, merge

REQUEST = Request(user=1, hour=20, weekday=5, scene=0)


def some(**change) -> Candidates:
    good = {
        "items": np.array([4, 2, 9]),
        "channels": np.array([1, 3, 16], np.uint8),
        "scores": np.array([0.5, 0.9, 0.7]),
    }
    return Candidates(REQUEST, **(good | change))


@given(
    st.dictionaries(
        st.sampled_from(CHANNELS), st.lists(st.integers(0, 30), unique=True, max_size=20), min_size=1
    ).filter(lambda found: any(found.values()))
)
def test_merging_keeps_every_item_once_with_all_its_channels(found: dict[str, list[int]]) -> None:
    merged = merge(REQUEST, {name: (items, np.zeros(len(items))) for name, items in found.items()})
    assert sorted(merged.items) == sorted(set().union(*found.values()))
    for name in CHANNELS:
        assert set(merged.items[merged.found_by(name)]) == set(found.get(name, ()))
    best = [1 / (1 + min(f.index(i) for f in found.values() if i in f)) for i in merged.items]
    np.testing.assert_allclose(merged.scores, best)
    assert (np.diff(merged.scores) <= 0).all()


def test_scored_sorts_and_carries_everything_along() -> None:
    scored = some().scored([1.0, 3.0, 2.0], {"click": np.array([0.1, 0.3, 0.2])})
    assert scored.items.tolist() == [2, 9, 4]
    assert scored.channels.tolist() == [3, 16, 1]
    assert scored.predictions["click"].tolist() == [0.3, 0.2, 0.1]
    assert scored.best(2).items.tolist() == [2, 9]
    assert len(scored.best(50)) == 3


def test_frame_names_the_channels() -> None:
    assert some().frame()["found by"].tolist() == ["embedding", "embedding + popular", "topic"]
    assert Channel.EMBEDDING | Channel.POPULAR == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"items": np.array([], int), "channels": np.array([], np.uint8), "scores": np.array([])},
            "items must not be empty",
        ),
        ({"scores": np.array([0.1, np.nan, 0.2])}, "scores must be finite, got nan at index 1"),
        ({"scores": np.array([0.1, 0.2])}, "items and scores must have the same shape"),
        ({"items": np.array([4, 4, 9])}, "items must stand once each, got 4"),
        ({"channels": np.array([0, 1, 1], np.uint8)}, "channels must be from 1 to 31, got 0"),
        ({"channels": np.array([32, 1, 1], np.uint8)}, "channels must be from 1 to 31, got 32"),
        ({"predictions": {"click": np.array([0.1, 2.0, 0.2])}}, r"click must be in \[0, 1\]"),
    ],
)
def test_bad_candidates_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        some(**change)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="keep must be a whole number of at least 1, got 0"):
        some().best(0)
    with pytest.raises(ValueError, match=r"channel must be one of 'embedding'.*got 'video'"):
        some().found_by("video")
    with pytest.raises(ValueError, match="channel must be one of"):
        merge(REQUEST, {"video": ([1], [0.0])})
    with pytest.raises(ValueError, match="found must hold at least one item, got none from popular, fresh"):
        merge(REQUEST, {"popular": ([], []), "fresh": ([], [])})
    with pytest.raises(ValueError, match="scores of popular must be finite"):
        merge(REQUEST, {"popular": ([1], [np.nan])})
    with pytest.raises(ValueError, match="items of popular must hold whole numbers, got float64"):
        merge(REQUEST, {"popular": ([1.7], [0.1])})
    with pytest.raises(ValueError, match=r"items of popular must be from 0 to .* got -1 at index 0"):
        merge(REQUEST, {"popular": ([-1], [0.1])})
    for items, scores in (([1, 2], [0.1]), ([[1, 2]], [[0.1, 0.2]])):
        with pytest.raises(ValueError, match="items and scores of popular must have the same shape"):
            merge(REQUEST, {"popular": (items, scores)})
    with pytest.raises(ValueError, match="hour must be from 0 to 23"):
        Request(user=1, hour=24, weekday=0, scene=0)
    with pytest.raises(ValueError, match="user must hold whole numbers"):
        Request(user=1.5, hour=2, weekday=0, scene=0)
