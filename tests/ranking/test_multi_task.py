"""The multi-objective model and its loss (claims B2–B5, A7)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ranking import multi_task as mt

TARGETS = ("click", "like", "collect", "share")


def batch(rows: int = 64, seed: int = 0, targets: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels in float64, so that finite differences are exact enough."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, targets, generator=generator, dtype=torch.float64)
    labels = (torch.rand(rows, targets, generator=generator) < 0.4).double()
    return logits, labels


def small_model(targets=TARGETS, **sizes) -> mt.MultiTaskModel:
    torch.manual_seed(0)
    return mt.MultiTaskModel((5, 7), 3, targets, **sizes)


def some_rows(rows: int = 32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.stack([torch.randint(0, n, (rows,), generator=generator) for n in (5, 7)], dim=1)
    dense = torch.randn(rows, 3, generator=generator)
    return ids, dense, (torch.rand(rows, 4, generator=generator) < 0.5).float()


# The loss


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (1.0, 0.0, 2.5, 0.1)])
def test_loss_is_torchs_own_weighted_and_summed(weights):
    logits, labels = batch()
    own = sum(
        w * F.binary_cross_entropy(torch.sigmoid(logits[:, k]), labels[:, k]) for k, w in enumerate(weights)
    )
    ours = mt.weighted_cross_entropy(logits, labels, torch.tensor(weights))
    torch.testing.assert_close(ours, own)


def test_masked_loss_is_the_loss_of_the_rows_that_count():
    logits, labels = batch()
    mask = mt.click_mask(labels, TARGETS)
    ours = mt.cross_entropy_per_target(logits, labels, mask)
    clicked = labels[:, 0] == 1
    for k in range(4):
        rows = slice(None) if k == 0 else clicked
        own = F.binary_cross_entropy(torch.sigmoid(logits[rows, k]), labels[rows, k])
        torch.testing.assert_close(ours[k], own)


def test_gradient_at_the_logit_is_weight_times_prediction_minus_label():
    logits, labels = batch(rows=16)
    logits.requires_grad_()
    weights = torch.tensor([1.0, 0.5, 2.0, 3.0], dtype=torch.float64)
    mask = mt.click_mask(labels, TARGETS)
    mt.weighted_cross_entropy(logits, labels, weights, mask).backward()
    by_hand = weights * (torch.sigmoid(logits) - labels) * mask / mask.sum(dim=0)
    torch.testing.assert_close(logits.grad, by_hand.detach())


def test_gradient_against_finite_differences():
    logits, labels = batch(rows=6)
    mask = mt.click_mask(labels, TARGETS)
    weights = torch.tensor([1.0, 0.5, 2.0, 3.0], dtype=torch.float64)
    loss = lambda z: mt.weighted_cross_entropy(z, labels, weights, mask)  # noqa: E731
    assert torch.autograd.gradcheck(loss, (logits.requires_grad_(),))
    step, z = 1e-6, logits.detach()
    for row in range(6):
        for k in range(4):
            nudge = torch.zeros_like(z)
            nudge[row, k] = step
            slope = (loss(z + nudge) - loss(z - nudge)) / (2 * step)
            own = torch.autograd.grad(loss(logits), logits)[0][row, k]
            assert slope.item() == pytest.approx(own.item(), abs=1e-8)


@given(st.floats(-500, 500), st.sampled_from([0.0, 1.0]))
def test_loss_from_logits_is_finite_where_the_sigmoid_is_not(z, y):
    loss = mt.weighted_cross_entropy(torch.tensor([[z]]), torch.tensor([[y]]), torch.ones(1))
    assert torch.isfinite(loss)
    wrong = -z if y == 1 else z
    assert loss.item() == pytest.approx(np.logaddexp(0.0, wrong), rel=1e-5, abs=1e-6)


def test_a_batch_without_clicks_teaches_the_other_heads_nothing():
    logits, labels = batch()
    labels[:, 0] = 0
    logits.requires_grad_()
    mt.weighted_cross_entropy(logits, labels, torch.ones(4), mt.click_mask(labels, TARGETS)).backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[:, 1:] == 0).all()
    assert (logits.grad[:, 0] != 0).all()


def test_mask_keeps_click_everywhere_and_the_others_where_clicked():
    labels = torch.tensor([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]])
    assert mt.click_mask(labels, TARGETS).tolist() == [[1, 0, 0, 0], [1, 1, 1, 1]]
    reordered = mt.click_mask(labels[:, [1, 0]], ("like", "click"))
    assert reordered.tolist() == [[0, 1], [1, 1]]


def test_mask_needs_click_and_matching_shapes():
    with pytest.raises(ValueError, match="must contain 'click'"):
        mt.click_mask(torch.zeros(3, 1), ("like",))
    with pytest.raises(ValueError, match=r"\(rows, 4\), got \(3, 2\)"):
        mt.click_mask(torch.zeros(3, 2), TARGETS)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0, -0.5, 1.0, 1.0), "loss_weights must be at least 0, got -0.5"),
        ((0.0, 0.0, 0.0, 0.0), "loss_weights must not be all 0"),
        ((1.0, float("nan"), 1.0, 1.0), "loss_weights must be finite"),
        ((1.0, 1.0), "must have shape"),
    ],
)
def test_loss_weights_that_make_no_sense(weights, message):
    with pytest.raises(ValueError, match=message):
        mt.weighted_cross_entropy(*batch(), torch.tensor(weights))


def test_shapes_of_the_loss():
    logits, labels = batch()
    with pytest.raises(ValueError, match=r"one shape \(rows, targets\), got .*\(64, 4\), .*\(64, 3\)"):
        mt.weighted_cross_entropy(logits, labels[:, :3], torch.ones(4))
    with pytest.raises(ValueError, match="one shape"):
        mt.cross_entropy_per_target(logits, labels, torch.ones(64, 3))


def test_named_loss_is_the_function_with_its_mask():
    logits, labels = batch()
    named = mt.WeightedCrossEntropy(TARGETS, {"like": 3.0, "share": 0.0})
    weights = torch.tensor([1.0, 3.0, 1.0, 0.0])
    by_hand = mt.weighted_cross_entropy(logits, labels, weights, mt.click_mask(labels, TARGETS))
    torch.testing.assert_close(named(logits, labels), by_hand)
    unmasked = mt.WeightedCrossEntropy(TARGETS, masked=False)
    by_hand = mt.weighted_cross_entropy(logits, labels, torch.ones(4))
    torch.testing.assert_close(unmasked(logits, labels), by_hand)


def test_named_loss_refuses_bad_weights():
    with pytest.raises(ValueError, match="must be one of 'click', 'like'"):
        mt.WeightedCrossEntropy(("click", "like"), {"likes": 1.0})
    with pytest.raises(ValueError, match=r"loss_weights\['like'\] must be at least 0, got -1.0"):
        mt.WeightedCrossEntropy(("click", "like"), {"like": -1.0})
    with pytest.raises(ValueError, match=r"loss_weights\['like'\] must hold numbers, got 'much'"):
        mt.WeightedCrossEntropy(("click", "like"), {"like": "much"})
    with pytest.raises(ValueError, match=r"loss_weights must map names of targets to weights, got \[1, 2\]"):
        mt.WeightedCrossEntropy(("click", "like"), [1, 2])
    with pytest.raises(ValueError, match="not be all 0"):
        mt.WeightedCrossEntropy(("click", "like"), {"like": 0.0, "click": 0.0})


@pytest.mark.parametrize("kind", [mt.WeightedCrossEntropy, mt.UncertaintyWeighting])
def test_losses_want_names_of_targets(kind):
    for targets in ("click", (), ("click", "click")):
        with pytest.raises(ValueError, match="targets must be names of targets"):
            kind(targets)


def test_a_loss_says_what_it_is_known_by():
    loss = mt.WeightedCrossEntropy(("click", "like"), {"like": 0.5})
    assert repr(loss) == "WeightedCrossEntropy(click=1, like=0.5, masked=True)"
    assert repr(mt.UncertaintyWeighting(("click",), masked=False)) == (
        "UncertaintyWeighting(click, masked=False)"
    )


def test_learnt_weights_settle_where_the_formula_says():
    logits, labels = batch(rows=500)
    loss = mt.UncertaintyWeighting(TARGETS)
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.05)
    for _ in range(600):
        optimiser.zero_grad()
        loss(logits, labels).backward()
        optimiser.step()
    losses = mt.cross_entropy_per_target(logits, labels, mt.click_mask(labels, TARGETS))
    torch.testing.assert_close(loss.loss_weights.double(), 1 / (2 * losses), rtol=1e-3, atol=0)


def test_learnt_weights_stay_where_a_batch_has_no_row_of_the_target():
    logits, labels = batch()
    labels[:, 0] = 0  # nobody clicked: no row of the three that are counted per click
    loss = mt.UncertaintyWeighting(TARGETS)
    value = loss(logits, labels)
    value.backward()
    assert loss.log_variances.grad[1:].tolist() == [0.0, 0.0, 0.0]
    own = mt.cross_entropy_per_target(logits, labels)[0]
    torch.testing.assert_close(value, own)  # s is 0
    assert loss.log_variances.grad[0].item() == pytest.approx(0.5 - own.item())


LABELS = torch.tensor([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": LABELS * 9}, r"labels must be in \[0, 1\], got 9.0 at index \(0, 1\)"),
        ({"labels": LABELS * float("nan")}, "labels must be finite, got nan"),
        ({"labels": [[0.0, 1.0], [1.0, 0.0]]}, "labels must be a tensor, got list"),
        ({"logits": LABELS / 0}, "logits must be finite"),
        ({"logits": None}, "logits must be a tensor, got NoneType"),
        ({"mask": LABELS - 1}, "mask must be at least 0, got -1.0"),
        ({"mask": "click"}, "mask must be a tensor, got str"),
    ],
)
def test_numbers_that_no_loss_can_be_of(change, message):
    given = {"logits": torch.zeros(2, 2), "labels": LABELS} | change
    with pytest.raises(ValueError, match=message):
        mt.cross_entropy_per_target(**given)
    with pytest.raises(ValueError, match=message):
        mt.weighted_cross_entropy(loss_weights=torch.ones(2), **given)


def test_a_click_is_there_or_not():
    with pytest.raises(ValueError, match=r"labels of click must hold only 0 and 1, got 0\.5"):
        mt.click_mask(torch.tensor([[0.5, 1.0]]), ("click", "like"))
    assert mt.click_mask(torch.tensor([[1.0, 0.5]]), ("click", "like")).tolist() == [[1.0, 1.0]]
    with pytest.raises(ValueError, match=r"labels must be in \[0, 1\], got 9.0"):
        mt.click_mask(torch.tensor([[1.0, 9.0]]), ("click", "like"))


@pytest.mark.parametrize("kind", [mt.WeightedCrossEntropy, mt.UncertaintyWeighting])
def test_losses_of_half_precision_are_computed_in_single(kind):
    logits, labels = batch()
    half = logits.to(torch.bfloat16)
    loss = kind(TARGETS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(half, labels.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(half.float(), labels))
    torch.testing.assert_close(
        mt.cross_entropy_per_target(half, labels), mt.cross_entropy_per_target(half.float(), labels)
    )


# The model


def test_a_model_under_autocast_gives_the_same_up_to_its_precision():
    ids, dense, labels = some_rows()
    model, loss = small_model(), mt.WeightedCrossEntropy(TARGETS)
    results = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            logits = model(ids, dense)
            value = loss(logits, labels)
        value.backward()
        results.append((logits.float(), value, [part.grad.clone() for part in model.parameters()]))
    for exact, coarse in zip(*results, strict=True):
        torch.testing.assert_close(coarse, exact, rtol=0.05, atol=0.02)


def test_one_row_is_a_batch():
    model = small_model().train()
    ids, dense, labels = some_rows(rows=1)
    mt.WeightedCrossEntropy(TARGETS)(model(ids, dense), labels).backward()
    assert all(torch.isfinite(part.grad).all() for part in model.parameters())


def test_one_logit_per_target_and_row():
    ids, dense, _ = some_rows()
    assert small_model()(ids, dense).shape == (32, 4)
    assert small_model(("click",))(ids, dense).shape == (32, 1)


def test_towers_have_two_dense_layers_or_as_many_as_asked_for():
    for hidden, layers in (((32,), 2), ((32, 16), 3)):
        model = small_model(tower=hidden)
        for tower in model.towers:
            assert sum(isinstance(part, torch.nn.Linear) for part in tower) == layers
            assert isinstance(tower[-1], torch.nn.Linear)  # a logit: no activation behind it


def test_a_tower_moves_only_its_own_logit_and_the_shared_network_all():
    ids, dense, _ = some_rows()
    model = small_model()
    before = model(ids, dense).detach()
    with torch.no_grad():
        model.towers[1][0].bias += 1.0
    after = model(ids, dense).detach()
    assert torch.equal(before[:, [0, 2, 3]], after[:, [0, 2, 3]])
    assert not torch.equal(before[:, 1], after[:, 1])
    with torch.no_grad():
        model.shared[0].bias += 1.0
    assert ((model(ids, dense) - after).abs().amax(dim=0) > 0).all()


def test_embedding_concatenates_the_fields_and_the_dense_features():
    ids, dense, _ = some_rows()
    embedding = mt.FeatureEmbedding((5, 7), 3, embedding_dim=4)
    vectors = embedding(ids, dense)
    assert vectors.shape == (32, 2 * 4 + 3) == (32, embedding.output_dim)
    torch.testing.assert_close(vectors[:, :4], embedding.table.weight[ids[:, 0]])
    torch.testing.assert_close(vectors[:, 4:8], embedding.table.weight[5 + ids[:, 1]])
    torch.testing.assert_close(vectors[:, 8:], dense)


def test_embedding_without_fields_or_without_dense_features():
    _, dense, _ = some_rows()
    nothing = torch.zeros(32, 0, dtype=torch.long)
    torch.testing.assert_close(mt.FeatureEmbedding((), 3)(nothing, dense), dense)
    ids = torch.zeros(32, 1, dtype=torch.long)
    assert mt.FeatureEmbedding((2,), 0)(ids, torch.zeros(32, 0)).shape == (32, 8)


@pytest.mark.parametrize(("value", "field"), [(5, 0), (-1, 1)])
def test_ids_that_no_table_has(value, field):
    ids, dense, _ = some_rows()
    ids[3, field] = value
    with pytest.raises(ValueError, match=rf"field {field}, got {value} at row 3.*is 0"):
        small_model()(ids, dense)


def test_shapes_of_the_features():
    ids, dense, _ = some_rows()
    for bad in ((ids[:, :1], dense), (ids, dense[:, :2]), (ids[:5], dense)):
        with pytest.raises(ValueError, match=r"must have shape \(rows, 2\) and \(rows, 3\)"):
            small_model()(*bad)


@pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.uint8])
def test_ids_of_any_whole_type_are_the_same_ids_and_others_are_none(kind):
    embedding = mt.FeatureEmbedding((3, 4), 0)
    ids, dense = torch.tensor([[0, 3], [2, 1]]), torch.zeros(2, 0)
    assert torch.equal(embedding(ids.to(kind), dense), embedding(ids, dense))
    with pytest.raises(ValueError, match=r"whole numbers, got torch\.float32"):
        embedding(ids + 0.5, dense)
    with pytest.raises(ValueError, match="ids from 0 to 3 in field 1, got 4 at row 1"):
        embedding(torch.tensor([[0, 0], [0, 4]], dtype=kind), dense)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cardinalities": (3, 0)}, "cardinalities must be a whole number of at least 1, got 0"),
        ({"cardinalities": (3, 2.5)}, "cardinalities must be a whole number of at least 1, got 2.5"),
        ({"n_dense": -1}, "n_dense must be a whole number of at least 0, got -1"),
        ({"n_dense": 1.5}, "n_dense must be a whole number of at least 0, got 1.5"),
        ({"embedding_dim": 0}, "embedding_dim must be a whole number of at least 1, got 0"),
        ({"targets": ()}, "targets must be names of targets"),
        ({"targets": ("click", "click")}, "each once"),
        ({"shared": ()}, "shared must name at least one"),
        ({"tower": (0,)}, "tower must be a whole number of at least 1"),
    ],
)
def test_models_that_cannot_be(arguments, message):
    sizes = {"cardinalities": (3,), "n_dense": 1, "targets": ("click",), **arguments}
    with pytest.raises(ValueError, match=message):
        mt.MultiTaskModel(**sizes)


# Gradients of the tasks


def test_task_gradients_are_those_of_single_task_losses():
    ids, dense, labels = some_rows()
    model = small_model()
    found = mt.task_gradients(model, ids, dense, labels)
    for k, name in enumerate(TARGETS):
        model.zero_grad()
        zero_but_one = {other: float(other == name) for other in TARGETS}
        mt.WeightedCrossEntropy(TARGETS, zero_but_one)(model(ids, dense), labels).backward()
        own = torch.cat([part.grad.flatten() for part in model.shared.parameters()])
        torch.testing.assert_close(found.vectors[k], own)
    torch.testing.assert_close(found.norms, found.vectors.norm(dim=1))


def test_task_gradients_want_a_model():
    with pytest.raises(ValueError, match="model must be a MultiTaskModel, got int"):
        mt.task_gradients(3, *some_rows())


def test_cosines_of_gradients():
    found = mt.TaskGradients(("a", "b", "c"), torch.tensor([[1.0, 0.0], [0.0, 3.0], [-2.0, 0.0]]))
    torch.testing.assert_close(found.norms, torch.tensor([1.0, 3.0, 2.0]))
    expected = torch.tensor([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])
    torch.testing.assert_close(found.cosines, expected)


def test_a_mask_may_weight_rows_and_labels_may_be_booleans():
    logits, labels = torch.randn(6, 2), torch.rand(6, 2) < 0.5
    plain = mt.cross_entropy_per_target(logits, labels)
    torch.testing.assert_close(mt.cross_entropy_per_target(logits, labels, torch.full((6, 2), 0.1)), plain)
    torch.testing.assert_close(mt.cross_entropy_per_target(logits, labels.float()), plain)


def test_one_text_is_no_list_of_targets():
    with pytest.raises(ValueError, match=r"targets must be names of targets.*got 'like'"):
        mt.MultiTaskModel((3, 4), 1, "like")
