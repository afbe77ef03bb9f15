"""What the experiments of chapter 5 share: two settings of weights, a log and what was learnt from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.logs import world
from ranking.funnel.feed import Predictor, train_predictor
from ranking.logs import ImpressionLog

SHOWN = 10
OLD = {"like": 2.0, "collect": 2.0, "share": 4.0, "watch_time": 0.0}
"""The weights of chapter 1."""
NEW = {"like": 1.0, "collect": 1.0, "share": 1.0, "watch_time": 0.012}
"""A second is worth something, too."""


def learnt(
    seed: int, impressions: int, sampling_rate: float = 0.1, world_seed: int = 0
) -> tuple[ImpressionLog, Predictor]:
    """A fresh log of a world, and a model with five heads trained on its last ten days."""
    log = world(world_seed).simulate(impressions, seed=seed)
    return log, train_predictor(log.with_statistics().after(days=30), seed, sampling_rate)


def halves(log: ImpressionLog, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the users to choose weights by, and of the others, who check the choice."""
    first, second = np.array_split(np.random.default_rng(seed).permutation(len(log.users)), 2)
    return first, second
