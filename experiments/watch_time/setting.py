"""What the experiments on watch time share: rows and their truth, targets made of them, training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from experiments.logs import column, true
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.logs.features import FeatureTable
from ranking.multi_task import MultiTaskModel, weighted_cross_entropy
from ranking.simulator.drivers import EFFECTS
from ranking.training import Loss, TableExamples, WatchTimeExamples, fit, predict_logits
from ranking.watch_time import DurationQuantiles, LogNormalWatchTime
from ranking.watch_time.completion import completed, share_played

Floats = NDArray[np.float64]
Outputs = Callable[[FeatureTable], Floats]
SHARES = ("share played", "completion")


@dataclass(frozen=True, eq=False)
class Rows:
    """A log's impressions as networks see them, and what came of them."""

    log: ImpressionLog
    features: FeatureTable

    @classmethod
    def of(cls, log: ImpressionLog, encoder: FeatureEncoder) -> Rows:
        """All impressions."""
        return cls(log, encoder.transform(log))

    @property
    def seconds(self) -> Floats:
        """Seconds played, (rows,)."""
        return column(self.log, "watch_time")

    @property
    def duration(self) -> Floats:
        """Length of the items, (rows,)."""
        return column(self.log, "duration")

    @property
    def clicked(self) -> Rows:
        """Those that were clicked."""
        return self.where(self.log.label("click") == 1)

    def where(self, kept: NDArray[np.bool_]) -> Rows:
        """The rows of a mask."""
        return Rows(self.log.select(kept), self.features[kept])


def truth_of(log: ImpressionLog) -> LogNormalWatchTime:
    """The distribution of every row's watch time once clicked."""
    return LogNormalWatchTime(true(log, "watch_mu"), true(log, "watch_sigma"), column(log, "duration"))


def interest_of(mu: Floats, duration: Floats) -> Floats:
    """How long a user stays with an item for reasons other than its length: μ without its part of length.

    It is our definition, and the simulator's: taste, quality, appeal, the hour and the scene are left in it.
    """
    return mu - EFFECTS["watch_time"]["length"] * np.log(duration / 60.0)


def shares_of(log: ImpressionLog) -> Floats:
    """Share played and completion of every row, shape (rows, 2)."""
    t, d = log.rows["watch_time"], log.rows["duration"]
    return np.stack([share_played(t, d).share, completed(t, d)], axis=1)


def expected(truth: LogNormalWatchTime, of: Callable[[Floats], Floats], levels: int = 100) -> Floats:
    """The mean of a function of the watch time, for every row, from so many evenly spread quantiles."""
    return np.mean([of(truth.quantile((k + 0.5) / levels)) for k in range(levels)], axis=0)


def quantiles_of(within: DurationQuantiles, truth: LogNormalWatchTime, levels: int = 100) -> Floats:
    """The mean quantile of every row within its group: what D2Q's loss converges to."""
    return expected(truth, lambda t: within.targets(np.asarray(truth.duration), t), levels)


def rank_correlation(a: Any, b: Any) -> float:
    """Spearman's."""
    return float(spearmanr(a, b).statistic)


def correlations(values: Floats, duration: Floats, interest: Floats) -> dict[str, float]:
    """Of a score with the length and with the interest."""
    return {"length": rank_correlation(values, duration), "interest": rank_correlation(values, interest)}


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of all heads, weight 1 each."""
    return weighted_cross_entropy(logits, labels, torch.ones(labels.shape[1], dtype=logits.dtype))


def trained(
    features: FeatureTable,
    labels: Any,
    loss: Loss,
    seed: int,
    batch_size: int = 64,
    start: float = 0.0,
    learning_rate: float = 5e-3,
) -> Outputs:
    """The single-task network of the course after one pass, as a function from features to (rows,) outputs.

    Its outputs begin near ``start``, which a linear layer of the usual initialisation puts near 0.
    """
    model = MultiTaskModel.of(features, ("watch_time",), seed=seed)
    *_, bias = model.parameters()  # of the output
    bias.data += start
    examples = WatchTimeExamples(features, labels)
    fit(model, examples, loss, seed=seed, batch_size=batch_size, learning_rate=learning_rate)
    return lambda table: predict_logits(model, table)[:, 0]


def trained_on_shares(
    features: FeatureTable,
    shares: Floats,
    seed: int,
    batch_size: int = 64,
    base_rates: Sequence[float] | None = None,
    learning_rate: float = 5e-3,
) -> Outputs:
    """One network with a head each for the columns of :func:`shares_of`, from features to logits (rows, 2).

    One pass; its heads begin at ``base_rates``, which the usual initialisation puts near one half.
    """
    model = MultiTaskModel.of(features, SHARES, seed=seed, base_rates=base_rates)
    examples = TableExamples(features, shares)
    fit(model, examples, cross_entropy, seed=seed, batch_size=batch_size, learning_rate=learning_rate)
    return lambda table: predict_logits(model, table)
