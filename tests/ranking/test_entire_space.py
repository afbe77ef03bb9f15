"""The loss over all impressions of rates given click (ESMM)."""

from __future__ import annotations

import decimal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from ranking import multi_task as mt
from ranking.logs import FeatureTable
from ranking.training import TableExamples, fit, predict_logits, seeded

TARGETS = ("like", "click", "follow", "share")  # click is not the first; follow is counted per impression


def batch(rows: int = 40, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2.0 * torch.randn(rows, 4, generator=generator, dtype=torch.float64)
    return logits, (torch.rand(rows, 4, generator=generator) < 0.4).double()


def own_losses(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray | float = 1.0) -> np.ndarray:
    """Mean cross-entropies in float64 from the rates themselves, (targets,)."""
    p = expit(logits)  # (rows, targets)
    p[:, [0, 3]] *= p[:, [1]]
    return (-weights * (labels * np.log(p) + (1 - labels) * np.log1p(-p))).mean(axis=0)


# The logit of a product


def exact(a: float, b: float) -> float:
    """The logit of the product, in 200 digits."""
    with decimal.localcontext(prec=200):
        p = 1 / (1 + decimal.Decimal(-a).exp()) / (1 + decimal.Decimal(-b).exp())
        return float((p / (1 - p)).ln())


@given(st.floats(-80, 80), st.floats(-80, 80))
def test_logit_of_a_product(a, b):
    first, second = torch.tensor([a], dtype=torch.float64), torch.tensor([b], dtype=torch.float64)
    assert mt.product_logit(first, second).item() == pytest.approx(exact(a, b), rel=1e-12, abs=1e-12)
    single = mt.product_logit(first.float(), second.float())
    assert single.item() == pytest.approx(
        exact(first.float().item(), second.float().item()), rel=1e-5, abs=1e-5
    )


def test_logit_of_a_product_at_the_ends_in_single_precision():
    first, second = torch.tensor([[80.0, 80.0, -80.0, 0.0]]), torch.tensor([[80.0, -80.0, -80.0, 80.0]])
    expected = torch.tensor([[80.0 - float(np.log(2.0)), -80.0, -160.0, 0.0]])
    torch.testing.assert_close(mt.product_logit(first, second), expected)
    for part in (first, second):
        part.requires_grad_()
    mt.product_logit(first, second).sum().backward()
    # the slope at a is (1 - σ(a)) / (1 - σ(a) σ(b)): a half each where both rates are next to 1
    torch.testing.assert_close(first.grad, torch.tensor([[0.5, 0.0, 1.0, 1.0]]))
    torch.testing.assert_close(second.grad, torch.tensor([[0.5, 1.0, 1.0, 0.0]]))


def test_logits_of_half_precision_are_multiplied_in_single():
    half = torch.tensor([1.0, -2.0], dtype=torch.bfloat16)
    assert torch.equal(mt.product_logit(half, half), mt.product_logit(half.float(), half.float()))


def test_factors_of_one_shape():
    with pytest.raises(ValueError, match=r"same shape, got first \(3,\), second \(2,\)"):
        mt.product_logit(torch.zeros(3), torch.zeros(2))
    with pytest.raises(ValueError, match="second must be finite"):
        mt.product_logit(torch.zeros(1), torch.tensor([float("nan")]))


# The loss


def test_loss_is_the_cross_entropy_of_the_products():
    logits, labels = batch()
    loss = mt.EntireSpaceCrossEntropy(TARGETS, {"like": 2.0, "share": 0.5})
    own = own_losses(logits.numpy(), labels.numpy())
    sums, rows = loss.sums(logits, labels)
    np.testing.assert_allclose((sums / rows).numpy(), own, rtol=1e-12)
    assert rows.tolist() == [40.0] * 4  # clicked or not
    assert loss(logits, labels).item() == pytest.approx(own @ [2.0, 1.0, 1.0, 0.5])


def test_weights_of_rows_multiply_their_cross_entropies():
    logits, labels = batch()
    weights = torch.rand(40, 1, generator=torch.Generator().manual_seed(5)).double().expand(40, 4)
    found = mt.EntireSpaceCrossEntropy(TARGETS)(logits, labels, weights)
    assert found.item() == pytest.approx(own_losses(logits.numpy(), labels.numpy(), weights.numpy()).sum())


def test_gradient_against_finite_differences():
    logits, labels = batch(rows=6)
    loss = mt.EntireSpaceCrossEntropy(TARGETS, {"like": 2.0}).double()
    gradient = torch.autograd.grad(loss(logits.requires_grad_(), labels), logits)[0].numpy()
    z, y, weights, step = logits.detach().numpy(), labels.numpy(), np.array([2.0, 1.0, 1.0, 1.0]), 1e-6
    for at in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[at] = step
        slope = (own_losses(z + nudge, y) - own_losses(z - nudge, y)) @ weights / (2 * step)
        assert gradient[at] == pytest.approx(slope, abs=1e-8)
    assert torch.autograd.gradcheck(lambda z: loss(z, labels), (logits,))


def test_certain_heads_have_finite_losses_and_gradients():
    logits = torch.tensor([[80.0, 80.0], [80.0, -80.0], [-80.0, -80.0]]).requires_grad_()
    for label in (0.0, 1.0):
        value = mt.EntireSpaceCrossEntropy(("click", "like"))(logits, torch.full((3, 2), label))
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()


def test_a_like_without_a_click_counts_as_it_stands():
    logits = torch.zeros(1, 2, dtype=torch.float64).requires_grad_()
    loss = mt.EntireSpaceCrossEntropy(("click", "like"), {"click": 0.0})
    value = loss(logits, torch.tensor([[0.0, 1.0]]))
    assert value.item() == pytest.approx(-np.log(0.25))
    value.backward()
    assert (logits.grad < 0).all()  # a step against it raises both factors


def test_without_targets_given_click_it_is_the_plain_loss():
    logits, labels = batch()
    plain = mt.WeightedCrossEntropy(TARGETS, masked=False)
    ours = mt.EntireSpaceCrossEntropy(TARGETS, given_click=())
    torch.testing.assert_close(ours(logits, labels), plain(logits, labels), rtol=0, atol=0)


def test_it_says_what_it_is():
    loss = mt.EntireSpaceCrossEntropy(TARGETS, {"like": 0.5})
    assert repr(loss) == (
        "EntireSpaceCrossEntropy("
        "like=0.5, click=1, follow=1, share=1, masked=False, through click: like share)"
    )
    assert list(loss.state_dict()) == ["loss_weights"]


def test_half_precision_as_autocast_makes_it():
    logits, labels = batch()
    loss, half = mt.EntireSpaceCrossEntropy(TARGETS), logits.to(torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(half, labels.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(half.float(), labels.float()))


def test_losses_that_cannot_be():
    with pytest.raises(ValueError, match="targets must contain 'click', the other factor"):
        mt.EntireSpaceCrossEntropy(("like", "share"))
    with pytest.raises(ValueError, match="given_click must not contain 'click' itself"):
        mt.EntireSpaceCrossEntropy(("click", "like"), given_click=("click", "like"))
    loss = mt.EntireSpaceCrossEntropy(("click", "like"))
    with pytest.raises(ValueError, match=r"logits must have shape \(rows, 2\), got \(5, 3\)"):
        loss(torch.zeros(5, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"logits must have shape \(rows, 2\), got \(2,\)"):
        loss(torch.zeros(2), torch.zeros(2))


# In training


P = np.array([[0.3, 0.6], [0.6, 0.3]])
"""True rates of click, and of like given click, for two kinds of users: who clicks more likes less."""


def two_kinds(rows: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """The kind of user of each row, (rows,), and labels, (rows, 2)."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, rows)
    click = rng.random(rows) < P[kind, 0]
    like = click & (rng.random(rows) < P[kind, 1])
    return kind, np.stack([click, like], axis=1).astype(np.float32)


def test_the_loss_is_least_at_the_shares_of_clicks_and_of_likes_among_clicked_rows():
    kind, labels = two_kinds()
    loss, y = mt.EntireSpaceCrossEntropy(("click", "like")), torch.from_numpy(labels).double()
    logits = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)  # (kinds, targets)
    optimiser = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-14)

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss(logits[torch.from_numpy(kind)], y)
        value.backward()
        return value

    optimiser.step(step)
    clicked = labels[:, 0] == 1.0
    shares = [
        [labels[kind == k, 0].mean(dtype=float), labels[(kind == k) & clicked, 1].mean(dtype=float)]
        for k in (0, 1)
    ]
    np.testing.assert_allclose(expit(logits.detach().numpy()), shares, atol=1e-6)


def test_a_head_given_click_has_its_level_although_all_rows_teach_it():
    """The rate given click is 0.45 on average over all rows, and 0.4 over the clicked ones."""
    kind, labels = two_kinds()
    groups = {"user": (), "item": (), "statistics": ("kind",), "context": ()}
    nothing, dense = np.zeros((len(kind), 0), np.int64), (2.0 * kind[:, None] - 1.0).astype(np.float32)
    table = FeatureTable(nothing, dense, (), ("kind",), (), groups)
    with seeded(0):
        model = mt.MultiTaskModel((), 1, ("click", "like"))
    loss, settings = mt.EntireSpaceCrossEntropy(model.targets), {"epochs": 10, "learning_rate": 0.02}
    fit(model, TableExamples(table, labels), loss, seed=0, batch_size=1_000, **settings)
    rates = expit(predict_logits(model, table))  # (rows, targets)
    np.testing.assert_allclose(rates, P[kind], atol=0.02)
    assert rates[:, 1].mean() == pytest.approx(0.45, abs=0.01)
