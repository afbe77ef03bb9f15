"""How good are predicted probabilities? Order (AUC), level (calibration error) and both at once (log loss).

Every function takes arrays, lists or tensors of one shape, any, and looks at all entries alike. Labels are 0
or 1, or true probabilities where they are known; predictions are probabilities, and where only their order
counts any finite numbers, such as logits. Chapter 3 introduces them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.stats takes half a second to import, and comes when it is first asked for
from numpy.typing import ArrayLike
from scipy.special import xlogy

from ranking import validation
from ranking.validation import Array

MOST_BINS = 1_000_000


def cross_entropy(labels: ArrayLike, predictions: ArrayLike) -> Array:
    """Cross-entropy −(y ln p + (1 − y) ln(1 − p)) of every row, in nats, same shape (claim B4).

    It is ``inf`` where a prediction of 0 or 1 was sure and wrong.
    """
    y = validation.probabilities("labels", labels)
    p = validation.probabilities("predictions", predictions)
    validation.same_shape(labels=y, predictions=p)
    return np.asarray(-(xlogy(y, p) + xlogy(1.0 - y, 1.0 - p)))


def log_loss(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Mean cross-entropy in nats (claim B4); lower is better.

    With true probabilities as ``labels`` it is the loss that one would see on average over fresh labels, free
    of their noise; the truth itself then has the smallest value that any prediction can reach.
    """
    losses = cross_entropy(labels, predictions)
    validation.not_empty("labels", losses)
    return float(losses.mean())


def normalised_entropy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Log loss divided by that of the constant prediction "the mean of the labels".

    1 means no better than knowing the base rate; below 1 the features tell something. Dividing takes the base
    rate out of the number, so that logs with different rates compare (He et al., ADKDD 2014). Labels that are
    all 0 or all 1 are an error: the constant is then perfect and the ratio undefined.
    """
    y = validation.probabilities("labels", labels)
    validation.not_empty("labels", y)
    mean = float(y.mean())
    if mean in (0.0, 1.0):
        raise ValueError(f"labels must hold both classes, got only {mean:.0f}")
    return log_loss(y, predictions) / log_loss(y, np.full(y.shape, mean))


def auc(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Chance that a random positive row scores above a random negative one, ties counting one half.

    A strictly increasing map of the predictions leaves the AUC as it is. Labels are 0 or 1; both must occur.
    """
    y, scores = validation.binary("labels", labels), validation.as_floats("predictions", predictions)
    validation.same_shape(labels=y, predictions=scores)
    up = int(y.sum())
    if up in (0, y.size):
        raise ValueError(f"labels must hold positives and negatives, got {up} and {y.size - up}")
    return expected_auc(y, scores)  # labels are true probabilities of 0 and 1


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram as numbers: what was predicted and what happened, bin by bin.

    Attributes:
        edges: (bins + 1,); bin i holds predictions in (edges[i], edges[i+1]], the first also its left edge.
        predicted, observed: mean prediction and mean label per bin, shape (bins,), NaN in an empty bin.
        count: rows per bin, shape (bins,).
    """

    edges: Array
    predicted: Array
    observed: Array
    count: Array

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of predicted and observed over bins, by their rows."""
        filled = self.count > 0
        if not filled.any():
            raise ValueError("count must hold at least one row, got only empty bins")
        gaps = np.abs(self.predicted[filled] - self.observed[filled])
        return float(np.average(gaps, weights=self.count[filled]))


def reliability(
    labels: ArrayLike, predictions: ArrayLike, bins: int = 15, binning: str = "equal width"
) -> Reliability:
    """Group rows by prediction and compare the mean prediction with the mean label of each group.

    There are ``bins`` of them. "equal width" cuts [0, 1] evenly; "equal count" cuts at quantiles of the
    predictions, so that each bin holds about as many rows (fewer bins come out when predictions repeat).
    """
    y = validation.probabilities("labels", labels)
    p = validation.probabilities("predictions", predictions)
    validation.same_shape(labels=y, predictions=p)
    validation.not_empty("labels", y)
    validation.one_of("binning", binning, ("equal width", "equal count"))
    return _compared(p, y, bins, binning)


