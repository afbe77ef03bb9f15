"""The loss explorer of chapter 2: one impression's weighted cross-entropy, taken apart (B3–B5, A7, X10)."""

from collections.abc import Mapping
from typing import Any

import traitlets

from bookwork.explorer.schema import each, number, one_of, plain_json, record
from bookwork.explorer.traits import Count, Named, Share
from ranking import validation
from ranking_course.explorers.base import Explorer

TASKS = ("click", "like", "collect", "share")
"""The four tasks of the source (claim B2), in its order."""

MEASURES = ("auc", "log_loss")

_RUN = record(
    task=one_of(TASKS),
    weight=number(above=0.0),
    seed=plain_json,
    auc=record(dict.fromkeys(TASKS, number(0.0, 1.0))),
    log_loss=record(dict.fromkeys(TASKS, number(0.0))),
)
_RECORDING = record(runs=each(_RUN))


def checked_recording(recorded: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Recorded trainings over a grid of loss weights, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"runs": [...]}``. A run is one training in which the loss weight λ of one task was
            ``weight`` and that of all others 1: ``{"task": "like", "weight": 4.0, "seed": 0, "auc": {"click":
            …, "like": …, "collect": …, "share": …}, "log_loss": {the same keys}}``, judged on held-out rows,
            each task where its label counts (like, collect and share on clicked rows). Weights are above 0;
            every task that is varied at all has every seed at every weight, weight 1 among them (a run
            with all weights 1 is given once per varied task). Everything else in ``recorded`` is left out.

    Returns:
        ``{"sweeps": {task: {"weights": [...], "seeds": [...], "auc": {task: [[per weight] per seed]},
        "log_loss": …}}}``, plain JSON data; or None for None.
        A ValueError names the entry that is missing or not allowed.
    """
    if recorded is None:
        return None
    found: dict[str, dict[tuple[Any, float], dict[str, dict[str, float]]]] = {}
    for run in _RECORDING("recorded", recorded)["runs"]:
        task, key = run["task"], (run["seed"], run["weight"])
        if key in found.setdefault(task, {}):
            raise ValueError(f"recorded['runs'] must hold seed {key[0]} at {task} weight {key[1]:g} once")
        found[task][key] = {
            measure: {other: round(value, 6) for other, value in run[measure].items()} for measure in MEASURES
        }
    sweeps = {}
    for task, runs in found.items():
        seeds, weights = sorted({seed for seed, _ in runs}), sorted({weight for _, weight in runs})
        missing = [(seed, weight) for seed in seeds for weight in weights if (seed, weight) not in runs]
        if missing or 1.0 not in weights or len(weights) < 2:
            raise ValueError(
                f"recorded['runs'] must hold every seed at every weight of {task}, 1 and another among them; "
                f"weights {weights}, missing (seed, weight): {missing[:3] or 'none'}"
            )
        sweeps[task] = {"weights": weights, "seeds": seeds} | {
            measure: {
                other: [[runs[seed, weight][measure][other] for weight in weights] for seed in seeds]
                for other in TASKS
            }
            for measure in MEASURES
        }
    return {"sweeps": {task: sweeps[task] for task in TASKS if task in sweeps}}


class LossExplorer(Explorer):
    """One impression's loss, task by task: cross-entropy, its gradient at the logit, the weighted total.

    ``LossExplorer(recorded=None, outcomes=None, predictions=None, loss_weights=None, masked=True)``: the
    traits ``outcomes`` (y, 0 or 1 per task of :data:`TASKS`), ``predictions`` (p per task), ``loss_weights``
    (λ per task) and ``masked`` (like, collect and share count only where there was a click, claim A7) follow
    the controls and can be set. ``recorded`` adds trainings over a grid of λ, see :func:`checked_recording`;
    ``swept`` (the task whose λ varies) and ``measure`` ("auc" or "log_loss") say which are seen.
    """

    module = "loss"
    settings = ("outcomes", "predictions", "loss_weights", "masked", "swept", "measure")

    outcomes = Named({"click": 1, "like": 0, "collect": 0, "share": 1}, Count(0, 0, 1), help="y.")
    predictions = Named(
        {"click": 0.3, "like": 0.1, "collect": 0.05, "share": 0.02}, Share(0.5, 0.001, 0.999), help="p."
    )
    loss_weights = Named(dict.fromkeys(TASKS, 1.0), Share(1.0, 0.0, 1000.0), help="λ.")
    masked = traitlets.Bool(True, help="Whether unclicked rows count for the click alone.")
    swept = traitlets.Enum(TASKS, "like", help="The task whose recorded λ is shown.")
    measure = traitlets.Enum(MEASURES, "auc", help="What is shown of the recorded runs.")
    recorded = traitlets.Dict(None, allow_none=True, help="Recorded trainings.")

    def __init__(self, recorded: Mapping[str, Any] | None = None, **others: Any) -> None:
        """See the class; ``others`` are further traits and the arguments of :class:`Explorer`.

        Raises:
            ValueError: also where ``swept`` is no task that ``recorded`` varies.
        """
        checked = checked_recording(recorded)
        if checked is not None:
            swept = tuple(checked["sweeps"])
            first = "like" if "like" in swept else swept[0]
            others["swept"] = validation.one_of("swept", others.get("swept", first), swept)
        given = {name: value for name, value in others.items() if value is not None}
        super().__init__(recorded=recorded, **given)

    @traitlets.validate("recorded")
    def _check_recorded(self, proposal: dict[str, Any]) -> dict[str, Any] | None:
        return checked_recording(proposal["value"])
