"""D2Q: watch times as quantiles among items of about the same duration. Chapter 6."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.validation import Array


@dataclass(frozen=True, eq=False)
class DurationQuantiles:
    """Watch times as quantiles among items of about the same duration, and back.

    D2Q, "duration-deconfounded quantile-based" prediction (Zhan et al., KDD 2022): rows are cut into groups
    by duration, as equal in number as ties allow; a model learns at which quantile of its own group a row
    stands (:func:`quantile_loss`); the group's distribution turns the predicted quantile into seconds.
    Durations are in seconds, above 0; watch times in seconds, at least 0.

    Attributes:
        edges: durations at which a new group begins, ascending, shape (groups − 1,).
        samples: the watch times of each group's training rows, ascending.
    """

    edges: Array
    samples: tuple[Array, ...]

    def __post_init__(self) -> None:
        edges = validation.positive("edges", self.edges)
        samples = validation.listed("samples", self.samples)
        samples = tuple(validation.non_negative("samples", sample) for sample in samples)
        if edges.ndim != 1 or len(samples) != len(edges) + 1:
            raise ValueError(f"samples must be one more than edges, got {len(samples)} for {edges.shape}")
        for values in (edges, *samples):
            if values.ndim != 1 or (np.diff(values) < 0.0).any():
                raise ValueError(f"edges and samples must ascend along one axis, got {values}")
        if not all(sample.size for sample in samples):
            raise ValueError("samples must hold at least one row of every group, got none of one")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "samples", samples)

    @classmethod
    def fit(cls, duration: ArrayLike, watch_time: ArrayLike, groups: int = 10) -> DurationQuantiles:
        """Cut rows, both of shape (rows,), into groups; fewer come out where many share one duration."""
        d, t = validation.positive("duration", duration), validation.non_negative("watch_time", watch_time)
        validation.rows(duration=d, watch_time=t)
        levels = np.arange(1, validation.positive_int("groups", groups)) / groups
        edges = np.unique(np.quantile(d, levels, method="higher"))  # durations of rows: no group is empty
        edges = edges[edges > d.min()]
        group = np.searchsorted(edges, d, side="right")
        return cls(edges, tuple(np.sort(t[group == k]) for k in range(len(edges) + 1)))

    def group(self, duration: ArrayLike) -> NDArray[np.intp]:
        """The group of each duration, from 0 up; same shape."""
        return np.searchsorted(self.edges, validation.positive("duration", duration), side="right")

    def targets(self, duration: ArrayLike, watch_time: ArrayLike) -> Array:
        """The share of the group's training rows that were watched for less, ties counting one half.

        Quantiles in [0, 1], for training rows in (0, 1), in the one shape of the arguments.
        """
        t, group = validation.non_negative("watch_time", watch_time), self.group(duration)
        validation.same_shape(duration=group, watch_time=t)
        quantiles = np.empty(t.shape)
        for k, times in enumerate(self.samples):
            here = group == k
            below, up_to = (np.searchsorted(times, t[here], side=side) for side in ("left", "right"))
            quantiles[here] = (below + up_to) / (2 * len(times))
        return quantiles

    def watch_time(self, duration: ArrayLike, quantiles: ArrayLike) -> Array:
        """The inverse map: seconds at each quantile in [0, 1] of the duration's group.

        Linear between the training rows; the shortest and the longest of them bound it.
        """
        q, group = validation.probabilities("quantiles", quantiles), self.group(duration)
        validation.same_shape(duration=group, quantiles=q)
        seconds = np.empty(q.shape)
        for k, times in enumerate(self.samples):
            here = group == k
            levels = (np.arange(len(times)) + 0.5) / len(times)
            seconds[here] = np.interp(q[here], levels, times)
        return seconds
