"""The watch-time explorer of chapter 6: what exp(z) says of a watch time, by spread and unit (X9)."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.traits import Share
from ranking.watch_time import LogNormalWatchTime, quadrature
from ranking_course.explorers.base import Explorer

SHORTEST_MEAN, LONGEST_MEAN = 5.0, 600.0  # seconds
WIDEST = 2.0  # σ of ln t
SMALLEST_UNIT, LARGEST_UNIT = 0.1, 86_400.0  # seconds: a tenth of one, a day


class WatchTimeExplorer(Explorer):
    """What the source's loss makes of a watch time (claims F2–F4), against mean and median, by slider.

    ``WatchTimeExplorer(mean=20.0, sigma=1.4, unit=1.0)``: the watch time t of one user and one item is
    log-normal, as the simulator draws it, and never cut off by the end of the item. The traits ``mean``
    (E[t], from 5 to 600 seconds), ``sigma`` (standard deviation of ln t, from 0 to 2) and ``unit`` (u, the
    seconds in which t is counted, from 0.1 to 86,400) follow the sliders and can be set.
    """

    module = "watch_time"
    settings = ("mean", "sigma", "unit")

    mean = Share(20.0, SHORTEST_MEAN, LONGEST_MEAN, help="E[t] in seconds.")
    sigma = Share(1.4, 0.0, WIDEST, help="Standard deviation of ln t.")
    unit = Share(1.0, SMALLEST_UNIT, LARGEST_UNIT, help="u: the seconds in which t is counted.")
    quadrature = traitlets.List[Any](help="Nodes and weights of the rule that takes expectations.")

    def __init__(self, mean: float = 20.0, sigma: float = 1.4, unit: float = 1.0, **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        rule = [part.tolist() for part in quadrature()]
        super().__init__(mean=mean, sigma=sigma, unit=unit, quadrature=rule, **others)

    @property
    def distribution(self) -> LogNormalWatchTime:
        """The watch time of the present setting."""
        return LogNormalWatchTime(mu=np.log(self.mean) - self.sigma**2 / 2, sigma=np.array(self.sigma))

    def describe(self) -> str:
        """The alternative text where none was given."""
        t = self.distribution
        return self.labels["alt"].format(
            mean=f"{self.mean:g}",
            median=f"{float(t.median):.3g}",
            unit=f"{self.unit:g}",
            said=f"{float(t.source_limit(self.unit)):.3g}",
        )
