"""The measures explorer of chapter 2: AUC, log loss and level of a model that is off in known ways."""

from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from bookwork.explorer.traits import Share
from ranking.evaluation.metrics import expected_auc, log_loss
from ranking.validation import Array
from ranking_course.explorers.base import Explorer

ROWS = 300
MIDDLE, SPREAD = -2.7, 1.2
"""Mean and standard deviation of the logits of the true click rates; the mean rate is about 10%."""

GOLDEN = 0.6180339887498949
"""What a sequence moves on by, from 0 to 1 and round again, that is even over every part of itself."""


def true_rates() -> Array:
    """True click rates of the impressions, rising, shape (ROWS,): quantiles of a logit-normal one."""
    return np.asarray(expit(MIDDLE + SPREAD * norm.ppf((np.arange(ROWS) + 0.5) / ROWS)))


def predicted_rates(shift: float, stretch: float, blur: float) -> Array:
    """What the model says of them, shape (ROWS,).

    It is σ(stretch · (logit p − centre) + centre + shift + blur · e). The centre is the logit of the mean
    true rate; e is standard normal noise, the same at every call.
    """
    truth = true_rates()
    centre = logit(truth.mean())
    noise = norm.ppf((np.arange(ROWS) + 0.5) * GOLDEN % 1.0)
    return np.asarray(expit(stretch * (logit(truth) - centre) + centre + shift + blur * noise))


class MeasuresExplorer(Explorer):
    """AUC, log loss and level of a model that says too much, is too bold or confuses rows, by slider.

    ``MeasuresExplorer(shift=0.9, stretch=1.0, blur=0.5)``: the model says of 300 impressions what
    :func:`predicted_rates` gives, where :func:`true_rates` are true. The traits ``shift`` (added to every
    logit, from -2 to 2), ``stretch`` (factor of the distances of logits, from 0.25 to 3) and ``blur``
    (standard deviation of the noise of logits, from 0 to 2) follow the sliders and can be set. All measures
    are expectations over fresh labels.
    """

    module = "measures"
    settings = ("shift", "stretch", "blur")
    arguments = settings

    shift = Share(0.9, -2.0, 2.0, help="Added to every logit.")
    stretch = Share(1.0, 0.25, 3.0, help="Factor of the distances of logits.")
    blur = Share(0.5, 0.0, 2.0, help="Standard deviation of the noise of logits.")

    def facts(self) -> dict[str, Any]:
        truth, said = true_rates(), predicted_rates(self.shift, self.stretch, self.blur)
        shown = {name: f"{getattr(self, name):g}" for name in self.settings}
        measured = {"auc": f"{expected_auc(truth, said):.3f}", "loss": f"{log_loss(truth, said):.3f}"}
        return {**shown, **measured, "rows": ROWS, "level": f"{said.mean() / truth.mean():.2f}"}
