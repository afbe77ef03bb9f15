"""The loss explorer of chapter 2: one impression's weighted cross-entropy, taken apart (B3–B5, A7)."""

import traitlets

from bookwork.explorer.traits import Count, Named, Share
from ranking_course.explorers.base import Explorer

TASKS = ("click", "like", "collect", "share")
"""The four tasks of the source (claim B2), in its order."""


class LossExplorer(Explorer):
    """One impression's loss, task by task: cross-entropy, its gradient at the logit, the weighted total.

    ``LossExplorer(outcomes=..., predictions=..., loss_weights=..., masked=True, target="share")``: the traits
    ``outcomes`` (y, 0 or 1 per task of :data:`TASKS`), ``predictions`` (p per task), ``loss_weights`` (λ per
    task) and ``masked`` (like, collect and share count only where there was a click, claim A7) follow the
    controls and can be set. ``target`` is the task whose y, p and λ the controls move.
    """

    module = "loss"
    settings = ("outcomes", "predictions", "loss_weights", "masked", "target")

    outcomes = Named({"click": 1, "like": 0, "collect": 0, "share": 1}, Count(0, 0, 1), help="y.")
    predictions = Named(
        {"click": 0.3, "like": 0.1, "collect": 0.05, "share": 0.02}, Share(0.5, 0.001, 0.999), help="p."
    )
    loss_weights = Named(dict.fromkeys(TASKS, 1.0), Share(1.0, 0.0, 1000.0), help="λ.")
    masked = traitlets.Bool(True, help="Whether unclicked rows count for the click alone.")
    target = traitlets.Enum(TASKS, "share", help="The task whose values the controls move.")
