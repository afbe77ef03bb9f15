"""Chapter 1's experiment: what each stage of the funnel costs, and what it loses, with the truth known.

    python -m experiments.funnel.stages [--seeds 3] [--items 1000000] [--impressions 600000] [--requests 12]

Every seed is a world of its own with its log and its models. The models learn from the log; the requests
come at its end; the true value of every item of the catalogue says which items should have been shown. Takes
about two minutes per seed on two quiet cores. Times are medians of single requests, one after the other.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from experiments.running import each, record
from ranking import funnel
from ranking.funnel import Candidates, Funnel, Request
from ranking.funnel.retrieval import EmbeddingChannel, Find
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.multi_task import MultiTaskModel
from ranking.simulator import World, WorldConfig

BEST = 30  # as many truly best items as the slate has places
KEPT, SHOWN = 300, 30
LISTS, PROBES = 512, 16
GRID = {
    "embedding": [0, 500, 1500, 3000],
    "popular": [0, 300],
    "fresh": [0, 200],
    "followed": [0, 300],
    "topic": [0, 700, 1400],
    "kept": [100, 300, 600],
    "shown": [10, 30],
}
TRADE_OFFS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
DAYS_FOR_STATISTICS = 20


@dataclass(frozen=True)
class Setting:
    """One world with everything that a request needs."""

    world: World
    log: ImpressionLog
    snapshot: funnel.Snapshot
    encoder: FeatureEncoder
    ranker: MultiTaskModel
    vectors: np.ndarray
    exact: funnel.VectorIndex
    channels: dict[str, Find]
    pre_rank: funnel.PreRanking
    re_rank: funnel.ReRanking
    chain: Funnel


def build(items: int, impressions: int, seed: int, approximate: bool = True) -> Setting:
    """World, log, models, index and chain from one seed."""
    world = World.build(WorldConfig(n_items=items, n_authors=max(200, items // 50)), seed=seed)
    log = world.simulate(impressions, seed=seed).with_statistics().with_topic_history()
    recent = log.after(DAYS_FOR_STATISTICS)
    encoder = funnel.funnel_encoder().fit(recent)
    table = funnel.training_table(encoder, recent)
    two = funnel.train_retrieval(table, recent, seed)
    three = funnel.train_pre_ranking(table, recent, seed)
    ranker = funnel.train_ranking(table, recent, seed)

    snapshot = funnel.Snapshot.at_end(world, log)
    features = snapshot.item_features(encoder)
    vectors = funnel.tower_vectors(two.item, features)
    exact = funnel.VectorIndex(vectors)
    index = funnel.VectorIndex(vectors, min(LISTS, items // 100), PROBES) if approximate else exact
    channels = funnel.channels_of(snapshot, encoder, two, index)
    retrieve = funnel.Retrieval(snapshot, channels, funnel.QUOTAS)
    item_vectors = funnel.tower_vectors(three.item_tower, features)
    pre_rank = funnel.PreRanking(snapshot, encoder, three, item_vectors, keep=KEPT)
    re_rank = funnel.ReRanking(snapshot, vectors, shown=SHOWN)
    chain = Funnel(retrieve, pre_rank, funnel.Ranking(snapshot, encoder, ranker), re_rank)
    return Setting(world, log, snapshot, encoder, ranker, vectors, exact, channels, pre_rank, re_rank, chain)


def seconds(action: Callable[[], Any], repeats: int = 7) -> float:
    """Median wall time of an action."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def follow(setting: Setting, request: Request, values: np.ndarray) -> dict[str, Any]:
    """What becomes of the truly best items of one request, stage by stage."""
    trace = setting.chain.trace(request)
    best = funnel.truly_best(values, BEST)
    ideal = values[best].sum()
    found = trace.after["retrieval"]
    bits = dict(zip(found.items, found.channels, strict=True))
    only = {
        name: np.mean([bits.get(item, 0) == funnel.Channel[name.upper()] for item in best])
        for name in funnel.CHANNELS
    }
    first = trace.after["ranking"].best(SHOWN)
    return {
        "candidates": {name: len(state) for name, state in trace.after.items()},
        "seconds": dict(trace.seconds),
        "survival": funnel.survival(trace, best),
        "value_kept": {name: funnel.chain.value_kept(values, s, SHOWN) for name, s in trace.after.items()},
        "found_by": funnel.chain.found_shares(found, best),
        "found_only_by": only,
        "value_of_first": {
            "pre_ranking": values[trace.after["pre_ranking"].items[:SHOWN]].sum() / ideal,
            "ranking": values[first.items].sum() / ideal,
            "re_ranking": values[trace.slate.items].sum() / ideal,
        },
        "survival_in_first": np.isin(best, first.items).mean(),
        "value_of_random": values.mean() * SHOWN / ideal,
        "best_topics": len(np.unique(setting.world.item_topic[best])),
    }


