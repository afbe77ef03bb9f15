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
numbers of at least 0 with a unit, such as seconds. Weights and exponents map exactly the names that a formula
uses to a number: a name that is missing, or one too many, is an error and never a silent 0 or 1. Scores have
the shape of the predictions; one too large for a float is an error, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.fusion.ranks import by_place, lists
from ranking.validation import Array

AMOUNTS = ("watch_time", "price")  # predictions that are no rates but amounts: seconds, a price

Predictions = Mapping[str, ArrayLike]
Settings = Mapping[str, float]
Terms = Iterator[tuple[str, Array]]
P = ParamSpec("P")

_SMALLER = "smaller ones in the same proportion give the same order"
_TERMS: dict[Callable[..., Array], Callable[..., Terms]] = {}


def _summed(finish: Callable[[Array], Array]) -> Callable[[Callable[P, Terms]], Callable[P, Array]]:
    """Makes a formula of a function that yields its terms: their sum, handed to ``finish``.

    Every term is an array of its own, so that the first can take the others in.
    """

    def formula_of(terms: Callable[P, Terms]) -> Callable[P, Array]:
        @wraps(terms)
        def formula(*args: P.args, **kwargs: P.kwargs) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):  # what becomes of it is for finish to say
                each = terms(*args, **kwargs)
                _, total = next(each)
                for _, term in each:
                    total += term
            return finish(total)

        _TERMS[formula] = terms
        return formula

    return formula_of


def _finite(scores: Array) -> Array:
    """The scores, once a float can hold them."""
    if not np.isfinite(scores).all():
        raise ValueError(f"weights must leave scores that a float can hold, got an infinite one; {_SMALLER}")
    return scores


def _log_power(base: Array, exponent: float, logarithm: np.ufunc, out: Array | None = None) -> Array:
    """β ln(base), in ``out`` if given; a power of 0 is always 1 (its logarithm 0), and ln 0 is −∞."""
    if exponent == 0.0:
        return np.zeros_like(base)
    with np.errstate(divide="ignore"):
        logarithms: Array = logarithm(base, out=out)
    logarithms *= exponent
    return logarithms


def _from_logarithm(logarithms: Array) -> Array:
    """exp of a sum of logarithms, in place, once a float can hold it."""
    largest = logarithms.max()
    if not largest <= np.log(np.finfo(np.float64).max):  # not a number where 0 and infinity meet
        got = f"got exp({largest:.4g}); {_SMALLER}"
        raise ValueError(f"exponents must leave scores that a float can hold, {got}")
    return np.asarray(np.exp(logarithms, out=logarithms))


def named_predictions(
    predictions: Predictions, needed: str | None = None, argument: str = "predictions"
) -> dict[str, Array]:
    """Predictions as float arrays of one shape, ``needed`` among them: rates in [0, 1], amounts from 0 on."""
    if not validation.mapping(argument, predictions, "at least one name to an array"):
        raise ValueError(f"{argument} must map at least one name to an array, got {predictions!r:.80}")
    arrays = {}
    for name, values in predictions.items():
        kind = validation.non_negative if name in AMOUNTS else validation.probabilities
        arrays[name] = lists(f"{argument}[{name!r}]", values, kind)
    validation.same_shape(**{f"{argument}[{name!r}]": values for name, values in arrays.items()})
    if needed is not None and needed not in arrays:
        raise ValueError(f"{argument} must hold {needed!r}, got {', '.join(map(repr, arrays))}")
    return arrays


def _settings(name: str, given: Settings, terms: Iterable[str]) -> dict[str, float]:
    """One number for every term, no more and no fewer."""
    terms = list(terms)
    validation.mapping(name, given, "names to numbers")
    wrong = {"missing": [term for term in terms if term not in given]}
    wrong["unknown"] = [term for term in given if term not in terms]
    what = [f"{kind} {', '.join(map(repr, names))}" for kind, names in wrong.items() if names]
    if what:
        raise ValueError(f"{name} must name {', '.join(map(repr, terms)) or 'nothing'}; {'; '.join(what)}")
    return {term: validation.number(f"{name}[{term!r}]", given[term]) for term in terms}


@_summed(_finite)
def weighted_sum(predictions: Predictions, weights: Settings) -> Terms:
    """Σ_k w_k p_k (claim E1), with a weight for every prediction of one shape, by name.

    The source gives the click the weight 1: give it here. A negative one pushes down (the chance of "hide").
    """
    arrays = named_predictions(predictions)
    w = _settings("weights", weights, arrays)
    for name, p in arrays.items():
        yield name, w[name] * p


