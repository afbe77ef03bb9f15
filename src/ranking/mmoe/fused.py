"""From the inputs through experts, mixtures and towers to the logits, with its gradient written out.

Written out because most of what a mixture of experts computes besides its products is memory traffic: here
ReLUs work in place in both directions, and no product of gate weights and experts' outputs is ever kept for
all tasks at once. The gates are left to autograd: it is there that maskings and penalties come in.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ranking.mmoe.networks import dense, dense_backward


class ExpertsToLogits(torch.autograd.Function):
    """``apply(x, mixing, n_expert_layers, weight, bias, weight, bias, …)`` gives (seeds, tasks, 1, rows).

    x is (seeds or 1, 1, inputs, rows), mixing (seeds, gates, experts, rows) or None where there is nothing to
    mix. Of the layers, each with weight (seeds, networks, out, in) and bias (seeds, networks, out), the first
    ``n_expert_layers`` are the experts', the others the towers'. It can be differentiated once.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mixing: Tensor | None, n_expert_layers: int, *parameters: Tensor
    ) -> Tensor:
        """Layer by layer; what the way back needs is kept."""
        n_layers = len(parameters) // 2
        read = []  # what each layer reads, (seeds, networks or 1, units, rows)
        y, outputs = x, None
        for i in range(n_layers):
            if i == n_expert_layers and mixing is not None:
                outputs, y = y, mix(mixing, y)
            read.append(y)
            y = dense(y, parameters[2 * i], parameters[2 * i + 1])
            if i < n_layers - 1:
                y.relu_()
        ctx.n_expert_layers = n_expert_layers
        ctx.save_for_backward(mixing, outputs, *read, *parameters[::2])
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Back through the same layers."""
        mixing, outputs, *kept = ctx.saved_tensors
        n_layers = len(kept) // 2
        read, weights = kept[:n_layers], kept[n_layers:]
        at_parameters: list[Tensor] = []  # from the last layer to the first, each bias before its weight
        at_mixing = None
        gradient = gradient.contiguous()
        for i in reversed(range(n_layers)):
            to_x = i > 0 or ctx.needs_input_grad[0]
            at_weight, at_bias, gradient = dense_backward(gradient, read[i], weights[i], to_x)
            at_parameters += [at_bias, at_weight]
            below = read[i]
            if i == ctx.n_expert_layers and mixing is not None:
                at_mixing, gradient = mix_backward(gradient, mixing, outputs)
                below = outputs
            if i > 0:  # in place: nobody else holds this gradient
                torch.ops.aten.threshold_backward.grad_input(gradient, below, 0.0, grad_input=gradient)
        return gradient, at_mixing, None, *reversed(at_parameters)


def mix(mixing: Tensor, outputs: Tensor) -> Tensor:
    """Σ_e g_ke x_e of every gate, shape (seeds, gates, width, rows).

    Args:
        mixing: g, shape (seeds, gates, experts, rows).
        outputs: x, shape (seeds, experts, width, rows).
    """
    mixed = mixing[:, :, 0].unsqueeze(2) * outputs[:, :1]  # (seeds, gates, width, rows)
    for e in range(1, outputs.shape[1]):
        mixed.addcmul_(mixing[:, :, e].unsqueeze(2), outputs[:, e : e + 1])
    return mixed


def mix_backward(gradient: Tensor, mixing: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of :func:`mix` at ``mixing`` and ``outputs``, from the one at what it returned."""
    at_mixing, at_outputs = torch.empty_like(mixing), torch.empty_like(outputs)
    product = torch.empty_like(outputs)  # for one gate at a time
    for k in range(mixing.shape[1]):
        at_mixed = gradient[:, k : k + 1]  # (seeds, 1, width, rows)
        torch.mul(at_mixed, outputs, out=product)
        torch.sum(product, dim=2, out=at_mixing[:, k])
        weight = mixing[:, k].unsqueeze(2)  # (seeds, experts, 1, rows)
        if k == 0:
            torch.mul(weight, at_mixed, out=at_outputs)
        else:
            at_outputs.addcmul_(weight, at_mixed)
    return at_mixing, at_outputs
