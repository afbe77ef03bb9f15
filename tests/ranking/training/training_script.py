"""Small training runs as a script of its own, for the tests that kill it or start it under torchrun.

Each run has its options, those of the next come after the word ``then``: to start Python and torch takes
several times as long as a run. With ``--apart`` in front each is nevertheless a process of its own, forked
from this one, and what each ended with is printed, negative for a signal.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from pathlib import Path

import numpy as np
import torch

from ranking.logs.features import FeatureTable
from ranking.multi_task import MultiTaskModel, UncertaintyWeighting, WeightedCrossEntropy
from ranking.training import TableExamples, fit, seeded

TARGETS = ("click", "like")


class WithDropout(MultiTaskModel):
    """Dropout draws from torch's own generator, whose state a checkpoint has to keep, too."""

    def forward(self, categorical: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(super().forward(categorical, dense), 0.1, self.training)


class Killed(WeightedCrossEntropy):
    """The usual loss, which ends its own process at a given step, as a power cut would."""

    def __init__(self, at: int | None, masked: bool) -> None:
        super().__init__(TARGETS, masked=masked)
        self.left = at

    def sums(
        self, logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.left is not None and self.training:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().sums(logits, labels, weights)


def table(rows: int, seed: int = 0) -> tuple[FeatureTable, np.ndarray]:
    """Features, and labels that follow from them."""
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.integers(0, size, rows) for size in (20, 30)], axis=1)  # (rows, fields)
    dense = rng.normal(size=(rows, 3)).astype(np.float32)
    groups = {"user": ("user",), "item": ("item",), "statistics": ("a", "b", "c"), "context": ()}
    features = FeatureTable(ids, dense, ("user", "item"), ("a", "b", "c"), (20, 30), groups)
    p = 1 / (1 + np.exp(-(dense[:, 0] + (ids[:, 0] < 10) - 0.5)))
    click = rng.random(rows) < p
    like = click & (rng.random(rows) < 0.5)
    return features, np.stack([click, like], axis=1).astype(np.float32)  # labels (rows, targets)


def run(arguments: list[str]) -> None:
    """One training run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--kill-at", type=int)
    parser.add_argument("--dropout", action="store_true")
    parser.add_argument("--masked", action="store_true")
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--learnt", action="store_true", help="learn the loss weights")
    options = parser.parse_args(arguments)
    with seeded(0):
        kind = WithDropout if options.dropout else MultiTaskModel
        model = kind((20, 30), 3, TARGETS, sparse=options.sparse)
    features, labels = table(2_010)
    learnt = UncertaintyWeighting(TARGETS, masked=options.masked)
    history = fit(
        model,
        TableExamples(features, labels),
        learnt if options.learnt else Killed(options.kill_at, options.masked),
        seed=5,
        epochs=3,
        batch_size=64,
        held_out=TableExamples(*table(300, seed=1)),
        checkpoint=options.checkpoint,
        checkpoint_every=10,
    )
    if os.environ.get("RANK", "0") == "0":
        torch.save(model.state_dict(), options.out)
        options.out.with_suffix(".json").write_text(json.dumps(vars(history)))


def run_apart(arguments: list[str]) -> int:
    """The same in a process of its own; what that ends with."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(arguments)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """All runs, one after the other."""
    arguments = sys.argv[1:]
    apart = arguments[0] == "--apart"
    torch.set_num_threads(1)
    ends = [at for at, word in enumerate(arguments) if word == "then"]
    for begin, end in zip([int(apart), *(at + 1 for at in ends)], [*ends, len(arguments)], strict=True):
        if apart:
            print(run_apart(arguments[begin:end]), flush=True)
        else:
            run(arguments[begin:end])


if __name__ == "__main__":
    main()
