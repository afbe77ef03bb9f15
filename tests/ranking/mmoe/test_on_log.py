"""MMoE in the course's fit loop, in place of the shared bottom."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ranking.logs import FeatureEncoder
from ranking.mmoe import EmbeddedMMoE
from ranking.multi_task import FeatureEmbedding, WeightedCrossEntropy, base_rates
from ranking.simulator import simulate_log
from ranking.training import TableExamples, fit, predict_logits, seeded

TARGETS = ("click", "like")


@pytest.fixture(scope="module")
def parts():
    log = simulate_log(4_000, seed=0).with_statistics()
    train, test = log.split(0.8, 0.2)
    return train, test, FeatureEncoder().fit(train)


def build(encoder: FeatureEncoder, **settings) -> EmbeddedMMoE:
    with seeded(0):
        embedding = FeatureEmbedding(encoder.cardinalities, len(encoder.columns))
        return EmbeddedMMoE(embedding, TARGETS, **settings)


@pytest.mark.parametrize(
    "settings", [{}, {"gates": "none", "experts": 1}, {"gates": "one", "mask_rate": 0.0}]
)
def test_fit_log_trains_it(parts, settings):
    train, test, encoder = parts
    model = build(encoder, **settings)
    before = {name: value.clone() for name, value in model.named_parameters()}
    history = fit(
        model,
        TableExamples.of(train, encoder, model.targets),
        WeightedCrossEntropy(TARGETS),
        seed=0,
        epochs=2,
        held_out=TableExamples.of(test, encoder, model.targets),
    )
    assert history.validation_loss[-1] < 1.3  # untrained 2 ln 2
    assert history.train_loss[1] < history.train_loss[0]
    assert all(not torch.equal(before[name], value) for name, value in model.named_parameters())
    logits = predict_logits(model, encoder.transform(test))
    assert logits.shape == (len(test), 2)
    assert np.isfinite(logits).all()


def test_a_step_under_autocast_is_the_same_up_to_its_precision(parts):
    train, _, encoder = parts
    ids, dense, labels = next(TableExamples.of(train, encoder, TARGETS).batches(256))
    results = []
    for enabled in (False, True):
        model, loss = build(encoder), WeightedCrossEntropy(TARGETS)
        torch.manual_seed(0)  # of the masks
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            value = loss(model.train()(ids, dense), labels)
        value.backward()
        results.append((value, [part.grad for part in model.parameters()]))
    for exact, coarse in zip(*results, strict=True):
        torch.testing.assert_close(coarse, exact, rtol=0.05, atol=5e-3)


def test_the_same_seed_gives_the_same_model(parts):
    train, _, encoder = parts
    models = [build(encoder, mask_rate=0.5) for _ in range(2)]
    for model in models:
        fit(model, TableExamples.of(train, encoder, model.targets), WeightedCrossEntropy(TARGETS), seed=3)
    for first, second in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(first, second)


def test_a_run_goes_on_from_its_checkpoint(parts, tmp_path):
    train, _, encoder = parts
    features, labels = encoder.transform(train), train.labels(TARGETS)
    whole, stopped = build(encoder), build(encoder)
    loss = WeightedCrossEntropy(TARGETS)
    fit(whole, TableExamples(features, labels), loss, seed=0, epochs=2)

    class Stops(WeightedCrossEntropy):
        calls = 0

        def forward(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            if self.calls == 20:
                raise KeyboardInterrupt
            return super().forward(logits, y)

    path = tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        fit(
            stopped,
            TableExamples(features, labels),
            Stops(TARGETS),
            seed=0,
            epochs=2,
            checkpoint=path,
            checkpoint_every=7,
        )
    fit(stopped, TableExamples(features, labels), loss, seed=0, epochs=2, checkpoint=path)
    for first, second in zip(whole.parameters(), stopped.parameters(), strict=True):
        assert torch.equal(first, second)


def test_gate_weights_of_rows(parts):
    _, test, encoder = parts
    gates = build(encoder).gate_weights(*encoder.transform(test).to_tensors())
    assert gates.shape == (len(test), 2, 3)
    torch.testing.assert_close(gates.sum(-1), torch.ones(len(test), 2))


@pytest.mark.parametrize("targets", ["click", (), ("click", "click")])
def test_targets_that_are_no_names(parts, targets):
    with pytest.raises(ValueError, match="targets must be names of targets"):
        EmbeddedMMoE(FeatureEmbedding((3,), 1), targets)


@pytest.mark.parametrize("name", ["inputs", "tasks", "seeds"])
def test_settings_that_others_decide(name):
    settings = {name: 2}
    with pytest.raises(ValueError, match=f"{name} must be left out"):
        EmbeddedMMoE(FeatureEmbedding((3,), 1), TARGETS, **settings)


def test_heads_start_at_the_base_rates_of_the_labels(parts):
    train, test, encoder = parts
    rates = base_rates(train.labels(TARGETS), TARGETS)
    model, plain = build(encoder, base_rates=rates), build(encoder)
    assert model.network.base_rates == tuple(rates.values())
    reverse = build(encoder, base_rates={name: rates[name] for name in TARGETS[::-1]})
    assert reverse.network.base_rates == model.network.base_rates
    examples, loss = TableExamples.of(train, encoder, TARGETS), WeightedCrossEntropy(TARGETS)
    before = [fit(one, examples, loss, seed=0, epochs=1).train_loss[0] for one in (plain, model)]
    assert before[1] < before[0]
    p = 1 / (1 + np.exp(-predict_logits(model, encoder.transform(test))))
    assert abs(p[:, 0].mean() / test.rows["click"].mean() - 1) < 0.3
    with pytest.raises(ValueError, match="base_rates must be one of 'click', 'like', got 'clicks'"):
        build(encoder, base_rates={"clicks": 0.1, "like": 0.04})
