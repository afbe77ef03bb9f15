"""Can a log of the old setting say what a new one would bring? Chapter 5, over eight worlds.

    python -m experiments.fusion.offline [--seeds 8] [--repeats 200] [--out FILE]

A feed explores: its first place is drawn with chances that follow the old score, and the chance is noted.
From such logs the seconds watched under policies further and further away are estimated in several ways,
beside the truth: 200 logs a world, each of 2,000 requests drawn anew. In two more kinds of log something
is wrong: the chance was noted for another temperature, or the old policy showed only its own first 20. From
the logs in which all is right, the difference of each policy to the old one is estimated as well.
Takes about ten minutes on one core.

Expected before the run:

1. Inverse propensity has no bias at any distance, and an error that grows as 1/√(effective rows).
2. Clipping estimates too low, the more so the further the policy; at its best clip its error (bias and spread
   together) is a fifth below that of inverse propensity for the furthest policy, and no better for the
   nearest.
3. Doubly robust helps the spread little, by less than a fifth even with the truth as its model, since the
   noise is in who clicks and how long. Clipped, it has less than half of the bias of clipped inverse
   propensity.
4. The model alone is too low, as it learned from all places and is asked for the first. Brought to the log's
   level it is too high for the policy that shows its favourites.
5. Where the noted chances are wrong, inverse propensity is off by more than a tenth, and doubly robust is off
   as well unless its model is right.
6. Where the old policy left things out, inverse propensity is too low by what is missing. The effective rows
   do not tell; the mean weight, which should be 1, does.
7. The difference to the old policy, from the same log: for the nearest policy its spread is about a quarter
   of the spread of the level, 3% of the old value instead of 13%; for the furthest it is hardly smaller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.fusion.setting import NEW, OLD, learnt
from experiments.logs import world
from experiments.running import each, record
from ranking import fusion
from ranking.evaluation import Estimate, doubly_robust, inverse_propensity
from ranking.funnel.feed import Feed
from ranking.validation import Array

REQUESTS = 2_000
SHORTER = (200, 600)
"""Requests of shorter logs, the first of the same ones."""
EXPLORING, NOTED_WRONG = 0.5, 0.7
"""Temperature of the policy that writes the log (the higher, the more it tries), and one noted by mistake."""
KEPT = 20
"""Candidates that the log with gaps may show: those first by the old score."""
POLICIES = {
    "the old one itself": (OLD, EXPLORING),
    "new weights": (NEW, EXPLORING),
    "new weights, half the temperature": (NEW, EXPLORING / 2),
    "new weights, a quarter of it": (NEW, EXPLORING / 4),
    "new weights, always the best": (NEW, 0.0),
}
"""Policies to be judged: weights and temperature."""
FAR = "new weights, a quarter of it"
"""The policy whose estimates from every log are kept, in the first world."""
NEARER = ("new weights", "new weights, half the temperature", FAR)
"""Policies that logs are asked about in which something is wrong."""
CLIPS = (2.0, 5.0, 10.0, 20.0, 50.0)
"""Largest weights that count."""
SHOWN = ("ips", "clipped at 5", "self-normalised", "doubly robust, levelled", "model alone, levelled")
"""Estimates that are kept from every log, for a picture."""
MODELS = ("predicted", "levelled", "half", "constant", "truth")
"""What says the expected seconds: the predictor; brought to the level of the log; half of what it says; one
number for all, the mean of the log; and what is true, which nobody has."""


def chances(scores: Array, temperature: float, kept: int | None = None) -> Array:
    """Softmax of ln score / temperature, (requests, candidates); all on the best at a temperature of 0.

    With ``kept`` only so many have a chance at all, those first by score.
    """
    raised = (scores / scores.max(axis=1, keepdims=True)) ** (1.0 / temperature if temperature else 0.0)
    if temperature == 0.0:
        kept = 1
    if kept is not None:
        allowed = np.zeros_like(raised)
        np.put_along_axis(allowed, fusion.top_k(scores, kept), 1.0, axis=1)
        raised = raised * allowed
    return raised / raised.sum(axis=1, keepdims=True)


def drawn(of: Array, rng: np.random.Generator) -> np.ndarray:
    """One column of each row of chances, (rows,)."""
    reached = np.cumsum(of, axis=1)
    return (rng.random((len(of), 1)) * reached[:, -1:] >= reached).sum(axis=1)


class Exploring:
    """A feed whose first place is drawn, what happens there, and what a model expects: one world.

    ``true`` and ``predicted`` are expected seconds, (requests, candidates).
    """

    def __init__(self, feed: Feed, p: Mapping[str, Array], rng: np.random.Generator) -> None:
        self.rng = rng
        self.n, self.candidates = feed.items.shape
        context = {
            name: np.repeat(values[:, 0], self.candidates) for name, values in feed.requests.context.items()
        }
        self.truth = feed.world.truth(item=feed.items.ravel(), **context)
        self.true = feed.rates["click"] * feed.rates["watch_time"]
        self.predicted = p["click"] * p["watch_time"]
        self.scores = {
            name: fusion.click_times_rest(p, weights) for name, weights in {"old": OLD, "new": NEW}.items()
        }
        self.targets = {
            name: chances(fusion.click_times_rest(p, weights), temperature)
            for name, (weights, temperature) in POLICIES.items()
        }

    def log(self, acting: Array, requests: int) -> tuple[np.ndarray, np.ndarray, Array]:
        """So many requests drawn anew: which came, what stood first, and seconds watched, each (rows,)."""
        asked = self.rng.integers(0, self.n, requests)
        shown = drawn(acting[asked], self.rng)
        watched = self.truth.select(asked * self.candidates + shown).draw(self.rng)["watch_time"]
        return asked, shown, watched.astype(np.float64)

    def value(self, target: Array, of: Array | None = None) -> float:
        """Mean seconds under a policy, by the truth or by what a model expects."""
        return float((target * (self.true if of is None else of)).sum(axis=1).mean())

    def when_shown(self, target: Array, showings: int = 40_000) -> float:
        """Standard deviation of the mean that ``REQUESTS`` requests give if the policy itself is shown."""
        return float(self.log(target, showings)[2].std() / np.sqrt(REQUESTS))


def levelled(feed: Exploring, log: tuple[np.ndarray, np.ndarray, Array]) -> Array:
    """What the predictor says of all candidates, brought to the level of the log, (rows, candidates)."""
    asked, shown, watched = log
    said = feed.predicted[asked]
    return watched.mean() / said[np.arange(len(shown)), shown].mean() * said


def estimates(
    feed: Exploring,
    target: Array,
    noted: Array,
    log: tuple[np.ndarray, np.ndarray, Array],
    clips: tuple[float, ...] = CLIPS,
    models: tuple[str, ...] = MODELS,
) -> dict[str, Estimate]:
    """One log's estimates of one policy, by name; ``noted`` are the chances of all candidates, as logged."""
    asked, shown, watched = log
    said = feed.predicted[asked]  # (rows, candidates)
    expects = {
        "predicted": said,
        "levelled": levelled(feed, log),
        "half": 0.5 * said,
        "constant": np.full_like(said, watched.mean()),
        "truth": feed.true[asked],
    }
    would = target[asked]
    chosen, acted = would[np.arange(len(shown)), shown], noted[asked, shown]
    found = {
        "ips": inverse_propensity(watched, chosen, acted),
        "self-normalised": inverse_propensity(watched, chosen, acted, normalised=True),
    }
    for name in models:
        of_shown = expects[name][np.arange(len(shown)), shown]
        of_target = (would * expects[name]).sum(axis=1)
        found[f"doubly robust, {name}"] = doubly_robust(watched, chosen, acted, of_shown, of_target)
        if name in ("predicted", "levelled"):
            error = float(of_target.std(ddof=1) / np.sqrt(len(of_target)))
            found[f"model alone, {name}"] = Estimate(float(of_target.mean()), error, 0.0, 0.0)
        if name == "levelled":
            for clip in clips:
                found[f"clipped at {clip:g}"] = inverse_propensity(watched, chosen, acted, clip=clip)
                found[f"doubly robust, clipped at {clip:g}"] = doubly_robust(
                    watched, chosen, acted, of_shown, of_target, clip=clip
                )
    return found


