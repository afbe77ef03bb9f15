"""The fused family against the naive version, and ensembles against their members (claims D1–D4, D7)."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from reference import layers_of, naive_mmoe

from ranking.mmoe import MASKINGS, MMoE, draw_kept

FAMILY = {
    "source": {"experts": 3, "tasks": 2},
    "ten targets": {"experts": 4, "tasks": 10},
    "OMoE": {"experts": 3, "tasks": 2, "gates": "one"},
    "shared bottom": {"experts": 1, "tasks": 3, "gates": "none"},
    "one expert": {"experts": 1, "tasks": 2},
    "one task": {"experts": 3, "tasks": 1},
    "deep": {"experts": 3, "tasks": 2, "expert": (7, 5, 4), "gate": (6, 5), "tower": (4, 3)},
    "linear towers": {"experts": 2, "tasks": 2, "tower": ()},
    # rows that are wider than what experts make of them: experts and gates are one product
    "wide rows": {"experts": 2, "tasks": 3, "expert": (2,)},
    "wide rows, deep": {"experts": 2, "tasks": 2, "expert": (2, 3), "gate": (4,)},
}


def build(seeds=None, inputs: int = 6, seed: int = 0, **settings) -> MMoE:
    torch.manual_seed(seed)
    return MMoE(inputs, seeds=seeds, **settings).double()


def some_rows(rows: int = 9, inputs: int = 6, seed: int = 1, seeds: int | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (rows, inputs) if seeds is None else (seeds, rows, inputs)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def compare_with_naive(model: MMoE, x: torch.Tensor, kept: torch.Tensor | None = None) -> None:
    """Outputs, gate weights, and all gradients of a function of both."""
    ours_x, naive_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours, gates = model(ours_x, return_gates=True, kept=kept)
    parts = layers_of(model)
    naive, naive_gates = naive_mmoe(model, parts, naive_x, kept)
    torch.testing.assert_close(ours, naive, rtol=0.0, atol=1e-9)
    torch.testing.assert_close(gates, naive_gates, rtol=0.0, atol=1e-9)
    for logits, weights in ((ours, gates), (naive, naive_gates)):
        (torch.sin(logits).sum() + weights.square().sum()).backward()
    assert_same_gradients(model, parts, ours_x, naive_x)


def assert_same_gradients(model: MMoE, parts: dict, ours_x: torch.Tensor, naive_x: torch.Tensor) -> None:
    """What was handed back to the rows and to every layer of the model and of the naive version's copies."""
    close = partial(torch.testing.assert_close, rtol=0.0, atol=1e-9)
    close(ours_x.grad, naive_x.grad)
    stacks = {"experts": model.expert_networks, "towers": model.towers}
    if model.n_gates:
        stacks["gates"] = model.gate_networks
    for name, networks in stacks.items():
        for i, (weight, bias) in enumerate(networks.by_layer()):
            for number, layers in enumerate(parts[name]):
                close(weight.grad[0, number], layers[i][0].grad)
                close(bias.grad[0, number], layers[i][1].grad)


@pytest.mark.parametrize("name", FAMILY)
def test_fused_is_the_formula(name):
    compare_with_naive(build(**FAMILY[name]).eval(), some_rows())


@pytest.mark.parametrize("masking", MASKINGS)
@pytest.mark.parametrize("gates", ["per task", "one"])
def test_fused_is_the_formula_under_every_masking(masking, gates):
    model = build(masking=masking, mask_rate=0.4, gates=gates, epsilon=0.1).train()
    kept = draw_kept((9, model.n_gates, 3), 0.4, at_least_one=masking == "renormalised")
    assert not kept.all()
    compare_with_naive(model, some_rows(), kept)


def test_in_single_precision_it_is_the_formula_to_a_millionth():
    model = build().eval()
    x = some_rows()
    exact = model(x)
    assert (model.float()(x.float()) - exact).abs().max() < 1e-6


def test_gradients_are_those_of_finite_differences():
    model = build(mask_rate=0.3, gate=(4,), expert=(5, 4)).train()
    x = some_rows(5).requires_grad_()
    kept = draw_kept((5, 2, 3), 0.3, at_least_one=True)
    parameters = list(model.parameters())

    def logits(x, *values):
        named = dict(zip((name for name, _ in model.named_parameters()), values, strict=True))
        return torch.func.functional_call(model, named, (x,), {"kept": kept})

    assert torch.autograd.gradcheck(logits, (x, *parameters))


