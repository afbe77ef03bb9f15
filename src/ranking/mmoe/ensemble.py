"""Training of many seeds at once, with a record of what their gates do meanwhile.

The members of an ensemble share nothing: parameters, batches and masks are each member's own, and the sum of
their losses has, for every parameter, the gradient of the one loss that it belongs to. Adam works number by
number. So every member takes the steps that it would take alone, and does so under any other optimiser that
works number by number.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ranking import validation
from ranking.mmoe.diagnostics import utilisation
from ranking.mmoe.masking import draw_kept
from ranking.mmoe.members import checked_seeds
from ranking.mmoe.model import MMoE
from ranking.mmoe.penalties import gate_entropy, load_imbalance
from ranking.progress import progress

LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross entropy": F.binary_cross_entropy_with_logits,
    "squared error": F.mse_loss,
}
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
}
"""What is left of the learning rate when a part of the steps, in [0, 1), is done."""
_Record = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]  # of one step, see _look
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
    schedule: str = "constant",
    optimiser: Callable[[MMoE, float], torch.optim.Optimizer] | None = None,
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
    """Train all members of ``model`` in place, with Adam, each on batches and masks of its own.

    Batches are drawn with replacement. The loss is the sum over tasks of the mean over rows. At the end
    the model is in evaluation mode.

    Args:
        model: an ensemble, or a single model.
        inputs: shape (rows, inputs), shared by all members, or (S, rows, inputs).
        labels: shape (rows, tasks) or (S, rows, tasks); 0 or 1 for "cross entropy".
        steps: steps of the optimiser.
        batch_size: rows per step and member.
        learning_rate: Adam's step size, above 0; with one too large a loss that is not finite is an error.
        schedule: "constant", or "cosine" for learning rates that fall to 0 by half a cosine.
        optimiser: makes one of the model and the learning rate, such as ``lambda model, rate:
            torch.optim.SGD(model.parameters(), rate, momentum=0.9)``; parameters may have rates of their own,
            or be left out. It must work number by number, or members meddle with each other. None is Adam.
        loss: "cross entropy" (from logits) or "squared error".
        entropy_bonus: times the gates' mean entropy, subtracted from the loss; at least 0.
        load_balancing: times :func:`load_imbalance` of the batch, added to the loss; at least 0.
        label_mask: 1 where a label means something, else 0, shaped as ``labels``; every task needs one in
            each batch. None counts every label.
        held_out: inputs and labels to record on, shaped as the others; None records nothing.
        record_at: numbers of steps after which to record, rising, 0 before the first; if none, at the end.
        keep_gates: of how many held-out rows, from the first, the gate weights are kept.
        seeds: decide batches and masks; those of the ensemble if left out. A single model needs one.
        description: text of the progress bar.
    """
    validation.instance("model", model, MMoE)
    seeds = model.seeds if seeds is None else checked_seeds(seeds)
    if seeds is None or len(seeds) != model.members:
        raise ValueError(f"seeds must be given, one for each of {model.members} members, got {seeds}")
    steps, batch_size = (
        validation.positive_int("steps", steps),
        validation.positive_int("batch_size", batch_size),
    )
    learning_rate = validation.number("learning_rate", learning_rate, above=0.0)
    factor = SCHEDULES[validation.one_of("schedule", schedule, SCHEDULES)]
    loss = validation.one_of("loss", loss, LOSSES)
    entropy_bonus = validation.number("entropy_bonus", entropy_bonus, least=0.0)
    load_balancing = validation.number("load_balancing", load_balancing, least=0.0)
    inputs, labels = _rows(model, inputs, labels, loss)
    mask = None if label_mask is None else _mask(model, label_mask, labels)
    record_at = validation.listed("record_at", record_at)
    at = validation.indices("record_at", record_at or (steps,), steps + 1)
    if at.ndim != 1 or (np.diff(at) <= 0).any():
        raise ValueError(f"record_at must be rising step numbers, got {list(record_at)}")
    if held_out is not None:
        if not isinstance(held_out, (tuple, list)) or len(held_out) != 2:
            raise ValueError(f"held_out must be a pair of inputs and labels, got {held_out!r:.80}")
        held_out = _rows(model, held_out[0], held_out[1], loss, "held_out ")
        keep_gates = validation.index("keep_gates", keep_gates, held_out[0].shape[1] + 1)
    elif len(record_at) or keep_gates:
        raise ValueError("held_out must be given to record anything, got None")
    records: list[_Record] = []
    stepper = _optimiser(model, learning_rate, optimiser)
    rates = [float(group["lr"]) for group in stepper.param_groups]
    losses = torch.empty(steps, model.members)
    if held_out is not None and 0 in at:
        records.append(_look(model, *held_out, loss, keep_gates))
    model.train()
    batches = _batches(model, seeds, inputs.shape[1], batch_size, steps)
    for step, (rows, kept) in enumerate(progress(batches, steps, description), start=1):
        y = _take(labels, rows)  # (S, batch, tasks)
        logits, gates = _run(model, _take(inputs, rows), kept)
        counted = None if mask is None else _counted(_take(mask, rows), step)
        per_member = _per_task(logits, y, loss, counted).sum(dim=1)  # (S,)
        total = per_member.sum()
        if entropy_bonus > 0.0:
            total = total - entropy_bonus * gate_entropy(gates).sum()
        if load_balancing > 0.0:
            total = total + load_balancing * load_imbalance(gates).sum()
        stepper.zero_grad()
        torch.autograd.backward(total)
        for group, rate in zip(stepper.param_groups, rates, strict=True):
            group["lr"] = rate * factor((step - 1) / steps)
        stepper.step()
        losses[step - 1] = per_member.detach()
        finite = torch.isfinite(losses[step - 1])
        if not finite.all():
            bad = [seed for seed, sound in zip(seeds, finite.tolist(), strict=True) if not sound]
            remedy = f"lower learning_rate (now {learning_rate})"
            raise ValueError(f"the loss of seeds {bad} is not finite at step {step}: {remedy}")
        if held_out is not None and step in at:
            records.append(_look(model, *held_out, loss, keep_gates))
    model.eval()
    members, tasks = model.members, model.tasks
    return Trajectory(
        steps=np.array([] if held_out is None else at, dtype=np.int64),
        utilisation=np.array([used for used, _, _ in records]).reshape(-1, members, tasks, model.experts),
        held_out_loss=np.array([means for _, means, _ in records]).reshape(-1, members, tasks),
        gates=np.stack([gates for _, _, gates in records]) if keep_gates else None,
        train_loss=losses.double().numpy(),
    )


def _optimiser(
    model: MMoE, rate: float, make: Callable[[MMoE, float], torch.optim.Optimizer] | None
) -> torch.optim.Optimizer:
    """Adam, or what a caller makes."""
    if make is None:
        return torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    made = validation.function("optimiser", make)(model, rate)
    return validation.instance("what optimiser returns", made, torch.optim.Optimizer)


def _rows(model: MMoE, inputs: Tensor, labels: Tensor, loss: str, prefix: str = "") -> tuple[Tensor, Tensor]:
    """Inputs and labels with an axis of the members, of length 1 where they share the rows; checked."""
    x = model.with_seeds(f"{prefix}inputs", inputs, model.inputs)  # (S or 1, rows, inputs)
    y = model.with_seeds(f"{prefix}labels", labels, model.tasks)  # (S or 1, rows, tasks)
    validation.not_empty(f"{prefix}inputs", validation.as_floats(f"{prefix}inputs", inputs))
    (validation.binary if loss == "cross entropy" else validation.as_floats)(f"{prefix}labels", labels)
    if x.shape[1] != y.shape[1]:
        both = f"{prefix}inputs and {prefix}labels"
        raise ValueError(f"{both} must have one number of rows, got {x.shape[1]} and {y.shape[1]}")
    dtype = next(model.parameters()).dtype
    return x.to(dtype), y.to(dtype)


def _mask(model: MMoE, label_mask: Tensor, labels: Tensor) -> Tensor:
    """Which labels count, of the shape of the labels (S or 1, rows, tasks); checked."""
    mask = model.with_seeds("label_mask", label_mask, model.tasks)
    validation.binary("label_mask", label_mask)
    if mask.shape != labels.shape:
        wanted, got = tuple(labels.shape), tuple(mask.shape)
        raise ValueError(f"label_mask must have the shape of labels, {wanted}, got {got}")
    return mask


def _take(values: Tensor, rows: Tensor) -> Tensor:
    """Each member's batch (S, batch, width) from (S or 1, rows, width) by row numbers (S, batch)."""
    if len(values) == 1:  # whole rows of one matrix, which is the faster way to them
        return values[0].index_select(0, rows.flatten()).view(*rows.shape, values.shape[2])
    return values[torch.arange(len(values)).unsqueeze(1), rows]


