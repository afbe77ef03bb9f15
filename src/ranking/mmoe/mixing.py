"""What the gates make of the experts, with a derivative in fewer passes over memory than autograd's."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def mix(g: Tensor, outputs: Tensor) -> Tensor:
    """Σ_e g_ke x_e of every gate k.

    From (seeds, gates, experts, rows) and (seeds, experts, width, rows) to (seeds, gates, width, rows).
    """
    if not torch.is_grad_enabled():
        return _mixtures(g, outputs)
    mixed: Tensor = _Mix.apply(g, outputs)  # type: ignore[no-untyped-call]
    return mixed


class _Mix(torch.autograd.Function):
    """Autograd alone would go back expert by expert, and put the experts' gradients together in the end.

    The way back consists of operations that have derivatives: it can be differentiated again. The rest is
    what the transforms of ``torch.func`` ask for.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(g: Tensor, outputs: Tensor) -> Tensor:
        return _mixtures(g, outputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        g, outputs = ctx.saved_tensors
        of_gates = grad.unsqueeze(2).unbind(1)  # of each mixture, (seeds, 1, width, rows)
        to_g = torch.stack([(of_gate * outputs).sum(2) for of_gate in of_gates], 1)
        return to_g, _sum_of_products(g.unsqueeze(3).unbind(1), of_gates)

    @staticmethod
    def jvp(ctx: Any, of_g: Tensor, of_outputs: Tensor) -> Tensor:
        g, outputs = ctx.saved_tensors
        return _mixtures(of_g, outputs) + _mixtures(g, of_outputs)


def _mixtures(g: Tensor, outputs: Tensor) -> Tensor:
    # of each expert, (seeds, gates, 1, rows) and (seeds, 1, width, rows)
    return _sum_of_products(g.unsqueeze(3).unbind(2), outputs.unsqueeze(1).unbind(2))


def _sum_of_products(weights: Sequence[Tensor], vectors: Sequence[Tensor]) -> Tensor:
    """Added up in the memory of the first product."""
    total = weights[0] * vectors[0]
    for weight, vector in zip(weights[1:], vectors[1:], strict=True):
        total.addcmul_(weight, vector)
    return total
