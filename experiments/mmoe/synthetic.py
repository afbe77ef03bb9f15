"""The synthetic experiment of the MMoE paper in small: does it help that every task has a gate of its own?

    python -m experiments.mmoe.synthetic [--seeds 40] [--steps 700] [--out FILE]

Two regression tasks whose directions enclose an angle with cosine p. For each p and each seed a shared
bottom, one gate for both tasks (OMoE) and a gate per task (MMoE) are trained on the same tasks: widths as in
the paper (8 experts of 16 units, linear gates, towers of 8; the shared bottom has 113 units, so that all have
about as many parameters). Batches are drawn from as many rows as all of them hold. Takes about five minutes
on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.running import each, record
from ranking.mmoe import MMoE, train_ensemble

INPUTS, BATCH, LEARNING_RATE, HELD_OUT = 100, 128, 3e-3, 5_000
COSINES = (0.5, 0.9, 1.0)
FREQUENCIES = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
NOISE = 0.1  # standard deviation
MODELS: dict[str, dict[str, Any]] = {
    "shared bottom": {"gates": "none", "experts": 1, "expert": (113,)},
    "OMoE": {"gates": "one", "experts": 8, "expert": (16,)},
    "MMoE": {"gates": "per task", "experts": 8, "expert": (16,)},
}


def tasks(x: NDArray[np.float64], cosine: float, seed: int) -> NDArray[np.float32]:
    """Labels of two tasks for rows x, by the recipe of the paper.

    The tasks of one seed have the same u1, u2 and phases at every cosine: only the angle changes.

    Args:
        x: standard normal, shape (rows, inputs).
        cosine: p, between the two directions.
        seed: of the directions, the phases and the noise.

    Returns:
        Shape (rows, 2).
    """
    rng = np.random.default_rng(seed)
    plane, _ = np.linalg.qr(rng.normal(size=(x.shape[1], 2)))  # two orthogonal unit vectors
    phases = rng.uniform(0.0, 2 * np.pi, len(FREQUENCIES))
    u1, u2 = plane.T
    directions = np.stack([u1, cosine * u1 + np.sqrt(1.0 - cosine**2) * u2], axis=1)  # (inputs, 2)
    score = x @ directions  # (rows, 2)
    y = score + np.sin(score[..., None] * FREQUENCIES + phases).sum(axis=-1)
    return (y + rng.normal(0.0, NOISE, y.shape)).astype(np.float32)


def run(cosine: float, seeds: Sequence[int], steps: int) -> dict[str, Any]:
    """All three models on the tasks of all seeds at one cosine."""
    rng = np.random.default_rng(2018)
    x, x_test = rng.normal(size=(steps * BATCH, INPUTS)), rng.normal(size=(HELD_OUT, INPUTS))
    y = torch.from_numpy(np.stack([tasks(x, cosine, seed) for seed in seeds]))  # (seeds, rows, 2)
    y_test = np.stack([tasks(x_test, cosine, seed) for seed in seeds])  # (seeds, rows, 2)
    inputs = torch.from_numpy(x.astype(np.float32))
    held_out = torch.from_numpy(x_test.astype(np.float32)), torch.from_numpy(y_test)
    found: dict[str, Any] = {
        "cosine": cosine,
        "correlation": [np.corrcoef(pair.T)[0, 1] for pair in y_test],
        "variance": y_test.var(axis=1).astype(float),
        "parameters": {},
        "mse": {},
    }
    for name, settings in MODELS.items():
        model = MMoE(INPUTS, tower=(8,), mask_rate=0.0, seeds=seeds, **settings)
        parameters = sum(part.numel() for part in model.parameters()) // len(seeds)
        found["parameters"][name] = parameters
        trajectory = train_ensemble(
            model,
            inputs,
            y,
            steps=steps,
            batch_size=BATCH,
            learning_rate=LEARNING_RATE,
            loss="squared error",
            held_out=held_out,
        )
        found["mse"][name] = trajectory.held_out_loss[-1]  # (seeds, tasks)
    return found


def measure(seeds: range, steps: int = 700) -> dict[str, Any]:
    """Every angle between the tasks."""
    return {
        "question": "Do gates help two tasks to share a network, and a gate of its own for each?",
        "steps": steps,
        "batch_size": BATCH,
        "learning_rate": LEARNING_RATE,
        "held_out": HELD_OUT,
        "noise": NOISE,
        "runs": [run(cosine, seeds, steps) for cosine in each(COSINES)],
    }


if __name__ == "__main__":
    record(measure, seeds=40)
