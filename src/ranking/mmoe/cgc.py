"""Experts that belong to one task beside experts for all: customized gate control (CGC).

It is one layer of progressive layered extraction (PLE, Tang et al., RecSys 2020). In MMoE every gate reaches
every expert, and so does every task's gradient. Here a task's own experts hear of that task alone; what tasks
have in common goes into the shared ones.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ranking import validation
from ranking.mmoe.model import MMoE


class CGC(MMoE):
    """A mixture of shared experts and of each task's own; else as :class:`MMoE`.

    Experts are numbered from the shared ones on, then those of the first task, and so on. A gate gives the
    experts of other tasks the weight 0. Nothing is masked in training.

    Args:
        inputs, tasks: as in ``MMoE``.
        shared: number of experts that every gate reaches.
        own: number of experts of each task's own.
        settings: those of ``MMoE`` for the widths, ``seeds`` and ``base_rates``.
    """

    barred: Tensor

    def __init__(self, inputs: int, tasks: int = 2, shared: int = 1, own: int = 1, **settings: Any) -> None:
        for name in ("experts", "gates", "mask_rate", "masking", "epsilon"):
            if name in settings:
                raise ValueError(f"{name} must be left out: shared and own decide what gates reach")
        tasks = validation.positive_int("tasks", tasks)
        shared, own = validation.positive_int("shared", shared), validation.positive_int("own", own)
        super().__init__(inputs, tasks, shared + tasks * own, mask_rate=0.0, **settings)
        owner = torch.arange(tasks).repeat_interleave(own)  # the task of each expert that has one
        of_others = owner != torch.arange(tasks).unsqueeze(1)  # (tasks, tasks · own)
        for_all = torch.zeros(tasks, shared, dtype=torch.bool)
        self.register_buffer("barred", torch.cat([for_all, of_others], dim=1))  # (tasks, experts)

    def _gate_logits(self, rows: Tensor, read: Tensor | None = None) -> Tensor:
        """What enters the softmax, (seeds, tasks, experts, rows): −∞ for the experts of other tasks."""
        return super()._gate_logits(rows, read).masked_fill(self.barred.unsqueeze(-1), -math.inf)
