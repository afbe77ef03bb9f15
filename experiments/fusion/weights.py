"""Which weights bring more seconds and no fewer clicks, and does that hold for other users? Chapter 5.

    python -m experiments.fusion.weights [--seeds 6] [--out FILE]

In each world, half of the users are there to choose weights by, the others to check the choice by the
truth. Weights of p_click (1 + Σ w p) are searched for: as many seconds as possible, and no fewer clicks than
with the weights of chapter 1. Three searches (random, differential evolution, Bayesian optimisation) hear of
a trial either the truth, which only a simulator knows, or what 1,000 or 10,000 different requests happened to
bring, beside as many that got the old lists. What was heard can be read with less noise (a control that
always runs, CUPED, both lists for the same requests), the winner can be the luckiest trial or that of a
Gaussian process over all of them, and clicks can be asked for with a margin.

Searches that cost little run more than once in a world; what is recorded are means over these runs.
Takes about ten minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optuna
from scipy.optimize import differential_evolution

from experiments.fusion.setting import NEW, OLD, SHOWN, halves, learnt
from experiments.fusion.trials import (
    HIGH,
    LOW,
    NAMES,
    READINGS,
    Array,
    Live,
    Platform,
    Truthful,
    smoothed,
)
from experiments.logs import world
from experiments.running import each, mean_of, record
from ranking.evaluation import adjusted
from ranking.funnel.feed import Feed

POOL, FRESH, TRIALS, FEWER = 20_000, 3_000, 240, 60
"""Requests to search with and to check with, random settings, trials, and those of what is expensive."""
MARGINS = {"none": 0.0, "1%": 0.01, "2%": 0.02, "one error": None}
"""Clicks that a choice must have more than the old lists, relative; None for a standard error of them."""
QUIET = "CUPED, known control"
"""The reading with the least noise of those that a platform has."""

Told = Truthful | Live
Score = Callable[[dict[str, Array], Array], Array]


# --- searches ---------------------------------------------------------------------------------------


def value(change: Array) -> float:
    """What a search maximises: seconds, the old ones being 1; with too few clicks, less than any seconds."""
    clicks, seconds = change
    return float(1.0 + seconds if clicks >= 0.0 else 100.0 * clicks)


def random_search(told: Told, trials: int, seed: int) -> None:
    for u in np.random.default_rng(seed).uniform(LOW, HIGH, (trials, len(NAMES))):
        told(u)


def evolution(told: Told, trials: int, seed: int) -> None:
    """SciPy's differential evolution, in generations of 24."""
    population = 6
    differential_evolution(
        lambda u: -value(told(u)),
        bounds=list(zip(LOW, HIGH, strict=True)),
        popsize=population,
        maxiter=trials // (population * len(NAMES)) - 1,
        tol=0.0,
        polish=False,
        rng=np.random.default_rng(seed),
    )


