"""Chapter 2: three ways to likes per click: a mask, a quotient, and the entire space.

    python -m experiments.multi_task.esmm [--seeds 5] [--impressions 4000000] [--out FILE]

All three have the same network and start at the base rates, each at the best learning rate and the best
of four weights of its own, as a mean over all rows makes a like ten times quieter than one over clicked
rows. The *mask* learns likes, collects and shares on clicked rows. The *quotient* learns them per
impression, and divides by the click rate. The *entire space* (ESMM, Ma et al. 2018) learns a rate per
click from all rows, through its product with the click rate. They are judged per click, per impression,
and on the rows that nobody clicked, where only a simulator knows what would have been liked. Takes about
a minute a world on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from experiments.multi_task.setting import (
    BATCH,
    JUDGED,
    MOST,
    RATES,
    Floats,
    Part,
    Setting,
    at_best_rate,
    in_every_world,
    predicted,
)
from experiments.running import record
from ranking.evaluation import metrics
from ranking.logs import TARGETS
from ranking.multi_task import EntireSpaceCrossEntropy, MultiTaskModel, PerTargetLoss, WeightedCrossEntropy

WAYS: dict[str, tuple[Callable[[dict[str, float]], PerTargetLoss], bool]] = {
    "mask": (partial(WeightedCrossEntropy, TARGETS), True),
    "quotient": (partial(WeightedCrossEntropy, TARGETS, masked=False), False),
    "entire space": (partial(EntireSpaceCrossEntropy, TARGETS), True),
}
"""Way -> its loss, from loss weights, and whether its heads start at rates per click."""
WEIGHTS = (1.0, 3.0, 10.0, 30.0)


def as_it_is(p: Floats) -> Floats:
    """What heads say that were taught rates per click."""
    return p


def quotient(p: Floats) -> Floats:
    """Rates per click, (rows, targets), from rates per impression."""
    return np.c_[p[:, :1], p[:, 1:] / p[:, :1]]


def rates_by_way(setting: Setting) -> tuple[dict[str, Floats], dict[str, Any]]:
    """By way, click per impression and the others per click, (rows, targets); and the rates tried."""
    found: dict[str, Floats] = {}
    tried: dict[str, dict[str, Any]] = {}
    for way, (loss_of, masked) in WAYS.items():
        read = quotient if way == "quotient" else as_it_is
        best: tuple[float, MultiTaskModel] | None = None
        for weight in WEIGHTS:
            loss = loss_of(dict.fromkeys(TARGETS[1:], weight))

            def train(rate: float, loss: Any = loss, masked: bool = masked) -> MultiTaskModel:
                return setting.train(loss, rate, setting.model(masked=masked))

            model, chosen = at_best_rate(setting, train, read=read)
            tried.setdefault(way, {})[f"{weight:g}"] = chosen
            least = min(chosen["tried"].values())
            if best is None or least < best[0]:
                best = least, model
        assert best is not None
        found[way] = read(predicted(best[1], setting.judged_on))
    return found, tried


def view(part: Part, target: str, p: Floats, counts: Floats, per_impression: bool) -> dict[str, float]:
    """One target's rates on rows that count so often: loss, AUC, and mean prediction over mean truth."""
    k = TARGETS.index(target)
    truth, rate = part.truth[:, k], p[:, k]
    if per_impression:
        truth, rate = part.truth[:, 0] * truth, p[:, 0] * rate
    constant = np.full(truth.shape, np.average(truth, weights=counts))
    ours, worst, best = (
        float(np.average(metrics.cross_entropy(truth, q), weights=counts))
        for q in (np.minimum(rate, MOST), constant, truth)
    )
    return {
        "gap_closed": (worst - ours) / (worst - best),
        "auc": metrics.expected_auc(truth, rate, counts),
        "level": float(np.average(rate, weights=counts) / constant[0]),
    }


def run(setting: Setting) -> list[dict[str, Any]]:
    """Each way, judged on each kind of rows, in one world."""
    part = setting.judged_on
    clicks = part.truth[:, 0]
    # how often a row counts, and whether the rate is that per impression
    views = {
        "per click": (clicks, False),
        "per impression": (np.ones_like(clicks), True),
        "unclicked": (1.0 - clicks, False),
    }
    rates, tried = rates_by_way(setting)
    return [
        {"seed": setting.seed, "way": way, "target": target, "rows": name, "tried": tried[way]}
        | {"above_1": int((p[:, TARGETS.index(target)] > 1).sum())}
        | view(part, target, p, counts, per_impression)
        for way, p in rates.items()
        for target in TARGETS[1:]
        for name, (counts, per_impression) in views.items()
    ]


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every way in every world."""
    return {
        "question": "Is a mask, a quotient or the entire space the best way to likes per click?",
        "impressions": impressions,
        "learning_rates": RATES,
        "batch_size": BATCH,
        "judged": JUDGED,
        "runs": in_every_world(run, seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=5)
