"""Corrections of the level on a real log, KuaiRand-Pure, fitted on its newest rows but for those judged on.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.calibration.level_kuairand [--seeds 5] [--out FILE]

Chapter 3. The oldest 60% of the rows are learnt from, corrections are fitted on the newest of the next 20%,
and the newest 20% are judged on, by labels: there is no truth here. The intervals are bootstraps over the
users of the judged rows; fits stay as they are in it. A seed draws first weights and the order of rows; each
row's loss is the mean over seeds. The slice is the tab, the page of the app: the rates of clicks differ much
between tabs. Needs the data (see the README); without it the script says so and leaves the recorded results
as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from experiments.calibration.level import sliced, unsliced
from experiments.calibration.sampling import CLICK, click_model, loss
from experiments.kuairand import batch_size_for, real_log
from experiments.running import each, record
from ranking.calibration import Isotonic, Platt, Shift, Temperature
from ranking.calibration.slices import WIDEST
from ranking.evaluation import bootstrap_interval, metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.training import TableExamples, fit, predict_logits

SIZES = (500, 1_000, 2_000, 4_000, 10_000, 40_000)
"""Newest rows to fit on, as far as the log has them; a last fit takes all that are kept for it."""
CORRECTIONS = {
    "shift": unsliced(Shift),
    "temperature": unsliced(Temperature),
    "platt": unsliced(Platt),
    "isotonic": unsliced(Isotonic),
    "by tab, raw": sliced("tab", WIDEST),
    "by tab, shrunk": sliced("tab", None),
}

Floats = NDArray[np.float64]


def logits_of(
    train: ImpressionLog, others: tuple[ImpressionLog, ...], encoder: FeatureEncoder, seed: int
) -> list[Floats]:
    """Logits of some rows by a click model that learnt from others, (rows,) each."""
    labels = train.label("click")
    model = click_model(encoder, seed, labels)
    examples = TableExamples(encoder.transform(train), labels, CLICK)
    fit(model, examples, loss, seed=seed, batch_size=batch_size_for(len(train)))
    return [predict_logits(model, encoder.transform(log))[:, 0] for log in others]


def tabs(log: ImpressionLog) -> dict[str, NDArray[np.int64]]:
    """The tab of each row."""
    return {"tab": log.rows["tab"].to_numpy().astype(np.int64)}


def measure(seeds: range) -> dict[str, Any]:
    """Every correction from every number of rows."""
    log = real_log()
    train, fresh, judged = log.split(0.6, 0.2, 0.2)
    sizes = [*(size for size in SIZES if size < len(fresh)), len(fresh)]
    labels, y = (part.label("click").astype(np.float64) for part in (fresh, judged))
    encoder = FeatureEncoder().fit(train)
    before, changes, levels, aucs = [], [], [], []
    for seed in each(seeds):
        logits, z = logits_of(train, (fresh, judged), encoder, seed)
        right = metrics.cross_entropy(y, expit(z))  # (judged rows,)
        before.append([right.mean(), expit(z).mean() / y.mean(), metrics.auc(y, z)])
        for size in sizes:
            newest = slice(len(labels) - size, None)
            some = {name: codes[newest] for name, codes in tabs(fresh).items()}
            for learn in CORRECTIONS.values():
                corrected = learn(labels[newest], logits[newest], some)(z, tabs(judged))
                changes.append(metrics.cross_entropy(y, expit(corrected)) - right)
                levels.append(expit(corrected).mean() / y.mean())
                aucs.append(metrics.auc(y, corrected) - before[-1][2])
    shape = (len(seeds), len(sizes), len(CORRECTIONS))
    change = np.reshape(changes, (*shape, -1)).mean(axis=0)  # (sizes, corrections, judged rows)
    level, auc = (np.reshape(values, shape).mean(axis=0) for values in (levels, aucs))
    user = judged.rows["user"].to_numpy()
    low, high = bootstrap_interval(change.reshape(-1, len(judged)).T, np.mean, groups=user)
    return {
        "question": "Which correction of the level pays on a real log, from how many rows?",
        "rows": len(log),
        "train_rows": len(train),
        "fresh_rows": len(fresh),
        "judged_rows": len(judged),
        "judged_users": len(np.unique(user)),
        "slices": len(np.unique(tabs(log)["tab"])),
        "uncorrected": dict(zip(("log_loss", "level", "auc"), np.mean(before, axis=0), strict=True)),
        "runs": [
            {
                "size": size,
                "correction": name,
                "log_loss_change": change[i, j].mean(),
                "interval": [low[i * len(CORRECTIONS) + j], high[i * len(CORRECTIONS) + j]],
                "level": level[i, j],
                "auc_change": auc[i, j],
            }
            for i, size in enumerate(sizes)
            for j, name in enumerate(CORRECTIONS)
        ],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
