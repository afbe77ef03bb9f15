"""Score fusion (分数融合): one score from several predictions, and the list that it makes.

Chapter 5; claims E1–E3 of the source map, and two additions that practice uses (slip X15): fusion by ranks
and the product of powers of e-commerce. Each formula takes named predictions p with weights w or exponents β:

- :func:`weighted_sum`        Σ_k w_k p_k                        (claim E1)
- :func:`click_times_rest`    p_click (1 + Σ_k w_k p_k)          (claim E2)
- :func:`product_of_powers`   Π_k (1 + w_k p_k)^β_k              (claim E3)
- :func:`rank_fusion`         Σ_k w_k / (rank_k^a + b)           (addition)
- :func:`commerce_product`    Π_k p_k^β_k                        (addition)

``predictions`` maps a name to an array. All arrays have one shape, whose last axis counts the candidates of
one request: (candidates,) or (requests, candidates), say. Rates must be in [0, 1]; names in ``AMOUNTS`` are
numbers of at least 0 with a unit, such as seconds. Weights and exponents are given for exactly the names that
a formula uses: a name that is missing, or one too many, is an error and never a silent 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.validation import Array

AMOUNTS = ("watch_time", "price")
"""Predictions that are no rates but amounts of at least 0: seconds of watch time, a price."""

Predictions = Mapping[str, ArrayLike]
Settings = Mapping[str, float]


def weighted_sum(predictions: Predictions, weights: Settings) -> Array:
    """Σ_k w_k p_k (claim E1). The source gives the click the weight 1: give it here.

    Args:
        predictions: arrays of one shape, by name.
        weights: w by name, one for every prediction; a negative one pushes down (a chance of "hide", say).

    Returns:
        The scores, in the shape of the predictions.
    """
    return _finite(_total(_weighted_terms(predictions, weights)))


def click_times_rest(predictions: Predictions, weights: Settings) -> Array:
    """p_click (1 + Σ_k w_k p_k), the sum over all predictions but the click (claim E2).

    With rates given a click (claim A7), p_click p_like is the chance of a like per impression: the score is
    the expected number of clicks, plus w times the expected number of everything else, per impression.

    Args:
        predictions: arrays of one shape, by name; "click" is one of them.
        weights: w by name, one for every prediction but "click".

    Returns:
        The scores, in the shape of the predictions.
    """
    return _finite(_total(_click_terms(predictions, weights)))


def product_of_powers(predictions: Predictions, weights: Settings, exponents: Settings) -> Array:
    """Π_k (1 + w_k p_k)^β_k (claim E3; the source calls the exponents α).

    Computed as exp(Σ_k β_k ln(1 + w_k p_k)), which keeps its precision where w_k p_k is tiny. A factor whose
    exponent is 0 is 1.

    Args:
        predictions: arrays of one shape, by name.
        weights: w by name, one for every prediction.
        exponents: β by name, one for every prediction.

    Returns:
        The scores, at least 0, in the shape of the predictions.

    Raises:
        ValueError: if 1 + w_k p_k is below 0 anywhere, where a power leaves the real numbers, or 0 under a
            negative exponent, which is infinite; if a score is too large for a float; or an argument is not
            as described.
    """
    return _from_logarithm(_total(_power_terms(predictions, weights, exponents)))


def rank_fusion(
    predictions: Predictions, weights: Settings, power: float = 1.0, offset: float = 60.0
) -> Array:
    """Σ_k w_k / (rank_k^a + b): an addition to the source (slip X15).

    It sees only in which order each prediction puts the candidates. With a = 1 and b = 60 it is reciprocal
    rank fusion with weights (Cormack, Clarke and Büttcher, SIGIR 2009). The smaller b, the more the first
    places count.

    Args:
        predictions: arrays of one shape, by name; ranks are taken along the last axis, 1 for the largest.
        weights: w by name, one for every prediction.
        power: a, above 0.
        offset: b, at least 0.

    Returns:
        The scores, in the shape of the predictions. For ties see :func:`ranks`.
    """
    return _total(_rank_terms(predictions, weights, power, offset))


def commerce_product(predictions: Predictions, exponents: Settings) -> Array:
    """Π_k p_k^β_k: an addition to the source (slip X15), common in e-commerce.

    There it reads click^a · cart^b · pay^c · price^d. With exponents of 1 and rates that are each given the
    one before, it is the expected revenue per impression. Multiplying a prediction by a constant changes no
    order, whatever the exponents; a prediction of 0 under a positive exponent makes the score 0.

    Args:
        predictions: arrays of one shape, by name.
        exponents: β by name, one for every prediction.

    Returns:
        The scores, at least 0, in the shape of the predictions.

    Raises:
        ValueError: if a prediction of 0 stands under a negative exponent; if a score is too large for a
            float; or an argument is not as described.
    """
    return _from_logarithm(_total(_commerce_terms(predictions, exponents)))


def contributions(
    formula: Callable[..., Array], predictions: Predictions, **settings: Any
) -> dict[str, Array]:
    """Each score taken apart: what every prediction adds.

    Args:
        formula: one of the five formulas of this module.
        predictions: as the formula takes them.
        settings: the formula's other arguments, by name.

    Returns:
        Arrays in the shape of the predictions, by name. They add up to the score of :func:`weighted_sum`,
        :func:`click_times_rest` and :func:`rank_fusion`, and to the natural logarithm of the score of
        :func:`product_of_powers` and :func:`commerce_product`, where a factor of 0 is −∞.
    """
    names = ", ".join(f.__name__ for f in _TERMS)
    if not callable(formula) or formula not in _TERMS:
        raise ValueError(f"formula must be one of the functions {names}, got {formula!r}")
    return dict(_TERMS[formula](predictions, **settings))


def ranks(scores: ArrayLike) -> NDArray[np.intp]:
    """The place of every score along the last axis, 1 for the highest.

    Equal scores share the best place of their group: 0.9, 0.5, 0.5, 0.1 have the ranks 1, 2, 2, 4.
    """
    values = _lists("scores", scores)
    return _by_place(values, np.arange(1, values.shape[-1] + 1))


def order(scores: ArrayLike) -> NDArray[np.intp]:
    """Positions along the last axis, best first; equal scores keep the order in which they came."""
    values = -_lists("scores", scores)
    by_score = np.argsort(values, axis=-1)  # about twice as fast as a stable sort, and the same without ties
    ascending = np.take_along_axis(values, by_score, axis=-1)
    if (ascending[..., 1:] == ascending[..., :-1]).any():
        return np.argsort(values, axis=-1, kind="stable")
    return by_score


def top_k(scores: ArrayLike, k: int) -> NDArray[np.intp]:
    """The first k of :func:`order`, ties included, without sorting the rest.

    Args:
        scores: shape (..., candidates).
        k: how many, from 1 to the number of candidates.

    Returns:
        Positions, best first, shape (..., k).
    """
    scores = _lists("scores", scores)
    count = scores.shape[-1]
    if validation.positive_int("k", k) > count:
        raise ValueError(f"k must be at most the number of candidates, {count}, got {k}")
    least = np.partition(scores, count - k, axis=-1)[..., [count - k]]  # (..., 1), the k-th highest
    kept = scores >= least
    if np.count_nonzero(kept) > k * (kept.size // count):  # of equal ones at the edge the first stay
        above = scores > least
        room = k - above.sum(axis=-1, keepdims=True)  # (..., 1)
        tied = kept & ~above
        kept = above | (tied & (np.cumsum(tied, axis=-1) <= room))
    chosen = np.nonzero(kept)[-1].reshape(*scores.shape[:-1], k)
    best_first = order(np.take_along_axis(scores, chosen, axis=-1))
    return np.take_along_axis(chosen, best_first, axis=-1)


def per_impression(rates: Predictions, click: str = "click") -> dict[str, Array]:
    """Rates given a click as rates per impression: each times the click rate (claim A7).

    Args:
        rates: arrays of one shape, by name: the chance of a click, and what follows *given* a click (chances,
            or seconds of watch time).
        click: the name of the click rate, which stays as it is.
    """
    arrays = _checked(rates)
    _need(arrays, click)
    return {name: p if name == click else arrays[click] * p for name, p in arrays.items()}


def expected_totals(
    shown: ArrayLike, outcomes: Mapping[str, ArrayLike], examination: ArrayLike | None = None
) -> dict[str, Array]:
    """What the shown items bring in expectation, summed over the list.

    Args:
        shown: positions of the candidates shown, best first, shape (..., k); from :func:`order` or
            :func:`top_k`.
        outcomes: by name, what each candidate brings once it is looked at, shape (..., candidates); the
            *truth* through :func:`per_impression`, say.
        examination: chance that the user looks at each place, shape (k,); None where everybody looks
            everywhere.

    Returns:
        Totals by name, shape (...).
    """
    arrays = {name: _lists(f"outcomes[{name!r}]", values) for name, values in outcomes.items()}
    if not arrays:
        raise ValueError("outcomes must hold at least one outcome, got none")
    validation.same_shape(**arrays)
    shape = next(iter(arrays.values())).shape
    places = validation.indices("shown", shown, shape[-1])
    if places.shape[:-1] != shape[:-1] or places.ndim != len(shape):
        raise ValueError(
            f"shown must have shape (..., k) and outcomes (..., candidates), got {places.shape} and {shape}"
        )
    looks = (
        np.ones(places.shape[-1])
        if examination is None
        else validation.probabilities("examination", examination)
    )
    if looks.shape != places.shape[-1:]:
        raise ValueError(f"examination must have shape ({places.shape[-1]},), got {looks.shape}")
    return {name: np.take_along_axis(values, places, axis=-1) @ looks for name, values in arrays.items()}


Terms = Iterator[tuple[str, Array]]


def _weighted_terms(predictions: Predictions, weights: Settings) -> Terms:
    arrays = _checked(predictions)
    w = _settings("weights", weights, arrays)
    return ((name, w[name] * p) for name, p in arrays.items())


def _click_terms(predictions: Predictions, weights: Settings) -> Terms:
    arrays = _checked(predictions)
    _need(arrays, "click")
    w = _settings("weights", weights, [name for name in arrays if name != "click"])
    click = arrays["click"]
    return (
        (name, click.copy() if name == "click" else _product(w[name], click, p)) for name, p in arrays.items()
    )


def _power_terms(predictions: Predictions, weights: Settings, exponents: Settings) -> Terms:
    arrays = _checked(predictions)
    w = _settings("weights", weights, arrays)
    beta = _settings("exponents", exponents, arrays)
    for name, p in arrays.items():
        least = 1.0 + w[name] * p.max() if w[name] < 0 else 1.0
        if least < 0.0:
            raise ValueError(
                f"weights[{name!r}] must leave 1 + w p at 0 or above, where its powers are real; "
                f"got {least:.4g} for a weight of {w[name]:g} and a prediction of {p.max():g}"
            )
        if least == 0.0 and beta[name] < 0.0:
            raise ValueError(f"exponents[{name!r}] must be at least 0 where 1 + w p is 0, got {beta[name]:g}")
    products = ((name, w[name] * p) for name, p in arrays.items())
    return ((name, _log_power(wp, beta[name], np.log1p, out=wp)) for name, wp in products)


def _rank_terms(
    predictions: Predictions, weights: Settings, power: float = 1.0, offset: float = 60.0
) -> Terms:
    arrays = _checked(predictions)
    w = _settings("weights", weights, arrays)
    a = validation.number("power", power)
    b = float(validation.non_negative("offset", validation.number("offset", offset)))
    if a <= 0.0:
        raise ValueError(f"power must be above 0, got {a:g}")
    count = next(iter(arrays.values())).shape[-1]
    with np.errstate(over="ignore"):  # where rank^a is more than a float holds, nothing is left of the term
        places = np.arange(1.0, count + 1.0) ** a + b  # (candidates,)
    return ((name, _by_place(p, w[name] / places)) for name, p in arrays.items())


def _commerce_terms(predictions: Predictions, exponents: Settings) -> Terms:
    arrays = _checked(predictions)
    beta = _settings("exponents", exponents, arrays)
    for name, p in arrays.items():
        if beta[name] < 0.0 and not p.all():
            raise ValueError(
                f"exponents[{name!r}] must be at least 0 where a prediction is 0, got {beta[name]:g}"
            )
    return ((name, _log_power(p, beta[name], np.log)) for name, p in arrays.items())


_TERMS: dict[Callable[..., Array], Callable[..., Terms]] = {
    weighted_sum: _weighted_terms,
    click_times_rest: _click_terms,
    product_of_powers: _power_terms,
    rank_fusion: _rank_terms,
    commerce_product: _commerce_terms,
}


def _total(terms: Terms) -> Array:
    """The sum of all terms. Every term is an array of its own, so that the first can take the others in."""
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes of it is for the formula to say
        total = next(terms)[1]
        for _, term in terms:
            total += term
    return total


def _finite(scores: Array) -> Array:
    if not np.isfinite(scores).all():
        raise ValueError(
            "weights must leave scores that a float can hold, got an infinite one; smaller ones in the same "
            "proportion give the same order"
        )
    return scores


def _by_place(scores: Array, given: NDArray[Any]) -> NDArray[Any]:
    """What is given to each place, (candidates,), handed to the scores by their rank along the last axis."""
    values = -scores
    by_score = np.argsort(values, axis=-1)  # (..., candidates); inside a tie any order will do
    ascending = np.take_along_axis(values, by_score, axis=-1)
    same = ascending[..., 1:] == ascending[..., :-1]  # as the one before
    handed = np.broadcast_to(given, values.shape)
    if same.any():
        place = np.zeros(values.shape, dtype=np.intp)
        place[..., 1:] = np.where(same, 0, np.arange(1, values.shape[-1]))
        handed = given[np.maximum.accumulate(place, axis=-1)]
    result = np.empty(values.shape, dtype=given.dtype)
    np.put_along_axis(result, by_score, handed, axis=-1)
    return result


def _product(factor: float, first: Array, second: Array) -> Array:
    """factor · first · second with one array for the result: fresh memory costs more than the arithmetic."""
    product = factor * first
    product *= second
    return product


def _log_power(base: Array, exponent: float, logarithm: np.ufunc, out: Array | None = None) -> Array:
    """β ln(base), in ``out`` if given; a power of 0 is always 1 (its logarithm 0), and ln 0 is −∞."""
    if exponent == 0.0:
        return np.zeros_like(base)
    with np.errstate(divide="ignore"):
        logarithms = logarithm(base, out=out)
    logarithms *= exponent
    return logarithms


def _from_logarithm(logarithms: Array) -> Array:
    largest = logarithms.max()
    if not largest <= np.log(np.finfo(np.float64).max):  # not a number where 0 and infinity meet
        raise ValueError(
            f"exponents must leave scores that a float can hold, got exp({largest:.4g}); smaller ones in "
            "the same proportion give the same order"
        )
    return np.exp(logarithms, out=logarithms)


def _checked(predictions: Predictions) -> dict[str, Array]:
    """Predictions as float arrays of one shape: rates in [0, 1], amounts at least 0."""
    if not isinstance(predictions, Mapping) or not predictions:
        raise ValueError(f"predictions must map at least one name to an array, got {predictions!r:.80}")
    arrays = {}
    for name, values in predictions.items():
        kind = validation.non_negative if name in AMOUNTS else validation.probabilities
        arrays[name] = _not_single(f"predictions[{name!r}]", kind(f"predictions[{name!r}]", values))
    validation.same_shape(**arrays)
    return arrays


def _not_single(name: str, array: Array) -> Array:
    if array.ndim == 0:
        raise ValueError(f"{name} must have shape (..., candidates), got a single number")
    validation.not_empty(name, array)
    return array


def _lists(name: str, values: ArrayLike) -> Array:
    return _not_single(name, validation.as_floats(name, values))


def _need(arrays: Mapping[str, Array], click: str) -> None:
    if click not in arrays:
        raise ValueError(f"predictions must hold {click!r}, got {', '.join(map(repr, arrays))}")


def _settings(name: str, given: Settings, terms: Any) -> dict[str, float]:
    """One number for every term, no more and no fewer."""
    terms = list(terms)
    if not isinstance(given, Mapping):
        raise ValueError(f"{name} must map names to numbers, got {given!r:.80}")
    missing = [term for term in terms if term not in given]
    unknown = [term for term in given if term not in terms]
    if missing or unknown:
        what = [f"missing {', '.join(map(repr, missing))}"] * bool(missing)
        what += [f"unknown {', '.join(map(repr, unknown))}"] * bool(unknown)
        raise ValueError(f"{name} must name {', '.join(map(repr, terms)) or 'nothing'}; {'; '.join(what)}")
    return {term: validation.number(f"{name}[{term!r}]", given[term]) for term in terms}
