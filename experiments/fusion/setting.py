"""What the experiments of chapter 5 share: two settings of weights, a log and what was learnt from it."""

from __future__ import annotations

from experiments.logs import world
from ranking.funnel.feed import Predictor, train_predictor
from ranking.logs import ImpressionLog

SHOWN = 10
OLD = {"like": 2.0, "collect": 2.0, "share": 4.0, "watch_time": 0.0}
"""The weights of chapter 1."""
NEW = {"like": 1.0, "collect": 1.0, "share": 1.0, "watch_time": 0.012}
"""A second is worth something, too."""


def learnt(seed: int, impressions: int, sampling_rate: float = 0.1) -> tuple[ImpressionLog, Predictor]:
    """A fresh log of the course's world, and a model with five heads trained on its last ten days."""
    log = world().simulate(impressions, seed=seed)
    return log, train_predictor(log.with_statistics().after(days=30), seed, sampling_rate)
