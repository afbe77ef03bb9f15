"""Sessions: several requests of one user in a row, with a mood that lasts and topics that wear off.

A session has min(Geometric(1 / ``mean_requests``), ``most_requests``) requests, ``gap_seconds`` apart.
Whoever comes is in the mood for one topic m, which nobody logs: it is one of the user's own interests, or,
with a chance of 1 − ``own_interest``, any topic. The scene stays that of the start. With c_m the vector of
the mood's topic, the user's vector becomes

    u + ``mood`` · c_m,

and with it the affinity to every item, for all outcomes alike. A topic tires: n impressions of it earlier in
the session, those above it in the same list included, take ``fatigue`` · ln(1 + n) off the click logit.

Given the mood and n, the truth stays in closed form. A model sees neither; but recent clicks reveal the mood,
and n can be counted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.simulator.vocabulary import LARGEST_EFFECT, Ints

LONGEST_MS = 86_400_000  # a session is over within a day
MOST_REQUESTS = 1_000


@dataclass(frozen=True)
class Sessions:
    """How requests come in sessions; see the module for what each number does.

    Attributes:
        mean_requests: mean number of requests in a session, before the cut; at least 1.
        most_requests: where a session is cut, from 1 to 1,000.
        gap_seconds: between one request and the next, above 0; the longest session lasts at most a day.
        mood: how far the topic of the mood draws the user's vector, from 0 to 1,000.
        own_interest: probability that the mood is one of the user's interests, in [0, 1].
        fatigue: taken off the click logit per ln(1 + impressions of the topic so far), from 0 to 1,000.
    """

    mean_requests: float = 4.0
    most_requests: int = 12
    gap_seconds: float = 90.0
    mood: float = 1.0
    own_interest: float = 0.7
    fatigue: float = 0.3

    def __post_init__(self) -> None:
        kept = {
            "mean_requests": validation.number("mean_requests", self.mean_requests, least=1.0),
            "most_requests": validation.positive_int("most_requests", self.most_requests, most=MOST_REQUESTS),
            "gap_seconds": validation.number(
                "gap_seconds", self.gap_seconds, above=0.0, most=LONGEST_MS / 1_000
            ),
            "mood": validation.number("mood", self.mood, least=0.0, most=LARGEST_EFFECT),
            "own_interest": validation.number("own_interest", self.own_interest, least=0.0, most=1.0),
            "fatigue": validation.number("fatigue", self.fatigue, least=0.0, most=LARGEST_EFFECT),
        }
        for name, value in kept.items():
            object.__setattr__(self, name, value)
        if self.gap_ms * self.most_requests > LONGEST_MS:
            asked = f"{self.most_requests} requests {self.gap_seconds:g} s apart"
            raise ValueError(f"gap_seconds must let the longest session end within a day, got {asked}")

    @property
    def gap_ms(self) -> int:
        """Milliseconds between requests, at least one."""
        return max(1, round(1_000 * self.gap_seconds))

    def draw_lengths(self, n_requests: int, rng: Generator) -> NDArray[np.int64]:
        """Requests of each session, (sessions,), ``n_requests`` in sum: the last one may be cut short."""
        mean = min(self.mean_requests, float(self.most_requests))
        drawn = np.empty(0, dtype=np.int64)
        while drawn.sum() < n_requests:
            more = rng.geometric(1.0 / self.mean_requests, int(1.1 * n_requests / mean) + 10)
            drawn = np.concatenate((drawn, np.minimum(more, self.most_requests)))
        reached = np.cumsum(drawn)
        drawn = drawn[: int(np.searchsorted(reached, n_requests)) + 1]
        drawn[-1] -= int(drawn.sum()) - n_requests
        return drawn


def topic_repeats(session: ArrayLike, topic: ArrayLike) -> NDArray[np.int64]:
    """For each row, how many rows before it have the same session and topic.

    Args:
        session: whole numbers from 0, (rows,), in order of time and, within a list, of position.
        topic: whole numbers from 0, (rows,).

    Returns:
        (rows,): the n that tires, for rows that a log holds from the start of their sessions.
    """
    sessions, topics = validation.integers("session", session), validation.integers("topic", topic)
    validation.rows(session=sessions, topic=topics)
    for name, codes in (("session", sessions), ("topic", topics)):
        validation.indices(name, codes, np.iinfo(np.int32).max)
    return _earlier(sessions * (int(topics.max(initial=0)) + 1) + topics)


def _earlier(keys: Ints) -> NDArray[np.int64]:
    """How many entries before each are equal to it, (entries,)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))  # where another key begins
    sizes = np.diff(starts, append=len(keys))
    within = np.arange(len(keys)) - np.repeat(starts, sizes)
    earlier = np.empty(len(keys), dtype=np.int64)
    earlier[order] = within
    return earlier


class RunningRepeats:
    """:func:`topic_repeats` of a log that comes in parts, in memory that does not grow with the log.

    ``topics`` is the number of topics. What is remembered are the impressions of the sessions that may go on.
    """

    def __init__(self, sessions: Sessions, topics: int) -> None:
        self.longest_ms = sessions.gap_ms * sessions.most_requests
        self.topics = topics
        self.keys = np.empty(0, dtype=np.int64)
        self.time_ms = np.empty(0, dtype=np.int64)

    def __call__(
        self, session: NDArray[np.int32], time_ms: NDArray[np.int64], topic: NDArray[np.int16]
    ) -> NDArray[np.int64]:
        """Repeats of the next requests, (requests, places), for session and time (requests,), in order."""
        keys = (session.astype(np.int64)[:, None] * self.topics + topic).ravel()
        every = np.concatenate((self.keys, keys))
        when = np.concatenate((self.time_ms, np.repeat(time_ms, topic.shape[1])))
        found = _earlier(every)[len(self.keys) :].reshape(topic.shape)
        lives = when > time_ms[-1] - self.longest_ms
        self.keys, self.time_ms = every[lives], when[lives]
        return found
