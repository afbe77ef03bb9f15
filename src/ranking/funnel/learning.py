"""Training the three models of the funnel on one log: retrieval, pre-ranking, ranking.

All three learn from the same feature table. What differs is how much each may cost per item.
"""

from typing import TypeVar

import numpy as np
from torch import nn

from ranking import validation
from ranking.funnel.towers import Sides, ThreeTowerModel, TwoTowerModel, contrast
from ranking.logs import TARGETS, FeatureTable, ImpressionLog
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, fit, seeded

Model = TypeVar("Model", bound=nn.Module)

BATCH = 512


def train_retrieval(table: FeatureTable, log: ImpressionLog, seed: int, epochs: int = 4) -> TwoTowerModel:
    """The two-tower model, trained on the clicked rows of a log, of which ``training_table`` made the table.

    The seed decides the first weights and the order of the rows.
    """
    seed = _checked(table, log, seed)
    clicked = np.flatnonzero(log.clicked)
    if not clicked.size:
        raise ValueError("log must hold at least one click, got none")
    item = log.rows["item"].to_numpy()[clicked]
    share = (np.bincount(item) / item.size)[item]  # of each row's item among all clicks, (clicks,)
    with seeded(seed):
        model = TwoTowerModel(Sides.of(table))
    examples = TableExamples(table[clicked], share)
    fit(model, examples, contrast, seed=seed, epochs=epochs, batch_size=BATCH, description="two towers")
    return model


def train_pre_ranking(table: FeatureTable, log: ImpressionLog, seed: int) -> ThreeTowerModel:
    """The three-tower model, trained on all rows for all targets; see :func:`train_retrieval`."""
    seed = _checked(table, log, seed)
    with seeded(seed):
        model = ThreeTowerModel(Sides.of(table), TARGETS)
    return _train(model, table, log, seed, "three towers")


def train_ranking(table: FeatureTable, log: ImpressionLog, seed: int) -> MultiTaskModel:
    """The multi-objective model of chapter 2 on all features; see :func:`train_retrieval`."""
    seed = _checked(table, log, seed)
    model = MultiTaskModel.of(table, TARGETS, seed, embedding_dim=16, shared=(128, 64))
    return _train(model, table, log, seed, "ranking model")


def _checked(table: FeatureTable, log: ImpressionLog, seed: int) -> int:
    """The seed of a training on a table made of this log."""
    validation.instance("table", table, FeatureTable)
    if len(table) != len(validation.instance("log", log, ImpressionLog)):
        raise ValueError(f"table must have one row per row of the log: {len(table)} for {len(log)}")
    return validation.seed("seed", seed)


def _train(model: Model, table: FeatureTable, log: ImpressionLog, seed: int, description: str) -> Model:
    examples, loss = TableExamples(table, log.labels(TARGETS), TARGETS), WeightedCrossEntropy(TARGETS)
    fit(model, examples, loss, seed=seed, batch_size=BATCH, description=description)
    return model
