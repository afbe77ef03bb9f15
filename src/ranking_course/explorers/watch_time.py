"""The watch-time explorer of chapter 6: what exp(z) says of a watch time, by spread and unit (X9)."""

from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.traits import Share
from ranking.watch_time import LogNormalWatchTime, quadrature
from ranking_course.explorers.base import Explorer


class WatchTimeExplorer(Explorer):
    """What the source's loss makes of a watch time (claims F2–F4), against mean and median, by slider.

    ``WatchTimeExplorer(mean=20.0, sigma=1.4, unit=1.0)``: the watch time t of one user and one item is
    log-normal, as the simulator draws it, and never cut off by the end of the item. The traits ``mean``
    (E[t], from 5 to 600 seconds), ``sigma`` (standard deviation of ln t, from 0 to 2) and ``unit`` (u, the
    seconds in which t is counted, from 0.1 to 86,400) follow the sliders and can be set.
    """

    module = "watch_time"
    settings = ("mean", "sigma", "unit")
    arguments = settings

    mean = Share(20.0, 5.0, 600.0, help="E[t] in seconds.")
    sigma = Share(1.4, 0.0, 2.0, help="Standard deviation of ln t.")
    unit = Share(1.0, 0.1, 86_400.0, help="u: the seconds in which t is counted.")
    quadrature = traitlets.List(
        [part.tolist() for part in quadrature()],
        help="Nodes and weights of the rule that takes expectations.",
    )

    @property
    def distribution(self) -> LogNormalWatchTime:
        """The watch time of the present setting."""
        return LogNormalWatchTime(mu=np.log(self.mean) - self.sigma**2 / 2, sigma=np.array(self.sigma))

    def facts(self) -> dict[str, Any]:
        median, said = float(self.distribution.median), float(self.distribution.source_limit(self.unit))
        shown = {"mean": f"{self.mean:g}", "unit": f"{self.unit:g}"}
        return {**shown, "median": f"{median:.3g}", "said": f"{said:.3g}"}
