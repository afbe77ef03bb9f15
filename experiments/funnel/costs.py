"""Chapter 1's experiment: what does each stage of the funnel cost, an item, a call, and on paper?

    python -m experiments.funnel.costs [--seeds 3] [--items 1000000] [--impressions 600000] [--requests 12]

Worlds, logs and models are those of ``experiments.funnel.stages``. Times are medians of single calls, one
after the other, on one thread: run it on a machine that does nothing else. Takes about two minutes per seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.funnel.setting import KEPT, PROBES, SHOWN, Setting, build
from experiments.running import each, mean_of, record
from ranking import funnel
from ranking.funnel import Candidates, Request
from ranking.funnel.retrieval import EmbeddingChannel

SIDE = 512  # of the square matrices whose product measures arithmetic


def seconds(action: Callable[[], Any], repeats: int = 7) -> float:
    """Median wall time of an action."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def search_costs(setting: Setting, requests: list[Request]) -> dict[str, Any]:
    """Exact and approximate search for one query at a time: milliseconds and recall of 1,500 items."""
    keep = funnel.QUOTAS["embedding"]
    embedding = setting.channels["embedding"]
    assert isinstance(embedding, EmbeddingChannel)
    queries = np.concatenate([embedding.user_vector(request) for request in requests])  # (requests, size)
    truth, _ = setting.exact.search(queries, keep)
    inverted = embedding.index

    def one_by_one(index: funnel.VectorIndex) -> float:
        """Milliseconds of one query, the median over them."""
        return 1e3 * float(np.median([seconds(partial(index.search, q[None], keep), 3) for q in queries]))

    result: dict[str, Any] = {
        "bytes": setting.vectors.nbytes,
        "keep": keep,
        "lists": inverted.index.nlist,
        "exact_ms": one_by_one(setting.exact),
        "approximate": [],
    }
    before = inverted.index.nprobe
    for probes in (1, 2, 4, 8, 16, 32, 64):
        inverted.index.nprobe = min(probes, inverted.index.nlist)
        found, _ = inverted.search(queries, keep)
        recall = funnel.recall(found, truth)
        result["approximate"].append({"probes": probes, "ms": one_by_one(inverted), "recall": recall})
    inverted.index.nprobe = before
    return result


def machine(setting: Setting) -> dict[str, float]:
    """What one core does in a second: bytes read from memory, and multiply-adds of a large dense layer."""
    flat = setting.vectors.ravel()
    square = torch.ones(SIDE, SIDE)
    return {
        "bytes": setting.vectors.nbytes / seconds(lambda: np.dot(flat, flat)),  # the leanest way to touch all
        "multiply_adds": SIDE**3 / seconds(lambda: square @ square, 50),
    }


