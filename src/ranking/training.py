"""One fit loop for every model of the course: seeds, early stopping, a progress bar, a history.

The loop knows nothing of targets or losses: it is given a function from (logits, labels) to a scalar, so that
each chapter shows its own loss.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ranking import validation
from ranking.data.features import FeatureTable
from ranking.progress import progress

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits (rows, targets) and labels (rows, targets) to a scalar."""


@dataclass
class History:
    """What a training run did.

    Attributes:
        train_loss: mean loss of each epoch, in nats.
        validation_loss: loss on the held-out rows after each epoch; empty without them.
        best_epoch: epoch (from 0) whose weights the model carries at the end.
        rows: rows in one epoch.
        seconds: wall time of the training steps, evaluation left out.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0
    rows: int = 0
    seconds: float = 0.0


def _tensors(
    features: FeatureTable, labels: ArrayLike, name: str, device: str | torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Features and labels as tensors: (rows, fields), (rows, dense), (rows, targets)."""
    categorical, dense = features.to_tensors()
    y = torch.as_tensor(np.asarray(labels, dtype=np.float32))
    if y.ndim == 1:
        y = y[:, None]
    if len(y) != len(features):
        raise ValueError(f"{name} must have one row per row of features: {len(y)} for {len(features)}")
    validation.not_empty(name, y)
    validation.probabilities(name, y)
    return categorical.to(device), dense.to(device), y.to(device)


def fit(
    model: nn.Module,
    features: FeatureTable,
    labels: ArrayLike,
    loss: Loss,
    *,
    seed: int,
    epochs: int = 1,
    batch_size: int = 256,
    learning_rate: float = 5e-3,
    weight_decay: float = 0.0,
    average: float = 0.5,
    held_out: tuple[FeatureTable, ArrayLike] | None = None,
    patience: int | None = None,
    device: str | torch.device = "cpu",
    description: str = "training",
) -> History:
    """Train ``model`` in place with Adam on shuffled batches, its step size falling linearly to 0.

    One pass is the default and the custom of the field: with embeddings of users and items a second pass
    already fits the noise of the first. The weights at the end are the mean over the last steps (Polyak and
    Juditsky, 1992), because the level of all predictions is the flattest direction of the loss, and single
    steps leave it several per cent to either side.

    Args:
        model: maps (categorical (rows, fields), dense (rows, n)) to logits (rows, targets).
        features: the rows to train on.
        labels: 0 or 1, shape (rows,) or (rows, targets).
        loss: from logits and labels of a batch to a scalar.
        seed: decides the order of the rows. Build the model under :func:`seeded` to fix its first weights.
        epochs: passes over the rows, at most.
        batch_size: rows per step.
        learning_rate: first step size of Adam, above 0.
        weight_decay: pulls weights towards 0, at least 0 (decoupled, as AdamW does it).
        average: share of the steps, counted from the end, whose weights are averaged, in [0, 1]; 0 for none.
        held_out: features and labels to evaluate after every epoch.
        patience: stop after this many epochs without a better held-out loss, and take the weights of the
            best epoch back (those as they were then, without averaging).
        device: where to train, "cpu" unless asked otherwise; the model stays there.
        description: text of the progress bar.

    Returns:
        The history. The model is left in evaluation mode.

    Raises:
        ValueError: for arguments outside what is allowed, or when the loss stops being a finite number.
    """
    validation.positive_int("epochs", epochs)
    validation.positive_int("batch_size", batch_size)
    if not validation.number("learning_rate", learning_rate) > 0.0:
        raise ValueError(f"learning_rate must be above 0, got {learning_rate}")
    validation.non_negative("weight_decay", weight_decay)
    average = float(validation.probabilities("average", average))
    if patience is not None:
        validation.positive_int("patience", patience)
        if held_out is None:
            raise ValueError("patience needs held_out rows to judge by, got held_out=None")
    categorical, dense, y = _tensors(features, labels, "labels", device)
    evaluation = None if held_out is None else _tensors(*held_out, "held_out labels", device)
    model.to(device)

    # One fused kernel per step: several times cheaper than a kernel per parameter at these sizes.
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    generator = torch.Generator().manual_seed(seed)
    history = History(rows=len(y))
    steps = epochs * -(-len(y) // batch_size)
    # With a constant step size the last few batches leave their mark on the level of all predictions.
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    first_averaged = steps - int(average * steps) if patience is None else steps
    best_loss, best_weights, step = float("inf"), None, 0
    with progress(total=steps, description=description) as bar:
        for epoch in range(epochs):
            model.train()
            started = time.perf_counter()
            order = torch.randperm(len(y), generator=generator).to(device)
            total = 0.0
            for batch in order.split(batch_size):
                value = loss(model(categorical[batch], dense[batch]), y[batch])
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                schedule.step()
                if step >= first_averaged:
                    averaged.update_parameters(model)
                step += 1
                total += float(value.detach()) * len(batch)
                bar.update(1)
            history.seconds += time.perf_counter() - started
            history.train_loss.append(total / len(y))
            if not np.isfinite(total):
                raise ValueError(
                    f"the loss is {total} in epoch {epoch}: lower learning_rate (now {learning_rate})"
                )
            history.best_epoch = epoch
            if evaluation is None:
                continue
            history.validation_loss.append(_evaluate(model, *evaluation, loss, batch_size))
            if patience is None:
                continue
            if history.validation_loss[-1] < best_loss:
                best_loss, best_weights = history.validation_loss[-1], copy.deepcopy(model.state_dict())
            history.best_epoch = int(np.argmin(history.validation_loss))
            if epoch - history.best_epoch >= patience:
                break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    elif first_averaged < steps:
        model.load_state_dict(averaged.module.state_dict())
    model.eval()
    return history


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A context in which torch draws from ``seed`` and which leaves the outer random state as it was.

    ``with seeded(3): model = MultiTaskModel(...)`` gives the same first weights each time.
    """
    validation.non_negative("seed", seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@torch.no_grad()
def _evaluate(
    model: nn.Module, categorical: Tensor, dense: Tensor, y: Tensor, loss: Loss, batch_size: int
) -> float:
    model.eval()
    total = 0.0
    for rows in torch.arange(len(y)).split(8 * batch_size):
        total += float(loss(model(categorical[rows], dense[rows]), y[rows])) * len(rows)
    return total / len(y)


@torch.no_grad()
def predict_logits(model: nn.Module, features: FeatureTable, batch_size: int = 16_384) -> np.ndarray:
    """Logits of every row, float64, shape (rows, targets); the model is put into evaluation mode."""
    validation.positive_int("batch_size", batch_size)
    model.eval()
    categorical, dense = features.to_tensors()
    parts = [model(c, d) for c, d in zip(categorical.split(batch_size), dense.split(batch_size), strict=True)]
    return torch.cat(parts).double().numpy()  # (rows, targets)
