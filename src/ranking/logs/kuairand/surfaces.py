"""The part of KuaiRand that plays at once, as a log without clicks."""

import numpy as np

from ranking import validation
from ranking.logs.impressions import SKIP_SECONDS, ImpressionLog, LoadReport

SINGLE_COLUMN_TABS = (1, 2, 4, 6)
"""Tabs that show one video at a time, which starts by itself."""


def single_column(log: ImpressionLog) -> ImpressionLog:
    """The rows of a KuaiRand log whose tab plays at once, with effective views in the place of clicks.

    There ``click`` is a rule on the play (see this package), so it becomes ``effective_view``; ``skip`` is
    added: played for less than 3 s. Rows of other tabs are dropped, and so are those whose duration is not
    known, as no rule holds for them; ``report`` of the result counts both.

    Raises:
        ValueError: the log has no ``tab`` or no ``click``, or no row is left.
    """
    clicked = validation.instance("log", log, ImpressionLog).clicked  # (rows,)
    if "tab" not in log.rows:
        raise ValueError(f"log.rows must have the column 'tab', got {', '.join(map(str, log.rows))}")
    plays = np.isin(log.rows["tab"].to_numpy(), SINGLE_COLUMN_TABS)  # (rows,)
    known = log.rows["duration"].notna().to_numpy()  # (rows,)
    kept = plays & known
    tabs = ", ".join(map(str, SINGLE_COLUMN_TABS))
    if not kept.any():
        raise ValueError(f"log must have rows of known duration in the tabs {tabs}, got none")
    rows = log.rows.drop(columns="click").assign(effective_view=clicked)[kept].reset_index(drop=True)
    dropped = {f"tab other than {tabs}": int((~plays).sum()), "unknown duration": int((plays & ~known).sum())}
    return ImpressionLog(
        rows.assign(skip=rows["watch_time"] < SKIP_SECONDS),
        log.users,
        log.items,
        report=LoadReport(len(log), len(rows), {why: count for why, count in dropped.items() if count}),
    )
