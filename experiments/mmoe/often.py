"""How often do gates polarize on their own: by learning rate, by optimiser, by depth of the gate? Chapter 4.

    python -m experiments.mmoe.often [--seeds 100] [--few 16] [--impressions 2000000] [--out FILE]

The setting is that of ``setting.py``, in which both heads learn; nothing is done against polarization. Adam
runs with all seeds at each of five rates. The other optimisers, linear gates and gates with two hidden layers
run at three rates each with a few seeds per world, and with all at the best, chosen on separate rows. What
could come out: no polarization at rates at which heads learn, or as much of it under every optimiser. Takes
about ten minutes on one core.
"""

from __future__ import annotations

from typing import Any

import torch

from experiments.mmoe.setting import RATES, WORLDS, Setting, Treatment, at_best_rate, dealt, described
from experiments.running import each, record
from ranking.mmoe import MMoE

ADAM_RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
SGD_RATES, ADAGRAD_RATES = (0.03, 0.1, 0.3), (0.03, 0.1, 0.3)
MOMENTUM = 0.9


def sgd(model: MMoE, rate: float) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum."""
    return torch.optim.SGD(model.parameters(), rate, momentum=MOMENTUM)


def adagrad(model: MMoE, rate: float) -> torch.optim.Optimizer:
    """Adagrad: steps that shrink with the gradients seen so far."""
    return torch.optim.Adagrad(model.parameters(), rate)


WAYS: dict[str, tuple[Treatment, tuple[float, ...]]] = {
    "Adam": (Treatment(), ADAM_RATES),
    "SGD with momentum": (Treatment(training={"optimiser": sgd}), SGD_RATES),
    "Adagrad": (Treatment(training={"optimiser": adagrad}), ADAGRAD_RATES),
    "Adam, linear gates": (Treatment(shape={"gate": ()}), RATES),
    "Adam, gates with two hidden layers": (Treatment(shape={"gate": (16, 16)}), RATES),
}


def measure(seeds: range, few: int = 16, impressions: int = 2_000_000) -> dict[str, Any]:
    """Every way to train in every world."""
    settings = {world: Setting.build(world, impressions) for world in WORLDS}
    parts = dealt(seeds)
    runs = []
    for way, world in each([(way, world) for way in WAYS for world in WORLDS]):
        treatment, rates = WAYS[way]
        first = len(parts[world]) if way == "Adam" else few
        found = at_best_rate(settings[world], treatment, parts[world], rates, first)
        runs.append({"way": way, "world": world, **found})
    return {
        "question": "How often do gates polarize on their own?",
        "setting": described(settings, seeds),
        "few": few,
        "impressions": impressions,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
