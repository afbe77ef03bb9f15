"""Do gates polarize on their own, and what does it take? Chapter 4, one setting varied at a time.

    python -m experiments.mmoe.polarization [--seeds 40] [--out FILE]

The data are 40,000 impressions of the course's own log, 21 numbers each, with clicks and (on clicked rows)
likes; gates are judged on 10,000 impressions of later days, losses against the truth. From a base setting one
thing is changed at a time: learning rate, batch size, steps, the gates' hidden layer, the experts' depth, and
counts that are left as they are instead of standardised logarithms. No cure is applied. A seed decides first
weights and batches. Takes about five minutes on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from experiments.running import each, record
from ranking.mmoe import MMoE, mean_largest_weight, train_ensemble, utilisation
from ranking.mmoe.examples import DenseExamples, gate_examples

BASE: dict[str, Any] = {
    "experts": 3,
    "expert": (16, 16),
    "gate": (16,),
    "learning_rate": 0.05,
    "batch_size": 128,
    "steps": 300,
    "raw_counts": False,
}
TOWER = (8,)
VARIED: dict[str, dict[str, Any]] = {
    "base": {},
    "learning rate .1": {"learning_rate": 0.1},
    "learning rate .02": {"learning_rate": 0.02},
    "learning rate .01": {"learning_rate": 0.01},
    "learning rate .003": {"learning_rate": 0.003},
    "learning rate .001": {"learning_rate": 0.001},
    "batch of 512": {"batch_size": 512},
    "batch of 1024": {"batch_size": 1024},
    "linear gates": {"gate": ()},
    "gates with two hidden layers": {"gate": (16, 16)},
    "experts of one layer": {"expert": (16,)},
    "raw counts": {"raw_counts": True},
    "raw counts, learning rate .01": {"raw_counts": True, "learning_rate": 0.01},
    "raw counts, learning rate .003": {"raw_counts": True, "learning_rate": 0.003},
    "raw counts, learning rate .001": {"raw_counts": True, "learning_rate": 0.001},
    "five times the steps": {"steps": 1500},
    "learning rate .01, five times the steps": {"learning_rate": 0.01, "steps": 1500},
    "8 experts": {"experts": 8},
}
LOOKS = (0, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300)

Examples = tuple[DenseExamples, DenseExamples]


def tensors(examples: DenseExamples) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs (rows, columns), labels (rows, targets) and their mask (rows, targets)."""
    inputs, labels, mask = map(torch.from_numpy, (examples.inputs, examples.labels, examples.label_mask))
    return inputs, labels, mask


def run(
    data: Examples,
    seeds: Sequence[int],
    *,
    experts: int,
    expert: Sequence[int],
    gate: Sequence[int],
    steps: int,
    batch_size: int,
    learning_rate: float,
    mask_rate: float = 0.0,
    masking: str = "renormalised",
    entropy_bonus: float = 0.0,
    load_balancing: float = 0.0,
    looks: Sequence[int] = (),
) -> dict[str, Any]:
    """Train one model per seed and look at its gates.

    Returns:
        utilisation: (seeds, tasks, experts) on held-out rows at the end; with ``looks`` also ``path``, the
            same after those steps, (looks, seeds, tasks, experts).
        largest: mean largest weight, (seeds, tasks).
        log_loss: held-out, expected over fresh labels from the truth, (seeds, tasks).
    """
    train, test = data
    inputs, labels, mask = tensors(train)
    test_inputs, test_labels, _ = tensors(test)
    model = MMoE(
        inputs.shape[1],
        experts=experts,
        expert=expert,
        gate=gate,
        tower=TOWER,
        mask_rate=mask_rate,
        masking=masking,
        seeds=tuple(seeds),
    )
    trajectory = train_ensemble(
        model,
        inputs,
        labels,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        entropy_bonus=entropy_bonus,
        load_balancing=load_balancing,
        label_mask=mask,
        held_out=(test_inputs, test_labels) if looks else None,
        record_at=looks,
    )
    with torch.no_grad():
        logits, gates = model(test_inputs, return_gates=True)  # (seeds, rows, tasks), (…, tasks, experts)
    found = {
        "utilisation": utilisation(gates).round(4).tolist(),
        "largest": mean_largest_weight(gates).round(4).tolist(),
        "log_loss": test.log_loss(logits).round(6).tolist(),
    }
    if looks:
        found |= {"looks": list(looks), "path": trajectory.utilisation.round(4).tolist()}
    return found


def constant_and_truth(test: DenseExamples) -> dict[str, list[float]]:
    """Log loss of the best constant and of the truth, by task: what can be reached, and what not."""
    q = test.truth
    counts = np.stack([np.ones(len(q)), q[:, 0]], axis=1)
    mean = np.broadcast_to(np.average(q, axis=0, weights=counts), q.shape)
    return {
        name: test.log_loss(np.log(p / (1 - p))).round(6).tolist()
        for name, p in (("constant", mean), ("truth", q))
    }


def measure(seeds: range) -> dict[str, Any]:
    """Every setting with every seed."""
    data = {raw: gate_examples(seed=0, raw_counts=raw) for raw in (False, True)}
    train, test = data[False]
    runs = []
    for name, changed in each(VARIED.items()):
        setting = {**BASE, **changed}
        raw = setting.pop("raw_counts")
        found = run(data[raw], seeds, looks=LOOKS if name == "base" else (), **setting)
        runs.append({"name": name, "changed": changed, **found})
    return {
        "question": "Do gates polarize on their own, and what does it take?",
        "rows": len(train),
        "held_out": len(test),
        "columns": train.columns,
        "base": BASE,
        "bounds": constant_and_truth(test),
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=40)
