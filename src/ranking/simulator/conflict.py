"""A conflict knob: scenes in which a target follows other drivers than elsewhere.

In a scene without a conflict, the drivers of an outcome add up to D = ``EFFECTS`` · drivers. In the scenes of
a conflict the drivers of its ``target`` add up to something else, of the same mean and ``strength`` times the
spread:

    D' = mean(D) + ``strength`` · sd(D) · (ρ · R + √(1 − ρ²) · N),    ρ = ``alignment``,

R being what the ``reference`` follows there and N an unrelated taste, both standardised over the logged
impressions of the scene, N after what R explains of it was taken out. Over those impressions ρ is therefore
the correlation of what target and reference follow: 1 for aligned, 0 for unrelated, −1 for opposed.

A taste of a scene is how near the user's vector is to the topic that takes the item's place there: on the way
to work, who loves music may want news. Each scene has a ring of topics of its own, and the item's topic gives
way to the second next on it. With ``own_taste`` the reference, too, follows another taste in each of the
scenes (the next topic on the ring) rather than its usual drivers: then no single order of the items serves
all scenes.

Biases of users, effects of topics and of the time stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ranking import validation
from ranking.simulator.vocabulary import LARGEST_EFFECT, OUTCOMES, SCENES, Floats, Ints

LEAST_SPREAD = 1e-6  # below it there is nothing to follow


@dataclass(frozen=True)
class Conflict:
    """In which scenes which target follows what; see the module for the formula.

    Attributes:
        target: the outcome that parts ways.
        reference: the outcome that it goes with, against or past; another one.
        scenes: names in ``SCENES``, where it does so.
        alignment: ρ, from −1 (opposed) over 0 (unrelated) to 1 (aligned).
        own_taste: whether the reference follows a taste of its own in each of the scenes.
        strength: how much of the usual spread the conflict has, above 0 and at most 1,000.
    """

    target: str = "like"
    reference: str = "click"
    scenes: Sequence[str] = ("commute", "work", "other")
    alignment: float = 0.0
    own_taste: bool = False
    strength: float = 1.0

    def __post_init__(self) -> None:
        validation.one_of("target", self.target, OUTCOMES)
        validation.one_of("reference", self.reference, OUTCOMES)
        if self.target == self.reference:
            raise ValueError(f"reference must be another outcome than the target, got {self.reference!r}")
        scenes = validation.names("scenes", self.scenes)
        for name in scenes:
            validation.one_of("scenes", name, SCENES)
        set_ = object.__setattr__
        set_(self, "scenes", scenes)
        set_(self, "alignment", validation.number("alignment", self.alignment, least=-1.0, most=1.0))
        set_(self, "own_taste", validation.flag("own_taste", self.own_taste))
        set_(self, "strength", validation.number("strength", self.strength, above=0.0, most=LARGEST_EFFECT))


@dataclass(frozen=True, eq=False)
class Conflicting:
    """A conflict as it happens in one world.

    Attributes:
        conflict: what was asked for.
        instead: (2, scenes, topics), the topic in another's place: for the reference, for the target.
        there: (scenes,), whether the scene is in conflict.
        scale: means, spreads and the regression of N on R by name, each (scenes,), of :meth:`settle`.
    """

    conflict: Conflict
    instead: NDArray[np.int16]
    there: NDArray[np.bool_]
    scale: Mapping[str, Floats]

    @classmethod
    def draw(cls, conflict: Conflict, n_topics: int, rng: Generator) -> Self:
        """Draw a ring of the topics for every scene."""
        instead = np.empty((2, len(SCENES), n_topics), dtype=np.int16)
        for scene in range(len(SCENES)):
            ring = rng.permutation(n_topics)
            for step in (1, 2):
                instead[step - 1, scene, ring] = np.roll(ring, -step)
        return cls(conflict, instead, np.isin(SCENES, conflict.scenes), {})

    def settle(self, sums: Mapping[str, Floats], tastes: Sequence[Floats], scene: Ints) -> Self:
        """The conflict with the scale that logged impressions give it.

        ``sums`` are what the drivers of each outcome add up to, ``tastes`` the nearness to the topics of
        ``instead``; these and ``scene`` have the shape of the impressions.

        Raises:
            ValueError: in a scene nothing varies that could be followed.
        """
        conflict = self.conflict
        scale = {
            name: np.zeros(len(SCENES)) for name in "mean_r sd_r mean_m sd_m mean_t sd_t a b sd_n".split()
        }
        for at in np.flatnonzero(self.there):
            rows = np.broadcast_to(scene, tastes[0].shape) == at
            if not rows.any():
                raise ValueError(
                    f"conflict.scenes: the log of this world has no impression in {SCENES[at]!r}"
                )
            reference, own, other, target = (
                part[rows].astype(np.float64)
                for part in (sums[conflict.reference], *tastes, sums[conflict.target])
            )
            found = {"mean_r": reference.mean(), "sd_r": reference.std()}
            found |= {"mean_m": own.mean(), "sd_m": own.std(), "mean_t": target.mean(), "sd_t": target.std()}
            followed = own if conflict.own_taste else reference
            spread = max(followed.std(), LEAST_SPREAD)
            r = (followed - followed.mean()) / spread
            found |= {"a": other.mean(), "b": np.mean(r * other)}
            found["sd_n"] = np.std(other - found["b"] * r)
            for name in ("sd_m" if conflict.own_taste else "sd_r", "sd_t", "sd_n"):
                if found[name] <= LEAST_SPREAD:
                    raise ValueError(
                        f"conflict: nothing to follow varies in {SCENES[at]!r} in so small a world"
                    )
            for name, value in found.items():
                scale[name][at] = value
        kept = {name: values.astype(np.float32) for name, values in scale.items()}
        return replace(self, scale=kept)

    def follow(self, sums: dict[str, Floats], tastes: Sequence[Floats], scene: Ints) -> dict[str, Floats]:
        """``sums`` of the target (and of a reference of its own taste) as they are in each scene."""
        conflict, there = self.conflict, self.there[scene]
        at = {
            name: np.where(self.there, values, 1.0).astype(np.float32)[scene]
            for name, values in self.scale.items()
        }
        r = (sums[conflict.reference] - at["mean_r"]) / at["sd_r"]
        if conflict.own_taste:
            r = np.where(there, (tastes[0] - at["mean_m"]) / at["sd_m"], r)
        n = (tastes[1] - at["a"] - at["b"] * r) / at["sd_n"]
        rho = np.float32(conflict.alignment)
        followed = rho * r + np.sqrt(1 - rho**2) * n
        follows = at["mean_t"] + np.float32(conflict.strength) * at["sd_t"] * followed
        changed = {conflict.target: np.where(there, follows, sums[conflict.target])}
        if conflict.own_taste:
            own = at["mean_r"] + at["sd_r"] * r
            changed[conflict.reference] = np.where(there, own, sums[conflict.reference])
        return sums | changed
