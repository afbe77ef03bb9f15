"""The multi-objective model (多目标模型) and its weighted cross-entropy.

Claims B2–B5 of the source map: feature groups through embeddings, concatenated; a shared network; one tower
per target. Towers give *logits*: a sigmoid turns them into rates, and losses are computed before it, where
they are exact. With one target the same class is the single-task baseline.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def dense_layers(sizes: Sequence[int], last_activation: bool = True) -> nn.Sequential:
    """Linear layers with ReLUs between: sizes (in, hidden, …, out)."""
    layers: list[nn.Module] = []
    for i, (size_in, size_out) in enumerate(itertools.pairwise(sizes)):
        layers.append(nn.Linear(size_in, size_out))
        if last_activation or i < len(sizes) - 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class FeatureEmbedding(nn.Module):
    """Categorical ids through embedding tables, concatenated with the dense features (claim B2).

    All tables live in one: id i of field f is row ``offset[f] + i``, so that one look-up serves all fields.

    Args:
        cardinalities: number of ids per categorical field, id 0 standing for "unseen".
        n_dense: number of dense features.
        embedding_dim: numbers per id.
    """

    def __init__(self, cardinalities: Sequence[int], n_dense: int, embedding_dim: int = 8) -> None:
        super().__init__()
        if any(size < 1 for size in cardinalities):
            raise ValueError(f"cardinalities must be at least 1, got {list(cardinalities)}")
        if n_dense < 0 or embedding_dim < 1:
            raise ValueError(
                f"n_dense must be at least 0 and embedding_dim at least 1, got {n_dense} and {embedding_dim}"
            )
        sizes = torch.tensor(list(cardinalities), dtype=torch.long)
        self.register_buffer("sizes", sizes)
        self.register_buffer("offsets", torch.cumsum(sizes, 0) - sizes)
        self.table = nn.Embedding(int(sizes.sum()) if len(sizes) else 1, embedding_dim)
        nn.init.normal_(self.table.weight, std=0.05)
        self.output_dim = len(sizes) * embedding_dim + n_dense

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """One vector per row.

        Args:
            categorical: ids, int64, shape (rows, fields).
            dense: float32, shape (rows, n_dense).

        Returns:
            Shape (rows, output_dim).
        """
        vectors = self.table(categorical + self.offsets)  # (rows, fields, embedding_dim)
        return torch.cat([vectors.flatten(1), dense], dim=1)  # (rows, output_dim)


class MultiTaskModel(nn.Module):
    """Shared network and one tower per target (claim B2): the model that later chapters compare with.

    Args:
        cardinalities, n_dense, embedding_dim: see :class:`FeatureEmbedding`.
        targets: names of the targets, e.g. ("click", "like"); one name makes the single-task baseline.
        shared: widths of the shared dense layers.
        tower: widths of each tower's hidden layers; a last layer of width 1 is added.
    """

    def __init__(
        self,
        cardinalities: Sequence[int],
        n_dense: int,
        targets: Sequence[str],
        embedding_dim: int = 8,
        shared: Sequence[int] = (64,),
        tower: Sequence[int] = (32,),
    ) -> None:
        super().__init__()
        if not targets or len(set(targets)) != len(targets):
            raise ValueError(f"targets must name at least one target, each once, got {list(targets)}")
        self.targets = tuple(targets)
        self.embedding = FeatureEmbedding(cardinalities, n_dense, embedding_dim)
        self.shared = dense_layers((self.embedding.output_dim, *shared))
        self.towers = nn.ModuleList(
            dense_layers((shared[-1], *tower, 1), last_activation=False) for _ in self.targets
        )

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """Logits, shape (rows, targets), from ids (rows, fields) and dense features (rows, n_dense)."""
        common = self.shared(self.embedding(categorical, dense))  # (rows, width)
        return torch.cat([tower(common) for tower in self.towers], dim=1)  # (rows, targets)


def weighted_cross_entropy(
    logits: Tensor, labels: Tensor, loss_weights: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Total loss Σ_k λ_k · (mean cross-entropy of target k) (claims B4, B5), computed from logits.

    Args:
        logits: shape (rows, targets).
        labels: 0 or 1, shape (rows, targets).
        loss_weights: λ, shape (targets,), at least 0.
        mask: 1 where a label means something, shape (rows, targets): likes are counted per click (claim A7),
            so unclicked rows say nothing about the like rate. None counts every row. A target without any
            row in the batch adds nothing.

    Returns:
        A scalar.
    """
    if logits.shape != labels.shape or loss_weights.shape != logits.shape[1:]:
        raise ValueError(
            "logits and labels must have shape (rows, targets) and loss_weights (targets,), got "
            f"{tuple(logits.shape)}, {tuple(labels.shape)} and {tuple(loss_weights.shape)}"
        )
    losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")  # (rows, targets)
    if mask is None:
        per_target = losses.mean(dim=0)  # (targets,)
    else:
        per_target = (losses * mask).sum(dim=0) / mask.sum(dim=0).clamp(min=1.0)  # (targets,)
    return (loss_weights * per_target).sum()
