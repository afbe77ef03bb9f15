"""What do the formulas of fusion bring, and what does each need of its predictions? Chapter 5, over ten logs.

    python -m experiments.fusion.formulas [--seeds 10] [--requests 2000] [--out FILE]

For each log, a model with five heads is trained on one negative in ten, and 2,000 requests of 100 candidates
are drawn at its end. Every formula orders them, and the first ten are valued by the truth. The same orders
are then made from disturbed predictions: the click left uncalibrated, and watch time in another unit under
the same weight. Takes about a minute on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.fusion.setting import SHOWN, learnt
from experiments.logs import world
from experiments.running import each, record
from ranking import fusion
from ranking.funnel.feed import Feed
from ranking.logs import TARGETS

SAMPLING_RATE = 0.1

REST = {"like": 5.0, "collect": 5.0, "share": 5.0, "watch_time": 0.01}
"""Worth of a like, a collect, a share and a second beside a click of 1; no setting was tuned."""
EXPONENTS = dict.fromkeys((*TARGETS, "watch_time"), 1.0)

Order = Callable[[Mapping[str, np.ndarray]], np.ndarray]


def click_only(p: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.asarray(p["click"])


def weighted_sum(p: Mapping[str, np.ndarray]) -> np.ndarray:
    return fusion.weighted_sum(p, {"click": 1.0, **REST})


def click_times_rest(p: Mapping[str, np.ndarray]) -> np.ndarray:
    return fusion.click_times_rest(p, REST)


def product_of_powers(p: Mapping[str, np.ndarray]) -> np.ndarray:
    return fusion.product_of_powers(p, {"click": 1.0, **REST}, EXPONENTS)


def product_times_click(p: Mapping[str, np.ndarray]) -> np.ndarray:
    """E3 with a click term that is steep from 0 on: 1 + 1000 p_click is nearly p_click itself."""
    return fusion.product_of_powers(p, {"click": 1000.0, **REST}, EXPONENTS)


def rank_fusion(p: Mapping[str, np.ndarray]) -> np.ndarray:
    return fusion.rank_fusion(p, EXPONENTS, offset=10.0)


def commerce_product(p: Mapping[str, np.ndarray]) -> np.ndarray:
    """Every prediction with a small exponent, the click with 1."""
    return fusion.commerce_product(p, {**dict.fromkeys(EXPONENTS, 0.25), "click": 1.0})


FORMULAS: dict[str, Order] = {
    f.__name__: f
    for f in (
        click_only,
        weighted_sum,
        click_times_rest,
        product_of_powers,
        product_times_click,
        rank_fusion,
        commerce_product,
    )
}


def shown_by(score: np.ndarray) -> np.ndarray:
    """The first ten of every request, (requests, 10)."""
    return fusion.top_k(score, SHOWN)


def averages(feed: Feed, shown: np.ndarray) -> dict[str, list[float]]:
    """Mean per request of each total, and half the width of its 95% interval over requests."""
    return {
        name: [total.mean(), 1.96 * total.std() / np.sqrt(len(total))]
        for name, total in feed.totals(shown).items()
    }


def changed(before: np.ndarray, after: np.ndarray) -> float:
    """Mean share of the ten places that go to another item than before."""
    kept = (before[:, :, None] == after[:, None, :]).any(axis=2).mean()
    return 1.0 - kept


def run(seed: int, impressions: int, requests: int) -> dict[str, Any]:
    """One log: totals of every formula, and how much of its list each disturbance exchanges."""
    log, predictor = learnt(seed, impressions, SAMPLING_RATE)
    feed = Feed.at_end(world(), log, requests, seed=seed)
    p, raw = feed.predictions(predictor), feed.predictions(predictor, calibrated=False)
    minutes = {**p, "watch_time": p["watch_time"] / 60.0}
    rng = np.random.default_rng(seed)
    orders = {name: shown_by(score(p)) for name, score in FORMULAS.items()}
    drawn = shown_by(rng.random(p["click"].shape))
    best = {
        f"truth, {name}": shown_by(FORMULAS[name](feed.rates)) for name in ("click_only", "click_times_rest")
    }
    return {
        "seed": seed,
        "totals": {
            name: averages(feed, shown) for name, shown in {"random": drawn, **orders, **best}.items()
        },
        "uncalibrated_click": {
            name: {
                "exchanged": changed(orders[name], shown_by(score(raw))),
                "totals": averages(feed, shown_by(score(raw))),
            }
            for name, score in FORMULAS.items()
        },
        "minutes_for_seconds": {
            name: {"exchanged": changed(orders[name], shown_by(score(minutes)))}
            for name, score in FORMULAS.items()
        },
    }


def measure(seeds: range, requests: int = 2_000, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every formula on every log."""
    return {
        "question": "What do the formulas of fusion bring, and what does each need of its predictions?",
        "impressions": impressions,
        "requests": requests,
        "candidates": 100,
        "shown": SHOWN,
        "sampling_rate": SAMPLING_RATE,
        "weights": REST,
        "runs": [run(seed, impressions, requests) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=10)