@pytest.mark.parametrize("name", FAMILY)
def test_second_derivatives_are_those_of_finite_differences(name):
    model, x = build(**FAMILY[name]).eval(), some_rows(3).requires_grad_()
    names = [name for name, _ in model.named_parameters()]

    def logits(x, *values):
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradgradcheck(logits, (x, *model.parameters()), fast_mode=True)


@pytest.mark.parametrize("masking", MASKINGS)
@pytest.mark.parametrize("gates", ["per task", "one"])
@pytest.mark.parametrize("seeds", [None, (3, 4)])
def test_second_derivatives_are_those_of_finite_differences_under_every_masking(masking, gates, seeds):
    model = build(
        seeds, masking=masking, mask_rate=0.4, gates=gates, epsilon=0.1, gate=(4,), expert=(3,)
    ).train()
    shape = (3, model.n_gates, 3) if seeds is None else (2, 3, model.n_gates, 3)
    kept = draw_kept(shape, 0.4, at_least_one=masking == "renormalised")
    names = [name for name, _ in model.named_parameters()]

    def outputs(x, *values):
        named = dict(zip(names, values, strict=True))
        return torch.func.functional_call(model, named, (x,), {"kept": kept, "return_gates": True})

    arguments = (some_rows(3).requires_grad_(), *model.parameters())
    assert torch.autograd.gradgradcheck(outputs, arguments, fast_mode=True)


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("seeds", [None, (3, 4)])
def test_under_autocast_it_is_the_same_up_to_its_precision(name, seeds):
    model, x = build(seeds, **FAMILY[name], mask_rate=0.3).float().train(), some_rows(32).float()
    results = []
    for enabled in (False, True):
        model.zero_grad()
        torch.manual_seed(0)  # of the masks
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            logits, gates = model(x, return_gates=True)
            loss = torch.sin(logits.float()).mean() + gates.square().mean()
        loss.backward()
        results.append((logits.float(), gates, [part.grad.clone() for part in model.parameters()]))
    for exact, coarse in zip(*results, strict=True):
        torch.testing.assert_close(coarse, exact, rtol=0.05, atol=0.02)
    gates = results[1][1]
    assert gates.dtype == torch.float32  # in half precision no softmax sums to 1
    torch.testing.assert_close(gates.sum(dim=-1), torch.ones(gates.shape[:-1]))


@pytest.mark.parametrize("name", FAMILY)
def test_one_row_is_a_batch(name):
    model = build(**FAMILY[name], mask_rate=0.3).train()
    compare_with_naive(model.eval(), some_rows(1))
    logits = model.train()(some_rows(1))
    logits.sum().backward()
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("masking", MASKINGS)
@pytest.mark.parametrize("gates", ["per task", "one"])
def test_a_gradient_penalty_is_that_of_the_formula(masking, gates):
    """The gradient at the inputs, differentiated again: at the inputs and at all weights."""
    model = build(masking=masking, mask_rate=0.4, gates=gates, epsilon=0.1, gate=(5,)).train()
    kept = draw_kept((9, model.n_gates, 3), 0.4, at_least_one=masking == "renormalised")
    ours_x, naive_x = some_rows().requires_grad_(), some_rows().requires_grad_()
    parts = layers_of(model)
    for x, logits in (
        (ours_x, model(ours_x, kept=kept)),
        (naive_x, naive_mmoe(model, parts, naive_x, kept)[0]),
    ):
        (slope,) = torch.autograd.grad(torch.sin(logits).sum(), x, create_graph=True)
        slope.square().sum().backward()
    assert_same_gradients(model, parts, ours_x, naive_x)


@pytest.mark.parametrize("name", ["source", "OMoE", "shared bottom", "wide rows"])
def test_the_gradient_at_the_inputs_lies_in_memory_as_they_do(name):
    """Turned round, it would have to be turned back to be added to that of the gates and to be kept."""
    x = some_rows().requires_grad_()
    strides = []
    inputs = x + 0
    inputs.register_hook(lambda gradient: strides.append(gradient.stride()))
    build(**FAMILY[name]).eval()(inputs).sum().backward()
    assert strides == [x.stride()]


