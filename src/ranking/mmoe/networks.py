"""Many small networks of one shape side by side, evaluated in a few large products.

Rows stand *last* here: an activation has shape (seeds, networks, units, rows). The networks of one layer are
then a block of consecutive units, so that one product serves the first layer of all networks, and what comes
out is, without being moved, a batch of matrices for the next layer.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ranking import validation


class Networks(nn.Module):
    """Multi-layer perceptrons of one shape: ``networks`` of them for each of ``seeds`` models.

    Their ``sizes`` are (in, hidden, …, out). A ReLU follows every layer but the last; with ``last_relu`` that
    one, too.
    """

    def __init__(self, seeds: int, networks: int, sizes: Sequence[int], last_relu: bool = False) -> None:
        super().__init__()
        self.last_relu = last_relu
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

    def of(self, name: str, network: int, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Weight (out, in) and bias (out,) of every layer of one network: views, not copies.

        A network or seed that there is not is an error, in which the network is called ``name``.
        """
        seeds, networks = self.biases[0].shape[:2]
        network, seed = validation.index(name, network, networks), validation.index("seed", seed, seeds)
        return [(weight.data[seed, network], bias.data[seed, network]) for weight, bias in self.by_layer()]

    def forward(self, x: Tensor, first: Tensor | None = None) -> Tensor:
        """From (seeds or 1, 1 or networks, in, rows) to (seeds, networks, out, rows).

        ``first`` is what the first layer makes of ``x`` before its ReLU, where that is known already.
        """
        for i, (weight, bias) in enumerate(self.by_layer(), start=1):
            relu = self.last_relu or i < len(self.weights)
            if i == 1 and first is not None:
                x = first.relu() if relu else first
            else:
                x = dense(x, weight, bias, relu)
        return x


def side_by_side(x: Tensor, *groups: Networks) -> list[Tensor]:
    """What each group of networks makes of the same rows: (seeds, networks, out, rows) for every group.

    ``x`` is (seeds or 1, 1, in, rows). Where it is wider than all that the first group's first layer makes of
    it, the first layers of all groups are one product: one for each group would read all rows once more,
    forwards and backwards, and their gradients at the rows would have to be added up. Elsewhere that saves
    less than it costs, which is that ReLUs no longer work in place.
    """
    if len(groups) == 1 or x.shape[2] <= groups[0].biases[0][0].numel():
        return [group(x) for group in groups]
    weights = [group.weights[0].flatten(1, 2) for group in groups]  # (seeds, networks · out, in)
    biases = [group.biases[0].flatten(1) for group in groups]  # (seeds, networks · out)
    weight, bias = torch.cat(weights, dim=1).unsqueeze(1), torch.cat(biases, dim=1).unsqueeze(1)
    units = dense(x, weight, bias, relu=False).squeeze(1)  # (seeds, units of all, rows)
    parts = torch.split(units, [part.shape[1] for part in weights], dim=1)
    shapes = [(*group.biases[0].shape, x.shape[3]) for group in groups]
    firsts = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    return [group(x, first) for group, first in zip(groups, firsts, strict=True)]


def dense(x: Tensor, weight: Tensor, bias: Tensor, relu: bool) -> Tensor:
    """One dense layer of all networks, as the fewest products: shape (seeds, networks, out, rows).

    ``x`` is (seeds, networks, in, rows); or (seeds, 1, in, rows) where all networks of a seed read the same,
    and (1, 1, in, rows) where all seeds do, too. Weights are (seeds, networks, out, in), biases (seeds,
    networks, out).
    """
    seeds, networks, out, _ = weight.shape
    if x.shape[1] == networks > 1:
        b, w = bias.view(seeds * networks, out, 1), weight.flatten(0, 1)
        y = torch.baddbmm(b, w, x.flatten(0, 1))  # (seeds · networks, out, rows)
    elif x.shape[0] == 1:
        rows = x.squeeze(1).squeeze(0)  # (in, rows)
        y = torch.addmm(bias.view(-1, 1), weight.flatten(0, 2), rows)  # (seeds · networks · out, rows)
    else:
        b, w = bias.view(seeds, networks * out, 1), weight.flatten(1, 2)
        y = torch.baddbmm(b, w, x.squeeze(1))  # (seeds, networks · out, rows)
    y = y.relu_() if relu else y  # in the same memory, which no derivative needs; before it has views
    return y.view(seeds, networks, out, x.shape[-1])
