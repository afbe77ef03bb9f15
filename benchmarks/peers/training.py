"""The four-task model of other libraries, for ``benchmarks.training``: the same sizes, as they are shipped.

Each has 8 numbers an id, a shared layer of 64 units, a tower of 32 for each task, and Adam. What they add
beyond that by default, a penalty on all embeddings (deepctr-torch) or a decay of all weights (torch-rechub),
which would cost a pass over every id, is left out; torch-rechub's batch norms cannot be.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.peers.silence import silent
from ranking.logs import FeatureTable

DIM, SHARED, TOWER = 8, (64,), (32,)
RATE, BATCH = 5e-3, 256
SPREAD = 0.05
"""Standard deviation of first embeddings, everywhere: the libraries' own, 1e-4, learns more slowly."""


def columns(features: FeatureTable) -> dict[str, NDArray[np.number]]:
    """Features by name, (rows,) each, as both libraries take them."""
    fields = dict(zip(features.fields, features.categorical.T, strict=True))
    return {**fields, **dict(zip(features.columns, features.dense.T, strict=True))}


class DeepCTR:
    """deepctr-torch's ``SharedBottom``, trained by its ``fit``."""

    package = "deepctr-torch"

    def __init__(self, features: FeatureTable, tasks: int, seed: int) -> None:
        with silent():
            from deepctr_torch.inputs import DenseFeat, SparseFeat
            from deepctr_torch.models.multitask.sharedbottom import SharedBottom
        sizes = zip(features.fields, features.cardinalities, strict=True)
        self.model = SharedBottom(
            [
                *(SparseFeat(name, size, embedding_dim=DIM) for name, size in sizes),
                *(DenseFeat(name, 1) for name in features.columns),
            ],
            bottom_dnn_hidden_units=SHARED,
            tower_dnn_hidden_units=TOWER,
            l2_reg_embedding=0.0,
            l2_reg_linear=0.0,
            task_types=["binary"] * tasks,
            task_names=[f"task{k}" for k in range(tasks)],
            seed=seed,
        )
        for table in self.model.embedding_dict.values():
            nn.init.normal_(table.weight, std=SPREAD)
        adam = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self.model.compile(adam, loss=["binary_crossentropy"] * tasks)

    def train(self, features: FeatureTable, labels: NDArray[np.floating]) -> None:
        """One pass over the rows."""
        with silent():
            self.model.fit(columns(features), labels, batch_size=BATCH, epochs=1, verbose=0, shuffle=True)

    def predict(self, features: FeatureTable) -> NDArray[np.floating]:
        """Rates, (rows, tasks)."""
        rates: NDArray[np.floating] = self.model.predict(columns(features), batch_size=4_096)
        return rates


class ReChub:
    """torch-rechub's ``SharedBottom``, trained by a pass of its ``MTLTrainer``."""

    package = "torch-rechub"

    def __init__(self, features: FeatureTable, tasks: int, seed: int) -> None:
        from torch_rechub.basic.features import DenseFeature, SparseFeature
        from torch_rechub.basic.initializers import RandomNormal
        from torch_rechub.models.multi_task import SharedBottom
        from torch_rechub.trainers import MTLTrainer

        torch.manual_seed(seed)
        first = RandomNormal(0, SPREAD)
        sizes = zip(features.fields, features.cardinalities, strict=True)
        kinds = ["classification"] * tasks
        model = SharedBottom(
            [
                *(SparseFeature(name, size, DIM, initializer=first) for name, size in sizes),
                *(DenseFeature(name) for name in features.columns),
            ],
            kinds,
            {"dims": list(SHARED)},
            [{"dims": list(TOWER)} for _ in range(tasks)],
        )
        self.trainer = MTLTrainer(model, kinds, optimizer_params={"lr": RATE}, n_epoch=1)

    def train(self, features: FeatureTable, labels: NDArray[np.floating]) -> None:
        """One pass over the rows."""
        from torch_rechub.utils.data import TorchDataset

        rows = TorchDataset(columns(features), labels)
        with silent():
            self.trainer.train_one_epoch(torch.utils.data.DataLoader(rows, batch_size=BATCH, shuffle=True))

    @torch.no_grad()
    def predict(self, features: FeatureTable) -> NDArray[np.floating]:
        """Rates, (rows, tasks)."""
        model = self.trainer.model.eval()
        given = {name: torch.from_numpy(np.array(column)) for name, column in columns(features).items()}
        rates: NDArray[np.floating] = model(given).numpy()
        return rates
