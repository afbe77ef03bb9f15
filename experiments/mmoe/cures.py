"""Cures of polarization, side by side: which of them work, and what do they cost? Chapter 4.

    python -m experiments.mmoe.cures [--seeds 80] [--out FILE]

The base setting of ``polarization.py``, on two logs with half of the seeds each, with 3 and with 8 experts:
nothing; masking 10% and 30% with exact renormalisation; masking 10% with a constant in the denominator, as
plain dropout, and without touching the kept weights; an entropy bonus; load balancing; a lower learning rate.
Takes about six minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.mmoe.polarization import BASE, constant_and_truth, run
from experiments.running import each, record
from ranking.mmoe.examples import gate_examples

CURES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "mask 10%, renormalise": {"mask_rate": 0.1, "masking": "renormalised"},
    "mask 30%, renormalise": {"mask_rate": 0.3, "masking": "renormalised"},
    "mask 10%, renormalise with a constant": {"mask_rate": 0.1, "masking": "epsilon"},
    "mask 10%, plain dropout": {"mask_rate": 0.1, "masking": "dropout"},
    "mask 10%, nothing else": {"mask_rate": 0.1, "masking": "unscaled"},
    "entropy bonus .01": {"entropy_bonus": 0.01},
    "load balancing .01": {"load_balancing": 0.01},
    "learning rate .01": {"learning_rate": 0.01},
}
EXPERTS, LOGS = (3, 8), (0, 1)


def measure(seeds: range) -> dict[str, Any]:
    """Every cure with each number of experts on each log; no first weights twice."""
    base = {name: value for name, value in BASE.items() if name != "raw_counts"}
    data = {log: gate_examples(seed=log) for log in LOGS}
    cases = [(log, experts, cure) for log in LOGS for experts in EXPERTS for cure in CURES]
    runs = []
    for log, experts, cure in each(cases):
        part = np.array_split(seeds, len(LOGS))[log].tolist()
        setting = {**base, "experts": experts, **CURES[cure]}
        found = run(data[log], part, **setting)
        runs.append({"cure": cure, "experts": experts, "log": log, "seeds": part, **found})
    return {
        "question": "Which cures of polarization work, and what do they cost?",
        "base": base,
        "cures": CURES,
        "bounds": [{"log": log, **constant_and_truth(test)} for log, (_, test) in data.items()],
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=80)
