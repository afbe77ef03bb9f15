"""Rates given click that are learnt from all impressions, through their product with p_click (ESMM)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ranking import validation
from ranking.multi_task.losses import GIVEN_CLICK, WeightedCrossEntropy


def product_logit(first: Tensor, second: Tensor) -> Tensor:
    """The logit of the product of two rates, from their logits: tensors of one shape, and so is the result.

    logit(σ(a) σ(b)) = −ln(e^−a + e^−b + e^(−a−b)), as 1 / (σ(a) σ(b)) = (1 + e^−a)(1 + e^−b): no rate is
    ever computed, so none is rounded to 0 or 1, where it has no logit. Half precision is taken in single.
    """
    validation.tensors(first=first, second=second)
    for name, part in (("first", first), ("second", second)):
        validation.as_floats(name, part)
    return _product_logit(first, second)


def _product_logit(first: Tensor, second: Tensor) -> Tensor:
    """:func:`product_logit` of numbers that have been checked: each step of a training calls it."""
    single = torch.promote_types(torch.promote_types(first.dtype, second.dtype), torch.float32)
    a, b = -first.to(single), -second.to(single)
    return -torch.logsumexp(torch.stack([a, b, a + b]), dim=0)


class EntireSpaceCrossEntropy(WeightedCrossEntropy):
    """The loss of ESMM: heads give rates given click, and all rows teach them (Ma et al., SIGIR 2018).

    Click has its cross-entropy over all rows. A target that is counted per click has that of
    p_click · p_(target | click), the rate per impression, against its label, over all rows as well. So its
    head still gives the logit of p_(target | click), to be used as one of :class:`WeightedCrossEntropy`, but
    it learns from rows without a click, too, and its labels also move the head of clicks.
    Source: https://doi.org/10.1145/3209978.3210104.

    Labels are taken as they stand, as events per impression. A label of 1 in a row without a click, which the
    product has no place for, is not set to 0: it raises p_click and p_(target | click) of that row. Multiply
    it by the label of click beforehand where it should not count.

    Args:
        targets, loss_weights: see :class:`WeightedCrossEntropy`; "click" must be among the targets.
        given_click: the targets that are counted per click, without "click" itself; names that are no
            targets are passed over. All others are learnt as they are, as click is.
    """

    given: Tensor

    def __init__(
        self,
        targets: Sequence[str],
        loss_weights: Mapping[str, float] | None = None,
        given_click: Sequence[str] = GIVEN_CLICK,
    ) -> None:
        super().__init__(targets, loss_weights, masked=False, given_click=given_click)
        if "click" not in self.targets:
            raise ValueError(
                f"targets must contain 'click', the other factor of each product, got {list(self.targets)}"
            )
        if "click" in self.given_click:
            raise ValueError(f"given_click must not contain 'click' itself, got {list(self.given_click)}")
        given = torch.tensor([name in self.given_click for name in self.targets])  # (targets,)
        self.register_buffer("given", given, persistent=False)

    def extra_repr(self) -> str:
        """As of the other losses, and the targets that are learnt through a product with click."""
        products = [name for name in self.targets if name in self.given_click]
        return f"{super().extra_repr()}, through click: {' '.join(products)}"

    def per_impression(self, logits: Tensor) -> Tensor:
        """Logits of the rates per impression, from those of the heads, (rows, targets) each."""
        if logits.ndim != 2 or logits.shape[1] != len(self.targets):
            raise ValueError(f"logits must have shape (rows, {len(self.targets)}), got {tuple(logits.shape)}")
        click = logits[:, [self.targets.index("click")]].expand_as(logits)  # (rows, targets)
        return torch.where(self.given, _product_logit(click, logits), logits)  # (rows, targets)

    def sums(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See :class:`PerTargetLoss`."""
        return super().sums(self.per_impression(logits), labels, weights)
