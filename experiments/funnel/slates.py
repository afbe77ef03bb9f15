"""Slates of chapter 1: how varied each method makes them, and what that costs or is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from experiments.funnel.setting import SHOWN, Setting
from ranking import funnel
from ranking.funnel import Candidates, Request
from ranking.funnel.stages import WEIGHTS, fused_score
from ranking.simulator.sessions import topic_repeats

TRADE_OFFS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
FATIGUES = (0.0, 0.3, 1.0)
"""How soon a topic wears off; 0.3 is what the simulator's sessions start from."""


def tired_value(setting: Setting, request: Request, items: NDArray[np.int64], fatigue: float) -> float:
    """The true value of a slate, (items,), to someone whom topics tire as in the simulator's sessions.

    With n items of its topic above it in the slate, an item's click logit is lower by fatigue · ln(1 + n).
    At 0 it is the sum of the true values.
    """
    who = {"user": request.user, "hour": request.hour, "weekday": request.weekday, "scene": request.scene}
    truth = setting.world.truth(item=items, **who)
    topic = setting.world.item_topic[items]
    above = topic_repeats(np.zeros(len(items), int), topic)
    tired = expit(logit(truth.p_click.astype(np.float64)) - fatigue * np.log1p(above))
    rates = {name: getattr(truth, f"p_{name}") for name in WEIGHTS}
    return float(fused_score({"click": tired, **rates}).sum())


def diversity(setting: Setting, request: Request, ranked: Candidates, ideal: float) -> list[dict[str, Any]]:
    """Slates of one request by method and trade-off: value, similarity, topics; rules left aside.

    ``value`` is, for each of ``FATIGUES``, in proportion to ``ideal``, what the 30 best of the catalogue are
    worth to someone who does not tire.
    """
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
                    "value": {
                        str(fatigue): tired_value(setting, request, items, fatigue) / ideal
                        for fatigue in FATIGUES
                    },
                    "score": ranked.scores[at].sum() / ranked.scores[:SHOWN].sum(),
                    "similarity": pairs.mean(),
                    "topics": len(np.unique(setting.world.item_topic[items])),
                }
            )
    return rows


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
