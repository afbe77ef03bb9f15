"""Runs for the gates explorer: an ensemble trained in one of its ways, and packed small (claims D5, D7).

The recording and the explorer's own button both come through here, so that they cannot differ. This module
imports torch, the explorer itself only once something is trained.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from ranking import mmoe, validation
from ranking.mmoe.examples import DenseExamples
from ranking_course.explorers.gates_recording import (
    CURES,
    EXPERTS,
    HEADS,
    OPTIMISERS,
    RATES,
    pack_utilisation,
    pack_weights,
)

Floats = NDArray[np.float64]

SHAPE: dict[str, Any] = {"experts": EXPERTS, "expert": (16, 16), "gate": (16,), "tower": (8,)}
TRAINING: dict[str, Any] = {"batch_size": 256, "schedule": "cosine"}
LEARNING_RATES = {"adam": (0.003, 0.01, 0.03), "sgd": (0.03, 0.1, 0.3)}
"""What the stops of the learning rate are for each optimiser."""

MOMENTUM = 0.9
SLOWER = 0.1
"""The gates' share of the learning rate in the cure "slow"."""

CLOSES = 0.05
"""A head that closes less of the gap between the best constant and the truth is stuck."""

_MASKINGS = {"exact": "renormalised", "constant": "epsilon"}  # of a tenth of the experts
_PENALTIES: dict[str, Any] = {"entropy": {"entropy_bonus": 0.01}, "balance": {"load_balancing": 0.01}}


@dataclass(frozen=True)
class Way:
    """A way to train: one each of ``OPTIMISERS``, ``RATES``, ``HEADS`` and ``CURES``, ValueError for others.

    The one place in which these become settings of models and trainings.
    """

    optimiser: str = "adam"
    rate: str = "middle"
    heads: str = "half"
    cure: str = "none"

    def __post_init__(self) -> None:
        validation.one_of("optimiser", self.optimiser, OPTIMISERS)
        validation.one_of("rate", self.rate, RATES)
        validation.one_of("heads", self.heads, HEADS)
        validation.one_of("cure", self.cure, CURES)

    @property
    def learning_rate(self) -> float:
        """The number that the stop stands for."""
        return LEARNING_RATES[self.optimiser][RATES.index(self.rate)]

    def model_settings(self, base_rates: Floats) -> dict[str, Any]:
        """Settings of ``MMoE``, where the tasks have these base rates, (tasks,)."""
        masking = {"masking": _MASKINGS[self.cure]} if self.cure in _MASKINGS else {"mask_rate": 0.0}
        times = {"base": 1.0, "low": 2.0}  # the logit of one half is 0
        starts = expit(times[self.heads] * logit(base_rates)).tolist() if self.heads in times else None
        return {**SHAPE, **masking, "base_rates": starts}

    def training_settings(self) -> dict[str, Any]:
        """Settings of ``train_ensemble``."""
        return {
            **TRAINING,
            **_PENALTIES.get(self.cure, {}),
            "learning_rate": self.learning_rate,
            "optimiser": self._optimiser,
        }

    def _optimiser(self, model: mmoe.MMoE, rate: float) -> torch.optim.Optimizer:
        slower = SLOWER if self.cure == "slow" else 1.0
        others = itertools.chain(model.expert_networks.parameters(), model.towers.parameters())
        gates = {"params": list(model.gate_networks.parameters()), "lr": slower * rate}
        groups: list[dict[str, Any]] = [{"params": list(others)}, gates]
        if self.optimiser == "sgd":
            return torch.optim.SGD(groups, rate, momentum=MOMENTUM)
        return torch.optim.Adam(groups, lr=rate, fused=True)


@dataclass(frozen=True, eq=False)
class GateRun:
    """Ensembles trained in one way, as they were seen, seed by seed.

    Attributes:
        way: how they were trained.
        utilisation: mean gate weights over the held-out rows, (steps, seeds, tasks, experts).
        gates: gate weights of the first held-out rows, (steps, seeds, rows, tasks, experts).
        closed: share of the gap between the best constant and the truth, (steps, seeds, tasks).
        heights: see :func:`heights`, before the first step, (seeds, tasks, experts).
    """

    way: Way
    utilisation: Floats
    gates: NDArray[np.float32]
    closed: Floats
    heights: Floats


