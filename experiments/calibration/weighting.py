"""Two ways to undo the sampling of negatives: weights of 1/α in the loss, or a shift of the logit. Chapter 3.

    python -m experiments.calibration.weighting [--seeds 10] [--draws 3] [--impressions 1000000] [--out FILE]

Every seed is a world and a log of its own. From one sample of its negatives two models are trained: one whose
loss counts each negative 1/α times, so that its predictions need no correction, and one whose loss counts all
rows alike, whose logits are shifted by ln α. A third model learns from all rows. Each starts at the base rate
of what its loss counts and has the best learning rate of its own, chosen by labels on rows kept aside on the
first draw. A draw is a sample, first weights and an order of rows. Judged against the truth on held-out rows:
AUC and log loss to expect, and the level, mean prediction over mean truth.

It was predicted that the weights lose: they make the few rows kept noisier, and repair nothing that the shift
does not. Takes about eight minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.sampling import CLICK
from experiments.multi_task.setting import Floats, Setting, at_best_rate, in_every_world, judge, predicted
from experiments.running import record
from ranking.calibration import calibrate, downsample_negatives
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, fit

ALPHAS = (0.1, 0.03, 0.01)
RATES = (0.0025, 0.005, 0.01, 0.02, 0.04)
"""Learning rates that every treatment may choose from."""
BATCH = 256
DRAWS = 3


def train(
    setting: Setting, rows: NDArray[np.intp], weights: Floats | None, learning_rate: float, seed: int
) -> MultiTaskModel:
    """A click model trained on some rows, each with its weight, from the base rate of what is counted."""
    labels = setting.learnt.labels[rows][:, :1]  # (rows, 1)
    start = [float(np.average(labels[:, 0], weights=weights))]
    model = MultiTaskModel.of(setting.encoder, CLICK, seed=seed, base_rates=start)
    examples = TableExamples(setting.learnt.features[rows], labels, CLICK, weights)
    loss = WeightedCrossEntropy(CLICK)
    fit(model, examples, loss, seed=seed, batch_size=BATCH, learning_rate=learning_rate)
    return model


def treatment(
    setting: Setting, name: str, alpha: float, draws: int, read: Callable[[Floats], Floats]
) -> list[dict[str, Any]]:
    """One way to train at one sampling rate, over draws of the sample."""
    labels = setting.learnt.labels[:, 0]  # (rows,)

    def trained(learning_rate: float, seed: int) -> MultiTaskModel:
        rows = downsample_negatives(labels, alpha, rng=seed)
        weights = np.where(labels[rows] == 1.0, 1.0, 1.0 / alpha) if name == "weights" else None
        return train(setting, rows, weights, learning_rate, seed)

    first, *others = (draws * setting.seed + draw for draw in range(draws))
    model, found = at_best_rate(setting, lambda rate: trained(rate, first), RATES, read)
    models = [model, *(trained(found["learning_rate"], seed) for seed in others)]
    runs = []
    for draw, model in enumerate(models):
        judged = judge(setting.judged_on, read(predicted(model, setting.judged_on)), CLICK)
        measures = {key: judged[key]["click"] for key in ("auc", "log_loss", "level")}
        about = {"seed": setting.seed, "treatment": name, "rate": alpha, "draw": draw}
        runs.append({**about, "learning_rate": found["learning_rate"], **measures})
    return runs


def run(setting: Setting, draws: int) -> list[dict[str, Any]]:
    """All rows, and both treatments at every sampling rate, in one world."""
    found = treatment(setting, "all rows", 1.0, draws, lambda p: p)
    for alpha in ALPHAS:
        found += treatment(setting, "weights", alpha, draws, lambda p: p)
        found += treatment(setting, "shift", alpha, draws, partial(calibrate, sampling_rate=alpha))
    return found


def measure(seeds: range, draws: int = DRAWS, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every treatment in every world."""
    return {
        "question": "Weights of 1/α in the loss, or a shift of the logit?",
        "impressions": impressions,
        "rates": ALPHAS,
        "learning_rates": RATES,
        "batch_size": BATCH,
        "runs": in_every_world(lambda setting: run(setting, draws), seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=10)
