"""Made-up recordings of the explorers that replay any."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ranking_course.explorers.funnel import CHANNELS
from ranking_course.explorers.gates_recording import (
    HEADS,
    OPTIMISERS,
    RATES,
    pack_utilisation,
    pack_weights,
)
from ranking_course.explorers.loss import TASKS

if TYPE_CHECKING:
    from ranking.mmoe.examples import DenseExamples


def _bins(count: np.ndarray, predicted: np.ndarray, gap: float) -> dict[str, Any]:
    """Bins whose predictions are off by ``gap``; empty ones hold None."""
    observed = np.clip(predicted - gap, 0, 1)
    kept = [
        [None if n == 0 else float(value) for value, n in zip(values, count, strict=True)]
        for values in (predicted, observed)
    ]
    return {
        "predicted": kept[0],
        "observed": kept[1],
        "count": count.tolist(),
        "ece": float(gap),
        "log_loss": 0.25 + gap,
    }


def made_up_recording(rates: Sequence[float], seeds: int, bins: int) -> dict[str, Any]:
    """Recorded trainings as the calibration explorer takes them; the last bin but one has no rows."""
    rng = np.random.default_rng(5)

    def draw(low: float, high: float, gap: float) -> dict[str, Any]:
        count = rng.integers(10, 1000, bins)
        count[-2] = 0
        return _bins(count, np.sort(rng.uniform(low, high, bins)), gap)

    runs = [
        {
            "rate": rate,
            "seed": seed,
            "rows": int(10_000 * rate) + 1000,
            "train_seconds": 2.0 * (0.1 + 0.9 * rate) + 0.01 * seed,
            "auc": 0.8 + 0.001 * seed,
            "raw": draw(0.5, 1.0, 0.4 * (1 - rate) + 0.001 * seed),
            "calibrated": draw(0.0, 0.5, 0.001 * seed),
        }
        for rate in rates
        for seed in range(seeds)
    ]
    return {
        "rates": list(rates),
        "runs": runs,
        "base_rate": 0.1,
        "observed_is": "click share",
        "truth": {"log_loss": 0.23, "auc": 0.877},
        "made_by": "a note that explorers leave out",
    }


def funnel_recording(runs: int = 3) -> dict[str, Any]:
    """Every setting has a value of its own, and no stage keeps more than the one before."""
    grid = {
        "embedding": [0, 250, 500, 1000],
        **{name: [0, 100, 200] for name in CHANNELS[1:]},
        "kept": [100, 300, 500],
        "shown": [10, 30],
    }
    asked = sum(np.meshgrid(*(grid[name] for name in CHANNELS), indexing="ij"))  # (4, 3, 3, 3, 3)
    recorded = []
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        retrieval = 0.8 * asked / asked.max() + 0.05 * rng.random(asked.shape)
        retrieval[asked == 0] = 0.0
        pre_ranking = retrieval[..., None] * np.array([0.6, 0.8, 0.9])
        re_ranking = pre_ranking[..., None] * np.array([0.5, 0.75])
        recorded.append(
            {
                "seed": seed,
                "candidates": np.round(0.9 * asked, 1).ravel().tolist(),
                "retrieval": np.round(retrieval, 3).ravel().tolist(),
                "pre_ranking": np.round(pre_ranking, 3).ravel().tolist(),
                "re_ranking": np.round(re_ranking, 3).ravel().tolist(),
                "note": "left out",
            }
        )
    costs = {"retrieval": 0.004, "pre_ranking": 1.5, "ranking": 37.0, "re_ranking": 0.05}
    return {
        "catalogue": 1_000_000,
        "requests": 200,
        "best": 10,
        "grid": grid,
        "runs": recorded,
        "costs": costs,
        "made_by": "a note that explorers leave out",
    }


def slate_recording(candidates: int = 40, topics: int = 10, dim: int = 8) -> dict[str, Any]:
    """Candidates of a few topics; one topic has the best scores. Unsorted, vectors of any length."""
    rng = np.random.default_rng(7)
    share = np.array([5.0, 5.0, *[1.0] * (topics - 2)])
    topic = rng.choice(topics, candidates, p=share / share.sum())
    centres = rng.normal(size=(topics, dim)) + 0.3
    vectors = (centres[topic] + 0.4 * rng.normal(size=(candidates, dim))) * rng.uniform(
        0.5, 2, (candidates, 1)
    )
    scores = 0.2 + 0.6 * rng.random(candidates) + 0.35 * (topic < 2)
    return {
        "candidates": [
            {"item": 1000 + i, "topic": f"topic {topic[i]}", "score": round(float(scores[i]), 4), "author": 3}
            for i in range(candidates)
        ],
        "vectors": np.round(vectors, 4).tolist(),
        "made_by": "a note that explorers leave out",
    }


def weights_recording(tasks: tuple[str, ...] = TASKS, seeds: int = 5) -> dict[str, Any]:
    """The varied task gains with its weight, the others lose; worlds differ in how much."""
    rng = np.random.default_rng(6)
    runs = []
    level = {other: 0.55 - 0.15 * i for i, other in enumerate(TASKS)}
    worlds = [{other: level[other] + 0.05 * rng.normal() for other in TASKS} for _ in range(seeds)]
    for task in tasks:
        for weight in (0.1, 1.0, 10.0, 100.0):
            for seed, equal in enumerate(worlds):
                change = {
                    other: (0.1 if other == task else -0.04) * np.log10(weight)
                    + 0.05 * np.log10(weight) * rng.normal()
                    for other in TASKS
                }
                run = {"task": task, "weight": weight, "seed": seed, "seconds": 1.0}
                gap_closed = {other: float(equal[other] + change[other]) for other in TASKS}
                runs.append({**run, "gap_closed": gap_closed})
    return {"runs": runs, "made_by": "a note that explorers leave out"}


def completion_made_up(candidates: int = 20) -> dict[str, Any]:
    """f falls with the length, the faster the more knots; videos of every length, interest left to chance."""
    rng = np.random.default_rng(9)
    thresholds, knots = [0.5, 0.8, 1.0], [3, 5]

    def fits(level: float) -> list[dict[str, Any]]:
        return [
            {
                "knots": np.linspace(2.2, 5.8, count).tolist(),
                "coefficients": [level, -2.0 - 0.1 * count, *[0.5] * (count - 2)],
            }
            for count in knots
        ]

    return {
        "rows": 12_345,
        "thresholds": thresholds,
        "knots": knots,
        "fits": {"share": fits(0.4), "reaches": [fits(0.3 - threshold) for threshold in thresholds]},
        "length_effect": 0.35,
        "candidates": [
            {
                "item": 500 + i,
                "topic": f"topic {i % 4}",
                "duration": float(np.exp(rng.uniform(np.log(8), np.log(590)))),
                "mu": float(rng.normal(2.3, 0.7)),
                "sigma": float(rng.uniform(1.2, 1.8)),
                "author": 3,
            }
            for i in range(candidates)
        ],
        "made_by": "a note that explorers leave out",
    }


def gates_recording(shown: int = 4, rows: int = 12) -> dict[str, Any]:
    """Gates that drift to one expert, sooner at higher rates and without a cure, that of like less far."""
    rng = np.random.default_rng(11)
    steps = [0, 5, 20, 60, 200]
    paces = {"none": 1.0, "exact": 0.6, "entropy": 0.05}
    runs = []
    for optimiser, rate, heads, cure in itertools.product(OPTIMISERS, RATES, HEADS, paces):
        if cure != "none" and optimiser == "sgd":
            continue
        pace = paces[cure] * (0.5 + 0.5 * RATES.index(rate)) * (0.2 if optimiser == "sgd" else 1.0)
        way = pace * np.sqrt(np.array(steps))[None, :, None, None, None]  # (1, steps, 1, 1, 1)
        pull = rng.random((shown, 1, 2, 1, 3)) * np.array([1.0, 0.3])[:, None, None]
        scatter = 0.6 * rng.normal(size=(shown, 1, 2, rows, 3))
        logits = way * pull + scatter  # (shown, steps, tasks, rows, experts)
        weights = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        used = weights.mean(axis=-2)
        polarized = (used.max(axis=-1) > 0.95).any(axis=-1).sum(axis=0)
        runs.append(
            {
                "optimiser": optimiser,
                "rate": rate,
                "heads": heads,
                "cure": cure,
                "learning_rate": (0.1 if optimiser == "sgd" else 0.01) * 10 ** ((RATES.index(rate) - 1) / 2),
                "seeds": 2 * shown,
                "polarized": (2 * polarized).tolist(),
                "gap_closed": [[-5.0, -9.0], [-1.0, 0.0], [0.1, 0.0], [0.4, 0.3], [0.55, 0.5]],
                "stuck": [[8, 8], [8, 7], [3, 7], [1, 2], [0, 1]],
                "heights": rng.permuted(np.tile(np.arange(3), (shown, 2, 1)), axis=-1).tolist(),
                "utilisation": pack_utilisation(used),
                "weights": pack_weights(weights),
                "note": "left out",
            }
        )
    return {
        "tasks": [{"name": name, "color": name} for name in ("click", "like")],
        "steps": steps,
        "rows": rows,
        "learnt_from": 9_000,
        "threshold": 0.95,
        "closes": 0.05,
        "shown": [{"world": i % 2, "seed": 10 + i} for i in range(shown)],
        "runs": runs,
        "made_by": "a note that explorers leave out",
    }


def gates_examples(rows: int = 400, columns: int = 5) -> tuple[DenseExamples, DenseExamples]:
    """Rows to train on and held-out rows, as the study of gates takes them; a third is clicked."""
    from ranking.mmoe.examples import DenseExamples  # torch, which most explorers do without

    rng = np.random.default_rng(12)

    def part(rows: int) -> DenseExamples:
        inputs = rng.normal(size=(rows, columns)).astype(np.float32)
        truth = 1 / (1 + np.exp(1.0 - inputs[:, :2].astype(float)))
        labels = rng.random((rows, 2)) < truth
        labels[:, 1] &= labels[:, 0]
        mask = np.stack([np.ones(rows), labels[:, 0]], axis=1)
        names = tuple(f"number {i}" for i in range(columns))
        return DenseExamples(
            names, ("click", "like"), inputs, labels.astype(np.float32), mask.astype(np.float32), truth
        )

    return part(rows), part(100)


def request_made_up() -> dict[str, Any]:
    """A request on its way down a funnel of 40,000 items in three topics: 500, 60, 60, 12."""
    rng = np.random.default_rng(3)
    found = np.sort(rng.choice(40_000, 500, replace=False))
    kept = rng.choice(found, 60, replace=False)
    ranked = rng.permutation(kept)
    stages = {"retrieval": found, "pre_ranking": kept, "ranking": ranked, "re_ranking": ranked[::5]}
    return {"topics": [10_000, 25_000, 5_000], "stages": {name: at.tolist() for name, at in stages.items()}}


def fused_items(count: int = 10) -> list[dict[str, Any]]:
    """Items of which those that are liked more are clicked less; predictions err."""
    rng = np.random.default_rng(8)
    topics = ("cooking", "street food", "football", "comedy", "old railways", "calligraphy", "cats")

    def chance(logit: float) -> float:
        return round(float(1 / (1 + np.exp(-logit))), 4)

    items = []
    for i in range(count):
        click, like = rng.normal(-1.6, 1.0), rng.normal(-2.8, 1.0)
        items.append(
            {
                "name": f"{topics[i % len(topics)]} {i + 1}",
                "p_click": chance(click + 0.3 * rng.normal()),
                "p_like": chance(like - 0.5 * click + 0.3 * rng.normal()),
                "true_click": chance(click),
                "true_like": chance(like - 0.5 * click),
                "author": 3,
            }
        )
    return items


def fused_recording(requests: int = 3, worlds: int = 6) -> dict[str, Any]:
    """Requests of which the first has ten items; losses that grow as α falls and with w, and differ."""
    rng = np.random.default_rng(4)
    rates, prices = [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01], [0, 1, 2, 5, 10, 20, 50]
    depth = np.log(1 / np.array(rates))[:, None] * np.sqrt(prices)  # (rates, prices)
    lost = depth * (0.004 + 0.0015 * rng.normal(size=(worlds, 1, 1)) + 0.0008 * rng.normal(size=depth.shape))
    recorded = {"requests": [{"items": fused_items(10 - 3 * i)} for i in range(requests)]}
    if worlds:
        measured = {"sampling_rates": rates, "prices": prices, "lost": np.round(lost, 5).tolist()}
        recorded |= {"worlds": measured}
    return {**recorded, "made_by": "a note that explorers leave out"}
