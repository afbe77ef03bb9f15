"""What drives outcomes: every logit, and the mean of ln(watch time), is a sum.

    intercept + bias of the user + effect of the topic + effects · drivers + context + drift

The drivers that only the simulator sees (affinity, quality, appeal) are what a model has to infer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ranking.simulator.conflict import Conflicting
from ranking.simulator.drift import Drifting
from ranking.simulator.population import Population
from ranking.simulator.vocabulary import OUTCOMES, Floats, Ints

Effects = Mapping[str, Mapping[str, float]]

EFFECTS: Effects = {
    "click": {"affinity": 3.0, "quality": 0.2, "appeal": 0.7, "followed": 0.6, "length": -0.2},
    "like": {"affinity": 1.5, "quality": 0.8, "appeal": -0.5, "followed": 0.8},
    "collect": {"affinity": 1.0, "quality": 0.8, "appeal": -0.4, "length": 0.4},
    "share": {"affinity": 0.8, "quality": 0.4, "appeal": 0.2, "length": -0.3},
    "watch_time": {"affinity": 0.8, "quality": 0.3, "appeal": -0.3, "followed": 0.1, "length": 0.35},
}
"""What each driver adds to a logit (to ln seconds for watch time). Affinity is the cosine of user and item,
quality and appeal have a standard deviation of about 1, followed is 0 or 1, length is ln(duration / 60 s);
patience is the user's bias of watch time, which drives other outcomes where items play at once."""

# Added to the click logit per unit of length, by scene: on the way, long items are left alone.
SCENE_LENGTH = np.array((0.10, -0.50, -0.25, 0.0), dtype=np.float32)
SCENE_WATCH = np.array((0.10, -0.20, -0.30, 0.0), dtype=np.float32)  # added to μ, by scene
WEEKEND_WATCH = 0.1  # added to μ on Saturday and Sunday
PEAK_CLICK = 0.4  # height of a daily wave on the click logit, whose top is the peak hour of the topic


@dataclass(frozen=True, eq=False)
class Showing:
    """Items shown to users in their contexts; arrays of whole numbers that broadcast.

    Attributes:
        user, item, hour, weekday, scene: as in ``World.truth``.
        time_ms: the moment, for a world that drifts; else None.
        mood: the topic that the user is in the mood for, for a world with sessions; else None.
        seen: impressions of the item's topic so far in the session.
    """

    user: Ints
    item: Ints
    hour: Ints
    weekday: Ints
    scene: Ints
    time_ms: NDArray[np.int64] | None = None
    mood: Ints | None = None
    seen: Ints | None = None


@dataclass(frozen=True, eq=False)
class Drivers:
    """A population with what moves and what conflicts in its world.

    Attributes:
        people: users, items and all that only the simulator sees of them.
        drifting, conflicting: None where nothing drifts, where nothing conflicts.
    """

    people: Population
    drifting: Drifting | None = None
    conflicting: Conflicting | None = None

    def sums(self, effects: Effects, shown: Showing) -> dict[str, Floats]:
        """The logits of the four targets, and μ, without intercepts, by name of outcome."""
        people = self.people
        topic, scene, drivers = people.item_topic[shown.item], shown.scene, self._drivers(shown)
        followed: dict[str, Floats] = {}
        if self.conflicting is not None:
            followed = self.conflicting.follow(self._usual(effects, drivers), self._instead(shown), scene)
        parts: dict[str, Floats] = {}
        for column, outcome in enumerate(OUTCOMES):
            parts[outcome] = people.user_bias[shown.user, column] + people.topic_effect[topic, column]
            if outcome in followed:
                parts[outcome] = parts[outcome] + followed[outcome]
                continue
            for driver, effect in effects[outcome].items():
                parts[outcome] = parts[outcome] + np.float32(effect) * drivers[driver]
        lengthy = SCENE_LENGTH[scene] * drivers["length"]
        parts["click"] = parts["click"] + lengthy + self._daily_wave[topic, shown.hour]
        weekend = np.float32(WEEKEND_WATCH) * (shown.weekday >= 5)
        parts["watch_time"] = parts["watch_time"] + SCENE_WATCH[scene] + weekend
        if people.config.sessions is not None and shown.seen is not None:
            tired: Floats = np.log1p(shown.seen.astype(np.float32))
            parts["click"] = parts["click"] - np.float32(people.config.sessions.fatigue) * tired
        if self.drifting is not None and shown.time_ms is not None:
            age = people.user_age[shown.user]
            for outcome in self.drifting.drift.outcomes:
                parts[outcome] = parts[outcome] + self.drifting.level(outcome, shown.time_ms, age)
        return parts

    def settled(self, effects: Effects, shown: Showing) -> Self:
        """With the scale of the conflict, where there is one, taken from logged impressions."""
        if self.conflicting is None:
            return self
        usual = self._usual(effects, self._drivers(shown))
        return replace(self, conflicting=self.conflicting.settle(usual, self._instead(shown), shown.scene))

    def _drivers(self, shown: Showing) -> dict[str, Floats]:
        people = self.people
        vectors = people.item_vectors[shown.item]
        return {
            "affinity": np.einsum("...d,...d->...", self._tastes(shown), vectors),
            "quality": people.item_quality[shown.item],
            "appeal": people.item_appeal[shown.item],
            "followed": people.follows(shown.user, people.item_author[shown.item]).astype(np.float32),
            "length": np.log(people.item_duration[shown.item] / np.float32(60.0)),
            "patience": people.user_bias[shown.user, OUTCOMES.index("watch_time")],
        }

    def _tastes(self, shown: Showing) -> Floats:
        """What the affinity goes by, (…, dim): the user's vector, at that moment and in that mood."""
        people = self.people
        if self.drifting is None or shown.time_ms is None:
            tastes = people.user_vectors[shown.user]
        else:
            tastes = self.drifting.tastes(people.user_vectors, shown.user, shown.time_ms)
        if people.config.sessions is None or shown.mood is None:
            return tastes
        return tastes + np.float32(people.config.sessions.mood) * people.topic_vectors[shown.mood]

    def _usual(self, effects: Effects, drivers: Mapping[str, Floats]) -> dict[str, Floats]:
        """What the drivers of the outcomes in conflict add up to where there is none."""
        assert self.conflicting is not None
        sums: dict[str, Floats] = {}
        for outcome in (self.conflicting.conflict.reference, self.conflicting.conflict.target):
            sums[outcome] = np.zeros((), dtype=np.float32)
            for driver, effect in effects[outcome].items():
                sums[outcome] = sums[outcome] + np.float32(effect) * drivers[driver]
        return sums

    def _instead(self, shown: Showing) -> tuple[Floats, Floats]:
        """How near tastes are to the topics in the place of the item's: for the reference, the target."""
        assert self.conflicting is not None
        people = self.people
        tastes, topic = self._tastes(shown), people.item_topic[shown.item]
        first, second = (
            np.einsum("...d,...d->...", tastes, people.topic_vectors[instead[shown.scene, topic]])
            for instead in self.conflicting.instead
        )
        return first, second

    @cached_property
    def _daily_wave(self) -> Floats:
        """(topics, 24) what the hour adds to the click logit of a topic."""
        turn = 2 * np.pi / 24 * (np.arange(24) - self.people.topics["peak_hour"].to_numpy()[:, None])
        return np.asarray(PEAK_CLICK * np.cos(turn), dtype=np.float32)
