"""Examples of arguments for training; see :mod:`public_doors`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ranking.logs import FeatureTable
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, WatchTimeExamples

Call = dict[str, Any]

TARGETS = ("click", "like")
FIELDS, COLUMNS = ("user", "item"), ("age",)
TABLE = FeatureTable(
    np.array([[0, 1], [2, 3], [1, 0], [2, 2]]),
    np.array([[0.5], [-1.0], [0.25], [2.0]], dtype=np.float32),
    FIELDS,
    COLUMNS,
    (3, 4),
    {"user": FIELDS[:1], "item": FIELDS[1:], "statistics": COLUMNS, "context": ()},
)
LABELS = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0])
EXAMPLES = TableExamples(TABLE, LABELS, TARGETS)


def model() -> MultiTaskModel:
    """A small model, always the same."""
    return MultiTaskModel.of(TABLE, TARGETS, seed=0, embedding_dim=2, shared=(4,), tower=(3,))


EXEMPT = {
    "training.whole_files.": "paths: test_files.py spoils them",
    "training.checkpoints.": "paths: test_files.py spoils them",
    "training.parquet.ParquetRows.": "paths: test_files.py and test_training.py spoil them",
    "training.parquet.ParquetWriter.": "paths: test_files.py and test_training.py spoil them",
    "training.processes.": "made by fit, inside torchrun",
    "training.objective.": "inside fit: test_training.py and test_row_weights.py spoil losses",
    "training.run.Run.": "inside fit, which checks",
    "training.run.History": "a result",
    "training.lazy_adam.LazyAdam.add_param_group": "called by the constructor, which checks",
    "training.lazy_adam.LazyAdam.step": "called at every step; its closure is any function",
    "training.examples.WatchTimeExamples.check_targets": "takes any: its labels have no names",
    "training.examples.batch_sizes": "inside batches, of examples and a size that fit checked",
    "training.examples.row_weights": "the check of weights",
    "training.examples.same_targets": "the check of targets",
    "training.examples.both_classes": "the check of labels",
    "training.examples.finite_features": "the check of features",
}

SELVES: Call = {
    "TableExamples": EXAMPLES,
    "WatchTimeExamples": WatchTimeExamples(TABLE, 30.0 * LABELS),
}

ROWS: Call = {"features": TABLE, "labels": LABELS, "weights": WEIGHTS}
CALLS: dict[str, Call] = {
    "training.examples.TableExamples": ROWS,
    "training.examples.WatchTimeExamples": ROWS,
    "training.fitting.fit": {
        "model": model(),
        "examples": EXAMPLES,
        "loss": WeightedCrossEntropy(TARGETS),
        "learning_rate": 0.25,
        "average": 0.5,
        "device": "cpu",
        "held_out": EXAMPLES,
        "patience": 2,
    },
    "training.fitting.predict_logits": {"model": model(), "features": TABLE, "batch_size": 2},
    "training.lazy_adam.sparse_tables": {"model": nn.Embedding(3, 2, sparse=True)},
    "training.lazy_adam.LazyAdam": {
        "tables": [torch.zeros(3, 2)],
        "average_after": 3,
    },
}