def costs_per_item(setting: Setting, request: Request, search_ms: float) -> dict[str, float]:
    """Microseconds per item of each stage: the slope between few and many items, free of overheads."""
    n = min(30_000, setting.snapshot.n_items)
    some = np.arange(setting.snapshot.n_items - n, setting.snapshot.n_items)

    def slope(stage: Callable[[Candidates], Any], few: int, many: int) -> float:
        took = []
        for size in (few, many):
            part = Candidates(request, some[:size], np.ones(size, np.uint8), np.linspace(1, 0, size))
            took.append(seconds(partial(stage, part)))
        return 1e6 * (took[1] - took[0]) / (many - few)

    ranked = setting.chain.trace(request).after["ranking"]
    places = 1e6 * seconds(lambda: setting.re_rank(ranked)) / len(ranked) / SHOWN
    return {
        "retrieval": 1e3 * search_ms / setting.snapshot.n_items,
        "pre_ranking": slope(replace(setting.pre_rank, keep=10), n // 10, n),
        "ranking": slope(setting.chain.rank, n // 10, n),
        "re_ranking": places,
    }


def on_paper(setting: Setting) -> dict[str, dict[str, float]]:
    """Multiply-adds and bytes of each way to score one item; of towers only what runs once per candidate."""
    towers, dim = setting.pre_rank.model, setting.vectors.shape[1]
    embedding = setting.channels["embedding"]
    assert isinstance(embedding, EmbeddingChannel)
    looked_into = embedding.index.index.nprobe / embedding.index.index.nlist
    steps = {
        "exact search": dim,
        "approximate search": dim * looked_into,
        "pre-ranking": funnel.multiply_adds(towers.cross_tower) + funnel.multiply_adds(towers.top),
        "ranking": funnel.multiply_adds(setting.ranker),
    }
    read = {
        "exact search": dim,
        "approximate search": dim * looked_into,
        "pre-ranking": setting.pre_rank.item_vectors.shape[1] + len(towers.cross_columns),
        "ranking": setting.ranker.embedding.output_dim,
    }  # numbers of 4 bytes
    return {name: {"multiply_adds": steps[name], "bytes": 4 * read[name]} for name in steps}


def rank_everything(setting: Setting, request: Request) -> NDArray[np.float64]:
    """Scores of the full model for the whole catalogue, (items,), in parts that fit into memory."""
    scores = np.empty(setting.snapshot.n_items)
    for part in np.array_split(np.arange(scores.size), max(1, scores.size // 100_000)):
        bits = np.ones(len(part), np.uint8)
        ranked = setting.chain.rank(Candidates(request, part, bits, np.zeros(len(part))))
        scores[ranked.items] = ranked.scores
    return scores


def explorer_costs(runs: list[dict[str, Any]], items: int) -> dict[str, Any]:
    """Costs with which the explorer starts: they add up to what a request took, in the median of the worlds.

    Per item as measured; a call's fixed cost is what a stage took beyond that. Of re-ranking a whole call was
    shared out over items and places, so that hardly anything is left to be fixed. Ranking the whole catalogue
    took ``bulk`` times as long as a call and all items add up to: in parts of 100,000 an item costs more.
    """
    cost = {name: np.median([run["costs"][name] for run in runs]) for name in runs[0]["costs"]}  # µs
    took = {name: 1e3 * np.median([run["seconds"][name] for run in runs]) for name in cost}
    left = {name: np.median([run["candidates"][name] for run in runs]) for name in cost}
    looks = {
        "retrieval": items,
        "pre_ranking": left["retrieval"],
        "ranking": left["pre_ranking"],
        "re_ranking": left["ranking"] * left["re_ranking"],
    }
    fixed = {name: max(0.0, took[name] - cost[name] * looks[name] / 1e3) for name in cost}
    everything = 1e3 * np.median([run["rank_everything_seconds"] for run in runs])
    bulk = everything / (fixed["ranking"] + cost["ranking"] * items / 1e3)
    return {"costs": cost, "fixed": fixed, "bulk": bulk}


def run(seed: int, items: int, impressions: int, requests: int) -> dict[str, Any]:
    """What one world takes."""
    setting = build(items, impressions, seed)
    asked = funnel.requests_from(setting.log, requests, seed=seed)
    setting.chain(asked[0])  # the first call pays for what is cached
    traces = [setting.chain.trace(request) for request in asked]
    searches = search_costs(setting, asked)
    middle = next(row["ms"] for row in searches["approximate"] if row["probes"] == PROBES)
    return {
        "seed": seed,
        "seconds": funnel.chain.median_seconds(traces),
        "candidates": mean_of([{name: len(state) for name, state in t.after.items()} for t in traces]),
        "search": searches,
        "costs": costs_per_item(setting, asked[0], middle),
        "machine": machine(setting),
        "paper": on_paper(setting),
        "rank_everything_seconds": seconds(partial(rank_everything, setting, asked[0]), 3),
    }


def measure(
    seeds: range, items: int = 1_000_000, impressions: int = 600_000, requests: int = 12
) -> dict[str, Any]:
    """Every world."""
    runs = [run(seed, items, impressions, requests) for seed in each(seeds)]
    return {
        "question": "What does each stage of the funnel cost?",
        "items": items,
        "impressions": impressions,
        "requests": requests,
        "kept": KEPT,
        "shown": SHOWN,
        "faiss": version("faiss-cpu"),
        "runs": runs,
        "explorer": explorer_costs(runs, items),
    }


if __name__ == "__main__":
    record(measure, seeds=3)
