"""The simulator: a world that knows the truth behind every impression.

``World.build`` draws a population and solves for the intercepts that give the rates asked for,
``World.truth`` says what would happen, and ``World.simulate`` writes the log that a platform would see, with
the truth beside it.

How an impression comes about, with Φ the standard normal distribution function:

- P(click) = examination · sigmoid(logit), where examination = position^(−η) is the chance that the user looks
  at the position at all (the position-based model; Craswell et al., WSDM 2008).
- Like, collect and share happen only after a click, each with its own sigmoid (claim A7). Given the user, the
  item and the context they are independent; across the log they are not, because they share causes.
- The watch time after a click is log-normal up to the item's end: :mod:`ranking.simulator.log_normal`.

Every logit, and μ, is a sum of drivers: :mod:`ranking.simulator.drivers`. Sessions, a surface that plays at
once, a conflict of targets and drift are off unless the config asks for them: see :class:`WorldConfig`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ranking import validation
from ranking.logs.impressions import TARGETS, ImpressionLog
from ranking.logs.statistics import DAY_MS
from ranking.simulator import log_normal, solving
from ranking.simulator.autoplay import PLAY_EFFECTS, Curve
from ranking.simulator.config import MOST_CODES, WorldConfig
from ranking.simulator.conflict import Conflicting
from ranking.simulator.drift import Drifting
from ranking.simulator.drivers import EFFECTS, Drivers, Showing
from ranking.simulator.log_normal import Real
from ranking.simulator.play_truth import PlayTruth
from ranking.simulator.policy import LoggingPolicy, Requests, draw_requests
from ranking.simulator.population import Population, draw_population
from ranking.simulator.sessions import RunningRepeats
from ranking.simulator.truth import Truth
from ranking.simulator.vocabulary import OUTCOMES, SCENES, START_MS, Floats, Ints

APPEAL_SPREAD = 0.08  # added to ln σ per unit of appeal: of those drawn in by a cover, some leave at once

MOST_PLACES = int(np.iinfo(np.int16).max) - 1  # positions are kept as int16
SOLVE_REQUESTS = 20_000  # requests on which the intercepts are solved
CHUNK_REQUESTS = 10_000  # requests simulated at a time, which bounds the memory of temporaries

Circumstance = ArrayLike | None


@dataclass(frozen=True, repr=False, eq=False)
class World(Population):
    """A population and how it behaves. It has all that a :class:`Population` has, and these.

    Attributes:
        seed: the seed it was built from.
        intercepts: (5,), one per outcome: four logits, and ln seconds for watch time; 0 in a world that plays
            at once.
        curve: how long plays last in a world that plays at once, else None.
        drifting, conflicting: what moves and what conflicts, or None.
    """

    seed: int
    intercepts: NDArray[np.float64]
    curve: Curve | None = None
    drifting: Drifting | None = None
    conflicting: Conflicting | None = None

    @classmethod
    def build(cls, config: WorldConfig | None = None, seed: int = 0) -> Self:
        """Draw a world and solve for the intercepts, so that its log shows the rates of ``config``.

        The same config and seed give the same world, bit for bit, and the same population whatever else is
        switched on.

        Raises:
            ValueError: a rate cannot be reached, e.g. more clicks than impressions that anybody looks at.
        """
        config = WorldConfig() if config is None else validation.instance("config", config, WorldConfig)
        seed = validation.seed("seed", seed)
        people, sample = (np.random.default_rng(s) for s in _stream(seed, 0).spawn(2))
        population = vars(draw_population(config, people))
        raw = cls(**population, seed=seed, intercepts=np.zeros(len(OUTCOMES)))
        if config.conflict is not None:
            rng = np.random.default_rng(_stream(seed, 2))
            raw = replace(raw, conflicting=Conflicting.draw(config.conflict, config.n_topics, rng))
        world = raw._solved(sample)
        if config.drift is not None:  # only now, as what is asked for is to hold before anything moves
            rng = np.random.default_rng(_stream(seed, 3))
            world = replace(world, drifting=Drifting.draw(config.drift, raw.user_vectors, config.days, rng))
        return world

    def truth(
        self,
        user: ArrayLike,
        item: ArrayLike,
        hour: ArrayLike,
        weekday: ArrayLike,
        scene: ArrayLike,
        position: ArrayLike = 1,
        *,
        time_ms: Circumstance = None,
        mood: Circumstance = None,
        seen: Circumstance = None,
    ) -> Truth:
        """What would happen if these items were shown to these users.

        The arguments broadcast: one user against all items is ``truth(7, np.arange(n), 21, 5, 0)``. User and
        item are positions in the tables, ``hour`` is local and from 0 to 23, ``weekday`` 0 on Monday,
        ``scene`` a position in ``SCENES``, and ``position`` a place in the slate, from 1; the default is one
        that everybody looks at.

        A world that drifts asks for the moment, ``time_ms``. A world with sessions asks for the ``mood``, a
        topic, and takes ``seen``, the impressions of the item's topic so far in the session, for 0 if it is
        left out. The log has all three.

        Raises:
            ValueError: an argument is no whole number or out of range, is missing or means nothing in this
                world, or shapes do not broadcast; the world plays at once (see :meth:`play_truth`).
        """
        if self.curve is not None:
            raise ValueError("this world plays at once, without a click: ask play_truth, not truth")
        given = {"user": user, "item": item, "hour": hour, "weekday": weekday, "scene": scene}
        place = validation.indices("position", position, MOST_PLACES + 1, start=1)
        shown, shape = self._showing(given, time_ms, mood, seen, position=place)

        looked_at = self._looked_at(place.astype(np.float32))
        parts = self._drivers.sums(EFFECTS, shown)
        for name, intercept in zip(OUTCOMES, self.intercepts.astype(np.float32), strict=True):
            parts[name] = parts[name] + intercept
        true: dict[str, Any] = {f"p_{name}": expit(parts[name]) for name in TARGETS}
        true["p_click"] = true["p_click"] * looked_at
        true |= {"watch_mu": parts["watch_time"], "watch_sigma": self._watch_sigma(shown.item)}
        true["duration"] = self.item_duration[shown.item]
        return Truth(**{name: np.broadcast_to(values, shape) for name, values in true.items()})

    def play_truth(
        self,
        user: ArrayLike,
        item: ArrayLike,
        hour: ArrayLike,
        weekday: ArrayLike,
        scene: ArrayLike,
        *,
        time_ms: Circumstance = None,
        mood: Circumstance = None,
        seen: Circumstance = None,
    ) -> PlayTruth:
        """What would happen if these items played at once for these users: :meth:`truth` without a click.

        The arguments are those of :meth:`truth`; there is no position, as what is shown plays.

        Raises:
            ValueError: as there; the world has no surface that plays at once.
        """
        if self.curve is None:
            raise ValueError("this world has clicks and does not play at once: ask truth, not play_truth")
        given = {"user": user, "item": item, "hour": hour, "weekday": weekday, "scene": scene}
        shown, shape = self._showing(given, time_ms, mood, seen)
        sums = self._drivers.sums(PLAY_EFFECTS, shown)
        return self.curve.truth(sums, self.item_duration[shown.item], shape)

    def simulate(self, n_impressions: int, seed: int = 0) -> ImpressionLog:
        """Write a log over the days of the world, in order of time, with the truth beside the labels.

        ``rows`` and ``truth`` have all columns that :class:`ImpressionLog` names, of this kind of world, but
        ``tab``; ``users`` and ``items`` are copies. If ``n_impressions`` is no multiple of the slate size,
        the last slate is cut short. The world's seed and this one are independent: one world can write many
        logs.
        """
        n_impressions = validation.positive_int("n_impressions", n_impressions, most=MOST_CODES)
        rng = np.random.default_rng(_stream(seed, 1))
        size, sessions = self.config.slate_size, self.config.sessions
        requests = draw_requests(self, -(-n_impressions // size), rng)
        policy = LoggingPolicy(self)
        repeats = None if sessions is None else RunningRepeats(sessions, len(self.topics))
        rows, truths = [], []
        for start in range(0, len(requests), CHUNK_REQUESTS):
            part = requests[start : start + CHUNK_REQUESTS]
            item, propensity = policy.slates(part, rng)  # (requests, slate_size)
            position = np.arange(1, size + 1, dtype=np.int16)
            behind: dict[str, NDArray[Any]] = {}
            if repeats is not None and part.session is not None and part.mood is not None:
                behind["mood"] = part.mood[:, None]
                seen = repeats(part.session, part.time_ms, self.item_topic[item])
                behind["seen"] = seen.astype(np.int32)
            truth = self._truth_of(part, item, position, behind.get("seen"))
            shown: dict[str, NDArray[Any]] = {
                "request": np.arange(start, start + len(part), dtype=np.int32)[:, None],
                "user": part.user[:, None],
                "item": item.astype(np.int32),
                "time_ms": part.time_ms[:, None],
                "hour": part.hour[:, None],
                "weekday": part.weekday[:, None],
                "scene": part.scene[:, None],
                "position": position,
                "randomised": part.randomised[:, None],
                "followed": self.follows(part.user[:, None], self.item_author[item]),
                "duration": self.item_duration[item],
                **truth.draw(rng),
            }
            if part.session is not None:
                shown["session"] = part.session[:, None]
            behind["propensity"] = propensity.astype(np.float32)
            if self.config.log_propensities:
                shown["propensity"] = behind["propensity"]
            rows.append(_table(shown, item.shape))
            truths.append(truth.frame().assign(**_columns(behind, item.shape)))
        labels, true = (pd.concat(parts, ignore_index=True)[:n_impressions] for parts in (rows, truths))
        return ImpressionLog(labels, self.users.copy(), self.items.copy(), true)

    def examination(self, places: int) -> NDArray[np.float64]:
        """P(the user looks at a place), k^(−η) for the first ``places`` of a slate, (places,).

        It is 1 in a world that plays at once, where what is shown plays.
        """
        places = validation.positive_int("places", places, most=MOST_PLACES)
        return np.ones(places) if self.curve else self._looked_at(np.arange(1.0, places + 1))

    def _looked_at(self, position: NDArray[Real]) -> NDArray[Real]:
        chance: NDArray[Real] = position ** position.dtype.type(-self.config.examination_decay)
        return chance

    @cached_property
    def _drivers(self) -> Drivers:
        return Drivers(self, self.drifting, self.conflicting)

    def _showing(
        self,
        given: dict[str, ArrayLike],
        time_ms: Circumstance,
        mood: Circumstance,
        seen: Circumstance,
        **others: NDArray[Any],
    ) -> tuple[Showing, tuple[int, ...]]:
        """What is shown, checked, and the shape that it broadcasts to, with ``others`` that were checked."""
        stops = {"user": len(self.users), "item": len(self.items), "hour": 24, "weekday": 7}
        stops["scene"] = len(SCENES)
        at = {name: validation.indices(name, given[name], stop) for name, stop in stops.items()}
        if self.config.sessions is None:
            for name, value in (("mood", mood), ("seen", seen)):
                if value is not None:
                    raise ValueError(f"{name} must be left out: this world has no sessions")
        elif mood is None:
            raise ValueError("mood must be given: this world has sessions, and what happens depends on it")
        else:
            at["mood"] = validation.indices("mood", mood, len(self.topics))
            at["seen"] = validation.indices("seen", 0 if seen is None else seen, MOST_CODES)
        if time_ms is not None:
            end = START_MS + self.config.days * DAY_MS
            at["time_ms"] = validation.indices("time_ms", time_ms, end + 1, start=START_MS)
        elif self.drifting is not None:
            raise ValueError("time_ms must be given: this world drifts, and what happens depends on it")
        shape = validation.broadcast_shape(**at, **others)
        return Showing(**at), shape

    def _truth_of(self, part: Requests, item: Ints, position: Ints, seen: Ints | None) -> Truth | PlayTruth:
        """The truth of slates, (requests, slate_size)."""
        context, moment = part.context, part.circumstances
        if self.curve is not None:
            return self.play_truth(item=item, seen=seen, **context, **moment)
        return self.truth(item=item, position=position, seen=seen, **context, **moment)

    def _watch_sigma(self, item: Ints) -> Floats:
        spread = np.exp(np.float32(APPEAL_SPREAD) * self.item_appeal[item])
        return np.asarray(np.float32(self.config.watch_sigma) * spread)

    def _solved(self, rng: np.random.Generator) -> Self:
        """The world with the intercepts that bring the means over logged impressions to what is asked for.

        What the logging policy shows does not depend on them, so one sample of slates serves for all.
        """
        requests = draw_requests(self, SOLVE_REQUESTS, rng)
        item, _ = LoggingPolicy(self).slates(requests, rng)  # (requests, slate_size)
        shown = Showing(item=item, **requests.context, time_ms=None)
        sessions = self.config.sessions
        if sessions is not None and requests.session is not None and requests.mood is not None:
            repeats = RunningRepeats(sessions, len(self.topics))
            seen = repeats(requests.session, requests.time_ms, self.item_topic[item])
            shown = replace(shown, mood=requests.mood[:, None], seen=seen)
        effects = EFFECTS if self.config.autoplay is None else PLAY_EFFECTS
        drivers = self._drivers.settled(effects, shown)
        sums = drivers.sums(effects, shown)
        settled = replace(self, conflicting=drivers.conflicting)
        if self.config.autoplay is not None:
            return replace(settled, curve=Curve.solve(self.config.autoplay, sums, self.item_duration[item]))
        return replace(settled, intercepts=self._intercepts(sums, item))

    def _intercepts(self, parts: dict[str, Floats], item: Ints) -> NDArray[np.float64]:
        """(5,) for sums over slates of a sample, (requests, slate_size)."""
        config = self.config
        examined = self._looked_at(np.arange(1, item.shape[1] + 1, dtype=np.float32))
        sigma, duration = self._watch_sigma(item), self.item_duration[item]
        curve = parts["click"]
        found = [
            solving.intercept("click_rate", config.click_rate, lambda b: np.mean(examined * expit(b + curve)))
        ]
        clicks = examined * expit(found[0] + curve)
        clicks = clicks / clicks.sum()  # each impression's part of all clicks

        def watch_mean(b: float) -> Any:
            return np.sum(clicks * log_normal.mean(b + parts["watch_time"], sigma, duration))

        def rate(outcome: str) -> Callable[[float], Any]:
            return lambda b: np.sum(clicks * expit(b + parts[outcome]))

        for name in TARGETS[1:]:
            found.append(solving.intercept(f"{name}_rate", getattr(config, f"{name}_rate"), rate(name)))
        return np.array([*found, solving.intercept("watch_mean", config.watch_mean, watch_mean)])


def simulate_log(n_impressions: int = 200_000, seed: int = 0, **config: Any) -> ImpressionLog:
    """A simulated log with its statistics, in one line.

    The seed is used for the world and for the log, independently; ``config`` holds the fields of
    :class:`WorldConfig` that are to differ from their defaults, e.g. ``click_rate=0.05``.
    """
    for name in config:
        validation.one_of("config", name, [part.name for part in fields(WorldConfig)])
    n_impressions = validation.positive_int("n_impressions", n_impressions)  # before a world takes its time
    world = World.build(WorldConfig(**config), seed)
    return world.simulate(n_impressions, seed).with_statistics()


def _stream(seed: int, purpose: int) -> np.random.SeedSequence:
    """Independent streams, even from the same number.

    They are for building a world (0), writing a log (1), and drawing what conflicts (2) and drifts (3).
    """
    return np.random.SeedSequence(validation.seed("seed", seed), spawn_key=(purpose,))


def _columns(given: dict[str, NDArray[Any]], shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Arrays that broadcast to a shape as columns of a table, entry by entry."""
    return {name: np.broadcast_to(values, shape).ravel() for name, values in given.items()}


def _table(given: dict[str, NDArray[Any]], shape: tuple[int, ...]) -> pd.DataFrame:
    return pd.DataFrame(_columns(given, shape))
