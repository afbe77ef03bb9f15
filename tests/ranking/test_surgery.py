"""Gradient surgery: projections of conflicting gradients, and the loss that applies them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from ranking import multi_task as mt
from ranking.logs import FeatureTable
from ranking.training import TableExamples, fit, seeded

TARGETS = ("click", "like", "collect", "share")


def own_projection(vectors: np.ndarray, k: int, order: tuple[int, ...]) -> np.ndarray:
    """The paper's algorithm for one target: its gradient against the others, one after another."""
    found = vectors[k].copy()
    for other in order:
        along = found @ vectors[other]
        if along < 0:
            found -= along / (vectors[other] @ vectors[other]) * vectors[other]
    return found


def every_sum(vectors: np.ndarray) -> np.ndarray:
    """The projected sum for every choice of the orders, (choices, parameters)."""
    targets = range(len(vectors))
    orders = [list(itertools.permutations([j for j in targets if j != k])) for k in targets]
    projected = [[own_projection(vectors, k, order) for order in orders[k]] for k in targets]
    return np.array([sum(choice) for choice in itertools.product(*projected)])


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# The projections


def test_two_opposed_gradients_by_hand():
    # (1, 0) loses its half of (-1, 1) and is (½, ½); (-1, 1) loses all along (1, 0) and is (0, 1)
    found = mt.project_conflicts(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    assert found.tolist() == [0.5, 1.5]
    assert mt.project_conflicts(torch.tensor([[1.0, -2.0], [-2.0, 4.0]])).tolist() == [0.0, 0.0]


def test_gradients_that_do_not_conflict_are_summed():
    assert mt.project_conflicts(torch.tensor([[1.0, 0.0], [0.0, 3.0], [2.0, 2.0]])).tolist() == [3.0, 5.0]
    assert mt.project_conflicts(torch.tensor([[1.0, -2.0]])).tolist() == [1.0, -2.0]


def test_a_gradient_of_0_is_left_and_leaves_the_others():
    given = torch.tensor([[1.0, 0.0], [0.0, 0.0], [-1.0, 1.0]])
    assert mt.project_conflicts(given).tolist() == [0.5, 1.5]
    assert mt.project_conflicts(torch.zeros(3, 2)).tolist() == [0.0, 0.0]
    nearly = torch.tensor([[1.0, 0.0], [-1e-200, 1e-200]], dtype=torch.float64)  # its square is 0
    assert mt.project_conflicts(nearly).tolist() == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("seed", range(10))
def test_the_sum_is_the_papers_for_some_order(seed):
    vectors = np.random.default_rng(seed).normal(size=(4, 5))
    found = mt.project_conflicts(torch.from_numpy(vectors), drawn(seed)).numpy()
    assert np.abs(every_sum(vectors) - found).max(axis=1).min() < 1e-12


def test_every_order_is_drawn_about_as_often():
    angles = np.radians([0.0, 100.0, 215.0])  # of eight choices of orders, each gives another sum
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    expected, generator = every_sum(vectors), drawn(0)
    found = np.stack([mt.project_conflicts(torch.from_numpy(vectors), generator) for _ in range(800)])
    gaps = np.abs(found[:, None] - expected).max(axis=2)  # (draws, choices)
    distinct = np.unique(expected.round(9), axis=0)
    assert len(distinct) > 1
    assert (gaps.min(axis=1) < 1e-12).all()
    counts = np.array([(np.abs(found - one).max(axis=1) < 1e-8).sum() for one in distinct])
    shares = np.array([(np.abs(expected - one).max(axis=1) < 1e-8).mean() for one in distinct])
    np.testing.assert_allclose(counts / 800, shares, atol=5 * np.sqrt(0.25 / 800))


def test_the_generator_decides_the_orders():
    vectors = torch.randn(6, 8, generator=drawn(0))
    assert torch.equal(mt.project_conflicts(vectors, drawn(1)), mt.project_conflicts(vectors, drawn(1)))
    assert not torch.equal(mt.project_conflicts(vectors, drawn(1)), mt.project_conflicts(vectors, drawn(2)))
    torch.manual_seed(1)
    assert torch.equal(mt.project_conflicts(vectors), mt.project_conflicts(vectors, drawn(1)))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_scale_of_the_gradients_is_that_of_the_sum(scale):
    vectors = torch.randn(4, 5, generator=drawn(0))
    found = mt.project_conflicts(vectors * scale, drawn(1)) / scale
    torch.testing.assert_close(found, mt.project_conflicts(vectors, drawn(1)))


def test_gradients_of_half_precision_are_projected_in_single():
    half = torch.randn(3, 5, generator=drawn(0)).to(torch.bfloat16)
    assert torch.equal(mt.project_conflicts(half, drawn(1)), mt.project_conflicts(half.float(), drawn(1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gradients": torch.zeros(3)}, r"gradients must have shape \(targets, parameters\), got \(3,\)"),
        ({"gradients": [[1.0]]}, "gradients must be a tensor, got list"),
        ({"gradients": torch.tensor([[float("nan")]])}, "gradients must be finite"),
        ({"generator": 3}, "generator must be a Generator, got int 3"),
    ],
)
def test_gradients_that_cannot_be_projected(arguments, message):
    with pytest.raises(ValueError, match=message):
        mt.project_conflicts(**({"gradients": torch.ones(2, 2)} | arguments))


# The loss


def small_model(targets=TARGETS, **settings) -> mt.MultiTaskModel:
    with seeded(0):
        return mt.MultiTaskModel((20, 30), 3, targets, shared=(16,), tower=(8,), **settings).double()


def some_rows(rows: int = 64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = drawn(1)
    ids = torch.stack([torch.randint(0, n, (rows,), generator=generator) for n in (20, 30)], dim=1)
    dense = torch.randn(rows, 3, generator=generator, dtype=torch.float64)
    return ids, dense, (torch.rand(rows, 4, generator=generator) < 0.5).double()


def shared_of(model: mt.MultiTaskModel) -> list[torch.nn.Parameter]:
    return [*model.embedding.parameters(), *model.shared.parameters()]


def gradient_of(model: mt.MultiTaskModel, loss: mt.PerTargetLoss, parameters) -> torch.Tensor:
    """What ``backward`` leaves at some parameters, in a row."""
    ids, dense, labels = some_rows()
    model.zero_grad()
    loss(model(ids, dense), labels).backward()
    return torch.cat([part.grad.flatten() for part in parameters])


WEIGHTS = {"click": 0.5, "like": 1.5, "share": 2.0}


def vectors_of(model: mt.MultiTaskModel, weights: dict[str, float], masked: bool = True) -> torch.Tensor:
    """Each target's own gradient at what is shared, by a loss that leaves the others out."""
    each = [
        mt.WeightedCrossEntropy(TARGETS, dict.fromkeys(TARGETS, 0.0) | {k: w}, masked)
        for k, w in weights.items()
    ]
    return torch.stack([gradient_of(model, loss, shared_of(model)) for loss in each])


@pytest.mark.parametrize("masked", [True, False])
def test_value_and_towers_are_plain_and_what_is_shared_gets_the_projected_sum(masked):
    model, (ids, dense, labels) = small_model(), some_rows()
    plain = mt.WeightedCrossEntropy(TARGETS, WEIGHTS, masked)
    ours = mt.GradientSurgery(model, WEIGHTS, masked, seed=3)
    logits = model(ids, dense)
    assert ours(logits, labels).item() == plain(logits, labels).item()
    vectors = vectors_of(model, dict.fromkeys(TARGETS, 1.0) | WEIGHTS, masked)
    assert (vectors @ vectors.T < 0).any()
    ours = mt.GradientSurgery(model, WEIGHTS, masked, seed=3)
    found = gradient_of(model, ours, shared_of(model))
    torch.testing.assert_close(found, mt.project_conflicts(vectors, drawn(3)))
    assert not torch.allclose(found, vectors.sum(dim=0))
    towers = list(model.towers.parameters())
    assert torch.equal(gradient_of(model, ours, towers), gradient_of(model, plain, towers))


def test_a_target_of_weight_0_has_no_part():
    model = small_model()
    vectors = vectors_of(model, {"click": 1.0, "share": 2.0})
    ours = mt.GradientSurgery(model, {"click": 1.0, "like": 0.0, "collect": 0.0, "share": 2.0})
    torch.testing.assert_close(gradient_of(model, ours, shared_of(model)), mt.project_conflicts(vectors))
    assert ours.conflicting in (0.0, 1.0)  # of one pair


def test_share_of_conflicting_pairs():
    model, (ids, dense, labels) = small_model(), some_rows()
    loss = mt.GradientSurgery(model, WEIGHTS)
    assert np.isnan(loss.conflicting)
    vectors = vectors_of(model, dict.fromkeys(TARGETS, 1.0) | WEIGHTS)
    opposed = sum(float(a @ b) < 0 for a, b in itertools.combinations(vectors, 2))
    assert 0 < opposed < 6
    for step in (1, 2):
        loss(model(ids, dense), labels)
        assert (loss.steps, loss.conflicts) == (step, step * opposed)
        assert loss.conflicting == pytest.approx(opposed / 6)
    alone = small_model(("click",))
    loss = mt.GradientSurgery(alone)
    loss(alone(ids, dense), labels[:, :1])
    assert np.isnan(loss.conflicting)


def test_nothing_is_projected_or_counted_without_gradients():
    model, (ids, dense, labels) = small_model(), some_rows()
    plain, ours = mt.WeightedCrossEntropy(TARGETS, WEIGHTS), mt.GradientSurgery(model, WEIGHTS)
    logits = model(ids, dense)
    with torch.no_grad():
        assert ours(logits, labels).item() == plain(logits, labels).item()
    assert ours(logits.detach(), labels).item() == plain(logits, labels).item()
    for part in shared_of(model):
        part.requires_grad_(False)  # nothing is left that two targets could pull apart
    ours(model(ids, dense), labels).backward()
    assert ours.steps == 0


def test_frozen_tables_have_no_part():
    model = small_model()
    model.embedding.requires_grad_(False)
    shared = list(model.shared.parameters())
    vectors = mt.task_gradients(model, *some_rows()).vectors
    found = gradient_of(model, mt.GradientSurgery(model, seed=3), shared)
    torch.testing.assert_close(found, mt.project_conflicts(vectors, drawn(3)))


def test_the_model_is_at_hand_but_not_a_part():
    loss = mt.GradientSurgery(model := small_model())
    assert loss.model is model
    assert not list(loss.parameters()) and not list(loss.children())  # noqa: PT018
    assert list(loss.state_dict()) == ["loss_weights", "_extra_state"]


def test_it_is_known_by_its_settings_and_not_by_what_it_counted():
    model, (ids, dense, labels) = small_model(), some_rows()
    loss = mt.GradientSurgery(model, WEIGHTS, seed=7)
    before = repr(loss)
    assert before == (
        "GradientSurgery(click=0.5, like=1.5, collect=1, share=2, masked=True, conflicts projected, seed=7)"
    )
    loss(model(ids, dense), labels)
    assert repr(loss) == before


def test_losses_that_cannot_be(monkeypatch):
    with pytest.raises(ValueError, match="model must be a MultiTaskModel, got int 3"):
        mt.GradientSurgery(3)
    with pytest.raises(ValueError, match=r"model must have a dense table \(sparse=False\).*got sparse=True"):
        mt.GradientSurgery(small_model(sparse=True))
    with pytest.raises(ValueError, match="seed must be a whole number"):
        mt.GradientSurgery(small_model(), seed=-1)
    ids, dense, labels = some_rows()
    with pytest.raises(ValueError, match="must come from the model whose parameters are given"):
        mt.GradientSurgery(small_model())(small_model()(ids, dense), labels)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(ValueError, match=r"loss must not be a GradientSurgery.* got 2 processes"):
        mt.GradientSurgery(model := small_model())(model(ids, dense), labels)


# In training


def examples(targets=TARGETS, rows: int = 1_000) -> TableExamples:
    rng = np.random.default_rng(0)
    ids = np.stack([rng.integers(0, size, rows) for size in (20, 30)], axis=1)
    dense = rng.normal(size=(rows, 3)).astype(np.float32)
    groups = {"user": ("user",), "item": ("item",), "statistics": ("a", "b", "c"), "context": ()}
    features = FeatureTable(ids, dense, ("user", "item"), ("a", "b", "c"), (20, 30), groups)
    slopes = np.array([[1.0, -1.0, 1.0, -1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, -1.0, -1.0]])
    happened = rng.random((rows, 4)) < 1 / (1 + np.exp(-dense @ slopes))  # (rows, targets)
    labels = (happened & happened[:, :1]).astype(np.float32)  # given click
    return TableExamples(features, labels[:, : len(targets)], targets)


def trained(kind, targets=TARGETS, **settings) -> tuple[mt.MultiTaskModel, mt.PerTargetLoss]:
    model = small_model(targets).float()
    loss = kind(model)
    fit(model, examples(targets), loss, seed=0, batch_size=64, **settings)
    return model, loss


def weights_of(model: mt.MultiTaskModel) -> torch.Tensor:
    return torch.cat([part.detach().flatten() for part in model.parameters()])


def test_training_without_a_conflict_is_plain_training():
    for targets, weights in ((TARGETS[:1], {}), (TARGETS[:2], {"like": 0.0})):
        ours, _ = trained(lambda model, w=weights: mt.GradientSurgery(model, w), targets)
        plain, _ = trained(lambda model, w=weights: mt.WeightedCrossEntropy(model.targets, w), targets)
        torch.testing.assert_close(weights_of(ours), weights_of(plain), rtol=0, atol=1e-6)


def test_training_with_conflicts_is_another_and_the_same_for_the_same_seeds():
    (ours, loss), (again, _) = trained(mt.GradientSurgery), trained(mt.GradientSurgery)
    assert loss.steps == 16
    assert 0.0 < loss.conflicting < 1.0
    assert torch.equal(weights_of(ours), weights_of(again))
    plain, _ = trained(lambda model: mt.WeightedCrossEntropy(model.targets))
    assert not torch.allclose(weights_of(ours), weights_of(plain), atol=1e-4)
    other, _ = trained(lambda model: mt.GradientSurgery(model, seed=1))
    assert not torch.equal(weights_of(ours), weights_of(other))


class Stopped(Exception):
    """A power cut."""


class StoppedSurgery(mt.GradientSurgery):
    def sums(self, logits, labels, weights=None):
        if self.steps == 11:
            raise Stopped
        return super().sums(logits, labels, weights)


def test_stopped_and_resumed_is_as_if_never_stopped(tmp_path):
    whole, never_stopped = trained(mt.GradientSurgery)
    settings = {"checkpoint": tmp_path / "run.checkpoint", "checkpoint_every": 4}
    with pytest.raises(Stopped):
        trained(StoppedSurgery, **settings)
    with pytest.raises(ValueError, match="belongs to a run with loss"):
        trained(lambda model: mt.WeightedCrossEntropy(model.targets), **settings)
    resumed, loss = trained(mt.GradientSurgery, **settings)
    assert torch.equal(weights_of(whole), weights_of(resumed))
    assert (loss.steps, loss.conflicts) == (never_stopped.steps, never_stopped.conflicts)
