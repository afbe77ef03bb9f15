"""One model, or many at once: parameters with a leading axis over seeds, one per member of an ensemble.

All members are evaluated and trained at once, and share nothing: a product of matrices with a leading axis is
as many products, and no gradient of one member's loss reaches another's parameters.
"""

import copy
import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from ranking import validation
from ranking.mmoe.networks import Networks


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """A seed for each member."""
    return tuple(validation.seed("seeds", seed) for seed in validation.listed("seeds", seeds))


class Members(nn.Module):
    """A model made of :class:`Networks`; with ``seeds`` it is an ensemble of as many.

    Inside, every tensor has the axis of the seeds in front, of length 1 for a single model; outside, a single
    model does not show it.

    ``inputs`` are the numbers per row. ``seeds`` are None for one model, whose first weights torch's global
    random state decides; or one for each member of an ensemble, which starts like the single model that is
    built after ``torch.manual_seed(seed)``.
    """

    def __init__(self, inputs: int, seeds: Sequence[int] | None) -> None:
        super().__init__()
        self.inputs = validation.positive_int("inputs", inputs)
        self.seeds = None if seeds is None else checked_seeds(seeds)
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise ValueError(f"seeds must be at least one, each once, got {self.seeds}")
        self.members = 1 if self.seeds is None else len(self.seeds)

    def draw(self) -> None:
        """First weights of all networks, each member's from a stream of its own."""
        for number in range(self.members):
            own = None if self.seeds is None else torch.Generator().manual_seed(self.seeds[number])
            for networks in self.children():
                if isinstance(networks, Networks):
                    networks.draw(number, own)

    def with_seeds(self, name: str, values: Tensor, width: int) -> Tensor:
        """``values``, ([seeds,] rows, width), as (seeds or 1, rows, width): 1 where all share them."""
        if not isinstance(values, Tensor):
            raise ValueError(f"{name} must be a tensor, got {type(values).__name__}")
        own = self.seeds is not None and values.ndim == 3 and len(values) == self.members
        if values.ndim != 2 + own or values.shape[-1] != width:
            several = "" if self.seeds is None else f" or ({self.members}, rows, {width})"
            raise ValueError(f"{name} must have shape (rows, {width}){several}, got {tuple(values.shape)}")
        return values if own else values.unsqueeze(0)

    def inwards(self, x: Tensor) -> Tensor:
        """Checked rows ([seeds,] rows, inputs) as networks read them: last, (seeds or 1, 1, inputs, rows)."""
        dtype = next(self.parameters()).dtype
        if not isinstance(x, Tensor) or x.dtype != dtype:
            got = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"x must be a tensor of {dtype}, as the model is, got {got}")
        rows = self.with_seeds("x", x, self.inputs)
        # One sum is the cheapest look at all numbers; only if it is not finite is there more to find out.
        if not math.isfinite(x.detach().sum().item()):
            validation.as_floats("x", x)
        return rows.mT.unsqueeze(1)

    def outwards(self, values: Tensor) -> Tensor:
        """Without the axis of the seeds where there is one model."""
        return values.squeeze(0) if self.seeds is None else values

    def member(self, number: int) -> Self:
        """Member ``number`` of an ensemble (from 0) as a single model, with a copy of its parameters."""
        number = validation.index("number", number, self.members)
        single = copy.deepcopy(self)
        single.seeds, single.members = None, 1
        for parameter in single.parameters():
            parameter.data = parameter.data[number : number + 1].clone()
        return single