@pytest.mark.parametrize("name", FAMILY)
def test_transforms_of_torch_func_find_the_same_derivatives(name):
    """Backwards, forwards, and backwards for many directions at once."""
    model, x = build(**FAMILY[name]).eval(), some_rows()
    values = {name: value.detach() for name, value in model.named_parameters()}

    def total(values):
        return torch.sin(torch.func.functional_call(model, values, (x,))).sum()

    total(dict(model.named_parameters())).backward()
    backwards = torch.func.grad(total)(values)
    for name, value in model.named_parameters():
        torch.testing.assert_close(backwards[name], value.grad)
    towards = {name: torch.randn_like(value) for name, value in values.items()}
    slope = sum((backwards[name] * towards[name]).sum() for name in values)
    torch.testing.assert_close(torch.func.jvp(total, (values,), (towards,))[1], slope)

    logits = model(x)
    directions = torch.randn(3, *logits.shape, dtype=torch.float64)
    parameters = list(model.parameters())
    at_once = torch.autograd.grad(logits, parameters, directions, retain_graph=True, is_grads_batched=True)
    for i in range(3):
        alone = torch.autograd.grad(logits, parameters, directions[i], retain_graph=True)
        for several, one in zip(at_once, alone, strict=True):
            torch.testing.assert_close(several[i], one)


def test_gradients_can_be_taken_task_by_task():
    model, x = build().eval(), some_rows()
    logits = model(x)
    weights = list(model.parameters())
    by_task = [
        torch.autograd.grad(logits[:, k].sum(), weights, retain_graph=True, allow_unused=True)
        for k in range(2)
    ]
    together = torch.autograd.grad(logits.sum(), weights)
    for first, second, both in zip(*by_task, together, strict=True):
        torch.testing.assert_close(first + second, both)


# Masking


def test_masking_acts_in_training_only():
    model, x = build(mask_rate=0.5), some_rows(200)
    torch.testing.assert_close(model.eval()(x), model(x))
    first, second = model.train()(x), model(x)
    assert not torch.equal(first, second)
    model.mask_rate = 0.0
    torch.testing.assert_close(model(x), model.eval()(x))


@pytest.mark.parametrize("masking", MASKINGS)
def test_returned_gates_are_those_before_masking(masking):
    model, x = build(mask_rate=0.6, masking=masking), some_rows(50)
    expected = model.eval()(x, return_gates=True)[1]
    torch.testing.assert_close(model.train()(x, return_gates=True)[1], expected)
    torch.testing.assert_close(model.gate_weights(x), expected)
    torch.testing.assert_close(expected.sum(-1), torch.ones(50, 2, dtype=torch.float64))


def test_a_masked_favourite_leaves_everything_to_the_others():
    """Renormalising by a quotient would be 0 / 0 here."""
    model = build(experts=2, mask_rate=0.5).float().train()
    model.gate_layers(0)[0][1].copy_(torch.tensor([500.0, -500.0]))
    x = some_rows(4).float()
    kept = torch.ones(4, 2, 2)
    kept[:, 0, 0] = 0
    logits = model(x, kept=kept)
    assert torch.isfinite(logits).all()
    logits.sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


# Ensembles


@pytest.mark.parametrize("name", FAMILY)
def test_member_starts_as_the_single_model_of_its_seed(name):
    ensemble = build(seeds=(3, 11), **FAMILY[name])
    for number, seed in enumerate((3, 11)):
        single, member = build(seed=seed, **FAMILY[name]), ensemble.member(number)
        for alone, own in zip(single.parameters(), member.parameters(), strict=True):
            assert torch.equal(alone, own)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", FAMILY)
def test_every_member_is_a_model_of_its_own(name, shared):
    """Logits, gates and gradients, with rows shared and with rows of each one's own; no gradient crosses."""
    ensemble = build(seeds=range(4), **FAMILY[name]).eval()
    x = some_rows() if shared else some_rows(seeds=4)
    x.requires_grad_()
    logits, gates = ensemble(x, return_gates=True)
    (torch.sin(logits).sum() + gates.square().sum()).backward()
    at_x = torch.zeros_like(x)
    for number in range(4):
        member = ensemble.member(number)
        rows = (x if shared else x[number]).detach().requires_grad_()
        own, own_gates = member(rows, return_gates=True)
        torch.testing.assert_close(logits[number], own)
        torch.testing.assert_close(gates[number], own_gates)
        (torch.sin(own).sum() + own_gates.square().sum()).backward()
        for part, all_members in zip(member.parameters(), ensemble.parameters(), strict=True):
            torch.testing.assert_close(part.grad[0], all_members.grad[number])
        if shared:
            at_x += rows.grad
        else:
            at_x[number] = rows.grad
    torch.testing.assert_close(x.grad, at_x)


