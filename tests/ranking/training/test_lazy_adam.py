"""Adam for the rows of a batch: against torch's SparseAdam and AdamW, and through the fit loop."""

import copy

import pytest
import torch
from torch import nn
from training_script import TARGETS, table

from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy, seeded
from ranking.training import TableExamples, fit, lazy_adam
from ranking.training.lazy_adam import LazyAdam, sparse_tables

LOSS = WeightedCrossEntropy(TARGETS)


def table_of(rows: int = 50, sparse: bool = True) -> nn.Embedding:
    with seeded(3):
        return nn.Embedding(rows, 4, sparse=sparse).double()


def steps(
    embedding: nn.Embedding, optimiser: torch.optim.Optimizer, every_row: bool = False, count: int = 40
):
    """Some steps on random rows, or on every row and some twice; yields after each."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        ids = torch.randint(0, 50, (30,), generator=generator)
        ids = torch.cat([ids, torch.arange(50)]) if every_row else ids
        wanted = torch.randn(len(ids), 4, generator=generator).double()
        optimiser.zero_grad()
        (embedding(ids) - wanted).square().mean().backward()
        optimiser.step()
        yield


def test_it_is_torchs_sparse_adam(monkeypatch):
    """Which adds its epsilon at another place: with none, they are the same."""
    monkeypatch.setattr(lazy_adam, "EPS", 0.0)
    ours, theirs = table_of(), table_of()
    for _ in steps(ours, LazyAdam(ours.parameters(), lr=0.01)):
        pass
    for _ in steps(theirs, torch.optim.SparseAdam(theirs.parameters(), lr=0.01, eps=1e-300)):
        pass
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_it_is_adamw_where_every_batch_holds_every_row(decay):
    ours, theirs = table_of(), table_of(sparse=False)
    for _ in steps(ours, LazyAdam(ours.parameters(), lr=0.01, weight_decay=decay), every_row=True):
        pass
    optimiser = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=decay)
    for _ in steps(theirs, optimiser, every_row=True):
        pass
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-12, atol=1e-12)


def test_rows_that_no_batch_holds_are_not_touched():
    ours = table_of(60)
    before = ours.weight.detach().clone()
    optimiser = LazyAdam(ours.parameters(), lr=0.01, weight_decay=0.5, average_after=10)
    for _ in steps(ours, optimiser):
        pass
    optimiser.take_averages()
    assert torch.equal(ours.weight[50:], before[50:])
    assert not optimiser.state[ours.weight]["held"][50:].any()


def test_the_average_is_the_mean_over_the_steps():
    ours = table_of()
    optimiser = LazyAdam(ours.parameters(), lr=0.01, average_after=25)
    after = [ours.weight.detach().clone() for _ in steps(ours, optimiser)]
    optimiser.take_averages()
    torch.testing.assert_close(ours.weight.detach(), torch.stack(after[25:]).mean(dim=0), rtol=0, atol=1e-12)


def test_its_state_can_be_kept_and_taken_up():
    whole, broken = table_of(), table_of()
    optimiser = LazyAdam(whole.parameters(), lr=0.01, average_after=25)
    for _ in steps(whole, optimiser):
        pass
    optimiser.take_averages()
    run = steps(broken, LazyAdam(broken.parameters(), lr=0.01, average_after=25))
    first = LazyAdam(broken.parameters(), lr=0.01, average_after=25)
    run = steps(broken, first)
    for _ in range(30):
        next(run)
    second = LazyAdam(broken.parameters(), lr=0.5)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    first.step = second.step  # the rest of the steps are the second's
    for _ in run:
        pass
    second.take_averages()
    assert torch.equal(whole.weight, broken.weight)


def model_of(sparse: bool) -> MultiTaskModel:
    with seeded(0):
        return MultiTaskModel((20, 30), 3, TARGETS, sparse=sparse)


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_fit_learns_with_it_what_it_learns_without(average):
    """Batches of 400 rows hold every one of the 50 ids, but for a few."""
    features, labels = table(8_000)
    settings = {"seed": 0, "batch_size": 400, "average": average}
    dense, sparse = model_of(sparse=False), model_of(sparse=True)
    rows = TableExamples(features, labels)
    one = fit(dense, rows, LOSS, held_out=rows, **settings)
    other = fit(sparse, rows, LOSS, held_out=rows, **settings)
    assert other.validation_loss[0] == pytest.approx(one.validation_loss[0], rel=1e-4)
    for name, value in dense.state_dict().items():
        torch.testing.assert_close(sparse.state_dict()[name], value, rtol=1e-2, atol=2e-3)


def test_early_stopping_takes_the_best_table_back():
    features, labels = table(300)
    rows, held_out = TableExamples(features, labels), TableExamples(*table(300, seed=1))
    model = model_of(sparse=True)
    settings = {"epochs": 40, "patience": 2, "learning_rate": 0.05, "batch_size": 64}
    history = fit(model, rows, LOSS, seed=0, held_out=held_out, **settings)
    with torch.no_grad():
        loss = LOSS(model(held_out.categorical, held_out.dense), held_out.labels).item()
    assert loss == pytest.approx(min(history.validation_loss), rel=1e-5)


def test_a_model_of_nothing_but_tables_is_trained():
    class Rates(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(20, 2, sparse=True)

        def forward(self, categorical, dense):
            return self.table(categorical[:, 0])

    model, (features, labels) = Rates(), table(2_000)
    before = model.table.weight.detach().clone()
    fit(model, TableExamples(features, labels), LOSS, seed=0)
    assert (model.table.weight != before).all()


def test_sparse_tables_are_found_once():
    tied = nn.Embedding(5, 2, sparse=True)
    model = nn.ModuleList([tied, nn.Embedding(5, 2), nn.EmbeddingBag(4, 2, sparse=True), tied])
    assert [len(table) for table in sparse_tables(model)] == [5, 4]


def test_what_it_cannot_do_is_refused():
    dense = table_of(sparse=False)
    optimiser = LazyAdam(dense.parameters())
    with pytest.raises(ValueError, match="tables must have sparse gradients"):
        next(steps(dense, optimiser))
    with pytest.raises(ValueError, match=r"tables must be parameters of shape \(rows, dim\), got Para"):
        LazyAdam([nn.Parameter(torch.zeros(3))])
    with pytest.raises(ValueError, match="lr must be above 0"):
        LazyAdam(table_of().parameters(), lr=0.0)
    with pytest.raises(ValueError, match="weight_decay must be at least 0"):
        LazyAdam(table_of().parameters(), weight_decay=-1.0)
