"""Heads of the multi-objective model that start at the base rate, and that rate from labels."""

import numpy as np
import pytest
import torch

from ranking.logs import FeatureEncoder
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy, base_rates, seeded
from ranking.simulator import simulate_log
from ranking.training import TableExamples, fit, predict_logits

TARGETS = ("click", "like")
RATES = (0.1, 0.04)
LABELS = np.array([[1, 1], [1, 0], [1, 0], [1, 0], [0, 1], [0, 0], [0, 0], [0, 0]])


def build(rates=None, **settings) -> MultiTaskModel:
    with seeded(0):
        return MultiTaskModel((5, 7), 3, TARGETS, base_rates=rates, **settings)


def some_rows(rows: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.stack([torch.randint(0, n, (rows,), generator=generator) for n in (5, 7)], dim=1)
    return ids, torch.randn(rows, 3, generator=generator)


@pytest.mark.parametrize("rates", [RATES, np.array(RATES), {"like": 0.04, "click": 0.1}])
@pytest.mark.parametrize("tower", [(), (4, 3)])
def test_heads_start_there_and_all_else_as_without(rates, tower):
    model, plain = build(rates, tower=tower), build(tower=tower)
    assert model.base_rates == RATES
    assert plain.base_rates is None
    last = 2 * len(tower)
    for (name, own), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        if name in (f"towers.0.{last}.bias", f"towers.1.{last}.bias"):
            assert not torch.equal(own, other)
        else:
            assert torch.equal(own, other), name
    with torch.no_grad():
        near = torch.sigmoid(model(*some_rows())).mean(dim=0)  # (targets,)
        for head in model.towers:
            head[-1].weight.zero_()
        exact = torch.sigmoid(model(*some_rows()))  # (rows, targets)
    torch.testing.assert_close(near, torch.tensor(RATES), rtol=0.35, atol=0.0)
    torch.testing.assert_close(exact, torch.tensor(RATES).expand_as(exact), rtol=1e-5, atol=0.0)


def test_the_random_state_afterwards_is_that_without():
    drawn = []
    for rates in (None, RATES):
        torch.manual_seed(0)
        MultiTaskModel((5, 7), 3, TARGETS, base_rates=rates)
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


def test_training_from_there_needs_fewer_steps():
    log = simulate_log(4_000, seed=0)
    encoder = FeatureEncoder().fit(log)
    examples, loss = TableExamples.of(log, encoder, TARGETS), WeightedCrossEntropy(TARGETS)
    models = {
        rates is None: MultiTaskModel.of(encoder, TARGETS, seed=0, base_rates=rates)
        for rates in (None, base_rates(log.labels(TARGETS), TARGETS))
    }
    losses = {
        plain: fit(model, examples, loss, seed=0, epochs=1).train_loss[0] for plain, model in models.items()
    }
    assert losses[False] < 0.9 * losses[True]
    p = 1 / (1 + np.exp(-predict_logits(models[False], encoder.transform(log))[:, 0]))
    assert abs(p.mean() / log.rows["click"].mean() - 1) < 0.2


def test_a_checkpoint_belongs_to_where_the_heads_started(tmp_path):
    log = simulate_log(400, seed=0, click_rate=0.3, like_rate=0.3)
    encoder = FeatureEncoder().fit(log)
    examples, loss = TableExamples.of(log, encoder, TARGETS), WeightedCrossEntropy(TARGETS)
    options = {"seed": 0, "epochs": 1, "checkpoint": tmp_path / "run.checkpoint"}
    fit(MultiTaskModel.of(encoder, TARGETS, base_rates=RATES), examples, loss, **options)
    for other in (None, (0.1, 0.05)):
        with pytest.raises(ValueError, match="model"):
            fit(MultiTaskModel.of(encoder, TARGETS, base_rates=other), examples, loss, **options)
    assert "base_rates" not in repr(build())


def test_rates_are_those_of_the_rows_that_count():
    assert base_rates(LABELS, TARGETS) == {"click": 0.5, "like": 0.25}
    assert base_rates(torch.tensor(LABELS), TARGETS) == {"click": 0.5, "like": 0.25}
    assert base_rates(LABELS, TARGETS, masked=False) == {"click": 0.5, "like": 0.25}
    assert base_rates(LABELS[:5], TARGETS) == {"click": 0.8, "like": 0.25}
    assert base_rates(LABELS[:5], TARGETS, masked=False) == {"click": 0.8, "like": 0.4}
    assert base_rates(LABELS[:5], TARGETS, given_click=()) == {"click": 0.8, "like": 0.4}
    played = np.where(LABELS == 1, [1.0, 0.5], 0.0)  # labels between 0 and 1, such as shares played
    assert base_rates(played, ("click", "played"), given_click=("played",)) == {"click": 0.5, "played": 0.125}


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ((0.1,), "base_rates must be one per target, 2, got 1"),
        ((0.1, 0.0), r"base_rates\['like'\] must be in \(0, 1\), got 0.0"),
        ((1, 0.5), r"base_rates\['click'\] must be in \(0, 1\), got 1.0"),
        ((0.1, float("nan")), r"base_rates\['like'\] must be finite, got nan"),
        ({"click": 0.1}, "base_rates must name every target, it lacks like"),
        ({"click": 0.1, "like": 0.1, "likes": 0.1}, "base_rates must be one of 'click', 'like', got 'likes'"),
        ("ab", "base_rates must be a list or tuple, got 'ab'"),
    ],
)
def test_rates_at_which_no_head_can_start(rates, message):
    with pytest.raises(ValueError, match=message):
        build(rates)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (LABELS[:4] * [1, 0], {}, r"labels of click must have a mean in \(0, 1\) .*got only 1 in 4 rows"),
        (LABELS * [1, 0], {}, "labels of like must .* got only 0 in 4 rows"),
        (LABELS * [0, 1], {}, "labels of click must .* got only 0 in 8 rows"),
        (LABELS[:, :1], {}, r"labels must have shape \(rows, 2\), got \(8, 1\)"),
        (LABELS[:0], {}, "labels must not be empty"),
        (LABELS * 2, {}, r"labels must be in \[0, 1\], got 2"),
        (LABELS, {"masked": 1}, "masked must be True or False, got 1"),
    ],
)
def test_labels_without_a_rate(labels, options, message):
    with pytest.raises(ValueError, match=message):
        base_rates(labels, TARGETS, **options)


def test_rates_given_a_click_need_clicks():
    with pytest.raises(ValueError, match="targets must contain 'click'"):
        base_rates(LABELS, ("effective_view", "like"))
    assert base_rates(LABELS, ("effective_view", "like"), masked=False) == {
        "effective_view": 0.5,
        "like": 0.25,
    }
