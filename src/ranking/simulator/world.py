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

Every logit, and μ, is a sum: intercept + bias of the user + effect of the topic + ``EFFECTS`` · drivers +
context. The drivers that only the simulator sees (affinity, quality, appeal) are what a model has to infer.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from ranking import validation
from ranking.logs.impressions import TARGETS, ImpressionLog
from ranking.simulator import log_normal
from ranking.simulator.log_normal import Real
from ranking.simulator.policy import SCENES, LoggingPolicy, draw_requests
from ranking.simulator.population import (
    MOST_CODES,
    OUTCOMES,
    Floats,
    Ints,
    Population,
    WorldConfig,
    draw_population,
)
from ranking.simulator.truth import Truth

EFFECTS = {
    "click": {"affinity": 3.0, "quality": 0.2, "appeal": 0.7, "followed": 0.6, "length": -0.2},
    "like": {"affinity": 1.5, "quality": 0.8, "appeal": -0.5, "followed": 0.8},
    "collect": {"affinity": 1.0, "quality": 0.8, "appeal": -0.4, "length": 0.4},
    "share": {"affinity": 0.8, "quality": 0.4, "appeal": 0.2, "length": -0.3},
    "watch_time": {"affinity": 0.8, "quality": 0.3, "appeal": -0.3, "followed": 0.1, "length": 0.35},
}
"""What each driver adds to a logit (to ln seconds for watch time). Affinity is the cosine of user and item,
quality and appeal have a standard deviation of about 1, followed is 0 or 1, length is ln(duration / 60 s)."""

# Added to the click logit per unit of length, by scene: on the way, long items are left alone.
SCENE_LENGTH = np.array((0.10, -0.50, -0.25, 0.0), dtype=np.float32)
SCENE_WATCH = np.array((0.10, -0.20, -0.30, 0.0), dtype=np.float32)  # added to μ, by scene
WEEKEND_WATCH = 0.1  # added to μ on Saturday and Sunday
PEAK_CLICK = 0.4  # height of a daily wave on the click logit, whose top is the peak hour of the topic
APPEAL_SPREAD = 0.08  # added to ln σ per unit of appeal: of those drawn in by a cover, some leave at once

MOST_PLACES = int(np.iinfo(np.int16).max) - 1  # positions are kept as int16
SOLVE_REQUESTS = 20_000  # requests on which the intercepts are solved
CHUNK_REQUESTS = 10_000  # requests simulated at a time, which bounds the memory of temporaries


