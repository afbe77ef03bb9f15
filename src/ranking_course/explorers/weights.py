"""The weights explorer of chapter 2: what each target gains and loses when one loss weight varies (B5)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.schema import each, number, one_of, plain_json, record
from ranking import validation
from ranking.evaluation import margin
from ranking_course.explorers.base import Explorer
from ranking_course.explorers.loss import TASKS

ALL = "all"

_RUN = record(
    task=one_of(TASKS),
    weight=number(above=0.0),
    seed=plain_json,
    gap_closed=record(dict.fromkeys(TASKS, number())),
)
_RECORDING = record(runs=each(_RUN))

_Found = dict[tuple[str, float], dict[Any, list[float]]]


def _by_setting(runs: list[dict[str, Any]]) -> _Found:
    """Shares of the gap closed, in the order of :data:`TASKS`, by seed and by (task, weight)."""
    found: _Found = {}
    for run in runs:
        task, weight, seed = run["task"], run["weight"], run["seed"]
        seeds = found.setdefault((task, weight), {})
        if seed in seeds:
            raise ValueError(f"recorded['runs'] must hold seed {seed} at {task} weight {weight:g} once")
        seeds[seed] = [round(run["gap_closed"][task], 6) for task in TASKS]
    return found


def _reduced(found: _Found) -> dict[str, Any]:
    """Means and margins over the worlds: with every weight 1, and as one of them varies."""
    seeds = sorted({seed for runs in found.values() for seed in runs})
    tasks = [task for task in TASKS if any(varied == task for varied, _ in found)]
    weights = sorted({weight for _, weight in found})
    missing = [
        (task, weight, seed)
        for task in tasks
        for weight in weights
        for seed in seeds
        if seed not in found.get((task, weight), {})
    ]
    if missing or 1.0 not in weights or len(weights) < 2 or len(seeds) < 2:
        raise ValueError(
            f"recorded['runs'] must hold at least two seeds at every weight of every task, 1 and another "
            f"among them; weights {weights}, seeds {seeds}, missing (task, weight, seed): "
            f"{missing[:3] or 'none'}"
        )
    equal = found[tasks[0], 1.0]
    for task in tasks[1:]:
        for seed in seeds:
            if found[task, 1.0][seed] != equal[seed]:
                raise ValueError(
                    f"recorded['runs'] must hold the same values for every task at weight 1: those of seed "
                    f"{seed} differ between {tasks[0]} and {task}"
                )

    def told(values: list[list[float]]) -> dict[str, dict[str, float]]:
        means, margins = np.mean(values, axis=0), margin(values)
        return {
            name: {task: round(float(number), 6) for task, number in zip(TASKS, numbers, strict=True)}
            for name, numbers in (("mean", means), ("margin", margins))
        }

    def changes(task: str, weight: float) -> dict[str, Any]:
        runs = found[task, weight]
        paired = [(np.array(runs[seed]) - equal[seed]).tolist() for seed in seeds]
        return {"task": task, "weight": weight, **told(paired)}

    return {
        "worlds": len(seeds),
        "equal": told([equal[seed] for seed in seeds]),
        "changes": [changes(task, weight) for task in tasks for weight in weights if weight != 1.0],
    }


def checked_recording(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded trainings over a grid of loss weights, checked and reduced to what the explorer shows.

    Args:
        recorded: ``{"runs": [...]}``. A run is one training in which the loss weight λ of one task was
            ``weight`` and that of all others 1: ``{"task": "like", "weight": 10.0, "seed": 0, "gap_closed":
            {"click": …, "like": …, "collect": …, "share": …}}``. ``gap_closed`` is the share of the way from
            the log loss of the best constant, 0, to that of the truth, 1, and may be negative. A seed is a
            world of its own. Every task that is varied at all has every weight and every seed, at least
            two; the run with every weight 1 is given once per varied task, with the same values. Everything
            else in ``recorded`` is left out.

    Returns:
        ``{"worlds": how many, "equal": {"mean": {task: …}, "margin": {task: …}}, "changes": [{"task",
        "weight", "mean", "margin"}, ...]}``, plain JSON data: "equal" with every λ 1,
        "changes" against that, paired by world; a margin is half of Student's 95% interval.
        A ValueError names the entry that is missing or not allowed.
    """
    return _reduced(_by_setting(_RECORDING("recorded", recorded)["runs"]))


class WeightsExplorer(Explorer):
    """What every target gains or loses when the loss weight of one of them varies, as a heat map.

    ``WeightsExplorer(recorded, swept="all", agreed=False)``: the traits ``swept`` (the task whose λ
    varies, or "all") and ``agreed`` (whether changes whose 95% interval over the worlds holds 0 are faded)
    follow the controls and can be set. ``recorded``: see :func:`checked_recording`.
    """

    module = "weights"
    settings = ("swept", "agreed")
    arguments = settings

    swept = traitlets.Enum((ALL, *TASKS), ALL, help="The task whose weight varies, or all.")
    agreed = traitlets.Bool(False, help="Whether changes that may be none are faded.")
    recorded = traitlets.Dict(help="Recorded trainings, reduced.")

    def __init__(self, recorded: Mapping[str, Any], *settings: Any, **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`.

        Raises:
            ValueError: also where ``swept`` was not recorded.
        """
        super().__init__(*settings, recorded=recorded, **others)
        varied = {change["task"] for change in self.recorded["changes"]}
        validation.one_of("swept", self.swept, (ALL, *(task for task in TASKS if task in varied)))

    @traitlets.validate("recorded")
    def _check_recorded(self, proposal: dict[str, Any]) -> dict[str, Any]:
        return checked_recording(proposal["value"])

    def facts(self) -> dict[str, Any]:
        return {"settings": len(self.recorded["changes"]), "worlds": self.recorded["worlds"]}