def _compared(p: Array, y: Array, bins: int, binning: str) -> Reliability:
    """Mean prediction and mean label of each bin."""
    p, y = p.ravel(), y.ravel()
    edges = np.linspace(0.0, 1.0, validation.positive_int("bins", bins, most=MOST_BINS) + 1)
    if binning == "equal count":
        edges = np.unique(np.quantile(p, edges))
        edges = np.repeat(edges, 2) if edges.size == 1 else edges  # one bin where predictions are all alike
    bins = edges.size - 1
    # The left edge of the first bin belongs to it, and rounding must not push a row past the last one.
    index = np.clip(np.searchsorted(edges, p, side="left") - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins).astype(float)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(index, weights=p, minlength=bins) / count
        observed = np.bincount(index, weights=y, minlength=bins) / count
    return Reliability(edges=edges, predicted=predicted, observed=observed, count=count)


def calibration_error(labels: ArrayLike, predictions: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width: see :attr:`Reliability.error`."""
    return reliability(labels, predictions, bins=bins).error


def reliability_of_means(values: ArrayLike, predictions: ArrayLike, bins: int = 10) -> Reliability:
    """The same comparison for predicted means, such as seconds of watch time: by deciles of the prediction.

    From ``values``, observed or true means where they are known, and predicted means, in bins of equal count.
    """
    y, p = validation.as_floats("values", values), validation.as_floats("predictions", predictions)
    validation.same_shape(values=y, predictions=p)
    validation.not_empty("values", y)
    with np.errstate(over="ignore"):
        if not np.isfinite(np.abs(y).sum() + np.abs(p).sum()):
            raise ValueError("values and predictions must have sums that a float can hold")
    return _compared(p, y, bins, "equal count")


def xauc(values: ArrayLike, predictions: ArrayLike) -> float:
    """Chance that of two rows with different values the larger one has the larger prediction (XAUC).

    Ties of the prediction count one half; pairs of equal ``values``, such as watch times, are left out, and
    all equal is an error. With values of 0 and 1 it is the AUC. Takes O(n log n), from Kendall's τ.
    """
    y, scores = validation.as_floats("values", values), validation.as_floats("predictions", predictions)
    validation.same_shape(values=y, predictions=scores)
    y, scores = y.ravel(), scores.ravel()
    pairs, same_values, same_scores = y.size * (y.size - 1) / 2, _tied_pairs(y), _tied_pairs(scores)
    if pairs == same_values:
        raise ValueError(f"values must hold at least two different numbers, got {y.size} rows without")
    if pairs == same_scores:
        return 0.5
    # τ_b = (concordant − discordant) / √((pairs − same values) (pairs − same scores)), a whole number above
    root = np.sqrt((pairs - same_values) * (pairs - same_scores))
    difference = np.round(scipy.stats.kendalltau(y, scores).statistic * root)
    return float((1.0 + difference / (pairs - same_values)) / 2)


def _tied_pairs(values: Array) -> float:
    """Pairs of entries that are equal."""
    counts = np.unique(values, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1) / 2).sum())


def expected_auc(truth: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> float:
    """AUC over fresh labels drawn from known probabilities, free of the noise of one draw.

    Every row counts as a positive with weight w·q and as a negative with weight w·(1 − q), q being its true
    probability ``truth``: the AUC of infinitely many draws of labels over the same rows. The weight w, at
    least 0, says how often a row counts (None: once); for a rate given click it is the probability of that.
    """
    q, scores = validation.probabilities("truth", truth), validation.as_floats("predictions", predictions)
    w = np.ones(q.shape) if weights is None else validation.non_negative("weights", weights)
    validation.same_shape(truth=q, predictions=scores, weights=w)
    if w.any():
        w = w / w.max()  # so that sums and products of large and of tiny weights are what they are
    positive, negative = (w * q).ravel(), (w * (1.0 - q)).ravel()
    if not positive.sum() > 0.0 or not negative.sum() > 0.0:
        raise ValueError("truth must leave room for positives and negatives among the rows that count")
    _, group = np.unique(scores.ravel(), return_inverse=True)  # ties form one group
    up, down = (np.bincount(group, weights=part) for part in (positive, negative))
    below = np.cumsum(down) - down  # negatives that score lower
    return float((up / up.sum() * ((below + down / 2) / down.sum())).sum())
