"""The gates of MMoE step by step, for the gates explorer of chapter 4: seven cures, 3 and 8 experts.

    python -m experiments.mmoe.gates [--seeds 40] [--shown 10] [--out FILE]

The setting is the base of ``mmoe_polarization.py``, with 40 seeds. Every run is looked at on 10,000 held-out
impressions at 16 steps from 0 to 300. Kept are the number of polarized seeds, the utilisation of the first
ten seeds (in 65,535ths, two bytes each) and, with 3 experts, the weights of 60 held-out rows (in 255ths that
sum to 255, a byte each, the last expert's left out). Takes about three minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from bookwork.results import save_results
from ranking.mmoe.diagnostics import DEAD_BELOW, POLARIZED_ABOVE
from ranking.mmoe.examples import gate_examples
from ranking.progress import progress
from ranking_course.explorers.gates_recording import CURES
from ranking_course.explorers.gates_run import LEARNING_RATE, STEPS, train_gates

EXPERTS = (3, 8)
TASKS = [{"name": name, "color": name} for name in ("click", "like")]
RESULTS = Path(__file__).with_suffix(".json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40, help="how many first weights")
    parser.add_argument("--shown", type=int, default=10, help="of how many seeds the gates are kept")
    parser.add_argument("--out", type=Path, default=RESULTS, help="result file")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in the same order on every machine
    seeds = range(options.seeds)
    data = gate_examples(seed=0)
    runs = [
        train_gates(*data, cure, experts, seeds=seeds).packed(options.shown)
        for experts in EXPERTS
        for cure in progress(CURES, description=f"{experts} experts")
    ]
    recorded: dict[str, Any] = {
        "question": "What do the gates do while they learn, and what keeps them mixed?",
        "learning_rate": LEARNING_RATE,
        "tasks": TASKS,
        "steps": list(STEPS),
        "shown": options.shown,
        "threshold": POLARIZED_ABOVE,
        "dead": DEAD_BELOW,
        "runs": runs,
    }
    command = f"python -m experiments.mmoe.gates --seeds {options.seeds} --shown {options.shown}"
    save_results(options.out, recorded, command=command, seeds=seeds)


if __name__ == "__main__":
    main()
