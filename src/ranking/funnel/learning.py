"""Training the three models of the funnel on one log: retrieval, pre-ranking, ranking.

All three learn from the same feature table. What differs is how much each may cost per item.
"""

from typing import TypeVar

import numpy as np
from torch import nn

from ranking.funnel.towers import Sides, ThreeTowerModel, TwoTowerModel, in_batch_softmax
from ranking.logs import TARGETS, FeatureTable, ImpressionLog
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, fit, seeded

Model = TypeVar("Model", bound=nn.Module)

BATCH = 512


def train_retrieval(table: FeatureTable, log: ImpressionLog, seed: int, epochs: int = 4) -> TwoTowerModel:
    """The two-tower model, trained on the clicked rows of a log, of which ``training_table`` made the table.

    The seed decides the first weights and the order of the rows.
    """
    if len(table) != len(log):
        raise ValueError(f"table must have one row per row of the log: {len(table)} for {len(log)}")
    clicked = np.flatnonzero(log.rows["click"].to_numpy())
    if not clicked.size:
        raise ValueError("log must hold at least one click, got none")
    item = log.rows["item"].to_numpy()[clicked]
    share = (np.bincount(item) / item.size)[item]  # of each row's item among all clicks, (clicks,)
    with seeded(seed):
        model = TwoTowerModel(Sides.of(table))
    examples, loss = TableExamples(table[clicked], share), in_batch_softmax
    fit(model, examples, loss, seed=seed, epochs=epochs, batch_size=BATCH, description="two towers")
    return model


def train_pre_ranking(table: FeatureTable, log: ImpressionLog, seed: int) -> ThreeTowerModel:
    """The three-tower model, trained on all rows for all targets; see :func:`train_retrieval`."""
    with seeded(seed):
        model = ThreeTowerModel(Sides.of(table), TARGETS)
    return _train(model, table, log, seed, "three towers")


def train_ranking(table: FeatureTable, log: ImpressionLog, seed: int) -> MultiTaskModel:
    """The multi-objective model of chapter 2 on all features; see :func:`train_retrieval`."""
    model = MultiTaskModel.of(table, TARGETS, seed, embedding_dim=16, shared=(128, 64))
    return _train(model, table, log, seed, "ranking model")


def _train(model: Model, table: FeatureTable, log: ImpressionLog, seed: int, description: str) -> Model:
    examples, loss = TableExamples(table, log.labels(TARGETS), TARGETS), WeightedCrossEntropy(TARGETS)
    fit(model, examples, loss, seed=seed, batch_size=BATCH, description=description)
    return model
