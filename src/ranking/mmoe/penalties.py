"""Other cures of polarization than masking: terms of the loss that pull gates away from one-hot.

Both are differentiable and read the softmax *before* masking, ``gates`` of shape (..., rows, tasks, experts);
they give one number per leading index, shape (...).
"""

import torch
from torch import Tensor

from ranking import validation

_ROUNDING = 1e-3  # how far from 1 the sum of weights of single precision may lie


def _check(gates: Tensor) -> None:
    validation.tensors(gates=gates)
    if gates.ndim < 3:
        raise ValueError(f"gates must have shape (..., rows, tasks, experts), got {tuple(gates.shape)}")
    off = (gates.detach().sum(dim=-1) - 1.0).abs().max()  # NaN where a gate is: the comparison fails
    if gates.is_complex() or not off.item() <= _ROUNDING or gates.detach().min().item() < 0.0:
        raise ValueError("gates must be weights of at least 0 that sum to 1 over the experts, got others")


def gate_entropy(gates: Tensor) -> Tensor:
    """Mean entropy −Σ g ln g of the gate weights over rows and tasks, in nats; a bonus, to be subtracted.

    From 0 (one-hot) to ln(experts).
    """
    _check(gates)
    tiny = torch.finfo(gates.dtype).tiny  # the gradient of g ln g at g = 0 would be infinite
    return -(gates * gates.clamp_min(tiny).log()).sum(dim=-1).mean(dim=(-2, -1))


def load_imbalance(gates: Tensor) -> Tensor:
    """How unevenly the experts are used: E · Σ_e u_e² − 1, a mean over tasks; a penalty, to be added.

    From 0 (all used alike) to E − 1 (polarized): the squared coefficient of variation of the utilisation u,
    which is the importance loss of Shazeer et al. (ICLR 2017), for every task's gate. Unlike the entropy it
    leaves hard routing alone, as long as all experts get their share of the rows.
    """
    _check(gates)
    u = gates.mean(dim=-3)  # (..., tasks, experts)
    return (gates.shape[-1] * u.square().sum(dim=-1) - 1.0).mean(dim=-1)
