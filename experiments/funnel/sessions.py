"""Chapter 1's experiment: does ranking pay when it sees the session?

    python -m experiments.funnel.sessions [--seeds 5] [--items 20000] [--impressions 400000] [--requests 60]

Worlds in which users come for several requests in a row, in a mood that the log does not show; recent clicks
reveal it. Three strengths of the mood: at 0 there is nothing to reveal, and whatever the session still brings
there is the control. Models score every published item at requests that are not the first of their session,
with counts up to that very moment; the true values know the mood. Ceilings: one who knows all but the mood,
one who also sees what was clicked in the session (Bayes' rule, in closed form), one who knows the mood.
Takes about three minutes per seed on two quiet cores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from experiments.funnel.ladder import best, rates_of
from experiments.running import each, mean_of, record
from ranking import funnel
from ranking.funnel import Request
from ranking.funnel.learning import BATCH
from ranking.funnel.snapshot import CROSS_COLUMNS
from ranking.funnel.stages import WEIGHTS, fused_score
from ranking.funnel.towers import Sides, ThreeTowerModel
from ranking.logs import TARGETS, FeatureTable, ImpressionLog
from ranking.logs.statistics import counts_before
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.simulator import World, WorldConfig
from ranking.simulator.sessions import Sessions
from ranking.training import TableExamples, fit, seeded

MOODS = (0.0, 1.0, 2.0)
SHOWN = 10
DAYS_FOR_STATISTICS = 20
SESSION_COLUMNS = tuple(
    f"log_session_{what}" for what in ("topic_impressions", "topic_clicks", "impressions", "clicks")
)


def session_counts(log: ImpressionLog, topic: NDArray[np.integer]) -> NDArray[np.integer]:
    """What came before each row in its session, ``SESSION_COLUMNS`` without the logarithm, (rows, 4)."""
    rows, times = log.rows, log.rows["time_ms"].to_numpy()
    session, clicked = rows["session"].to_numpy(dtype=np.int64), {"clicks": log.clicked}
    of_topic = session * (int(topic.max()) + 1) + topic[rows["item"].to_numpy()]
    counts = [counts_before(codes, times, clicked, window_days=1.0) for codes in (of_topic, session)]
    return np.stack([part[name] for part in counts for name in ("impressions", "clicks")], axis=1)


def with_session(table: FeatureTable, counts: NDArray[np.integer]) -> FeatureTable:
    """The table with ln(1 + n) of :func:`session_counts` behind its dense columns."""
    dense = np.concatenate((table.dense, np.log1p(counts).astype(np.float32)), axis=1)
    return replace(table, dense=dense, columns=(*table.columns, *SESSION_COLUMNS))


def three_towers(table: FeatureTable, seed: int) -> ThreeTowerModel:
    """Untrained; what belongs to the session goes into the cross tower."""
    sides = Sides.of(table)
    pair = [i for i, name in enumerate(table.columns) if name in (*CROSS_COLUMNS, *SESSION_COLUMNS)]
    item = sides.item[0], [i for i in sides.item[1] if i not in pair]
    with seeded(seed):
        return ThreeTowerModel(replace(sides, item=item, cross=pair), TARGETS)


def train(table: FeatureTable, counts: NDArray[np.integer], log: ImpressionLog, seed: int) -> dict[str, Any]:
    """Models by name, each with whether it sees the session."""
    models: dict[str, tuple[nn.Module, bool]] = {}
    for sees in (False, True):
        seen = with_session(table, counts) if sees else table
        ranker = MultiTaskModel.of(seen, TARGETS, seed, embedding_dim=16, shared=(128, 64))
        suffix = " with session" if sees else ""
        for name, model in (("three towers", three_towers(seen, seed)), ("ranking model", ranker)):
            examples = TableExamples(seen, log.labels(TARGETS), TARGETS)
            fit(model, examples, WeightedCrossEntropy(TARGETS), seed=seed, batch_size=BATCH)
            models[name + suffix] = model, sees
    return models


def values_by_mood(
    world: World, request: Request, items: NDArray[np.int64], seen: NDArray[np.integer]
) -> NDArray[np.float64]:
    """What items are worth in every mood, (moods, items); ``seen``: impressions of each item's topic."""
    moods = np.arange(len(world.topics))[:, None]
    who = {"user": request.user, "hour": request.hour, "weekday": request.weekday, "scene": request.scene}
    truth = world.truth(item=items, mood=moods, seen=seen, **who)
    rates = {name: getattr(truth, f"p_{name}") for name in ("click", *WEIGHTS)}
    return fused_score(rates)  # (moods, items)


