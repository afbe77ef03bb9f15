"""Towers: networks that look at the user and at the item apart, so that most of the work is done beforehand.

:class:`TwoTowerModel` (双塔模型) ends in a dot product, which a vector index can search.
:class:`ThreeTowerModel` (三塔模型) adds a small tower for features of the pair and a small network on top; it
can no longer be searched, but scores a few thousand items in one go.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ranking import validation
from ranking.funnel.snapshot import CONTEXT_FIELDS, CROSS_COLUMNS, ITEM_FIELDS, USER_FIELDS
from ranking.logs import FeatureTable
from ranking.multi_task import FeatureEmbedding, dense_layers

TEMPERATURE = 0.1
"""Cosines are divided by it before the softmax, which otherwise could hardly tell good items from bad."""


@dataclass(frozen=True)
class Sides:
    """Which columns of a feature table belong to the user (with the context), the item, and the pair.

    Attributes:
        user, item: positions among the categorical fields, and among the dense columns.
        cross: positions among the dense columns.
        cardinalities: number of codes of every field.
    """

    user: tuple[list[int], list[int]]
    item: tuple[list[int], list[int]]
    cross: list[int]
    cardinalities: tuple[int, ...]

    @classmethod
    def of(cls, table: FeatureTable) -> Self:
        """The sides of a table made by ``training_table`` or ``Snapshot.features``."""

        def at(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
            return [i for i, name in enumerate(names) if name in wanted]

        validation.instance("table", table, FeatureTable)
        users = [name for name in table.columns if name.startswith("log_user_")]
        items = [name for name in table.columns if name not in (*users, *CROSS_COLUMNS)]
        user = at(table.fields, (*USER_FIELDS, *CONTEXT_FIELDS)), at(table.columns, users)
        item = at(table.fields, ITEM_FIELDS), at(table.columns, items)
        return cls(user, item, at(table.columns, CROSS_COLUMNS), table.cardinalities)


class Tower(nn.Module):
    """Some fields and columns of a feature table, through embeddings and dense layers, to one vector."""

    def __init__(
        self, side: tuple[list[int], list[int]], cardinalities: Sequence[int], sizes: Sequence[int]
    ) -> None:
        super().__init__()
        self.fields, self.columns = side
        sizes_of = [cardinalities[i] for i in self.fields]
        self.embedding = FeatureEmbedding(sizes_of, len(self.columns), embedding_dim=16)
        self.layers = dense_layers((self.embedding.output_dim, *sizes), last_activation=False)

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """(rows, fields of the table), (rows, columns of the table) -> (rows, sizes[-1])."""
        vector: Tensor = self.layers(self.embedding(categorical[:, self.fields], dense[:, self.columns]))
        return vector


class TwoTowerModel(nn.Module):
    """A user vector and an item vector of length 1; their dot product says how well they go together.

    Args:
        sides: which columns each tower reads. The cross columns are read by neither.
        dim: length of the vectors.
        hidden: width of each tower's hidden layer.
    """

    def __init__(self, sides: Sides, dim: int = 32, hidden: int = 64) -> None:
        super().__init__()
        validation.instance("sides", sides, Sides)
        self.dim = validation.positive_int("dim", dim)
        sizes = (validation.positive_int("hidden", hidden), self.dim)
        self.user_tower = Tower(sides.user, sides.cardinalities, sizes)
        self.item_tower = Tower(sides.item, sides.cardinalities, sizes)

    def user(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """User vectors, (rows, dim)."""
        return F.normalize(self.user_tower(categorical, dense), dim=1)

    def item(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """Item vectors, (rows, dim)."""
        return F.normalize(self.item_tower(categorical, dense), dim=1)

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """Both vectors side by side, (rows, 2 · dim), as :func:`in_batch_softmax` takes them."""
        return torch.cat([self.user(categorical, dense), self.item(categorical, dense)], dim=1)


def in_batch_softmax(vectors: Tensor, item_share: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Loss of retrieval, in nats: which item of the batch did this user click?

    The other rows' items serve as negatives. They are there because others clicked them, popular ones
    more often, and would be pushed down for it; subtracting ln of an item's share of the clicks from its
    logit takes that back (Yi et al., RecSys 2019). An item that stands twice in a batch counts as its own
    negative, which is rare in a large catalogue and let stand.

    Args:
        vectors: user and item vectors of clicked impressions side by side, (rows, 2 · dim).
        item_share: share of each row's item among all clicks of the training rows, in (0, 1], (rows, 1).
        temperature: above 0.
    """
    validation.tensors(vectors=vectors)
    validation.as_floats("vectors", vectors)
    validation.tensors(item_share=item_share)
    if (validation.positive("item_share", item_share) > 1.0).any():
        raise ValueError(f"item_share must be in (0, 1], got {item_share.max().item()}")
    if vectors.ndim != 2 or vectors.shape[1] % 2 or item_share.shape != (len(vectors), 1):
        raise ValueError(
            "vectors must have shape (rows, 2 · dim) and item_share (rows, 1), got "
            f"{tuple(vectors.shape)} and {tuple(item_share.shape)}"
        )
    return contrast(vectors, item_share, validation.number("temperature", temperature, above=0.0))