def packed(runs: Sequence[GateRun], shown: int) -> dict[str, Any]:
    """What the explorer keeps of runs that were trained in one way, each on rows of its own.

    Of the first ``shown`` seeds of each the gates, and over all seeds of all runs counts and medians. See
    :func:`ranking_course.explorers.gates_recording.checked_recording`.
    """

    def seen(name: str, axis: int) -> NDArray[Any]:
        parts = [getattr(run, name).swapaxes(0, axis)[:shown] for run in runs]
        return np.concatenate(parts)  # the shown seeds in front

    way = runs[0].way
    used = np.concatenate([run.utilisation for run in runs], axis=1)  # (steps, seeds, tasks, experts)
    closed = np.concatenate([run.closed for run in runs], axis=1)  # (steps, seeds, tasks)
    return {
        "optimiser": way.optimiser,
        "rate": way.rate,
        "heads": way.heads,
        "cure": way.cure,
        "learning_rate": way.learning_rate,
        "seeds": used.shape[1],
        "polarized": mmoe.polarized(used).any(axis=-1).sum(axis=-1).tolist(),
        "gap_closed": np.median(closed, axis=1).round(3).tolist(),
        "stuck": (closed < CLOSES).sum(axis=1).tolist(),
        "heights": seen("heights", 0).argsort(axis=-1).tolist(),
        "utilisation": pack_utilisation(seen("utilisation", 1)),
        "weights": pack_weights(seen("gates", 1).swapaxes(2, 3)),
    }


@torch.no_grad()
def heights(model: mmoe.MMoE, inputs: torch.Tensor) -> Floats:
    """Mean logit over rows if one expert had all the weight, (seeds, tasks, experts)."""
    outputs = model.expert_networks(model.inwards(inputs))  # (seeds, experts, width, rows)
    alone = [
        model.towers(output.unsqueeze(1).expand(-1, model.tasks, -1, -1)) for output in outputs.unbind(1)
    ]  # of each expert, (seeds, tasks, 1, rows)
    return np.stack([logits.mean(dim=(2, 3)).numpy() for logits in alone], axis=-1).astype(np.float64)


def train_gates(
    train: DenseExamples,
    held_out: DenseExamples,
    way: Way,
    *,
    seeds: Sequence[int],
    steps: Sequence[int],
    rows: int,
    on_progress: Callable[[float], None] = lambda done: None,
) -> GateRun:
    """Train one MMoE of three experts per seed, all at once.

    Args:
        train: rows to learn from.
        held_out: other rows, on which the models are looked at; the loss is as expected from their truth.
        way: how.
        seeds: of first weights, batches and masks; a member does not depend on which others there are.
        steps: after which of them to look, rising; training ends with the last.
        rows: number of held-out rows, from the first, whose weights are kept.
        on_progress: told the share of the steps that is done, after each.
    """
    inputs, labels, mask, looked_at = map(
        torch.as_tensor, (train.inputs, train.labels, train.label_mask, held_out.inputs)
    )
    settings = way.model_settings(train.base_rates)
    model = mmoe.MMoE(inputs.shape[1], labels.shape[1], seeds=seeds, **settings)
    before = heights(model, looked_at)
    done, logits = itertools.count(1), []

    def tell(module: torch.nn.Module, _: Any, found: tuple[torch.Tensor, torch.Tensor]) -> None:
        if module.training:  # every forward pass in training is a step, every other one part of a look
            on_progress(next(done) / steps[-1])
        else:
            logits.append(found[0].detach())  # (seeds, some rows, tasks)

    model.register_forward_hook(tell)
    path = mmoe.train_ensemble(
        model,
        inputs,
        labels,
        steps=steps[-1],
        label_mask=mask,
        held_out=(looked_at, torch.as_tensor(held_out.labels)),
        record_at=steps,
        keep_gates=rows,
        description=way.cure,
        **way.training_settings(),
    )
    assert path.gates is not None
    by_look = torch.cat(logits, dim=1).unflatten(1, (len(steps), len(looked_at)))
    closed = held_out.gap_closed(by_look.double().transpose(0, 1).numpy())  # (steps, seeds, tasks)
    return GateRun(way, path.utilisation, path.gates, closed, before)
