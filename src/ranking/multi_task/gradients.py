"""Which way each target pulls the shared network, and how hard."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ranking import validation
from ranking.multi_task.losses import click_mask, cross_entropy_per_target
from ranking.multi_task.models import MultiTaskModel


@dataclass(frozen=True)
class TaskGradients:
    """The gradient of every target's own loss at the shared network: how hard each pulls, and which way.

    ``vectors`` are those at λ = 1 of all parameters of ``model.shared``, shape (targets, parameters).
    """

    targets: tuple[str, ...]
    vectors: Tensor

    @property
    def norms(self) -> Tensor:
        """Length of each target's gradient, shape (targets,)."""
        lengths: Tensor = torch.linalg.vector_norm(self.vectors, dim=1)
        return lengths

    @property
    def cosines(self) -> Tensor:
        """Cosine of the angle between any two, shape (targets, targets): 1 for one way, −1 for opposite."""
        unit = F.normalize(self.vectors, dim=1)  # (targets, parameters)
        return unit @ unit.T


def task_gradients(
    model: MultiTaskModel, categorical: Tensor, dense: Tensor, labels: Tensor, masked: bool = True
) -> TaskGradients:
    """Gradients of the losses, target by target, at the shared network, on one set of rows.

    Ids are (rows, fields), dense features (rows, n_dense), labels (rows, targets); ``masked`` as in the loss.
    """
    if not isinstance(model, MultiTaskModel):
        raise ValueError(f"model must be a MultiTaskModel, got {type(model).__name__}")
    for name, part in (("categorical", categorical), ("dense", dense)):
        validation.as_floats(name, validation.instance(name, part, Tensor))
    mask = click_mask(labels, model.targets) if validation.flag("masked", masked) else None
    losses = cross_entropy_per_target(model(categorical, dense), labels, mask)  # (targets,)
    return TaskGradients(model.targets, gradient_vectors(losses, list(model.shared.parameters())))


def gradient_vectors(losses: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The gradient of each loss, (targets,), at all parameters in a row, (targets, parameters).

    The graph of the losses is kept, so that their sum can be differentiated as well.

    Raises:
        ValueError: a parameter has no part in one of the losses.
    """
    each = [torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True) for loss in losses]
    parts = [part for gradients in each for part in gradients]
    if any(part is None for part in parts):
        raise ValueError("losses must come from the model whose parameters are given, got another's")
    # in one go: the gradients of a large table take long to copy, and twice as long to copy twice
    return torch.cat([part.flatten() for part in parts]).view(len(losses), -1)  # (targets, parameters)
