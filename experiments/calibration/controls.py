"""Is it good to drop negatives? Beside dropping any rows, and as many rows of a longer log. Chapter 3.

    python -m experiments.calibration.controls [--seeds 10] [--impressions 5000000] [--out FILE]

Every seed is a world with a log of its own. A short log is every fifth request of the long one, counted and
encoded with it, so that only the rows to learn from differ. Models learn from all rows of the short log; from
all its clicks and a part α of its negatives; from as many of its rows, dropped whatever their label; from
clicks and a part α of the negatives of the long log; and from all rows of the long log. Negatives that were
dropped are undone by the shift of the logit. Each has the best learning rate of its own, chosen by labels on
rows kept aside; all are judged against the truth on the same later rows. What was predicted: to drop
negatives costs less than to drop as many rows of either kind, and the same number of rows teaches more where
they are the clicks and some negatives of five times the traffic. Takes about ten minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.sampling import CLICK
from experiments.multi_task.setting import Floats, Setting, at_best_rate, in_every_world, judge, predicted
from experiments.running import record
from ranking.calibration import calibrate, downsample_negatives
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, fit

RATES = (0.1, 0.01)
LONGER = 5
LEARNING_RATES = (0.0025, 0.005, 0.01, 0.02, 0.04)
BATCH = 256
Rows = NDArray[np.intp]


def treatments(labels: NDArray[np.float32], short: Rows, rng: np.random.Generator) -> dict[str, Any]:
    """Name -> rows to learn from and the α that its negatives were kept with."""
    everything = np.arange(len(labels))
    found: dict[str, tuple[Rows, float]] = {"short, all rows": (short, 1.0)}
    for alpha in RATES:
        kept = short[downsample_negatives(labels[short], alpha, rng)]
        found[f"short, negatives, {alpha}"] = (kept, alpha)
        found[f"short, any rows, {alpha}"] = (np.sort(rng.choice(short, len(kept), replace=False)), 1.0)
        found[f"long, negatives, {alpha}"] = (downsample_negatives(labels, alpha, rng), alpha)
    return found | {"long, all rows": (everything, 1.0)}


def run(setting: Setting) -> list[dict[str, Any]]:
    """Every treatment in one world."""
    labels = setting.learnt.labels[:, 0]
    short = np.flatnonzero(setting.learnt.log.rows["request"].to_numpy() % LONGER == 0)
    found = []
    for name, (rows, alpha) in treatments(labels, short, np.random.default_rng(setting.seed)).items():

        def train(rate: float, rows: Rows = rows) -> MultiTaskModel:
            start = [float(labels[rows].mean())]
            model = MultiTaskModel.of(setting.encoder, CLICK, seed=setting.seed, base_rates=start)
            examples = TableExamples(setting.learnt.features[rows], labels[rows], CLICK)
            loss = WeightedCrossEntropy(CLICK)
            fit(model, examples, loss, seed=setting.seed, batch_size=BATCH, learning_rate=rate)
            return model

        def read(p: Floats, alpha: float = alpha) -> Floats:
            return calibrate(p, alpha)

        model, chosen = at_best_rate(setting, train, LEARNING_RATES, read=read)
        p = read(predicted(model, setting.judged_on))
        judged = {key: value["click"] for key, value in judge(setting.judged_on, p, CLICK).items()}
        what = {"seed": setting.seed, "treatment": name, "rows": len(rows)}
        found.append(what | {"learning_rate": chosen["learning_rate"]} | judged)
    return found


def measure(seeds: range, impressions: int = 5_000_000) -> dict[str, Any]:
    """Every treatment in every world."""
    return {
        "question": "Is it good to drop negatives?",
        "impressions": impressions,
        "rates": RATES,
        "longer": LONGER,
        "learning_rates": LEARNING_RATES,
        "batch_size": BATCH,
        "runs": in_every_world(run, seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=10)
