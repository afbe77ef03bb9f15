"""Chapter 1's experiment: is smoothing worth it, and how much of it?

    python -m experiments.funnel.smoothing [--seeds 5] [--items 1000000] [--impressions 600000]

Every seed is a world of its own with its log. Items that were shown at least once are sorted by their
smoothed click rate, and by the lower end of its Wilson interval; counted is the true click rate, over their
logged impressions, of the hundred that come first. Likewise items that were clicked at least once, by their
likes per click. Takes about five seconds per seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.running import each, record
from ranking import evaluation, funnel
from ranking.simulator import World, WorldConfig

WEIGHTS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]
"""Imaginary impressions at the overall rate; 0 leaves the rate raw."""
FIRST = 100


def run(seed: int, items: int, impressions: int) -> dict[str, Any]:
    """What one world says."""
    config = WorldConfig(n_items=items, n_authors=max(200, items // 50))
    log = World.build(config, seed).simulate(impressions, seed)
    assert log.truth is not None
    counts, items_of = funnel.count_events(log), log.rows["item"].to_numpy()
    found: dict[str, Any] = {"seed": seed}
    for target, weights, chances in (
        ("clicks", np.ones(len(log)), log.truth["p_click"]),
        ("likes", log.clicked.astype(float), log.truth["p_like"]),
    ):
        trials = np.bincount(items_of, weights=weights, minlength=items)
        true = np.bincount(items_of, weights=weights * chances, minlength=items)
        known = np.flatnonzero(trials)  # items with a denominator, (known,)
        events = counts[target].to_numpy()[known]
        found[target] = of_target(events, trials[known], true[known] / trials[known])
    return found


def of_target(events: NDArray[Any], trials: NDArray[Any], true: NDArray[Any]) -> dict[str, Any]:
    """What each way to sort finds, from counts and true rates of the items that have a denominator."""
    overall = events.sum() / trials.sum()

    def of_first(score: NDArray[Any]) -> float:
        return float(true[np.argsort(-score, kind="stable")[:FIRST]].mean())

    low, high = evaluation.wilson_interval(events, trials)
    return {
        "smoothed": [of_first((events + m * overall) / (trials + m)) for m in WEIGHTS],
        "lower_end": of_first(low),
        "ceiling": of_first(true),
        "chance": float(true.mean()),
        "intervals_that_hold": float(np.mean((low <= true) & (true <= high))),
    }


def measure(seeds: range, items: int = 1_000_000, impressions: int = 600_000) -> dict[str, Any]:
    """Every world."""
    return {
        "question": "Is smoothing worth it, and how much of it?",
        "items": items,
        "impressions": impressions,
        "weights": WEIGHTS,
        "first": FIRST,
        "runs": [run(seed, items, impressions) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
