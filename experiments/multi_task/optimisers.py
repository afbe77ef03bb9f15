"""Chapter 2: does a loud target cost the others less where no optimiser divides the gradients?

    python -m experiments.multi_task.optimisers [--seeds 5] [--impressions 4000000] [--out FILE]

Adam divides every step by the size of recent gradients: a target that is louder than the rest fills the step.
SGD with momentum divides by nothing, Adagrad by the sum of all squares so far. What was predicted: if it is
Adam's division that makes loud likes dear, they should cost the others less under SGD. Every weight at 1, and
likes at 10, each at the best of its learning rates; one pass over the rows, the step size falling to 0, and,
other than in ``fit``, no averaging of the last weights. Takes about two minutes a world on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from experiments.multi_task.setting import (
    BATCH,
    JUDGED,
    RATES,
    Setting,
    at_best_rate,
    in_every_world,
    judge,
    predicted,
)
from experiments.running import record
from ranking.logs import TARGETS
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples

Optimiser = Callable[[Iterable[Tensor], float], torch.optim.Optimizer]
OPTIMISERS: dict[str, tuple[Optimiser, tuple[float, ...]]] = {
    "Adam": (lambda weights, rate: torch.optim.Adam(weights, lr=rate, fused=True), RATES),
    "SGD with momentum": (
        lambda weights, rate: torch.optim.SGD(weights, lr=rate, momentum=0.9),
        (0.01, 0.03, 0.1, 0.3),
    ),
    "Adagrad": (lambda weights, rate: torch.optim.Adagrad(weights, lr=rate), (0.003, 0.01, 0.03, 0.1)),
}


def train(setting: Setting, loss: torch.nn.Module, make: Optimiser, rate: float) -> MultiTaskModel:
    """One pass over the rows to learn from, in an order that the seed decides."""
    model = setting.model().train()
    examples = TableExamples(setting.learnt.features, setting.learnt.labels)
    batches = list(examples.batches(BATCH, torch.Generator().manual_seed(setting.seed)))
    optimiser = make(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 1.0 / len(batches), len(batches))
    for categorical, dense, labels in batches:
        optimiser.zero_grad()
        loss(model(categorical, dense), labels).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def run(setting: Setting) -> list[dict[str, Any]]:
    """Every optimiser with equal and with loud weights in one world."""
    found = []
    for name, (make, rates) in OPTIMISERS.items():
        for weights, loud in (("all 1", 1.0), ("loud", 10.0)):
            loss = WeightedCrossEntropy(TARGETS, {"like": loud})

            def at(rate: float, make: Optimiser = make, loss: torch.nn.Module = loss) -> MultiTaskModel:
                return train(setting, loss, make, rate)

            model, chosen = at_best_rate(setting, at, rates)
            what = {"seed": setting.seed, "optimiser": name, "weights": weights}
            found.append(what | chosen | judge(setting.judged_on, predicted(model, setting.judged_on)))
    return found


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every training in every world."""
    return {
        "question": "Does a loud target cost the others less under another optimiser than Adam?",
        "impressions": impressions,
        "learning_rates": {name: rates for name, (_, rates) in OPTIMISERS.items()},
        "judged": JUDGED,
        "runs": in_every_world(run, seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=5)
