"""Chapter 1's experiment: what does each stage of the funnel lose, with the truth known?

    python -m experiments.funnel.stages [--seeds 5] [--items 1000000] [--impressions 600000] [--requests 60]

Every seed is a world of its own with its log and its models. The models learn from the log; the requests
come at its end; the true value of every item of the catalogue says which items should have been shown. Takes
about five minutes per seed.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.funnel.costs import rank_everything
from experiments.funnel.setting import KEPT, SHOWN, Setting, build, true_values
from experiments.funnel.slates import FATIGUES, diversity, slate_data, tired_value
from experiments.running import each, mean_of, mean_or_zero, record
from ranking import funnel
from ranking.funnel import Request

BEST = 30  # as many truly best items as the slate has places
GRID = {
    "embedding": [0, 500, 1500, 3000],
    "popular": [0, 300],
    "fresh": [0, 200],
    "followed": [0, 300],
    "topic": [0, 700, 1400],
    "kept": [100, 300, 600],
    "shown": [10, 30],
}
RANKED_WHOLE = 12
"""Requests of each world for which the full model ranks the whole catalogue: it takes seconds."""
SET_ANEW = 20
"""Requests of each world for which every setting of ``GRID`` is tried: it takes minutes."""


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
    never = setting.snapshot.counts["item_impressions"] == 0  # in the last 30 days, (items,)
    by_channel = {name: found.items[found.found_by(name)] for name in funnel.CHANNELS}
    return {
        "candidates": {name: len(state) for name, state in trace.after.items()},
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
        "value_to_the_tired": {
            name: {
                str(fatigue): tired_value(setting, request, items, fatigue) / ideal for fatigue in FATIGUES
            }
            for name, items in {"ranking": first.items, "re_ranking": trace.slate.items}.items()
        },
        "never_shown": {
            "found": {name: mean_or_zero(never[items]) for name, items in by_channel.items()},
            "left": {name: mean_or_zero(never[state.items]) for name, state in trace.after.items()},
            "best": mean_or_zero(never[best]),
        },
        "value_of_random": values.mean() * SHOWN / ideal,
        "best_topics": len(np.unique(setting.world.item_topic[best])),
    }


def all_ranked(setting: Setting, request: Request, values: np.ndarray) -> dict[str, float]:
    """What the full model would show if it ranked the whole catalogue."""
    best = funnel.truly_best(values, BEST)
    first = funnel.truly_best(rank_everything(setting, request), SHOWN)
    return {
        "value_of_first": values[first].sum() / values[best].sum(),
        "survival_in_first": np.isin(best, first).mean(),
    }


def by_list(setting: Setting, request: Request, values: np.ndarray) -> dict[str, dict[str, float]]:
    """What the slate is worth, and how many of the best it holds, by how many items are ranked."""
    ideal, best = values[funnel.truly_best(values, SHOWN)].sum(), funnel.truly_best(values, BEST)
    found = {}
    everything = replace(setting.pre_rank, keep=10**6)(setting.chain.retrieve(request))
    for kept in GRID["kept"]:
        ranked = setting.chain.rank(everything.best(kept))
        slate = setting.re_rank(ranked)
        found[str(kept)] = {
            "value": values[slate.items].sum() / ideal,
            "value_of_first": values[ranked.best(SHOWN).items].sum() / ideal,
            "survival": np.isin(best, slate.items).mean(),
        }
    return found


def survival_grid(setting: Setting, requests: list[Request], values: list[np.ndarray]) -> dict[str, list]:
    """Survival of the best items at every setting of ``GRID``, means over the requests."""
    combos = list(itertools.product(*(GRID[name] for name in funnel.CHANNELS)))
    shape = len(combos), len(GRID["kept"]), len(GRID["shown"])
    sums = {"candidates": np.zeros(shape[:1]), "retrieval": np.zeros(shape[:1])}
    sums |= {"pre_ranking": np.zeros(shape[:2]), "re_ranking": np.zeros(shape)}
    pre_rank = replace(setting.pre_rank, keep=10**6)
    shorter = {shown: replace(setting.re_rank, shown=shown) for shown in GRID["shown"]}
    re_rank = shorter[max(GRID["shown"])]
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
                    slate = shorter[shown].scatter(chosen.best(re_rank.spare * shown))
                    sums["re_ranking"][c, k, s] += np.isin(best, slate.items).mean()
    sums["re_ranking"] = np.minimum(sums["re_ranking"], sums["pre_ranking"][..., None])
    return {
        name: np.round(total / len(requests), 1 if name == "candidates" else 4).ravel().tolist()
        for name, total in sums.items()
    }


def run(seed: int, items: int, impressions: int, requests: int) -> dict[str, Any]:
    """Everything that one world tells."""
    setting = build(items, impressions, seed)
    asked = funnel.requests_from(setting.log, requests, seed=seed)
    values = [true_values(setting, request) for request in asked]
    setting.chain(asked[0])  # the first call pays for what is cached
    followed = [follow(setting, r, v) for r, v in zip(asked, values, strict=True)]
    some = list(zip(asked, values, strict=True))[:RANKED_WHOLE]
    everything = [all_ranked(setting, r, v) for r, v in some]
    slates = []
    for request, value in zip(asked, values, strict=True):
        ideal = float(value[funnel.truly_best(value, SHOWN)].sum())
        ranked = setting.chain.trace(request).after["ranking"]
        slates.append(diversity(setting, request, ranked, ideal))
    return {
        "seed": seed,
        "stages": mean_of(followed),
        "requests": [{"survival": f["survival"], "value_of_first": f["value_of_first"]} for f in followed],
        "rank_everything": mean_of(everything),
        "by_list": mean_of([by_list(setting, r, v) for r, v in zip(asked, values, strict=True)]),
        "diversity": [
            {"method": rows[0]["method"], **mean_of([{k: r[k] for k in r if k != "method"} for r in rows])}
            for rows in zip(*slates, strict=True)
        ],
        "grid": survival_grid(setting, asked[:SET_ANEW], values[:SET_ANEW]),
        "slate": slate_data(setting, asked) if seed == 0 else None,
    }


def measure(
    seeds: range, items: int = 1_000_000, impressions: int = 600_000, requests: int = 60
) -> dict[str, Any]:
    """Every world."""
    runs = [run(seed, items, impressions, requests) for seed in each(seeds)]
    grids = [{"seed": run["seed"], **run.pop("grid")} for run in runs]
    slates = [run.pop("slate") for run in runs]
    return {
        "question": "What does each stage of the funnel lose?",
        "items": items,
        "impressions": impressions,
        "best": BEST,
        "kept": KEPT,
        "shown": SHOWN,
        "requests": requests,
        "ranked_whole": RANKED_WHOLE,
        "runs": runs,
        "explorer": {
            "catalogue": items,
            "requests": min(requests, SET_ANEW),
            "best": BEST,
            "grid": GRID,
            "runs": grids,
        },
        "reranking": slates[0],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
