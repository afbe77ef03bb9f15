"""The weighted cross-entropy of several targets (claims B4, B5), masked where a label means nothing (A7)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ranking import validation

GIVEN_CLICK = ("like", "collect", "share")
"""Targets that are counted per click (claim A7)."""


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

    def terms(self, sums: Tensor, rows: Tensor) -> Tensor:
        """What each target adds to the loss, λ_k · (mean cross-entropy of target k), (targets,)."""
        return self.loss_weights * _means(sums, rows)

    def total(self, sums: Tensor, rows: Tensor) -> Tensor:
        """See :class:`PerTargetLoss`."""
        return self.terms(sums, rows).sum()


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
