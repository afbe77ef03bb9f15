"""Requests on their way down the funnel of chapter 1, item by item: what two pictures draw.

    python -m experiments.funnel.one_request [--items 1000000] [--impressions 600000] [--number 2]

World, log and models are those of ``experiments.funnel.stages`` at seed 0. The catalogue is laid
out topic by topic, and an item is told by its place in that order; of a second request, the most typical
one, the fate of each truly best item is told. Takes about half a minute.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.funnel.setting import SHOWN, Setting, build, true_values
from experiments.running import record
from ranking import funnel
from ranking.funnel import Request
from ranking.funnel.chain import Trace

SEED = 0
REQUESTS = 12
"""Number 2 of them, counted from 1, stands in their middle by how many candidates are of one topic."""


def fates(setting: Setting, trace: Trace, best: NDArray[np.intp]) -> list[dict[str, Any]]:
    """What became of each truly best item, best first: who found it, and at which place each stage put it.

    A place counts from 1 and is None where the item did not come so far. The place in pre-ranking is that
    among all candidates, kept or not.
    """
    found, shown_before = trace.after["retrieval"], setting.snapshot.counts["item_impressions"]
    cheap = replace(setting.pre_rank, keep=len(found))(found)
    orders = {
        "pre_ranking": cheap.items,
        "ranking": trace.after["ranking"].best(len(trace.after["ranking"])).items,
        "re_ranking": trace.slate.items,
    }
    topics = setting.world.topics["name"].to_numpy()[setting.world.item_topic]
    rows = []
    for item in best:
        at = {stage: np.flatnonzero(items == item) for stage, items in orders.items()}
        rows.append(
            {
                "item": item,
                "topic": topics[item],
                "shown_before": shown_before[item],
                "found_by": [name for name in funnel.CHANNELS if item in found.items[found.found_by(name)]],
                "place": {stage: int(where[0]) + 1 if where.size else None for stage, where in at.items()},
            }
        )
    return rows


def most_typical(setting: Setting, requests: list[Request]) -> dict[str, Any]:
    """The request whose truly best items fare most like the mean of all: its sizes, and their fates.

    Compared are the numbers of best items found, kept by pre-ranking, and shown, each as a multiple of its
    mean.
    """
    followed = []
    for request in requests:
        best = funnel.truly_best(true_values(setting, request), SHOWN)
        trace = setting.chain.trace(request)
        left = [funnel.survival(trace, best)[stage] for stage in ("retrieval", "pre_ranking", "re_ranking")]
        sizes = {"catalogue": len(setting.world.items)}
        sizes |= {stage: len(state) for stage, state in trace.after.items()}
        followed.append((left, {"left": sizes, "best": fates(setting, trace, best)}))
    all_left = np.array([left for left, _ in followed])  # (requests, stages)
    nearest = np.abs(all_left / all_left.mean(axis=0) - 1.0).sum(axis=1).argmin()
    return followed[nearest][1]


def measure(items: int = 1_000_000, impressions: int = 600_000, number: int = 2) -> dict[str, Any]:
    """Places in the catalogue of what each stage leaves: the candidates rising, then best first, as shown."""
    setting = build(items, impressions, SEED)
    requests = funnel.requests_from(setting.log, REQUESTS, seed=SEED)
    trace = setting.chain.trace(request := requests[number - 1])
    topics = setting.world.item_topic
    place = np.empty(items, int)
    place[np.argsort(topics, kind="stable")] = np.arange(items)
    left = {name: place[state.items] for name, state in trace.after.items()}
    left["retrieval"].sort()
    left["ranking"] = left["ranking"][np.argsort(-trace.after["ranking"].scores, kind="stable")]
    return {
        "request": {"user": request.user, "hour": request.hour, "weekday": request.weekday},
        "topics": np.bincount(topics).tolist(),
        "stages": left,
        "typical": most_typical(setting, requests),
    }


if __name__ == "__main__":
    record(measure)
