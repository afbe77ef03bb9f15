"""One fit loop for every model of the course: seeds, early stopping, checkpoints, a progress bar, a history.

The loop knows nothing of targets or losses: it is given a function from (logits, labels) to a scalar.
"""

import os
import zlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ranking import validation
from ranking.logs import FeatureTable
from ranking.multi_task import seeded
from ranking.progress import progress
from ranking.training.checkpoints import AnyPath
from ranking.training.examples import Examples, finite_features
from ranking.training.objective import Loss, Objective, checked_loss, loss_mark, mean_weights
from ranking.training.processes import join
from ranking.training.run import Device, History, Run, Settings


def fit(
    model: nn.Module,
    examples: Examples,
    loss: Loss,
    *,
    seed: int,
    epochs: int = 1,
    batch_size: int = 256,
    learning_rate: float = 5e-3,
    weight_decay: float = 0.0,
    average: float = 0.5,
    held_out: Examples | None = None,
    patience: int | None = None,
    checkpoint: AnyPath | None = None,
    checkpoint_every: int = 1000,
    device: Device = "cpu",
    description: str = "training",
) -> History:
    """Train ``model`` in place with Adam on shuffled batches, its step size falling linearly to 0.

    One pass is the custom of the field: with embeddings of users and items a second pass already fits the
    noise of the first. The weights at the end are the mean over the last steps (Polyak and Juditsky, 1992):
    single steps leave the level of all predictions, the flattest direction of the loss, several per cent to
    either side. The model is left in evaluation mode.

    Under ``torchrun`` every process reads all examples, takes its share of each batch, and ends with the same
    weights: gradients are averaged with torch's DistributedDataParallel (gloo, on the CPU). Batches and their
    means are those of one process, those of a :class:`~ranking.multi_task.PerTargetLoss` where rows are
    masked, too; another function's loss is taken in each share and averaged by their rows.

    Embedding tables whose gradients are sparse (``nn.Embedding(..., sparse=True)``, or ``sparse=True`` of
    :class:`~ranking.multi_task.MultiTaskModel`) are trained by
    :class:`~ranking.training.lazy_adam.LazyAdam`: rows that a batch does not hold cost nothing. All else is
    trained by AdamW.

    Args:
        model: maps (categorical (rows, fields), dense (rows, n)) to logits (rows, targets).
        examples: the rows to train on, in memory (:class:`~ranking.training.TableExamples`) or streamed
            (:class:`~ranking.training.parquet.ParquetRows`).
        loss: from logits and labels of a batch to a scalar. Where the examples have weights of rows, it must
            take ``weights=``, too, (rows, targets), whose mean over the rows that count for a target is 1.
        seed: decides the order of the rows and, in a model that has it, dropout. Build the model under
            :func:`seeded` to fix its first weights.
        epochs: passes over the rows, at most.
        batch_size: rows per step, all processes together.
        learning_rate: first step size of Adam, above 0.
        weight_decay: pulls weights towards 0, at least 0 (decoupled, as AdamW does it).
        average: share of the steps, counted from the end, whose weights are averaged, in [0, 1]; 0 for none.
        held_out: examples to evaluate after every epoch.
        patience: stop after this many epochs without a better held-out loss, and take the weights of the
            best epoch back, not averaged.
        checkpoint: a file to keep the run in. If it is there already, training goes on from it, to the very
            weights of a run that was never stopped; a finished run is taken from it as it is. Remove the file
            to start anew. A run of another model or loss, of other rows, held-out rows or settings, is
            refused.
        checkpoint_every: steps from one checkpoint to the next; one is written after every epoch, too.
        device: where to train; the model stays there.
        description: text of the progress bar.

    Raises:
        ValueError: for arguments outside what is allowed, a target whose labels are all 0 or all 1, a
            checkpoint of another run, and a loss that is no scalar or stops being a finite number.
    """
    if not isinstance(model, nn.Module) or not any(True for _ in model.parameters()):
        raise ValueError(f"model must be an nn.Module with parameters, got {model!r:.80}")
    if patience is not None and held_out is None:
        raise ValueError("patience needs held_out rows to judge by, got held_out=None")
    if checkpoint is not None and not validation.path("checkpoint", checkpoint).parent.is_dir():
        raise ValueError(f"checkpoint must stand in a folder that is there, got {os.fspath(checkpoint)!r}")
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be one that torch knows, such as 'cpu', got {device!r}") from error
    checkpoint_every = validation.positive_int("checkpoint_every", checkpoint_every)
    processes = join()
    settings: Settings = {
        "seed": validation.seed("seed", seed),
        "epochs": validation.positive_int("epochs", epochs),
        "batch_size": validation.positive_int("batch_size", batch_size),
        "learning_rate": validation.number("learning_rate", learning_rate, above=0.0),
        "weight_decay": validation.number("weight_decay", weight_decay, least=0.0),
        "average": validation.number("average", average, least=0.0, most=1.0),
        "patience": None if patience is None else validation.positive_int("patience", patience),
        "processes": processes.count,
    }
    targets = getattr(model, "targets", None)
    _checked("examples", examples, model).check_learnable(targets)
    checked_loss(loss, examples)
    if held_out is not None:
        checked_loss(loss, _checked("held_out", held_out, model))
    with seeded(seed):
        model.to(device)
        if checkpoint is not None:  # by what a run is known again
            settings |= examples.shuffle_state()
            settings["held_out"] = None if held_out is None else held_out.shuffle_state()
            settings["model"] = f"{type(model).__qualname__} {zlib.crc32(repr(model).encode()):08x}"
            settings |= {"targets": targets, "loss": loss_mark(model, loss, examples)}
        objective = Objective(model, loss, mean_weights(examples, loss), processes).to(device)
        run = Run(objective, settings, len(examples), checkpoint, processes)
        run.load()
        with progress(total=run.steps, description=description, shown=processes.first) as bar:
            bar.update(run.step)
            while not run.done and run.epoch < settings["epochs"]:
                run.one_epoch(examples, checkpoint_every, device, bar)
                if run.ends_epoch(held_out, device):
                    break
                run.save()
        run.finish()
    model.eval()
    return run.history


@torch.no_grad()
def predict_logits(model: nn.Module, features: FeatureTable, batch_size: int = 16_384) -> NDArray[np.float64]:
    """Logits of every row, shape (rows, targets); the model is put into evaluation mode.

    Ids that training did not see have code 0 and an embedding that was never trained; ``features.unseen``
    counts them. Features must be finite, and of ids that the model knows.
    """
    batch_size = validation.positive_int("batch_size", batch_size)
    validation.instance("model", model, nn.Module)
    validation.instance("features", features, FeatureTable)
    finite_features(features.dense, features.columns)
    model.eval()
    categorical, dense = features.to_tensors()
    device = next(model.parameters()).device  # where ``fit`` has left the model
    batches = zip(torch.split(categorical, batch_size), torch.split(dense, batch_size), strict=True)
    parts = [model(c.to(device), d.to(device)).cpu() for c, d in batches]
    logits: NDArray[np.float64] = torch.cat(parts).double().numpy()  # (rows, targets)
    return logits


def _checked(name: str, examples: Any, model: nn.Module) -> Examples:
    """Examples whose targets are the model's."""
    if not isinstance(examples, Examples):
        kind = type(examples).__name__
        raise ValueError(f"{name} must be Examples, such as TableExamples(features, labels), got {kind}")
    if (targets := getattr(model, "targets", None)) is not None:
        examples.check_targets(targets)
    return examples
