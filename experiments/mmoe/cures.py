"""Cures of polarization, side by side: which of them work, and what do they cost? Chapter 4.

    python -m experiments.mmoe.cures [--seeds 40] [--out FILE]

The base setting of ``mmoe_polarization.py``, on two logs, with 3 and with 8 experts, 40 seeds each: nothing;
masking 10% and 30% with exact renormalisation; masking 10% with a constant in the denominator, as plain
dropout, and without touching the kept weights; an entropy bonus; load balancing; a lower learning rate. Takes
about six minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from bookwork.results import save_results
from experiments.mmoe.polarization import BASE, constant_and_truth, run
from ranking.mmoe.examples import gate_examples
from ranking.progress import progress

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
RESULTS = Path(__file__).with_suffix(".json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40, help="how many first weights on each log")
    parser.add_argument("--out", type=Path, default=RESULTS, help="result file")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in the same order on every machine
    base = {name: value for name, value in BASE.items() if name != "raw_counts"}
    runs, bounds = [], []
    for log in LOGS:
        data = gate_examples(seed=log)
        seeds = range(log * options.seeds, (log + 1) * options.seeds)  # no weights twice
        bounds.append({"log": log, **constant_and_truth(data[1])})
        for experts in EXPERTS:
            for cure, changed in progress(CURES.items(), description=f"log {log}, {experts} experts"):
                setting = {**base, "experts": experts, **changed}
                found = run(data, seeds, description=cure, **setting)
                runs.append({"cure": cure, "experts": experts, "log": log, "seeds": list(seeds), **found})
    recorded = {
        "question": "Which cures of polarization work, and what do they cost?",
        "base": base,
        "cures": CURES,
        "bounds": bounds,
        "runs": runs,
    }
    command = f"python -m experiments.mmoe.cures --seeds {options.seeds}"
    save_results(options.out, recorded, command=command, seeds=range(len(LOGS) * options.seeds))


if __name__ == "__main__":
    main()
