"""The watch-time explorer of chapter 6: what exp(z) says of a watch time, by spread and unit (X9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from bookwork.explorer.traits import Share
from ranking_course.explorers.base import Explorer

if TYPE_CHECKING:
    from ranking.watch_time import LogNormalWatchTime

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
    default_labels: ClassVar[Mapping[str, str]] = {
        "title": "Watch-time explorer",
        "alt": (
            "Watch-time explorer. A watch time with mean {mean} s and median {median} s, counted in units of "
            "{unit} s: u·exp(z) is {said} s. Sliders change mean, spread and unit."
        ),
        "reset": "Reset",
        "table": "Data table",
        "readout": "Arrow keys read out values.",
        "mean_slider": "Mean watch time",
        "mean_slider_hint": "true mean of t, given click",
        "sigma": "Spread σ",
        "sigma_hint": "standard deviation of ln t",
        "unit": "Unit u",
        "unit_hint": "t is counted in it: y = t / (u + t)",
        "seconds": "{n} s",
        "minutes": "{n} min",
        "hours": "{n} h",
        "day": "1 day",
        "time": "watch time t in s",
        "density": "density of ln t",
        "share_below": "share watched for less",
        "mean": "mean",
        "median": "median",
        "said": "u·exp(z)",
        "all_three": "mean = median = u·exp(z)",
        "present": "now",
        "density_title": "How long it is watched",
        "density_alt": (
            "Density of a log-normal watch time on a logarithmic axis. Its mean is {mean}, its median "
            "{median}; u·exp(z) says {said}."
        ),
        "density_alt_certain": "The watch time is always {mean}; mean, median and u·exp(z) are one.",
        "density_note": "Mean {mean}, median {median}, u·exp(z) {said}.",
        "density_caption": "Watch time with mean {mean}, σ = {sigma}",
        "quantity": "quantity",
        "harmonic_mean": "harmonic mean",
        "target": "target y",
        "target_title": "What the model is asked for",
        "target_alt": (
            "The target y = t / (u + t) bends down as t grows. Its mean is p = {p}, which stands for {said}; "
            "at the mean of t, {mean}, the target is {target_of_mean}."
        ),
        "target_note": (
            "p = {p} is the mean of y (the y of the mean: {target_of_mean}); z = ln(p / (1 − p)) = {z}. Read "
            "back on the curve: {said}."
        ),
        "target_caption": "Target by watch time at u = {unit}",
        "curve_title": "What the unit does",
        "curve_alt": (
            "u·exp(z) as a share of the mean, by unit. It rises from {harmonic_share} to 100%; at u = {unit} "
            "it is {share}. The median is {median_share} of the mean."
        ),
        "curve_note": (
            "A tiny unit gives the harmonic mean ({harmonic_share}), a unit of {median} the median "
            "({median_share}), a huge one the mean."
        ),
        "curve_note_certain": "Without spread the unit does not matter.",
        "curve_caption": "u·exp(z) by unit, for mean {mean} and σ = {sigma}",
        "unit_axis": "unit u",
        "share_of_mean": "share of the mean",
        "losses_title": "What other losses would say",
        "losses_alt": "What each loss converges to, where the mean is {mean}: {listed}.",
        "losses_note": "The mark is the true mean. All of it for a model without error, on endless data.",
        "losses_caption": "What each loss converges to at u = {unit}",
        "loss": "loss",
        "converges": "converges to",
        "depends": "depends on u",
        "yes": "yes",
        "no": "no",
        "loss_source": "cross-entropy of t/(u + t)",
        "loss_geometric": "−[t ln p + ln(1 − p)]",
        "loss_squared": "squared error of t",
        "loss_log": "squared error of ln t, then exp",
        "loss_smeared": "the same × {factor}, retransformed",
        "weighted_mean": "weighted mean",
        "geometric_mean": "geometric mean",
        "sentence": (
            "At u = {unit}, u·exp(z) settles at {said}: {share} of the mean of {mean}, and {of_median} times "
            "the median of {median}."
        ),
        "sentence_certain": (
            "Without spread u·exp(z) is right: {said}, whatever the unit. Any spread takes it below the mean."
        ),
    }

    mean = Share(20.0, SHORTEST_MEAN, LONGEST_MEAN, help="E[t] in seconds.").tag(sync=True, explorer=True)
    sigma = Share(1.4, 0.0, WIDEST, help="Standard deviation of ln t.").tag(sync=True, explorer=True)
    unit = Share(1.0, SMALLEST_UNIT, LARGEST_UNIT, help="u: the seconds in which t is counted.").tag(
        sync=True, explorer=True
    )
    quadrature = traitlets.List(help="Nodes and weights of the rule that takes expectations.").tag(
        sync=True, explorer=True
    )

    def __init__(self, mean: float = 20.0, sigma: float = 1.4, unit: float = 1.0, **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        from ranking.watch_time import quadrature

        rule = [part.tolist() for part in quadrature()]
        super().__init__(mean=mean, sigma=sigma, unit=unit, quadrature=rule, **others)

    @property
    def distribution(self) -> LogNormalWatchTime:
        """The watch time of the present setting."""
        # torch comes along with it: only who makes this explorer waits for that
        from ranking.watch_time import LogNormalWatchTime

        return LogNormalWatchTime(mu=np.log(self.mean) - self.sigma**2 / 2, sigma=np.float64(self.sigma))

    def describe(self) -> str:
        """The alternative text where none was given."""
        t = self.distribution
        return self.labels["alt"].format(
            mean=f"{self.mean:g}",
            median=f"{float(t.median):.3g}",
            unit=f"{self.unit:g}",
            said=f"{float(t.source_limit(self.unit)):.3g}",
        )