def test_building_an_ensemble_or_taking_a_member_leaves_the_random_state():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    MMoE(4, seeds=range(3)).member(1)
    assert torch.equal(before, torch.get_rng_state())


def test_member_keeps_settings():
    ensemble = build(
        seeds=(1, 2), masking="epsilon", mask_rate=0.2, epsilon=0.5, gate=(4,), gates="one"
    ).eval()
    member = ensemble.member(1)
    assert (member.masking, member.mask_rate, member.epsilon, member.gates) == ("epsilon", 0.2, 0.5, "one")
    assert not member.training
    with pytest.raises(ValueError, match="number must be from 0 to 1, got 2"):
        ensemble.member(2)


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"experts": 0}, "experts must be a whole number of at least 1, got 0"),
        ({"tasks": 0}, "tasks must be a whole number"),
        ({"expert": ()}, "expert must name at least one layer's width"),
        ({"expert": (0,)}, "expert must be a whole number of at least 1, got 0"),
        ({"gate": 4}, r"gate must be widths of layers, such as \(16,\), got 4"),
        ({"mask_rate": 1.0}, r"mask_rate must be in \[0, 1\), got 1.0"),
        ({"mask_rate": -0.1}, "mask_rate must be in"),
        ({"mask_rate": float("nan")}, "mask_rate must be finite"),
        ({"masking": "softly"}, "masking must be one of 'renormalised', 'dropout', 'unscaled', 'epsilon'"),
        ({"epsilon": 0.0}, "epsilon must be above 0"),
        ({"gates": "two"}, "gates must be one of 'per task', 'one', 'none', got 'two'"),
        ({"gates": "none"}, "experts must be 1 where gates is 'none'"),
        ({"seeds": ()}, "seeds must be at least one, each once"),
        ({"seeds": (1, 1)}, "seeds must be at least one, each once"),
        ({"seeds": (-1,)}, "seeds must be a whole number from 0"),
    ],
)
def test_settings_outside_what_is_allowed(settings, message):
    with pytest.raises(ValueError, match=message):
        MMoE(6, **settings)


@pytest.mark.parametrize(
    ("seeds", "shape", "message"),
    [
        (None, (4, 5), r"x must have shape \(rows, 6\), got \(4, 5\)"),
        (None, (2, 4, 6), r"x must have shape \(rows, 6\), got"),
        (range(2), (3, 4, 6), r"x must have shape \(rows, 6\) or \(2, rows, 6\), got \(3, 4, 6\)"),
        (range(2), (6,), "x must have shape"),
    ],
)
def test_shapes_that_do_not_match(seeds, shape, message):
    with pytest.raises(ValueError, match=message):
        MMoE(6, seeds=seeds)(torch.zeros(shape))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_inputs_that_are_not_finite(bad):
    x = torch.zeros(4, 6)
    x[2, 3] = bad
    for call in (MMoE(6), MMoE(6).gate_weights):
        with pytest.raises(ValueError, match=rf"x must be finite, got {bad} at index \(2, 3\)"):
            call(x)


def test_large_but_finite_inputs_are_not_refused():
    assert MMoE(6)(torch.full((4, 6), 3e38)).shape == (4, 2)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(4, 6, dtype=torch.int64), "x must be a tensor of torch.float32, .* got torch.int64"),
        (torch.zeros(4, 6, dtype=torch.float64), "x must be a tensor of torch.float32, .* got torch.float64"),
        ([[0.0] * 6], "x must be a tensor of torch.float32, as the model is, got list"),
        (np.zeros((4, 6), dtype=np.float32), "x must be a tensor of torch.float32, .* got ndarray"),
    ],
)
def test_inputs_of_another_type(x, message):
    for call in (MMoE(6), MMoE(6).gate_weights):
        with pytest.raises(ValueError, match=message):
            call(x)


