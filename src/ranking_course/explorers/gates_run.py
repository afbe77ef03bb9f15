"""Runs for the gates explorer: an ensemble trained with one of the cures, and packed small (claims D5, D7).

The recording and the explorer's own button both come through here, so that they cannot differ. This module
imports torch, the explorer itself only once something is trained.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ranking import mmoe, validation
from ranking.mmoe.examples import DenseExamples
from ranking_course.explorers.gates_recording import CURES, pack_utilisation, pack_weights

LEARNING_RATE = 0.05
STEPS = (0, 2, 5, 10, 15, 20, 30, 40, 60, 80, 100, 130, 160, 200, 250, 300)
"""After which a run is looked at: most of what happens happens early."""

ROWS = 60
"""Held-out rows whose weights are kept."""

SLOWER = 5
"""By what the cure "slow" divides the learning rate."""

_MASKINGS = {"exact": "renormalised", "constant": "epsilon", "plain": "dropout"}
_PENALTIES: dict[str, Any] = {"entropy": {"entropy_bonus": 0.01}, "balance": {"load_balancing": 0.01}}


@dataclass(frozen=True)
class GateRun:
    """An ensemble's training, as it was seen.

    Attributes:
        cure, experts, seeds: what was trained.
        learning_rate: at which it was.
        trajectory: what was recorded.
    """

    cure: str
    experts: int
    seeds: tuple[int, ...]
    learning_rate: float
    trajectory: mmoe.Trajectory

    def packed(self, shown: int) -> dict[str, Any]:
        """What the explorer keeps: the gates of the first ``shown`` seeds, counts over all of them."""
        used = self.trajectory.utilisation  # (steps, seeds, tasks, experts)
        gates = self.trajectory.gates  # (steps, seeds, rows, tasks, experts)
        if gates is None:
            raise ValueError("trajectory must hold gates (see keep_gates), got none")
        weights = gates[:, :shown].transpose(1, 0, 3, 2, 4)  # (shown, steps, tasks, rows, experts)
        return {
            "cure": self.cure,
            "experts": self.experts,
            "seeds": len(self.seeds),
            "learning_rate": self.learning_rate,
            "steps": self.trajectory.steps.tolist(),
            "polarized": mmoe.polarized(used).any(axis=-1).sum(axis=-1).tolist(),  # seeds, per step
            "rows": gates.shape[2],
            "utilisation": pack_utilisation(used[:, :shown].swapaxes(0, 1)),
            "weights": pack_weights(weights) if self.experts == 3 else None,
        }


def train_gates(
    train: DenseExamples,
    held_out: DenseExamples,
    cure: str,
    experts: int = 3,
    *,
    seeds: Sequence[int] = range(40),
    learning_rate: float = LEARNING_RATE,
    steps: Sequence[int] = STEPS,
    rows: int = ROWS,
    on_progress: Callable[[float], None] = lambda done: None,
) -> GateRun:
    """Train one MMoE per seed, all at once: two-layer experts of 16, gates with a hidden layer of 16.

    Args:
        train: rows to learn from.
        held_out: other rows, on which the gates are looked at.
        cure: one of :data:`ranking_course.explorers.gates_recording.CURES`. Masks hide 10% of the experts.
        experts: number of experts.
        seeds: of first weights, batches and masks; a member does not depend on which others there are.
        learning_rate: Adam's; the cure "slow" takes a fifth of it.
        steps: after which of them to look, rising; training ends with the last.
        rows: number of held-out rows whose weights are kept.
        on_progress: told the share of the steps that is done, after each.
    """
    validation.one_of("cure", cure, CURES)
    inputs, labels, mask = map(torch.as_tensor, (train.inputs, train.labels, train.label_mask))
    masking: dict[str, Any] = {"masking": _MASKINGS[cure]} if cure in _MASKINGS else {"mask_rate": 0.0}
    shape: dict[str, Any] = {"tasks": labels.shape[1], "experts": experts, "expert": (16, 16), "gate": (16,)}
    model = mmoe.MMoE(inputs.shape[1], seeds=seeds, **shape, **masking)
    rate = learning_rate / SLOWER if cure == "slow" else learning_rate
    done = itertools.count(1)

    def tell(module: torch.nn.Module, *_: Any) -> None:
        if module.training:  # every forward pass in training is a step
            on_progress(next(done) / steps[-1])

    model.register_forward_hook(tell)
    trajectory = mmoe.train_ensemble(
        model,
        inputs,
        labels,
        steps=steps[-1],
        batch_size=128,
        learning_rate=rate,
        label_mask=mask,
        held_out=(torch.as_tensor(held_out.inputs), torch.as_tensor(held_out.labels)),
        record_at=steps,
        keep_gates=rows,
        description=cure,
        **_PENALTIES.get(cure, {}),
    )
    return GateRun(cure, experts, tuple(seeds), rate, trajectory)
