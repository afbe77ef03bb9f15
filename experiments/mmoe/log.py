"""MMoE on the course's own log: does it beat the shared bottom of chapter 2, and on which task?

    python -m experiments.mmoe.log [--seeds 10] [--impressions 1000000] [--out FILE]

Every seed is a fresh log from one world and fresh first weights; features, targets, loss and training are
those of chapter 2, from heads near one half, and so is the judgement by expected AUC and log loss. Each model
is compared with one of about the same number of parameters, so that a gain of gates can be told from a gain
of size. Takes about five minutes on one core.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from experiments.logs import recent_log
from experiments.multi_task.setting import Part, judge, predicted
from experiments.running import each, record
from ranking.logs import TARGETS, FeatureEncoder, ImpressionLog
from ranking.mmoe import EmbeddedMMoE, effective_experts, polarized, utilisation
from ranking.multi_task import FeatureEmbedding, MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, fit, seeded

JUDGED = "expected over fresh labels from the true probabilities, on held-out rows"
EXPERTS, TOWER = 3, (32,)
# Widths are such that each pair has about as many parameters: chapter 2's, and about twice as many.
MODELS: dict[str, dict[str, Any]] = {
    "shared bottom": {"shared": (64,)},
    "MMoE, as large": {"expert": (30,)},
    "shared bottom, twice as large": {"shared": (131,)},
    "MMoE, twice as large": {"expert": (64,)},
    "the same, hidden layer in the gates": {"expert": (64,), "gate": (16,)},
    "the same, 10% masked, renormalised": {"expert": (64,), "mask_rate": 0.1, "masking": "renormalised"},
}


class Setting:
    """One log: the older 80% of its rows are learnt from, the newer 20% judged on."""

    def __init__(self, log: ImpressionLog, seed: int) -> None:
        self.seed = seed
        train, test = log.split(0.8, 0.2)
        self.encoder = FeatureEncoder().fit(train)
        self.examples = TableExamples.of(train, self.encoder, TARGETS)
        self.held_out = Part.of(test, self.encoder)


def build(setting: Setting, shape: dict[str, Any]) -> nn.Module:
    """An untrained model over the log's features: a shared bottom, or three experts with a gate per task."""
    sizes = setting.encoder.cardinalities, len(setting.encoder.columns)
    with seeded(setting.seed):
        if "shared" in shape:
            return MultiTaskModel(*sizes, TARGETS, tower=TOWER, **shape)
        settings = {"experts": EXPERTS, "tower": TOWER, "mask_rate": 0.0, **shape}
        return EmbeddedMMoE(FeatureEmbedding(*sizes), TARGETS, **settings)


def gates(setting: Setting, model: EmbeddedMMoE) -> dict[str, Any]:
    """How the gates use the experts on the held-out rows."""
    with torch.no_grad():
        u = utilisation(model.gate_weights(*setting.held_out.features.to_tensors()))  # (tasks, experts)
    return {
        "utilisation": u,
        "effective_experts": effective_experts(u),
        "polarized": polarized(u).tolist(),
    }


def run(setting: Setting, name: str) -> dict[str, Any]:
    """Train one model on one log and judge it."""
    model = build(setting, MODELS[name])
    fit(model, setting.examples, WeightedCrossEntropy(TARGETS), seed=setting.seed)
    outside = sum(p.numel() for n, p in model.named_parameters() if not n.startswith("embedding"))
    found = {"model": name, "seed": setting.seed, "parameters": outside}
    found |= judge(setting.held_out, predicted(model, setting.held_out))
    return found | (gates(setting, model) if isinstance(model, EmbeddedMMoE) else {})


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every model on every log."""
    runs = []
    for seed in each(seeds):
        setting = Setting(recent_log(seed, impressions), seed)
        runs += [run(setting, name) for name in MODELS]
    return {
        "question": "Does MMoE beat the shared bottom on the course's log?",
        "impressions": impressions,
        "judged": JUDGED,
        "models": MODELS,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=10)
