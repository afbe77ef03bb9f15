"""What ``fit`` makes small: a model and a loss as one module, over rows that may have weights."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ranking.multi_task import PerTargetLoss, seeded
from ranking.training.examples import Examples
from ranking.training.processes import ALONE, Processes

Loss = Callable[..., Tensor]
"""From logits (rows, targets) and labels (rows, targets) to a scalar; of examples that have row weights also
from ``weights=``, (rows, targets). If it is an ``nn.Module`` with parameters of its own (learnt loss weights,
say), they are trained along with the model's."""

WHOLE = 65_536
"""Rows at a time where all of them are looked at once."""


class Objective(nn.Module):
    """Model and loss as one module, so that the parameters of both are trained and kept in step.

    ``scale`` is the mean weight of the rows that count for each target, (targets,), where rows have weights.
    Several processes hold a share of each batch; the losses of the shares sum to that of the batch.
    """

    scale: Tensor

    def __init__(
        self, model: nn.Module, loss: Loss, scale: Tensor | None = None, processes: Processes = ALONE
    ) -> None:
        super().__init__()
        self.model, self.processes = model, processes
        self.loss: Any = loss
        # a subclass with a loss of its own is taken at its word: as any other function
        self.by_target = isinstance(loss, PerTargetLoss) and type(loss).forward is PerTargetLoss.forward
        self.register_buffer("scale", scale, persistent=False)

    def forward(
        self, categorical: Tensor, dense: Tensor, y: Tensor, weights: Tensor | None = None, part: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What ``part`` of a batch adds to its loss; the sums of losses and numbers of rows of that part."""
        logits = self.model(categorical, dense)
        if weights is not None:
            weights = weights[:, None] / self.scale  # (rows, targets)
        if self.by_target:
            sums, rows = self.loss.sums(logits, y, weights)  # (targets,) each
            return self._of_batch(sums, rows), sums.detach(), rows
        value = self.loss(logits, y) if weights is None else self.loss(logits, y, weights=weights)
        if value.ndim:
            raise ValueError(f"loss must give a scalar, got the shape {tuple(value.shape)}")
        rows = value.new_full((1,), float(len(y)), requires_grad=False)
        return value * part, value.detach() * rows, rows

    def _of_batch(self, sums: Tensor, rows: Tensor) -> Tensor:
        """What this process adds to the batch's loss, from its sums and numbers of rows, (targets,) each."""
        value: Tensor = self.loss.total(sums, rows := self.processes.total(rows))
        if self.processes.count > 1:  # what does not come from sums, such as a penalty, is added once
            others = 1.0 - 1.0 / self.processes.count
            value = value - others * self.loss.total(torch.zeros_like(sums), rows)
        return value

    @torch.no_grad()
    def over(self, sums: Tensor) -> float:
        """The loss over many batches, from their sums and numbers of rows, (2, targets)."""
        if self.by_target:
            return float(self.loss.total(sums[0], sums[1]))
        return float(sums[0] / sums[1])


def mean_weights(examples: Examples, loss: Loss) -> Tensor | None:
    """The mean weight of the rows that count for each target, (targets,); None where rows have no weights.

    Weights are divided by it. A batch's own mean would do the same for the scale, but it varies with the rows
    that happen to be in the batch, and bends the level of the predictions.
    """
    sums = rows = torch.zeros(1, dtype=torch.float64)
    if not examples.weighted:
        return None
    for _, _, y, weights in examples.batches(WHOLE):
        kept = loss.kept(y) if isinstance(loss, PerTargetLoss) else None  # (rows, targets)
        kept = torch.ones_like(y) if kept is None else kept
        sums = sums + (weights[:, None] * kept).double().sum(dim=0)  # (targets,)
        rows = rows + kept.double().sum(dim=0)
    if (sums <= 0).any():
        raise ValueError(
            f"weights must leave rows to learn every target from, got a sum of 0 for {int(sums.argmin())}"
        )
    return (sums / rows).float()


def checked_loss(loss: Any, examples: Examples) -> Loss:
    """The loss, once it can be called, with row weights where the examples have them."""
    if not callable(loss):
        raise ValueError(f"loss must be a function of logits and labels, got {loss!r}")
    if examples.weighted:
        called = loss.forward if isinstance(loss, nn.Module) else loss
        known = inspect.signature(called).parameters.values()
        if not any(each.name == "weights" or each.kind is each.VAR_KEYWORD for each in known):
            raise ValueError(
                f"loss must take weights=..., as the examples have weights of rows; got {loss!r}"
            )
    checked: Loss = loss
    return checked


def loss_mark(model: nn.Module, loss: Loss, examples: Examples) -> str:
    """What tells one loss from another: its settings, and its value for set logits of the first rows.

    A loss with parameters of its own is known by its settings alone, as its value changes while it learns.
    """
    marks = [loss.extra_repr()] if isinstance(loss, nn.Module) else []
    if not isinstance(loss, nn.Module) or not any(True for _ in loss.parameters()):
        ids, dense, y, *weights = [part[:256] for part in next(iter(examples.batches(256)))]
        objective = Objective(model, loss, torch.ones(y.shape[1])).eval()  # nothing is learnt, nothing drawn
        device = next(model.parameters()).device
        with torch.no_grad(), seeded(0):
            logits = 3.0 * torch.randn(model(ids.to(device), dense.to(device)).shape)
            objective.model = _Constant(logits.to(device))
            value, _, _ = objective.to(device)(ids, dense, y.to(device), *weights)
        # to four digits, so that another machine's rounding makes no other loss of it
        marks.append(f"{float(value):.4g}")
    return ", ".join(marks)


class _Constant(nn.Module):
    """A model that gives the same logits, whatever its features are."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, *_: Tensor) -> Tensor:
        return self.logits
