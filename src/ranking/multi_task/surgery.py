"""Gradient surgery: targets that pull the shared network apart, each without its pull against the others."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ranking import validation
from ranking.multi_task.gradients import gradient_vectors
from ranking.multi_task.losses import GIVEN_CLICK, WeightedCrossEntropy
from ranking.multi_task.models import MultiTaskModel


def project_conflicts(gradients: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The sum of the targets' gradients, each without what pulls against another (PCGrad).

    Each target's gradient meets the original gradients of the others in random order, and loses its
    component along each with which its inner product, as far as it has come, is negative. So none is changed
    where no two point apart; a gradient of 0 changes none. Source: Yu et al., Gradient Surgery for Multi-Task
    Learning, NeurIPS 2020, https://arxiv.org/abs/2001.06782, algorithm 1.

    Args:
        gradients: one per target, (targets, parameters). Half precision is taken in single.
        generator: what draws the orders, on the CPU; torch's own by default.

    Returns:
        The sum of the projected gradients, (parameters,).
    """
    validation.tensors(gradients=gradients)
    validation.as_floats("gradients", gradients)
    if gradients.ndim != 2:
        raise ValueError(f"gradients must have shape (targets, parameters), got {tuple(gradients.shape)}")
    if generator is not None:
        validation.instance("generator", generator, torch.Generator)
    vectors = gradients.detach().to(torch.promote_types(gradients.dtype, torch.float32))
    # in double precision, as squares of large numbers are infinite in single
    shares = _shares(_inner_products(vectors.double()), generator)
    return shares.to(vectors) @ vectors  # (parameters,)


def _inner_products(vectors: Tensor) -> Tensor:
    """Of any two gradients, (targets, targets), on the CPU, from (targets, parameters)."""
    return (vectors @ vectors.T).double().cpu()


def _shares(products: Tensor, generator: torch.Generator | None) -> Tensor:
    """How much of each original gradient the sum of the projected ones holds, (targets,).

    A projected gradient is a sum of original ones, so their inner products, (targets, targets), are all that
    is needed: the parameters, of which there are many, are gone through once and not at each projection.
    """
    targets = len(products)
    each = torch.arange(targets)
    draws = torch.rand(targets, targets, generator=generator).fill_diagonal_(2.0)
    orders = draws.argsort(dim=1)[:, :-1]  # the others of each, (targets, targets - 1): itself came last
    held = torch.eye(targets, dtype=products.dtype)  # row k: gradient k, as far as it has come
    for others in orders.T:  # the next to meet, (targets,)
        along = (held * products[others]).sum(dim=1)  # inner products with these, (targets,)
        squares = products[others, others]
        apart = (along < 0) & (squares > 0)
        held[each, others] -= torch.where(apart, along / squares, 0.0)
    return held.sum(dim=0)


class GradientSurgery(WeightedCrossEntropy):
    """:class:`WeightedCrossEntropy` whose gradient at what the targets share is :func:`project_conflicts`.

    The value is the plain weighted total, and so is the gradient at the towers, each of which has one target
    alone. At the parameters of ``model.embedding`` and ``model.shared`` it is the projected sum of the
    targets' gradients λ_k ∇CE_k. Each step costs one more backward pass per target, and memory for two more
    gradients of the whole embedding table per target. Without gradients (``torch.no_grad``), or for logits
    that have none, it is the plain loss and nothing is counted.

    For ``fit`` in one process: several would each project the gradients of their own share of the rows,
    whose mean is not the projection of the whole batch's.

    Args:
        model: the one that gives the logits, with dense tables. The loss keeps it at hand, but its
            parameters are not the loss's own.
        loss_weights, masked, given_click: see :class:`WeightedCrossEntropy`, for the model's targets.
        seed: decides the orders of projection.

    Attributes:
        steps: how often gradients were projected.
        conflicts: pairs of targets whose gradients had a negative inner product, over all these steps.
    """

    model: MultiTaskModel

    def __init__(
        self,
        model: MultiTaskModel,
        loss_weights: Mapping[str, float] | None = None,
        masked: bool = True,
        given_click: Sequence[str] = GIVEN_CLICK,
        seed: int = 0,
    ) -> None:
        validation.instance("model", model, MultiTaskModel)
        if model.embedding.table.sparse:
            raise ValueError(
                "model must have a dense table (sparse=False): whole gradients are projected, got sparse=True"
            )
        super().__init__(model.targets, loss_weights, masked, given_click)
        object.__setattr__(self, "model", model)  # not a module of this one: nn.Module would register it
        self.seed = validation.seed("seed", seed)
        self.generator = torch.Generator().manual_seed(self.seed)
        self.steps = self.conflicts = 0

    def extra_repr(self) -> str:
        """As of the plain loss, and the seed; not the counts, which change while a model learns."""
        return f"{super().extra_repr()}, conflicts projected, seed={self.seed}"

    def get_extra_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: the counts, and where the generator stands."""
        return {"steps": self.steps, "conflicts": self.conflicts, "random": self.generator.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`get_extra_state` gave."""
        self.steps, self.conflicts = state["steps"], state["conflicts"]
        self.generator.set_state(state["random"])

    @property
    def conflicting(self) -> float:
        """Share of the pairs of targets, over all steps so far, whose gradients had a negative inner product.

        Pairs are those of targets of a weight above 0; one of them without a row in the batch pulls nowhere,
        which is no conflict. NaN before the first step, and where there is only one target.
        """
        pulling = int((self.loss_weights > 0).sum())
        pairs = self.steps * pulling * (pulling - 1) // 2
        return self.conflicts / pairs if pairs else float("nan")

    def total(self, sums: Tensor, rows: Tensor) -> Tensor:
        """See :class:`PerTargetLoss`."""
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            raise ValueError(
                f"loss must not be a GradientSurgery where several processes train one model, got "
                f"{dist.get_world_size()} processes: it works in one"
            )
        terms = self.terms(sums, rows)  # (targets,)
        total = terms.sum()
        parts = [*self.model.embedding.parameters(), *self.model.shared.parameters()]
        shared = [part for part in parts if part.requires_grad]
        if not (terms.requires_grad and shared):
            return total
        weighing = terms[self.loss_weights > 0]  # the gradients of the others are 0
        vectors = gradient_vectors(weighing, shared)  # (targets, parameters)
        products = _inner_products(vectors)
        self.steps += 1
        self.conflicts += int((products < 0).triu(diagonal=1).sum())
        # a term of value 0, whose gradient is what projecting changes: exactly 0 where nothing conflicts
        change = (_shares(products, self.generator) - 1.0).to(vectors) @ vectors  # (parameters,)
        changes = torch.split(change, [part.numel() for part in shared])
        each = [torch.dot(by, part.flatten()) for by, part in zip(changes, shared, strict=True)]
        added = torch.stack(each).sum()
        return total + (added - added.detach())
