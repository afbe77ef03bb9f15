"""The gates explorer of chapter 4: what gates do while they learn, and what keeps them mixed (D5, D7)."""

from collections.abc import Mapping
from typing import Any

import traitlets

from bookwork.explorer.traits import Checked, Count, Share
from ranking import validation
from ranking_course.explorers.base import Explorer
from ranking_course.explorers.gates_recording import CURES, checked_recording, checked_run

LEARNING_RATES = (0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1)
_ENDS = LEARNING_RATES[0], LEARNING_RATES[-1]


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

    step = Count(0, 0, 10**9, help="Step of training that is shown.")
    cure = traitlets.Enum(CURES, "none", help="What is done against polarization.")
    seed = Count(0, 0, 10**9, help="The seed whose gates are shown.")
    experts = Count(3, 2, 1000, help="Number of experts.")
    recorded = Checked(checked_recording, {}, help="Recorded runs.")

    # of JupyterLab alone: the page's state has none of these, and its module then shows no training
    trainable = traitlets.Bool(False, help="Whether there are data to train on.").tag(explorer=False)
    learning_rate = Share(0.05, *_ENDS, help="Of live training.").tag(explorer=False)
    learning_rates = traitlets.List(list(LEARNING_RATES), help="Stops of its slider.").tag(explorer=False)
    training = traitlets.Float(None, allow_none=True, help="Share that is done.").tag(explorer=False)
    status = traitlets.Unicode("", help="What became of the last training.").tag(explorer=False)
    live = traitlets.Dict(None, allow_none=True, help="The run that was trained last.").tag(explorer=False)

    def __init__(
        self, recorded: Mapping[str, Any], data: Any = None, *, step: int | None = None, **others: Any
    ) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`.

        Raises:
            ValueError: for a recording that is not whole, and for settings that it does not have.
        """
        checked = checked_recording(recorded)
        others["step"] = checked["steps"][-1] if step is None else step
        for name, allowed in _allowed(checked).items():
            validation.one_of(name, others.get(name, self.traits()[name].default_value), allowed)
        self._data = data
        super().__init__(recorded=checked, trainable=data is not None, live=None, **others)
        self.start = {**self.start, "live": None}
        self.on_msg(self._hear)

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
            train, held_out = self._data
            run = train_gates(
                train,
                held_out,
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
        rate = f"{run.learning_rate:g}"
        self.status = self.labels["trained"].format(seeds=self.recorded["shown"], rate=rate)

    def _show_progress(self, done: float) -> None:
        if done - (self.training or 0.0) >= 0.05:  # some twenty messages, not one per step
            self.training = done

    def first_state(self) -> dict[str, Any]:
        """The state without the sampled rows of all runs but the one that is shown."""
        shown = self.cure, self.experts
        runs = [
            run if (run["cure"], run["experts"]) == shown else {**run, "weights": None}
            for run in self.recorded["runs"]
        ]
        return {**self.state(), "recorded": {**self.recorded, "runs": runs}}

    def facts(self) -> dict[str, Any]:
        return {"experts": self.experts, "step": self.step, "last": self.recorded["steps"][-1]}


def _allowed(recorded: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values that a recording has of every setting."""
    runs = recorded["runs"]
    return {
        "step": tuple(recorded["steps"]),
        "cure": tuple(dict.fromkeys(run["cure"] for run in runs)),
        "seed": tuple(range(recorded["shown"])),
        "experts": tuple(dict.fromkeys(run["experts"] for run in runs)),
    }
