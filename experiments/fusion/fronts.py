"""What can a formula of fusion offer, in clicks and seconds? The picture of chapter 5, page 5.1.

    python -m experiments.fusion.fronts [--settings 4000] [--out FILE]

In the course's world, with the model and the fresh requests of ``experiments.fusion.formulas``, every formula
is tried with so many settings of its free numbers, drawn evenly in their logarithms, half of them within a
tenth of the box around its best ones so far for a mixture of clicks and seconds. All are valued by the truth.
What is written down is each formula's Pareto front: the settings that no other one beats in both, as changes
against the old weights. More draws move a front outwards, so that it is a lower bound of what can be had.
Takes about three minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.fusion.formulas import FORMULAS, REFERENCE, SECONDS, Case, Formula, Judge, Prepared
from experiments.fusion.setting import OLD
from experiments.running import each, record
from ranking import fusion
from ranking.validation import Array

SHOWN_FORMULAS = (REFERENCE, "weighted sum", "ranks")
MIXTURES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Weights of a relative change of clicks beside one of seconds, whose best settings are searched around."""


def front(points: Array) -> Array:
    """The rows of clicks and seconds that no other row beats in both, most clicks first, (kept, 2)."""
    by_clicks = points[np.lexsort((-points[:, 1], -points[:, 0]))]
    best_before = np.concatenate(([-np.inf], np.maximum.accumulate(by_clicks[:, 1])[:-1]))
    return by_clicks[by_clicks[:, 1] > best_before]


def offered(formula: Formula, p: Prepared, judge: Judge, settings: int, rng: np.random.Generator) -> Array:
    """Clicks and seconds per request of so many settings, (settings, 2)."""
    low, high = formula.box.T
    tried = list(rng.uniform(low, high, (settings // 2, len(low))))

    def value(u: Array) -> list[float]:
        totals = judge.totals(formula.score(p, 10.0**u))
        return [totals["click"], totals["watch_time"]]

    found = [value(u) for u in tried]
    for k in range(settings - len(tried)):
        points = np.array(found) / found[0]
        goal = points[:, 1] + MIXTURES[k % len(MIXTURES)] * points[:, 0]
        start = tried[int(rng.choice(np.argsort(goal)[-10:]))]
        tried.append(np.clip(start + 0.1 * rng.normal(size=len(low)) * (high - low), low, high))
        found.append(value(tried[-1]))
    return np.array(found)


def measure(settings: int = 4_000, impressions: int = 1_000_000) -> dict[str, Any]:
    """The fronts in the course's world, against the old weights."""
    case = Case.of(0, impressions)
    p, judge = case.p["fresh"], case.judges(SECONDS)["fresh"]
    before = judge.totals(fusion.click_times_rest(p.p, OLD))
    base = np.array([before["click"], before["watch_time"]])
    rng = np.random.default_rng(0)
    fronts = {
        name: front(offered(FORMULAS[name], p, judge, settings, rng) / base - 1.0)
        for name in each(SHOWN_FORMULAS)
    }
    return {
        "question": "What can a formula of fusion offer, in clicks and seconds?",
        "impressions": impressions,
        "settings": settings,
        "columns": ["clicks", "seconds"],
        "fronts": {name: np.round(points, 4) for name, points in fronts.items()},
    }


if __name__ == "__main__":
    record(measure)
