"""Recordings of the gates explorer: packed small, checked, and read back as numbers."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bookwork.explorer.schema import anything, array, ascending, each, number, one_of, record, text, whole
from ranking import validation
from ranking_course.palette import PALETTE

CURES = ("none", "exact", "constant", "plain", "entropy", "balance", "slow")
"""Nothing; masks with exact renormalising, with a constant in the denominator, with none (the readings of
claim D7); an entropy bonus; a load-balancing loss; a fifth of the learning rate."""

PARTS = 255
"""Of a row's weights of one gate, which are recorded in whole parts that sum to it: off by less than 0.4%."""

FINE = 65535
"""Of utilisation, which is recorded in whole parts of it."""


def _text(parts: NDArray[Any]) -> str:
    return base64.b64encode(parts.tobytes()).decode("ascii")


def pack_weights(weights: ArrayLike) -> str:
    """Gate weights of single rows in one byte per expert but the last, which has the rest.

    Args:
        weights: at least 0 and summing to 1 along the last axis, shape (..., experts).

    Returns:
        Base64. Each weight is a whole number of :data:`PARTS`; what is left over by rounding down goes to the
        largest remainders, so that the parts sum to all of them.
    """
    exact = validation.probabilities("weights", weights)
    if exact.ndim < 1 or exact.shape[-1] < 2 or not np.allclose(exact.sum(axis=-1), 1.0, atol=1e-4):
        raise ValueError(f"weights must sum to 1 over at least two experts, got shape {exact.shape}")
    exact = exact / exact.sum(axis=-1, keepdims=True) * PARTS
    parts = np.floor(exact)
    left = np.rint(PARTS - parts.sum(axis=-1, keepdims=True))
    rank = np.argsort(np.argsort(parts - exact, axis=-1, kind="stable"), axis=-1, kind="stable")
    return _text((parts + (rank < left))[..., :-1].astype(np.uint8))


def pack_utilisation(utilisation: ArrayLike) -> str:
    """Utilisation in two bytes per expert, low byte first, as base64.

    Args:
        utilisation: in [0, 1], any shape.
    """
    parts = np.rint(validation.probabilities("utilisation", utilisation) * FINE)
    return _text(parts.astype("<u2"))


def _bytes(name: str, text: Any, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        found = np.frombuffer(base64.b64decode(text.encode(), validate=True), dtype=dtype)
    except (AttributeError, ValueError) as error:
        raise ValueError(f"{name} must be base64 of {dtype} numbers, got {text!r:.40}") from error
    if found.size != np.prod(shape):
        raise ValueError(f"{name} must hold {' × '.join(map(str, shape))} numbers, got {found.size}")
    return found.reshape(shape)


def unpacked(
    run: Mapping[str, Any], shown: int, tasks: int, name: str = "run"
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Utilisation and weights of one recorded run, as numbers; ``name`` is what an error calls the run.

    Returns:
        Shapes (shown seeds, steps, tasks, experts) and (shown seeds, steps, tasks, rows, experts); the
        weights are None where they are not recorded.
    """
    shape, experts = (shown, len(run["steps"]), tasks), run["experts"]
    used = _bytes(f"{name}['utilisation']", run["utilisation"], "<u2", (*shape, experts)) / FINE
    if run["weights"] is None:
        return used, None
    kept = _bytes(f"{name}['weights']", run["weights"], "u1", (*shape, run["rows"], experts - 1)).astype(int)
    last = PARTS - kept.sum(axis=-1, keepdims=True)
    if (last < 0).any():
        raise ValueError(f"{name}['weights'] must sum to at most {PARTS} per row, got {PARTS - last.min()}")
    return used, np.concatenate([kept, last], axis=-1) / PARTS


def _colour(name: str, value: Any) -> str:
    colours = tuple(target.replace("_", "-") for target in PALETTE.series)
    return one_of(colours)(name, str(value).replace("_", "-"))


_RUN = record(
    cure=one_of(CURES),
    experts=whole(2),
    seeds=whole(),
    learning_rate=number(above=0.0),
    polarized=anything(),
    steps=ascending(whole(0)),
    rows=whole(),
    utilisation=anything(),
    weights=anything(),
)
_RECORDING = record(
    learning_rate=number(above=0.0),
    tasks=each(record(name=text(), color=_colour)),
    steps=ascending(whole(0)),
    shown=whole(),
    threshold=number(above=0.0, high=1.0),
    dead=number(above=0.0, high=1.0),
    runs=each(anything()),
)


def checked_run(name: str, run: Mapping[str, Any], shown: int, tasks: int) -> dict[str, Any]:
    """One recorded run, see :func:`checked_recording`, cut down to what the explorer shows."""
    kept = _RUN(name, run)
    if (kept["experts"] == 3) != (kept["weights"] is not None):
        raise ValueError(
            f"{name}['weights'] must be there for 3 experts, and None for 2 or more than 3, "
            f"got {kept['weights']!r:.20} for {kept['experts']}"
        )
    if kept["seeds"] < shown:
        raise ValueError(f"{name}['seeds'] must be at least shown={shown}, got {kept['seeds']}")
    counts = array(len(kept["steps"]), low=0, high=kept["seeds"], whole=True)
    kept["polarized"] = counts(f"{name}['polarized'], one count per step,", kept["polarized"])
    unpacked(kept, shown, tasks, name)
    return kept


def checked_recording(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded runs, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"learning_rate", "tasks": [{"name", "color"}, ...], "steps": [...], "shown": n,
            "threshold", "dead", "runs": [...]}``; the learning rate is that of every cure but "slow", a
            task's colour is that of a target, a gate is polarized where its utilisation of one expert is
            above ``threshold``, and an expert is dead where that of every gate is below ``dead``. A run is
            one cure with one number of experts: ``{"cure": one of CURES, "experts", "seeds",
            "learning_rate", "polarized": [number of seeds with a polarized gate, per step], "steps": [...],
            "rows", "utilisation", "weights"}``. Utilisation (by :func:`pack_utilisation`) has shape (shown
            seeds, steps, tasks, experts), weights (by :func:`pack_weights`, of 3 experts only, otherwise
            None) has shape (shown seeds, steps, tasks, rows, experts). Every cure has a run for every number
            of experts.

    Returns:
        Plain JSON data. A ValueError names the entry that is missing or not allowed.
    """
    kept = _RECORDING("recorded", recorded)
    shown, tasks = kept["shown"], len(kept["tasks"])
    kept["runs"] = [
        checked_run(f"recorded['runs'][{i}]", run, shown, tasks) for i, run in enumerate(kept["runs"])
    ]
    found = [(run["cure"], run["experts"]) for run in kept["runs"]]
    wanted = {(cure, experts) for cure, _ in found for _, experts in found}
    if len(set(found)) < len(found) or wanted - set(found):
        raise ValueError(
            "recorded['runs'] must hold every cure with every number of experts once, missing: "
            f"{sorted(wanted - set(found)) or 'none'}"
        )
    return kept
