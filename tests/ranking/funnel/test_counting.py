"""Counts and rates by hand, with the right denominators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ranking.funnel import count_events, rates, smoothed_rate
from ranking.logs import ImpressionLog


def log_of(item, click, like) -> ImpressionLog:
    n = len(item)
    rows = pd.DataFrame(
        {
            "user": np.zeros(n, int),  # one user: showings are counted, not users
            "item": item,
            "time_ms": np.arange(n),
            "click": np.array(click, bool),
            "like": np.array(like, bool),
            "watch_time": np.zeros(n),
            "duration": np.ones(n),
        }
    )
    return ImpressionLog(rows, pd.DataFrame(index=range(1)), pd.DataFrame(index=range(3)))


def test_counts_and_denominators() -> None:
    counts = count_events(log_of([0, 0, 0, 0, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]))
    assert counts["impressions"].tolist() == [4, 1, 0]
    assert counts["clicks"].tolist() == [2, 0, 0]
    assert counts["likes"].tolist() == [1, 0, 0]
    found = rates(counts)
    np.testing.assert_equal(found["click"].to_numpy(), [0.5, 0.0, np.nan])
    np.testing.assert_equal(
        found["like"].to_numpy(), [0.5, np.nan, np.nan]
    )  # 1 of 2 clicks, not of 4 showings


def test_a_like_without_a_click_is_refused() -> None:
    with pytest.raises(ValueError, match="like must come with a click, got 1 without one"):
        count_events(log_of([0, 0], [1, 0], [0, 1]))


def test_smoothing_moves_from_the_prior_to_the_data() -> None:
    assert smoothed_rate(0, 0, 0.1) == pytest.approx(0.1)
    assert smoothed_rate(1, 1, 0.1, prior_weight=19) == pytest.approx(2.9 / 20)
    assert smoothed_rate(50_000, 100_000, 0.1) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smoothed_rate(1, 2, prior_rate=1.2), r"prior_rate must be in \[0, 1\]"),
        (lambda: smoothed_rate(1, 2, 0.1, prior_weight=0), "prior_weight must be above 0"),
        (
            lambda: rates(pd.DataFrame({"impressions": [9], "clicks": [10]})),
            "counts must not have more clicks than impressions",
        ),
        (
            lambda: rates(pd.DataFrame({"impressions": [9], "likes": [1]})),
            "counts must have the column 'clicks', by which likes are divided, got impressions, likes",
        ),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
