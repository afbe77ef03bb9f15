"""Negative down-sampling (负样本降采样) and the calibration (校准) that undoes what it does to probabilities.

Chapter 3; claims C1–C6 of the source map. The formula is that of He et al., "Practical Lessons from
Predicting Clicks on Ads at Facebook", ADKDD 2014, section 6.3, in the symbols of this course: α is the
``sampling_rate`` in (0, 1], the share of the negatives that training keeps; probabilities are in [0, 1].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.validation import Array


def downsample_negatives(
    labels: ArrayLike, sampling_rate: float, rng: np.random.Generator | int
) -> NDArray[np.intp]:
    """Positions of the rows to train on: every positive, and each negative with chance α (claim C2).

    From labels, 0 or 1, shape (rows,), to sorted positions, shape (kept,), by a generator or a seed for one.
    Without a positive row there is an error: no model learns a rate from negatives alone.
    """
    y = validation.binary("labels", labels)
    validation.rows(labels=y)
    alpha = validation.rate("sampling_rate", sampling_rate)
    if not y.any():
        raise ValueError("labels must hold at least one positive, got none")
    if not isinstance(rng, np.random.Generator):
        rng = np.random.default_rng(validation.seed("rng", rng))
    draws = rng.random(y.size)  # (rows,)
    return np.flatnonzero((y == 1.0) | (draws < alpha))


def downsampled(probabilities: ArrayLike, sampling_rate: float) -> Array:
    """What a perfect model says after training on the sample: p / (p + α (1 − p)) (claims C3, C4).

    From true probabilities p, any shape: raw predictions of at least p, and larger the smaller α is.
    """
    p = validation.probabilities("probabilities", probabilities)
    alpha = validation.rate("sampling_rate", sampling_rate)
    return p / (p + alpha * (1.0 - p))


def calibrate(predictions: ArrayLike, sampling_rate: float) -> Array:
    """Undo the down-sampling: p_true = α p / ((1 − p) + α p) (claim C5).

    From raw predictions p of a model trained on the sample, any shape, and the α that its training used. What
    comes out is never above the raw ones.
    """
    p = validation.probabilities("predictions", predictions)
    alpha = validation.rate("sampling_rate", sampling_rate)
    return alpha * p / ((1.0 - p) + alpha * p)


def calibrate_logits(logits: ArrayLike, sampling_rate: float) -> Array:
    """Claim C5 seen in logits: a shift by ln α, the same for every row.

    It keeps its precision where probabilities round to 0 or 1, and shows why calibration alone cannot change
    the order of a list.
    """
    z = validation.as_floats("logits", logits)
    return z + math.log(validation.rate("sampling_rate", sampling_rate))


def kept_share(base_rate: ArrayLike, sampling_rate: float) -> Array:
    """Share of all rows that training still sees: p + α (1 − p) at a base rate of p (claim C2)."""
    p = validation.probabilities("base_rate", base_rate)
    return p + validation.rate("sampling_rate", sampling_rate) * (1.0 - p)
