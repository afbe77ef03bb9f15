"""One fit loop for every model of the course: seeds, early stopping, checkpoints, a progress bar, a history.

The loop knows nothing of targets or losses: it is given a function from (logits, labels) to a scalar, so that
each chapter shows its own loss. :func:`fit` takes examples, in memory or streamed from Parquet. It runs as it
is under ``torchrun``, on as many processes as that starts.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ranking import validation
from ranking.logs.features import FeatureTable
from ranking.multi_task import seeded
from ranking.progress import progress
from ranking.training.checkpoints import load_checkpoint, save_checkpoint
from ranking.training.examples import Examples, finite_features
from ranking.training.processes import Processes, join

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits (rows, targets) and labels (rows, targets) to a scalar. If it is an ``nn.Module`` with
parameters of its own (learnt loss weights, say), they are trained along with the model's."""


@dataclass
class History:
    """What a training run did.

    Attributes:
        train_loss: mean loss of each epoch, in nats.
        validation_loss: loss on the held-out rows after each epoch; empty without them.
        best_epoch: epoch (from 0) whose weights the model carries at the end.
        rows: rows in one epoch.
        steps: steps of the optimiser, those before an interruption included.
        seconds: wall time of the training steps, evaluation left out.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0
    rows: int = 0
    steps: int = 0
    seconds: float = 0.0


class _Objective(nn.Module):
    """Model and loss as one module, so that the parameters of both are trained and kept in step."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, categorical: Tensor, dense: Tensor, y: Tensor) -> Tensor:
        return self.loss(self.model(categorical, dense), y)


