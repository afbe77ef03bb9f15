"""Watch time (观看时长): what several losses learn when they are asked how long an item will be watched.

Chapter 6; claims F1–F4 of the source map and slips X4 and X9. Throughout, t is a watch time in seconds, u the
``unit`` in seconds that it is counted in (1 for seconds, 60 for minutes), z a logit and p = sigmoid(z).

What each loss converges to, for rows that look alike to the model (P is their click probability):

==========================  ==========================================================================
loss                        prediction, in seconds
==========================  ==========================================================================
``watch_time_loss``         u·exp(z) → E[t/(u+t)] / E[1/(u+t)], at most E[t], and dependent on u (X9)
``geometric_loss``          u·exp(z) → E[t]
``weighted_logistic_loss``  u·exp(z) → P · E[t | click] / (1 − P); times (1 − P): seconds per impression
``squared_error``           u·o → E[t]
``log_squared_error``       u·exp(o) → exp(E[ln t]); times ``smearing_factor``: near E[t]
``quantile_loss``           F⁻¹(E[F(t)]), F the distribution in the item's ``DurationQuantiles`` group
==========================  ==========================================================================

Losses take tensors of one shape, at least one entry, t of at least 0, and give the mean over all entries, a
scalar; outputs of half precision, as autocast makes them, are taken in single. ``weights`` of the same shape,
at least 0, multiply the losses of the entries: with a mean of 1, as ``fit`` gives them, they leave the scale
as it is. Everything else takes arrays and gives float64; what comes out too large for a float is an error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.validation import Array

if TYPE_CHECKING:
    from torch import Tensor

    Weights = Tensor | None


def watch_time_target(watch_time: ArrayLike, unit: float = 1.0) -> Array:
    """The source's target y = t / (u + t), in [0, 1): with t in units of u it is t / (1 + t) (claim F3)."""
    t = validation.non_negative("watch_time", watch_time)
    return t / _sum(t, validation.number("unit", unit, above=0.0))


def _sum(t: Array, u: float) -> Array:
    """u + t, in seconds; an error where that is infinite."""
    with np.errstate(over="ignore"):
        return validation.as_floats("unit + watch_time", u + t)


def predicted_watch_time(logits: ArrayLike, unit: float = 1.0) -> Array:
    """The odds of p as seconds, u·exp(z) (claim F4); an error where that is infinite (z above 709)."""
    u = validation.number("unit", unit, above=0.0)
    with np.errstate(over="ignore"):
        seconds = u * np.exp(validation.as_floats("logits", logits))
    return validation.as_floats("unit * exp(logits)", seconds)


def seconds_per_impression(logits: ArrayLike, p_click: ArrayLike, unit: float = 1.0) -> Array:
    """Expected seconds per impression from a weighted logistic regression: u·exp(z)·(1 − P).

    Covington et al. (RecSys 2016) leave out the factor, as their click rates are small. The logits are of a
    model trained with :func:`weighted_logistic_loss`, P are calibrated click probabilities, same shape.
    """
    p = validation.probabilities("p_click", p_click)
    seconds = predicted_watch_time(logits, unit)
    validation.same_shape(logits=seconds, p_click=p)
    return seconds * (1.0 - p)


def weighted_logistic_limit(p_click: ArrayLike, mean: ArrayLike) -> Array:
    """What a perfect weighted logistic regression says, in seconds: P·m / (1 − P), any one shape.

    The odds of a click, P in [0, 1), times the ``mean`` m = E[t | click] in seconds.
    """
    p = validation.probabilities("p_click", p_click)
    m = validation.non_negative("mean", mean)
    validation.same_shape(p_click=p, mean=m)
    if (p == 1.0).any():
        raise ValueError("p_click must be below 1: without a row that is not clicked the odds are infinite")
    with np.errstate(over="ignore"):
        return validation.as_floats("p_click * mean / (1 - p_click)", p / (1.0 - p) * m)


def smearing_factor(watch_time: ArrayLike, predictions: ArrayLike) -> float:
    """Mean of t / prediction over training rows: what turns exp(predicted ln t) into a mean.

    The mean of the exponentiated residuals of ln t (Duan, "Smearing Estimate", JASA 1983), for predictions
    exp(predicted ln t) in seconds, above 0. It mends every mean if the residuals are distributed alike.
    """
    t = validation.non_negative("watch_time", watch_time)
    seconds = validation.positive("predictions", predictions)
    validation.same_shape(watch_time=t, predictions=seconds)
    validation.not_empty("watch_time", t)
    with np.errstate(over="ignore"):
        return validation.number("mean of watch_time / predictions", np.mean(t / seconds))


def source_limit(watch_time: ArrayLike, unit: float = 1.0) -> float:
    """What u·exp(z) of :func:`watch_time_loss` converges to on rows that look alike (slip X9), in seconds.

    It is the mean of t with weights 1 / (u + t): between the harmonic mean (u near 0) and the mean (u large).
    """
    t = validation.non_negative("watch_time", watch_time)
    validation.not_empty("watch_time", t)
    u = validation.number("unit", unit, above=0.0)
    seconds = _sum(t, u)
    return float(np.average(t, weights=seconds.min() / seconds))  # a largest weight of 1


