"""The truth behind impressions that play at once: what would happen, and what does when it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.simulator.play_time import PlayTime, Reals
from ranking.simulator.truth import COMPLETED
from ranking.simulator.vocabulary import Floats

REACTIONS = ("like", "collect", "share")
"""What a user may do with an item that plays, whether or not much of it was played."""


@dataclass(frozen=True)
class Growth:
    """How the chance of a reaction grows with the part played r: floor + (1 − floor) · min(r, 1)^power."""

    floor: float
    power: float

    def of(self, part: Reals) -> Reals:
        """For parts that were played, of any shape."""
        grown: Reals = self.floor + (1.0 - self.floor) * np.minimum(part, 1.0) ** self.power
        return grown

    def mean(self, plays: PlayTime) -> Reals:
        """The mean over what may be played."""
        return self.floor + (1.0 - self.floor) * plays.power_mean(self.power)


@dataclass(frozen=True, eq=False)
class PlayTruth:
    """What would happen where items play at once; every array has the shape that the arguments broadcast to.

    All probabilities are per impression, given nothing.

    Attributes:
        plays: how long the item plays.
        if_whole: by name of reaction, its probability once the whole item was played.
        growth: by name of reaction, how it grows until then.
    """

    plays: PlayTime
    if_whole: Mapping[str, Floats]
    growth: Mapping[str, Growth]

    @property
    def p_effective_view(self) -> Reals:
        """P(played at least 7 s, or the whole of a shorter item)."""
        return self.plays.p_effective_view

    @property
    def p_long_view(self) -> Reals:
        """The same with 18 s."""
        return self.plays.p_long_view

    @property
    def p_skip(self) -> Reals:
        """P(played less than 3 s)."""
        return self.plays.p_skip

    @cached_property
    def p_like(self) -> Reals:
        """P(like), the mean over what may be played."""
        return self._p("like")

    @cached_property
    def p_collect(self) -> Reals:
        """P(collect), as a like."""
        return self._p("collect")

    @cached_property
    def p_share(self) -> Reals:
        """P(share), as a like."""
        return self._p("share")

    @property
    def watch_time(self) -> Reals:
        """True mean play, in seconds, nothing played included."""
        return self.plays.mean

    @cached_property
    def completion(self) -> Reals:
        """True P(played ≥ 80% of the duration)."""
        return self.plays.reaches(COMPLETED)

    def _p(self, reaction: str) -> Reals:
        return np.asarray(self.if_whole[reaction] * self._grown[reaction])

    @cached_property
    def _grown(self) -> dict[str, Reals]:
        """Means of the growths; reactions of the same growth share it."""
        of: dict[Growth, Reals] = {}
        for growth in self.growth.values():
            if growth not in of:
                of[growth] = growth.mean(self.plays)
        return {name: of[growth] for name, growth in self.growth.items()}

    def reaches(self, share: float) -> Reals:
        """True P(played ≥ ``share`` of the duration), for a share above 0, which may exceed 1."""
        return self.plays.reaches(validation.number("share", share, above=0.0))

    def watch_quantile(self, level: float) -> Reals:
        """Quantile of the play, in seconds; 0.5 is the median."""
        return self.plays.quantile(validation.number("level", level, above=0.0, below=1.0))

    def select(self, rows: ArrayLike) -> Self:
        """The truth of these positions along the first axis."""
        shape = self.plays.shape
        if not shape:
            raise ValueError("rows must select from an array of impressions: this is the truth of one alone")
        at = validation.indices("rows", rows, shape[0])
        parts = {
            name: np.broadcast_to(values, shape)[at] if np.ndim(values) else values
            for name, values in vars(self.plays).items()
            if name in PlayTime.__dataclass_fields__
        }
        whole = {name: values[at] for name, values in self.if_whole.items()}
        return replace(self, plays=PlayTime(**parts), if_whole=whole)

    def frame(self) -> pd.DataFrame:
        """All of it as a table, one row per entry, in the columns of ``ImpressionLog.truth``."""
        names = "effective_view long_view skip".split() + list(REACTIONS)
        columns = {f"p_{name}": getattr(self, f"p_{name}") for name in names}
        columns |= {"watch_time": self.watch_time, "completion": self.completion}
        for name in ("p_leave", "watch_mu"):
            columns[name] = np.broadcast_to(getattr(self.plays, name), self.plays.shape)
        return pd.DataFrame({name: np.ravel(values) for name, values in columns.items()})

    def draw(self, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """What happens, by name of column: views, skip and reactions (bool), and seconds played."""
        validation.instance("rng", rng, np.random.Generator)
        played = self.plays.draw(rng)
        part = played["watch_time"] / self.plays.duration
        grown = {growth: growth.of(part) for growth in set(self.growth.values())}
        drawn: dict[str, NDArray[Any]] = {}
        for name in REACTIONS:
            chance = self.if_whole[name] * grown[self.growth[name]]
            drawn[name] = rng.random(self.plays.shape, dtype=np.float32) < chance
        views = {name: played[name] for name in ("effective_view", "long_view", "skip")}
        return views | drawn | {"watch_time": played["watch_time"]}
