"""MMoE: a training step and an inference pass, side by side with other implementations.

    python benchmarks/mmoe.py [--batches 256 1024 4096] [--inputs 64 256] [--experts 3 8] [--tasks 2 4]
                              [--repeats 25] [--threads 2] [--out FILE]

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

import argparse
import contextlib
import importlib.util
import io
import itertools
import os
import random
import statistics
import sys
import threading
import time
import types
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bookwork.results import save_results
from ranking.mmoe import MMoE

EXPERT, TOWER = (64, 32), (32,)
RESULTS = Path(__file__).parents[1] / "experiments" / "mmoe" / "speed.json"
LEARNING_RATE = 1e-3


# The other implementations: each maps (rows, inputs) to (rows, tasks), logits or probabilities


class Loop(nn.Module):
    """The formula, with a loop over experts and one over tasks."""

    def __init__(self, inputs: int, experts: int, tasks: int) -> None:
        super().__init__()

        def dense(*sizes: int) -> nn.Sequential:
            layers = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
            return nn.Sequential(*layers)

        self.experts = nn.ModuleList(dense(inputs, *EXPERT) for _ in range(experts))
        self.gates = nn.ModuleList(nn.Linear(inputs, experts) for _ in range(tasks))
        self.towers = nn.ModuleList(
            nn.Sequential(dense(EXPERT[-1], *TOWER), nn.Linear(TOWER[-1], 1)) for _ in range(tasks)
        )

    def forward(self, x: Tensor) -> Tensor:
        outputs = torch.stack([expert(x) for expert in self.experts], dim=1)  # (rows, experts, width)
        logits = []
        for gate, tower in zip(self.gates, self.towers, strict=True):
            weights = gate(x).softmax(dim=1)  # (rows, experts)
            logits.append(tower((weights.unsqueeze(2) * outputs).sum(dim=1)))
        return torch.cat(logits, dim=1)


def deepctr(inputs: int, experts: int, tasks: int) -> nn.Module:
    """deepctr-torch's MMOE."""
    import requests

    # on import it asks the network for its own version, in a thread, and prints that it could not
    asks, requests.get = requests.get, _no_network
    before = set(threading.enumerate())
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            from deepctr_torch.inputs import DenseFeat
            from deepctr_torch.models.multitask.mmoe import MMOE

            for thread in set(threading.enumerate()) - before:
                if not thread.daemon:
                    thread.join()
    finally:
        requests.get = asks
    return MMOE(
        [DenseFeat("x", inputs)],
        num_experts=experts,
        expert_dnn_hidden_units=EXPERT,
        gate_dnn_hidden_units=(),
        tower_dnn_hidden_units=TOWER,
        task_types=["binary"] * tasks,
        task_names=[f"task{k}" for k in range(tasks)],
    )