def _softplus(z: Tensor) -> Tensor:
    """ln(1 + e^z). From 20 on torch would take z instead, which in double precision is not yet the same."""
    import torch.nn.functional as F  # here, so that what needs only NumPy does not load it

    return F.softplus(z, threshold=40.0)


def watch_time_loss(
    logits: Tensor, watch_time: Tensor, unit: float = 1.0, *, weights: Weights = None
) -> Tensor:
    """The source's loss: cross-entropy of y = t / (u + t) and p = sigmoid(z), its sign right (F2, F3, X4).

    Its gradient at a logit is p − y. Computed as y·softplus(−z) + (1 − y)·softplus(z), with 1 − y taken
    directly as u / (u + t), so that it stays exact for hours of watch time. Logits z and watch times t have
    one shape; t, at least 0, and the ``unit`` u, above 0, are in seconds.
    """
    z, t, u = _checked("logits", logits, watch_time, unit)
    return _mean((t * _softplus(-z) + u * _softplus(z)) / (u + t), weights)


def geometric_loss(
    logits: Tensor, watch_time: Tensor, unit: float = 1.0, *, weights: Weights = None
) -> Tensor:
    """−[t ln p + ln(1 − p)] with t in units of u: the source's loss without its weight 1 / (1 + t).

    It is the log likelihood of a geometric distribution with the mean exp(z), and u·exp(z) converges to E[t]
    whatever the distribution is. Its gradient at a logit is (1 + t) p − t.
    """
    z, t, u = _checked("logits", logits, watch_time, unit)
    return _mean(t / u * _softplus(-z) + _softplus(z), weights)


def weighted_logistic_loss(
    logits: Tensor, watch_time: Tensor, clicked: Tensor, unit: float = 1.0, *, weights: Weights = None
) -> Tensor:
    """Covington et al.'s loss over *all* impressions: −[c·t·ln p + (1 − c)·ln(1 − p)] (RecSys 2016).

    A logistic regression of the click c, 0 or 1, in which a clicked row weighs t and any other row 1. Unlike
    :func:`geometric_loss`, a clicked row does not count as a negative as well; t is read on no other.
    """
    z, t, u = _checked("logits", logits, watch_time, unit)
    validation.tensors(clicked=clicked, logits=logits)
    validation.binary("clicked", clicked)
    c = clicked.to(z.dtype)
    return _mean(c * t / u * _softplus(-z) + (1 - c) * _softplus(z), weights)


def squared_error(
    outputs: Tensor, watch_time: Tensor, unit: float = 1.0, *, weights: Weights = None
) -> Tensor:
    """Mean of (o − t/u)²: the direct regression of claim F1. u·o converges to E[t], and may fall below 0."""
    o, t, u = _checked("outputs", outputs, watch_time, unit)
    return _mean((o - t / u).square(), weights)


def log_squared_error(
    outputs: Tensor, watch_time: Tensor, unit: float = 1.0, *, weights: Weights = None
) -> Tensor:
    """Mean of (o − ln(t/u))². u·exp(o) converges to the geometric mean of t.

    A watch time of 0, whose logarithm does not exist, is an error: leave such rows out, and count them.
    """
    o, t, u = _checked("outputs", outputs, watch_time, unit)
    validation.positive("watch_time", t)
    return _mean((o - (t / u).log()).square(), weights)


def quantile_loss(logits: Tensor, quantiles: Tensor, *, weights: Weights = None) -> Tensor:
    """Mean of (sigmoid(z) − q)² for quantiles q in [0, 1] of :meth:`DurationQuantiles.targets` (D2Q)."""
    validation.tensors(logits=logits, quantiles=quantiles)
    validation.probabilities("quantiles", quantiles)
    z = _outputs("logits", logits)
    return _mean((z.sigmoid() - quantiles.to(z.dtype)).square(), weights)


def _mean(losses: Tensor, weights: Weights) -> Tensor:
    """Mean of the losses, each times its weight, which does not count as a row."""
    if weights is None:
        return losses.mean()
    validation.tensors(weights=weights, losses=losses)
    validation.non_negative("weights", weights)
    return (losses * weights.to(losses.dtype)).mean()


def _outputs(name: str, outputs: Tensor) -> Tensor:
    """Outputs of a model, checked, in single precision at least."""
    if not outputs.is_floating_point():
        raise ValueError(f"{name} must be of a floating type, got {outputs.dtype}")
    return _finite(name, outputs if outputs.element_size() >= 4 else outputs.float())


def _finite(name: str, values: Tensor) -> Tensor:
    """The tensor, once none of it is NaN or infinite."""
    # A sum is the cheapest look at all numbers; only if it is not finite is there more to find out.
    if not math.isfinite(values.detach().sum().item()):
        validation.as_floats(name, values)
    return values


def _checked(name: str, outputs: Tensor, watch_time: Tensor, unit: float) -> tuple[Tensor, Tensor, float]:
    """Outputs and watch times in one type, and the unit; checked."""
    validation.tensors(**{name: outputs, "watch_time": watch_time})
    o = _outputs(name, outputs)
    validation.non_negative("watch_time", watch_time)
    t = _finite("watch_time in the precision of the outputs", watch_time.to(o.dtype))
    return o, t, validation.number("unit", unit, above=0.0)
