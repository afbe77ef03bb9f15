"""A test that is looked at while it runs: edges for a planned number of looks, and for any number of them.

Each look at 5% is another chance of a false alarm (Armitage, McPherson and Rowe, "Repeated Significance Tests
on Accumulating Data", JRSS A 1969). Two ways out: fewer false alarms at each look, where their number is
known (:func:`sequential_edges`), or an interval that holds at all times at once
(:func:`always_valid_interval`).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri_exp

from ranking import validation
from ranking.calibration.alarm import log_mixture_ratio
from ranking.evaluation.intervals import Interval
from ranking.validation import Array

MOST_LOOKS = 100
SHAPES = {"pocock": 0.0, "obrien-fleming": 0.5}
"""By which power of (looks / look) the edges fall from the first look to the last."""

_FAR = 10.0  # standard deviations, beyond which a normal variable does not come
_NODES = 5.0  # of the integrals, in each standard deviation of one look's share


def sequential_edges(looks: int, shape: str, level: float = 0.05) -> Array:
    """Absolute z beyond which a two-sided test may stop at each of so many looks, shape (looks,).

    z is the difference over its standard error, from all that was seen so far; between looks equally much
    comes in. Where there is no difference, the chance that abs(z) is ever beyond its edge is ``level``.

    Args:
        looks: how many there will be, from 1 to 100.
        shape: "pocock" for the same edge at each look (Pocock, Biometrika 1977), "obrien-fleming" for one
            that falls as 1 / √look (O'Brien and Fleming, Biometrics 1979): hard to cross early, and at the
            last look hardly beyond that of a test with one look.
        level: of all looks together, in [1e-9, 0.5].
    """
    looks = validation.positive_int("looks", looks, MOST_LOOKS)
    falls = SHAPES[validation.one_of("shape", shape, SHAPES)]
    level = validation.number("level", level, least=1e-9, most=0.5)
    factors = (looks / np.arange(1.0, looks + 1.0)) ** falls  # (looks,)
    # A look less is less chance of an alarm, and the looks' own chances add up to more than that of any.
    low, high = (-float(ndtri_exp(math.log(level / (2.0 * n)))) for n in (1, looks))
    if looks == 1:
        return low * factors

    def excess(last: float) -> float:
        return math.log(_crossed(last * factors, 0.0)[-1] / level)

    return np.asarray(brentq(excess, low, high, xtol=1e-10) * factors)


def crossed_by(edges: ArrayLike, shift: float = 0.0) -> Array:
    """The chance that abs(z) was beyond its edge at one of the looks so far, shape (looks,), rising.

    Args:
        edges: of abs(z) at each look, above 0, shape (looks,), at most 100: see :func:`sequential_edges`.
        shift: the mean of z at the last look, in [-1e6, 1e6]: the difference over its standard error then; 0
            where there is no difference. The last number is then the chance of a false alarm, else the power.

    z is taken as normal, and equally much comes in between looks. The density of what has not crossed is
    carried on from look to look by numerical integration (Armitage, McPherson and Rowe, 1969).
    """
    checked = validation.positive("edges", edges)
    if checked.ndim != 1 or not 1 <= checked.size <= MOST_LOOKS:
        raise ValueError(f"edges must have the shape (looks,), 1 to {MOST_LOOKS}, got {checked.shape}")
    return _crossed(checked, validation.number("shift", shift, least=-1e6, most=1e6))


def _crossed(edges: Array, shift: float) -> Array:
    """As :func:`crossed_by`, of what was checked."""
    looks = edges.size
    drift = shift / math.sqrt(looks)  # of the sum, which has variance 1 from look to look
    at, mass = np.zeros(1), np.ones(1)  # where the sums are that did not cross, and how much lies there
    crossed = np.zeros(looks)
    for look, edge in enumerate(edges * np.sqrt(np.arange(1.0, looks + 1.0)), start=1):
        mean = at + drift
        crossed[look - 1] = mass @ (ndtr(mean - edge) + ndtr(-mean - edge))
        reach = _FAR * math.sqrt(look)
        low, high = max(-edge, drift * look - reach), min(edge, drift * look + reach)
        if low >= high:  # all that there was has crossed
            break
        nodes, weights = _gauss_legendre(math.ceil(_NODES * (high - low) / 32.0 + 1.0) * 32)
        to = (high + low) / 2.0 + (high - low) / 2.0 * nodes  # (nodes,)
        density = np.exp(-((to[:, None] - mean) ** 2) / 2.0) @ mass / math.sqrt(2.0 * math.pi)
        at, mass = to, density * weights * (high - low) / 2.0
    return np.asarray(np.minimum(np.cumsum(crossed), 1.0))


@cache
def _gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes in [−1, 1] and their weights, (count,) each."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def always_valid_interval(estimate: ArrayLike, error: ArrayLike, tau: float, level: float = 0.05) -> Interval:
    """An interval that may be looked at whenever one likes: all of them at once hold the truth.

    The chance that it *ever* leaves the true difference out, however often and as long as one looks, is at
    most ``level`` where the estimate is normal with this error. It holds the differences that the mixture of
    :class:`~ranking.calibration.LevelAlarm` does not reject (Robbins, 1970; Johari et al., "Peeking at A/B
    Tests", KDD 2017, and "Always Valid Inference", Operations Research 2022):

        estimate ± error √(2 (1 + r²) (ln(1 / level) + ln(1 + 1 / r²) / 2)),    r = error / τ.

    Args:
        estimate: the difference, from all that was seen so far; any shape.
        error: its standard error, above 0, of the same shape.
        tau: τ, the size of a difference that it is made for, in the unit of the estimate, above 0. It must be
            chosen before the test. Others are found, too, only later.
        level: the chance to be wrong over all of time, in (0, 1).

    Returns:
        Lower and upper ends, each of the shape of the estimate.
    """
    middle, spread = validation.as_floats("estimate", estimate), validation.positive("error", error)
    validation.same_shape(estimate=middle, error=spread)
    tau = validation.number("tau", tau, above=0.0)
    level = validation.number("level", level, above=0.0, below=1.0)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        ratio = spread / tau
        information = ratio**-2.0  # of all rows so far, in units of 1 / τ²
        if not ((information > 0.0) & np.isfinite(information)).all():
            raise ValueError(f"error must be within 150 powers of ten of tau, got {spread} and {tau}")
        missing = -math.log(level) - log_mixture_ratio(np.zeros_like(information), information, 1.0)
        half = spread * np.sqrt(2.0 * (1.0 + ratio**2) * missing)
        low, high = middle - half, middle + half
    if not (np.isfinite(low) & np.isfinite(high)).all():
        raise ValueError(f"error must leave ends that a float can hold, got {spread}")
    return Interval(low[()], high[()])
