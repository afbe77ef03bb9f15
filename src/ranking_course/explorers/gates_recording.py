"""Recordings of the gates explorer: packed small, checked, and read back as numbers."""

import base64
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bookwork.explorer.schema import anything, array, ascending, each, number, one_of, record, text, whole
from ranking import validation
from ranking_course.palette import PALETTE

EXPERTS = 3

OPTIMISERS = ("adam", "sgd")
"""Adam, and stochastic gradient descent with momentum."""

RATES = ("low", "middle", "high")
"""Stops of the learning rate. Which numbers they are depends on the optimiser."""

CURES = ("none", "exact", "constant", "entropy", "balance", "slow")
"""Nothing; masks with exact renormalising and with a constant in the denominator (readings of claim D7); an
entropy bonus; a load-balancing loss; a tenth of the learning rate for the gates."""

HEADS = ("half", "base", "low")
"""Where the heads start: where they are drawn, near one half; at the base rates; as far below these, in
logits, as one half is above."""

CHOICES = ("optimiser", "rate", "heads", "cure")
"""What tells one run from another."""

PARTS = 89
"""Of a row's weights of one gate, which are recorded in whole parts that sum to it: off by about 1% at most.
There are 90 · 91 / 2 = 4,095 ways to do so with three experts, one less than two characters of base64 tell
apart."""

FINE = 65535
"""Of utilisation, which is recorded in whole parts of it."""

_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", dtype=np.uint8)
_FIRST = np.cumsum([0, *range(PARTS + 1, 0, -1)])[:-1]  # code of a first part with a second one of 0


