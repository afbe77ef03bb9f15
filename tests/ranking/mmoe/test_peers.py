"""Other implementations give the same on copied weights: deepctr-torch and torch-rechub."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from ranking.mmoe import MMoE

INPUTS, EXPERTS, TASKS, EXPERT, TOWER = 6, 3, 2, (8, 5), (4,)


@pytest.fixture
def no_network(monkeypatch):
    """deepctr-torch asks the network for its own version when it is imported."""
    requests = pytest.importorskip("requests")

    def refuse(*_, **__):
        raise OSError("no network in tests")

    monkeypatch.setattr(requests, "get", refuse)
    before = set(threading.enumerate())
    pytest.importorskip("deepctr_torch")
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:  # the one that asks: it must not do so later, without this guard
            thread.join()


def ours(tower_bias: bool = True, gate_bias: bool = True, gate: tuple[int, ...] = ()) -> MMoE:
    torch.manual_seed(0)
    model = MMoE(INPUTS, TASKS, EXPERTS, expert=EXPERT, tower=TOWER, gate=gate).double().eval()
    for task in range(TASKS):
        if not tower_bias:
            model.tower_layers(task)[-1][1].zero_()
        if not gate_bias:
            model.gate_layers(task)[-1][1].zero_()
    return model


def copy(layers: list[tuple[torch.Tensor, torch.Tensor]], linears: list[nn.Linear]) -> None:
    """Our weights into another's layers."""
    with torch.no_grad():
        for (weight, bias), linear in zip(layers, linears, strict=True):
            linear.weight.copy_(weight)
            if linear.bias is not None:
                linear.bias.copy_(bias)


def linears(module: nn.Module) -> list[nn.Linear]:
    return [part for part in module.modules() if isinstance(part, nn.Linear)]


def compare(model: MMoE, peer: nn.Module, to_peer, pairs) -> None:
    """Rates, the gradient at the inputs, and those at all weights."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(20, INPUTS, generator=generator, dtype=torch.float64)
    x, theirs_x = rows.clone().requires_grad_(), rows.clone().requires_grad_()
    rates, theirs = torch.sigmoid(model(x)), peer(to_peer(theirs_x))
    torch.testing.assert_close(rates, theirs, rtol=0.0, atol=1e-9)
    for out in (rates, theirs):
        torch.sin(3 * out).sum().backward()
    torch.testing.assert_close(x.grad, theirs_x.grad, rtol=0.0, atol=1e-9)
    for networks, number, layers in pairs:
        for (weight, bias), linear in zip(networks.by_layer(), layers, strict=True):
            torch.testing.assert_close(weight.grad[0, number], linear.weight.grad, rtol=0.0, atol=1e-9)
            if linear.bias is not None:
                torch.testing.assert_close(bias.grad[0, number], linear.bias.grad, rtol=0.0, atol=1e-9)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("gate", [(), (7,)])
def test_deepctr_torch(gate):
    from deepctr_torch.inputs import DenseFeat
    from deepctr_torch.models.multitask.mmoe import MMOE

    with torch.random.fork_rng():  # it sets torch's seed
        peer = MMOE(
            [DenseFeat("x", INPUTS)],
            num_experts=EXPERTS,
            expert_dnn_hidden_units=EXPERT,
            gate_dnn_hidden_units=gate,
            tower_dnn_hidden_units=TOWER,
            task_names=["click", "like"],
        ).double()
    model = ours(tower_bias=False, gate_bias=False, gate=gate)
    pairs = []
    for e in range(EXPERTS):
        layers = linears(peer.expert_dnn[e])
        copy(model.expert_layers(e), layers)
        pairs.append((model.expert_networks, e, layers))
    for k in range(TASKS):
        layers = [*(linears(peer.gate_dnn[k]) if gate else []), peer.gate_dnn_final_layer[k]]
        copy(model.gate_layers(k), layers)
        pairs.append((model.gate_networks, k, layers))
        layers = [*linears(peer.tower_dnn[k]), peer.tower_dnn_final_layer[k]]
        copy(model.tower_layers(k), layers)
        pairs.append((model.towers, k, layers))
    compare(model, peer, lambda x: x, pairs)


def test_torch_rechub():
    pytest.importorskip("torch_rechub")
    from torch_rechub.basic.features import DenseFeature
    from torch_rechub.models.multi_task import MMOE

    class Float64Features(nn.Module):
        """Its embedding layer turns everything into float32."""

        def forward(self, x, features, squeeze_dim):
            return x["x"]

    peer = MMOE(
        [DenseFeature("x", embed_dim=INPUTS)],
        ["classification"] * TASKS,
        EXPERTS,
        {"dims": list(EXPERT)},
        [{"dims": list(TOWER)} for _ in range(TASKS)],
    ).double()
    peer.embedding = Float64Features()
    peer.eval()
    for part in peer.modules():  # batch normalisation stands in every layer, before the gates' softmax, too
        if isinstance(part, nn.BatchNorm1d):
            part.eps = 0.0  # with mean 0 and variance 1, as it starts, it then changes nothing
    model, pairs = ours(), []
    for networks, theirs, layers_of in (
        (model.expert_networks, peer.experts, model.expert_layers),
        (model.gate_networks, peer.gates, model.gate_layers),
        (model.towers, peer.towers, model.tower_layers),
    ):
        for number, module in enumerate(theirs):
            copy(layers_of(number), linears(module))
            pairs.append((networks, number, linears(module)))
    compare(model, peer, lambda x: {"x": x}, pairs)
