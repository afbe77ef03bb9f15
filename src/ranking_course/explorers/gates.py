"""The gates explorer of chapter 4: what gates do while they learn, and what keeps them mixed (D5, D7)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from bookwork.explorer.base import Explorer, plain_json
from bookwork.explorer.traits import Count, Share, ascending, entries, entry
from ranking import validation
from ranking_course.palette import TARGETS

CURES = ("none", "exact", "constant", "plain", "entropy", "balance", "slow")
"""Nothing; masks with exact renormalising, with a constant in the denominator, with none (the readings of
claim D7); an entropy bonus; a load-balancing loss; a fifth of the learning rate."""

PARTS = 255
"""Of a row's weights of one gate, which are recorded in whole parts that sum to it: off by less than 0.4%."""

FINE = 65535
"""Of utilisation, which is recorded in whole parts of it."""

LEARNING_RATES = (0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1)

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
    allowed = tuple(target.replace("_", "-") for target in TARGETS)
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


class GatesExplorer(Explorer):
    """An MMoE's gates step by step through training, cure by cure, for many seeds.

    ``GatesExplorer(recorded, data=None, step=…, cure="none", seed=0, experts=3)``: the traits ``step`` (of
    training, at first the last), ``cure`` (one of :data:`CURES`), ``seed`` (whose gates are looked at) and
    ``experts`` follow the controls and can be set; a button plays the steps. ``recorded``: see
    :func:`checked_recording`. With ``data``, JupyterLab has a button that trains anew, see :meth:`train`; the
    page has none. They are training and held-out rows as ``mmoe.examples.gate_examples`` gives them, or
    a function such as that one itself, which is called when they are first needed.
    """

    module = "gates"
    settings = ("step", "cure", "seed", "experts")
    default_labels: ClassVar[Mapping[str, str]] = {
        "title": "Gates explorer",
        "alt": (
            "Gates explorer. How the gates of an MMoE with {experts} experts share out their weight after "
            "{step} of {last} training steps, cure by cure; sliders change them."
        ),
        "reset": "Reset",
        "play": "Play",
        "pause": "Pause",
        "table": "Data table",
        "readout": "Arrow keys read out values.",
        "step_slider": "Training step",
        "step": "step",
        "cure": "Cure",
        "none": "none",
        "exact": "mask, renormalise exactly",
        "constant": "mask, renormalise with a constant",
        "plain": "mask, no renormalising",
        "entropy": "entropy bonus",
        "balance": "load balancing",
        "slow": "lower learning rate",
        "with_none": "without a cure",
        "with_exact": "with masks, renormalised exactly",
        "with_constant": "with masks, renormalised with a constant",
        "with_plain": "with masks, not renormalised",
        "with_entropy": "with an entropy bonus",
        "with_balance": "with a load-balancing loss",
        "with_slow": "with a lower learning rate",
        "seed_slider": "Seed",
        "seed_hint": "first weights and batches",
        "seeds": "seeds",
        "experts": "Experts",
        "expert": "expert",
        "expert_name": "expert {expert}",
        "gate": "gate",
        "gate_name": "gate of {task}",
        "row": "row",
        "rows": "rows",
        "mean": "mean",
        "way": "way of the mean",
        "utilisation": "utilisation",
        "effective": "effective number",
        "triangle_title": "Gate of {task} after {step} steps",
        "triangle_alt": (
            "Triangle of three experts with the weights of {rows} held-out rows in the gate of {task} after "
            "{step} steps. Mean: {listed}."
        ),
        "triangle_note": (
            "Each dot is one of {rows} held-out rows; the nearer to a corner, the more weight that expert "
            "has. The line is the way of the mean over all held-out rows, which the corners give in numbers. "
            "Dots are recorded in steps of 1/{parts}."
        ),
        "triangle_caption": "Weights in the gate of {task} after {step} steps",
        "heat_title": "Gate of {task} up to step {step}",
        "heat_alt": (
            "Heat map of the utilisation of {experts} experts in the gate of {task}, by training step up to "
            "{step}. Most used at the end: expert {top}, {share}."
        ),
        "heat_note": "The fuller, the more weight on average. Effective number of experts now: {effective}.",
        "heat_caption": "Utilisation in the gate of {task} up to step {step}",
        "bars_title": "Utilisation: mean weight, all held-out rows",
        "bars_alt": "Utilisation of every expert by every gate after {step} steps: {listed}.",
        "bars_note": (
            "Above the dotted line, {threshold}, a gate counts as polarized. Effective number of experts: "
            "{effective}. Dead, below {dead_below} in every gate: {dead}."
        ),
        "bars_caption": "Utilisation after {step} steps",
        "none_dead": "none",
        "share": "share of seeds polarized",
        "share_title": "Seeds polarized after {step} steps",
        "share_alt": "Share of seeds with at least one polarized gate after {step} steps: {listed}.",
        "share_note": (
            "A seed counts when at least one of its gates gives one expert more than {threshold}. Lines are "
            "95% intervals (Wilson); filled is the chosen cure."
        ),
        "polarized_seeds": "polarized",
        "interval": "95% interval",
        "live_mark": "(trained here)",
        "training": "Train anew, with this cure and number of experts",
        "learning_rate": "learning rate",
        "train": "Train",
        "trained": (
            "{seeds} seeds trained at learning rate {rate}, and shown. Reset goes back to the recording."
        ),
        "says_polarized": "the gate of {task} is polarized, with {share} of its weight on expert {expert}",
        "says_mixed": "the gate of {task} spreads its weight over {effective} of {experts} experts",
        "and": ", and ",
        "sentence": (
            "After {step} steps {cure}, seed {seed}: {gates}. {count} of {seeds} seeds are polarized, "
            "{share} (95% interval {low} to {high})."
        ),
        "sentence_live": (
            "Trained here, after {step} steps {cure}, seed {seed}: {gates}. {count} of {seeds} seeds are "
            "polarized, {share} (95% interval {low} to {high})."
        ),
    }

    step = Count(0, 0, 10**9, help="Step of training that is shown.").tag(sync=True, explorer=True)
    cure = traitlets.Enum(CURES, "none", help="What is done against polarization.").tag(
        sync=True, explorer=True
    )
    seed = Count(0, 0, 10**9, help="The seed whose gates are shown.").tag(sync=True, explorer=True)
    experts = Count(3, 2, 1000, help="Number of experts.").tag(sync=True, explorer=True)
    recorded = traitlets.Dict(help="Recorded runs.").tag(sync=True, explorer=True)

    # of JupyterLab alone: the page's state has none of these, and its module then shows no training
    trainable = traitlets.Bool(False, help="Whether there are data to train on.").tag(sync=True)
    learning_rate = Share(0.05, LEARNING_RATES[0], LEARNING_RATES[-1], help="Of live training.").tag(
        sync=True
    )
    learning_rates = traitlets.List(list(LEARNING_RATES), help="Stops of its slider.").tag(sync=True)
    training = traitlets.Float(None, allow_none=True, help="Share of a training that is done.").tag(sync=True)
    status = traitlets.Unicode("", help="What became of the last training.").tag(sync=True)
    live = traitlets.Dict(None, allow_none=True, help="The run that was trained last.").tag(sync=True)

    def __init__(
        self,
        recorded: Mapping[str, Any],
        data: Any = None,
        *,
        step: int | None = None,
        cure: str = "none",
        seed: int = 0,
        experts: int = 3,
        **others: Any,
    ) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`.

        Raises:
            ValueError: for a recording that is not whole, and for settings that it does not have.
        """
        checked = checked_recording(recorded)
        step = checked["steps"][-1] if step is None else step
        for name, value in {"step": step, "cure": cure, "seed": seed, "experts": experts}.items():
            validation.one_of(name, value, _allowed(checked)[name])
        self._data = data
        super().__init__(
            recorded=checked,
            step=step,
            cure=cure,
            seed=seed,
            experts=experts,
            trainable=data is not None,
            live=None,
            **others,
        )
        self.start = {**self.start, "live": None}
        self.on_msg(self._hear)

    @traitlets.validate("recorded")
    def _check_recorded(self, proposal: dict[str, Any]) -> dict[str, Any]:
        return checked_recording(proposal["value"])

    @traitlets.validate("step", "cure", "seed", "experts")
    def _check_setting(self, proposal: dict[str, Any]) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        allowed = _allowed(self.recorded)[name]
        if value not in allowed:
            raise traitlets.TraitError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
        return value

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        """The button was pressed. Nobody would see an error raised here: it is shown beside the button."""
        if isinstance(content, Mapping) and content.get("train"):
            try:
                self.train()
            except ValueError as error:
                self.status = str(error)

    def train(self, learning_rate: float | None = None) -> None:
        """Train the shown seeds anew with the chosen cure and number of experts, and show them.

        Args:
            learning_rate: Adam's; by default where the slider stands. The cure "slow" takes a fifth of it.

        Raises:
            ValueError: without ``data``, or where they do not fit the recording's tasks.
        """
        from ranking_course.explorers.gates_run import train_gates  # torch, which nothing else here needs

        if self._data is None:
            raise ValueError("data must be given to the explorer to train anything, got None")
        if learning_rate is not None:
            self.learning_rate = learning_rate
        self.status, self.training = "", 0.0
        try:
            if callable(self._data):
                self._data = self._data()
            run = train_gates(
                *self._data,
                self.cure,
                self.experts,
                seeds=range(self.recorded["shown"]),
                learning_rate=self.learning_rate,
                steps=self.recorded["steps"],
                on_progress=self._show_progress,
            )
            shape = (self.recorded["shown"], len(self.recorded["tasks"]))
            self.live = {**checked_run("live", run.packed(len(run.seeds)), *shape), "live": True}
        finally:
            self.training = None
        self.status = self.labels["trained"].format(
            seeds=self.recorded["shown"], rate=f"{run.learning_rate:g}"
        )

    def _show_progress(self, done: float) -> None:
        if done - self.training >= 0.05:  # some twenty messages, not one per step
            self.training = done

    def describe(self) -> str:
        """The alternative text where none was given."""
        return self.labels["alt"].format(
            experts=self.experts, step=self.step, last=self.recorded["steps"][-1]
        )


def _allowed(recorded: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values that a recording has of every setting."""
    runs = recorded["runs"]
    return {
        "step": tuple(recorded["steps"]),
        "cure": tuple(dict.fromkeys(run["cure"] for run in runs)),
        "seed": tuple(range(recorded["shown"])),
        "experts": tuple(dict.fromkeys(run["experts"] for run in runs)),
    }
