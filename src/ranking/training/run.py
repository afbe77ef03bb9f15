"""A training run that can be written down between any two steps, and taken up again."""

import copy
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ranking.training.checkpoints import AnyPath, load_checkpoint, save_checkpoint
from ranking.training.examples import Examples
from ranking.training.processes import Processes

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits (rows, targets) and labels (rows, targets) to a scalar. If it is an ``nn.Module`` with
parameters of its own (learnt loss weights, say), they are trained along with the model's."""

Device = str | torch.device
Settings = dict[str, Any]

PLAIN = ("epoch", "step", "batch", "total", "mean", "averaged", "best_weights", "done", "epoch_began")
"""What a checkpoint keeps as it is, beside the states of model, loss, optimiser and schedule."""


@dataclass
class History:
    """What a training run did.

    Attributes:
        train_loss: mean loss of each epoch, in nats.
        validation_loss: loss on the held-out rows after each epoch; empty without them.
        best_epoch: epoch (from 0) whose weights the model carries at the end.
        rows: in one epoch.
        steps: of the optimiser, those before an interruption included.
        seconds: wall time of these, evaluation left out.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0
    rows: int = 0
    steps: int = 0
    seconds: float = 0.0


class Objective(nn.Module):
    """Model and loss as one module, so that the parameters of both are trained and kept in step."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, categorical: Tensor, dense: Tensor, y: Tensor) -> Tensor:
        return self.loss(self.model(categorical, dense), y)


class Run:
    """Model, loss, optimiser and averages, and how far they have come."""

    def __init__(
        self, objective: Objective, settings: Settings, rows: int, file: AnyPath | None, processes: Processes
    ) -> None:
        self.objective, self.model = objective, objective.model
        self.settings, self.patience = settings, settings["patience"]
        self.checkpoint, self.processes = file, processes
        groups: list[dict[str, Any]] = [{"params": list(objective.model.parameters())}]
        if isinstance(objective.loss, nn.Module) and (own := list(objective.loss.parameters())):
            groups.append({"params": own, "weight_decay": 0.0})
        # One fused kernel per step: several times cheaper than a kernel per parameter at these sizes.
        rate, decay = settings["learning_rate"], settings["weight_decay"]
        self.optimiser = torch.optim.AdamW(groups, lr=rate, weight_decay=decay, fused=True)
        self.steps = settings["epochs"] * -(-rows // settings["batch_size"])
        # With a constant step size the last few batches leave their mark on the level of all predictions.
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimiser, 1.0, 0.0, total_iters=self.steps)
        self.live = self.model.state_dict()  # the model's own tensors, looked up once
        self.mean = copy.deepcopy(self.live)
        self.trained = {name for name, _ in self.model.named_parameters()}
        self.averaged = 0
        averaging = int(settings["average"] * self.steps) if self.patience is None else 0
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
        """What torch's ``AveragedModel`` does, in the same arithmetic; buffers follow the model."""
        self.averaged += 1
        for name, now in self.live.items():
            if name in self.trained and self.averaged > 1:
                self.mean[name].add_((now - self.mean[name]).div_(self.averaged))
            else:
                self.mean[name].copy_(now)

    def save(self) -> None:
        """Write the checkpoint (the first process does it for all)."""
        if self.checkpoint is None or not self.processes.first:
            return
        state = {name: getattr(self, name) for name in PLAIN}
        state |= {name: getattr(self, name).state_dict() for name in ("objective", "optimiser", "schedule")}
        state |= {"history": asdict(self.history), "random": torch.get_rng_state()}
        save_checkpoint(self.checkpoint, self.settings, state)

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
            for name in ("objective", "optimiser", "schedule"):
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
            self.model.load_state_dict(self.mean)
        self.done = True
        self.save()

    def one_epoch(self, examples: Examples, checkpoint_every: int, device: Device, bar: Any) -> None:
        """The steps of one pass that are not done yet."""
        processes = self.processes
        objective: nn.Module = self.objective.train()
        if processes.count > 1:
            objective = DistributedDataParallel(self.objective)
        started, before = time.perf_counter(), self.history.seconds
        self.epoch_began = self.generator.get_state()
        for number, batch in enumerate(examples.batches(self.settings["batch_size"], self.generator)):
            if number < self.batch:
                continue  # done before the interruption
            rows = len(batch[-1])
            mine, weight = processes.share(rows)
            value = objective(*(part[mine].to(device) for part in batch))
            if value.ndim:
                raise ValueError(f"loss must give a scalar, got the shape {tuple(value.shape)}")
            self.optimiser.zero_grad()
            # gradients are averaged over processes, each counting by its share of the batch
            (value * (weight * processes.count)).backward()
            self.optimiser.step()
            self.schedule.step()
            if self.step >= self.first_averaged:
                self.add_to_average()
            self.step += 1
            self.batch += 1
            self.total += float(value.detach()) * (weight * rows)
            bar.update(1)
            if self.step % checkpoint_every == 0 and self.checkpoint is not None:
                self.history.seconds = before + time.perf_counter() - started
                self.save()
        self.history.seconds = before + time.perf_counter() - started

    def ends_epoch(self, held_out: Examples | None, device: Device) -> bool:
        """Note the pass in the history, evaluate, and say whether training stops early."""
        history, epoch = self.history, self.epoch
        total = self.processes.total(self.total)
        history.steps = self.step
        history.train_loss.append(total / history.rows)
        if not np.isfinite(total):
            rate = self.settings["learning_rate"]
            raise ValueError(f"the loss is {total} in epoch {epoch}: lower learning_rate (now {rate})")
        history.best_epoch = epoch
        self.epoch, self.batch, self.total = epoch + 1, 0, 0.0
        self.epoch_began = self.generator.get_state()
        if held_out is None:
            return False
        judged = self.evaluate(held_out, device)
        if not np.isfinite(judged):
            raise ValueError(f"the loss on the held_out rows is {judged} after epoch {epoch}")
        history.validation_loss.append(judged)
        if self.patience is None:
            return False
        history.best_epoch = int(np.argmin(history.validation_loss))
        if history.best_epoch == epoch:
            self.best_weights = copy.deepcopy(self.model.state_dict())
        return bool(epoch - history.best_epoch >= self.patience)

    @torch.no_grad()
    def evaluate(self, examples: Examples, device: Device) -> float:
        """Mean loss of a batch, over all rows."""
        self.objective.eval()
        total = 0.0
        for batch in examples.batches(8 * self.settings["batch_size"]):
            total += float(self.objective(*(part.to(device) for part in batch))) * len(batch[-1])
        return total / len(examples)
