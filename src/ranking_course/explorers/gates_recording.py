"""Recordings of the gates explorer: packed small, checked, and read back as numbers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bookwork.explorer.base import plain_json
from bookwork.explorer.traits import ascending, entries, entry
from ranking import validation
from ranking_course.palette import PALETTE

CURES = ("none", "exact", "constant", "plain", "entropy", "balance", "slow")
"""Nothing; masks with exact renormalising, with a constant in the denominator, with none (the readings of
claim D7); an entropy bonus; a load-balancing loss; a fifth of the learning rate."""

PARTS = 255
"""Of a row's weights of one gate, which are recorded in whole parts that sum to it: off by less than 0.4%."""

FINE = 65535
"""Of utilisation, which is recorded in whole parts of it."""

_RUN_KEYS = ("cure", "experts", "seeds", "polarized", "steps", "rows", "utilisation", "weights")


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
        found = np.frombuffer(base64.b64decode(text, validate=True), dtype=dtype)
    except (TypeError, ValueError, binascii.Error) as error:
        raise ValueError(f"{name} must be base64 of {dtype} numbers, got {text!r:.40}") from error
    if found.size != np.prod(shape):
        raise ValueError(f"{name} must hold {' × '.join(map(str, shape))} numbers, got {found.size}")
    return found.reshape(shape)


def unpacked(
    recorded: Mapping[str, Any], cure: str, experts: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Utilisation and weights of one recorded run, as numbers.

    Returns:
        Shapes (shown seeds, steps, tasks, experts) and (shown seeds, steps, tasks, rows, experts); the
        weights are None where they are not recorded.
    """
    for i, run in enumerate(recorded["runs"]):
        if (run["cure"], run["experts"]) == (cure, experts):
            shape = (recorded["shown"], len(run["steps"]), len(recorded["tasks"]))
            return _unpacked(f"recorded['runs'][{i}]", run, shape)
    raise ValueError(f"recorded['runs'] must hold cure {cure!r} with {experts} experts, got none")


def _unpacked(
    name: str, run: Mapping[str, Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    experts = run["experts"]
    used = _bytes(f"{name}['utilisation']", run["utilisation"], "<u2", (*shape, experts)) / FINE
    if run["weights"] is None:
        return used, None
    kept = _bytes(f"{name}['weights']", run["weights"], "u1", (*shape, run["rows"], experts - 1)).astype(int)
    last = PARTS - kept.sum(axis=-1, keepdims=True)
    if (last < 0).any():
        raise ValueError(f"{name}['weights'] must sum to at most {PARTS} per row, got {PARTS - last.min()}")
    return used, np.concatenate([kept, last], axis=-1) / PARTS


def _checked_task(name: str, task: Any) -> dict[str, str]:
    colour = str(entry(name, task, "color")).replace("_", "-")
    allowed = tuple(target.replace("_", "-") for target in PALETTE.series)
    validation.one_of(f"{name}['color']", colour, allowed)
    return {"name": str(entry(name, task, "name")), "color": colour}


def checked_run(name: str, run: Mapping[str, Any], shown: int, tasks: int) -> dict[str, Any]:
    """One recorded run, see :func:`checked_recording`, cut down to what the explorer shows."""
    kept = {key: entry(name, run, key) for key in _RUN_KEYS}
    validation.one_of(f"{name}['cure']", kept["cure"], CURES)
    for key in ("experts", "seeds", "rows"):
        validation.positive_int(f"{name}[{key!r}]", kept[key])
    if kept["experts"] < 2 or (kept["experts"] == 3) != (kept["weights"] is not None):
        raise ValueError(
            f"{name}['weights'] must be there for 3 experts, and None for 2 or more than 3, "
            f"got {kept['weights']!r:.20} for {kept['experts']}"
        )
    if kept["seeds"] < shown:
        raise ValueError(f"{name}['seeds'] must be at least shown={shown}, got {kept['seeds']}")
    kept["steps"] = [int(step) for step in ascending(f"{name}['steps']", kept["steps"])]
    counts = validation.indices(f"{name}['polarized']", kept["polarized"], kept["seeds"] + 1)
    if counts.shape != (len(kept["steps"]),):
        raise ValueError(
            f"{name}['polarized'] must have one count per step, {len(kept['steps'])}, got {counts.shape}"
        )
    kept["polarized"] = counts.tolist()
    _unpacked(name, kept, (shown, len(kept["steps"]), tasks))
    return kept


def checked_recording(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded runs, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"tasks": [{"name", "color"}, ...], "steps": [...], "shown": n, "threshold", "dead",
            "runs": [...]}``; a task's colour is that of a target, a gate is polarized where its utilisation
            of one expert is above ``threshold``, and an expert is dead where that of every gate is below
            ``dead``. A run is one cure with one number of experts: ``{"cure": one of CURES, "experts",
            "seeds", "polarized": [number of seeds with a polarized gate, per step], "steps": [...], "rows",
            "utilisation", "weights"}``. Utilisation (by :func:`pack_utilisation`) has shape (shown seeds,
            steps, tasks, experts), weights (by :func:`pack_weights`, of 3 experts only, otherwise None) has
            shape (shown seeds, steps, tasks, rows, experts). Every cure has a run for every number of
            experts.

    Returns:
        Plain JSON data.

    Raises:
        ValueError: naming the entry that is missing or not allowed.
    """
    tasks = [
        _checked_task(f"recorded['tasks'][{i}]", task)
        for i, task in enumerate(entries("recorded", recorded, "tasks"))
    ]
    shown = validation.positive_int("recorded['shown']", entry("recorded", recorded, "shown"))
    runs = [
        checked_run(f"recorded['runs'][{i}]", run, shown, len(tasks))
        for i, run in enumerate(entries("recorded", recorded, "runs"))
    ]
    found = [(run["cure"], run["experts"]) for run in runs]
    wanted = {(cure, experts) for cure, _ in found for _, experts in found}
    if len(set(found)) < len(found) or wanted - set(found):
        raise ValueError(
            "recorded['runs'] must hold every cure with every number of experts once, missing: "
            f"{sorted(wanted - set(found)) or 'none'}"
        )
    steps = [int(step) for step in ascending("recorded['steps']", entry("recorded", recorded, "steps"))]
    limits = {
        key: validation.rate(f"recorded[{key!r}]", entry("recorded", recorded, key))
        for key in ("threshold", "dead")
    }
    return plain_json("recorded", {"tasks": tasks, "steps": steps, "shown": shown, **limits, "runs": runs})