def differences(
    feed: Exploring, target: Array, old: Array, log: tuple[np.ndarray, np.ndarray, Array]
) -> dict[str, Estimate]:
    """One log's estimates of a policy less the old one, which wrote it with the chances ``old``, by name.

    "ips" and "doubly robust, levelled" take the mean of the log's rewards off the estimate of the policy;
    "doubly robust of both" takes off the doubly robust estimate of the old one. Row by row: what is noise in
    both goes out, and the standard error is that of the difference.
    """
    asked, shown, watched = log
    rows = np.arange(len(shown))
    said = levelled(feed, log)
    weight = target[asked, shown] / old[asked, shown]
    of_target, of_old = (target[asked] * said).sum(axis=1), (old[asked] * said).sum(axis=1)
    left = (weight - 1.0) * (watched - said[rows, shown])
    each_row = {
        "ips": (weight - 1.0) * watched,
        "doubly robust, levelled": of_target - said[rows, shown] + left,
        "doubly robust of both": of_target - of_old + left,
    }
    effective = weight.sum() ** 2 / (weight**2).sum()
    return {
        name: Estimate(values.mean(), values.std(ddof=1) / np.sqrt(len(rows)), effective, weight.mean())
        for name, values in each_row.items()
    }


def bias_spread_holds(found: list[Estimate], truth: float, unit: float) -> Array:
    """Bias and spread of the estimates of many logs in this unit, and how often their intervals hold it."""
    value = np.array([one.value for one in found])
    error = np.array([one.standard_error for one in found])
    holds = np.abs(value - truth) < 1.96 * error
    return np.round([value.mean() / unit - truth / unit, value.std(ddof=1) / unit, holds.mean()], 4)


