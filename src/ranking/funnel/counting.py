"""The numbers that ranking goes by: counts per item and the rates made of them (claims A6, A7).

Impressions count showings, not users: an item shown twice to one user has two (slip X5). CTR is clicks per
impression; like, collect and share rates are per *click*.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ranking import validation
from ranking.evaluation.intervals import counts_of_trials
from ranking.logs import TARGETS, ImpressionLog
from ranking.validation import Array

DENOMINATOR = {"click": "impressions", "like": "clicks", "collect": "clicks", "share": "clicks"}
"""What each rate is divided by (claim A7)."""


def count_events(log: ImpressionLog) -> pd.DataFrame:
    """Impressions, clicks, likes, collects and shares of every item (claim A6).

    Returns:
        One row per item of ``log.items``, in its order; int64 columns ``impressions`` and, for each target
        that the log has, its plural.

    Raises:
        ValueError: a like, collect or share stands on an impression without a click, so that rates per click
            would not be rates. Real logs have such rows: decide what to do with them first (chapter 2).
    """
    item, n_items = log.rows["item"].to_numpy(), len(log.items)
    click = log.rows["click"].to_numpy()
    counts = {"impressions": np.bincount(item, minlength=n_items)}
    for target in log.targets:
        happened = log.rows[target].to_numpy()
        if stray := int((happened & ~click).sum()):
            raise ValueError(f"{target} must come with a click, got {stray} without one")
        counts[f"{target}s"] = np.bincount(item[happened], minlength=n_items)
    return pd.DataFrame(counts)


def rates(counts: pd.DataFrame) -> pd.DataFrame:
    """The rates of claim A7, one column per target; NaN where the denominator is 0.

    Args:
        counts: as :func:`count_events` gives them, or sums of its rows.

    Raises:
        ValueError: a count stands there without its denominator.
    """
    columns = {}
    for target in TARGETS:
        if f"{target}s" in counts:
            if DENOMINATOR[target] not in counts:
                raise ValueError(
                    f"counts must have the column {DENOMINATOR[target]!r}, by which {target}s are divided, "
                    f"got {', '.join(map(str, counts))}"
                )
            below = counts[DENOMINATOR[target]].to_numpy(dtype=np.float64)
            above = counts[f"{target}s"].to_numpy(dtype=np.float64)
            columns[target] = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return pd.DataFrame(columns, index=counts.index)


def smoothed_rate(
    successes: ArrayLike, trials: ArrayLike, prior_rate: float, prior_weight: float = 20.0
) -> Array:
    """(k + m·prior) / (n + m): the rate after m imaginary trials at the prior rate.

    With few trials it stays near the prior, with many it goes to k/n. It is the mean of the posterior under
    a Beta(m·prior, m·(1 − prior)) prior. The statistics among the model's features are smoothed the same way.

    Args:
        successes: k, at most ``trials``, any shape.
        trials: n, a shape that broadcasts with it.
        prior_rate: rate over all items, in [0, 1].
        prior_weight: m, above 0, in trials.
    """
    k, n = counts_of_trials(successes, trials)
    prior = float(validation.probabilities("prior_rate", validation.number("prior_rate", prior_rate)))
    weight = validation.number("prior_weight", prior_weight)
    if not weight > 0.0:
        raise ValueError(f"prior_weight must be above 0, got {weight}")
    return (k + weight * prior) / (n + weight)
