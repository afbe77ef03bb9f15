"""Rows for which routing matters: what a number says depends on the context, and on the task.

In each of three contexts the logit of a click follows a function of its own of twelve numbers: one direction,
and a wave along another. The logit of a like follows a mixture: of ``1 − apart`` parts of the same function
and ``apart`` parts of that of the next context. At 0 both tasks follow the same, at 1 nothing in common
wherever they stand; all along there is as much to learn, as every score has the same spread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from experiments.mmoe.setting import TARGETS, Floats, Setting
from ranking.mmoe.examples import DenseExamples

CONTEXTS, NUMBERS = 3, 12
ROWS = {"learnt": 200_000, "chosen_on": 30_000, "judged_on": 15_000}
START, SPREAD = -1.5, 1.5  # logits: where they lie in the middle, and their standard deviation


def scores(x: Floats, context: NDArray[np.int64], apart: float, rng: np.random.Generator) -> Floats:
    """What clicks and likes follow, of mean 0 and spread 1, (rows, 2).

    ``x`` are standard normal numbers, (rows, NUMBERS), ``context`` from 0, (rows,).
    """
    directions, _ = np.linalg.qr(rng.normal(size=(NUMBERS, 2 * CONTEXTS)))  # orthonormal columns
    along, across = x @ directions[:, :CONTEXTS], x @ directions[:, CONTEXTS:]  # (rows, contexts) each
    of_context = (along + np.sqrt(2.0) * np.sin(2.0 * across)) / np.sqrt(2.0)  # both parts of like spread
    own, others = (
        np.take_along_axis(of_context, (context[:, None] + step) % CONTEXTS, axis=1)[:, 0] for step in (0, 1)
    )  # (rows,) each, unrelated
    mixed = ((1.0 - apart) * own + apart * others) / np.hypot(1.0 - apart, apart)
    return np.stack([own, mixed], axis=1)


def contexts(draw: int, apart: float) -> Setting:
    """Functions, rows and labels that a seed draws; likes come after a click."""
    rng = np.random.default_rng(draw)
    n = sum(ROWS.values())
    x, context = rng.normal(size=(n, NUMBERS)), rng.integers(CONTEXTS, size=n)
    truth = expit(START + SPREAD * scores(x, context, apart, rng))  # (rows, tasks)
    labels = (rng.random(truth.shape) < truth).astype(np.float32)
    labels[:, 1] *= labels[:, 0]
    mask = np.stack([np.ones(n), labels[:, 0]], axis=1).astype(np.float32)
    inputs = np.concatenate([x, np.eye(CONTEXTS)[context]], axis=1).astype(np.float32)
    columns = tuple([f"number {i}" for i in range(NUMBERS)] + [f"context {i}" for i in range(CONTEXTS)])

    def part(rows: slice) -> DenseExamples:
        return DenseExamples(columns, TARGETS, inputs[rows], labels[rows], mask[rows], truth[rows])

    first, second, _ = np.cumsum(list(ROWS.values())).tolist()
    return Setting(part(slice(first)), part(slice(first, second)), part(slice(second, None)))
