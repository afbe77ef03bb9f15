"""Can a log of the old setting say what a new one would bring? Chapter 5, over ten logs.

    python -m experiments.fusion.offline [--seeds 10] [--repeats 200] [--out FILE]

Two ways. First the log of the simulator as it is: on its randomised requests every item of the slate had the
same chance of every place, so that a new order of the ten can be valued place by place. Then a feed that
explores: the first place is drawn with chances that follow the old score, is recorded with its propensity,
and policies further and further away are estimated from it, 200 logs each. All estimates stand beside the
truth. Takes about two minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.fusion.setting import NEW, OLD, learnt
from experiments.logs import SLATE, whole_requests, world
from experiments.running import each, record
from ranking import fusion
from ranking.evaluation import inverse_propensity
from ranking.funnel.feed import Feed, Predictor
from ranking.simulator.policy import draw_slates

EXPLORING = 0.5
"""Temperature of the policy that writes the log: the higher, the more it tries."""
POLICIES = {
    "the old one itself": (OLD, EXPLORING),
    "new weights": (NEW, EXPLORING),
    "new weights, half the temperature": (NEW, EXPLORING / 2),
    "new weights, a quarter of it": (NEW, EXPLORING / 4),
    "new weights, always the best": (NEW, 0.0),
}
"""Policies to be judged: weights and temperature."""
CLIP = 20.0
ESTIMATORS: dict[str, dict[str, Any]] = {
    "ips": {},
    "clipped": {"clip": CLIP},
    "self-normalised": {"normalised": True},
}


def randomised_slates(predictor: Predictor, impressions: int, seed: int) -> dict[str, Any]:
    """Clicks per request of the new order of the ten items shown, from randomised requests and in truth.

    On such a request each of the ten stood at each place with chance 1/10, given that these ten were shown.
    An impression counts ten times where the new order has that item at that very place, else not at all.
    """
    log = world().simulate(impressions, seed=seed).with_statistics().after(days=10)
    log = log.select(log.rows["randomised"].to_numpy() & whole_requests(log))
    p = {name: values.reshape(-1, SLATE) for name, values in predictor.predict(log).items()}
    clicks = log.label("click").reshape(-1, SLATE)  # (requests, places)
    columns = ("user", "item", "hour", "weekday", "scene")
    user, item, hour, weekday, scene = (log.rows[name].to_numpy().reshape(-1, SLATE) for name in columns)
    position = np.arange(1, SLATE + 1)
    out: dict[str, Any] = {"requests": len(clicks)}
    for name, weights in {"old": OLD, "new": NEW}.items():
        order = fusion.order(fusion.click_times_rest(p, weights))  # (requests, places)
        matched = order == np.arange(SLATE)  # the item at this place is the one that the new order puts there
        per_request = (matched * SLATE * clicks).sum(axis=1)
        reordered = np.take_along_axis(item, order, axis=1)
        truth = world().truth(user, reordered, hour, weekday, scene, position)
        out[name] = {
            "estimate": per_request.mean(),
            "standard_error": per_request.std(ddof=1) / np.sqrt(len(per_request)),
            "truth": truth.p_click.sum(axis=1).mean(),
        }
    return out


def chances(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of ln score / temperature, (requests, candidates); all on the best at a temperature of 0."""
    if temperature == 0.0:
        sure = np.zeros_like(scores)
        np.put_along_axis(sure, fusion.top_k(scores, 1), 1.0, axis=1)
        return sure
    raised = (scores / scores.max(axis=1, keepdims=True)) ** (1.0 / temperature)
    return raised / raised.sum(axis=1, keepdims=True)


def exploring(feed: Feed, p: dict[str, np.ndarray], repeats: int, rng: np.random.Generator) -> dict[str, Any]:
    """Seconds at the first place under policies of growing distance: truth, and estimates from many logs."""
    seconds = feed.rates["click"] * feed.rates["watch_time"]  # true, at the first place
    targets = {
        name: chances(fusion.click_times_rest(p, weights), temperature)
        for name, (weights, temperature) in POLICIES.items()
    }
    estimates: dict[str, dict[str, list[float]]] = {
        name: {kind: [] for kind in ESTIMATORS} for name in targets
    }
    effective: dict[str, list[float]] = {name: [] for name in targets}
    logarithm = np.log(fusion.click_times_rest(p, OLD)) / EXPLORING
    for _ in range(repeats):
        shown, propensity = draw_slates(logarithm, 1, rng)  # (requests, 1)
        watched = feed.draw(shown, rng)["watch_time"][:, 0].astype(np.float64)  # (requests,)
        for name, target in targets.items():
            chosen = np.take_along_axis(target, shown, axis=1)[:, 0]
            for kind, settings in ESTIMATORS.items():
                found = inverse_propensity(watched, chosen, propensity[:, 0], **settings)
                estimates[name][kind].append(found.value)
                if kind == "ips":
                    effective[name].append(found.effective_rows)
    out: dict[str, Any] = {}
    for name, target in targets.items():
        out[name] = {
            "truth": (target * seconds).sum(axis=1).mean(),
            "effective_rows": np.mean(effective[name]),
        }
        for kind, values in estimates[name].items():
            out[name][kind] = {"mean": np.mean(values), "sd": np.std(values, ddof=1)}
    return {"requests": len(seconds), "repeats": repeats, "policies": out}


def run(seed: int, impressions: int, repeats: int) -> dict[str, Any]:
    """Both ways on one log."""
    log, predictor = learnt(seed, impressions)
    feed = Feed.at_end(world(), log, 2_000, seed=seed)
    return {
        "seed": seed,
        "randomised": randomised_slates(predictor, impressions, seed=1_000 + seed),
        "exploring": exploring(feed, feed.predictions(predictor), repeats, np.random.default_rng(seed)),
    }


def measure(seeds: range, repeats: int = 200, impressions: int = 1_000_000) -> dict[str, Any]:
    """So many logs of the exploring feed for each log."""
    return {
        "question": "Can a log of the old setting say what a new one would bring?",
        "impressions": impressions,
        "old": OLD,
        "new": NEW,
        "temperature": EXPLORING,
        "clip": CLIP,
        "runs": [run(seed, impressions, repeats) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=10)