class _Run:
    """A training run that can be written down between any two steps and taken up again."""

    def __init__(
        self,
        objective: _Objective,
        settings: dict[str, Any],
        rows: int,
        patience: int | None,
        checkpoint: str | os.PathLike[str] | None,
        processes: Processes,
    ) -> None:
        self.objective, self.model = objective, objective.model
        self.settings, self.patience = settings, patience
        self.checkpoint, self.processes = checkpoint, processes
        groups = [{"params": list(objective.model.parameters())}]
        if isinstance(objective.loss, nn.Module) and (own := list(objective.loss.parameters())):
            groups.append({"params": own, "weight_decay": 0.0})
        # One fused kernel per step: several times cheaper than a kernel per parameter at these sizes.
        self.optimiser = torch.optim.AdamW(
            groups, lr=settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True
        )
        self.steps = settings["epochs"] * -(-rows // settings["batch_size"])
        # With a constant step size the last few batches leave their mark on the level of all predictions.
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimiser, 1.0, 0.0, total_iters=self.steps)
        self.averaged = torch.optim.swa_utils.AveragedModel(self.model)
        mean = self.averaged.module  # its tensors beside the model's, once: a walk through modules is slow
        self.weights = list(zip(mean.parameters(), self.model.parameters(), strict=True))
        self.buffers = list(zip(mean.buffers(), self.model.buffers(), strict=True))
        averaging = int(settings["average"] * self.steps) if patience is None else 0
        self.first_averaged = self.steps - averaging
        self.generator = torch.Generator().manual_seed(settings["seed"])
        self.epoch_began = self.generator.get_state()
        self.history = History(rows=rows)
        self.epoch = self.step = self.batch = 0  # of the pass at hand: ``batch`` steps are done
        self.total = 0.0
        self.best_weights: dict[str, Tensor] | None = None
        self.done = False

    @torch.no_grad()
    def add_to_average(self) -> None:
        """What ``AveragedModel.update_parameters`` does, in the same arithmetic."""
        count = int(self.averaged.n_averaged)
        for mean, now in self.weights:
            if count:
                mean.add_((now - mean).div_(count + 1))
            else:
                mean.copy_(now)
        for kept, now in self.buffers:
            kept.copy_(now)
        self.averaged.n_averaged += 1

    def save(self) -> None:
        """Write the checkpoint (the first process does it for all)."""
        if self.checkpoint is None or not self.processes.first:
            return
        names = ("epoch", "step", "batch", "total", "best_weights", "done", "epoch_began")
        state = {name: getattr(self, name) for name in names}
        state |= {name: getattr(self, name).state_dict() for name in ("objective", "optimiser", "schedule")}
        state |= {"averaged": self.averaged.state_dict(), "history": asdict(self.history)}
        save_checkpoint(self.checkpoint, self.settings, state | {"random": torch.get_rng_state()})

    def load(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint is None:
            return
        self.processes.wait()  # else one process might look while another already writes
        state = load_checkpoint(self.checkpoint, self.settings)
        self.processes.wait()
        if state is None:
            return
        self.history = History(**state.pop("history"))
        try:
            for name in ("objective", "optimiser", "schedule", "averaged"):
                getattr(self, name).load_state_dict(state.pop(name))
        except (RuntimeError, ValueError) as error:  # what torch says of other names or shapes
            raise ValueError(
                f"checkpoint {os.fspath(self.checkpoint)} belongs to a run with another model or loss: "
                f"use the same, or another file ({error})"
            ) from error
        torch.set_rng_state(state.pop("random"))
        for name, value in state.items():
            setattr(self, name, value)
        self.generator.set_state(self.epoch_began)

    def finish(self) -> None:
        """Give the model the weights that it is to keep."""
        if self.done:
            return
        if self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)
        elif self.first_averaged < self.steps:
            self.model.load_state_dict(self.averaged.module.state_dict())
        self.done = True
        self.save()


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
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1000,
    device: str | torch.device = "cpu",
    description: str = "training",
) -> History:
    """Train ``model`` in place with Adam on shuffled batches, its step size falling linearly to 0.

    One pass is the default and the custom of the field: with embeddings of users and items a second pass
    already fits the noise of the first. The weights at the end are the mean over the last steps (Polyak and
    Juditsky, 1992), because the level of all predictions is the flattest direction of the loss, and single
    steps leave it several per cent to either side.

    Under ``torchrun`` every process takes its share of each batch, and gradients are averaged with torch's
    DistributedDataParallel (gloo, on the CPU). The batches are the same as for one process, and so is the
    mean over a batch; a mean over the rows of a mask is taken in each share by itself. Every process reads
    all examples and ends with the same weights.

    Args:
        model: maps (categorical (rows, fields), dense (rows, n)) to logits (rows, targets).
        examples: the rows to train on, in memory (:class:`~ranking.training.TableExamples`) or streamed
            (:class:`~ranking.training.parquet.ParquetRows`, whose memory does not grow with the rows).
        loss: from logits and labels of a batch to a scalar.
        seed: decides the order of the rows and, in a model that has it, dropout. Build the model under
            :func:`seeded` to fix its first weights.
        epochs: passes over the rows, at most.
        batch_size: rows per step, all processes together.
        learning_rate: first step size of Adam, above 0.
        weight_decay: pulls weights towards 0, at least 0 (decoupled, as AdamW does it).
        average: share of the steps, counted from the end, whose weights are averaged, in [0, 1]; 0 for none.
        held_out: examples to evaluate after every epoch.
        patience: stop after this many epochs without a better held-out loss, and take the weights of the
            best epoch back (those as they were then, without averaging).
        checkpoint: a file to keep the run in. If it is there already, training goes on from it, and the
            weights at the end are, bit for bit, those of a run that was never stopped; a finished run is
            taken from it as it is. Remove the file to start anew. A run of other rows, settings or loss
            weights is refused.
        checkpoint_every: steps from one checkpoint to the next; one is written after every epoch, too.
        device: where to train, "cpu" unless asked otherwise; the model stays there.
        description: text of the progress bar.

    Returns:
        The history. The model is left in evaluation mode.

    Raises:
        ValueError: for arguments outside what is allowed; features that are not finite; a target whose
            labels are all 0 or all 1; a checkpoint of another run, or without a folder to write it to; or
            when the loss is no scalar or stops being a finite number.
    """
    seed = validation.seed("seed", seed)
    epochs = validation.positive_int("epochs", epochs)
    batch_size = validation.positive_int("batch_size", batch_size)
    checkpoint_every = validation.positive_int("checkpoint_every", checkpoint_every)
    learning_rate = float(
        validation.positive("learning_rate", validation.number("learning_rate", learning_rate))
    )
    weight_decay = float(
        validation.non_negative("weight_decay", validation.number("weight_decay", weight_decay))
    )
    average = float(validation.probabilities("average", validation.number("average", average)))
    if patience is not None:
        patience = validation.positive_int("patience", patience)
        if held_out is None:
            raise ValueError("patience needs held_out rows to judge by, got held_out=None")
    if not callable(loss):
        raise ValueError(f"loss must be a function of logits and labels, got {loss!r}")
    if checkpoint is not None and not Path(checkpoint).parent.is_dir():
        raise ValueError(f"checkpoint must stand in a folder that is there, got {os.fspath(checkpoint)!r}")
    _checked("examples", examples, model).check_learnable(getattr(model, "targets", None))
    if held_out is not None:
        _checked("held_out", held_out, model)
    processes = join()
    objective = _Objective(model, loss).to(device)
    settings = {
        "seed": seed,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "average": average,
        "patience": patience,
        "processes": processes.count,
    }
    if checkpoint is not None:  # by what a run is known again
        settings["loss"] = loss.extra_repr() if isinstance(loss, nn.Module) else ""
        settings |= examples.shuffle_state()
    with seeded(seed):
        run = _Run(objective, settings, len(examples), patience, checkpoint, processes)
        run.load()
        with progress(total=run.steps, description=description, shown=processes.first) as bar:
            bar.update(run.step)
            while not run.done and run.epoch < epochs:
                _one_epoch(run, examples, batch_size, checkpoint_every, device, bar)
                if _ends_epoch(run, held_out, batch_size, device):
                    break
                run.save()
        run.finish()
    model.eval()
    return run.history


