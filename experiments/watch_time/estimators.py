"""Chapter 6's losses: how the outputs of each are read, and what each converges to where all is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from experiments.watch_time.setting import Floats, expected
from ranking import watch_time as wt
from ranking.training import Loss

UNITS = (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0)
"""Of the source's loss, in seconds."""


@dataclass(frozen=True)
class Estimator:
    """A loss for some label, how its outputs are read, and what it converges to where all is known.

    Attributes:
        loss: of outputs and labels, tensors of one shape.
        read: from outputs to the label that they promise; ``ask`` is its inverse.
        ceiling: from the distribution of every row to the label that the loss converges to, shape (rows,).
    """

    loss: Loss
    read: Callable[[Floats], Floats]
    ask: Callable[[Floats], Floats]
    ceiling: Callable[[wt.LogNormalWatchTime], Floats]

    def value(self, outputs: Floats, labels: Floats) -> float:
        """The loss of outputs on labels; on ceilings it is that over fresh labels, up to a constant."""
        pair = (torch.from_numpy(np.asarray(values, dtype=np.float64)) for values in (outputs, labels))
        return float(self.loss(next(pair), next(pair)))

    def constant(self, labels: Floats) -> float:
        """The one output that is best for all rows, a number of labels or (rows, columns) being given."""
        shape = (len(labels), 1) if labels.ndim == 2 else labels.shape
        found = minimize_scalar(
            lambda output: self.value(np.full(shape, output), labels), bounds=(-20.0, 20.0), method="bounded"
        )
        return float(found.x)

    def gap_closed(self, outputs: Floats, truth: wt.LogNormalWatchTime) -> float:
        """The part of the way from the best constant to the ceiling, by the loss over fresh labels."""
        ceiling = self.ceiling(truth)
        worst = self.value(np.full(ceiling.shape, self.constant(ceiling)), ceiling)
        best, ours = (self.value(each_row, ceiling) for each_row in (self.ask(ceiling), outputs))
        return (worst - ours) / (worst - best)


def of_one_more(outputs: torch.Tensor, watch_time: torch.Tensor) -> torch.Tensor:
    """Squared error on ln(1 + t), t in seconds: what many take since ln 0 does not exist."""
    return wt.log_squared_error(outputs, 1.0 + watch_time)


def source(unit: float) -> Estimator:
    """The source's loss in a unit (claims F2 to F4)."""
    return Estimator(
        partial(wt.watch_time_loss, unit=unit),
        lambda z: wt.predicted_watch_time(z, unit),
        lambda t: np.log(t / unit),
        lambda truth: truth.source_limit(unit),
    )


def estimators(scale: float) -> dict[str, Estimator]:
    """Losses whose label is the watch time itself; ``scale`` is the unit of those that find the mean."""
    found = {
        "squared error on t": Estimator(
            partial(wt.squared_error, unit=scale),
            lambda o: scale * o,
            lambda t: t / scale,
            lambda truth: truth.mean,
        ),
        "squared error on ln t": Estimator(
            wt.log_squared_error, np.exp, np.log, lambda truth: truth.geometric_mean
        ),
        "squared error on ln(1 + t)": Estimator(
            of_one_more, np.expm1, np.log1p, lambda truth: np.expm1(expected(truth, np.log1p))
        ),
        "without the weight": Estimator(
            partial(wt.geometric_loss, unit=scale),
            lambda z: wt.predicted_watch_time(z, scale),
            lambda t: np.log(t / scale),
            lambda truth: truth.mean,
        ),
    }
    return found | {f"source, unit {unit:g} s": source(unit) for unit in UNITS}
