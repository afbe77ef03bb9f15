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
    seeds, networks, size_out, size_in = weight.shape
    if x.shape[1] == networks > 1:  # every network reads its own
        w, b = weight.view(-1, size_out, size_in), bias.view(-1, size_out, 1)
        y = torch.baddbmm(b, w, x.flatten(0, 1))  # (seeds · networks, out, rows)
    elif x.shape[0] == 1:  # one product for all seeds and networks
        y = torch.addmm(bias.view(-1, 1), weight.view(-1, size_in), x[0, 0])  # (seeds · networks · out, rows)
    else:
        w, b = weight.view(seeds, -1, size_in), bias.view(seeds, -1, 1)
        y = torch.baddbmm(b, w, x[:, 0])  # (seeds, networks · out, rows)
    return y.view(seeds, networks, size_out, -1)


class Networks(nn.Module):
    """Multi-layer perceptrons of one shape: ``networks`` of them for each of ``seeds`` models.

    Args:
        seeds: number of models.
        networks: number of networks in each model.
        sizes: (in, hidden, …, out).
        last_activation: whether a ReLU follows the last layer, as one follows all others.
    """

    def __init__(self, seeds: int, networks: int, sizes: Sequence[int], last_activation: bool) -> None:
        super().__init__()
        self.last_activation = last_activation
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList(torch.empty(seeds, networks, out, size) for size, out in pairs)
        self.biases = nn.ParameterList(torch.empty(seeds, networks, out) for _, out in pairs)

    @torch.no_grad()
    def draw(self, seed: int, generator: torch.Generator | None) -> None:
        """First weights of model number ``seed``: uniform within ±1/√in, as ``nn.Linear`` has them."""
        for weight, bias in zip(self.weights, self.biases, strict=True):
            bound = weight.shape[-1] ** -0.5
            weight[seed].uniform_(-bound, bound, generator=generator)
            bias[seed].uniform_(-bound, bound, generator=generator)

    def layers(self, network: int, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Weight (out, in) and bias (out,) of every layer of one network: views, not copies."""
        pairs = zip(self.weights, self.biases, strict=True)
        return [(weight.data[seed, network], bias.data[seed, network]) for weight, bias in pairs]

    def forward(self, x: Tensor) -> Tensor:
        """From (seeds or 1, networks or 1, in, rows) to (seeds, networks, out, rows)."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = dense(x, weight, bias)
            if i < last or self.last_activation:
                x = x.relu_()  # nothing else needs what stood before
        return x
