"""Impressions as one matrix: the right numbers in the right columns, judged by the truth."""

import numpy as np
import pytest

from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder
from ranking.mmoe.examples import SMALL_FIELDS, dense_examples, gate_examples
from ranking.simulator import simulate_log


@pytest.fixture(scope="module")
def log():
    return simulate_log(20_000, seed=1, n_users=500, n_items=2_000, n_authors=200).with_statistics()


@pytest.fixture(scope="module")
def encoder(log):
    return FeatureEncoder().fit(log)


@pytest.fixture(scope="module")
def examples(log, encoder):
    return dense_examples(log, encoder)


def test_columns_are_those_of_the_encoder_and_of_the_small_fields(log, encoder, examples):
    table = encoder.transform(log)
    for name, values in zip(examples.columns, examples.inputs.T, strict=True):
        if name in table.columns:
            np.testing.assert_array_equal(values, table.dense[:, table.columns.index(name)])
        else:
            field, code = name.split()
            expected = table.categorical[:, table.fields.index(field)] == int(code)
            np.testing.assert_array_equal(values, expected)
    assert examples.inputs.dtype == np.float32
    ones = [name for name in examples.columns if name.split()[0] in SMALL_FIELDS]
    assert examples.inputs[:, [examples.columns.index(name) for name in ones]].sum() == 3 * len(log)


def test_raw_counts_take_the_place_of_their_logarithms(log, encoder, examples):
    raw = dense_examples(log, encoder, raw_counts=True)
    changed = [b for a, b in zip(examples.columns, raw.columns, strict=True) if a != b]
    expected = [f"{key}_{what}" for key in ("user", "item") for what in ("impressions", "clicks", "likes")]
    assert changed == expected
    for name, before, values in zip(raw.columns, examples.inputs.T, raw.inputs.T, strict=True):
        np.testing.assert_array_equal(values, log.rows[name] if name in changed else before)


def test_likes_mean_something_after_a_click_only(log, examples):
    np.testing.assert_array_equal(examples.labels[:, 1], log.label("like"))
    np.testing.assert_array_equal(examples.label_mask[:, 0], np.ones(len(log)))
    np.testing.assert_array_equal(examples.label_mask[:, 1], log.label("click"))


def test_log_loss_is_that_of_many_draws(examples):
    rng = np.random.default_rng(0)
    logits = rng.normal(-2.0, 1.0, (3, *examples.truth.shape))  # (seeds, rows, targets)
    found = examples.log_loss(logits)
    p = 1 / (1 + np.exp(-logits[1]))
    click, like = examples.truth.T
    assert found[1, 0] == pytest.approx(metrics.log_loss(click, p[:, 0]))
    expected = np.average(metrics.cross_entropy(like, p[:, 1]), weights=click)
    assert found[1, 1] == pytest.approx(expected)
    assert np.isfinite(examples.log_loss(np.full_like(logits, 800.0))).all()


def test_the_truth_has_the_smallest_loss(examples):
    best = np.log(examples.truth / (1 - examples.truth))
    assert (examples.log_loss(best) < examples.log_loss(best + 0.1)).all()
    assert (examples.log_loss(best) < examples.log_loss(best - 0.1)).all()


def test_the_gap_closed_is_0_for_the_best_constant_and_1_for_the_truth(examples):
    click, like = examples.truth.T
    best = np.array([click.mean(), np.average(like, weights=click)])  # of likes among the clicked
    constant = np.broadcast_to(np.log(best / (1 - best)), examples.truth.shape)
    truth = np.log(examples.truth / (1 - examples.truth))
    found = examples.gap_closed(np.stack([constant, truth, constant + 0.1]))
    np.testing.assert_allclose(found[:2], [[0.0, 0.0], [1.0, 1.0]], atol=1e-9)
    assert (found[2] < 0).all()
    assert examples.bounds()[0] == pytest.approx(-(best * np.log(best) + (1 - best) * np.log(1 - best)))


def test_base_rates_are_of_the_labels_that_count(examples):
    clicked = examples.labels[:, 0] == 1
    expected = [clicked.mean(), examples.labels[clicked, 1].mean()]
    np.testing.assert_allclose(examples.base_rates, expected, rtol=1e-6)


def test_the_setting_of_chapter_4():
    train, test = gate_examples(seed=0, rows=500, held_out=200)
    assert (len(train), len(test)) == (500, 200)
    assert train.columns == test.columns
    assert len(train.columns) == 21
    again, _ = gate_examples(seed=0, rows=500, held_out=200)
    np.testing.assert_array_equal(train.inputs, again.inputs)


def test_bad_arguments(log, encoder, examples):
    with pytest.raises(ValueError, match="targets must begin with 'click'"):
        dense_examples(log, encoder, targets=("like", "click"))
    with pytest.raises(ValueError, match="targets must begin with 'click'"):
        dense_examples(log, encoder, targets=("click", "click"))
    with pytest.raises(ValueError, match="targets must be one of"):
        dense_examples(log, encoder, targets=("click", "hate"))
    with pytest.raises(ValueError, match=r"logits must have shape \(\.\.\., 20000, 2\)"):
        examples.log_loss(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="rows must be at most"):
        gate_examples(rows=1_000_000)
