"""MMoE: a training step and an inference pass, side by side with other implementations.

    python -m benchmarks.mmoe [--batches 256 1024 4096] [--inputs 64 256] [--experts 3 8] [--tasks 2 4]
                              [--repeats 25] [--threads 2] [--out FILE]

The aim: a training step at least 1.5 times as fast as the fastest library at every one of the 24 sizes, and
never slower than the loop, nor inference. Every size says whether it is reached, and the last line for all.

A training step is forward, binary cross-entropy, backward (also to the inputs, as embeddings need it) and
Adam; experts of 64 and 32 units, linear gates, towers of 32. Compared are

- ours: ``ranking.mmoe.MMoE``, nothing masked, as in all others; and "masked", as it is by default;
- deepctr-torch, torch-rechub and LibMTL: as shipped, with ``torch.optim.Adam`` as their trainers make it
  (--fused-peers gives them our optimiser, which is faster than they are used). torch-rechub puts batch
  normalisation in every layer, and before the gate's softmax, and cannot do without;
- loop: the formula written down with a loop over experts and tasks, with our optimiser, nothing masked;
- products: the matrix products of experts, gates and towers alone, forward and backward, into memory that is
  there already: what no implementation can do without.

All variants of a cell take turns in one process, each round in another order; medians are kept, and ratios to
ours are medians of the rounds' ratios. Memory is the most that tensors held at once during the step, from
torch's own record of every allocation, on top of what there was before.

How waiting threads wait matters: `make bench` lets them sleep (OMP_WAIT_POLICY=passive), as the course does
everywhere. Where they may spin, everything is faster on an idle machine, many small products the most.

The ensemble of 20 seeds is measured against a loop over 20 single models, with the same optimiser each, at
the sizes of chapter 4. Peers that are not installed are named and left out: `pip install -e ".[test,peers]"`.
"""

from __future__ import annotations

import itertools
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bookwork import command_line
from bookwork.results import save_results
from ranking.mmoe import MMoE

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.peers.mmoe import EXPERT, TOWER, Loop, deepctr, libmtl, rechub

LEARNING_RATE = 1e-3
AIM = 1.5  # the fastest library's time of a training step, over ours


class Products:
    """The matrix products of one step, into memory that is there already."""

    def __init__(self, batch: int, inputs: int, experts: int, tasks: int) -> None:
        sizes = [(1, experts * EXPERT[0], inputs)]
        sizes += [(experts, out, size) for size, out in itertools.pairwise(EXPERT)]
        sizes += [(1, tasks * experts, inputs)]
        sizes += [(tasks, out, size) for size, out in itertools.pairwise((EXPERT[-1], *TOWER, 1))]
        self.parts = []
        for count, out, size in sizes:
            weight, x, y = (
                torch.randn(shape).squeeze(0)  # one matrix: no batch of them
                for shape in ((count, out, size), (count, size, batch), (count, out, batch))
            )
            product = torch.mm if count == 1 else torch.bmm
            self.parts.append((product, weight, x, y, weight.clone(), x.clone(), y.clone()))

    @torch.no_grad()
    def forward(self) -> None:
        """y = W x of every layer."""
        for product, weight, x, _, _, _, y_out in self.parts:
            product(weight, x, out=y_out)

    @torch.no_grad()
    def step(self) -> None:
        """The same, and dW = dy xᵀ and dx = Wᵀ dy."""
        self.forward()
        for product, weight, x, y, weight_out, x_out, _ in self.parts:
            product(y, x.mT, out=weight_out)
            product(weight.mT, y, out=x_out)


BUILD: dict[str, tuple[Callable[[int, int, int], nn.Module], str | None]] = {
    "ours": (lambda d, e, t: MMoE(d, t, e, expert=EXPERT, tower=TOWER, mask_rate=0.0), None),
    "masked": (lambda d, e, t: MMoE(d, t, e, expert=EXPERT, tower=TOWER), None),
    "loop": (Loop, None),
    "deepctr-torch": (deepctr, "deepctr-torch"),
    "torch-rechub": (rechub, "torch-rechub"),
    "LibMTL": (libmtl, "LibMTL"),
}
"""How each variant is built from inputs, experts and tasks, and the package that it needs."""

