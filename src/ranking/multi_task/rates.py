"""Base rates of targets: what a model without features would say, and where heads may start."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from ranking import validation
from ranking.multi_task.losses import GIVEN_CLICK, click_mask


def base_rates(
    labels: ArrayLike | torch.Tensor,
    targets: Sequence[str],
    masked: bool = True,
    given_click: Sequence[str] = GIVEN_CLICK,
) -> dict[str, float]:
    """The mean label of each target over the rows that its loss counts, for heads to start at.

    Args:
        labels: of the training rows, 0 or 1 or between, shape (rows, targets), at least one row.
        targets: names of the targets, in the order of the columns.
        masked: as in :class:`WeightedCrossEntropy`; False for labels of a log without clicks.
        given_click: as there: these targets have their rate among the clicked rows, where ``masked``.

    Returns:
        Target -> rate in (0, 1), the ``base_rates`` of :class:`MultiTaskModel`; MMoE takes the values.

    Raises:
        ValueError: a target's labels are all 0 or all 1 in the rows that count, or no row counts: a head can
            start neither at 0 nor at 1.
    """
    names = validation.targets(targets)
    y = validation.probabilities("labels", labels)  # (rows, targets)
    if y.ndim != 2 or y.shape[1] != len(names):
        raise ValueError(f"labels must have shape (rows, {len(names)}), got {y.shape}")
    validation.not_empty("labels", y)
    mask = np.ones_like(y)
    if validation.flag("masked", masked):
        mask = click_mask(torch.from_numpy(y), names, given_click).numpy()
    rates = {}
    for name, column, counts in zip(names, y.T, mask.T, strict=True):
        kept = column[counts == 1.0]  # (rows that count,)
        rates[name] = float(kept.mean()) if kept.size else 0.0
        if not 0.0 < rates[name] < 1.0:
            found = f"only {kept[0]:g} in {kept.size} rows" if kept.size else "no row that counts"
            raise ValueError(f"labels of {name} must have a mean in (0, 1) over rows that count, got {found}")
    return rates
