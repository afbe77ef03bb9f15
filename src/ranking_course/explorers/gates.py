"""The gates explorer of chapter 4: what gates do while they learn, and what keeps them mixed (D5, D7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

from bookwork.explorer.traits import Count, Share
from ranking import validation
from ranking_course.explorers.base import Explorer
from ranking_course.explorers.gates_recording import CURES, checked_recording, checked_run

LEARNING_RATES = (0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1)


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