OURS = ("ours", "masked", "loop")
"""Those that train with the fused Adam."""

GIVES_LOGITS = (*OURS, "LibMTL")


def installed() -> tuple[dict[str, str], list[str]]:
    """Versions of the peers that are there, and the names of those that are not."""
    found, missing = {}, []
    for package in filter(None, (package for _, package in BUILD.values())):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            missing.append(package)
    return found, missing


def training_step(
    model: nn.Module, logits: bool, x: Tensor, y: Tensor, fused: bool, to_inputs: bool = True
) -> Callable[[], None]:
    """One step: forward, loss, backward, Adam; the gradient at the inputs stands for that of embeddings."""
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True if fused else None)
    loss = F.binary_cross_entropy_with_logits if logits else F.binary_cross_entropy
    model.train()

    def step() -> None:
        inputs = x.detach().requires_grad_(to_inputs)
        optimiser.zero_grad()
        torch.autograd.backward(loss(model(inputs), y))
        optimiser.step()

    return step


def inference_pass(model: nn.Module, logits: bool, x: Tensor) -> Callable[[], None]:
    """Rates of a batch."""

    def infer() -> None:
        model.eval()
        with torch.inference_mode():
            out = model(x)
            _ = torch.sigmoid(out) if logits else out

    return infer


def peak_bytes(action: Callable[[], None]) -> int:
    """The most that the tensors made by ``action`` held at once, in bytes."""
    action()
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as record:
        action()
    events = record.profiler.kineto_results.events()  # the summary leaves most allocations out
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return max(itertools.accumulate((int(size) for _, size in changes), initial=0))


