"""The loss explorer of chapter 2: one impression's weighted cross-entropy, taken apart (B3–B5, A7, X10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

from bookwork.explorer.base import plain_json
from bookwork.explorer.traits import Count, Named, Share, entries, entry
from ranking import validation
from ranking_course.explorers.base import Explorer

TASKS = ("click", "like", "collect", "share")
"""The four tasks of the source (claim B2), in its order."""

MEASURES = ("auc", "log_loss")


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

    Raises:
        ValueError: naming the entry that is missing or not allowed.
    """
    if recorded is None:
        return None
    found: dict[str, dict[tuple[Any, float], dict[str, dict[str, float]]]] = {}
    for i, run in enumerate(entries("recorded", recorded, "runs")):
        name = f"recorded['runs'][{i}]"
        task = validation.one_of(f"{name}['task']", entry(name, run, "task"), TASKS)
        weight = validation.number(f"{name}['weight']", entry(name, run, "weight"))
        if weight <= 0.0:
            raise ValueError(f"{name}['weight'] must be above 0, got {weight}")
        judged = {}
        for measure, check in zip(MEASURES, (validation.probabilities, validation.non_negative), strict=True):
            values = entry(name, run, measure)
            where = f"{name}[{measure!r}]"
            judged[measure] = {
                other: round(float(check(f"{where}[{other!r}]", entry(where, values, other))), 6)
                for other in TASKS
            }
        key = (entry(name, run, "seed"), weight)
        if key in found.setdefault(task, {}):
            raise ValueError(f"recorded['runs'] must hold seed {key[0]} at {task} weight {weight:g} once")
        found[task][key] = judged
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
    return plain_json("recorded", {"sweeps": {task: sweeps[task] for task in TASKS if task in sweeps}})


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
    default_labels: ClassVar[Mapping[str, str]] = {
        "title": "Loss explorer",
        "alt": (
            "Loss explorer. For each of click, like, collect and share: the label y, the prediction p and "
            "the loss weight λ; seen are the cross-entropies, their gradients at the logit and the weighted "
            "total."
        ),
        "reset": "Reset",
        "table": "Data table",
        "readout": "Arrow keys read out values.",
        "click": "click",
        "like": "like",
        "collect": "collect",
        "share": "share",
        "happened": "it happened: y = 1",
        "prediction": "prediction p",
        "weight": "loss weight λ",
        "masked": "like, collect and share count only where there was a click",
        "task": "task",
        "label": "label y",
        "counts": "counts",
        "yes": "yes",
        "no": "no",
        "cross_entropy": "cross-entropy",
        "nats": "cross-entropy, nats",
        "curve_title": "Cross-entropy by prediction",
        "curve_alt": (
            "The two curves −ln p (label 1) and −ln(1 − p) (label 0), with a mark for each task: {listed}."
        ),
        "curve_axis": "prediction p, evenly spaced in its logit",
        "curve_note": "On this axis the slope of a curve is its gradient at the logit, p − y.",
        "curve_note_masked": (
            "On this axis the slope of a curve is its gradient at the logit, p − y. Hollow marks are masked."
        ),
        "curve_caption": "Each task's label, prediction and cross-entropy",
        "happened_line": "y = 1: −ln p",
        "not_line": "y = 0: −ln(1 − p)",
        "gradient": "gradient",
        "gradient_axis": "gradient at the logit",
        "gradient_title": "Gradient at the logit: λ (p − y)",
        "gradient_alt": "Gradient of the total at each task's logit: {listed}.",
        "gradient_note": "Below 0 the step of gradient descent raises the prediction, above 0 it lowers it.",
        "gradient_caption": "Gradient of the total loss at each task's logit",
        "term": "term of the total",
        "term_axis": "λ · cross-entropy",
        "terms_title": "What each task adds to the loss: λ · cross-entropy",
        "terms_alt": "Terms of the loss: {listed}; {total} together.",
        "terms_note": "Together {total}.",
        "terms_note_masked": "Together {total}. Hatched: what the mask leaves out, {left_out}.",
        "terms_caption": "Each task's term of the total loss",
        "masked_out": "masked",
        "swept": "Recorded: λ varied of",
        "measure": "Judged by",
        "auc": "AUC",
        "log_loss": "log loss",
        "seed": "seed",
        "sweep_name": "What the loss weight does, recorded",
        "sweep_title": "Recorded: {measure} of every task as λ of {swept} varies",
        "sweep_alt": (
            "Change in {measure} of every task against λ = 1, as λ of {swept} varies from {low} to {high}; "
            "medians at {high}: {listed}."
        ),
        "sweep_axis": "change in {measure}",
        "sweep_note": (
            "Change against the same seed's {measure} at λ = 1: thin lines are the {seeds} seeds, bold their "
            "median. All other weights are 1."
        ),
        "sweep_caption": "Median {measure} of {seeds} seeds by λ of {swept}",
        "sweep_weight": "λ of {swept}",
        "sentence": (
            "Clicked: the loss is {total}. Most of it, {largest_term}, comes from {largest}: {largest_p} was "
            "predicted where y = {largest_y}, with λ = {largest_weight}."
        ),
        "sentence_masked": (
            "Not clicked: the loss is {total}, all of it from the click. A like, collect or share is counted "
            "per click, so those labels say nothing here and pass no gradient."
        ),
        "sentence_unmasked": (
            "Not clicked, and not masked: the loss is {total}, of which {left_out} teaches like, collect and "
            "share that nothing follows an impression. Those heads then predict rates per impression, not "
            "per click."
        ),
        "sentence_zero": "Every weight that counts is 0: there is no loss, and nothing is learnt.",
    }

    outcomes = Named({"click": 1, "like": 0, "collect": 0, "share": 1}, Count(0, 0, 1), help="y.").tag(
        sync=True, explorer=True
    )
    predictions = Named(
        {"click": 0.3, "like": 0.1, "collect": 0.05, "share": 0.02}, Share(0.5, 0.001, 0.999), help="p."
    ).tag(sync=True, explorer=True)
    loss_weights = Named(dict.fromkeys(TASKS, 1.0), Share(1.0, 0.0, 1000.0), help="λ.").tag(
        sync=True, explorer=True
    )
    masked = traitlets.Bool(True, help="Whether unclicked rows count for the click alone.").tag(
        sync=True, explorer=True
    )
    swept = traitlets.Enum(TASKS, "like", help="The task whose recorded λ is shown.").tag(
        sync=True, explorer=True
    )
    measure = traitlets.Enum(MEASURES, "auc", help="What is shown of the recorded runs.").tag(
        sync=True, explorer=True
    )
    recorded = traitlets.Dict(None, allow_none=True, help="Recorded trainings.").tag(sync=True, explorer=True)

    def __init__(
        self,
        recorded: Mapping[str, Any] | None = None,
        *,
        outcomes: Mapping[str, int] | None = None,
        predictions: Mapping[str, float] | None = None,
        loss_weights: Mapping[str, float] | None = None,
        **others: Any,
    ) -> None:
        """See the class; ``others`` are further traits and the arguments of :class:`Explorer`.

        Raises:
            ValueError: also where ``swept`` is no task that ``recorded`` varies.
        """
        checked = checked_recording(recorded)
        if checked is not None:
            swept = tuple(checked["sweeps"])
            first = "like" if "like" in swept else swept[0]
            others["swept"] = validation.one_of("swept", others.get("swept", first), swept)
        given = {"outcomes": outcomes, "predictions": predictions, "loss_weights": loss_weights}
        given = {name: value for name, value in given.items() if value is not None}
        super().__init__(recorded=recorded, **given, **others)

    @traitlets.validate("recorded")
    def _check_recorded(self, proposal: dict[str, Any]) -> dict[str, Any] | None:
        return checked_recording(proposal["value"])

    def describe(self) -> str:
        """The alternative text where none was given."""
        return self.labels["alt"]
