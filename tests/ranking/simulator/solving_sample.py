"""The impressions on which a world was solved: what is asked of it holds there exactly, not but for noise."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from ranking.simulator import topic_repeats
from ranking.simulator import world as worlds
from ranking.simulator.policy import LoggingPolicy, draw_requests


def solving_sample(built):
    """``rows`` and ``truth`` of that sample, without outcomes, before anything drifts.

    They are drawn again, as ``World.build`` drew them: from the second stream that its seed spawns.
    """
    rng = np.random.default_rng(worlds._stream(built.seed, 0).spawn(2)[1])
    requests = draw_requests(built, worlds.SOLVE_REQUESTS, rng)
    item, _ = LoggingPolicy(built).slates(requests, rng)  # (requests, slate_size)
    size = item.shape[1]
    rows = pd.DataFrame({name: np.repeat(getattr(requests, name), size) for name in requests.context})
    rows = rows.assign(item=item.ravel(), position=np.tile(np.arange(1, size + 1), len(item)))
    rows["followed"] = built.follows(rows["user"].to_numpy(), built.item_author[rows["item"]])
    rows["duration"] = built.item_duration[rows["item"]]
    behind = {}
    if requests.session is not None:
        rows["session"] = np.repeat(requests.session, size)
        behind["mood"] = np.repeat(requests.mood, size)
        behind["seen"] = topic_repeats(rows["session"], built.item_topic[rows["item"]])
    asked = {name: rows[name].to_numpy() for name in ("user", "item", "hour", "weekday", "scene")} | behind
    if built.curve is None:
        truth = built.truth(**asked, position=rows["position"].to_numpy())
    else:
        truth = built.play_truth(**asked)
    return SimpleNamespace(rows=rows, truth=truth.frame().assign(**behind), of=truth)
