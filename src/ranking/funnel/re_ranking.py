"""Re-ranking (重排): a slate that is good *and* varied (claim A5).

Two ways to choose, each with one dial, ``trade_off`` θ (1: score alone; towards 0: variety alone):

- MMR, maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) takes, place by place, the item with
  the largest θ · score − (1 − θ) · (largest similarity to what stands in the window).
- DPP, a determinantal point process, takes the item with the largest θ · score + (1 − θ) · ln(gain in
  det S of the window): greedy maximisation of θ Σ score + (1 − θ) ln det S, that is of the kernel
  L = diag(r) S diag(r) with ln r = θ · score / (2 (1 − θ)). Chen, Zhang and Zhou (NeurIPS 2018) keep a
  Cholesky factor up to date, so that a step costs one row operation instead of one determinant per item.

And rules: ``scatter_order`` keeps items of one author or topic apart.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.validation import Array

SMALLEST_GAIN = 1e-9
"""An item whose gain is below this share of its own S_ii repeats, up to rounding, what is in the window."""


def _check(
    scores: ArrayLike, similarity: ArrayLike, keep: int, trade_off: float, window: int | None
) -> tuple[Array, Array, int, float, int]:
    score = validation.as_floats("scores", scores)  # (n,)
    validation.not_empty("scores", score)
    s = validation.as_floats("similarity", similarity)  # (n, n)
    if score.ndim != 1 or s.shape != (score.size, score.size):
        got = f"{score.shape} and {s.shape}"
        raise ValueError(f"scores must have shape (n,) and similarity (n, n), got {got}")
    if np.diagonal(s).min() <= 0.0:
        raise ValueError(f"similarity of an item to itself must be above 0, got {np.diagonal(s).min()}")
    if not np.allclose(s, s.T, atol=1e-6 * np.abs(s).max()):
        raise ValueError("similarity must be symmetric")
    keep = validation.positive_int("keep", keep, most=score.size, of="candidates")
    theta = validation.number("trade_off", trade_off, least=0.0, most=1.0)
    window = keep if window is None else validation.positive_int("window", window)
    return score, s, keep, theta, window


def mmr(
    scores: ArrayLike, similarity: ArrayLike, keep: int, trade_off: float = 0.7, window: int | None = None
) -> NDArray[np.intp]:
    """Positions of ``keep`` items in the order that maximal marginal relevance chooses; of equals the first.

    Args:
        scores: on the scale of the similarities, so that θ means something, (n,).
        similarity: symmetric, (n, n).
        keep: how many, from 1 to n: the result is (keep,).
        trade_off: θ in [0, 1], the weight of the score; 1 sorts by score.
        window: how many of the places before it a new item must differ from; None for all.
    """
    score, s, keep, theta, window = _check(scores, similarity, keep, trade_off, window)
    chosen: list[int] = []
    free = np.ones(score.size, dtype=bool)
    nearest = np.full(score.size, -np.inf)  # largest similarity to the window, (n,)
    while len(chosen) < keep:
        if len(chosen) > window:  # something has left the window
            nearest = s[:, chosen[-window:]].max(axis=1)
        gain = theta * score - (1.0 - theta) * (nearest if chosen else 0.0)
        best = int(np.argmax(np.where(free, gain, -np.inf)))
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, s[:, best])
    return np.array(chosen)


def greedy_dpp(
    scores: ArrayLike, similarity: ArrayLike, keep: int, trade_off: float = 0.7, window: int | None = None
) -> NDArray[np.intp]:
    """Choose ``keep`` items greedily by θ Σ score + (1 − θ) ln det S, with an updated Cholesky factor.

    With window w a step costs O(n w). Of the chosen window Y it keeps S_Y = V Vᵀ and, for every item i,
    the row c_i with V c_i = S_{Y,i} and the gain d²_i = S_ii − c_i · c_i = det S_{Y + i} / det S_Y.

    Arguments and result as in :func:`mmr`, but scores are on a scale to match ln det, e.g. within [0, 1], and
    S must be positive semi-definite; its scale does not matter. Without a window no more items than the rank
    of S can differ; those that repeat others (see ``SMALLEST_GAIN``) have less to give than any that does
    not, and then follow in order of their scores.
    """
    score, s, keep, theta, window = _check(scores, similarity, keep, trade_off, window)
    s = np.ldexp(s, -np.frexp(np.diagonal(s).max())[1])  # up to 1, without rounding: nothing overflows
    rows = np.zeros((min(window, keep) + 1, score.size))  # c_i of every item, by column: (window + 1, n)
    gain = np.diagonal(s).copy()  # d²_i, (n,)
    least = SMALLEST_GAIN * gain
    chosen: list[int] = []
    free = np.ones(score.size, dtype=bool)
    inside = 0  # items in the window
    while True:
        value = theta * score + (1.0 - theta) * np.log(np.where(gain > least, gain, least.min()))
        best = int(np.argmax(np.where(free, value, -np.inf)))
        chosen.append(best)
        free[best] = False
        if len(chosen) == keep:
            return np.array(chosen)
        # the new item becomes a row of V; every other item's c gets one more entry
        pivot = max(gain[best], least[best])
        rows[inside] = (s[best] - rows[:inside, best] @ rows[:inside]) / np.sqrt(pivot)  # (n,)
        gain = gain - rows[inside] ** 2
        inside += 1
        if inside > window:
            gain += _drop_first(rows[:inside], np.array(chosen[-inside:]))
            inside -= 1
        lowest = (gain / np.diagonal(s))[free].min()
        if lowest < -1e-6:
            raise ValueError(f"similarity must be positive semi-definite, got a gain of {lowest:.3g} S_ii")


def _drop_first(rows: Array, window: NDArray[np.intp]) -> Array:
    """Take the oldest item out of the window (items, oldest first), whose c_i are ``rows``, (window, n).

    V without its first row is no longer triangular: it has a column too many. A Givens rotation per remaining
    row turns that to zero; applied to every c_i, the same rotations leave c_i for the smaller window, in all
    rows but the last, and a remainder. Returned is its square, (n,), which the gain gets back.
    """
    spare = rows[0].copy()  # (n,)
    for k in range(1, len(rows)):
        at = window[k]  # row k of V stands in the columns of the chosen items themselves
        a, b = rows[k, at], spare[at]
        length = np.hypot(a, b)
        cosine, sine = (a / length, b / length) if length > 0 else (1.0, 0.0)
        rows[k - 1] = cosine * rows[k] + sine * spare
        spare = cosine * spare - sine * rows[k]
    return np.asarray(spare**2)


class Scattered(NamedTuple):
    """Positions, (keep,), and the places (from 0) where no remaining candidate met all rules."""

    order: NDArray[np.intp]
    relaxed: tuple[int, ...]


def check_rules(apart: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """Rules about names that exist: whole numbers of places by name."""
    rules = {}
    for name, k in validation.mapping("apart", apart).items():
        validation.one_of("apart", name, names)
        rules[name] = validation.positive_int(f"apart[{name!r}]", k)
    return rules


def _values(keys: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """The values of at least one rule, (n,) each, all of one length."""
    if not validation.mapping("keys", keys):
        raise ValueError("keys must name at least one rule's values, got none")
    arrays = {f"keys[{name!r}]": labelled(f"keys[{name!r}]", values) for name, values in keys.items()}
    validation.rows(**arrays)
    return dict(zip(keys, arrays.values(), strict=True))


def labelled(name: str, values: ArrayLike) -> NDArray[Any]:
    """What tells candidates apart (authors, topics): whole numbers or texts, of any shape."""
    array = validation.as_array(name, values)
    texts = array.dtype.kind == "O" and all(isinstance(value, str) for value in array.flat)
    return array.astype(str) if texts or array.dtype.kind == "U" else validation.integers(name, array)


def scatter_order(keys: Mapping[str, ArrayLike], apart: Mapping[str, int], keep: int) -> Scattered:
    """Take ``keep`` items in their order, skipping (not dropping) those that would break a rule (打散).

    A rule ``{"author": 4}`` says: among any 4 neighbouring places, no two of one author. Every place goes to
    the first remaining candidate that meets all rules. Where none does, the place is reported in ``relaxed``
    and goes to one that breaks the fewest rules, of those the one whose nearest repeat is furthest away.

    ``keys`` is rule name -> the value of every candidate, best candidate first, (n,) each; ``apart`` is rule
    name -> places k, at least 1 (1 is no rule).
    """
    arrays = _values(keys)
    n = next(iter(arrays.values())).size
    keep = validation.positive_int("keep", keep, most=n, of="candidates")
    apart = check_rules(apart, arrays)
    codes = {name: np.unique(arrays[name], return_inverse=True)[1] for name in apart}  # (n,) each
    last = {name: np.full(code.max() + 1, -n - max(apart.values()) - 1) for name, code in codes.items()}
    free = np.ones(n, dtype=bool)
    order, relaxed = [], []
    for place in range(keep):
        broken = np.zeros(n, dtype=int)  # rules that each candidate would break
        nearest = np.full(n, np.inf)  # places to its nearest repeat
        for name, k in apart.items():
            distance = place - last[name][codes[name]]  # (n,)
            broken += distance < k
            nearest = np.where(distance < k, np.minimum(nearest, distance), nearest)
        left = np.flatnonzero(free)
        best = left[np.lexsort((left, -nearest[left], broken[left]))[0]]
        if broken[best]:
            relaxed.append(place)
        order.append(best)
        free[best] = False
        for name, code in codes.items():
            last[name][code[best]] = place
    return Scattered(np.array(order), tuple(relaxed))


def broken_rules(keys: Mapping[str, ArrayLike], apart: Mapping[str, int]) -> dict[str, int]:
    """How many places repeat a value of one of the ``k`` − 1 places before them, for each rule."""
    arrays = _values(keys)
    apart = check_rules(apart, arrays)
    counts = {}
    for name, k in apart.items():
        values = arrays[name]
        repeats = np.zeros(len(values), dtype=bool)
        for distance in range(1, min(k, len(values))):
            repeats[distance:] |= values[distance:] == values[:-distance]
        counts[name] = int(repeats.sum())
    return counts
