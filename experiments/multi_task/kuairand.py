"""Chapter 2 on a real log: how many likes and shares of KuaiRand-Pure stand on rows without a click.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.multi_task.kuairand [--out FILE]

Needs the data (see the README); without it the script says so and leaves the recorded results as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bookwork.results import save_results
from ranking.logs import ImpressionLog
from ranking.logs.kuairand import find_kuairand, load_kuairand

RESULTS = Path(__file__).with_suffix(".json")


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS, help="result file")
    options = parser.parse_args()
    folder = find_kuairand()
    if folder is None:
        print("No KuaiRand-Pure files here (the README says how to get them): nothing was re-made.")
        return
    data = {
        "question": "How many likes and shares of a real log stand on rows without a click?",
        **count(load_kuairand(folder)),
    }
    save_results(options.out, data, command="python -m experiments.multi_task.kuairand", seeds=[])


if __name__ == "__main__":
    main()