def interleaved(
    actions: dict[str, Callable[[], None]], repeats: int, rng: random.Random
) -> dict[str, list[float]]:
    """Seconds of every action in every round; the actions take turns, in another order every round."""
    for action in (*actions.values(), *actions.values()):
        action()  # what is paid once
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name in rng.sample(list(actions), len(actions)):
            began = time.perf_counter()
            actions[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def summary(seconds: dict[str, list[float]], of: str) -> dict[str, dict[str, float]]:
    """Median milliseconds of each, and the median of its rounds' ratios to ``of``."""
    return {
        name: {
            "ms": round(1e3 * statistics.median(times), 4),
            "ratio": round(statistics.median(t / o for t, o in zip(times, seconds[of], strict=True)), 3),
        }
        for name, times in seconds.items()
    }


def measure(
    batch: int, inputs: int, experts: int, tasks: int, names: list[str], repeats: int, fused_peers: bool
) -> dict[str, Any]:
    """One cell of the grid."""
    torch.manual_seed(0)
    rng = random.Random(0)
    x = torch.randn(batch, inputs)
    y = (torch.rand(batch, tasks) < 0.3).float()
    models = {name: BUILD[name][0](inputs, experts, tasks) for name in names}
    steps = {
        name: training_step(model, name in GIVES_LOGITS, x, y, fused=fused_peers or name in OURS)
        for name, model in models.items()
    }
    infer = {
        name: inference_pass(model, name in GIVES_LOGITS, x)
        for name, model in models.items()
        if name != "masked"  # nothing is masked then
    }
    memory = {name: round(peak_bytes(step) / 2**20, 3) for name, step in steps.items()}
    products = Products(batch, inputs, experts, tasks)
    train = interleaved({**steps, "products": products.step}, repeats, rng)
    serve = interleaved({**infer, "products": products.forward}, repeats, rng)
    return {
        "batch": batch,
        "inputs": inputs,
        "experts": experts,
        "tasks": tasks,
        "train": summary(train, "ours"),
        "infer": summary(serve, "ours"),
        "peak_mb": memory,
    }


def measure_ensemble(seeds: int, repeats: int) -> dict[str, Any]:
    """A training step of an ensemble against one of each of its members alone, at the sizes of chapter 4."""
    inputs, batch = 20, 128
    together = MMoE(inputs, expert=(16, 16), gate=(16,), tower=(8,), seeds=range(seeds))
    x = torch.randn(seeds, batch, inputs)
    y = (torch.rand(seeds, batch, 2) < 0.3).float()
    ensemble = training_step(together, True, x, y, fused=True, to_inputs=False)
    alone = [
        training_step(together.member(number), True, x[number], y[number], fused=True, to_inputs=False)
        for number in range(seeds)
    ]

    def loop() -> None:
        for step in alone:
            step()

    seconds = interleaved({"ensemble": ensemble, "loop": loop}, repeats, random.Random(0))
    return {"seeds": seeds, "inputs": inputs, "batch": batch, **summary(seconds, "ensemble")}


def least(cell: dict[str, Any]) -> tuple[float, float]:
    """The fastest library's training step over ours, and the loop's time, in training or inference."""
    libraries = [cell["train"][name]["ratio"] for name, (_, package) in BUILD.items() if package]
    return min(libraries), min(cell[kind]["loop"]["ratio"] for kind in ("train", "infer"))


def verdict(cells: list[dict[str, Any]]) -> str:
    """Whether the aim is reached, in one line."""
    found = [least(cell) for cell in cells]
    reached = sum(library >= AIM and loop >= 1.0 for library, loop in found)
    libraries, loops = (min(ratios) for ratios in zip(*found, strict=True))
    said = "reached" if reached == len(cells) else "MISSED"
    said += f" ({reached} of {len(cells)} sizes)" if len(cells) > 1 else ""
    worst = f"the fastest library takes at least {libraries:.2f} times ours, the loop {loops:.2f}"
    return f"aim ({AIM} times the fastest library, never slower than the loop) {said}: {worst}"


def show(cell: dict[str, Any], judged: bool) -> None:
    """A cell in three lines: training, inference, memory; and the verdict."""
    sizes = " × ".join(f"{cell[name]:>4} {name}" for name in ("batch", "inputs", "experts", "tasks"))
    for kind in ("train", "infer"):
        ratios = "  ".join(f"{name} {of['ratio']:.2f}" for name, of in cell[kind].items() if name != "ours")
        print(f"{sizes}  {kind}: ours {cell[kind]['ours']['ms']:.2f} ms; over ours: {ratios}", flush=True)
    print("  most memory in MB:", "  ".join(f"{name} {mb:.1f}" for name, mb in cell["peak_mb"].items()))
    if judged:
        print(f"  {verdict([cell])}")


def main() -> None:
    """Measure the grid, print it, and write the result file if asked for."""
    count = command_line.count
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=count, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--inputs", type=count, nargs="+", default=[64, 256])
    parser.add_argument("--experts", type=count, nargs="+", default=[3, 8])
    parser.add_argument("--tasks", type=count, nargs="+", default=[2, 4])
    parser.add_argument("--repeats", type=count, default=25)
    parser.add_argument("--ensemble", type=count, default=20, help="members of the ensemble")
    parser.add_argument("--threads", type=count, default=2)
    parser.add_argument("--fused-peers", action="store_true", help="give the peers our optimiser")
    parser.add_argument(
        "--out", type=command_line.result_file, help="result file, e.g. experiments/mmoe/speed.json"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peers, missing = installed()
    for package in missing:
        print(f'{package} is not installed and left out: pip install -e ".[test,peers]"')
    names = [name for name, (_, package) in BUILD.items() if package is None or package in peers]

    cells = []
    for sizes in itertools.product(options.batches, options.inputs, options.experts, options.tasks):
        cells.append(measure(*sizes, names, options.repeats, options.fused_peers))
        show(cells[-1], judged=not missing)
    ensemble = measure_ensemble(options.ensemble, options.repeats)
    print(
        f"ensemble of {options.ensemble}: {ensemble['ensemble']['ms']:.2f} ms; "
        f"a loop over as many models takes {ensemble['loop']['ratio']:.1f} times as long"
    )
    if options.out:
        data = {
            "settings": {
                "expert": EXPERT,
                "tower": TOWER,
                "repeats": options.repeats,
                "threads": options.threads,
                "peers_with_fused_adam": options.fused_peers,
                "waiting_threads": os.environ.get("OMP_WAIT_POLICY", "as OpenMP chooses"),
            },
            "peers": peers,
            "missing": missing,
            "cells": cells,
            "ensemble": ensemble,
        }
        command = " ".join(["python -m benchmarks.mmoe", *sys.argv[1:]])
        save_results(options.out, data, command=command, seeds=[0])
    print("the aim is not judged without every library" if missing else verdict(cells))


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