def rechub(inputs: int, experts: int, tasks: int) -> nn.Module:
    """torch-rechub's MMOE."""
    from torch_rechub.basic.features import DenseFeature
    from torch_rechub.models.multi_task import MMOE

    class OfTensor(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            towers = [{"dims": list(TOWER)} for _ in range(tasks)]
            features = [DenseFeature("x", embed_dim=inputs)]
            self.model = MMOE(features, ["classification"] * tasks, experts, {"dims": list(EXPERT)}, towers)

        def forward(self, x: Tensor) -> Tensor:
            return self.model({"x": x})

    return OfTensor()


def libmtl(inputs: int, experts: int, tasks: int) -> nn.Module:
    """LibMTL's MMoE, from its two files: the package as a whole does not import."""
    folder = Path(str(distribution("LibMTL").locate_file("LibMTL"))) / "architecture"
    before = dict(sys.modules)
    try:
        for name in ("LibMTL", "LibMTL.architecture"):
            sys.modules[name] = types.ModuleType(name)
        for name in ("abstract_arch", "MMoE"):
            spec = importlib.util.spec_from_file_location(
                f"LibMTL.architecture.{name}", folder / f"{name}.py"
            )
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
    finally:
        for name in set(sys.modules) - set(before):
            if name.startswith("LibMTL"):
                del sys.modules[name]
    names = [f"task{k}" for k in range(tasks)]
    widths = (inputs, *EXPERT)

    def encoder() -> nn.Module:
        pairs = itertools.pairwise(widths)
        return nn.Sequential(*(part for a, b in pairs for part in (nn.Linear(a, b), nn.ReLU())))

    def decoder() -> nn.Module:
        return nn.Sequential(nn.Linear(EXPERT[-1], TOWER[0]), nn.ReLU(), nn.Linear(TOWER[0], 1))

    class OfTensor(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            towers = nn.ModuleDict({name: decoder() for name in names})
            options = {"img_size": [inputs], "num_experts": [experts]}
            self.model = module.MMoE(names, encoder, towers, False, False, torch.device("cpu"), **options)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat(list(self.model(x).values()), dim=1)

    return OfTensor()


def _no_network(*_: Any, **__: Any) -> Any:
    raise OSError("no network in a benchmark")


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


# What is measured

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


def training_step(model: nn.Module, logits: bool, x: Tensor, y: Tensor, fused: bool) -> Callable[[], None]:
    """One step: forward, loss, backward, Adam."""
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True if fused else None)
    loss = F.binary_cross_entropy_with_logits if logits else F.binary_cross_entropy
    model.train()

    def step() -> None:
        inputs = x.detach().requires_grad_()  # stands for embeddings, which want a gradient
        optimiser.zero_grad()
        loss(model(inputs), y).backward()
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
    return max(itertools.accumulate((size for _, size in changes), initial=0))


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
    settings: dict[str, Any] = {"expert": (16, 16), "gate": (16,), "tower": (8,)}
    inputs, batch = 20, 128
    together = MMoE(inputs, seeds=range(seeds), **settings)
    x = torch.randn(seeds, batch, inputs)
    y = (torch.rand(seeds, batch, 2) < 0.3).float()
    at_once = torch.optim.Adam(together.parameters(), lr=LEARNING_RATE, fused=True)
    alone = [together.member(number) for number in range(seeds)]
    optimisers = [torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True) for model in alone]

    def ensemble() -> None:
        at_once.zero_grad()
        F.binary_cross_entropy_with_logits(together(x), y).backward()
        at_once.step()

    def loop() -> None:
        for number, (model, optimiser) in enumerate(zip(alone, optimisers, strict=True)):
            optimiser.zero_grad()
            F.binary_cross_entropy_with_logits(model(x[number]), y[number]).backward()
            optimiser.step()

    seconds = interleaved({"ensemble": ensemble, "loop": loop}, repeats, random.Random(0))
    return {"seeds": seeds, "inputs": inputs, "batch": batch, **summary(seconds, "ensemble")}


def main() -> None:
    """Measure the grid, print it, and write the result file if asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--inputs", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--experts", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--tasks", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--ensemble", type=int, default=20, help="members of the ensemble")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fused-peers", action="store_true", help="give the peers our optimiser")
    parser.add_argument("--out", type=Path, help=f"write the results, e.g. to {RESULTS.name}")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peers, missing = installed()
    for package in missing:
        print(f'{package} is not installed and left out: pip install -e ".[test,peers]"')
    names = [name for name, (_, package) in BUILD.items() if package is None or package in peers]

    others = [name for name in (*names, "products") if name != "ours"]
    head = f"{'batch':>6}{'inputs':>7}{'experts':>8}{'tasks':>6}{'':>7}{'ours ms':>9}"
    print("time of each divided by ours\n" + head + "".join(f"{name:>14}" for name in others))
    cells = []
    for sizes in itertools.product(options.batches, options.inputs, options.experts, options.tasks):
        cell = measure(*sizes, names, options.repeats, options.fused_peers)
        cells.append(cell)
        for kind in ("train", "infer"):
            row = cell[kind]
            columns = "".join(
                f"{row[name]['ratio']:>13.2f}x" if name in row else f"{'':>14}" for name in others
            )
            place = "".join(f"{size:>{width}}" for size, width in zip(sizes, (6, 7, 8, 6), strict=True))
            print(f"{place}{kind:>7}{row['ours']['ms']:>9.2f}{columns}", flush=True)
        columns = "".join(f"{cell['peak_mb'][name]:>12.1f}MB" for name in others if name in cell["peak_mb"])
        print(f"{'':>27}{'peak':>7}{cell['peak_mb']['ours']:>7.1f}MB{columns}")
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
        save_results(
            options.out, data, command="python " + " ".join(["benchmarks/mmoe.py", *sys.argv[1:]]), seeds=[0]
        )


if __name__ == "__main__":
    main()
