"""When tasks part: what do gates, gates of their own, and experts of their own pay? Chapter 4.

    python -m experiments.mmoe.parts [--seeds 100] [--draws 10] [--few 3] [--out FILE]

The rows are those of ``contexts.py``: likes follow what clicks follow, or something else, or a mixture. Five
models of about as many parameters learn both tasks: a shared bottom; a mixture of experts with one gate for
both (OMoE) and with a gate for each (MMoE); shared experts beside each task's own (CGC); and two separate
networks, an expert and a tower each. What varies is the draw of the functions, and of the rows with it: the
seeds are dealt out to the draws. Each model has, for each draw and distance, the learning rate that is best
for it on separate rows. Predictions: gates pay at every distance, as contexts call for them; a gate of its
own pays the more, the further the tasks part, and nothing where they follow the same; separate networks lose
to a shared bottom where tasks follow the same. Takes about twenty minutes on one core.
"""

from __future__ import annotations

from typing import Any

from experiments.mmoe.contexts import CONTEXTS, NUMBERS, ROWS, contexts
from experiments.mmoe.interventions import hold_gates
from experiments.mmoe.setting import (
    CLOSES,
    JUDGED,
    SHAPE,
    TARGETS,
    TRAINING,
    Treatment,
    at_best_rate,
    dealt,
)
from experiments.running import each, record
from ranking.mmoe import CGC, MMoE

DISTANCES = (0.0, 0.5, 1.0)
RATES = (0.0075, 0.015, 0.03, 0.06)  # faster than elsewhere: there is more to learn


class SharedAndOwn(CGC):
    """One shared expert and one of each task's own, from the settings of a mixture of three."""

    def __init__(self, inputs: int, tasks: int, *, experts: int, mask_rate: float, **settings: Any) -> None:
        assert experts == 1 + tasks, "one for all, and one for each task"
        assert not mask_rate
        super().__init__(inputs, tasks, shared=1, own=1, **settings)


MODELS: dict[str, Treatment] = {
    "shared bottom": Treatment({"gates": "none", "experts": 1, "expert": (36, 36)}),
    "one gate": Treatment({"gates": "one", "expert": (18, 18)}),
    "a gate per task": Treatment(),
    "shared and own experts": Treatment(kind=SharedAndOwn),
    "separate networks": Treatment({"experts": 2, "expert": (25, 25), "gate": ()}, change=hold_gates((0, 1))),
}


def learnt_parameters(treatment: Treatment, inputs: int) -> int:
    """How many numbers a model learns that reads so many inputs."""
    model: MMoE = treatment.kind(inputs, len(TARGETS), **{**SHAPE, **treatment.shape})
    treatment.change(model)
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def measure(seeds: range, draws: int = 10, few: int = 3) -> dict[str, Any]:
    """Every model at every distance, on every draw of the functions."""
    parts = dealt(seeds, range(draws))
    runs, bounds = [], []
    for distance, draw in each([(distance, draw) for distance in DISTANCES for draw in parts]):
        rows = contexts(draw, distance)
        bounds.append({"apart": distance, "draw": draw, **rows.bounds()})
        for name, treatment in MODELS.items():
            found = at_best_rate(rows, treatment, parts[draw], RATES, few, together=True)
            runs.append({"model": name, "apart": distance, "draw": draw, **found})
    return {
        "question": "When tasks part, what do gates and experts of their own pay?",
        "setting": {
            "shape": SHAPE,
            "training": TRAINING,
            "judged": JUDGED,
            "closes": CLOSES,
            "rows": ROWS,
            "seeds": parts,
        },
        "bounds": bounds,
        "few": few,
        "parameters": {
            name: learnt_parameters(treatment, NUMBERS + CONTEXTS) for name, treatment in MODELS.items()
        },
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
