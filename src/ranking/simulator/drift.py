"""Drift: levels and tastes that move over the days of a log, in closed form.

With τ the days since ``start_day`` (0 before it), the logit of each of ``outcomes`` (ln seconds for the watch
time) has added to it

    ``slope`` · τ + walk(day) + ``jump`` from ``jump_day`` on,

where walk is a random walk of the world, with a step of standard deviation ``walk`` at every midnight after
that of ``start_day``, for each outcome its own. The jump concerns everybody, or the age bands in
``jump_ages`` alone. Tastes turn: the user's vector u moves towards a direction w that is at right angles to
it, the taste of somebody else,

    cos(``tastes`` · τ) · u + sin(``tastes`` · τ) · w.

The logging policy goes on by the interests of the start. Rates asked for are those before anything moves:
until then a world with a drift is the same as one without."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ranking import validation
from ranking.logs.statistics import DAY_MS
from ranking.simulator.vocabulary import AGE_BANDS, LARGEST_EFFECT, OUTCOMES, START_MS, Floats, Ints


@dataclass(frozen=True)
class Drift:
    """What moves, and how fast; see the module for what each number does. Nothing moves by default.

    Attributes:
        outcomes: whose levels move, of "click", "like", "collect", "share" and "watch_time".
        start_day: the day, from 0, at whose midnight slope, walk and tastes set in.
        slope: per day, from −1,000 to 1,000.
        walk: standard deviation of a day's step, from 0 to 1,000.
        jump_day, jump: the day, from 0, at whose midnight the levels jump, and by how much, from −1,000 to
            1,000.
        jump_ages: the age bands that jump, positions in ``AGE_BANDS``; None for all.
        tastes: radians per day, from 0 to π.
    """

    outcomes: Sequence[str] = ("click",)
    start_day: int = 0
    slope: float = 0.0
    walk: float = 0.0
    jump_day: int | None = None
    jump: float = 0.0
    jump_ages: Sequence[int] | None = None
    tastes: float = 0.0

    def __post_init__(self) -> None:
        outcomes = validation.names("outcomes", self.outcomes)
        for name in outcomes:
            validation.one_of("outcomes", name, OUTCOMES)
        set_ = object.__setattr__
        set_(self, "outcomes", outcomes)
        set_(self, "start_day", validation.whole_number("start_day", self.start_day))
        for name in ("slope", "walk", "jump"):
            least = 0.0 if name == "walk" else -LARGEST_EFFECT
            set_(self, name, validation.number(name, getattr(self, name), least=least, most=LARGEST_EFFECT))
        set_(self, "tastes", validation.number("tastes", self.tastes, least=0.0, most=float(np.pi)))
        if self.jump_day is not None:
            set_(self, "jump_day", validation.whole_number("jump_day", self.jump_day))
        elif self.jump or self.jump_ages is not None:
            raise ValueError("jump_day must be given where there is a jump, got None")
        if self.jump_ages is not None:
            given = validation.listed("jump_ages", self.jump_ages)
            ages = tuple(validation.index("jump_ages", age, len(AGE_BANDS)) for age in given)
            if not ages:
                raise ValueError("jump_ages must hold at least one age band, or be None for all, got none")
            set_(self, "jump_ages", ages)


@dataclass(frozen=True, eq=False)
class Drifting:
    """A drift as it happens in one world.

    Attributes:
        drift: what was asked for.
        walk: (days, outcomes), what the random walk has added on each day.
        elsewhere: (users, dim), w, of length 1 and at right angles to the user's vector.
    """

    drift: Drift
    walk: Floats
    elsewhere: Floats

    @classmethod
    def draw(cls, drift: Drift, vectors: Floats, days: int, rng: Generator) -> Self:
        """Draw the walk over ``days`` and the directions for user ``vectors``, (users, dim)."""
        steps = drift.walk * rng.standard_normal((days, len(OUTCOMES)))
        steps[: drift.start_day + 1] = 0.0
        steps *= [name in drift.outcomes for name in OUTCOMES]
        # a little of their own, so that nobody is sent towards the very taste that they have
        other = vectors[rng.permutation(len(vectors))]
        other = other + 0.1 * rng.standard_normal(vectors.shape, dtype=np.float32)
        other -= np.sum(other * vectors, axis=1, keepdims=True) * vectors
        other /= np.maximum(np.linalg.norm(other, axis=1, keepdims=True), np.float32(1e-12))
        return cls(drift, np.cumsum(steps, axis=0).astype(np.float32), other)

    def level(self, outcome: str, time_ms: NDArray[np.int64], age_band: Ints) -> Floats:
        """What is added to an outcome, for moments and age bands that broadcast."""
        drift = self.drift
        if outcome not in drift.outcomes:
            return np.zeros((), dtype=np.float32)
        day = np.minimum((time_ms - START_MS) // DAY_MS, len(self.walk) - 1)
        level = drift.slope * self._since_start(time_ms) + self.walk[day, OUTCOMES.index(outcome)]
        if drift.jump_day is not None:
            concerned = day >= drift.jump_day
            if drift.jump_ages is not None:
                concerned = concerned & np.isin(age_band, drift.jump_ages)
            level = level + drift.jump * concerned
        return np.asarray(level, dtype=np.float32)

    def tastes(self, vectors: Floats, user: Ints, time_ms: NDArray[np.int64]) -> Floats:
        """The users' vectors at these moments, (…, dim), for users and moments that broadcast."""
        turned = np.asarray(self.drift.tastes * self._since_start(time_ms), dtype=np.float32)[..., None]
        tastes = np.cos(turned) * vectors[user] + np.sin(turned) * self.elsewhere[user]
        return np.asarray(tastes, dtype=np.float32)

    def _since_start(self, time_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Days since the drift set in, 0 before."""
        return np.maximum((time_ms - START_MS) / DAY_MS - self.drift.start_day, 0.0)
