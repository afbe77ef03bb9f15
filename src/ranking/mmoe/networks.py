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

    def forward(self, x: Tensor) -> Tensor:
        """From (seeds or 1, 1 or networks, in, rows) to (seeds, networks, out, rows)."""
        for i, (weight, bias) in enumerate(self.by_layer(), start=1):
            x = dense(x, weight, bias, relu=self.last_relu or i < len(self.weights))
        return x


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


def mix(g: Tensor, outputs: Tensor) -> Tensor:
    """What every gate makes of the experts, Σ_e g_ke x_e: added up in the memory of the first product.

    From (seeds, gates, experts, rows) and (seeds, experts, width, rows) to (seeds, gates, width, rows).
    """
    weights = g.unsqueeze(3).unbind(dim=2)  # of each expert, (seeds, gates, 1, rows)
    vectors = outputs.unsqueeze(1).unbind(dim=2)  # of each expert, (seeds, 1, width, rows)
    mixture = weights[0] * vectors[0]
    for weight, vector in zip(weights[1:], vectors[1:], strict=True):
        mixture.addcmul_(weight, vector)
    return mixture