def bayes(told: Told, trials: int, seed: int) -> None:
    """Optuna's Gaussian processes of seconds and of clicks, both with a noise that is fitted.

    Its next trial is where it expects most above the best trial so far *as it was told*.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(low, high)
        for name, low, high in zip(NAMES, LOW, HIGH, strict=True)
    }
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.GPSampler(seed=seed))
    for _ in range(trials):
        trial = study.ask(space)
        clicks, seconds = told(np.array([trial.params[name] for name in NAMES]))
        trial.set_constraint("clicks lost", -clicks)
        study.tell(trial, seconds)


SEARCHES = {"random": random_search, "evolution": evolution, "Bayes": bayes}


# --- what is chosen, and what it brings ---------------------------------------------------------------


def pick(changes: Array, margin: float | Array) -> int:
    """The trial with the most seconds among those with enough clicks; if none has, that with the most."""
    clicks, seconds = changes.T
    enough = clicks >= margin
    return int(np.argmax(np.where(enough, seconds, -np.inf) if enough.any() else clicks))


Case = tuple[str, str, str, str, str, int]
"""Judge, search, reading, how the winner is picked, margin, and after how many trials."""


def plan() -> list[tuple[str, str, str, list[tuple[str, int]], int]]:
    """Judge, search, the reading it hears, the readings and numbers of trials to pick by, runs per world."""
    both = ("own control", QUIET)
    everywhere = [(reading, TRIALS) for reading in READINGS]
    after = [(reading, n) for n in (30, FEWER, 120) for reading in both]
    return [
        ("truth", "random", "truth", [("truth", FEWER), ("truth", TRIALS)], 1),
        ("truth", "evolution", "truth", [("truth", TRIALS)], 1),
        ("1,000 requests", "random", QUIET, everywhere + after, 3),
        ("10,000 requests", "random", QUIET, [(reading, FEWER) for reading in both], 1),
        ("1,000 requests", "evolution", both[0], [(both[0], TRIALS)], 2),
        ("1,000 requests", "evolution", QUIET, [(QUIET, TRIALS)], 2),
        ("1,000 requests", "Bayes", QUIET, [(QUIET, FEWER)], 1),
    ]


def winners(told: Told, reading: str, trials: int) -> Iterator[tuple[str, str, int, Array]]:
    """How a winner is picked, the margin, which trial it is and what was told of it (clicks, seconds)."""
    changes, errors = told.changes(reading, trials), told.errors(reading, trials)
    by = {"luckiest": (changes, errors)}
    if isinstance(told, Live):
        by["smoothed"] = smoothed(told.tried[:trials], changes)
    for how, (seen, error) in by.items():
        for name, margin in MARGINS.items():
            if margin is None and isinstance(told, Truthful):
                continue
            at = pick(seen, error if margin is None else margin)
            yield how, name, at, seen[at]


def searched(choosing: Platform, check: Truthful, seed: int) -> dict[Case, list[float]]:
    """By case: clicks and seconds told, then true for fresh users, and how often those lost clicks, or 1%."""
    found: dict[Case, list[list[float]]] = {}
    for number, (judge, search, heard, picked_by, runs) in enumerate(plan()):
        for run in range(runs):
            stream = np.random.SeedSequence((seed, number, run)).generate_state(2).tolist()
            rng = np.random.default_rng(stream[0])
            told: Told
            if judge == "truth":
                told = Truthful(choosing, 2_000)
            else:
                told = Live(choosing, int(judge.split()[0].replace(",", "")), heard, rng)
            trials = max(n for _, n in picked_by)
            SEARCHES[search](told, trials, stream[1])
            if len(told.tried) != trials:
                raise ValueError(f"{search} must make {trials} trials, got {len(told.tried)}")
            fresh: dict[int, Array] = {}
            for reading, n in picked_by:
                for how, margin, at, promised in winners(told, reading, n):
                    if at not in fresh:
                        fresh[at] = check.change(told.tried[at])
                    clicks, seconds = fresh[at]
                    row = [*promised.tolist(), clicks, seconds, float(clicks < 0), float(clicks < -0.01)]
                    found.setdefault((judge, search, reading, how, margin, n), []).append(row)
    return {case: np.mean(rows, axis=0).tolist() for case, rows in found.items()}


# --- how much noise there is, and how much of it can be removed -----------------------------------------


def noise(platform: Platform, rng: np.random.Generator) -> dict[str, Any]:
    """Of clicks and seconds per request: their spread, and the parts of the variance that can be removed.

    "model" and "truth" are covariates of CUPED: what the model, or the truth, expects of the old lists; "same
    requests" is of the variance of a difference. Outcomes are of the old weights and of others.
    """
    everybody, old = platform.everybody, platform.old
    true = platform.expected(old, everybody)
    drawn = platform.draw(old, everybody, rng)
    found = {}
    for name, weights in {"old": OLD, "new": NEW}.items():
        outcomes = platform.draw(platform.lists(weights, everybody), everybody, rng)
        for k, total in enumerate(("clicks", "seconds")):
            y = outcomes[:, k]
            removed = {
                by: 1.0 - adjusted(y, known[:, k]).var() / y.var()
                for by, known in {"model": platform.known, "truth": true}.items()
            }
            apart = (y - drawn[:, k]).var() / (y.var() + drawn[:, k].var())
            removed["same requests"] = 1.0 - apart
            found[f"{name}, {total}"] = {"variation": y.std() / y.mean(), "removed": removed}
    return found


# --- the record ---------------------------------------------------------------------------------------


def platforms(seed: int, impressions: int, pool: int, fresh: int) -> tuple[Platform, Platform]:
    """A world's users to choose weights by, and the others."""
    log, predictor = learnt(seed, impressions, world_seed=seed)
    its = world(seed)
    found = []
    for number, (users, n) in enumerate(zip(halves(log, seed), (pool, fresh), strict=True)):
        found.append(Platform(Feed.at_end(its, log, n, seed=2 * seed + number, users=users), predictor))
    return found[0], found[1]


def run(seed: int, impressions: int) -> dict[str, Any]:
    """One world: the noise, and every case by name."""
    choosing, checking = platforms(seed, impressions, POOL, FRESH)
    draws = [noise(choosing, np.random.default_rng((seed, 8, k))) for k in range(3)]
    found = searched(choosing, Truthful(checking, FRESH), seed)
    return {
        "seed": seed,
        "noise": mean_of(draws),
        "cases": list(found),
        "found": np.round(list(found.values()), 4),
    }


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every search in every world."""
    runs = [run(seed, impressions) for seed in each(seeds)]
    cases = runs[0]["cases"]
    for entry in runs:
        if entry.pop("cases") != cases:
            raise ValueError("seeds must leave the same cases in every world")
    return {
        "question": "Which weights bring more seconds and no fewer clicks, and for other users?",
        "impressions": impressions,
        "requests": POOL,
        "fresh_requests": FRESH,
        "candidates": 100,
        "shown": SHOWN,
        "trials": [FEWER, TRIALS],
        "baseline": OLD,
        "case": ["judge", "search", "reading", "winner", "margin", "after"],
        "cases": cases,
        "columns": ["told_clicks", "told_seconds", "clicks", "seconds", "fell", "fell_1%"],
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=6)