@dataclass(frozen=True, repr=False)
class World(Population):
    """A population and how it behaves.

    Attributes (beyond those of :class:`Population`):
        seed: the seed it was built from.
        intercepts: (5,), one per outcome: four logits, and ln seconds for watch time.
    """

    seed: int
    intercepts: NDArray[np.float64]

    @classmethod
    def build(cls, config: WorldConfig | None = None, seed: int = 0) -> Self:
        """Draw a world and solve for the intercepts, so that its log shows the rates of ``config``.

        The same config and seed give the same world, bit for bit.

        Raises:
            ValueError: a rate cannot be reached, e.g. more clicks than impressions that anybody looks at.
        """
        config = WorldConfig() if config is None else validation.instance("config", config, WorldConfig)
        seed = validation.seed("seed", seed)
        people, sample = (np.random.default_rng(s) for s in _stream(seed, 0).spawn(2))
        population = vars(draw_population(config, people))
        raw = cls(**population, seed=seed, intercepts=np.zeros(len(OUTCOMES)))
        return replace(raw, intercepts=raw._solve_intercepts(sample))

    def truth(
        self,
        user: ArrayLike,
        item: ArrayLike,
        hour: ArrayLike,
        weekday: ArrayLike,
        scene: ArrayLike,
        position: ArrayLike = 1,
    ) -> Truth:
        """What would happen if these items were shown to these users.

        The arguments broadcast: one user against all items is ``truth(7, np.arange(n), 21, 5, 0)``. User and
        item are positions in the tables, ``hour`` is local and from 0 to 23, ``weekday`` 0 on Monday,
        ``scene`` a position in ``SCENES``, and ``position`` a place in the slate, from 1; the default is one
        that everybody looks at.

        Raises:
            ValueError: an argument is no whole number or out of range, or shapes do not broadcast.
        """
        stops = {"user": len(self.users), "item": len(self.items), "hour": 24, "weekday": 7}
        stops |= {"scene": len(SCENES), "position": MOST_PLACES + 1}
        given = dict(zip(stops, (user, item, hour, weekday, scene, position), strict=True))
        at = {
            name: validation.indices(name, values, stops[name], start=int(name == "position"))
            for name, values in given.items()
        }
        shape = validation.broadcast_shape(**at)

        looked_at = self._looked_at(at.pop("position").astype(np.float32))
        parts = self._linear(**at)
        for name, intercept in zip(OUTCOMES, self.intercepts.astype(np.float32), strict=True):
            parts[name] = parts[name] + intercept
        true: dict[str, Any] = {f"p_{name}": expit(parts[name]) for name in TARGETS}
        true["p_click"] = true["p_click"] * looked_at
        true |= {"watch_mu": parts["watch_time"], "watch_sigma": self._watch_sigma(at["item"])}
        true["duration"] = self._duration[at["item"]]
        return Truth(**{name: np.broadcast_to(values, shape) for name, values in true.items()})

    def simulate(self, n_impressions: int, seed: int = 0) -> ImpressionLog:
        """Write a log over the days of the world, in order of time, with the truth beside the labels.

        ``rows`` and ``truth`` have all columns that :class:`ImpressionLog` names but ``tab``; ``users`` and
        ``items`` are copies. If ``n_impressions`` is no multiple of the slate size, the last slate is cut
        short. The world's seed and this one are independent: one world can write many logs.
        """
        n_impressions = validation.positive_int("n_impressions", n_impressions, most=MOST_CODES)
        rng = np.random.default_rng(_stream(seed, 1))
        size = self.config.slate_size
        requests = draw_requests(self, -(-n_impressions // size), rng)
        policy = LoggingPolicy(self)
        rows, truths = [], []
        for start in range(0, len(requests), CHUNK_REQUESTS):
            part = requests[start : start + CHUNK_REQUESTS]
            item, propensity = policy.slates(part, rng)  # (requests, slate_size)
            position = np.arange(1, size + 1, dtype=np.int16)
            truth = self.truth(item=item, position=position, **part.context)
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
                "duration": truth.duration,
                **truth.draw(rng),
            }
            rows.append(pd.DataFrame({k: np.broadcast_to(v, item.shape).ravel() for k, v in shown.items()}))
            truths.append(truth.frame().assign(propensity=propensity.ravel().astype(np.float32)))
        labels, behind = (pd.concat(parts, ignore_index=True)[:n_impressions] for parts in (rows, truths))
        return ImpressionLog(labels, self.users.copy(), self.items.copy(), behind)

    @cached_property
    def _duration(self) -> Floats:
        return np.asarray(self.items["duration"])

    def examination(self, places: int) -> NDArray[np.float64]:
        """P(the user looks at a place), k^(−η) for the first ``places`` of a slate, (places,)."""
        return self._looked_at(
            np.arange(1.0, validation.positive_int("places", places, most=MOST_PLACES) + 1)
        )

    def _looked_at(self, position: NDArray[Real]) -> NDArray[Real]:
        chance: NDArray[Real] = position ** position.dtype.type(-self.config.examination_decay)
        return chance

    def _linear(self, user: Ints, item: Ints, hour: Ints, weekday: Ints, scene: Ints) -> dict[str, Floats]:
        """The four logits and μ without their intercepts, for arrays that broadcast."""
        topic, length = self.item_topic[item], np.log(self._duration[item] / np.float32(60.0))
        drivers = {
            "affinity": np.einsum("...d,...d->...", self.user_vectors[user], self.item_vectors[item]),
            "quality": self.item_quality[item],
            "appeal": self.item_appeal[item],
            "followed": self.follows(user, self.item_author[item]).astype(np.float32),
            "length": length,
        }
        parts: dict[str, Floats] = {}
        for column, outcome in enumerate(OUTCOMES):
            parts[outcome] = self.user_bias[user, column] + self.topic_effect[topic, column]
            for driver, effect in EFFECTS[outcome].items():
                parts[outcome] = parts[outcome] + np.float32(effect) * drivers[driver]
        parts["click"] = parts["click"] + SCENE_LENGTH[scene] * length + self._daily_wave[topic, hour]
        weekend = np.float32(WEEKEND_WATCH) * (weekday >= 5)
        parts["watch_time"] = parts["watch_time"] + SCENE_WATCH[scene] + weekend
        return parts

    @cached_property
    def _daily_wave(self) -> Floats:
        """(topics, 24) what the hour adds to the click logit of a topic."""
        turn = 2 * np.pi / 24 * (np.arange(24) - self.topics["peak_hour"].to_numpy()[:, None])
        return np.asarray(PEAK_CLICK * np.cos(turn), dtype=np.float32)

    def _watch_sigma(self, item: Ints) -> Floats:
        spread = np.exp(np.float32(APPEAL_SPREAD) * self.item_appeal[item])
        return np.asarray(np.float32(self.config.watch_sigma) * spread)

    def _solve_intercepts(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """(5,) the intercepts that bring the means over logged impressions to what is asked for.

        What the logging policy shows does not depend on them, so one sample of slates serves for all.
        """
        config = self.config
        requests = draw_requests(self, SOLVE_REQUESTS, rng)
        item, _ = LoggingPolicy(self).slates(requests, rng)  # (requests, slate_size)
        parts = self._linear(item=item, **requests.context)
        examined = self._looked_at(np.arange(1, item.shape[1] + 1, dtype=np.float32))
        sigma, duration = self._watch_sigma(item), self._duration[item]
        curve = parts["click"]
        found = [_solve("click_rate", config.click_rate, lambda b: np.mean(examined * expit(b + curve)))]
        clicks = examined * expit(found[0] + curve)
        clicks = clicks / clicks.sum()  # each impression's part of all clicks

        def watch_mean(b: float) -> Any:
            return np.sum(clicks * log_normal.mean(b + parts["watch_time"], sigma, duration))

        def rate(outcome: str) -> Callable[[float], Any]:
            return lambda b: np.sum(clicks * expit(b + parts[outcome]))

        for name in TARGETS[1:]:
            found.append(_solve(f"{name}_rate", getattr(config, f"{name}_rate"), rate(name)))
        return np.array([*found, _solve("watch_mean", config.watch_mean, watch_mean)])


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
    """Independent streams for building a world (0) and for writing a log (1), even from the same number."""
    return np.random.SeedSequence(validation.seed("seed", seed), spawn_key=(purpose,))


def _solve(name: str, wanted: float, mean: Callable[[float], Any]) -> float:
    """The intercept at which ``mean``, which rises with it, is as wanted; all in single precision."""
    low, high = -25.0, 25.0
    least, most = mean(low), mean(high)
    if not least < wanted < most:
        reached = f"between {least:.4g} and {most:.4g}, what this world can reach"
        raise ValueError(f"{name} must be {reached}, got {wanted}")
    return float(brentq(lambda b: mean(b) - wanted, low, high, xtol=1e-6))
