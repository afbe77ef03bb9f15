"""Training of many seeds at once, with a record of what their gates do meanwhile.

The members of an ensemble share nothing: parameters, batches and masks are each member's own, and the sum of
their losses has, for every parameter, the gradient of the one loss that it belongs to. Adam works number by
number. So every member takes the steps that it would take alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ranking import validation
from ranking.mmoe.diagnostics import utilisation
from ranking.mmoe.masking import draw_kept
from ranking.mmoe.model import MMoE
from ranking.mmoe.penalties import gate_entropy, load_imbalance
from ranking.progress import progress

LOSSES = {"cross entropy": F.binary_cross_entropy_with_logits, "squared error": F.mse_loss}
DRAWN_AT_ONCE = 50  # steps whose random numbers are drawn together; part of what a seed means
ROWS_AT_ONCE = 2**16  # rows of all members together in one evaluation


@dataclass(frozen=True)
class Trajectory:
    """What an ensemble of S members did in training, recorded at R steps. A single model has S = 1.

    Attributes:
        steps: steps done when each record was taken; 0 is before the first, shape (R,).
        utilisation: mean gate weights over the held-out rows, masking off, shape (R, S, tasks, experts).
        held_out_loss: mean loss of every task over the held-out rows, shape (R, S, tasks).
        gates: gate weights of the first held-out rows, shape (R, S, rows, tasks, experts), float32; None if
            not asked for.
        train_loss: loss of every batch, summed over tasks, penalties left out, shape (steps, S).
    """

    steps: NDArray[np.int64]
    utilisation: NDArray[np.float64]
    held_out_loss: NDArray[np.float64]
    gates: NDArray[np.float32] | None
    train_loss: NDArray[np.float64]


def train_ensemble(
    model: MMoE,
    inputs: Tensor,
    labels: Tensor,
    *,
    steps: int,
    batch_size: int = 128,
    learning_rate: float = 0.01,
    loss: str = "cross entropy",
    entropy_bonus: float = 0.0,
    load_balancing: float = 0.0,
    label_mask: Tensor | None = None,
    held_out: tuple[Tensor, Tensor] | None = None,
    record_at: Sequence[int] = (),
    keep_gates: int = 0,
    seeds: Sequence[int] | None = None,
    description: str = "training",
) -> Trajectory:
    """Train all members of ``model`` in place with Adam, each on batches and masks of its own.

    Batches are drawn with replacement. The loss is the sum over tasks of the mean over rows.

    Args:
        model: an ensemble, or a single model.
        inputs: shape (rows, inputs), shared by all members, or (S, rows, inputs).
        labels: shape (rows, tasks) or (S, rows, tasks); 0 or 1 for "cross entropy".
        steps: steps of Adam.
        batch_size: rows per step and member.
        learning_rate: Adam's step size, above 0.
        loss: "cross entropy" (from logits) or "squared error".
        entropy_bonus: times the gates' mean entropy, subtracted from the loss; at least 0.
        load_balancing: times :func:`load_imbalance` of the batch, added to the loss; at least 0.
        label_mask: 1 where a label means something, else 0, shaped as ``labels``. None counts every label.
        held_out: inputs and labels to record on, shaped as the others.
        record_at: numbers of steps after which to record, rising; 0 is before the first. None given: once,
            at the end.
        keep_gates: of how many held-out rows, from the first, the gate weights are kept.
        seeds: decide batches and masks; those of the ensemble if left out. A single model needs one.
        description: text of the progress bar.

    Returns:
        The trajectory; without ``held_out`` its records are empty. The model is left in evaluation mode.

    Raises:
        ValueError: for arguments outside what is allowed, numbers that are not finite, a batch without any
            label of a task, and a loss that stops being a finite number.
    """
    seeds = model.seeds if seeds is None else tuple(validation.seed("seeds", seed) for seed in seeds)
    members = len(model.seeds or (0,))
    if seeds is None or len(seeds) != members:
        raise ValueError(f"seeds must be given, one for each of {members} members, got {seeds}")
    validation.positive_int("steps", steps)
    validation.positive_int("batch_size", batch_size)
    if not validation.number("learning_rate", learning_rate) > 0.0:
        raise ValueError(f"learning_rate must be above 0, got {learning_rate}")
    validation.one_of("loss", loss, tuple(LOSSES))
    for name, value in (("entropy_bonus", entropy_bonus), ("load_balancing", load_balancing)):
        validation.non_negative(name, validation.number(name, value))
    binary = loss == "cross entropy"
    inputs, labels = _rows(model, inputs, labels, binary, "")
    if label_mask is not None:
        if not isinstance(label_mask, Tensor):
            raise ValueError(f"label_mask must be a tensor, got {type(label_mask).__name__}")
        if label_mask.ndim == 2:
            label_mask = label_mask.unsqueeze(0)
        validation.binary("label_mask", label_mask)
        if label_mask.shape != labels.shape:
            raise ValueError(
                f"label_mask must have the shape of labels, {tuple(labels.shape[-2:])}, got "
                f"{tuple(label_mask.shape[-2:])}"
            )
    recorder = _Recorder(model, held_out, binary, steps, record_at, keep_gates)
    penalised = entropy_bonus > 0.0 or load_balancing > 0.0
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    losses = torch.empty(steps, members)
    recorder.look(0)
    model.train()
    batches = _batches(model, seeds, inputs.shape[1], batch_size, steps)
    for step, (rows, kept) in enumerate(progress(batches, steps, description), start=1):
        x, y = _take(inputs, rows), _take(labels, rows)  # (S, batch, inputs), (S, batch, tasks)
        mask = None if label_mask is None else _take(label_mask, rows)
        logits, gates = _run(model, x, kept, penalised)
        per_member = _per_task(logits, y, loss, mask, step).sum(dim=1)  # (S,)
        total = per_member.sum()
        if entropy_bonus > 0.0:
            total = total - entropy_bonus * gate_entropy(gates).sum()
        if load_balancing > 0.0:
            total = total + load_balancing * load_imbalance(gates).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses[step - 1] = per_member.detach()
        if not torch.isfinite(losses[step - 1]).all():
            bad = [seeds[s] for s in torch.nonzero(~torch.isfinite(losses[step - 1]))[:, 0].tolist()]
            raise ValueError(
                f"the loss of seeds {bad} is not finite at step {step}: lower learning_rate "
                f"(now {learning_rate})"
            )
        recorder.look(step)
    model.eval()
    return recorder.trajectory(losses)


def _rows(model: MMoE, inputs: Tensor, labels: Tensor, binary: bool, prefix: str) -> tuple[Tensor, Tensor]:
    """Inputs and labels with an axis of the members, of length 1 where they share the rows; checked."""
    members = len(model.seeds or (0,))
    checked = []
    for name, values, width in (("inputs", inputs, model.inputs), ("labels", labels, model.tasks)):
        if not isinstance(values, Tensor):
            raise ValueError(f"{prefix}{name} must be a tensor, got {type(values).__name__}")
        shaped = values.unsqueeze(0) if values.ndim == 2 else values
        if shaped.ndim != 3 or shaped.shape[-1] != width or shaped.shape[0] not in (1, members):
            raise ValueError(
                f"{prefix}{name} must have shape (rows, {width}) or ({members}, rows, {width}), got "
                f"{tuple(values.shape)}"
            )
        validation.not_empty(prefix + name, values)
        (validation.binary if binary and name == "labels" else validation.as_floats)(prefix + name, values)
        checked.append(shaped.to(next(model.parameters()).dtype))
    if checked[0].shape[1] != checked[1].shape[1]:
        raise ValueError(
            f"{prefix}inputs and {prefix}labels must have one number of rows, got {checked[0].shape[1]} and "
            f"{checked[1].shape[1]}"
        )
    return checked[0], checked[1]


def _take(values: Tensor, rows: Tensor) -> Tensor:
    """Each member's batch (S, batch, width) from (S or 1, rows, width) by row numbers (S, batch)."""
    if values.shape[0] == 1:
        return values[0][rows]
    return values[torch.arange(len(rows)).unsqueeze(1), rows]