def summary(feed: Exploring, target: Array, each_log: list[dict[str, Estimate]]) -> dict[str, Any]:
    """Of every estimator: bias and spread relative to the truth, and how often its interval holds it."""
    truth = feed.value(target)
    out: dict[str, Any] = {
        "truth": truth,
        "effective_rows": np.mean([one["ips"].effective_rows for one in each_log]),
        "mean_weight": np.mean([one["ips"].mean_weight for one in each_log]),
    }
    for name in each_log[0]:
        out[name] = bias_spread_holds([one[name] for one in each_log], truth, truth)
    return out


def summary_of_difference(
    feed: Exploring, target: Array, old: Array, each_log: list[dict[str, Estimate]]
) -> dict[str, Any]:
    """Of a policy less the old one, all relative to the true value of the old one."""
    base = feed.value(old)
    truth = feed.value(target) - base
    return {"truth": truth / base} | {
        name: bias_spread_holds([one[name] for one in each_log], truth, base) for name in each_log[0]
    }


def run(seed: int, impressions: int, repeats: int) -> dict[str, Any]:
    """One world, its log, and the model that was trained on it."""
    log, predictor = learnt(seed, impressions, world_seed=seed)
    base = Feed.at_end(world(seed), log, REQUESTS, seed=seed)
    feed = Exploring(base, base.predictions(predictor), np.random.default_rng(seed))
    old = chances(feed.scores["old"], EXPLORING)
    wrong = chances(feed.scores["old"], NOTED_WRONG)
    gaps = chances(feed.scores["old"], EXPLORING, kept=KEPT)
    right: dict[str, list[dict[str, Estimate]]] = {name: [] for name in POLICIES}
    shorter: dict[str, list[list[dict[str, Estimate]]]] = {name: [[] for _ in SHORTER] for name in POLICIES}
    less_old: dict[str, list[dict[str, Estimate]]] = {name: [] for name in POLICIES}
    mistaken: dict[str, list[dict[str, Estimate]]] = {name: [] for name in NEARER}
    lacking: dict[str, list[dict[str, Estimate]]] = {name: [] for name in NEARER}
    for _ in range(repeats):
        written = feed.log(old, REQUESTS)
        with_gaps = feed.log(gaps, REQUESTS)
        for name, target in feed.targets.items():
            right[name].append(estimates(feed, target, old, written))
            less_old[name].append(differences(feed, target, old, written))
            for n, found in zip(SHORTER, shorter[name], strict=True):
                asked, shown, watched = written
                some = (asked[:n], shown[:n], watched[:n])
                found.append(estimates(feed, target, old, some, (), ("levelled",)))
        for name in NEARER:
            target = feed.targets[name]
            mistaken[name].append(estimates(feed, target, wrong, written, ()))
            lacking[name].append(estimates(feed, target, gaps, with_gaps, ()))
    out: dict[str, Any] = {"seed": seed}
    for kind, of_kind in {"right": right, "noted wrong": mistaken, "gaps": lacking}.items():
        out[kind] = {name: summary(feed, feed.targets[name], logs) for name, logs in of_kind.items()}
    for name, target in feed.targets.items():
        out["right"][name]["when_shown"] = feed.when_shown(target) / feed.value(target)
        out["right"][name]["less_old"] = summary_of_difference(feed, target, old, less_old[name])
    for name in NEARER:
        target = feed.targets[name]
        out["gaps"][name]["missing"] = 1.0 - float((target * (gaps > 0.0)).sum(axis=1).mean())
    out["shorter"] = {
        str(n): {name: summary(feed, feed.targets[name], shorter[name][at]) for name in POLICIES}
        for at, n in enumerate(SHORTER)
    }
    if seed == 0:
        out["every_log"] = {kind: np.round([one[kind].value for one in right[FAR]], 3) for kind in SHOWN}
    return out


def measure(seeds: range, repeats: int = 200, impressions: int = 1_000_000) -> dict[str, Any]:
    """So many logs of the exploring feed in each world."""
    return {
        "question": "Can a log of the old setting say what a new one would bring?",
        "columns": ["bias", "spread", "interval holds the truth"],
        "impressions": impressions,
        "requests": REQUESTS,
        "repeats": repeats,
        "old": OLD,
        "new": NEW,
        "temperature": EXPLORING,
        "noted": NOTED_WRONG,
        "kept": KEPT,
        "clips": CLIPS,
        "far": FAR,
        "runs": [run(seed, impressions, repeats) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=8)
