"""A training run that can be written down between any two steps, and taken up again."""

import copy
import os
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ranking.training.checkpoints import AnyPath, load_checkpoint, save_checkpoint
from ranking.training.examples import Examples, batch_sizes
from ranking.training.lazy_adam import LazyAdam, sparse_tables
from ranking.training.objective import Objective, mean_weights
from ranking.training.processes import Processes

Device = str | torch.device
Settings = dict[str, Any]

PLAIN = ("epoch", "step", "batch", "averaged", "best_weights", "done", "epoch_began")
"""What a checkpoint keeps as it is, beside the states of model, loss, optimisers and schedules."""


@dataclass
class History:
    """What a training run did.

    Attributes:
        train_loss: loss over the rows of each epoch, in nats, each batch's by the weights of its step.
        validation_loss: loss on the held-out rows after each epoch; empty without them. Of a
            :class:`~ranking.multi_task.PerTargetLoss` both are made of the means over all rows that count for
            a target; of any other function, means over batches, by their rows.
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


class Run:
    """Model, loss, optimiser and averages, and how far they have come."""

    def __init__(
        self, objective: Objective, settings: Settings, rows: int, file: AnyPath | None, processes: Processes
    ) -> None:
        self.objective, self.model = objective, objective.model
        self.settings, self.patience = settings, settings["patience"]
        self.checkpoint, self.processes = file, processes
        self.steps = settings["epochs"] * len(batch_sizes(rows, settings["batch_size"]))
        averaging = int(settings["average"] * self.steps) if self.patience is None else 0
        self.first_averaged = self.steps - averaging
        self.learnt = list(objective.parameters())
        self.lazy = sparse_tables(self.model)
        self.optimisers = self.make_optimisers()
        # With a constant step size the last few batches leave their mark on the level of all predictions.
        self.schedules = [
            torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=self.steps)
            for optimiser in self.optimisers
        ]
        # the model's own tensors, looked up once; the average of lazy tables is their optimiser's
        lazy = {id(table) for table in self.lazy}
        named = self.model.named_parameters(remove_duplicate=False)
        trained = {name for name, parameter in named if id(parameter) not in lazy}
        state = self.model.state_dict(keep_vars=True)
        self.live = {name: tensor.detach() for name, tensor in state.items() if id(tensor) not in lazy}
        self.trained = [name for name in self.live if name in trained]
        self.mean = copy.deepcopy(self.live) if averaging else {}
        self.averaged = 0
        self.generator = torch.Generator().manual_seed(settings["seed"])
        self.epoch_began = self.generator.get_state()
        self.history = History(rows=rows)
        self.epoch = self.step = self.batch = 0  # of the pass at hand: ``batch`` steps are done
        self.sums = torch.zeros(2, 1, dtype=torch.float64)  # of this process: losses and rows, (2, targets)
        self.best_weights: dict[str, Tensor] | None = None
        self.done = False

    def make_optimisers(self) -> list[torch.optim.Optimizer]:
        """Adam for what every step changes, and a lazy one for the tables of which it changes a few rows."""
        rate, decay = self.settings["learning_rate"], self.settings["weight_decay"]
        lazy, loss = {id(table) for table in self.lazy}, self.objective.loss
        own = list(loss.parameters()) if isinstance(loss, nn.Module) else []
        dense = [parameter for parameter in self.model.parameters() if id(parameter) not in lazy]
        groups: list[dict[str, Any]] = [{"params": dense}, {"params": own, "weight_decay": 0.0}]
        optimisers: list[torch.optim.Optimizer] = []
        if groups := [group for group in groups if group["params"]]:
            # One fused kernel per step: several times cheaper than a kernel per parameter at these sizes.
            optimisers.append(torch.optim.AdamW(groups, lr=rate, weight_decay=decay, fused=True))
        if self.lazy:
            after = self.first_averaged if self.first_averaged < self.steps else None
            optimisers.append(LazyAdam(self.lazy, rate, decay, after))
        return optimisers

    @torch.no_grad()
    def add_to_average(self) -> None:
        """What torch's ``AveragedModel`` does, in the same arithmetic; buffers follow the model."""
        self.averaged += 1
        if self.averaged > 1 and self.trained:
            latest, means = ([of[name] for name in self.trained] for of in (self.live, self.mean))
            torch._foreach_lerp_(means, latest, 1.0 / self.averaged)
        for name, now in self.live.items():
            if self.averaged == 1 or name not in self.trained:
                self.mean[name].copy_(now)

    def save(self) -> None:
        """Write the checkpoint: the first process does it for all, which call this at the same step."""
        if self.checkpoint is None:
            return
        own = {"sums": self.sums, "random": torch.get_rng_state()}
        everyones = self.processes.everyones(own)
        if not self.processes.first:
            return
        state: dict[str, Any] = {name: getattr(self, name) for name in PLAIN}
        state |= {"objective": self.objective.state_dict(), "mean": self.mean, "processes": everyones}
        state |= {
            name: [part.state_dict() for part in getattr(self, name)] for name in ("optimisers", "schedules")
        }
        save_checkpoint(self.checkpoint, self.settings, state | {"history": asdict(self.history)})

    def load(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint is None:
            return
        self.processes.wait()  # else one process might look while another already writes
        state = load_checkpoint(self.checkpoint, self.settings)
        self.processes.wait()
        if state is None:
            return
        try:
            self.objective.load_state_dict(state["objective"])
            for name in ("optimisers", "schedules"):
                for part, held in zip(getattr(self, name), state[name], strict=True):
                    part.load_state_dict(held)
        except (RuntimeError, ValueError) as error:  # what torch says of other names or shapes
            raise ValueError(
                f"checkpoint {os.fspath(self.checkpoint)} belongs to a run with another model or loss: "
                f"use the same, or another file ({error})"
            ) from error
        self.history = History(**state["history"])
        own = state["processes"][self.processes.rank]
        torch.set_rng_state(own["random"])
        self.sums = own["sums"]
        for name, tensor in state["mean"].items():
            self.mean[name].copy_(tensor)
        for name in PLAIN:
            setattr(self, name, state[name])
        self.generator.set_state(self.epoch_began)

    def finish(self) -> None:
        """Give the model the weights that it is to keep."""
        if self.done:
            return
        if self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)
        elif self.mean:
            with torch.no_grad():
                for name, now in self.live.items():
                    now.copy_(self.mean[name])
            for optimiser in self.optimisers:
                if isinstance(optimiser, LazyAdam):
                    optimiser.take_averages()
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
            mine, weight = processes.share(len(batch[-1]))
            parts = batch if mine == slice(None) else [part[mine] for part in batch]
            value, sums, rows = objective(*(part.to(device) for part in parts), part=weight)
            for parameter in self.learnt:
                parameter.grad = None
            (value * processes.count).backward()  # gradients are averaged over the processes
            for optimiser in self.optimisers:
                optimiser.step()
            for schedule in self.schedules:
                schedule.step()
            if self.step >= self.first_averaged:
                self.add_to_average()
            self.step += 1
            self.batch += 1
            both = torch.stack([sums, rows]).cpu()  # (2, targets)
            # a batch that went to each of several processes whole is counted once
            self.sums = self.sums + (both if mine != slice(None) else both / processes.count)
            bar.update(1)
            if self.step % checkpoint_every == 0 and self.checkpoint is not None:
                self.history.seconds = before + time.perf_counter() - started
                self.save()
        self.history.seconds = before + time.perf_counter() - started

    def ends_epoch(self, held_out: Examples | None, device: Device) -> bool:
        """Note the pass in the history, evaluate, and say whether training stops early."""
        history, epoch = self.history, self.epoch
        loss = self.objective.over(self.processes.total(self.sums).to(device))
        history.steps = self.step
        history.train_loss.append(loss)
        if not np.isfinite(loss):
            rate = self.settings["learning_rate"]
            raise ValueError(f"the loss is {loss} in epoch {epoch}: lower learning_rate (now {rate})")
        history.best_epoch = epoch
        self.epoch, self.batch, self.sums = epoch + 1, 0, torch.zeros_like(self.sums)
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
        """The loss over all rows, see :class:`History`."""
        judge = Objective(self.model, self.objective.loss, mean_weights(examples, self.objective.loss))
        judge.to(device).eval()
        total: Any = 0.0
        for batch in examples.batches(8 * self.settings["batch_size"]):
            _, sums, rows = judge(*(part.to(device) for part in batch))
            total = total + torch.stack([sums, rows]).double()
        return judge.over(total)
