"""Chapter 2: how hard each target pulls on the shared network, and which way.

    python -m experiments.multi_task.gradients [--seeds 5] [--impressions 4000000] [--out FILE]

The gradient of each target's own loss, over many rows, batch by batch, and over fresh labels (that is,
against the true rates, free of the labels' noise; there at the embeddings, too), of a network that is
untrained, has seen a sixteenth of the rows, or all of them; from heads near one half and from heads at
the base rates. How long a batch's gradient is without the labels' noise is measured on the same clicked
rows, with true rates in place of the labels of what follows a click. Takes about half a minute a world on one
core.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.multi_task.setting import BATCH, Setting, by_target, in_every_world
from experiments.running import record
from ranking.logs import TARGETS
from ranking.multi_task import (
    MultiTaskModel,
    TaskGradients,
    WeightedCrossEntropy,
    cross_entropy_per_target,
    task_gradients,
)
from ranking.multi_task.gradients import gradient_vectors

ROWS = 64 * BATCH
LEARNING_RATE = 0.01
STARTS = {"base rates": True, "one half": False}
MOMENTS = {"untrained": None, "a sixteenth of the rows": 16, "all rows": 1}


def by_pair(values: Any, targets: Sequence[str]) -> dict[str, float]:
    """One number for each pair of targets, from a matrix (targets, targets), by name."""
    pairs = combinations(range(len(targets)), 2)
    return {f"{targets[a]}, {targets[b]}": float(values[a][b]) for a, b in pairs}


def expected_pull(
    setting: Setting, model: MultiTaskModel, rows: NDArray[np.intp], parameters: Sequence[Tensor]
) -> dict[str, Any]:
    """The same over fresh labels: losses against the true rates, each row as often as it is clicked."""
    columns = [TARGETS.index(target) for target in model.targets]
    truth = torch.from_numpy(setting.learnt.truth[rows][:, columns]).float()
    counts = torch.from_numpy(setting.learnt.counts[rows][:, columns]).float()
    losses = cross_entropy_per_target(model(*setting.learnt.features[rows].to_tensors()), truth, counts)
    found = TaskGradients(model.targets, gradient_vectors(losses, parameters))
    return {
        "norm": by_target(found.norms.tolist(), model.targets),
        "cosine": by_pair(found.cosines.tolist(), model.targets),
    }


def by_batch(model: MultiTaskModel, *parts: Tensor) -> list[TaskGradients]:
    """The gradients of each batch of the rows: ids, dense features and labels."""
    return [
        task_gradients(model, *batch) for batch in zip(*(part.split(BATCH) for part in parts), strict=True)
    ]


def pull(setting: Setting, model: MultiTaskModel) -> dict[str, Any]:
    """Size and angle of each target's gradient at the shared network."""
    rng = np.random.default_rng(setting.seed)
    rows = rng.permutation(len(setting.learnt.labels))[:ROWS]
    targets = model.targets
    columns = [TARGETS.index(target) for target in targets]
    labels = setting.learnt.labels[rows][:, columns]
    features = setting.learnt.features[rows].to_tensors()
    whole = task_gradients(model, *features, torch.from_numpy(labels))
    batches = by_batch(model, *features, torch.from_numpy(labels))
    # the same rows, clicked and not, with true rates in place of what happened after a click
    clean = labels.copy()
    clean[:, 1:] = setting.learnt.truth[rows][:, columns[1:]]
    taught = torch.stack([batch.norms for batch in by_batch(model, *features, torch.from_numpy(clean))])
    expected = {"shared layer": list(model.shared.parameters())}
    expected["embeddings"] = list(model.embedding.parameters())
    norms = torch.stack([batch.norms for batch in batches])  # (batches, targets)
    cosines = torch.stack([batch.cosines for batch in batches])  # (batches, targets, targets)
    return {
        "expected": {
            name: expected_pull(setting, model, rows, parameters) for name, parameters in expected.items()
        },
        "norm": by_target(whole.norms.tolist(), targets),
        "norm_of_a_batch": by_target(norms.mean(dim=0).tolist(), targets),
        "norm_of_a_batch_taught": by_target(taught.mean(dim=0).tolist()[1:], targets[1:]),
        "cosine": by_pair(whole.cosines.tolist(), targets),
        "cosine_of_a_batch": by_pair(cosines.mean(dim=0).tolist(), targets),
        "batches_in_conflict": by_pair((cosines < 0).double().mean(dim=0).tolist(), targets),
    }


def run(setting: Setting) -> list[dict[str, Any]]:
    """All moments of both starts in one world."""
    found = []
    for start, based in STARTS.items():
        for moment, every in MOMENTS.items():
            model = setting.model(based=based).eval()
            if every is not None:
                rows = np.zeros(len(setting.learnt.labels), dtype=bool)
                rows[::every] = True
                setting.train(WeightedCrossEntropy(TARGETS), LEARNING_RATE, model, rows)
            what = {"seed": setting.seed, "start": start, "moment": moment}
            found.append(what | pull(setting, model))
    return found


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every gradient in every world."""
    return {
        "question": "How hard does each target pull on the shared network, and which way?",
        "impressions": impressions,
        "rows": ROWS,
        "batch_size": BATCH,
        "learning_rate": LEARNING_RATE,
        "runs": in_every_world(run, seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=5)
