"""The gates explorer of chapter 4: what gates do while they learn, and what keeps them mixed (D5, D7)."""

from collections.abc import Mapping
from typing import Any

import traitlets

from bookwork.explorer.traits import Checked, Count
from ranking import validation
from ranking_course.explorers.base import Explorer
from ranking_course.explorers.gates_recording import (
    CHOICES,
    CURES,
    HEADS,
    OPTIMISERS,
    RATES,
    checked_recording,
    checked_run,
    cures_with,
)


class GatesExplorer(Explorer):
    """An MMoE's gates step by step through training, for many seeds and ways to train (claims D5 and D7).

    ``GatesExplorer(recorded, data=None, optimiser="adam", rate="middle", heads="half", cure="none", seed=0,
    step=…)``: the traits follow the controls and can be set. ``optimiser`` is one of ``OPTIMISERS``;
    ``rate``, one of ``RATES``, is a stop whose number depends on the optimiser; ``heads``, one of ``HEADS``,
    is where the heads start; ``cure`` is one of ``CURES``. A recording may have fewer cures with one
    optimiser: where the chosen one is not there, it goes back to "none". ``seed`` is the place of a shown
    seed, from 0, and ``step`` a recorded step of training, at first the last; a button plays them.
    ``recorded``: see :func:`checked_recording`.

    With ``data``, JupyterLab has a button that trains anew, see :meth:`train`; the page has none. They are
    training and held-out rows as ``mmoe.examples.gate_examples`` gives them, or a function such as that one
    itself, which is called when they are first needed.
    """

    module = "gates"
    settings = (*CHOICES, "seed", "step")

    optimiser = traitlets.Enum(OPTIMISERS, "adam", help="What takes the steps.")
    rate = traitlets.Enum(RATES, "middle", help="Stop of the learning rate; its number is the optimiser's.")
    heads = traitlets.Enum(HEADS, "half", help="Where the heads start.")
    cure = traitlets.Enum(CURES, "none", help="What is done against polarization.")
    seed = Count(0, 0, 10**9, help="Which of the shown seeds, from 0.")
    step = Count(0, 0, 10**9, help="Step of training that is shown.")
    recorded = Checked(checked_recording, {}, help="Recorded runs.")

    # of JupyterLab alone: the page's state has none of these, and its module then shows no training
    trainable = traitlets.Bool(False, help="Whether there are data to train on.").tag(explorer=False)
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
        allowed = _allowed(checked)
        given = {name: others.get(name, self.traits()[name].default_value) for name in allowed}
        for name, values in allowed.items():
            validation.one_of(name, given[name], values)
        validation.one_of("cure", given["cure"], cures_with(checked, given["optimiser"]))
        self._data = data
        super().__init__(recorded=checked, trainable=data is not None, live=None, **others)
        self.start = {**self.start, "live": None}
        self.on_msg(self._hear)

    @traitlets.validate("optimiser", "rate", "heads", "cure", "seed", "step")
    def _check_setting(self, proposal: dict[str, Any]) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        allowed = _allowed(self.recorded)[name]
        there = ""
        if name == "cure":
            allowed = cures_with(self.recorded, self.optimiser)
            there = f" with optimiser {self.optimiser!r}"
        if value not in allowed:
            listed = ", ".join(map(str, allowed))
            raise traitlets.TraitError(f"{name} must be one of {listed}{there}, got {value!r}")
        return value

    @traitlets.observe("optimiser")
    def _leave_cure(self, _: Any) -> None:
        """Without a kernel the module does the same."""
        if self.recorded and self.cure not in cures_with(self.recorded, self.optimiser):
            self.cure = "none"

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        """The button was pressed. Nobody would see an error raised here: it is shown beside the button."""
        if isinstance(content, Mapping) and content.get("train"):
            try:
                self.train()
            except ValueError as error:
                self.status = str(error)

    def train(self) -> None:
        """Train the shown seeds anew in the chosen way, on the rows of ``data``, and show them.

        Raises:
            ValueError: without ``data``, or where they do not fit the recording's tasks.
        """
        # torch, which nothing else here needs
        from ranking_course.explorers.gates_run import Way, packed, train_gates

        if self._data is None:
            raise ValueError("data must be given to the explorer to train anything, got None")
        recorded, way = self.recorded, Way(self.optimiser, self.rate, self.heads, self.cure)
        self.status, self.training = "", 0.0
        try:
            if callable(self._data):
                self._data = self._data()
            train, held_out = self._data
            run = train_gates(
                train,
                held_out,
                way,
                seeds=[one["seed"] for one in recorded["shown"]],
                steps=recorded["steps"],
                rows=recorded["rows"],
                on_progress=self._show_progress,
            )
            found = checked_run("live", packed([run], len(recorded["shown"])), recorded)
            self.live = {**found, "live": True}
        finally:
            self.training = None
        self.status = self.labels["trained"].format(
            seeds=found["seeds"], rows=f"{len(train):,}", learnt=f"{recorded['learnt_from']:,}"
        )

    def _show_progress(self, done: float) -> None:
        if done - (self.training or 0.0) >= 0.05:  # some twenty messages, not one per step
            self.training = done

    def first_state(self) -> dict[str, Any]:
        """The state without the sampled rows of all runs but the one that is shown."""
        shown = [getattr(self, choice) for choice in CHOICES]
        runs = [
            run if [run[choice] for choice in CHOICES] == shown else {**run, "weights": None}
            for run in self.recorded["runs"]
        ]
        return {**self.state(), "recorded": {**self.recorded, "runs": runs}}

    def facts(self) -> dict[str, Any]:
        return {"step": self.step, "last": self.recorded["steps"][-1]}


def _allowed(recorded: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values that a recording has of every setting; of the cures, with any optimiser."""
    of_runs = {choice: tuple(dict.fromkeys(run[choice] for run in recorded["runs"])) for choice in CHOICES}
    return {**of_runs, "seed": tuple(range(len(recorded["shown"]))), "step": tuple(recorded["steps"])}
