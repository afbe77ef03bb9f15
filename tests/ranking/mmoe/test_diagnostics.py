"""What says that a gate is polarized (claims D5, D6)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ranking import mmoe


def one_hot(choice: list[list[int]], experts: int = 3) -> np.ndarray:
    """Gates (rows, tasks, experts) from the expert that each row and task takes."""
    return np.eye(experts)[np.array(choice)]


POLARIZED = one_hot([[2, 1]] * 10)
HARD_ROUTING = one_hot([[0, 2], [1, 0], [2, 1]] * 10)
SOFT = np.full((10, 2, 3), 1 / 3)


def test_the_example_of_the_source():
    """Gates (0, 0, 1) and (0, 1, 0): expert 1 is used by nobody."""
    u = mmoe.utilisation(POLARIZED)
    np.testing.assert_array_equal(u, [[0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(mmoe.polarized(u), [True, True])
    np.testing.assert_array_equal(mmoe.dead_experts(u), [True, False, False])
    np.testing.assert_allclose(mmoe.effective_experts(u), [1, 1])


def test_hard_routing_is_healthy_and_the_largest_weight_cannot_tell():
    u = mmoe.utilisation(HARD_ROUTING)
    assert not mmoe.polarized(u).any()
    assert not mmoe.dead_experts(u).any()
    np.testing.assert_allclose(mmoe.effective_experts(u), [3, 3])
    for gates in (HARD_ROUTING, POLARIZED):
        np.testing.assert_array_equal(mmoe.mean_largest_weight(gates), [1, 1])


def test_uniform_gates_use_all():
    u = mmoe.utilisation(SOFT)
    np.testing.assert_allclose(mmoe.effective_experts(u), [3, 3])
    assert not mmoe.polarized(u).any()


def test_limits():
    u = np.array([[0.951, 0.041, 0.008], [0.949, 0.041, 0.01]])
    np.testing.assert_array_equal(mmoe.polarized(u), [True, False])
    np.testing.assert_array_equal(mmoe.polarized(u, above=0.9), [True, True])
    np.testing.assert_array_equal(mmoe.dead_experts(u), [False, False, False])
    np.testing.assert_array_equal(mmoe.dead_experts(u, below=0.02), [False, False, True])


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 4), st.integers(1, 6))
def test_effective_experts_lie_between_one_and_all(seed, rows, tasks, experts):
    gates = np.random.default_rng(seed).dirichlet(np.full(experts, 0.3), size=(rows, tasks))
    effective = mmoe.effective_experts(mmoe.utilisation(gates))
    assert ((effective >= 1 - 1e-9) & (effective <= experts + 1e-9)).all()


def test_leading_axes_and_tensors():
    gates = torch.rand(4, 5, 20, 2, 3).softmax(-1)
    u = mmoe.utilisation(gates)
    assert u.shape == (4, 5, 2, 3)
    assert mmoe.polarized(u).shape == mmoe.effective_experts(u).shape == (4, 5, 2)
    assert mmoe.dead_experts(u).shape == (4, 5, 3)
    assert mmoe.mean_largest_weight(gates).shape == (4, 5, 2)
    np.testing.assert_allclose(u[1, 2], mmoe.utilisation(gates[1, 2]))


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        (np.full((2, 3), 1 / 3), r"gates must have shape \(..., rows, tasks, experts\), got \(2, 3\)"),
        (np.full((4, 2, 3), 0.3), r"gates must sum to 1 over the experts, got 0.89+ at index \(0, 0\)"),
        (np.zeros((0, 2, 3)), "gates must not be empty"),
        (np.full((4, 2, 3), np.nan), "gates must be finite"),
        (np.array([[[1.5, -0.5]]]), r"gates must be in \[0, 1\]"),
    ],
)
def test_what_is_no_gate(gates, message):
    for measure in (mmoe.utilisation, mmoe.mean_largest_weight):
        with pytest.raises(ValueError, match=message):
            measure(gates)


def test_limits_outside_what_is_allowed():
    u = mmoe.utilisation(SOFT)
    with pytest.raises(ValueError, match=r"above must be in \(0, 1\]"):
        mmoe.polarized(u, above=0.0)
    with pytest.raises(ValueError, match=r"below must be in \(0, 1\]"):
        mmoe.dead_experts(u, below=2.0)


# Penalties


def test_entropy_and_imbalance_of_known_gates():
    gates = torch.tensor(np.stack([POLARIZED, SOFT]))
    torch.testing.assert_close(mmoe.gate_entropy(gates), torch.tensor([0.0, np.log(3)]).double())
    torch.testing.assert_close(mmoe.load_imbalance(gates), torch.tensor([2.0, 0.0]).double())
    routed = torch.tensor(HARD_ROUTING)
    assert mmoe.gate_entropy(routed).item() == 0.0
    assert mmoe.load_imbalance(routed).item() == pytest.approx(0.0)


def test_imbalance_is_the_squared_coefficient_of_variation():
    generator = torch.Generator().manual_seed(0)
    # In double precision: nearly even gates have an imbalance near 0, a difference of two numbers near 1.
    gates = torch.rand(50, 2, 5, dtype=torch.float64, generator=generator).softmax(-1)
    u = mmoe.utilisation(gates)
    expected = ((u.std(axis=-1) / u.mean(axis=-1)) ** 2).mean()
    assert mmoe.load_imbalance(gates).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("penalty", [mmoe.gate_entropy, mmoe.load_imbalance])
def test_penalties_have_the_gradient_of_finite_differences(penalty):
    logits = torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: penalty(z.softmax(-1)), (logits,))


def test_entropy_of_a_one_hot_gate_has_a_finite_gradient():
    gates = torch.tensor(POLARIZED, requires_grad=True)
    mmoe.gate_entropy(gates).backward()
    assert torch.isfinite(gates.grad).all()


@pytest.mark.parametrize("penalty", [mmoe.gate_entropy, mmoe.load_imbalance])
def test_penalties_of_what_is_no_gate(penalty):
    with pytest.raises(
        ValueError, match=r"gates must have shape \(..., rows, tasks, experts\), got \(4, 3\)"
    ):
        penalty(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="gates must be a tensor, got ndarray"):
        penalty(SOFT)