def test_layers_that_there_are_not():
    model = MMoE(6, seeds=(4, 9))
    for layers, name, count in (
        (model.expert_layers, "expert", 3),
        (model.gate_layers, "gate", 2),
        (model.tower_layers, "task", 2),
    ):
        with pytest.raises(ValueError, match=rf"{name} must be from 0 to {count - 1}, got {count}"):
            layers(count)
        with pytest.raises(ValueError, match=rf"{name} must be from 0 to {count - 1}, got -1"):
            layers(-1)
        with pytest.raises(ValueError, match="seed must be from 0 to 1, got 2"):
            layers(0, seed=2)
    with pytest.raises(ValueError, match="a shared bottom has no gates"):
        MMoE(6, experts=1, gates="none").gate_layers(0)


def test_masks_that_do_not_fit():
    model, x = MMoE(6).train(), torch.zeros(4, 6)
    with pytest.raises(ValueError, match=r"kept must be a tensor of shape \(4, 2, 3\), got \(4, 3\)"):
        model(x, kept=torch.ones(4, 3))
    with pytest.raises(ValueError, match=r"kept must hold only 0 and 1, got 0\.5"):
        model(x, kept=torch.full((4, 2, 3), 0.5))
    with pytest.raises(ValueError, match="kept must be finite"):
        model(x, kept=torch.full((4, 2, 3), float("nan")))
    with pytest.raises(ValueError, match="kept must keep at least one expert"):
        model(x, kept=torch.zeros(4, 2, 3))
    with pytest.raises(ValueError, match="kept must be None where nothing is masked"):
        model.eval()(x, kept=torch.ones(4, 2, 3))


def test_first_weights_are_spread_as_those_of_linear_layers():
    model = MMoE(50, expert=(40,), gate=(30,), tower=(20,))
    for networks in model.children():
        for weight, bias in networks.by_layer():
            bound = weight.shape[-1] ** -0.5
            assert 0.9 * bound < weight.abs().max() <= bound
            assert bias.abs().max() <= bound


# --- heads that start at the base rate -----------------------------------------------------------

RATES = (0.1, 0.04)


@pytest.mark.parametrize("tower", [(), (4, 3)])
@pytest.mark.parametrize("seeds", [None, (3, 8)])
def test_heads_that_start_at_the_base_rate(seeds, tower):
    plain = build(seeds, tower=tower)
    model = build(seeds, tower=tower, base_rates=RATES)
    for (name, own), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        if name == f"towers.biases.{len(tower)}":
            assert own.shape == other.shape == (2 if seeds else 1, 2, 1)
            wanted = torch.logit(torch.tensor(RATES, dtype=torch.float64)).view(1, 2, 1)
            torch.testing.assert_close(own, wanted.expand_as(own), rtol=1e-6, atol=0.0)
        else:
            assert torch.equal(own, other), name
    with torch.no_grad():
        near = torch.sigmoid(model.eval()(some_rows(200))).mean(dim=-2)  # ([seeds,] tasks)
        model.towers.weights[-1].zero_()
        exact = torch.sigmoid(model(some_rows()))  # ([seeds,] rows, tasks)
    rates = torch.tensor(RATES, dtype=torch.float64)
    torch.testing.assert_close(near, rates.expand_as(near), rtol=0.35, atol=0.0)
    torch.testing.assert_close(exact, rates.expand_as(exact), rtol=1e-6, atol=0.0)


def test_members_start_at_the_base_rate_as_single_models_do():
    ensemble, single = build((3, 8), base_rates=RATES), build(None, seed=8, base_rates=RATES)
    for own, alone in zip(ensemble.member(1).parameters(), single.parameters(), strict=True):
        assert torch.equal(own, alone)


def test_a_model_is_known_by_where_its_heads_start():
    assert "base_rates=(0.1, 0.04)" in repr(build(base_rates=list(RATES)))
    assert "base_rates" not in repr(build())


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ((0.1,), "base_rates must be one per target, 2, got 1"),
        ((0.1, 0.0), r"base_rates\[1\] must be in \(0, 1\), got 0.0"),
        ((1.0, 0.5), r"base_rates\[0\] must be in \(0, 1\), got 1.0"),
        ((0.1, float("nan")), r"base_rates\[1\] must be finite, got nan"),
        ({"click": 0.1, "like": 0.04}, "base_rates must be a list or tuple, got {'click'"),
        (0.1, "base_rates must be a list or tuple, got 0.1"),
    ],
)
def test_base_rates_at_which_no_head_can_start(rates, message):
    with pytest.raises(ValueError, match=message):
        build(base_rates=rates)
