"""Who lives in the simulated world: topics, authors, items and users.

What a platform can observe stands in the tables ``users``, ``items``, ``authors`` and ``topics``. What it
cannot observe (interests, quality, appeal, biases) stands in plain arrays beside them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from ranking.logs.statistics import DAY_MS
from ranking.simulator.config import WorldConfig
from ranking.simulator.vocabulary import (
    AGE_BANDS,
    GENDERS,
    N_REGIONS,
    OUTCOMES,
    START_MS,
    TOPICS,
    Floats,
    Ints,
)

SHORTEST, LONGEST = 7.0, 600.0  # seconds; every item is between the two


@dataclass(frozen=True, repr=False, eq=False)
class Population:
    """Who and what there is. Items are numbered by time of publication, so "published by then" is a prefix.

    Attributes:
        config: the sizes and rates asked for.
        topics, authors: tables with ``name``, ``peak_hour`` and with ``author_id``, ``topic``.
        items: ``item_id``, ``author``, ``topic``, ``duration`` (seconds), ``publish_ms``; what a log shows.
        users: ``user_id``, ``age_band``, ``gender``, ``region``, and the two topics that a user *declared*,
            ``interest_1`` and ``interest_2``: the strongest, each replaced at random with probability 0.15.
        user_interests: (users, topics), a distribution over the topics for each user.
        user_vectors, item_vectors: (users, dim) and (items, dim), of length 1; their dot product is the
            affinity.
        topic_vectors: (topics, dim), of length 1, what the vectors of users and items are made of.
        user_bias, topic_effect: (users, 5) and (topics, 5), one column per outcome, on the scale of logits
            (of ln seconds for watch time, where a user's is patience).
        item_quality: (items,), about N(0, 1): raises likes, collects, shares and watch time.
        item_appeal: (items,), N(0, 1): the pull of cover and title. Raises clicks, lowers what comes after.
        item_popularity: (items,), Zipf-like with mean 1, correlated with both; the logging policy goes by it.
        user_activity: (users,), how often a user comes, mean 1.
        follow_start, follow_author: user u follows ``follow_author[follow_start[u]:follow_start[u + 1]]``,
            in ascending order.
    """

    config: WorldConfig
    topics: pd.DataFrame
    authors: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    user_interests: Floats
    user_vectors: Floats
    item_vectors: Floats
    topic_vectors: Floats
    user_bias: Floats
    topic_effect: Floats
    item_quality: Floats
    item_appeal: Floats
    item_popularity: Floats
    user_activity: Floats
    follow_start: NDArray[np.int64]
    follow_author: NDArray[np.int32]

    def __repr__(self) -> str:
        tables = ("users", "items", "authors", "topics")
        return f"{type(self).__name__}({', '.join(f'{len(getattr(self, t)):,} {t}' for t in tables)})"

    @cached_property
    def item_topic(self) -> NDArray[np.int16]:
        """(items,) the topic of each item."""
        return self.items["topic"].to_numpy()

    @cached_property
    def item_author(self) -> NDArray[np.int32]:
        """(items,) the author of each item."""
        return self.items["author"].to_numpy()

    @cached_property
    def item_duration(self) -> Floats:
        """(items,) seconds that each item lasts."""
        return self.items["duration"].to_numpy()

    @cached_property
    def user_age(self) -> NDArray[np.int8]:
        """(users,) the age band of each user."""
        return self.users["age_band"].to_numpy()

    @cached_property
    def _follow_keys(self) -> NDArray[np.int64]:
        user = np.repeat(np.arange(len(self.users), dtype=np.int64), np.diff(self.follow_start))
        return np.append(user * len(self.authors) + self.follow_author, -1)  # the last is no pair's

    def follows(self, user: Ints | int, author: Ints) -> NDArray[np.bool_]:
        """Whether each user follows each author, for arrays that broadcast."""
        if np.ndim(user) == 0:
            # one user: a list of the authors is looked up faster than a sorted one searched
            followed = np.zeros(len(self.authors), dtype=bool)
            followed[self.follow_author[self.follow_start[user] : self.follow_start[user + 1]]] = True
            return followed[author]
        wanted = np.asarray(user, dtype=np.int64) * len(self.authors) + author
        keys = self._follow_keys
        return np.asarray(keys[np.searchsorted(keys[:-1], wanted)] == wanted)


class WeightedDraw:
    """Weighted draws inside a group and a range of positions: "a popular item of this topic, out by now".

    Positions are sorted by (group, position) once; a draw is then two binary searches.
    """

    def __init__(self, groups: Ints, weights: NDArray[np.floating]) -> None:
        self.size = len(groups)
        self.positions = np.argsort(groups, kind="stable")
        self.keys = groups[self.positions].astype(np.int64) * self.size + self.positions
        self.mass = np.concatenate(([0.0], np.cumsum(weights[self.positions], dtype=np.float64)))
        self.one_group = not groups.any()  # then a position stands at its own place, and need not be searched

    def __call__(
        self, rng: Generator, groups: Ints, before: Ints | int, since: Ints | int = 0
    ) -> NDArray[np.int64]:
        """One draw per entry of ``groups``, from positions in [since, before); −1 where there is none."""
        base = groups.astype(np.int64) * self.size
        low, high = base + since, base + before
        if self.one_group:
            low, high = np.minimum(low, self.size), np.minimum(high, self.size)
        else:
            low, high = np.searchsorted(self.keys, low), np.searchsorted(self.keys, high)
        aim = self.mass[low] + rng.random(base.shape) * (self.mass[high] - self.mass[low])
        # rounding at the very end of a range must not step outside it
        at = np.clip(np.searchsorted(self.mass, aim, side="right") - 1, low, high - 1)
        return np.where(high > low, self.positions[at], -1)


def draw_population(config: WorldConfig, rng: Generator) -> Population:
    """Draw everything that exists in the world; the docstring of :class:`Population` says what."""
    n = config.n_topics
    topic_vectors = _unit(rng.standard_normal((n, config.dim), dtype=np.float32))  # (topics, dim)
    topic_share = rng.dirichlet(np.full(n, 5.0))
    names = [TOPICS[k] if k < len(TOPICS) else f"topic {k + 1}" for k in range(n)]
    topics = pd.DataFrame({"name": names, "peak_hour": rng.integers(7, 24, n).astype(np.int8)})
    topic_effect = rng.normal(0.0, (0.25, 0.35, 0.5, 0.5, 0.2), (n, len(OUTCOMES)))

    author_topic = rng.choice(n, config.n_authors, p=topic_share).astype(np.int16)
    author_activity = _zipf(rng.random(config.n_authors), exponent=0.7)
    author_quality = rng.standard_normal(config.n_authors, dtype=np.float32)
    authors = pd.DataFrame({"author_id": np.arange(config.n_authors), "topic": author_topic})

    items = _draw_items(config, rng, author_topic, author_activity, author_quality)
    item_vectors = _draw_item_vectors(config, rng, items["items"], topic_vectors)

    users = _draw_users(config, rng)
    interests = users["user_interests"]
    own = rng.standard_normal((config.n_users, config.dim), dtype=np.float32)
    own /= np.sqrt(np.float32(config.dim))
    user_vectors = _unit(interests @ topic_vectors + 0.3 * own)  # (users, dim)
    follow_start, follow_author = _draw_follows(config, rng, interests, author_topic, author_activity)
    activity = rng.lognormal(0.0, 0.8, config.n_users)
    return Population(
        config=config,
        topics=topics,
        authors=authors,
        user_vectors=user_vectors,
        item_vectors=item_vectors,
        topic_vectors=topic_vectors,
        topic_effect=topic_effect.astype(np.float32),
        user_activity=(activity / activity.mean()).astype(np.float32),
        follow_start=follow_start,
        follow_author=follow_author,
        **items,
        **users,
    )


def _unit(vectors: Floats) -> Floats:
    """Vectors scaled to length 1 along the last axis."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _zipf(score: NDArray[np.floating], exponent: float) -> Floats:
    """Weights of mean 1 that fall with the rank of ``score`` (best first) as (rank + 10)^(−exponent)."""
    rank = np.empty(len(score), dtype=np.float64)
    rank[np.argsort(-score)] = np.arange(len(score))
    weight = (rank + 10.0) ** -exponent
    return np.asarray(weight / weight.mean(), dtype=np.float32)


def _draw_items(
    config: WorldConfig, rng: Generator, author_topic: Ints, activity: Floats, author_quality: Floats
) -> dict[str, Any]:
    """The table of items with their quality, appeal and popularity, by name of field."""
    n = config.n_items
    n_fresh = round(n * config.fresh_share)
    age = rng.exponential(60 * DAY_MS, n - n_fresh)  # before the log starts
    publish = np.concatenate((START_MS - age, START_MS + rng.random(n_fresh) * config.days * DAY_MS))
    author = rng.choice(config.n_authors, n, p=activity / activity.sum(dtype=np.float64))
    astray = rng.random(n) < 0.15  # now and then an author leaves the usual topic
    topic = np.where(astray, rng.integers(0, config.n_topics, n), author_topic[author]).astype(np.int16)

    # ln d is squeezed between the shortest and the longest, around a middle that depends on the topic
    middle = rng.normal(-0.1, 0.6, config.n_topics).astype(np.float32)
    squeezed = 1.0 / (1.0 + np.exp(-(middle[topic] + 0.8 * rng.standard_normal(n, dtype=np.float32))))
    duration = SHORTEST * (LONGEST / SHORTEST) ** squeezed

    quality = 0.6 * author_quality[author] + 0.8 * rng.standard_normal(n, dtype=np.float32)
    appeal = rng.standard_normal(n, dtype=np.float32)
    fame = 0.4 * quality + 0.6 * appeal + 0.7 * rng.standard_normal(n, dtype=np.float32)
    items = pd.DataFrame({"item_id": np.arange(n), "author": author.astype(np.int32), "topic": topic})
    items["duration"] = duration.astype(np.float32)
    items["publish_ms"] = np.sort(publish).astype(np.int64)
    parts = {"items": items, "item_quality": quality.astype(np.float32), "item_appeal": appeal}
    return parts | {"item_popularity": _zipf(fame, exponent=0.8)}


def _draw_item_vectors(
    config: WorldConfig, rng: Generator, items: pd.DataFrame, topic_vectors: Floats
) -> Floats:
    """An item stands near its topic, drawn a little towards its author's own style."""
    scale = 1.0 / np.sqrt(np.float32(config.dim))
    style = rng.standard_normal((config.n_authors, config.dim), dtype=np.float32) * scale  # (authors, dim)
    own = rng.standard_normal((config.n_items, config.dim), dtype=np.float32) * scale  # (items, dim)
    return _unit(topic_vectors[items["topic"]] + 0.4 * style[items["author"]] + 0.5 * own)


def _draw_users(config: WorldConfig, rng: Generator) -> dict[str, Any]:
    """The table of users with their interests and biases, by name of field."""
    n = config.n_users
    age = rng.choice(len(AGE_BANDS), n, p=(0.08, 0.24, 0.30, 0.20, 0.11, 0.07))
    gender = rng.choice(len(GENDERS), n, p=(0.46, 0.46, 0.08))
    region = rng.choice(N_REGIONS, n, p=rng.dirichlet(np.full(N_REGIONS, 3.0)))

    # interests lean by age and gender, so that a profile says something, but most of them is the user's own
    lean = rng.normal(0.0, 0.8, (len(AGE_BANDS), config.n_topics))[age]
    lean += rng.normal(0.0, 0.5, (len(GENDERS), config.n_topics))[gender]
    strength = np.exp(1.2 * (lean + rng.gumbel(size=(n, config.n_topics))))
    interests = strength / strength.sum(axis=1, keepdims=True)  # (users, topics)
    strongest = np.argsort(-interests, axis=1)[:, [0, min(1, config.n_topics - 1)]]  # (users, 2)
    wrong = rng.random((n, 2)) < 0.15
    declared = np.where(wrong, rng.integers(0, config.n_topics, (n, 2)), strongest)

    bias = rng.normal(0.0, (0.6, 0.7, 0.7, 0.8, 0.35), (n, len(OUTCOMES)))
    bias += rng.normal(0.0, (0.2, 0.3, 0.3, 0.4, 0.15), (len(AGE_BANDS), len(OUTCOMES)))[age]
    bias += rng.normal(0.0, (0.15, 0.15, 0.15, 0.15, 0.05), (N_REGIONS, len(OUTCOMES)))[region]
    users = pd.DataFrame({"user_id": np.arange(n)})
    users[["age_band", "gender", "region"]] = np.stack((age, gender, region), axis=1).astype(np.int8)
    users[["interest_1", "interest_2"]] = declared.astype(np.int16)
    hidden = {"user_interests": interests.astype(np.float32), "user_bias": bias.astype(np.float32)}
    return {"users": users} | hidden


def _draw_follows(
    config: WorldConfig, rng: Generator, interests: Floats, author_topic: Ints, activity: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """About ten followed authors per user (many follow few), by interest in the topic, then by fame."""
    user = np.repeat(np.arange(config.n_users), rng.poisson(rng.exponential(10.0, config.n_users)))
    topic = draw_topics(rng, interests, user)
    author = WeightedDraw(author_topic, activity)(rng, topic, config.n_authors)
    there = author >= 0  # a topic that nobody writes about
    keys = np.unique(user[there] * config.n_authors + author[there])
    counts = np.bincount(keys // config.n_authors, minlength=config.n_users)
    return np.concatenate(([0], np.cumsum(counts))), (keys % config.n_authors).astype(np.int32)


def draw_topics(rng: Generator, interests: Floats, user: Ints) -> NDArray[np.int64]:
    """One topic for each of ``user``, any shape, with the probabilities of that user's interests."""
    n_users, n_topics = interests.shape
    # one ascending array for all users: user u's cumulative interests lie in (u, u + 1]
    reached = np.cumsum(interests, axis=1, dtype=np.float64)
    reached = (reached / reached[:, -1:] + np.arange(n_users)[:, None]).ravel()  # (users · topics,)
    at = np.searchsorted(reached, user + rng.random(user.shape), side="right")
    return np.asarray(np.minimum(at - user.astype(np.int64) * n_topics, n_topics - 1))
