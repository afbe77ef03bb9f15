"""The same question on a log with ids: do gates or experts of their own pay where likes part from clicks?

    python -m experiments.mmoe.log [--seeds 5] [--impressions 3000000] [--out FILE]

Chapter 2 found that separate networks bring likes nothing, also where likes follow an unrelated taste. Here
are its worlds, batches and judgement once more, on logs three quarters as long, where likes follow what
clicks follow (alignment 1) and where they follow something else (0). Five models of about as many parameters
stand on one embedding of all features: a shared bottom, as wide as that of chapter 2; one gate for both
targets; a gate for each; a shared expert beside each target's own (CGC); and experts of their own alone, so
that the targets share the embedding and nothing else. Heads start at the base rates, and each model has the
learning rate that is best for it on separate rows. Predictions, after chapter 2: clicks gain one to three
points of their gap from a part of their own, with a conflict and without; likes gain nothing that shows, from
any of the four, in either world. Takes about a quarter of an hour on one core.
"""

from __future__ import annotations

from typing import Any

import torch

from experiments.mmoe.interventions import hold_gates
from experiments.mmoe.parts import SharedAndOwn, learnt_parameters
from experiments.mmoe.setting import SHAPE, Treatment
from experiments.multi_task.conflict import TARGETS, conflicting
from experiments.multi_task.setting import BATCH, JUDGED, RATES, Setting, at_best_rate, judge, predicted
from experiments.running import each, record
from ranking.logs import TARGETS as OF_THE_LOG
from ranking.mmoe import EmbeddedMMoE, polarized, utilisation
from ranking.multi_task import FeatureEmbedding, WeightedCrossEntropy, base_rates
from ranking.training import seeded

ALIGNMENTS = (1.0, 0.0)
UP_TO = (*RATES, 2.0 * RATES[-1])  # chapter 2's, and one more: its largest was chosen there now and then
TOWER = {"tower": (32,)}
MODELS: dict[str, Treatment] = {
    "shared bottom": Treatment({"gates": "none", "experts": 1, "expert": (64,), **TOWER}),
    "one gate": Treatment({"gates": "one", "expert": (24,), **TOWER}),
    "a gate per task": Treatment({"expert": (19,), **TOWER}),
    "shared and own experts": Treatment({"expert": (19,), **TOWER}, kind=SharedAndOwn),
    "own experts": Treatment({"experts": 2, "expert": (39,), "gate": (), **TOWER}, change=hold_gates((0, 1))),
}


def build(setting: Setting, treatment: Treatment) -> EmbeddedMMoE:
    """An untrained model over the features, its heads at the base rates."""
    rates = base_rates(setting.learnt.labels, OF_THE_LOG)
    heads = [rates[target] for target in TARGETS]
    with seeded(setting.seed):
        embedding = FeatureEmbedding(setting.encoder.cardinalities, len(setting.encoder.columns))
        model = EmbeddedMMoE(embedding, TARGETS)
        shape = {**SHAPE, **treatment.shape}
        model.network = treatment.kind(embedding.output_dim, len(TARGETS), base_rates=heads, **shape)
    treatment.change(model.network)
    return model


@torch.no_grad()
def at_one(setting: Setting, model: EmbeddedMMoE) -> list[bool]:
    """Which gates are polarized on the rows to judge on, by target."""
    u = utilisation(model.gate_weights(*setting.judged_on.features.to_tensors()))  # (targets, experts)
    found: list[bool] = polarized(u).tolist()
    return found


def run(setting: Setting, name: str) -> dict[str, Any]:
    """One model, at its best rate, in one world."""
    loss, treatment = WeightedCrossEntropy(TARGETS), MODELS[name]
    model, chosen = at_best_rate(
        setting, lambda rate: setting.learn(build(setting, treatment), loss, rate), UP_TO
    )
    found = {"model": name, "parameters": learnt_parameters(treatment, model.network.inputs)} | chosen
    found |= judge(setting.judged_on, predicted(model, setting.judged_on), TARGETS)
    return found | {"polarized": at_one(setting, model)}


def measure(seeds: range, impressions: int = 3_000_000) -> dict[str, Any]:
    """Every model at every alignment in every world."""
    runs = []
    for seed, alignment in each([(seed, alignment) for seed in seeds for alignment in ALIGNMENTS]):
        setting = conflicting(alignment, seed, impressions)
        runs += [{"alignment": alignment, "seed": seed} | run(setting, name) for name in MODELS]
    return {
        "question": "Do gates or experts of their own pay on a log with ids?",
        "impressions": impressions,
        "learning_rates": UP_TO,
        "batch_size": BATCH,
        "judged": JUDGED,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=5)
