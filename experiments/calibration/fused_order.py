"""What does it cost to fuse a click score that was left uncalibrated? Chapter 3, over ten worlds.

    python -m experiments.calibration.fused_order [--seeds 10] [--impressions 1000000] [--out FILE]

A seed draws a world, a log of it, the negatives that are kept and the first weights. One model for each
sampling rate predicts clicks and, once clicked, likes; it learns from the older 80% of the last ten days.
Every held-out request of ten items is ordered by p_click · (1 + w · p_like), once with the click score
calibrated and once with it left raw, and the first three items are valued by the truth, clicks and w · likes,
at each price w of a like.

A team that never calibrates may still tune w by what its lists bring. It is given its best chance: the weight
that brings most by the truth on one half of the requests is judged on the other half, and the halves change
places. So that tuning is not credited with more than it repairs, w is tuned for the calibrated score as well.
``like`` compares the head of likes with labels and truth on the held-out rows that were clicked. ``shown`` is
one request of each of the first worlds, at α = 0.1 that whose order is upset by as much as the median's.

Takes about four minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from experiments.logs import SLATE, recent_log, true, truth_in_first_place, whole_requests, world
from experiments.running import each, record
from ranking.calibration import calibrate, downsample_negatives
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy, base_rates
from ranking.simulator import Truth
from ranking.training import TableExamples, fit, predict_logits

RATES = (0.5, 0.2, 0.1, 0.05, 0.01)
PRICES = (1, 2, 5, 10, 20, 50)
STANDARD_PRICE, TOP = 5, 3
SHOWN_RATE, SHOWN_WORLDS = 0.1, 3
TARGETS = ("click", "like")
TRIED = np.geomspace(0.01, 10.0, 31)  # weights tried, as multiples of the price; the 21st is the price itself

Floats = NDArray[np.float64]
Ordering = Callable[[float], NDArray[np.intp]]


def run(
    log: ImpressionLog, its: Truth, rate: float, seed: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train at one sampling rate; order the held-out requests with and without calibration, at each price.

    ``its`` is the truth of the whole held-out requests, each item as if it stood first. Comes with the
    request to show.
    """
    train, test = log.split(0.8, 0.2)
    whole = whole_requests(test)
    encoder = FeatureEncoder().fit(train)
    sample = train.select(downsample_negatives(train.label("click"), rate, rng=seed))
    labels = sample.labels(TARGETS)  # (rows, targets)
    model = MultiTaskModel.of(encoder, TARGETS, seed=seed, base_rates=base_rates(labels, TARGETS))
    # A like means something only where there was a click: the loss masks the other rows.
    fit(model, TableExamples(encoder.transform(sample), labels), WeightedCrossEntropy(TARGETS), seed=seed)

    rates = expit(predict_logits(model, encoder.transform(test)))  # (rows, targets)
    raw, p_like = rates[whole].T.reshape(2, -1, SLATE)  # (requests, items) each
    calibrated = calibrate(raw, rate)
    true_click, true_like = (p.reshape(-1, SLATE).astype(np.float64) for p in (its.p_click, its.p_like))
    half = np.random.default_rng(seed).permutation(len(raw)) % 2 == 0  # (requests,)
    upset = disorder(*(fused(click, p_like)(STANDARD_PRICE) for click in (calibrated, raw)))
    shown = int(np.argsort(upset, kind="stable")[len(upset) // 2])
    columns = {"p_click": calibrated, "p_like": p_like, "true_click": true_click, "true_like": true_like}
    items = test.select(whole).rows["item"].to_numpy().reshape(-1, SLATE)[shown]
    found = {
        "seed": seed,
        "rate": rate,
        "requests": len(raw),
        "click_level": calibrate(rates[:, 0], rate).mean() / true(test, "p_click").mean(),
        "like": of_likes(test, rates[:, 1]),
        "prices": [
            at_price(w, true_click * (1 + w * true_like), fused(raw, p_like), fused(calibrated, p_like), half)
            for w in PRICES
        ],
    }
    request = [
        {"item": int(item)} | {name: round(float(p[shown, i]), 4) for name, p in columns.items()}
        for i, item in enumerate(items)
    ]
    return found, request


def disorder(right: NDArray[np.intp], wrong: NDArray[np.intp]) -> NDArray[np.intp]:
    """By how many places the items of each request stand apart in two orders, (requests,)."""
    places = np.argsort(right, axis=1), np.argsort(wrong, axis=1)  # (requests, items) each
    apart: NDArray[np.intp] = np.abs(places[0] - places[1]).sum(axis=1)
    return apart


def of_likes(test: ImpressionLog, p: Floats) -> dict[str, float]:
    """Likes per click on the clicked rows: mean prediction, label and truth, and the AUC to expect."""
    clicked = test.label("click") == 1.0
    truth = true(test, "p_like")[clicked]
    return {
        "clicked_rows": int(clicked.sum()),
        "predicted": p[clicked].mean(),
        "label": test.label("like")[clicked].mean(),
        "truth": truth.mean(),
        "auc": metrics.expected_auc(truth, p[clicked]),
        "auc_of_truth": metrics.expected_auc(truth, truth),
    }


def fused(p_click: Floats, p_like: Floats) -> Ordering:
    """From a weight to the order of each request by the fused score, (requests, items)."""
    return lambda weight: np.argsort(-p_click * (1 + weight * p_like), axis=1)


def at_price(
    price: float, value: Floats, raw: Ordering, calibrated: Ordering, half: NDArray[np.bool_]
) -> dict[str, Any]:
    """What leaving the score raw costs at one price of a like, and what is left of it where w is tuned."""

    def worth(order: NDArray[np.intp]) -> Floats:
        return np.take_along_axis(value, order[:, :TOP], axis=1).sum(axis=1)  # (requests,)

    right, wrong = calibrated(price), raw(price)
    reference = worth(right)
    found = {
        "price": price,
        "order_differs": np.mean((right != wrong).any(axis=1)),
        "first_differs": np.mean(right[:, 0] != wrong[:, 0]),
        "value_lost": 1 - worth(wrong).sum() / reference.sum(),
    }
    for name, ordering in {"raw_tuned": raw, "calibrated_tuned": calibrated}.items():
        worths = np.stack([worth(ordering(price * multiple)) for multiple in TRIED])  # (tried, requests)
        brought, chosen = 0.0, []
        for part in (half, ~half):
            best = int(worths[:, part].sum(axis=1).argmax())
            chosen.append(float(TRIED[best]))
            brought += worths[best, ~part].sum()
        found[name] = {"value_lost": 1 - brought / reference.sum(), "multiples": chosen}
    return found


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every rate and price in every world."""
    runs: list[dict[str, Any]] = []
    requests: list[list[dict[str, Any]]] = []
    for seed in each(seeds):
        log = recent_log(seed, impressions, world_seed=seed)
        _, test = log.split(0.8, 0.2)
        own = world(seed)
        its = truth_in_first_place(test.select(whole_requests(test)), own)
        for rate in RATES:
            found, request = run(log, its, rate, seed)
            runs.append(found)
            if rate == SHOWN_RATE and len(requests) < SHOWN_WORLDS:
                topics = own.topics["name"].to_numpy()[own.item_topic]
                requests.append([{"topic": topics[one.pop("item")]} | one for one in request])
    return {
        "question": "What does it cost to fuse a click score that was left uncalibrated?",
        "impressions": impressions,
        "rates": RATES,
        "prices": PRICES,
        "standard_price": STANDARD_PRICE,
        "top": TOP,
        "tried": TRIED,
        "shown": requests,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=10)
