"""The logging policy: when users come, and what the system of the day shows them.

A log is never a fair sample of what could have been shown. The policy here knows topics, popularity, follows
and age, as an earlier system would, but neither vectors nor quality nor appeal. It draws slates with known
probabilities, and those of a small share of its requests uniformly: later chapters can correct for it.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ranking.logs.statistics import DAY_MS
from ranking.simulator.population import Population, WeightedDraw, draw_topics
from ranking.simulator.sessions import Sessions
from ranking.simulator.vocabulary import START_MS, Ints

HOUR_WEIGHT = np.array(
    [
        [3.0, 1.5, 0.8, 0.5, 0.4, 0.6, 1.5, 3.0],  # from midnight
        [4.0, 3.5, 3.0, 3.5, 6.0, 5.0, 3.5, 3.0],  # from 8 in the morning
        [3.0, 4.0, 5.5, 6.5, 8.0, 9.0, 8.0, 5.0],  # from 4 in the afternoon
    ]
).ravel()
"""Requests by hour of the day: a peak at lunch, a higher one in the evening."""
WEEKEND_WEIGHT = 1.25
HOUR_MS = DAY_MS // 24

CHANNELS = {"popular": 14, "fresh": 6, "interest": 15, "follow": 5}
"""Candidates drawn per request by each channel. What two channels both bring counts once."""
FRESH_DAYS = 2

POLICY = {"interest": 3.0, "popularity": 0.3, "followed": 0.6, "age": -0.2}
"""Score of a candidate: these times the share of the user's interest in the topic, ln popularity, 1 if the
author is followed, and ln(1 + age in days). Slates are drawn by :func:`draw_slates` from the scores."""

Drawn = tuple[NDArray[np.int64], NDArray[np.float64]]
"""What a slate holds and with which propensities, both (requests, slate_size)."""


def scene_proportions() -> NDArray[np.float64]:
    """P(scene | hour, weekday), shape (7, 24, 4)."""
    shares = np.tile((0.75, 0.05, 0.05, 0.15), (7, 24, 1))
    shares[:, 0:7] = (0.95, 0.01, 0.01, 0.03)
    shares[:5, 9:18] = (0.25, 0.05, 0.55, 0.15)
    shares[:5, [7, 8, 18]] = (0.35, 0.45, 0.10, 0.10)
    shares[5:, 10:20] = (0.60, 0.08, 0.02, 0.30)
    return shares


@dataclass(frozen=True)
class Requests:
    """Requests in order of time; every array has the shape (requests,).

    ``session`` numbers the sessions by their start, and ``mood`` is the topic that a session is in the mood
    for; None in a world without sessions.
    """

    user: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    hour: NDArray[np.int8]
    weekday: NDArray[np.int8]
    scene: NDArray[np.int8]
    randomised: NDArray[np.bool_]
    session: NDArray[np.int32] | None = None
    mood: NDArray[np.int16] | None = None

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, rows: slice | Ints) -> Self:
        there = {name: values for name, values in vars(self).items() if values is not None}
        return type(self)(**{name: values[rows] for name, values in there.items()})

    @property
    def context(self) -> dict[str, Ints]:
        """User, hour, weekday and scene by name, each (requests, 1), to broadcast with slates."""
        return {name: getattr(self, name)[:, None] for name in ("user", "hour", "weekday", "scene")}

    @property
    def circumstances(self) -> dict[str, Ints]:
        """The moment and, in sessions, the mood, by name, each (requests, 1): what the truth may ask for."""
        asked = {"time_ms": self.time_ms, "mood": self.mood}
        return {name: values[:, None] for name, values in asked.items() if values is not None}


def draw_requests(population: Population, n_requests: int, rng: Generator) -> Requests:
    """Draw who comes when and where, over the logged days, by the daily rhythm."""
    if population.config.sessions is None:
        return _draw_visits(population, n_requests, rng)
    return _draw_sessions(population, population.config.sessions, n_requests, rng)


def _draw_sessions(population: Population, sessions: Sessions, n_requests: int, rng: Generator) -> Requests:
    """Each session begins as a visit would, and goes on from there."""
    lengths = sessions.draw_lengths(n_requests, rng)  # (sessions,)
    first = _draw_visits(population, len(lengths), rng)
    own = rng.random(len(lengths)) < sessions.own_interest
    any_topic = rng.integers(0, len(population.topics), len(lengths))
    mood = np.where(own, draw_topics(rng, population.user_interests, first.user), any_topic)

    end_ms = START_MS + population.config.days * DAY_MS
    start_ms = np.minimum(first.time_ms, end_ms - sessions.gap_ms * lengths)  # no session outlasts the log
    by_start = np.argsort(start_ms, kind="stable")  # which moved some of the last ones
    first, mood = first[by_start], mood[by_start]
    lengths, start_ms = lengths[by_start], start_ms[by_start]
    nth = np.arange(n_requests) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # in the session, from 0
    time_ms = np.repeat(start_ms, lengths) + sessions.gap_ms * nth
    session = np.repeat(np.arange(len(lengths)), lengths)
    order = np.argsort(time_ms, kind="stable")
    time_ms, session = time_ms[order], session[order]
    slot = (time_ms - START_MS) // HOUR_MS
    return Requests(
        user=first.user[session],
        time_ms=time_ms,
        hour=(slot % 24).astype(np.int8),
        weekday=(slot // 24 % 7).astype(np.int8),
        scene=first.scene[session],
        randomised=rng.random(n_requests) < population.config.randomised_share,
        session=session.astype(np.int32),
        mood=mood[session].astype(np.int16),
    )


def _draw_visits(population: Population, n_requests: int, rng: Generator) -> Requests:
    """Single requests, independent of each other."""
    config = population.config
    weekday_of = np.arange(config.days) % 7  # time starts on a Monday
    day_weight = np.where(weekday_of >= 5, WEEKEND_WEIGHT, 1.0)
    weight = np.outer(day_weight, HOUR_WEIGHT).ravel()  # (days · 24,)
    slot = rng.choice(weight.size, n_requests, p=weight / weight.sum())
    time_ms = START_MS + np.sort(slot * HOUR_MS + rng.integers(0, HOUR_MS, n_requests))
    slot = (time_ms - START_MS) // HOUR_MS
    hour, weekday = slot % 24, weekday_of[slot // 24]

    reached = np.cumsum(scene_proportions(), axis=-1)[weekday, hour]  # (requests, scenes)
    scene = (rng.random((n_requests, 1)) >= reached[:, :-1]).sum(axis=1)
    activity = population.user_activity.astype(np.float64)
    return Requests(
        user=rng.choice(len(activity), n_requests, p=activity / activity.sum()).astype(np.int32),
        time_ms=time_ms,
        hour=hour.astype(np.int8),
        weekday=weekday.astype(np.int8),
        scene=scene.astype(np.int8),
        randomised=rng.random(n_requests) < config.randomised_share,
    )


class LoggingPolicy:
    """Draws a slate for each request from the items that were published by then."""

    def __init__(self, population: Population) -> None:
        self.population = population
        popularity = population.item_popularity
        self.log_popularity = np.log(popularity)  # (items,), 0 at the mean
        self.publish_ms = population.items["publish_ms"].to_numpy()
        self.from_catalogue = population.config.randomised_from == "catalogue"
        self.any_item = WeightedDraw(np.zeros(len(popularity), dtype=np.int8), popularity)
        self.of_topic = WeightedDraw(population.item_topic, popularity)
        self.of_author = WeightedDraw(population.item_author, popularity)

    def slates(self, requests: Requests, rng: Generator) -> Drawn:
        """Items shown, in order of position, and their propensities.

        The propensity of the item at position k is the probability that the policy puts it there, given the
        candidates of the request and what stands above; for a randomised request, one over the number of
        candidates left (of items left, if it draws from the catalogue). The product over a slate is the
        probability of the slate, given the candidates.
        """
        candidates = self._candidates(requests, rng)  # (requests, candidates), ascending
        scores = self._scores(requests, candidates)  # (requests, candidates), −inf for a repeated candidate
        order, propensity = draw_slates(scores, self.population.config.slate_size, rng)
        if self.from_catalogue:
            published = np.searchsorted(self.publish_ms, requests.time_ms[requests.randomised], side="right")
            propensity[requests.randomised] = 1.0 / (published[:, None] - np.arange(propensity.shape[1]))
        return np.take_along_axis(candidates, order, axis=1), propensity

    def _candidates(self, requests: Requests, rng: Generator) -> NDArray[np.int64]:
        people = self.population
        published = np.searchsorted(self.publish_ms, requests.time_ms, side="right")  # (requests,)
        since = np.searchsorted(self.publish_ms, requests.time_ms - FRESH_DAYS * DAY_MS)

        def columns(channel: str, per_request: Ints) -> Ints:
            return np.repeat(per_request[:, None], CHANNELS[channel], axis=1)

        all_items = np.zeros(len(requests), dtype=np.int64)  # the one group of all items
        popular = self.any_item(rng, columns("popular", all_items), published[:, None])
        fresh = self.any_item(rng, columns("fresh", all_items), published[:, None], since[:, None])
        topic = draw_topics(rng, people.user_interests, columns("interest", requests.user))
        interest = self.of_topic(rng, topic, published[:, None])

        user = columns("follow", requests.user)
        count = people.follow_start[user + 1] - people.follow_start[user]
        at = people.follow_start[user] + (rng.random(user.shape) * count).astype(np.int64)
        author = np.append(people.follow_author, 0)[np.where(count > 0, at, len(people.follow_author))]
        follow = np.where(count > 0, self.of_author(rng, author, published[:, None]), -1)

        candidates = np.concatenate((popular, fresh, interest, follow), axis=1)
        nothing = candidates < 0  # an empty channel is filled by popularity
        published = np.broadcast_to(published[:, None], candidates.shape)
        candidates[nothing] = self.any_item(rng, np.zeros(nothing.sum(), dtype=np.int64), published[nothing])
        if self.from_catalogue:
            randomised = published[requests.randomised]
            candidates[requests.randomised] = (rng.random(randomised.shape) * randomised).astype(np.int64)
        candidates.sort(axis=1)
        # a small catalogue repeats itself: redraw repeats, uniformly, until every slate can be filled
        while True:
            again = _repeated(candidates)
            short = (~again).sum(axis=1) < self.population.config.slate_size
            again &= short[:, None]
            if not again.any():
                return candidates
            candidates[again] = (rng.random(again.sum()) * published[again]).astype(np.int64)
            candidates.sort(axis=1)

    def _scores(self, requests: Requests, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        people = self.population
        user = requests.user[:, None]
        age = (requests.time_ms[:, None] - self.publish_ms[candidates]) / DAY_MS
        interest = people.user_interests[user, people.item_topic[candidates]]
        scores: Any = POLICY["interest"] * interest
        scores = scores + POLICY["popularity"] * self.log_popularity[candidates]
        scores += POLICY["followed"] * people.follows(user, people.item_author[candidates])
        scores = scores + POLICY["age"] * np.log1p(age)
        scores[requests.randomised] = 0.0
        scores[_repeated(candidates)] = -np.inf
        return np.asarray(scores)


def _repeated(candidates: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Marks all but the first of equal entries in rows that are sorted, shape (requests, candidates)."""
    return np.asarray(np.diff(candidates, axis=1, prepend=-1) == 0)


def draw_slates(scores: NDArray[np.float64], size: int, rng: Generator) -> Drawn:
    """Draw the first ``size`` of each row without replacement, with probability proportional to exp(score).

    Adding Gumbel noise and sorting is the same as drawing one after the other (Plackett–Luce). ``scores`` is
    (requests, candidates); −inf marks what must not be drawn, and every row needs ``size`` finite ones.
    Returned are the columns drawn, in order, and the probability of each draw given those before it.
    """
    order = np.argsort(-(scores + rng.gumbel(size=scores.shape)), axis=1)  # (requests, candidates)
    mass = np.exp(scores - scores.max(axis=1, keepdims=True))
    mass = np.take_along_axis(mass, order, axis=1)
    left = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]  # of this candidate and all that come after
    return order[:, :size], mass[:, :size] / left[:, :size]
