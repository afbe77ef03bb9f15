"""Which way each target pulls the shared network, and how hard."""

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
    shared = list(model.shared.parameters())
    gradients = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in losses]
    vectors = [torch.cat([part.flatten() for part in parts]) for parts in gradients]
    return TaskGradients(model.targets, torch.stack(vectors))
