"""Other implementations of MMoE, made comparable: from (rows, inputs) to (rows, tasks), logits or rates."""

from __future__ import annotations

import functools
import itertools
import sys
import types
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.silence import silent

EXPERT, TOWER = (64, 32), (32,)


def expert(inputs: int) -> nn.Sequential:
    """An expert: dense layers, each with a ReLU."""
    pairs = itertools.pairwise((inputs, *EXPERT))
    layers = [part for a, b in pairs for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers)


def tower() -> nn.Sequential:
    """A tower: a hidden layer, and one logit."""
    return nn.Sequential(nn.Linear(EXPERT[-1], TOWER[0]), nn.ReLU(), nn.Linear(TOWER[0], 1))


class Loop(nn.Module):
    """The formula, with a loop over experts and one over tasks."""

    def __init__(self, inputs: int, experts: int, tasks: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(expert(inputs) for _ in range(experts))
        self.gates = nn.ModuleList(nn.Linear(inputs, experts) for _ in range(tasks))
        self.towers = nn.ModuleList(tower() for _ in range(tasks))

    def forward(self, x: Tensor) -> Tensor:
        outputs = torch.stack([network(x) for network in self.experts], dim=1)  # (rows, experts, width)
        logits = []
        for gate, network in zip(self.gates, self.towers, strict=True):
            weights = gate(x).softmax(dim=1)  # (rows, experts)
            logits.append(network((weights.unsqueeze(2) * outputs).sum(dim=1)))
        return torch.cat(logits, dim=1)


class Peer(nn.Module):
    """Another's model, from what it takes a batch as to what it hands back."""

    def __init__(self, model: nn.Module, takes: Callable[[Tensor], Any], gives: Callable[[Any], Tensor]):
        super().__init__()
        self.model, self.takes, self.gives = model, takes, gives

    def forward(self, x: Tensor) -> Tensor:
        return self.gives(self.model(self.takes(x)))


def deepctr(inputs: int, experts: int, tasks: int) -> nn.Module:
    """deepctr-torch's MMOE."""
    with silent():
        from deepctr_torch.inputs import DenseFeat
        from deepctr_torch.models.multitask.mmoe import MMOE
    model: nn.Module = MMOE(
        [DenseFeat("x", inputs)],
        num_experts=experts,
        expert_dnn_hidden_units=EXPERT,
        gate_dnn_hidden_units=(),
        tower_dnn_hidden_units=TOWER,
        task_types=["binary"] * tasks,
        task_names=[f"task{k}" for k in range(tasks)],
    )
    return model


def rechub(inputs: int, experts: int, tasks: int) -> nn.Module:
    """torch-rechub's MMOE."""
    from torch_rechub.basic.features import DenseFeature
    from torch_rechub.models.multi_task import MMOE

    towers = [{"dims": list(TOWER)} for _ in range(tasks)]
    features = [DenseFeature("x", embed_dim=inputs)]
    model = MMOE(features, ["classification"] * tasks, experts, {"dims": list(EXPERT)}, towers)
    return Peer(model, lambda x: {"x": x}, lambda rates: rates)


def libmtl(inputs: int, experts: int, tasks: int) -> nn.Module:
    """LibMTL's MMoE, from its two files: the package as a whole does not import."""
    folder = Path(str(distribution("LibMTL").locate_file("LibMTL"))) / "architecture"
    try:
        for name in ("LibMTL", "LibMTL.architecture"):
            sys.modules[name] = types.ModuleType(name)
        for name in ("abstract_arch", "MMoE"):
            loader = SourceFileLoader(f"LibMTL.architecture.{name}", str(folder / f"{name}.py"))
            module = sys.modules[loader.name] = types.ModuleType(loader.name)
            loader.exec_module(module)
    finally:
        for name in [name for name in sys.modules if name.startswith("LibMTL")]:
            del sys.modules[name]
    names = [f"task{k}" for k in range(tasks)]
    towers = nn.ModuleDict({name: tower() for name in names})
    options = {"img_size": [inputs], "num_experts": [experts]}
    encoder = functools.partial(expert, inputs)
    model = module.MMoE(names, encoder, towers, False, False, torch.device("cpu"), **options)
    return Peer(model, lambda x: x, lambda by_name: torch.cat(list(by_name.values()), dim=1))
