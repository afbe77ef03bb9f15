"""Chapter 3 on a real log: KuaiRand-Pure, a few sampling rates, judged on the newest fifth of the rows.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.calibration.kuairand [--seeds 5] [--out FILE]

Needs the data (see the README); without it the script says so and leaves the recorded results as they are.
Only the draw of negatives and the first weights change with the seed: there is one real log.
"""

from __future__ import annotations

from typing import Any

from scipy.special import expit

from experiments.calibration.sampling import click_model, loss
from experiments.kuairand import batch_size_for, real_log
from experiments.running import each, record
from ranking.calibration import calibrate_logits, downsample_negatives
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.training import TableExamples, fit, predict_logits

RATES = (1.0, 0.5, 0.1)


def run(train: ImpressionLog, test: ImpressionLog, rate: float, seed: int) -> dict[str, Any]:
    """Train at one rate and one seed; the level and the quality of the predictions on the held-out rows."""
    encoder = FeatureEncoder().fit(train)
    part = train.select(downsample_negatives(train.label("click"), rate, rng=seed))
    model = click_model(encoder, seed, part.label("click"))
    examples = TableExamples(encoder.transform(part), part.label("click"))
    fit(model, examples, loss, seed=seed, batch_size=batch_size_for(len(part)))
    logits = predict_logits(model, encoder.transform(test))[:, 0]  # (rows,)
    labels, calibrated = test.label("click"), expit(calibrate_logits(logits, rate))
    return {
        "rate": rate,
        "seed": seed,
        "rows": len(part),
        "raw_mean": expit(logits).mean(),
        "calibrated_mean": calibrated.mean(),
        "ece": metrics.calibration_error(labels, calibrated),
        "log_loss": metrics.log_loss(labels, calibrated),
        "auc": metrics.auc(labels, logits),
    }


def measure(seeds: range) -> dict[str, Any]:
    """Every rate with every draw of negatives and first weights."""
    log = real_log()
    train, test = log.split(0.8, 0.2)
    cases = [(rate, seed) for rate in RATES for seed in seeds]
    return {
        "question": "Does the correction hold on a real log?",
        "rows": len(log),
        "users": len(log.users),
        "train_rate": train.label("click").mean(),
        "observed": test.label("click").mean(),
        "held_out": len(test),
        "runs": [run(train, test, rate, seed) for rate, seed in each(cases)],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