def _batches(
    model: MMoE, seeds: Sequence[int], n_rows: int, batch_size: int, steps: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Rows (S, batch) and masks (S, batch, n_gates, experts) of every step, from a stream for each seed."""
    streams = [torch.Generator().manual_seed(_stream(seed)) for seed in seeds]
    masked = model.mask_rate > 0.0 and model.n_gates > 0
    exact = model.masking == "renormalised"
    for start in range(0, steps, DRAWN_AT_ONCE):
        rows, kept = [], []
        for stream in streams:
            rows.append(torch.randint(n_rows, (DRAWN_AT_ONCE, batch_size), generator=stream))
            if masked:
                shape = (DRAWN_AT_ONCE, batch_size, model.n_gates, model.experts)
                kept.append(draw_kept(shape, model.mask_rate, at_least_one=exact, generator=stream))
        rows_by_step = torch.stack(rows, dim=1)  # (drawn, S, batch)
        kept_by_step = torch.stack(kept, dim=1) if masked else None  # (drawn, S, batch, n_gates, experts)
        for i in range(min(DRAWN_AT_ONCE, steps - start)):
            yield rows_by_step[i], kept_by_step[i] if masked else None


def _stream(seed: int) -> int:
    """A seed for batches and masks that is not the one of the first weights."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _run(model: MMoE, x: Tensor, kept: Tensor | None, gates: bool) -> tuple[Tensor, Tensor | None]:
    """Logits (S, batch, tasks) and gates, if asked for; a single model is given the axis of the seeds."""
    if model.seeds is None:
        x, kept = x[0], None if kept is None else kept[0]
    out = model(x, return_gates=gates, kept=kept)
    logits, weights = out if gates else (out, None)
    if model.seeds is None:
        return logits.unsqueeze(0), None if weights is None else weights.unsqueeze(0)
    return logits, weights


def _per_task(logits: Tensor, y: Tensor, loss: str, mask: Tensor | None, step: int) -> Tensor:
    """Mean loss of every member and task over the rows that count, shape (S, tasks)."""
    values = LOSSES[loss](logits, y.expand_as(logits), reduction="none")  # (S, rows, tasks)
    if mask is None:
        return values.mean(dim=1)
    labelled = mask.sum(dim=1)  # (S, tasks)
    if not labelled.all():
        member, task = (labelled == 0).nonzero()[0].tolist()
        raise ValueError(
            f"label_mask must leave every task a label in every batch: task {task} has none at step {step} "
            f"for member {member}; take a larger batch_size"
        )
    return (values * mask).sum(dim=1) / labelled


class _Recorder:
    """Looks at the gates and the loss on the held-out rows at the steps that are asked for."""

    def __init__(
        self,
        model: MMoE,
        held_out: tuple[Tensor, Tensor] | None,
        binary: bool,
        steps: int,
        record_at: Sequence[int],
        keep_gates: int,
    ) -> None:
        self.model, self.loss = model, "cross entropy" if binary else "squared error"
        self.rows = None if held_out is None else _rows(model, *held_out, binary, "held_out ")
        if self.rows is None and (len(record_at) or keep_gates):
            raise ValueError("held_out must be given to record anything, got None")
        at = validation.indices("record_at", np.asarray(list(record_at) or [steps]), steps + 1)
        if at.ndim != 1 or (np.diff(at) <= 0).any():
            raise ValueError(f"record_at must be rising step numbers, got {list(record_at)}")
        self.at = set(at.tolist()) if held_out is not None else set()
        if isinstance(keep_gates, bool) or not isinstance(keep_gates, int) or keep_gates < 0:
            raise ValueError(f"keep_gates must be a whole number of at least 0, got {keep_gates!r}")
        if self.rows is not None and keep_gates > self.rows[0].shape[1]:
            raise ValueError(
                f"keep_gates must be at most the {self.rows[0].shape[1]} held-out rows, got {keep_gates}"
            )
        self.keep_gates = keep_gates
        self.steps: list[int] = []
        self.used: list[NDArray[np.float64]] = []
        self.losses: list[NDArray[np.float64]] = []
        self.gates: list[NDArray[np.float32]] = []

    @torch.no_grad()
    def look(self, step: int) -> None:
        """Record, if this is one of the steps."""
        if step not in self.at:
            return
        model, (inputs, labels) = self.model, self.rows
        members, n_rows = len(model.seeds or (0,)), inputs.shape[1]
        size = max(1, ROWS_AT_ONCE // members)
        was_training = model.training
        model.eval()
        used, losses, kept = 0.0, 0.0, []
        for start in range(0, n_rows, size):
            x, y = inputs[:, start : start + size], labels[:, start : start + size]
            # rows that all share need no copy for every member
            logits, gates = _run(model, x if len(x) == members else x.squeeze(0), None, gates=True)
            share = x.shape[1] / n_rows
            used = used + share * utilisation(gates)
            losses = losses + share * _per_task(logits, y, self.loss, None, step).double().numpy()
            kept.append(gates[:, : max(0, self.keep_gates - start)].numpy())
        model.train(was_training)
        self.steps.append(step)
        self.used.append(used)  # (S, tasks, experts)
        self.losses.append(losses)  # (S, tasks)
        if self.keep_gates:
            self.gates.append(np.concatenate(kept, axis=1).astype(np.float32))

    def trajectory(self, losses: Tensor) -> Trajectory:
        """All that was recorded."""
        members = len(self.model.seeds or (0,))
        tasks, experts = self.model.tasks, self.model.experts
        return Trajectory(
            steps=np.array(self.steps, dtype=np.int64),
            utilisation=np.array(self.used).reshape(-1, members, tasks, experts),
            held_out_loss=np.array(self.losses).reshape(-1, members, tasks),
            gates=np.stack(self.gates) if self.gates else None,
            train_loss=losses.double().numpy(),
        )
