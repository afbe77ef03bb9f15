"""The naive version: a mixture of experts for one row at a time, line by line as the formula has it."""

from __future__ import annotations

import torch
from torch import Tensor

from ranking.mmoe import MMoE


def layers_of(model: MMoE, seed: int = 0) -> dict[str, list[list[tuple[Tensor, Tensor]]]]:
    """Copies of the parameters, one list of layers per network, that autograd watches."""

    def watched(layers: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
        return [(w.clone().requires_grad_(), b.clone().requires_grad_()) for w, b in layers]

    return {
        "experts": [watched(model.expert_layers(e, seed)) for e in range(model.experts)],
        "gates": [watched(model.gate_layers(k, seed)) for k in range(model.n_gates)],
        "towers": [watched(model.tower_layers(k, seed)) for k in range(model.tasks)],
    }


def network(x: Tensor, layers: list[tuple[Tensor, Tensor]], last_relu: bool) -> Tensor:
    for i, (weight, bias) in enumerate(layers):
        x = weight @ x + bias
        if last_relu or i < len(layers) - 1:
            x = torch.relu(x)
    return x


def weights_that_mix(g: Tensor, m: Tensor, masking: str, rate: float, epsilon: float) -> Tensor:
    """The four readings of the source's sentence."""
    if masking == "renormalised":
        return m * g / (m * g).sum()
    if masking == "dropout":
        return m * g / (1 - rate)
    if masking == "epsilon":
        return m * g / ((m * g).sum() + epsilon)
    return m * g


def naive_mmoe(model: MMoE, parts: dict, x: Tensor, kept: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Logits (rows, tasks) and softmax (rows, tasks, experts); kept has shape (rows, gates, experts)."""
    logits, gates = [], []
    for i, row in enumerate(x):
        outputs = [network(row, layers, last_relu=True) for layers in parts["experts"]]
        for k in range(model.tasks):
            if not parts["gates"]:
                g = mixing = torch.ones(1, dtype=x.dtype)
            else:
                number = min(k, model.n_gates - 1)
                g = mixing = torch.softmax(network(row, parts["gates"][number], last_relu=False), dim=0)
                if kept is not None:
                    m = kept[i, number].to(x.dtype)
                    mixing = weights_that_mix(g, m, model.masking, model.mask_rate, model.epsilon)
            mixture = sum(p * output for p, output in zip(mixing, outputs, strict=True))
            logits.append(network(mixture, parts["towers"][k], last_relu=False))
            gates.append(g)
    shape = len(x), model.tasks
    return torch.cat(logits).view(shape), torch.stack(gates).view(*shape, -1)
