"""Weights of rows: what they mean, and that no batch's own sum of weights bends the level."""

import numpy as np
import pytest
import torch
from training_script import TARGETS, table

from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy, seeded
from ranking.training import TableExamples, WatchTimeExamples, fit
from ranking.training.parquet import ParquetRows, ParquetWriter

LOSS = WeightedCrossEntropy(TARGETS)


def trained(rows: TableExamples, loss=LOSS, **settings) -> tuple[MultiTaskModel, float]:
    """A model after one step, or as settings say, and its loss on the rows before the last step."""
    with seeded(0):
        model = MultiTaskModel((20, 30), 3, TARGETS)
    settings = {"batch_size": 10_000, "average": 0.0, "seed": 0} | settings
    history = fit(model, rows, loss, **settings)
    return model, history.train_loss[-1]


def same(one: MultiTaskModel, other: MultiTaskModel) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.allclose(a, b, rtol=1e-4, atol=2e-5) for a, b in pairs)


def test_a_weight_of_two_is_the_row_twice_and_of_none_without_it():
    """In the loss and, Adam taking no notice of a scale, in the targets' weights against each other."""
    features, labels = table(300)
    count = np.random.default_rng(0).integers(0, 4, 300)
    again = np.repeat(np.arange(300), count)
    weighted, loss = trained(TableExamples(features, labels, TARGETS, weights=count), epochs=5)
    repeated, expected = trained(TableExamples(features[again], labels[again], TARGETS), epochs=5)
    assert loss == pytest.approx(expected, rel=1e-4)
    assert same(weighted, repeated)


def test_equal_weights_are_none():
    features, labels = table(300)
    plain, loss = trained(TableExamples(features, labels))
    for weight in (1.0, 7.0):
        equal, other = trained(TableExamples(features, labels, weights=np.full(300, weight)))
        assert other == pytest.approx(loss, rel=1e-6)
        assert same(plain, equal)


def test_held_out_rows_are_judged_by_their_weights():
    features, labels = table(300)
    count = np.random.default_rng(0).integers(0, 4, 300)
    again = np.repeat(np.arange(300), count)
    losses = []
    for held_out in (
        TableExamples(features, labels, weights=count),
        TableExamples(features[again], labels[again]),
    ):
        with seeded(0):
            model = MultiTaskModel((20, 30), 3, TARGETS)
        rows = TableExamples(features, labels)
        losses.append(fit(model, rows, LOSS, seed=0, batch_size=16, held_out=held_out).validation_loss[0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_weights_restore_the_level_that_sampling_raised():
    """One negative in ten kept, and counted ten times: the rate is that of the whole log again."""
    features, labels = table(60_000)
    click = labels[:, 0] * (np.random.default_rng(1).random(60_000) < 0.1)  # rarer: about one in twenty
    rng = np.random.default_rng(0)
    kept = (click == 1) | (rng.random(60_000) < 0.1)
    weights = np.where(click == 1, 1.0, 10.0)[kept]
    with seeded(0):
        model = MultiTaskModel((20, 30), 3, ("click",))
    rows = TableExamples(features[kept], click[kept], ("click",), weights)
    fit(model, rows, WeightedCrossEntropy(("click",)), seed=0, batch_size=64)
    with torch.no_grad():
        level = model(*features.to_tensors()).sigmoid().mean().item() / click.mean()
    assert level == pytest.approx(1.0, abs=0.06)


def test_any_loss_that_takes_weights_gets_them_with_a_mean_of_one():
    seen = []

    def loss(logits, labels, weights):
        seen.append(weights)
        return ((logits - labels).square() * weights).mean()

    features, labels = table(300)
    trained(TableExamples(features, labels, weights=np.arange(300)), loss)
    assert seen[0].shape == (300, 2)
    assert seen[0].mean().item() == pytest.approx(1.0)
    seconds = WatchTimeExamples(features, labels * 30, weights=np.arange(300))
    trained(seconds, loss)
    assert seen[-1].mean().item() == pytest.approx(1.0)


def test_streamed_rows_have_weights_too(tmp_path):
    features, labels = table(300)
    weights = np.random.default_rng(0).random(300)
    with ParquetWriter(tmp_path / "rows.parquet", TARGETS, row_group=70) as writer:
        writer.write(features[:150], labels[:150], weights[:150])
        writer.write(features[150:], labels[150:], weights[150:])
        with pytest.raises(ValueError, match="all parts have weights or none"):
            writer.write(features, labels)
    streamed = ParquetRows(tmp_path)
    assert streamed.weighted
    read = torch.cat([batch[3] for batch in streamed.batches(64)])
    np.testing.assert_array_equal(read.numpy(), weights.astype(np.float32))
    (_, loss), (_, expected) = (
        trained(rows) for rows in (streamed, TableExamples(features, labels, weights=weights))
    )
    assert loss == pytest.approx(expected, rel=1e-5)


def test_a_run_with_other_weights_is_another_run(tmp_path):
    features, labels = table(100)
    kept = tmp_path / "run.checkpoint"
    trained(TableExamples(features, labels, weights=np.full(100, 2.0)), checkpoint=kept)
    with pytest.raises(ValueError, match="belongs to a run with rows_checksum"):
        trained(TableExamples(features, labels, weights=np.arange(100)), checkpoint=kept)


def test_weights_that_make_no_sense():
    features, labels = table(100)
    for bad, message in (
        (np.ones(99), r"weights must have the shape \(100,\), one per row, got \(99,\)"),
        (-np.ones(100), "weights must be at least 0"),
        (np.zeros(100), "weights must not be all 0"),
        (np.full(100, np.nan), "weights must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            TableExamples(features, labels, weights=bad)
    with pytest.raises(ValueError, match=r"loss must take weights=\.\.\., as the examples have weights"):
        trained(TableExamples(features, labels, weights=np.ones(100)), lambda z, y: (z - y).square().mean())
    only_unclicked = np.where(labels[:, 0] == 1, 0.0, 1.0)
    with pytest.raises(ValueError, match="weights must leave rows to learn every target from"):
        trained(TableExamples(features, labels, weights=only_unclicked))