@torch.no_grad()
def predict_logits(model: nn.Module, features: FeatureTable, batch_size: int = 16_384) -> np.ndarray:
    """Logits of every row, float64, shape (rows, targets); the model is put into evaluation mode.

    Ids that training did not see have code 0 and an embedding that was never trained; ``features.unseen``
    counts them.

    Raises:
        ValueError: for features that are not finite, or ids that the model has no embedding for.
    """
    validation.positive_int("batch_size", batch_size)
    finite_features(features.dense, features.columns)
    model.eval()
    categorical, dense = features.to_tensors()
    device = next(model.parameters()).device  # where ``fit`` has left the model
    batches = zip(categorical.split(batch_size), dense.split(batch_size), strict=True)
    parts = [model(c.to(device), d.to(device)).cpu() for c, d in batches]
    return torch.cat(parts).double().numpy()  # (rows, targets)


def _checked(name: str, examples: Any, model: nn.Module) -> Examples:
    """Examples whose targets are the model's."""
    if not isinstance(examples, Examples):
        kind = type(examples).__name__
        raise ValueError(f"{name} must be Examples, such as TableExamples(features, labels), got {kind}")
    if (targets := getattr(model, "targets", None)) is not None:
        examples.check_targets(targets)
    return examples


def _one_epoch(
    run: _Run,
    examples: Examples,
    batch_size: int,
    checkpoint_every: int,
    device: str | torch.device,
    bar: Any,
) -> None:
    """The steps of one pass that are not done yet."""
    processes, objective = run.processes, run.objective
    if processes.count > 1:
        objective = DistributedDataParallel(objective)
    run.objective.train()
    started, before = time.perf_counter(), run.history.seconds
    run.epoch_began = run.generator.get_state()
    for number, batch in enumerate(examples.batches(batch_size, run.generator)):
        if number < run.batch:
            continue  # done before the interruption
        rows = len(batch[-1])
        mine, weight = processes.share(rows)
        value = objective(*(part[mine].to(device) for part in batch))
        if value.ndim:
            raise ValueError(f"loss must give a scalar, got the shape {tuple(value.shape)}")
        run.optimiser.zero_grad()
        # gradients are averaged over processes, each counting by its share of the batch
        (value if processes.count == 1 else value * (weight * processes.count)).backward()
        run.optimiser.step()
        run.schedule.step()
        if run.step >= run.first_averaged:
            run.add_to_average()
        run.step += 1
        run.batch += 1
        run.total += float(value.detach()) * (rows if processes.count == 1 else weight * rows)
        bar.update(1)
        if run.step % checkpoint_every == 0 and run.checkpoint is not None:
            run.history.seconds = before + time.perf_counter() - started
            run.save()
    run.history.seconds = before + time.perf_counter() - started


def _ends_epoch(run: _Run, evaluation: Examples | None, batch_size: int, device: str | torch.device) -> bool:
    """Note the pass in the history, evaluate, and say whether training stops early."""
    history, epoch = run.history, run.epoch
    total = run.processes.total(run.total)
    history.steps = run.step
    history.train_loss.append(total / history.rows)
    if not np.isfinite(total):
        rate = run.settings["learning_rate"]
        raise ValueError(f"the loss is {total} in epoch {epoch}: lower learning_rate (now {rate})")
    history.best_epoch = epoch
    run.epoch, run.batch, run.total = epoch + 1, 0, 0.0
    run.epoch_began = run.generator.get_state()
    if evaluation is None:
        return False
    held_out = _evaluate(run.objective, evaluation, batch_size, device)
    if not np.isfinite(held_out):
        raise ValueError(f"the loss on the held_out rows is {held_out} after epoch {epoch}")
    history.validation_loss.append(held_out)
    if run.patience is None:
        return False
    history.best_epoch = int(np.argmin(history.validation_loss))
    if history.best_epoch == epoch:
        run.best_weights = copy.deepcopy(run.model.state_dict())
    return epoch - history.best_epoch >= run.patience


@torch.no_grad()
def _evaluate(
    objective: _Objective, examples: Examples, batch_size: int, device: str | torch.device
) -> float:
    objective.eval()
    total = 0.0
    for batch in examples.batches(8 * batch_size):
        total += float(objective(*(part.to(device) for part in batch))) * len(batch[-1])
    return total / len(examples)
