"""Masking of gate weights (claim D7, slip X12)."""

from __future__ import annotations

import itertools

import pytest
import torch

from ranking.mmoe import MASKINGS, draw_kept, masked_gates

DRAWS = 200_000


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("experts", [1, 2, 3])
@pytest.mark.parametrize("at_least_one", [True, False])
def test_every_pattern_comes_as_often_as_it_should(rate, experts, at_least_one):
    generator = torch.Generator().manual_seed(0)
    kept = draw_kept((DRAWS, experts), rate, at_least_one=at_least_one, generator=generator)
    for pattern in itertools.product((False, True), repeat=experts):
        masked = experts - sum(pattern)
        expected = rate**masked * (1 - rate) ** sum(pattern)
        if at_least_one:
            expected = expected / (1 - rate**experts) if any(pattern) else 0.0
        share = (kept == torch.tensor(pattern)).all(dim=1).double().mean().item()
        assert share == pytest.approx(expected, abs=5 * (expected / DRAWS) ** 0.5)


def test_never_all_masked_even_where_it_is_likely():
    assert draw_kept((20_000, 8), 0.999, at_least_one=True).any(dim=1).all()
    assert not draw_kept((20_000, 8), 0.999, at_least_one=False).any(dim=1).all()


def test_experts_may_stand_on_any_axis():
    kept = draw_kept((50, 2, 3, 40), 0.99, at_least_one=True, dim=2)
    assert kept.shape == (50, 2, 3, 40)
    assert kept.any(dim=2).all()
    assert kept.double().mean() < 0.4  # hardly ever more than the one


def test_nothing_is_masked_at_rate_0():
    for exact in (True, False):
        assert draw_kept((1000, 3), 0.0, at_least_one=exact).all()


def test_a_generator_decides():
    draws = [
        draw_kept((9, 3), 0.5, at_least_one=True, generator=torch.Generator().manual_seed(seed))
        for seed in (4, 4, 5)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("rate", [1.0, 1.5, -0.1])
def test_rates_that_leave_nothing(rate):
    with pytest.raises(ValueError, match=r"^rate must be in \[0, 1\)"):
        draw_kept((4, 3), rate, at_least_one=True)


@pytest.mark.parametrize(
    ("masking", "expected"),
    [
        ("renormalised", [0.0, 0.6, 0.4]),
        ("dropout", [0.0, 0.3 / 0.9, 0.2 / 0.9]),
        ("unscaled", [0.0, 0.3, 0.2]),
        ("epsilon", [0.0, 0.3 / 0.501, 0.2 / 0.501]),
    ],
)
def test_the_four_readings(masking, expected):
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    kept = torch.tensor([False, True, True])
    mixing = masked_gates(logits, kept, masking, mask_rate=0.1, epsilon=1e-3)
    torch.testing.assert_close(mixing, torch.tensor(expected))


def test_dropout_keeps_the_mean_of_the_weights():
    logits = torch.tensor([2.0, 0.0, -1.0])
    kept = draw_kept((DRAWS, 3), 0.1, at_least_one=False)
    mean = masked_gates(logits.expand(DRAWS, 3), kept, "dropout", 0.1, 1e-3).mean(dim=0)
    torch.testing.assert_close(mean, logits.softmax(0), atol=5e-3, rtol=0.0)


def test_all_names_are_readings():
    logits, kept = torch.zeros(1, 3), torch.tensor([[True, False, True]])
    values = [tuple(masked_gates(logits, kept, name, 0.1, 0.5)[0].tolist()) for name in MASKINGS]
    assert len(set(values)) == 4


def test_an_unknown_reading_is_refused():
    with pytest.raises(ValueError, match=r"masking must be one of .* got 'dropped'"):
        masked_gates(torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), "dropped", 0.1, 1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kept": torch.ones(2, 2) > 0}, r"kept must be a tensor of shape \(2, 3\), got \(2, 2\)"),
        ({"kept": [[True] * 3] * 2}, r"kept must be a tensor of shape \(2, 3\), got list"),
        ({"kept": torch.full((2, 3), 0.5)}, "kept must hold only 0 and 1, got 0.5"),
        ({"kept": torch.eye(3)[:2] < 0}, "kept must keep at least one expert"),
        ({"logits": torch.full((2, 3), float("nan"))}, "logits must be finite, got nan"),
        ({"mask_rate": 1.0, "masking": "dropout"}, r"mask_rate must be in \[0, 1\)"),
        ({"epsilon": 0.0, "masking": "epsilon"}, "epsilon must be above 0, got 0.0"),
    ],
)
def test_what_cannot_be_masked(change, message):
    sound = {"logits": torch.zeros(2, 3), "kept": torch.ones(2, 3), "masking": "renormalised"}
    sound |= {"mask_rate": 0.1, "epsilon": 1e-3}
    assert masked_gates(**sound).shape == (2, 3)
    changed = {**sound, **change}
    with pytest.raises(ValueError, match=message):
        masked_gates(**changed)


def test_without_experts_none_can_be_kept():
    with pytest.raises(ValueError, match=r"shape must have at least one expert on axis -1, got \(4, 0\)"):
        draw_kept((4, 0), 0.1, at_least_one=True)