@_summed(_finite)
def click_times_rest(predictions: Predictions, weights: Settings) -> Terms:
    """p_click (1 + Σ_k w_k p_k), the sum over all predictions but the click (claim E2).

    With rates given a click (claim A7), p_click p_like is the chance of a like per impression: the score is
    the expected number of clicks, plus w times the expected number of everything else, per impression. Every
    prediction but "click", which must be there, has a weight by its name.
    """
    arrays = named_predictions(predictions, needed="click")
    w = _settings("weights", weights, [name for name in arrays if name != "click"])
    click = arrays["click"]
    for name, p in arrays.items():
        yield name, click.copy() if name == "click" else w[name] * click * p


@_summed(_from_logarithm)
def product_of_powers(predictions: Predictions, weights: Settings, exponents: Settings) -> Terms:
    """Π_k (1 + w_k p_k)^β_k (claim E3; the source calls the exponents α).

    Computed as exp(Σ_k β_k ln(1 + w_k p_k)), which keeps its precision where w_k p_k is tiny. A factor whose
    exponent is 0 is 1. Every prediction has a weight w and an exponent β by its name.

    Raises:
        ValueError: also if 1 + w_k p_k is below 0 anywhere (no real power) or 0 with a negative exponent.
    """
    arrays = named_predictions(predictions)
    w = _settings("weights", weights, arrays)
    beta = _settings("exponents", exponents, arrays)
    for name, p in arrays.items():
        least = 1.0 + w[name] * p.max() if w[name] < 0 else 1.0
        if least < 0.0:
            got = f"got {least:.4g} for a weight of {w[name]:g} and a prediction of {p.max():g}"
            allowed = "at 0 or above, where its powers are real"
            raise ValueError(f"weights[{name!r}] must leave 1 + w p {allowed}; {got}")
        if least == 0.0 and beta[name] < 0.0:
            raise ValueError(f"exponents[{name!r}] must be at least 0 where 1 + w p is 0, got {beta[name]:g}")
        wp = w[name] * p
        yield name, _log_power(wp, beta[name], np.log1p, out=wp)


@_summed(_finite)
def rank_fusion(
    predictions: Predictions, weights: Settings, power: float = 1.0, offset: float = 60.0
) -> Terms:
    """Σ_k w_k / (rank_k^a + b), ``power`` a above 0, ``offset`` b of at least 0: an addition (slip X15).

    It sees only in which order each prediction puts the candidates: their :func:`ranks` along the last axis.
    With a = 1 and b = 60 it is reciprocal rank fusion with weights (Cormack, Clarke and Büttcher, SIGIR
    2009). The smaller b, the more the first places count.
    """
    arrays = named_predictions(predictions)
    w = _settings("weights", weights, arrays)
    a = validation.number("power", power, above=0.0)
    b = validation.number("offset", offset, least=0.0)
    count = next(iter(arrays.values())).shape[-1]
    with np.errstate(over="ignore"):  # where rank^a is more than a float holds, nothing is left of the term
        below = np.arange(1.0, count + 1.0) ** a + b  # (candidates,)
    for name, p in arrays.items():
        yield name, by_place(p, w[name] / below)


@_summed(_from_logarithm)
def commerce_product(predictions: Predictions, exponents: Settings) -> Terms:
    """Π_k p_k^β_k: an addition to the source (slip X15), common in e-commerce.

    There it reads click^a · cart^b · pay^c · price^d. With exponents of 1 and rates that are each given the
    one before, it is the expected revenue per impression. Multiplying a prediction by a constant changes no
    order, whatever the exponents; a prediction of 0 under a positive exponent makes the score 0, and under a
    negative one it is an error. Every prediction has an exponent β by its name.
    """
    arrays = named_predictions(predictions)
    beta = _settings("exponents", exponents, arrays)
    for name, p in arrays.items():
        if (b := beta[name]) < 0.0 and not p.all():
            raise ValueError(f"exponents[{name!r}] must be at least 0 where a prediction is 0, got {b:g}")
        yield name, _log_power(p, beta[name], np.log)


def contributions(
    formula: Callable[..., Array], predictions: Predictions, **settings: Any
) -> dict[str, Array]:
    """Each score of a formula of this module taken apart: what every prediction adds, by name.

    The ``settings`` are the formula's other arguments, by name. The arrays add up to the score of
    :func:`weighted_sum`, :func:`click_times_rest` and :func:`rank_fusion`, and to the natural logarithm of
    the score of :func:`product_of_powers` and :func:`commerce_product`, where a factor of 0 is −∞. A score
    that a float cannot hold is an error here as there.
    """
    names = ", ".join(f.__name__ for f in _TERMS)
    if not callable(formula) or formula not in _TERMS:
        raise ValueError(f"formula must be one of the functions {names}, got {formula!r}")
    formula(predictions, **settings)
    with np.errstate(over="ignore"):  # an exponent may be too large for a logarithm below 0
        return dict(_TERMS[formula](predictions, **settings))
