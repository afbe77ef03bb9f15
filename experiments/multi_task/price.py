"""Chapter 2: does the price of a target belong in the loss or in the fused score?

    python -m experiments.multi_task.price [--seeds 5] [--impressions 4000000] [--out FILE]

Three companies, each with one target that is worth about as much to it as all clicks are. Each trains
with the target's λ at 1, 3, 10 and at the price itself, and orders requests by a score in which a like, a
collect and a share count as one click each, or at the company's prices. Every model has the best learning
rate of its own. The worth of the first places is judged by the true rates. Takes about two minutes a
world on one core.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.logs import SLATE, whole_requests
from experiments.multi_task.loss_weights import trained
from experiments.multi_task.setting import BATCH, RATES, Floats, Setting, in_every_world, predicted
from experiments.running import record
from ranking.logs import TARGETS

PRICES = {"like": 25.0, "collect": 25.0, "share": 50.0}
"""What one of each is worth in clicks to somebody to whom it matters about as much as all clicks do."""
LOUD = (1.0, 3.0, 10.0)
"""Loss weights of the target, beside the price itself."""
FIRST = 3
"""Places of a request that are looked at."""


def worth(p: Floats, prices: Mapping[str, float]) -> Floats:
    """Expected worth in clicks of each row, shape (rows,), from rates, (rows, targets)."""
    of = np.array([prices.get(target, 1.0) for target in TARGETS[1:]])  # (3,)
    value: Floats = p[:, 0] * (1.0 + p[:, 1:] @ of)
    return value


def reached(setting: Setting, scores: Floats, prices: Mapping[str, float]) -> float:
    """Worth of the first places of whole requests ordered by scores: 0 is any order, 1 the best one."""
    whole = whole_requests(setting.judged_on.log)
    value = worth(setting.judged_on.truth, prices)[whole].reshape(-1, SLATE)  # (requests, items)

    def first(by: Floats) -> float:
        order = np.argsort(-by, axis=1)[:, :FIRST]
        return float(np.take_along_axis(value, order, axis=1).mean())

    chance, best = float(value.mean()), first(value)
    return (first(scores[whole].reshape(-1, SLATE)) - chance) / (best - chance)


def run(setting: Setting) -> list[dict[str, Any]]:
    """Every company with every loss weight, by both scores, in one world."""
    found = []
    equal = predicted(trained(setting, {})[0], setting.judged_on)
    unpriced = dict.fromkeys(TARGETS[1:], 1.0)
    for target, price in PRICES.items():
        prices = dict.fromkeys(TARGETS[1:], 0.0) | {target: price}
        for weight in (*LOUD, price):
            p = (
                equal
                if weight == 1.0
                else predicted(trained(setting, {target: weight})[0], setting.judged_on)
            )
            for priced, used in ((False, unpriced), (True, prices)):
                what = {"seed": setting.seed, "target": target, "price": price}
                what |= {"loss_weight": weight, "price_in_score": priced}
                found.append(what | {"reached": reached(setting, worth(p, used), prices)})
        ideal = np.c_[equal[:, 0], setting.judged_on.truth[:, 1:]]
        found.append(
            {"seed": setting.seed, "target": target, "price": price, "loss_weight": "truth after a click"}
            | {"price_in_score": True, "reached": reached(setting, worth(ideal, prices), prices)}
        )
    return found


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every company in every world."""
    return {
        "question": "Does a price belong in the loss or in the fused score?",
        "impressions": impressions,
        "learning_rates": RATES,
        "batch_size": BATCH,
        "prices": PRICES,
        "first_places": FIRST,
        "judged": "worth of the first places, 0 in any order and 1 in that of the true rates",
        "runs": in_every_world(run, seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=5)
