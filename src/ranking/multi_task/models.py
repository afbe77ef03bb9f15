"""The multi-objective model: embedded features, a shared network, and a tower per target (claim B2)."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from scipy.special import logit
from torch import Tensor, nn

from ranking import validation
from ranking.logs import FeatureEncoder, FeatureTable


def dense_layers(sizes: Sequence[int], last_activation: bool = True) -> nn.Sequential:
    """Linear layers with ReLUs between: sizes (in, hidden, …, out)."""
    validation.flag("last_activation", last_activation)
    sizes = validation.positive_ints("sizes", sizes)
    layers: list[nn.Module] = []
    for size_in, size_out in itertools.pairwise(sizes):
        layers += [nn.Linear(size_in, size_out), nn.ReLU()]
    return nn.Sequential(*(layers if last_activation else layers[:-1]))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A context in which torch draws from ``seed`` and which leaves the outer random state as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(validation.seed("seed", seed))
        yield


class FeatureEmbedding(nn.Module):
    """Categorical ids through embedding tables, concatenated with the dense features (claim B2).

    All tables live in one: id i of field f is row ``offset[f] + i``, so that one look-up serves all fields.

    Args:
        cardinalities: number of ids per categorical field, id 0 standing for "unseen".
        n_dense, embedding_dim: number of dense features, and of numbers per id.
        sparse: whether the gradient lists just the rows that a batch holds, so that a step of training costs
            no more with a million ids than with a thousand, worth it from about a hundred thousand on: see
            :class:`~ranking.training.lazy_adam.LazyAdam`.
    """

    sizes: Tensor
    offsets: Tensor
    first: Tensor
    last: Tensor

    def __init__(
        self, cardinalities: Sequence[int], n_dense: int, embedding_dim: int = 8, sparse: bool = False
    ) -> None:
        super().__init__()
        sizes = torch.tensor(validation.positive_ints("cardinalities", cardinalities), dtype=torch.long)
        n_dense = validation.whole_number("n_dense", n_dense)
        embedding_dim = validation.positive_int("embedding_dim", embedding_dim)
        sparse = validation.flag("sparse", sparse)
        self.register_buffer("sizes", sizes)
        self.register_buffer("offsets", torch.cumsum(sizes, 0) - sizes)
        self.register_buffer("first", torch.zeros_like(sizes), persistent=False)
        self.register_buffer("last", sizes - 1, persistent=False)
        self.table = nn.Embedding(int(sizes.sum()) if len(sizes) else 1, embedding_dim, sparse=sparse)
        nn.init.normal_(self.table.weight, std=0.05)
        self.output_dim = len(sizes) * embedding_dim + n_dense

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """One vector per row, (rows, output_dim), from ids (rows, fields) and dense features (rows, n_dense).

        Raises:
            ValueError: shapes do not match, or an id is in no table: it would find another field's vector.
        """
        fields, columns = len(self.sizes), self.output_dim - len(self.sizes) * self.table.embedding_dim
        if categorical.shape != (len(dense), fields) or dense.shape != (len(categorical), columns):
            raise ValueError(
                f"categorical and dense must have shape (rows, {fields}) and (rows, {columns}), got "
                f"{tuple(categorical.shape)} and {tuple(dense.shape)}"
            )
        if categorical.is_floating_point() or categorical.is_complex():
            raise ValueError(f"categorical must hold whole numbers, got {categorical.dtype}")
        ids = categorical.long()
        if not torch.equal(ids.clamp(self.first, self.last), ids):  # two passes; to say where takes more
            row, field = ((ids < 0) | (ids >= self.sizes)).nonzero()[0].tolist()
            raise ValueError(
                f"categorical must hold ids from 0 to {int(self.sizes[field]) - 1} in field {field}, got "
                f"{int(ids[row, field])} at row {row}; an id that training did not see is 0"
            )
        vectors = self.table(ids + self.offsets)  # (rows, fields, embedding_dim)
        return torch.cat([vectors.flatten(1), dense], dim=1)  # (rows, output_dim)


class MultiTaskModel(nn.Module):
    """Shared network and one tower per target (claim B2): the model that later chapters compare with.

    Args:
        cardinalities, n_dense, embedding_dim, sparse: see :class:`FeatureEmbedding`.
        targets: names of the targets, e.g. ("click", "like"); one name makes the single-task baseline.
        shared: widths of the shared dense layers.
        tower: widths of each tower's hidden layers; a last layer of width 1 is added.
        base_rates: where the heads start, a share in (0, 1) per target, in order or by name, such as
            :func:`base_rates` gives: of a target given a click, the rate among the clicked rows. The bias of
            each tower's last layer is then the logit of its share, and all other first weights are as
            without. None leaves these biases as they are drawn, near 0.

    Untrained heads say about 50% where the truth is 10% or 4%, so at first every row pushes every logit down.
    Heads that start at the base rate need not learn that; :class:`~ranking.mmoe.MMoE` says what it changes.
    """

    def __init__(
        self,
        cardinalities: Sequence[int],
        n_dense: int,
        targets: Sequence[str],
        embedding_dim: int = 8,
        shared: Sequence[int] = (64,),
        tower: Sequence[int] = (32,),
        sparse: bool = False,
        base_rates: Sequence[float] | Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.targets = validation.targets(targets)
        shared, tower = validation.positive_ints("shared", shared), validation.positive_ints("tower", tower)
        if not shared:
            raise ValueError("shared must name at least one layer's width, got none")
        self.embedding = FeatureEmbedding(cardinalities, n_dense, embedding_dim, sparse)
        self.shared = dense_layers((self.embedding.output_dim, *shared))
        self.towers = nn.ModuleList(
            dense_layers((shared[-1], *tower, 1), last_activation=False) for _ in self.targets
        )
        self.base_rates = None
        if base_rates is not None:
            self.base_rates = validation.base_rates(base_rates, len(self.targets), self.targets)
            for rate, layers in zip(self.base_rates, self.towers, strict=True):
                *_, bias = layers.parameters()  # of the last layer, (1,)
                nn.init.constant_(bias, logit(rate))

    @classmethod
    def of(
        cls, encoder: FeatureEncoder | FeatureTable, targets: Sequence[str], seed: int = 0, **settings: Any
    ) -> Self:
        """A model for the features of a fitted encoder, its first weights drawn from ``seed``.

        The encoder, or a table, says how many ids each field has, and how many dense columns there are;
        ``settings`` are ``embedding_dim``, ``shared``, ``tower``, ``sparse`` and ``base_rates``.
        """
        if not hasattr(encoder, "cardinalities"):
            raise ValueError(
                f"encoder must be a FeatureEncoder that is fitted, or a table, got {encoder!r:.80}"
            )
        with seeded(seed):
            return cls(encoder.cardinalities, len(encoder.columns), targets, **settings)

    def extra_repr(self) -> str:
        """Where the heads start: part of what a run with this model is known by."""
        return "" if self.base_rates is None else f"base_rates={self.base_rates}"

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """Logits, shape (rows, targets), from ids (rows, fields) and dense features (rows, n_dense)."""
        common = self.shared(self.embedding(categorical, dense))  # (rows, width)
        return torch.cat([tower(common) for tower in self.towers], dim=1)  # (rows, targets)