def contrast(vectors: Tensor, item_share: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """:func:`in_batch_softmax` of arguments that have been checked: each step of a training calls it."""
    vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))  # from autocast they come in half
    user, item = vectors.chunk(2, dim=1)  # (rows, dim) each
    with torch.autocast(vectors.device.type, enabled=False):
        logits = user @ item.T / temperature - torch.log(item_share).T  # (rows, rows)
    return F.cross_entropy(logits, torch.arange(len(vectors), device=vectors.device))


class ThreeTowerModel(nn.Module):
    """Pre-ranking: user tower once a request, item tower cached, cross tower and top once a pair.

    Arguments as in :class:`TwoTowerModel`; a logit for each of the targets.
    """

    def __init__(self, sides: Sides, targets: Sequence[str], dim: int = 16) -> None:
        super().__init__()
        validation.instance("sides", sides, Sides)
        dim = validation.positive_int("dim", dim)
        self.targets = validation.targets(targets)
        self.user_tower = Tower(sides.user, sides.cardinalities, (64, dim))
        self.item_tower = Tower(sides.item, sides.cardinalities, (64, dim))
        self.cross_columns = sides.cross
        self.cross_tower = dense_layers((len(sides.cross), 8))
        self.top = dense_layers((3 * dim + 8, 32, len(self.targets)), last_activation=False)

    def score(self, user: Tensor, item: Tensor, cross: Tensor) -> Tensor:
        """Logits from vectors of user (rows or 1, dim) and item (rows, dim), and cross features (rows, 3)."""
        user = user.expand(len(item), -1)  # (rows, dim)
        parts = [user, item, user * item, self.cross_tower(cross)]
        logits: Tensor = self.top(torch.cat(parts, dim=1))  # (rows, targets)
        return logits

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """Logits of the rows of a feature table, (rows, targets)."""
        user, item = self.user_tower(categorical, dense), self.item_tower(categorical, dense)
        return self.score(user, item, dense[:, self.cross_columns])


@torch.no_grad()
def tower_vectors(
    tower: Callable[[Tensor, Tensor], Tensor], table: FeatureTable, batch_size: int = 65_536
) -> NDArray[np.float32]:
    """Vectors of every row of a table, (rows, dim): what is computed beforehand and cached."""
    validation.function("tower", tower)
    validation.instance("table", table, FeatureTable)
    size = validation.positive_int("batch_size", batch_size)
    parts = (torch.split(part, size) for part in table.to_tensors())
    return np.concatenate([tower(c, d).numpy() for c, d in zip(*parts, strict=True)])


def multiply_adds(module: nn.Module) -> int:
    """Multiply-adds of one row through the dense layers of a network: Σ inputs · outputs.

    Look-ups of embeddings, activations and normalising are left out: they read memory rather than compute.
    """
    validation.instance("module", module, nn.Module)
    return sum(m.in_features * m.out_features for m in module.modules() if isinstance(m, nn.Linear))