def _batches(
    model: MMoE, seeds: Sequence[int], n_rows: int, batch_size: int, steps: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Rows (S, batch) and masks (S, batch, n_gates, experts) of every step, from a stream for each seed."""
    # seeds that are not those of the first weights
    states = [np.random.SeedSequence([seed, 1]).generate_state(1, np.uint64)[0] for seed in seeds]
    streams = [torch.Generator().manual_seed(int(state >> np.uint64(1))) for state in states]
    masked = model.mask_rate > 0.0 and model.n_gates > 0
    exact = model.masking == "renormalised"
    size = DRAWN_AT_ONCE, batch_size
    for start in range(0, steps, DRAWN_AT_ONCE):
        rows, kept = [], []
        for stream in streams:
            rows.append(torch.randint(n_rows, size, generator=stream))
            if masked:
                shape = (*size, model.n_gates, model.experts)
                kept.append(draw_kept(shape, model.mask_rate, at_least_one=exact, generator=stream))
        by_step = torch.stack(rows, dim=1)[: steps - start]  # (drawn, S, batch)
        masks = torch.stack(kept, dim=1) if masked else itertools.repeat(None)  # (drawn, S, batch, …)
        yield from zip(by_step, masks, strict=False)


def _run(model: MMoE, x: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logits (S, batch, tasks) and gates (S, batch, tasks, experts) of (S or 1, batch, inputs)."""
    x = x.squeeze(0) if len(x) == 1 else x
    if model.seeds is not None:
        logits, gates = model(x, return_gates=True, kept=kept)
        return logits.to(x.dtype), gates  # from autocast logits come in half: losses are computed in full
    logits, gates = model(x, return_gates=True, kept=None if kept is None else kept.squeeze(0))
    return logits.unsqueeze(0).to(x.dtype), gates.unsqueeze(0)


def _per_task(logits: Tensor, y: Tensor, loss: str, mask: Tensor | None = None) -> Tensor:
    """Mean loss of each member's tasks over the rows that count, (S, tasks); tensors (S, batch, tasks)."""
    values = LOSSES[loss](logits, y.expand_as(logits), reduction="none")
    return values.mean(dim=1) if mask is None else (values * mask).sum(dim=1) / mask.sum(dim=1)


def _counted(mask: Tensor, step: int) -> Tensor:
    """The mask of a batch (S, batch, tasks) that leaves every task a label."""
    without = (mask.sum(dim=1) == 0).nonzero()  # (found, 2)
    if len(without):
        member, task = without[0].tolist()
        found = f"task {task} has none at step {step} for member {member}; take a larger batch_size"
        raise ValueError(f"label_mask must leave every task a label in every batch: {found}")
    return mask


@torch.no_grad()
def _look(model: MMoE, x: Tensor, y: Tensor, loss: str, keep_gates: int) -> _Record:
    """Utilisation, loss of each task and the first gates over the held-out rows, masking off."""
    model.eval()
    parts = torch.split(x, max(1, ROWS_AT_ONCE // model.members), dim=1)
    found = zip(*(_run(model, part, None) for part in parts), strict=True)
    model.train()
    logits, gates = (torch.cat(values, dim=1) for values in found)  # (S, rows, tasks), (…, experts)
    kept = gates[:, :keep_gates].numpy().astype(np.float32)  # a copy, not all rows
    return utilisation(gates), _per_task(logits, y, loss).double().numpy(), kept
