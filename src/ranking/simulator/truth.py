"""The truth behind impressions: what would happen, and what does when labels are drawn from it."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.logs.impressions import TARGETS
from ranking.simulator import log_normal
from ranking.simulator.vocabulary import Floats

COMPLETED = 0.8
"""A completion is a play of at least this share of the duration (claim G2)."""


@dataclass(frozen=True)
class Truth:
    """What would happen, for any users and items; every array has the shape that the arguments broadcast to.

    Attributes:
        p_click: P(click | shown).
        p_like, p_collect, p_share: P(· | clicked). Per impression, multiply by ``p_click``.
        watch_mu, watch_sigma: mean and standard deviation of ln(watch time), before the item ends.
        duration: seconds.
    """

    p_click: Floats
    p_like: Floats
    p_collect: Floats
    p_share: Floats
    watch_mu: Floats
    watch_sigma: Floats
    duration: Floats

    @cached_property
    def watch_time(self) -> Floats:
        """True mean watch time given click, in seconds."""
        return log_normal.mean(self.watch_mu, self.watch_sigma, self.duration)

    @cached_property
    def completion(self) -> Floats:
        """True P(played ≥ 80% of the duration), given click."""
        return self.reaches(COMPLETED)

    def reaches(self, share: float) -> Floats:
        """True P(played ≥ ``share`` of the duration), given click, for a share in (0, 1]."""
        share = validation.rate("share", share)
        return log_normal.reaches(self.watch_mu, self.watch_sigma, self.duration, share)

    def watch_quantile(self, level: float) -> Floats:
        """Quantile of the watch time given click, in seconds; 0.5 is the median."""
        level = validation.number("level", level, above=0.0, below=1.0)
        return log_normal.quantile(self.watch_mu, self.watch_sigma, self.duration, level)

    def select(self, rows: ArrayLike) -> Self:
        """The truth of these positions along the first axis."""
        rows = validation.indices("rows", rows, len(self.p_click))
        return type(self)(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})

    def frame(self) -> pd.DataFrame:
        """All of it as a table, one row per entry, in the columns of ``ImpressionLog.truth``."""
        names = [part.name for part in fields(self) if part.name != "duration"] + ["watch_time", "completion"]
        return pd.DataFrame({name: np.ravel(getattr(self, name)) for name in names})

    def draw(self, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Labels drawn from it: clicks and what follows (bool), and seconds watched, by name of column."""
        validation.instance("rng", rng, np.random.Generator)
        shape = self.p_click.shape
        drawn: dict[str, NDArray[Any]] = {}
        for name in TARGETS:
            drawn[name] = rng.random(shape, dtype=np.float32) < getattr(self, f"p_{name}")
            drawn[name] &= drawn["click"]
        noise = rng.standard_normal(shape, dtype=np.float32)
        with np.errstate(over="ignore"):  # what is too large for a float has reached the end
            watched = np.minimum(np.exp(self.watch_mu + self.watch_sigma * noise), self.duration)
        return drawn | {"watch_time": np.where(drawn["click"], watched, np.float32(0.0))}