def _shares(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Shares of three experts that sum to 1, (..., 3)."""
    exact = validation.probabilities(name, values)
    if exact.ndim < 1 or exact.shape[-1] != EXPERTS or not np.allclose(exact.sum(axis=-1), 1.0, atol=1e-4):
        raise ValueError(f"{name} must sum to 1 over {EXPERTS} experts, got shape {exact.shape}")
    return np.asarray(exact / exact.sum(axis=-1, keepdims=True))


def pack_weights(weights: ArrayLike) -> str:
    """Gate weights of single rows, two characters a row.

    Args:
        weights: at least 0 and summing to 1 along the last axis, shape (..., 3).

    Returns:
        Text. Each weight is a whole number of :data:`PARTS`; what is left over by rounding down goes to the
        largest remainders, so that the parts sum to all of them. Parts (a, b, c) have the place of (a, b)
        among all such pairs in order as their code, of 12 bits: two characters of base64.
    """
    exact = _shares("weights", weights) * PARTS
    parts = np.floor(exact)
    left = np.rint(PARTS - parts.sum(axis=-1, keepdims=True))
    rank = np.argsort(np.argsort(parts - exact, axis=-1, kind="stable"), axis=-1, kind="stable")
    whole_parts = (parts + (rank < left)).astype(int)
    code = _FIRST[whole_parts[..., 0]] + whole_parts[..., 1]  # (...,)
    return _LETTERS[np.stack([code // 64, code % 64], axis=-1)].tobytes().decode("ascii")


def pack_utilisation(utilisation: ArrayLike) -> str:
    """Utilisation in two bytes per expert but the last, which has the rest, low byte first, as base64.

    Args:
        utilisation: at least 0 and summing to 1 along the last axis, shape (..., 3).
    """
    parts = np.rint(_shares("utilisation", utilisation)[..., :-1] * FINE)
    parts -= np.maximum(parts.sum(axis=-1, keepdims=True) - FINE, 0) * [1, 0]  # both may be rounded up
    return base64.b64encode(parts.astype("<u2").tobytes()).decode("ascii")


def _utilisation(name: str, packed: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        kept = np.frombuffer(base64.b64decode(packed.encode(), validate=True), dtype="<u2").astype(int)
    except (AttributeError, ValueError) as error:
        raise ValueError(f"{name} must be base64 of two-byte numbers, got {packed!r:.40}") from error
    _sized(name, kept, (*shape, EXPERTS - 1))
    kept = kept.reshape(*shape, EXPERTS - 1)
    last = FINE - kept.sum(axis=-1, keepdims=True)
    if (last < 0).any():
        raise ValueError(f"{name} must sum to at most {FINE} per gate, got {FINE - last.min()}")
    return np.asarray(np.concatenate([kept, last], axis=-1) / FINE)


def _weights(name: str, packed: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    places = np.full(256, -1)
    places[_LETTERS] = np.arange(len(_LETTERS))
    letters = np.frombuffer(str(packed).encode(), dtype=np.uint8)
    digits = places[letters]
    if not isinstance(packed, str) or (digits < 0).any():
        raise ValueError(f"{name} must be a text of base64's characters, got {packed!r:.40}")
    _sized(name, digits, (*shape, 2))
    code = digits.reshape(*shape, 2) @ [64, 1]
    if (code > _FIRST[-1]).any():
        raise ValueError(f"{name} must hold codes up to {_FIRST[-1]}, got {code.max()}")
    a = np.searchsorted(_FIRST, code, side="right") - 1
    b = code - _FIRST[a]
    return np.asarray(np.stack([a, b, PARTS - a - b], axis=-1) / PARTS)


def _sized(name: str, found: NDArray[Any], shape: tuple[int, ...]) -> None:
    if found.size != np.prod(shape):
        raise ValueError(f"{name} must hold {' × '.join(map(str, shape))} numbers, got {found.size}")


def unpacked(
    run: Mapping[str, Any], recorded: Mapping[str, Any], name: str = "run"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Utilisation and weights of one run, as numbers; ``name`` is what an error calls it.

    Returns:
        Shapes (shown seeds, steps, tasks, experts) and (shown seeds, steps, tasks, rows, experts).
    """
    shape = len(recorded["shown"]), len(recorded["steps"]), len(recorded["tasks"])
    return (
        _utilisation(f"{name}['utilisation']", run["utilisation"], shape),
        _weights(f"{name}['weights']", run["weights"], (*shape, recorded["rows"])),
    )


def _colour(name: str, value: Any) -> str:
    colours = tuple(target.replace("_", "-") for target in PALETTE.series)
    return one_of(colours)(name, str(value).replace("_", "-"))


_RUN = record(
    optimiser=one_of(OPTIMISERS),
    rate=one_of(RATES),
    heads=one_of(HEADS),
    cure=one_of(CURES),
    learning_rate=number(above=0.0),
    seeds=whole(),
    polarized=anything(),
    gap_closed=anything(),
    stuck=anything(),
    heights=anything(),
    utilisation=anything(),
    weights=anything(),
)
_RECORDING = record(
    tasks=each(record(name=text(), color=_colour)),
    steps=ascending(whole(0)),
    rows=whole(),
    learnt_from=whole(),
    threshold=number(above=0.0, high=1.0),
    closes=number(above=0.0, high=1.0),
    shown=each(record(world=whole(0), seed=whole(0))),
    runs=each(anything()),
)


def checked_run(name: str, run: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """One run, see :func:`checked_recording`, cut down to what the explorer shows."""
    kept = _RUN(name, run)
    shown, looks, tasks = len(recorded["shown"]), len(recorded["steps"]), len(recorded["tasks"])
    if kept["seeds"] < shown:
        raise ValueError(f"{name}['seeds'] must be at least the {shown} that are shown, got {kept['seeds']}")
    for entry, what, check in (
        ("polarized", "one count per step", array(looks, low=0, high=kept["seeds"], whole=True)),
        ("gap_closed", "one per step and task", array(looks, tasks, high=1.0)),
        ("stuck", "one count per step and task", array(looks, tasks, low=0, high=kept["seeds"], whole=True)),
        ("heights", "experts in order", array(shown, tasks, EXPERTS, low=0, high=EXPERTS - 1, whole=True)),
    ):
        kept[entry] = check(f"{name}['{entry}'], {what},", kept[entry])
    unpacked(kept, recorded, name)
    return kept


def cures_with(recorded: Mapping[str, Any], optimiser: str) -> tuple[str, ...]:
    """Cures that a recording has with an optimiser; "none" is among them."""
    return tuple(dict.fromkeys(run["cure"] for run in recorded["runs"] if run["optimiser"] == optimiser))


def checked_recording(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded runs, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"tasks": [{"name", "color"}, ...], "steps": [...], "rows", "learnt_from", "threshold",
            "closes", "shown": [{"world", "seed"}, ...], "runs": [...]}``. A task's colour is that of a
            target; a gate is polarized where its utilisation of one expert is above ``threshold``, and a head
            is stuck where it closes less than ``closes`` of the gap between the best constant and the truth.
            A run is ``{"optimiser", "rate", "heads", "cure", "learning_rate", "seeds", "polarized",
            "gap_closed", "stuck", "heights", "utilisation", "weights"}``: the first four are one each of
            :data:`OPTIMISERS`, :data:`RATES`, :data:`HEADS` and :data:`CURES`. Over all ``seeds`` of it are
            the number that has a polarized gate, per step, and per step and task the median share of the gap
            that is closed, and the number of stuck heads. Of the shown seeds are the experts in order of how
            high the logit is that an untrained head makes of each alone, the lowest first, (shown seeds,
            tasks, experts); utilisation (by :func:`pack_utilisation`), of shape (shown seeds, steps, tasks,
            experts); and weights (by :func:`pack_weights`), of shape (shown seeds, steps, tasks, rows,
            experts). Every optimiser has the same rates and the same heads, cures of its own, "none" among
            them, and one run for each of their combinations.

    Returns:
        Plain JSON data. A ValueError names the entry that is missing or not allowed.
    """
    kept = _RECORDING("recorded", recorded)
    kept["runs"] = [checked_run(f"recorded['runs'][{i}]", run, kept) for i, run in enumerate(kept["runs"])]
    found = [tuple(run[choice] for choice in CHOICES) for run in kept["runs"]]
    optimisers, rates, heads, _ = map(dict.fromkeys, zip(*found, strict=True))
    wanted = {
        way
        for optimiser in optimisers
        for way in itertools.product([optimiser], rates, heads, {"none", *cures_with(kept, optimiser)})
    }
    if len(set(found)) < len(found) or wanted - set(found):
        raise ValueError(
            f"recorded['runs'] must hold every combination of {', '.join(CHOICES)} once, missing: "
            f"{sorted(wanted - set(found)) or 'none'}"
        )
    return kept
