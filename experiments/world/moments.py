"""Moments of a surface that plays at once, from any log of it: how long items play, and what is liked.

Each is a proportion, a share of the duration or a rank correlation, so that a difference of .03 means about
as much in one as in another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.logs.impressions import SKIP_SECONDS

Array = NDArray[np.float64]

BINS = {
    "0-7": (0.0, 7.0),
    "7-15": (7.0, 15.0),
    "15-30": (15.0, 30.0),
    "30-60": (30.0, 60.0),
    "60-120": (60.0, 120.0),
    "over 120": (120.0, np.inf),
}
"""Durations in seconds, from the first to below the second."""

LEVELS = {"25%": 0.25, "50%": 0.5, "75%": 0.75, "90%": 0.9}
"""Quantiles of the ratio played, seconds / duration."""

SESSION_MINUTES = (0.0, 30.0)
LATER_MINUTES = (6 * 60.0, 24 * 60.0)
"""Minutes from one play of a user to the next, from the first to below the second: where both are neighbours
in a session, and where the next one comes hours later."""


class Plays:
    """A log without clicks, sorted once, so that its moments under many weights take little time.

    Args:
        rows: in any order, with ``user``, ``time_ms``, ``duration`` and ``watch_time`` (seconds),
            ``effective_view``, ``long_view``, ``like`` and ``share``.

    Raises:
        ValueError: a duration is not known, that is not above 0.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows = rows.sort_values(["user", "time_ms"], kind="stable", ignore_index=True)
        self.duration, self.seconds = (rows[name].to_numpy(np.float64) for name in ("duration", "watch_time"))
        if not (self.duration > 0.0).all():
            bad = self.duration[~(self.duration > 0.0)]
            raise ValueError(f"rows must have durations above 0, got {bad[0]} ({len(bad)} such values)")
        self.ratio = self.seconds / self.duration
        user, minutes = rows["user"].to_numpy(), rows["time_ms"].to_numpy() / 60_000
        gap = np.where(np.diff(user) == 0, np.diff(minutes), -1.0)
        self.pairs = {
            name: np.flatnonzero((gap >= low) & (gap < high))  # of the first play of each pair
            for name, (low, high) in {"neighbours": SESSION_MINUTES, "hours later": LATER_MINUTES}.items()
        }

    def moments(self, weights: Array | None = None) -> dict[str, float]:
        """The moments by name.

        Args:
            weights: how much each row of ``self.rows`` counts, (rows,), at least 0; by default all the same.
                A pair of plays counts by the geometric mean of the two.

        Returns:
            - "zero", "under 3 s", "beyond the end" (t > d), "effective", "long": proportions of the rows;
            - "like | effective", "like | not effective", and the same of shares;
            - "duration and ratio", "duration and seconds": rank correlations;
            - "neighbours", "hours later": rank correlations of the seconds of a user's play and the next;
            - of each of ``BINS``, as "7-15: 25%": the quantiles of the ratio, the proportions of effective
              and of long views, and "7-15: rows", the proportion of the rows that are in it.

            What no row bears on is left out.
        """
        rows, seconds, duration = self.rows, self.seconds, self.duration
        w = np.ones(len(rows)) if weights is None else weights
        effective, long = (rows[name].to_numpy(bool) for name in ("effective_view", "long_view"))
        found = {
            "zero": _mean(seconds == 0.0, w),
            "under 3 s": _mean(seconds < SKIP_SECONDS, w),
            "beyond the end": _mean(seconds > duration, w),
            "effective": _mean(effective, w),
            "long": _mean(long, w),
        }
        for name in ("like", "share"):
            happened = rows[name].to_numpy(bool)
            found[f"{name} | effective"] = _mean(happened, w * effective)
            found[f"{name} | not effective"] = _mean(happened, w * ~effective)
        found["duration and ratio"] = _rank_correlation(duration, self.ratio, w)
        found["duration and seconds"] = _rank_correlation(duration, seconds, w)
        for name, first in self.pairs.items():
            both = np.sqrt(w[first] * w[first + 1])
            found[name] = _rank_correlation(seconds[first], seconds[first + 1], both)
        for name, (low, high) in BINS.items():
            there = (duration >= low) & (duration < high)
            if not w[there].any():
                continue
            quantiles = _quantiles(self.ratio[there], w[there], list(LEVELS.values()))
            found |= {f"{name}: {level}": q for level, q in zip(LEVELS, quantiles, strict=True)}
            found[f"{name}: effective"] = _mean(effective[there], w[there])
            found[f"{name}: long"] = _mean(long[there], w[there])
            found[f"{name}: rows"] = _mean(there, w)
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}

    def intervals(self, resamples: int, seed: int) -> dict[str, tuple[float, float]]:
        """95% intervals of the moments, from a bootstrap over users."""
        rng = np.random.default_rng(seed)
        user = np.unique(self.rows["user"], return_inverse=True)[1]
        n = int(user.max()) + 1
        drawn = [
            self.moments(np.bincount(rng.integers(0, n, n), minlength=n)[user].astype(np.float64))
            for _ in range(resamples)
        ]
        table = pd.DataFrame(drawn).quantile([0.025, 0.975])
        return {str(name): (low, high) for name, (low, high) in table.items()}


def _mean(values: NDArray[Any], weights: Array) -> float:
    total = weights.sum()
    return float(weights @ values / total) if total > 0 else float("nan")


def _quantiles(values: Array, weights: Array, levels: list[float]) -> Array:
    """Quantiles of weighted values, as if each value stood there weight times."""
    order = np.argsort(values)
    passed = np.cumsum(weights[order])
    return values[order][np.searchsorted(passed, np.array(levels) * passed[-1])]


def _ranks(values: Array, weights: Array) -> Array:
    """Weighted ranks: the weight of all that is less, and half of what is equal."""
    _, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights)
    return (np.cumsum(mass) - mass / 2)[place]


def _rank_correlation(x: Array, y: Array, weights: Array) -> float:
    """Spearman's rank correlation of weighted pairs; NaN where nothing varies."""
    if not weights.any():
        return float("nan")
    a, b = (_ranks(values, weights) for values in (x, y))
    a, b = (ranks - np.average(ranks, weights=weights) for ranks in (a, b))
    spread = np.sqrt((weights @ a**2) * (weights @ b**2))
    return float(weights @ (a * b) / spread) if spread > 0 else float("nan")
