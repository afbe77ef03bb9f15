"""What a session's clicks say of its mood: the most that any model can know of what nobody logs.

By Bayes' rule, with I_um the interests of user u, o the ``own_interest`` of the sessions and T topics,

    P(mood = m | clicks so far) ∝ (o I_um + (1 − o) / T) · Π_i p_i(m)^y_i (1 − p_i(m))^(1 − y_i)

over the impressions i of the session's earlier requests, p_i(m) being the true click rate in mood m. Where
items play at once, the effective view takes the place of the click.
"""

import numpy as np
from numpy.typing import NDArray

from ranking import validation
from ranking.logs.impressions import ImpressionLog
from ranking.simulator.sessions import topic_repeats
from ranking.simulator.world import World
from ranking.validation import Array

CONTEXT = ("user", "item", "hour", "weekday", "scene", "time_ms")
LEAST_P = 1e-7  # single precision may round a probability to 0 or 1


def mood_posterior(world: World, log: ImpressionLog) -> NDArray[np.float32]:
    """P(mood = topic | what the user clicked in the session's earlier requests), (rows, topics).

    The world's truth weighted with it, mood by mood, is the best prediction that can be made from the clicks.

    Args:
        world: one with sessions.
        log: of that world, from the start of each session on: as :meth:`World.simulate` wrote it, or its
            first rows.

    Raises:
        ValueError: the world has no sessions, the log is of another world, does not say which rows belong to
            a session, or lacks what came before in one.

    It asks for the truth once for each topic, which takes about as long as writing as many logs.
    """
    sessions = validation.instance("world", world, World).config.sessions
    if sessions is None:
        raise ValueError("world must have sessions: without them there is no mood")
    rows = validation.instance("log", log, ImpressionLog).rows
    validation.not_empty("log", rows)
    if missing := [name for name in ("session", "request") if name not in rows]:
        raise ValueError(f"log.rows must say which session each belongs to, missing: {', '.join(missing)}")
    needed = (*CONTEXT, *(("click", "position") if world.curve is None else ("effective_view",)))
    if missing := [name for name in needed if name not in rows]:
        raise ValueError(f"log.rows must have what this world logs, missing: {', '.join(missing)}")
    given, own = ((len(of.users), len(of.items)) for of in (log, world))
    if given != own:
        raise ValueError(f"log must be of this world, with {own} users and items, got {given}")
    seen = topic_repeats(rows["session"].to_numpy(), world.item_topic[rows["item"].to_numpy()])  # (rows,)
    if log.truth is not None and not np.array_equal(log.truth.get("seen", seen), seen):
        raise ValueError("log must hold all rows of a session from its start on, some are missing")
    _, first, request = np.unique(rows["request"].to_numpy(), return_index=True, return_inverse=True)
    session = rows["session"].to_numpy()[first]  # (requests,)
    user = rows["user"].to_numpy()[first]

    interests = world.user_interests[user].astype(np.float64)
    prior = sessions.own_interest * interests + (1.0 - sessions.own_interest) / len(world.topics)
    with np.errstate(divide="ignore"):  # a mood that nobody can be in
        known = np.log(prior)  # (requests, topics)
    for topic in range(len(world.topics)):
        likelihood = _log_likelihood(world, log, topic, seen)
        known[:, topic] += _before(np.add.reduceat(likelihood, first), session)
    odds = np.exp(known - known.max(axis=1, keepdims=True))
    posterior: NDArray[np.float32] = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return posterior[request]


def _log_likelihood(world: World, log: ImpressionLog, mood: int, seen: NDArray[np.int64]) -> Array:
    """ln P(what happened) of each row in that mood, (rows,)."""
    given = {name: log.rows[name].to_numpy() for name in CONTEXT} | {"seen": seen}
    if world.curve is None:
        happened = log.rows["click"].to_numpy()
        p = world.truth(position=log.rows["position"].to_numpy(), mood=mood, **given).p_click
    else:
        happened = log.rows["effective_view"].to_numpy()
        p = world.play_truth(mood=mood, **given).p_effective_view
    p = np.clip(p.astype(np.float64), LEAST_P, 1.0 - LEAST_P)
    likelihood: Array = np.log(np.where(happened, p, 1.0 - p))
    return likelihood


def _before(values: Array, session: NDArray[np.integer]) -> Array:
    """For each request, the sum of ``values`` over the earlier ones of its session, (requests,)."""
    order = np.argsort(session, kind="stable")
    so_far = np.cumsum(values[order]) - values[order]
    starts = np.flatnonzero(np.diff(session[order], prepend=-1))
    within = np.empty_like(values)
    within[order] = so_far - np.repeat(so_far[starts], np.diff(starts, append=len(values)))
    return within
