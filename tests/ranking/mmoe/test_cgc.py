"""Experts of a task's own: other tasks neither read them nor teach them."""

import pytest
import torch

from ranking.mmoe import CGC, MMoE, train_ensemble


def build(**settings) -> CGC:
    torch.manual_seed(0)
    return CGC(5, tasks=2, shared=1, own=2, expert=(6,), gate=(4,), tower=(3,), **settings)


def test_gates_reach_shared_experts_and_their_own():
    x = torch.randn(7, 5)
    gates = build().gate_weights(x)  # (rows, tasks, experts)
    reached = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 1, 1]], dtype=torch.bool)
    assert (gates[:, reached] > 0).all()
    assert (gates[:, ~reached] == 0).all()
    torch.testing.assert_close(gates.sum(-1), torch.ones(7, 2))


def test_weights_are_the_softmax_over_what_a_gate_reaches():
    x, model = torch.randn(7, 5), build()
    (w1, b1), (w2, b2) = model.gate_layers(1)
    logits = (x @ w1.T + b1).relu() @ w2.T + b2  # (rows, experts)
    expected = logits[:, [0, 3, 4]].softmax(-1)
    torch.testing.assert_close(model.gate_weights(x)[:, 1, [0, 3, 4]], expected)


def test_a_task_teaches_its_own_experts_and_the_shared_ones():
    model = build()
    model(torch.randn(7, 5))[:, 0].sum().backward()
    for weight, _ in model.expert_networks.by_layer():
        taught = weight.grad[0].abs().amax(dim=(1, 2)) > 0  # (experts,)
        assert taught.tolist() == [True, True, True, False, False]


def test_an_ensemble_trains_member_by_member():
    x, y = torch.randn(100, 5), torch.randint(2, (100, 2)).float()
    alone = []
    for seed in (3, 8):
        torch.manual_seed(seed)
        single = CGC(5, expert=(6,), gate=(4,), tower=(3,))
        train_ensemble(single, x, y, steps=20, batch_size=16, seeds=(seed,), entropy_bonus=0.1)
        alone.append(single(x))
    ensemble = CGC(5, expert=(6,), gate=(4,), tower=(3,), seeds=(3, 8))
    train_ensemble(ensemble, x, y, steps=20, batch_size=16, entropy_bonus=0.1)
    torch.testing.assert_close(ensemble(x), torch.stack(alone), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(ensemble.member(1)(x), ensemble(x)[1])


def test_it_is_mmoe_where_there_is_one_task():
    """One task owns all that is not shared, so that nothing is barred."""
    x, models = torch.randn(7, 5), []
    for kind, experts in ((CGC, {"shared": 1, "own": 2}), (MMoE, {"experts": 3, "mask_rate": 0.0})):
        torch.manual_seed(1)
        models.append(kind(5, 1, **experts))
    torch.testing.assert_close(models[0](x), models[1](x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shared": 0}, "shared must be a whole number of at least 1"),
        ({"own": 0}, "own must be a whole number of at least 1"),
        ({"tasks": True}, "tasks must be a whole number"),
        ({"experts": 4}, "experts must be left out"),
        ({"gates": "one"}, "gates must be left out"),
        ({"mask_rate": 0.1}, "mask_rate must be left out"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        CGC(5, **change)
