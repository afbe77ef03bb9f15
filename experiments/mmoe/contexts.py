"""Rows for which routing matters: what a number says depends on the context, and on the task.

In each of three contexts the logit of a click follows a function of its own of twelve numbers: one direction,
and a wave along another. The logit of a like follows a mixture: of ``1 − apart`` parts of the same function
and ``apart`` parts of that of the next context. At 0 both tasks follow the same, at 1 nothing in common
wherever they stand; all along there is as much to learn, as every score has the same spread.

At 1 the tasks still follow the same three functions, each in another context, so that experts have something
to share. :func:`strangers` draws rows for which they have not: there likes follow three functions of their
own, along directions at right angles to those of clicks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from experiments.mmoe.setting import TARGETS, Floats, Setting
from ranking.mmoe.examples import DenseExamples

CONTEXTS, NUMBERS = 3, 12
ROWS = {"learnt": 200_000, "chosen_on": 30_000, "judged_on": 15_000}
START, SPREAD = -1.5, 1.5  # logits: where they lie in the middle, and their standard deviation


def of_contexts(x: Floats, directions: Floats) -> Floats:
    """Every context's function of the rows, of mean 0 and spread 1, (rows, contexts).

    ``directions`` are orthonormal columns, (NUMBERS, 2 · CONTEXTS): of the straight parts, then of the waves.
    """
    along, across = x @ directions[:, :CONTEXTS], x @ directions[:, CONTEXTS:]  # (rows, contexts) each
    return np.asarray((along + np.sqrt(2.0) * np.sin(2.0 * across)) / np.sqrt(2.0))  # both of like spread


def taken(functions: Floats, context: NDArray[np.int64], step: int = 0) -> Floats:
    """Of each row the function of its context, or of one so many steps further, (rows,)."""
    return np.take_along_axis(functions, (context[:, None] + step) % CONTEXTS, axis=1)[:, 0]


def scores(x: Floats, context: NDArray[np.int64], apart: float, rng: np.random.Generator) -> Floats:
    """What clicks and likes follow, of mean 0 and spread 1, (rows, 2).

    ``x`` are standard normal numbers, (rows, NUMBERS), ``context`` from 0, (rows,).
    """
    directions, _ = np.linalg.qr(rng.normal(size=(NUMBERS, 2 * CONTEXTS)))
    functions = of_contexts(x, directions)
    own, others = taken(functions, context), taken(functions, context, 1)  # unrelated
    mixed = ((1.0 - apart) * own + apart * others) / np.hypot(1.0 - apart, apart)
    return np.stack([own, mixed], axis=1)


def of_strangers(x: Floats, context: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """As :func:`scores`, where likes follow functions that clicks follow in no context."""
    both = [rng.normal(size=(NUMBERS, 2 * CONTEXTS)) for _ in TARGETS]
    directions, _ = np.linalg.qr(np.concatenate(both, axis=1))
    parts = np.split(directions, 2, axis=1)
    return np.stack([taken(of_contexts(x, part), context) for part in parts], axis=1)


def contexts(draw: int, apart: float) -> Setting:
    """Functions, rows and labels that a seed draws; likes come after a click."""
    return _rows(draw, lambda x, context, rng: scores(x, context, apart, rng))


def strangers(draw: int) -> Setting:
    """As :func:`contexts`, where the tasks share no function; clicks follow the same as there."""
    return _rows(draw, of_strangers)


def _rows(draw: int, follow: Callable[[Floats, NDArray[np.int64], np.random.Generator], Floats]) -> Setting:
    rng = np.random.default_rng(draw)
    n = sum(ROWS.values())
    x, context = rng.normal(size=(n, NUMBERS)), rng.integers(CONTEXTS, size=n)
    truth = expit(START + SPREAD * follow(x, context, rng))  # (rows, tasks)
    labels = (rng.random(truth.shape) < truth).astype(np.float32)
    labels[:, 1] *= labels[:, 0]
    mask = np.stack([np.ones(n), labels[:, 0]], axis=1).astype(np.float32)
    inputs = np.concatenate([x, np.eye(CONTEXTS)[context]], axis=1).astype(np.float32)
    columns = tuple([f"number {i}" for i in range(NUMBERS)] + [f"context {i}" for i in range(CONTEXTS)])

    def part(rows: slice) -> DenseExamples:
        return DenseExamples(columns, TARGETS, inputs[rows], labels[rows], mask[rows], truth[rows])

    first, second, _ = np.cumsum(list(ROWS.values())).tolist()
    return Setting(part(slice(first)), part(slice(first, second)), part(slice(second, None)))
