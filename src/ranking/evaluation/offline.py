"""What would another ranking have earned? An estimate from a log that this one wrote (chapter 5).

Inverse propensity (Horvitz and Thompson, 1952): outcomes count more where the new ranking would have acted as
the old one seldom did. Doubly robust (Dudík, Langford and Li, ICML 2011): a model says what the new ranking
would earn, and the log, weighted like this, says by how much the model is off.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.validation import Array


class Estimate(NamedTuple):
    """A mean estimated from a log, and its standard error, as the log itself tells it.

    ``effective_rows`` is (Σ w)² / Σ w²: so many equally weighted ones would be as much; 0 where all w are 0.
    ``mean_weight`` is the mean of w before any clipping. It is 1 up to chance; where it is not, the
    propensities are wrong, or the log lacks what the target policy does.
    """

    value: float
    standard_error: float
    effective_rows: float
    mean_weight: float


def inverse_propensity(
    rewards: ArrayLike,
    target: ArrayLike,
    logged: ArrayLike,
    clip: float | None = None,
    normalised: bool = False,
) -> Estimate:
    """The mean reward that another policy would have had, from the log of the one that acted.

    Each row is weighted with w = target / logged. Without clipping the mean of w · reward is right on
    average, provided that the logging policy could do all that the target policy does. Clipping (min(w,
    clip)) trades bias for variance. Normalising divides by the mean of w instead of by 1, which its
    expectation is (self-normalised estimator; Swaminathan and Joachims, NeurIPS 2015).

    Args:
        rewards: what was observed, shape (rows,), at least two.
        target: chance that the policy to be judged does what was done, in [0, 1], shape (rows,).
        logged: propensity: chance with which it was done, in (0, 1], shape (rows,).
        clip: the largest weight that counts, above 0; None for no limit.
        normalised: whether to divide by the mean weight, which must not be 0 then.
    """
    reward = _rewards(rewards)
    weight = _weights(reward, target, logged)
    normalised = validation.flag("normalised", normalised)
    mean_weight = _mean(weight)
    weight = _clipped(weight, clip)
    largest = float(weight.max())
    if normalised and largest == 0.0:
        raise ValueError("target must be above 0 in at least one row to normalise, got none")
    with np.errstate(over="ignore", invalid="ignore"):
        if normalised:
            part = weight / largest  # of the largest: squares of it are what they are
            total = float(part.sum())
            value = float((part * reward).sum() / total)
            error = float(np.sqrt((part**2 * (reward - value) ** 2).sum()) / total)
        else:
            value, error = _mean_and_error(weight * reward)
    return _estimate(value, error, _effective(weight), mean_weight)


def doubly_robust(
    rewards: ArrayLike,
    target: ArrayLike,
    logged: ArrayLike,
    predicted: ArrayLike,
    expected: ArrayLike,
    clip: float | None = None,
) -> Estimate:
    """The mean reward of another policy, from a model of the reward and a log that says how far it is off.

    The mean of expected + w · (reward − predicted) with w = target / logged. It is right on average if the
    propensities are right, whatever the model says, and also if the model is right, whatever the
    propensities say (Dudík, Langford and Li, ICML 2011). Clipped weights (min(w, clip)) leave the model's
    error in what is cut off, and nothing worse.

    Args:
        rewards: what was observed, shape (rows,), at least two.
        target: chance that the policy to be judged does what was done, in [0, 1], shape (rows,).
        logged: propensity: chance with which it was done, in (0, 1], shape (rows,).
        predicted: the model's reward of what was done, shape (rows,).
        expected: the model's mean reward under the policy to be judged, Σ target · prediction over all that
            could be done, shape (rows,).
        clip: the largest weight that counts, above 0; None for no limit.
    """
    reward = _rewards(rewards)
    weight = _weights(reward, target, logged)
    of_done, of_target = (
        validation.as_floats("predicted", predicted),
        validation.as_floats("expected", expected),
    )
    validation.same_shape(rewards=reward, predicted=of_done, expected=of_target)
    mean_weight = _mean(weight)
    weight = _clipped(weight, clip)
    with np.errstate(over="ignore", invalid="ignore"):
        value, error = _mean_and_error(of_target + weight * (reward - of_done))
    return _estimate(value, error, _effective(weight), mean_weight)


def slate_propensity(
    rewards: ArrayLike, target: ArrayLike, logged: ArrayLike, given_above: bool = False
) -> Estimate:
    """What lists in another order would have earned, in sum over the places: inverse propensity for slates.

    Place by place, an item counts where the new policy would have put it just there. That assumes that what
    an item earns depends on its place alone (the item-position estimator of Li et al., KDD 2018).
    ``given_above`` multiplies the weights of a place and of all above it: then what stands above may matter,
    and only what stands below may not (McInerney et al., KDD 2020). The last place then has the weight of the
    whole list.

    Args:
        rewards: what each place earned, shape (requests, places), at least two requests.
        target: chance that the policy to be judged puts the item there, in [0, 1], (requests, places).
        logged: chance with which it was put there, in (0, 1], (requests, places). ``given_above`` asks for
            both chances given the items above.
        given_above: whether what stands above may matter.

    Returns:
        The mean per request; ``effective_rows`` and ``mean_weight`` are those of the place that has the
        fewest effective rows.
    """
    reward = validation.as_floats("rewards", rewards)
    if reward.ndim != 2 or len(reward) < 2 or not reward.size:
        raise ValueError(
            f"rewards must have shape (requests, places), two requests or more, got {reward.shape}"
        )
    weight = _weights(reward, target, logged)
    with np.errstate(over="ignore", invalid="ignore"):
        if validation.flag("given_above", given_above):
            weight = np.asarray(np.cumprod(weight, axis=1), dtype=np.float64)
            if not np.isfinite(weight).all():
                raise ValueError(
                    "logged must leave the product of target / logged finite, got too small ones"
                )
        value, error = _mean_and_error((weight * reward).sum(axis=1))
    effective, mean_weight = min((_effective(column), _mean(column)) for column in weight.T)
    return _estimate(value, error, effective, mean_weight)


def _rewards(rewards: ArrayLike) -> Array:
    """(rows,), two or more."""
    reward = validation.as_floats("rewards", rewards)
    if reward.ndim != 1 or reward.size < 2:
        raise ValueError(f"rewards must have shape (rows,) with at least two rows, got {reward.shape}")
    return reward


def _weights(reward: Array, target: ArrayLike, logged: ArrayLike) -> Array:
    """target / logged, checked, in the shape of the rewards."""
    chosen, acted = validation.probabilities("target", target), validation.probabilities("logged", logged)
    validation.same_shape(rewards=reward, target=chosen, logged=acted)
    least = np.unravel_index(int(np.argmin(acted)), acted.shape)
    where = f"at index {int(least[0]) if len(least) == 1 else tuple(map(int, least))}"
    if acted[least] == 0.0:
        raise ValueError(f"logged must be above 0: what was done had a chance, got 0 {where}")
    with np.errstate(over="ignore"):
        weight = chosen / acted
    if not np.isfinite(weight).all():
        raise ValueError(f"logged must leave target / logged finite, got {acted[least]} {where}")
    return weight


def _clipped(weight: Array, clip: float | None) -> Array:
    return weight if clip is None else np.minimum(weight, validation.number("clip", clip, above=0.0))


def _mean(weight: Array) -> float:
    """The mean of weights (rows,), also where their sum is more than a float holds."""
    largest = float(weight.max())
    return largest * float((weight / largest).mean()) if largest > 0.0 else 0.0


def _effective(weight: Array) -> float:
    """(Σ w)² / Σ w² of weights (rows,), also where the squares are more than a float holds."""
    largest = float(weight.max())
    if largest == 0.0:
        return 0.0
    part = weight / largest
    return float(part.sum()) ** 2 / float((part**2).sum())


def _mean_and_error(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def _estimate(value: float, error: float, effective: float, mean_weight: float) -> Estimate:
    if not (math.isfinite(value) and math.isfinite(error)):
        raise ValueError(f"rewards must leave an estimate that a float can hold, got {value} ± {error}")
    return Estimate(value, error, effective, mean_weight)
