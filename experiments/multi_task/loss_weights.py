"""Chapter 2: what a loud loss weight does to four targets.

    python -m experiments.multi_task.loss_weights [--seeds 5] [--impressions 4000000] [--out FILE]

One weight at a time is 0.1, 10 or 100, the others stay at 1. Heads start at the base rates, and every setting
has the best learning rate of its own, chosen on separate rows. Beside them stand a network for each target
alone and three remedies: weights that are learnt, weights by entropy, gradient surgery.
``experiments.multi_task.setting`` says what models learn from and how they are judged. Takes about four
minutes a world on one core.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.multi_task.setting import (
    BATCH,
    JUDGED,
    RATES,
    Setting,
    at_best_rate,
    bounds,
    by_target,
    judge,
    predicted,
)
from experiments.running import each, record
from ranking.evaluation import metrics
from ranking.logs import TARGETS
from ranking.multi_task import (
    GradientSurgery,
    MultiTaskModel,
    UncertaintyWeighting,
    WeightedCrossEntropy,
    base_rates,
)

WEIGHTS = (0.1, 1.0, 10.0, 100.0)


def trained(setting: Setting, loss_weights: Mapping[str, float]) -> tuple[MultiTaskModel, dict[str, Any]]:
    """A model of all targets with these loss weights, at its best learning rate."""
    loss = WeightedCrossEntropy(TARGETS, loss_weights)
    return at_best_rate(setting, lambda rate: setting.train(loss, rate))


def alone(setting: Setting, target: str) -> tuple[MultiTaskModel, dict[str, Any]]:
    """A network for one target; of one that is counted per click, on the clicked rows in batches as large."""
    rows = slice(None) if target == "click" else setting.learnt.labels[:, 0] == 1
    loss = WeightedCrossEntropy((target,), masked=False)
    # with as many clicked rows in a batch as the shared network sees, its steps are as many
    batch = BATCH if target == "click" else max(1, round(BATCH * setting.learnt.labels[:, 0].mean()))
    return at_best_rate(
        setting, lambda rate: setting.train(loss, rate, setting.model((target,)), rows, batch)
    )


def by_entropy(setting: Setting) -> dict[str, float]:
    """Weights that divide each loss by what the base rate alone leaves of it."""
    rates = base_rates(setting.learnt.labels, TARGETS)
    return {target: 1.0 / metrics.log_loss([rate], [rate]) for target, rate in rates.items()}


def remedies(setting: Setting) -> list[dict[str, Any]]:
    """Weights that are learnt, weights by entropy, and gradient surgery."""
    found = []
    losses: dict[float, UncertaintyWeighting] = {}

    def learn(rate: float) -> MultiTaskModel:
        losses[rate] = UncertaintyWeighting(TARGETS)
        return setting.train(losses[rate], rate)

    model, chosen = at_best_rate(setting, learn)
    weights = by_target(losses[chosen["learning_rate"]].loss_weights.tolist())
    found.append({"name": "uncertainty", "loss_weights": weights} | _judged(setting, model, chosen))

    weights = by_entropy(setting)
    model, chosen = trained(setting, weights)
    found.append({"name": "by entropy", "loss_weights": weights} | _judged(setting, model, chosen))

    for name, loud in (("surgery", {}), ("surgery, like × 10", {"like": 10.0})):

        def operate(rate: float, loud: dict[str, float] = loud) -> MultiTaskModel:
            model = setting.model()
            return setting.train(GradientSurgery(model, loud, seed=setting.seed), rate, model)

        model, chosen = at_best_rate(setting, operate)
        found.append({"name": name} | _judged(setting, model, chosen))
    return found


def _judged(setting: Setting, model: MultiTaskModel, chosen: dict[str, Any]) -> dict[str, Any]:
    p = predicted(model, setting.judged_on)
    return {"seed": setting.seed} | chosen | judge(setting.judged_on, p, model.targets)


def run(setting: Setting) -> dict[str, Any]:
    """All trainings in one world."""
    found: dict[str, Any] = {"runs": [], "single": []}
    equal = trained(setting, {})
    for task in TARGETS:
        for weight in WEIGHTS:
            model, chosen = equal if weight == 1.0 else trained(setting, {task: weight})
            found["runs"].append({"task": task, "weight": weight} | _judged(setting, model, chosen))
    for task in TARGETS:
        found["single"].append({"task": task} | _judged(setting, *alone(setting, task)))
    found["remedies"] = remedies(setting)
    rates = base_rates(setting.learnt.labels, TARGETS)
    rows = {"rows": len(setting.learnt.labels), "held_out": len(setting.judged_on.labels)}
    positives = by_target(setting.learnt.labels.sum(axis=0).tolist())
    found["worlds"] = [
        {"seed": setting.seed, "base_rates": rates, "positives": positives} | rows | bounds(setting.judged_on)
    ]
    return found


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every training in every world."""
    found: dict[str, Any] = {
        "question": "What does a loud loss weight do to four targets?",
        "impressions": impressions,
        "weights": WEIGHTS,
        "learning_rates": RATES,
        "batch_size": BATCH,
        "judged": JUDGED,
    }
    for seed in each(seeds):
        for name, part in run(Setting.build(seed, impressions)).items():
            found.setdefault(name, []).extend(part)
    return found


if __name__ == "__main__":
    record(measure, seeds=5)
