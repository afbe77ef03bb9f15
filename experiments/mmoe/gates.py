"""The gates of MMoE step by step, for the gates explorer of chapter 4: seven cures, 3 and 8 experts.

    python -m experiments.mmoe.gates [--seeds 40] [--shown 10] [--out FILE]

The setting is the base of ``polarization.py``, with 40 seeds. Every run is looked at on 10,000 held-out
impressions at 16 steps from 0 to 300. Kept are the number of polarized seeds, the utilisation of the first
ten seeds (in 65,535ths, two bytes each) and, with 3 experts, the weights of 60 held-out rows (in 255ths that
sum to 255, a byte each, the last expert's left out). Takes about three minutes on one core.
"""

from __future__ import annotations

from typing import Any

from experiments.running import each, record
from ranking.mmoe.diagnostics import DEAD_BELOW, POLARIZED_ABOVE
from ranking.mmoe.examples import gate_examples
from ranking_course.explorers.gates_recording import CURES
from ranking_course.explorers.gates_run import LEARNING_RATE, STEPS, train_gates

EXPERTS = (3, 8)
TASKS = [{"name": name, "color": name} for name in ("click", "like")]


def measure(seeds: range, shown: int = 10) -> dict[str, Any]:
    """Every cure with each number of experts; the gates of the first ``shown`` seeds are kept."""
    train, held_out = gate_examples(seed=0)
    cases = [(experts, cure) for experts in EXPERTS for cure in CURES]
    return {
        "question": "What do the gates do while they learn, and what keeps them mixed?",
        "learning_rate": LEARNING_RATE,
        "tasks": TASKS,
        "steps": STEPS,
        "shown": shown,
        "threshold": POLARIZED_ABOVE,
        "dead": DEAD_BELOW,
        "runs": [
            train_gates(train, held_out, cure, experts, seeds=seeds).packed(shown)
            for experts, cure in each(cases)
        ],
    }


if __name__ == "__main__":
    record(measure, seeds=40)