def rank_everything(setting: Setting, request: Request, values: np.ndarray) -> dict[str, float]:
    """The full model on the whole catalogue, in parts that fit into memory."""
    scores = np.empty(len(values))
    start = time.perf_counter()
    for part in np.array_split(np.arange(len(values)), max(1, len(values) // 100_000)):
        bits = np.ones(len(part), np.uint8)
        ranked = setting.chain.rank(Candidates(request, part, bits, np.zeros(len(part))))
        scores[ranked.items] = ranked.scores
    took = time.perf_counter() - start
    best = funnel.truly_best(values, BEST)
    first = funnel.truly_best(scores, SHOWN)
    return {
        "seconds": took,
        "value_of_first": values[first].sum() / values[best].sum(),
        "survival_in_first": np.isin(best, first).mean(),
    }


def survival_grid(setting: Setting, requests: list[Request], values: list[np.ndarray]) -> dict[str, list]:
    """Survival of the best items at every setting of ``GRID``, means over the requests."""
    combos = list(itertools.product(*(GRID[name] for name in funnel.CHANNELS)))
    shape = len(combos), len(GRID["kept"]), len(GRID["shown"])
    sums = {"candidates": np.zeros(shape[:1]), "retrieval": np.zeros(shape[:1])}
    sums |= {"pre_ranking": np.zeros(shape[:2]), "re_ranking": np.zeros(shape)}
    pre_rank = replace(setting.pre_rank, keep=10**6)
    re_rank = replace(setting.re_rank, shown=max(GRID["shown"]))
    for request, value in zip(requests, values, strict=True):
        best = funnel.truly_best(value, BEST)
        found = {name: find(request, max(GRID[name])) for name, find in setting.channels.items()}
        everything = funnel.merge(request, found)
        cheap = pre_rank(everything)  # best first
        full = setting.chain.rank(cheap)
        place = {  # of each item in each channel's list
            name: dict(zip(items, range(len(items)), strict=True)) for name, (items, _) in found.items()
        }
        places = {
            name: np.array([place[name].get(i, 10**9) for i in cheap.items]) for name in funnel.CHANNELS
        }
        order = {item: at for at, item in enumerate(full.items)}
        full_at = np.array([order[item] for item in cheap.items])
        for c, quotas in enumerate(combos):
            inside = np.any([places[n] < q for n, q in zip(funnel.CHANNELS, quotas, strict=True)], axis=0)
            if not inside.any():
                continue  # nothing found, nothing survives
            left = np.flatnonzero(inside)
            sums["candidates"][c] += left.size
            sums["retrieval"][c] += np.isin(best, cheap.items[left]).mean()
            for k, kept in enumerate(GRID["kept"]):
                sums["pre_ranking"][c, k] += np.isin(best, cheap.items[left[:kept]]).mean()
                ranked = full.take(np.sort(full_at[left[:kept]]))
                chosen = re_rank.diversify(ranked)
                for s, shown in enumerate(GRID["shown"]):
                    part = replace(re_rank, shown=shown)
                    slate = part.scatter(chosen.best(part.spare * shown))
                    sums["re_ranking"][c, k, s] += np.isin(best, slate.items).mean()
    sums["re_ranking"] = np.minimum(sums["re_ranking"], sums["pre_ranking"][..., None])
    return {
        name: np.round(total / len(requests), 1 if name == "candidates" else 4).ravel().tolist()
        for name, total in sums.items()
    }


def diversity(setting: Setting, ranked: Candidates, values: np.ndarray) -> list[dict[str, Any]]:
    """Slates of one request by method and trade-off: their value, similarity, topics; rules left aside."""
    ideal = values[funnel.truly_best(values, SHOWN)].sum()
    similarity = setting.re_rank.similarity(ranked)
    scores = funnel.relative(ranked.scores)
    rows = []
    for method, choose in {"mmr": funnel.mmr, "dpp": funnel.greedy_dpp}.items():
        for theta in TRADE_OFFS:
            at = choose(scores, similarity, SHOWN, theta, setting.re_rank.window)
            items = ranked.items[at]
            pairs = similarity[np.ix_(at, at)][np.triu_indices(SHOWN, 1)]
            rows.append(
                {
                    "method": method,
                    "trade_off": theta,
                    "true_value": values[items].sum() / ideal,
                    "score": ranked.scores[at].sum() / ranked.scores[:SHOWN].sum(),
                    "similarity": pairs.mean(),
                    "topics": len(np.unique(setting.world.item_topic[items])),
                }
            )
    return rows


def search_costs(setting: Setting, requests: list[Request]) -> dict[str, Any]:
    """Exact and approximate search for one query at a time: milliseconds and recall of 1,500 items."""
    keep = funnel.QUOTAS["embedding"]
    embedding = setting.channels["embedding"]
    assert isinstance(embedding, EmbeddingChannel)
    queries = np.concatenate([embedding.user_vector(request) for request in requests])  # (requests, size)
    truth, _ = setting.exact.search(queries, keep)
    inverted, flat = embedding.index, setting.vectors.ravel()

    def one_by_one(index: funnel.VectorIndex) -> float:
        """Milliseconds of one query, the median over them."""
        return 1e3 * float(np.median([seconds(partial(index.search, q[None], keep), 3) for q in queries]))

    result: dict[str, Any] = {
        "bytes": setting.vectors.nbytes,
        "keep": keep,
        "lists": inverted.index.nlist,
        "read_ms": 1e3 * seconds(lambda: np.dot(flat, flat)),  # the leanest way to touch every number
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


def slate_data(setting: Setting, requests: list[Request], most: int = 100, first: int = 12) -> dict[str, Any]:
    """The best of the candidates that enter re-ranking, for the explorer.

    Of the request whose first places leave out the most topics of its candidates: there a method has most to
    choose from. What happens on average stands in ``diversity``.
    """

    def left_out(part: Candidates) -> int:
        topics = setting.world.item_topic[part.items]
        return len(np.unique(topics)) - len(np.unique(topics[:first]))

    ranked = max((setting.chain.trace(r).after["ranking"].best(most) for r in requests), key=left_out)
    topics = setting.world.topics["name"].to_numpy()[setting.world.item_topic[ranked.items]]
    vectors = funnel.similarity_vectors(setting.vectors[ranked.items], topics)
    return {
        "candidates": [
            {"item": item, "topic": topic, "score": score}
            for item, topic, score in zip(ranked.items, topics, ranked.scores, strict=True)
        ],
        "vectors": np.round(vectors, 4).tolist(),
    }


def mean_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means of nested dictionaries of numbers, rounded to six digits."""
    first = rows[0]
    return {
        key: mean_of([row[key] for row in rows])
        if isinstance(first[key], dict)
        else np.mean([row[key] for row in rows])
        for key in first
    }


def run(seed: int, items: int, impressions: int, requests: int) -> dict[str, Any]:
    """Everything that one world tells."""
    setting = build(items, impressions, seed)
    asked = funnel.requests_from(setting.log, requests, seed=seed)
    catalogue = np.arange(setting.snapshot.n_items)
    values = [funnel.true_values(setting.world, request, catalogue).astype(np.float32) for request in asked]
    setting.chain(asked[0])  # the first call pays for what is cached
    followed = [follow(setting, r, v) for r, v in zip(asked, values, strict=True)]
    everything = [rank_everything(setting, r, v) for r, v in list(zip(asked, values, strict=True))[:6]]
    slates = [
        diversity(setting, setting.chain.trace(r).after["ranking"], v)
        for r, v in zip(asked, values, strict=True)
    ]
    searches = search_costs(setting, asked)
    middle = next(row["ms"] for row in searches["approximate"] if row["probes"] == PROBES)
    pre_rank = setting.pre_rank.model
    return {
        "seed": seed,
        "stages": mean_of(followed),
        "requests": [{"survival": f["survival"], "value_of_first": f["value_of_first"]} for f in followed],
        "rank_everything": mean_of(everything),
        "diversity": [
            {"method": rows[0]["method"], **mean_of([{k: r[k] for k in r if k != "method"} for r in rows])}
            for rows in zip(*slates, strict=True)
        ],
        "search": searches,
        "costs": costs_per_item(setting, asked[0], middle),
        "multiply_adds": {
            "dot_product": setting.vectors.shape[1],
            "pre_ranking": funnel.multiply_adds(pre_rank.cross_tower) + funnel.multiply_adds(pre_rank.top),
            "ranking": funnel.multiply_adds(setting.ranker),
        },
        "grid": survival_grid(setting, asked, values),
        "slate": slate_data(setting, asked) if seed == 0 else None,
    }


def measure(
    seeds: range, items: int = 1_000_000, impressions: int = 600_000, requests: int = 12
) -> dict[str, Any]:
    """Every world."""
    runs = [run(seed, items, impressions, requests) for seed in each(seeds)]
    grids = [{"seed": run["seed"], **run.pop("grid")} for run in runs]
    slates = [run.pop("slate") for run in runs]
    return {
        "question": "What does each stage of the funnel cost, and what does it lose?",
        "items": items,
        "impressions": impressions,
        "best": BEST,
        "kept": KEPT,
        "shown": SHOWN,
        "faiss": version("faiss-cpu"),
        "runs": runs,
        "explorer": {
            "catalogue": items,
            "requests": requests,
            "best": BEST,
            "grid": GRID,
            **explorer_costs(runs, items),
            "runs": grids,
        },
        "reranking": slates[0],
    }


if __name__ == "__main__":
    record(measure, seeds=3)
