"""The multi-objective model (多目标模型) and its weighted cross-entropy.

Claims B2–B5 of the source map: feature groups through embeddings, concatenated; a shared network; one tower
per target. Towers give *logits*: a sigmoid makes rates of them, losses are computed before it.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ranking import validation
from ranking.logs import FeatureEncoder, FeatureTable

GIVEN_CLICK = ("like", "collect", "share")
"""Targets that are counted per click (claim A7)."""


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

    @classmethod
    def of(
        cls, encoder: FeatureEncoder | FeatureTable, targets: Sequence[str], seed: int = 0, **settings: Any
    ) -> Self:
        """A model for the features of a fitted encoder, its first weights drawn from ``seed``.

        The encoder, or a table, says how many ids each field has, and how many dense columns there are;
        ``settings`` are ``embedding_dim``, ``shared``, ``tower`` and ``sparse``.
        """
        if not hasattr(encoder, "cardinalities"):
            raise ValueError(
                f"encoder must be a FeatureEncoder that is fitted, or a table, got {encoder!r:.80}"
            )
        with seeded(seed):
            return cls(encoder.cardinalities, len(encoder.columns), targets, **settings)

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """Logits, shape (rows, targets), from ids (rows, fields) and dense features (rows, n_dense)."""
        common = self.shared(self.embedding(categorical, dense))  # (rows, width)
        return torch.cat([tower(common) for tower in self.towers], dim=1)  # (rows, targets)


def click_mask(labels: Tensor, targets: Sequence[str], given_click: Sequence[str] = GIVEN_CLICK) -> Tensor:
    """Which labels mean something: all of click's, and those given click only where there was one (claim A7).

    From labels 0 or 1, (rows, targets), with "click" among the targets, to 1 or 0 in the same shape. Labels
    between 0 and 1, such as shares played, may stand in the other columns.
    """
    names = validation.targets(targets)
    per_click = validation.names("given_click", given_click, empty=True)
    mask = _click_mask(_labels(labels), names, per_click)  # (rows, targets)
    validation.binary("labels of click", labels[:, names.index("click")])
    return mask


def _labels(labels: Tensor) -> Tensor:
    """Labels, (rows, targets), whose numbers have been looked at."""
    validation.tensors(labels=labels)
    validation.probabilities("labels", labels)
    return labels


def _click_mask(labels: Tensor, targets: Sequence[str], given_click: Sequence[str] = GIVEN_CLICK) -> Tensor:
    """:func:`click_mask` of labels that have been checked: each step of a training calls it."""
    if "click" not in targets:
        advice = "a log without clicks needs no mask"
        raise ValueError(
            f"targets must contain 'click' to tell which rows were clicked ({advice}), got {list(targets)}"
        )
    if labels.ndim != 2 or labels.shape[1] != len(targets):
        raise ValueError(f"labels must have shape (rows, {len(targets)}), got {tuple(labels.shape)}")
    clicked = labels[:, [list(targets).index("click")]]  # (rows, 1)
    always = torch.tensor([name not in given_click for name in targets], device=labels.device)  # (targets,)
    return torch.where(always, torch.ones_like(labels), clicked)  # (rows, targets)


def cross_entropy_per_target(
    logits: Tensor, labels: Tensor, mask: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of each target over the rows that its mask keeps (claim B4), from logits.

    From logits and labels, 0 or 1 or between, to (targets,), in nats. ``mask`` is 1 where a label means
    something, else 0; None counts every row, other numbers of at least 0 count as so many rows. A target
    whose mask keeps no row of the batch has 0. ``weights``, at least 0, multiply the cross-entropies but do
    not count as rows: with a mean of 1 over all rows they leave the scale of the loss as it is, and no
    batch's own sum of weights bends it. All four are (rows, targets). Logits of half precision, as autocast
    makes them, are taken in single precision.
    """
    validation.tensors(logits=logits)
    validation.as_floats("logits", logits)
    _labels(labels)
    for name, given in (("mask", mask), ("weights", weights)):
        if given is not None:
            validation.tensors(**{name: given})
            validation.non_negative(name, given)
    sums, rows = _sums(logits, labels, mask, weights)
    return _means(sums, rows)


