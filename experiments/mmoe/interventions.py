"""What is done to models in the experiments on polarized gates, and is no setting of ``MMoE`` itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ranking.mmoe import MMoE
from ranking.mmoe.networks import Networks

Make = Callable[[MMoE, float], torch.optim.Optimizer]
AT_ONE = 40.0  # logits that far apart make a softmax one-hot in single precision
MOMENTUM = 0.9


class MaskedByBatch(MMoE):
    """One mask for all rows of a batch, that of its first row, instead of one for every row."""

    def forward(
        self, x: Tensor, return_gates: bool = False, kept: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """As ``MMoE``'s; ``kept`` is (seeds, rows, n_gates, experts)."""
        return super().forward(x, return_gates, None if kept is None else kept[:, :1].expand_as(kept))


class TanhNetworks(Networks):
    """Networks with tanh, whose units have no side that they stay on, in place of ReLU."""

    def forward(self, x: Tensor, first: Tensor | None = None) -> Tensor:
        """From (seeds or 1, 1, in, rows) to (seeds, networks, out, rows)."""
        assert first is None, "the experiments' gates read few numbers: their first layer is not shared"
        for i, (weight, bias) in enumerate(self.by_layer(), start=1):
            x = torch.einsum("snoi,snir->snor", weight, x.expand(len(weight), weight.shape[1], -1, -1))
            x = x + bias.unsqueeze(-1)  # (seeds, networks, out, rows)
            x = x.tanh() if i < len(self.weights) else x
        return x


class HalvedNetworks(Networks):
    """Outputs by half: logits of a softmax at temperature 2."""

    def forward(self, x: Tensor, first: Tensor | None = None) -> Tensor:
        """As :class:`Networks`."""
        return super().forward(x, first) / 2.0


def gates_of(kind: type[Networks]) -> Callable[[MMoE], None]:
    """Gates of another kind of networks, with the weights that they have."""

    def change(model: MMoE) -> None:
        was = model.gate_networks
        seeds, networks, _, inputs = was.weights[0].shape
        changed = kind(seeds, networks, (inputs, *(bias.shape[2] for bias in was.biases)), was.last_relu)
        changed.load_state_dict(was.state_dict())
        model.gate_networks = changed

    return change


def hold_experts(model: MMoE) -> None:
    """Experts that stay as they are drawn."""
    model.expert_networks.requires_grad_(False)


def hold_gates(chosen: Sequence[int] | None) -> Callable[[MMoE], None]:
    """Gates that stay on one expert, ``chosen`` for each task, for all rows; without it on all alike."""

    def change(model: MMoE) -> None:
        for parameter in model.gate_networks.parameters():
            parameter.data.zero_()
            parameter.requires_grad_(False)
        for task, expert in enumerate(chosen or ()):
            model.gate_networks.biases[-1].data[:, task, expert] = AT_ONE  # (seeds, gates, experts)

    return change


def _apart(model: MMoE, own: Sequence[torch.nn.Parameter]) -> list[torch.nn.Parameter]:
    """Parameters that are learnt and are not among ``own``."""
    left_out = {id(parameter) for parameter in own}
    return [p for p in model.parameters() if p.requires_grad and id(p) not in left_out]


def adam_with(part: Callable[[MMoE], Sequence[torch.nn.Parameter]], times: float) -> Make:
    """Adam in which a part of the model has ``times`` the learning rate."""

    def make(model: MMoE, rate: float) -> torch.optim.Optimizer:
        own = list(part(model))
        groups: list[dict[str, Any]] = [
            {"params": own, "lr": times * rate},
            {"params": _apart(model, own)},
        ]
        return torch.optim.Adam(groups, lr=rate, fused=True)

    return make


def gate(model: MMoE) -> list[torch.nn.Parameter]:
    """All that the gates learn."""
    return list(model.gate_networks.parameters())


def last_biases(model: MMoE) -> list[torch.nn.Parameter]:
    """Biases of the towers' last layers: the heads' intercepts."""
    return [model.towers.biases[-1]]


class Split(torch.optim.Optimizer):
    """SGD with momentum for a part of the model, Adam for the rest, as one optimiser.

    ``groups`` are those of both, so that a schedule reaches them.
    """

    def __init__(self, by_sgd: Sequence[Tensor], by_adam: Sequence[Tensor], sgd: float, adam: float) -> None:
        self.parts = (
            torch.optim.SGD(by_sgd, sgd, momentum=MOMENTUM),
            torch.optim.Adam(by_adam, lr=adam, fused=True),
        )
        super().__init__([*by_sgd, *by_adam], {})
        self.param_groups = list(itertools.chain.from_iterable(part.param_groups for part in self.parts))

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """A step of both."""
        for part in self.parts:
            part.step(closure)


def gate_by_sgd(sgd: float) -> Make:
    """SGD with momentum at the rate ``sgd`` for the gates, Adam for the rest."""
    return lambda model, rate: Split(gate(model), _apart(model, gate(model)), sgd, rate)


def rest_by_sgd(sgd: float) -> Make:
    """Adam for the gates, SGD with momentum at the rate ``sgd`` for the rest."""
    return lambda model, rate: Split(_apart(model, gate(model)), gate(model), sgd, rate)


class ClippedGate(torch.optim.Adam):
    """Adam in which a step of a gate, over all of its parameters, is at most ``longest`` long."""

    def __init__(self, model: MMoE, rate: float, longest: float) -> None:
        super().__init__([p for p in model.parameters() if p.requires_grad], lr=rate, fused=True)
        self.gate, self.longest = gate(model), longest

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """A step of Adam, shortened for gates whose step is too long."""
        before = [parameter.clone() for parameter in self.gate]
        super().step(closure)
        steps = [now - was for now, was in zip(self.gate, before, strict=True)]
        length = sum(step.flatten(2).square().sum(-1) for step in steps)  # (seeds, gates)
        assert isinstance(length, Tensor)
        factor = (self.longest / length.sqrt()).clamp(max=1.0)
        for parameter, was, step in zip(self.gate, before, steps, strict=True):
            parameter.copy_(was + step * factor.view(*factor.shape, *(1 for _ in range(step.ndim - 2))))


def adam_eps(eps: float) -> Make:
    """Adam with another constant under its quotient: gradients far below it make small steps."""
    return lambda model, rate: torch.optim.Adam(model.parameters(), lr=rate, eps=eps, fused=True)


class AdamByMember(torch.optim.Adam):
    """Adam in which every member of an ensemble has a learning rate of its own."""

    def __init__(self, model: MMoE, rates: Sequence[float]) -> None:
        super().__init__([p for p in model.parameters() if p.requires_grad], lr=1.0, fused=True)
        self.rates = torch.tensor(rates, dtype=torch.float32)  # (seeds,)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """A step of Adam of length 1, of which every member takes the part that is its rate."""
        parameters = self.param_groups[0]["params"]
        before = [parameter.clone() for parameter in parameters]
        super().step(closure)
        for parameter, was in zip(parameters, before, strict=True):
            rates = self.rates.view(-1, *(1 for _ in range(parameter.ndim - 1)))
            parameter.copy_(was.lerp(parameter, rates))