def beliefs(world: World, user: int, before: ImpressionLog) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities of the moods, (moods,) each: before the session, and given what was clicked in it.

    ``before`` holds the session's impressions so far, with ``seen`` in its truth.
    """
    sessions = world.config.sessions
    assert sessions is not None
    assert before.truth is not None
    moods = len(world.topics)
    prior = sessions.own_interest * world.user_interests[user] + (1.0 - sessions.own_interest) / moods
    rows = before.rows
    shown = {name: rows[name].to_numpy() for name in ("item", "hour", "weekday", "scene", "position")}
    seen = before.truth["seen"].to_numpy()
    truth = world.truth(user=user, mood=np.arange(moods)[:, None], seen=seen, **shown)
    p = truth.p_click.astype(np.float64)  # (moods, rows)
    likelihood = np.where(before.clicked, np.log(p), np.log1p(-p)).sum(axis=1)
    posterior = prior * np.exp(likelihood - likelihood.max())
    return prior / prior.sum(), posterior / posterior.sum()


def one_request(
    world: World, log: ImpressionLog, first: int, encoder: Any, models: dict[str, Any]
) -> dict[str, float]:
    """The value of the ten that each would show, as a proportion of the best ten's.

    ``first`` is the first row of the request in the log: all before it is known.
    """
    assert log.truth is not None
    row = log.rows.iloc[first]
    request = Request(*(int(row[name]) for name in ("user", "hour", "weekday", "scene")))
    past = log.select(slice(0, first))
    snapshot = replace(funnel.Snapshot.at_end(world, past), now_ms=int(row["time_ms"]))
    items, topic = np.arange(snapshot.n_items), world.item_topic[: snapshot.n_items]
    before = past.select(np.flatnonzero(past.rows["session"].to_numpy() == row["session"]))
    shown = topic[before.rows["item"].to_numpy()]
    by_topic = [np.bincount(part, minlength=len(world.topics)) for part in (shown, shown[before.clicked])]
    counts = np.stack(
        [by_topic[0][topic], by_topic[1][topic], *(np.full(len(items), n.sum()) for n in by_topic)], axis=1
    )

    by_mood = values_by_mood(world, request, items, by_topic[0][topic])
    values = by_mood[int(log.truth["mood"].iloc[first])]
    prior, posterior = beliefs(world, request.user, before)
    scores = {
        "knows all but the mood": prior @ by_mood,
        "sees the session": posterior @ by_mood,
    }
    table = snapshot.features(encoder, request, items)
    for name, (model, sees) in models.items():
        scores[name] = fused_score(rates_of(model, with_session(table, counts) if sees else table))
    ideal = values[best(values, SHOWN)].sum()
    return {name: float(values[best(of, SHOWN)].sum() / ideal) for name, of in scores.items()}


def run(seed: int, mood: float, items: int, impressions: int, requests: int) -> dict[str, Any]:
    """What one world says."""
    config = WorldConfig(n_items=items, n_authors=items // 10, sessions=Sessions(mood=mood))
    world = World.build(config, seed)
    log = world.simulate(impressions, seed).with_statistics().with_topic_history()
    after = log.after(DAYS_FOR_STATISTICS)
    learnt, later = after.split(0.9, 0.1)
    encoder = funnel.funnel_encoder().fit(learnt)
    table = funnel.training_table(encoder, learnt)
    start = len(log) - len(after)
    counts = session_counts(log, world.item_topic)
    models = train(table, counts[start : start + len(learnt)], learnt, seed)

    begins = np.flatnonzero(log.rows["request"].diff().to_numpy() != 0)
    possible = begins[
        (begins >= len(log) - len(later)) & (counts[begins, 2] > 0)
    ]  # not the first of a session
    chosen = np.random.default_rng(seed).choice(possible, requests, replace=False)
    rows = [one_request(world, log, int(first), encoder, models) for first in np.sort(chosen)]
    return {"seed": seed, "mood": mood, "value": mean_of(rows)}


def measure(
    seeds: range, items: int = 20_000, impressions: int = 400_000, requests: int = 60
) -> dict[str, Any]:
    """Every world at every strength of the mood."""
    cases = [(seed, mood) for seed in seeds for mood in MOODS]
    return {
        "question": "Does ranking pay when it sees the session?",
        "items": items,
        "impressions": impressions,
        "requests": requests,
        "shown": SHOWN,
        "moods": MOODS,
        "runs": [run(seed, mood, items, impressions, requests) for seed, mood in each(cases)],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
