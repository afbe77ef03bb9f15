"""How large must an A/B test of two settings be, and does it keep its word? Chapter 5, over ten logs.

    python -m experiments.fusion.ab [--seeds 10] [--tests 300] [--out FILE]

A is the setting of chapter 1, B adds a worth of watch time. For each log: the size that the formula asks for,
from one pilot; how often tests of that size find the difference that is there; and how often tests of A
against A find one that is not, when users are split but requests are counted. Takes about two minutes on one
core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.fusion.setting import NEW, OLD, SHOWN, learnt
from experiments.logs import world
from experiments.running import each, record
from ranking import fusion
from ranking.evaluation import clustered_error, requests_per_arm
from ranking.funnel.feed import Feed

EDGE = 1.959964  # in standard errors, of 95%
A, B = OLD, NEW
MARGIN = 0.01  # of the clicks of A, that a test should be able to see


def per_request(drawn: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Clicks and seconds of every showing, (showings,)."""
    return {name: drawn[name].sum(axis=1).astype(np.float64) for name in ("click", "watch_time")}


def rejects(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether each test finds a difference of means, (tests,), from outcomes (tests, requests)."""
    error = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / a.shape[1])
    return np.abs(b.mean(axis=1) - a.mean(axis=1)) > EDGE * error


def power_of_tests(
    feed: Feed, a: np.ndarray, b: np.ndarray, size: int, tests: int, rng: np.random.Generator
) -> dict[str, float]:
    """Share of tests of A against B, and of A against A, that find a difference in seconds."""
    found: dict[str, list[np.ndarray]] = {"a against b": [], "a against a": []}
    at_once = max(1, 200_000 // size)  # tests drawn together, which bounds the memory
    for start in range(0, tests, at_once):
        count = min(at_once, tests - start)
        arms = [
            per_request(feed.draw(shown, rng, rng.integers(len(shown), size=count * size)))
            for shown in (a, b, a)
        ]
        seconds = [arm["watch_time"].reshape(count, size) for arm in arms]  # (tests, requests)
        found["a against b"].append(rejects(seconds[0], seconds[1]))
        found["a against a"].append(rejects(seconds[0], seconds[2]))
    return {name: np.concatenate(parts).mean() for name, parts in found.items()}


def false_alarms(feed: Feed, shown: np.ndarray, tests: int, rng: np.random.Generator) -> dict[str, Any]:
    """Tests of A against A with users split: share that find a difference, by how its error is reckoned."""
    users, user = np.unique(feed.requests.user, return_inverse=True)
    found = {name: {"requests": 0, "users": 0} for name in ("click", "watch_time")}
    for _ in range(tests):
        arm = (rng.random(len(users)) < 0.5)[user]  # (requests,)
        for name, values in per_request(feed.draw(shown, rng)).items():
            first, second = values[arm], values[~arm]
            gap = abs(first.mean() - second.mean())
            naive = np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
            honest = np.hypot(clustered_error(first, user[arm]), clustered_error(second, user[~arm]))
            found[name]["requests"] += int(gap > EDGE * naive)
            found[name]["users"] += int(gap > EDGE * honest)
    shares = {name: {by: n / tests for by, n in both.items()} for name, both in found.items()}
    return {"users": len(users), "requests": len(user), **shares}


def run(seed: int, impressions: int, tests: int) -> dict[str, Any]:
    """One log: sizes of tests, and what tests of these sizes find."""
    log, predictor = learnt(seed, impressions)
    rng = np.random.default_rng(seed)
    feed = Feed.at_end(world(), log, 2_000, seed=seed)
    p = feed.predictions(predictor)
    a, b = (fusion.top_k(fusion.click_times_rest(p, w), SHOWN) for w in (A, B))
    totals_a, totals_b = feed.totals(a), feed.totals(b)
    effect = {name: float(totals_b[name].mean() - totals_a[name].mean()) for name in ("click", "watch_time")}
    pilot = {arm: per_request(feed.draw(shown, rng)) for arm, shown in {"a": a, "b": b}.items()}
    spread = {
        arm: {name: float(values.std(ddof=1)) for name, values in drawn.items()}
        for arm, drawn in pilot.items()
    }
    both = np.hypot(spread["a"]["watch_time"], spread["b"]["watch_time"]) / np.sqrt(2.0)
    # A pilot shows the spread of A. That of B is known only where B was shown, too.
    sizes = {
        "spread of a": requests_per_arm(effect["watch_time"], spread["a"]["watch_time"]),
        "spread of both": requests_per_arm(effect["watch_time"], both),
    }
    some = rng.choice(len(log.users), 200, replace=False)
    few = Feed.at_end(world(), log, 2_000, seed=seed, users=some)
    shown = fusion.top_k(fusion.click_times_rest(few.predictions(predictor), A), SHOWN)
    return {
        "seed": seed,
        "a": {name: totals_a[name].mean() for name in effect},
        "effect": effect,
        "spread": spread,
        "requests_for_seconds": sizes,
        "requests_for_clicks": requests_per_arm(
            MARGIN * float(totals_a["click"].mean()), spread["a"]["click"]
        ),
        "found": {name: power_of_tests(feed, a, b, size, tests, rng) for name, size in sizes.items()},
        "users_split": false_alarms(few, shown, tests, rng),
    }


def measure(seeds: range, tests: int = 300, impressions: int = 1_000_000) -> dict[str, Any]:
    """So many tests on every log."""
    return {
        "question": "How large must an A/B test of two settings be, and does it keep its word?",
        "impressions": impressions,
        "tests": tests,
        "a": A,
        "b": B,
        "margin": MARGIN,
        "runs": [run(seed, impressions, tests) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=10)
