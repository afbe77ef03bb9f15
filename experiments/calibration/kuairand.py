"""Chapter 3 on a real log: KuaiRand-Pure, a few sampling rates, judged on the newest fifth of the rows.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.calibration.kuairand [--seeds 5] [--out FILE]

Needs the data (see the README); without it the script says so and leaves the recorded results as they are.
Only the draw of negatives and the first weights change with the seed: there is one real log.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from scipy.special import expit

from bookwork.results import save_results
from experiments.calibration.sampling import click_model, loss
from ranking.calibration import calibrate_logits, downsample_negatives
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.logs.kuairand import find_kuairand, load_kuairand
from ranking.progress import progress
from ranking.training import TableExamples, fit, predict_logits

RATES = (1.0, 0.5, 0.1)
RESULTS = Path(__file__).with_suffix(".json")


def batch_size_for(rows: int) -> int:
    """Rows per step: 256, or fewer on a small log, so that training takes more than a hundred steps."""
    size = 256 if rows >= 100_000 else 64
    while size > 8 and rows < 128 * size:
        size //= 2
    return size


def run(train: ImpressionLog, test: ImpressionLog, rate: float, seed: int) -> dict[str, Any]:
    """Train at one rate and one seed; the level and the quality of the predictions on the held-out rows."""
    encoder = FeatureEncoder().fit(train)
    part = train.select(downsample_negatives(train.label("click"), rate, rng=seed))
    model = click_model(encoder, seed)
    fit(
        model,
        TableExamples(encoder.transform(part), part.label("click")),
        loss,
        seed=seed,
        batch_size=batch_size_for(len(part)),
    )
    logits = predict_logits(model, encoder.transform(test))[:, 0]  # (rows,)
    labels, calibrated = test.label("click"), expit(calibrate_logits(logits, rate))
    return {
        "rate": rate,
        "seed": seed,
        "rows": len(part),
        "raw_mean": round(float(expit(logits).mean()), 6),
        "calibrated_mean": round(float(calibrated.mean()), 6),
        "ece": round(metrics.calibration_error(labels, calibrated), 6),
        "log_loss": round(metrics.log_loss(labels, calibrated), 6),
        "auc": round(metrics.auc(labels, logits), 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many draws of negatives and first weights")
    parser.add_argument("--out", type=Path, default=RESULTS, help="result file")
    options = parser.parse_args()
    folder = find_kuairand()
    if folder is None:
        print("No KuaiRand-Pure files here (the README says how to get them): nothing was re-made.")
        return
    torch.set_num_threads(1)  # sums in the same order on every machine
    log = load_kuairand(folder).with_statistics()
    train, test = log.split(0.8, 0.2)
    cases = [(rate, seed) for rate in RATES for seed in range(options.seeds)]
    runs = [run(train, test, rate, seed) for rate, seed in progress(cases, description="KuaiRand")]
    data = {
        "question": "Does the correction hold on a real log?",
        "rows": len(log),
        "users": len(log.users),
        "train_rate": round(float(train.label("click").mean()), 6),
        "observed": round(float(test.label("click").mean()), 6),
        "held_out": len(test),
        "runs": runs,
    }
    command = f"python -m experiments.calibration.kuairand --seeds {options.seeds}"
    save_results(options.out, data, command=command, seeds=range(options.seeds))


if __name__ == "__main__":
    main()
