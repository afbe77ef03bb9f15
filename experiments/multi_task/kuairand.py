"""Chapter 2 on a real log: how many likes and shares of KuaiRand-Pure stand on rows without a click.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.multi_task.kuairand [--out FILE]

Needs the data (see the README); without it the script says so and leaves the recorded results as they are.
"""

from __future__ import annotations

from typing import Any

from experiments.kuairand import real_log
from experiments.running import record
from ranking.logs import ImpressionLog


def count(log: ImpressionLog) -> dict[str, Any]:
    """Rows, users, clicks, and each further target's positives, on all rows and on those without a click."""
    clicked = log.label("click") == 1
    found: dict[str, Any] = {
        "rows": len(log),
        "users": int(log.rows["user"].nunique()),
        "clicks": int(clicked.sum()),
    }
    for target in log.targets[1:]:
        happened = log.label(target) == 1
        found[target] = {"all": int(happened.sum()), "without_click": int((happened & ~clicked).sum())}
    return found


def measure() -> dict[str, Any]:
    """The one log."""
    question = "How many likes and shares of a real log stand on rows without a click?"
    return {"question": question, **count(real_log())}


if __name__ == "__main__":
    record(measure)
