"""The numbers that ranking goes by: counts per item and the rates made of them (claims A6, A7).

Impressions count showings, not users: an item shown twice to one user has two (slip X5). CTR is clicks per
impression; like, collect and share rates are per *click*.
"""

import numpy as np
import pandas as pd

from ranking import validation
from ranking.logs import TARGETS, ImpressionLog

DENOMINATOR = {"click": "impressions", "like": "clicks", "collect": "clicks", "share": "clicks"}
"""What each rate is divided by (claim A7)."""


def count_events(log: ImpressionLog) -> pd.DataFrame:
    """Impressions, clicks, likes, collects and shares of every item (claim A6).

    A row per item of ``log.items``; columns ``impressions`` and the plural of each target of the log.
    A like, collect or share without a click is a ``ValueError``: rates per click would not be rates. Real
    logs have such rows: decide what to do with them first (chapter 2).
    """
    validation.instance("log", log, ImpressionLog)
    item, n_items = log.rows["item"].to_numpy(), len(log.items)
    click = log.clicked
    counts = {"impressions": np.bincount(item, minlength=n_items)}
    for target in log.targets:
        happened = log.rows[target].to_numpy()
        if stray := int((happened & ~click).sum()):
            raise ValueError(f"{target} must come with a click, got {stray} without one")
        counts[f"{target}s"] = np.bincount(item[happened], minlength=n_items)
    return pd.DataFrame(counts)


def rates(counts: pd.DataFrame) -> pd.DataFrame:
    """The rates of claim A7, one column per target; NaN where the denominator is 0.

    ``counts`` are those of :func:`count_events` or sums of its rows; each needs its denominator.
    """
    columns = {}
    validation.instance("counts", counts, pd.DataFrame)
    for name in {*counts} & {"impressions", *(f"{target}s" for target in TARGETS)}:
        validation.non_negative(f"counts[{name!r}]", counts[name])
    for target in TARGETS:
        if f"{target}s" in counts:
            if (below := DENOMINATOR[target]) not in counts:
                needed = f"the column {below!r}, by which {target}s are divided"
                raise ValueError(f"counts must have {needed}, got {', '.join(map(str, counts))}")
            if (counts[f"{target}s"] > counts[below]).any():
                raise ValueError(f"counts must not have more {target}s than {below}")
            columns[target] = counts[f"{target}s"] / counts[below].where(counts[below] > 0)
    return pd.DataFrame(columns, index=counts.index)
