"""Masking of gate weights in training: dropout on the softmax's outputs (claim D7), in four readings.

The source masks each expert with probability 10% and does not say what happens to the weights that are left
(slip X12). With m = 1 for a kept expert and 0 for a masked one, and g the softmax:

=============== ========================= ==============================================================
name            weights that mix          reading
=============== ========================= ==============================================================
"renormalised"  m g / Σ m g               the published cure (Zhao et al., RecSys 2019); one is always kept
"dropout"       m g / (1 − mask_rate)     dropout as libraries have it: the mean over masks is g
"unscaled"      m g                       the source's sentence to the letter
"epsilon"       m g / (Σ m g + epsilon)   renormalised with a small constant against a division by 0
=============== ========================= ==============================================================
"""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from ranking import validation

MASKINGS = ("renormalised", "dropout", "unscaled", "epsilon")


def check_masking(mask_rate: float, masking: str, epsilon: float) -> tuple[float, str, float]:
    """The settings: a rate in [0, 1), as at 1 nothing is left to mix, a reading, and a constant above 0."""
    validation.one_of("masking", masking, MASKINGS)
    rate = validation.number("mask_rate", mask_rate, least=0.0, below=1.0)
    return rate, masking, validation.number("epsilon", epsilon, above=0.0)


def draw_kept(
    shape: Sequence[int], rate: float, at_least_one: bool, dim: int = -1, generator: Generator | None = None
) -> Tensor:
    """True where an expert is kept: each is masked with probability ``rate``, independently of the others.

    With ``at_least_one`` the draw is from the same distribution on the condition that not all are masked.
    No drawing again is needed: the number L of masked experts in front of the first kept one has
    P(L = l) = q^l (1 − q) / (1 − q^E), which is inverted from one uniform number, and behind the first kept
    expert nothing is conditioned any more. An expert is then masked with probability (q − q^E) / (1 − q^E).

    The result has the given ``shape``, the experts along ``dim``, of which there must be one with
    ``at_least_one``; ``rate`` is q, in [0, 1). Without a ``generator`` torch's global one draws.
    """
    rate = validation.number("rate", rate, least=0.0, below=1.0)
    shape = tuple(validation.whole_number("shape", size) for size in validation.listed("shape", shape))
    dim = validation.whole_number("dim", dim, least=-len(shape), most=len(shape) - 1)
    if generator is not None:
        validation.instance("generator", generator, Generator)
    if validation.flag("at_least_one", at_least_one) and not shape[dim]:
        raise ValueError(f"shape must have at least one expert on axis {dim}, got {shape}")
    uniform = torch.rand(shape, generator=generator)
    if not at_least_one or rate == 0.0:
        return uniform >= rate
    uniform = uniform.movedim(dim, -1)  # (..., experts)
    experts = uniform.shape[-1]
    # float64: near 1 − q^E the logarithm must not come out beyond the last expert
    share = uniform[..., :1].double() * (1.0 - rate**experts)
    first = (torch.log1p(-share) / math.log(rate)).floor()  # L, (..., 1)
    position = torch.arange(experts)
    kept = (position == first) | ((position > first) & (uniform >= rate))  # (..., experts)
    return kept.movedim(-1, dim)


def masked_gates(
    logits: Tensor, kept: Tensor, masking: str, mask_rate: float, epsilon: float, dim: int = -1
) -> Tensor:
    """The weights that mix the experts when some are masked, in the shape of ``logits``.

    The logits enter the gate's softmax, experts along ``dim``; ``kept``, of their shape, is True (or 1) for
    those that are kept. ``masking`` is one of :data:`MASKINGS`, of which "renormalised" refuses rows without
    an expert left; ``mask_rate`` is in [0, 1), and ``epsilon``, the constant of "epsilon", above 0.
    """
    mask_rate, masking, epsilon = check_masking(mask_rate, masking, epsilon)
    validation.tensors(logits=logits)
    validation.as_floats("logits", logits)
    dim = validation.whole_number("dim", dim, least=-logits.ndim, most=logits.ndim - 1)
    kept = check_kept(kept, logits.shape, masking, dim)
    return mixing_weights(logits, kept, masking, mask_rate, epsilon, dim)


def check_kept(kept: Tensor, shape: Sequence[int], masking: str, dim: int) -> Tensor:
    """A mask, True where an expert is kept, that fits and leaves what its reading needs."""
    if not isinstance(kept, Tensor) or kept.shape != torch.Size(shape):
        got = tuple(kept.shape) if isinstance(kept, Tensor) else type(kept).__name__
        raise ValueError(f"kept must be a tensor of shape {tuple(shape)}, got {got}")
    if kept.dtype != torch.bool:
        validation.binary("kept", kept)
        kept = kept.bool()
    if masking == "renormalised" and not kept.any(dim=dim).all():
        raise ValueError("kept must keep at least one expert of every gate in every row")
    return kept


def mixing_weights(
    logits: Tensor, kept: Tensor, masking: str, mask_rate: float, epsilon: float, dim: int
) -> Tensor:
    """:func:`masked_gates` of arguments that have been checked: each step of a training calls it."""
    if masking == "renormalised":
        # the softmax over the kept experts alone: a quotient could be 0 / 0 where the masked one had it all
        return logits.masked_fill(~kept, -math.inf).softmax(dim)
    left = logits.softmax(dim) * kept
    if masking == "dropout":
        return left / (1.0 - mask_rate)
    if masking == "epsilon":
        return left / (left.sum(dim, keepdim=True) + epsilon)
    return left