def _sums(
    logits: Tensor, labels: Tensor, mask: Tensor | None, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Sum of each target's cross-entropies over its kept rows, and how many these are, (targets,) each.

    Of numbers that have been checked: each step of a training calls it.
    """
    given = {"logits": logits, "labels": labels, "mask": mask, "weights": weights}
    shapes = {name: tuple(part.shape) for name, part in given.items() if part is not None}
    if logits.ndim != 2 or len({*shapes.values()}) > 1:
        raise ValueError(f"{', '.join(shapes)} must have one shape (rows, targets), got {shapes}")
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    labels = labels.to(logits.dtype)
    losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")  # (rows, targets)
    if weights is not None:
        losses = losses * weights
    if mask is None:
        return losses.sum(dim=0), losses.new_full((losses.shape[1],), float(len(losses)))  # (targets,) each
    mask = mask.to(logits.dtype)
    return (losses * mask).sum(dim=0), mask.sum(dim=0)


def _means(sums: Tensor, rows: Tensor) -> Tensor:
    """Sums divided by numbers of rows, (targets,) each; 0 where there is no row."""
    return sums / torch.where(rows > 0, rows, 1)


def weighted_cross_entropy(
    logits: Tensor, labels: Tensor, loss_weights: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Total loss Σ_k λ_k · (mean cross-entropy of target k) (claims B4, B5), a scalar, computed from logits.

    Logits, labels and mask, such as :func:`click_mask`, are those of :func:`cross_entropy_per_target`;
    ``loss_weights`` are λ, shape (targets,), at least 0 and not all 0.
    """
    losses = cross_entropy_per_target(logits, labels, mask)  # (targets,)
    validation.tensors(loss_weights=loss_weights)
    if loss_weights.shape != losses.shape:
        got, wanted = tuple(loss_weights.shape), tuple(losses.shape)
        raise ValueError(f"loss_weights must have shape (targets,), here {wanted}, got {got}")
    if not validation.non_negative("loss_weights", loss_weights).any():
        raise ValueError(f"loss_weights must not be all 0, or nothing is learnt; got {loss_weights.tolist()}")
    return (loss_weights * losses).sum()


class PerTargetLoss(nn.Module, ABC):
    """A loss made of the mean cross-entropies of named targets; a subclass says how, in :meth:`total`.

    Sums and rows are kept apart until the end, so that ``fit`` reports and judges by the means over all rows,
    whatever the size of its batches: a mean of the batches' means is another number where rows are masked.
    """

    def __init__(self, targets: Sequence[str], masked: bool, given_click: Sequence[str]) -> None:
        super().__init__()
        self.targets = validation.targets(targets)
        self.masked = validation.flag("masked", masked)
        self.given_click = validation.names("given_click", given_click, empty=True)

    @abstractmethod
    def total(self, sums: Tensor, rows: Tensor) -> Tensor:
        """The loss, a scalar, from sums of cross-entropies and numbers of rows, (targets,) each."""

    def kept(self, labels: Tensor) -> Tensor | None:
        """The mask of the labels, (rows, targets); None where all rows count."""
        return _click_mask(labels, self.targets, self.given_click) if self.masked else None

    def sums(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What :meth:`total` takes: per target the sum of cross-entropies and the number of rows."""
        return _sums(logits, labels, self.kept(labels), weights)

    def forward(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of a batch, a scalar, from logits, labels and row weights (rows, targets)."""
        sums, rows = self.sums(logits, labels, weights)
        return self.total(sums, rows)


class WeightedCrossEntropy(PerTargetLoss):
    """The loss of claim B5 for named targets: λ per target, like, collect and share given click.

    Args:
        targets: names of the targets, in the order of the logits.
        loss_weights: λ by name; 1 for a target that is not named.
        masked: whether targets that are counted per click (``given_click``) see only clicked rows. False
            shows slip X10: every head then learns a rate per impression.
    """

    loss_weights: Tensor

    def __init__(
        self,
        targets: Sequence[str],
        loss_weights: Mapping[str, float] | None = None,
        masked: bool = True,
        given_click: Sequence[str] = GIVEN_CLICK,
    ) -> None:
        super().__init__(targets, masked, given_click)
        if not isinstance(loss_weights, Mapping | None):
            raise ValueError(f"loss_weights must map names of targets to weights, got {loss_weights!r}")
        weights = dict.fromkeys(self.targets, 1.0)
        for name, weight in (loss_weights or {}).items():
            validation.one_of("loss_weights", name, self.targets)
            weights[name] = validation.number(f"loss_weights[{name!r}]", weight, least=0.0)
        if not any(weights.values()):
            raise ValueError(f"loss_weights must not be all 0, or nothing is learnt; got {loss_weights}")
        self.register_buffer("loss_weights", torch.tensor(list(weights.values())))

    def extra_repr(self) -> str:
        """The weights by name, and whether there is a mask: what a run with this loss is known by."""
        pairs = zip(self.targets, self.loss_weights.tolist(), strict=True)
        return ", ".join([*(f"{name}={weight:g}" for name, weight in pairs), f"masked={self.masked}"])

    def total(self, sums: Tensor, rows: Tensor) -> Tensor:
        """See :class:`PerTargetLoss`."""
        return (self.loss_weights * _means(sums, rows)).sum()


class UncertaintyWeighting(PerTargetLoss):
    """Loss weights that are learnt: Σ_k exp(−s_k) · CE_k + s_k / 2 (Kendall, Gal and Cipolla, CVPR 2018).

    exp(−s_k) takes the place of λ_k, and the term s_k / 2 keeps it from falling to 0. For a fixed loss of
    CE_k the best weight is exp(−s_k) = 1 / (2 CE_k): a target weighs more the smaller its loss is. In the
    paper s_k is ln σ_k², the variance of the noise; that a small loss means little noise holds for
    regression, while the entropy of a rare label is small because it is rare. A target without a row in the
    batch leaves its s_k alone: both terms are left out.
    Arguments as in :class:`WeightedCrossEntropy`.
    """

    def __init__(
        self, targets: Sequence[str], masked: bool = True, given_click: Sequence[str] = GIVEN_CLICK
    ) -> None:
        super().__init__(targets, masked, given_click)
        self.log_variances = nn.Parameter(torch.zeros(len(self.targets)))  # s, (targets,)

    def extra_repr(self) -> str:
        """The targets, and whether there is a mask."""
        return f"{', '.join(self.targets)}, masked={self.masked}"

    @property
    def loss_weights(self) -> Tensor:
        """What takes the place of λ, shape (targets,)."""
        return torch.exp(-self.log_variances.detach())

    def total(self, sums: Tensor, rows: Tensor) -> Tensor:
        """See :class:`PerTargetLoss`."""
        terms = torch.exp(-self.log_variances) * _means(sums, rows) + self.log_variances / 2  # (targets,)
        return torch.where(rows > 0, terms, 0.0).sum()


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
