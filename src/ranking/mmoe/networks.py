"""Many small networks of one shape side by side, evaluated in a few large products.

Rows stand *last* here: an activation has shape (seeds, networks, units, rows). The networks of one layer are
then a block of consecutive units, so that one product serves the first layer of all networks, and what comes
out is, without being moved, a batch of matrices for the next layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Networks(nn.Module):
    """Multi-layer perceptrons of one shape: ``networks`` of them for each of ``seeds`` models.

    Args:
        seeds: number of models.
        networks: number of networks in each model.
        sizes: (in, hidden, …, out).
    """

    def __init__(self, seeds: int, networks: int, sizes: Sequence[int]) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList(torch.empty(seeds, networks, out, size) for size, out in pairs)
        self.biases = nn.ParameterList(torch.empty(seeds, networks, out) for _, out in pairs)

    @torch.no_grad()
    def draw(self, seed: int, generator: torch.Generator | None) -> None:
        """First weights of model number ``seed``: uniform within ±1/√in, as ``nn.Linear`` has them."""
        for weight, bias in self.by_layer():
            bound = weight.shape[-1] ** -0.5
            weight[seed].uniform_(-bound, bound, generator=generator)
            bias[seed].uniform_(-bound, bound, generator=generator)

    def by_layer(self) -> list[tuple[Tensor, Tensor]]:
        """Weight (seeds, networks, out, in) and bias (seeds, networks, out) of every layer."""
        return list(zip(self.weights, self.biases, strict=True))

    def of(self, network: int, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Weight (out, in) and bias (out,) of every layer of one network: views, not copies."""
        return [(weight.data[seed, network], bias.data[seed, network]) for weight, bias in self.by_layer()]

    def forward(self, x: Tensor) -> Tensor:
        """From (seeds or 1, 1, in, rows) to (seeds, networks, out, rows); ReLUs between the layers."""
        for i, (weight, bias) in enumerate(self.by_layer()):
            x = dense(torch.relu(x) if i else x, weight, bias)
        return x


def dense(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One dense layer of all networks.

    Args:
        x: shape (seeds, networks, in, rows); or (seeds, 1, in, rows) where all networks of a seed read the
            same, and (1, 1, in, rows) where all seeds do, too.
        weight: shape (seeds, networks, out, in).
        bias: shape (seeds, networks, out).

    Returns:
        Shape (seeds, networks, out, rows).
    """
    a, w = _as_products(x, weight)
    product = torch.addmm if a.ndim == 2 else torch.baddbmm
    y = product(bias.view(*w.shape[:-1], 1), w, a)  # ((products,) units, rows)
    return y.view(*weight.shape[:3], x.shape[-1])


def dense_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, to_x: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """What :func:`dense` hands back: the gradients at weight, bias and, if asked for, x.

    Args:
        gradient: at what ``dense`` returned, contiguous, shape (seeds, networks, out, rows).
        x: as given to ``dense``.
        weight: as given to ``dense``.
        to_x: whether the gradient at x is wanted.
    """
    a, w = _as_products(x, weight)
    at_y = gradient.view(*w.shape[:-1], x.shape[-1])  # ((products,) units, rows)
    product = torch.mm if a.ndim == 2 else torch.bmm
    at_weight = product(at_y, a.mT).view(weight.shape)
    at_x = None
    if to_x and a.mT.is_contiguous():
        # x has its rows first in memory, as inputs have: in that order nobody has to turn the gradient round
        at_x = product(at_y.mT, w).mT.view(x.shape)
    elif to_x:
        at_x = product(w.mT, at_y).view(x.shape)
    return at_weight, gradient.sum(dim=-1), at_x


def _as_products(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The same numbers as the fewest products: x as (products, in, rows), weight as (products, units, in).

    Where everything reads the same rows, both are single matrices.
    """
    seeds, networks, _, size = weight.shape
    if x.shape[1] == networks > 1:
        return x.flatten(0, 1), weight.view(seeds * networks, -1, size)
    if x.shape[0] == 1:
        return x.squeeze(0).squeeze(0), weight.view(-1, size)
    return x.squeeze(1), weight.view(seeds, -1, size)
