"""One request on its way down the funnel of chapter 1, item by item: what the front page draws.

    python -m experiments.funnel.one_request [--items 1000000] [--impressions 600000] [--number 2]

World, log, models and requests are those of ``experiments.funnel.stages`` at seed 0. The catalogue is laid
out topic by topic, and an item is told by its place in that order. Takes about twenty seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.funnel.setting import build
from experiments.running import record
from ranking import funnel

SEED = 0
REQUESTS = 12
"""As many as ``experiments.funnel.stages`` follows. Number 2, counted from 1, stands in their middle by how
many candidates are of one topic."""


def measure(items: int = 1_000_000, impressions: int = 600_000, number: int = 2) -> dict[str, Any]:
    """Places in the catalogue of what each stage leaves: the candidates rising, then best first, as shown."""
    setting = build(items, impressions, SEED)
    request = funnel.requests_from(setting.log, REQUESTS, seed=SEED)[number - 1]
    trace = setting.chain.trace(request)
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
    }


if __name__ == "__main__":
    record(measure)
