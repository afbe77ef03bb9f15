"""What the stages of chapter 1 cost: an item, a call, and what the machine could do at best."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from experiments.funnel.setting import SHOWN, Setting
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


def explorer_costs(runs: list[dict[str, Any]], items: int) -> dict[str, Any]:
    """Costs with which the explorer starts: they add up to what a request took, in the median of the worlds.

    Per item as measured; a call's fixed cost is what a stage took beyond that. Of re-ranking a whole call was
    shared out over items and places, so that hardly anything is left to be fixed. Ranking the whole catalogue
    took ``bulk`` times as long as a call and all items add up to: in parts of 100,000 an item costs more.
    """
    cost = {name: np.median([run["costs"][name] for run in runs]) for name in runs[0]["costs"]}  # µs
    took = {name: 1e3 * np.median([run["stages"]["seconds"][name] for run in runs]) for name in cost}
    left = {name: np.median([run["stages"]["candidates"][name] for run in runs]) for name in cost}
    looks = {
        "retrieval": items,
        "pre_ranking": left["retrieval"],
        "ranking": left["pre_ranking"],
        "re_ranking": left["ranking"] * left["re_ranking"],
    }
    fixed = {name: max(0.0, took[name] - cost[name] * looks[name] / 1e3) for name in cost}
    everything = 1e3 * np.median([run["rank_everything"]["seconds"] for run in runs])
    bulk = everything / (fixed["ranking"] + cost["ranking"] * items / 1e3)
    return {"costs": cost, "fixed": fixed, "bulk": bulk}
