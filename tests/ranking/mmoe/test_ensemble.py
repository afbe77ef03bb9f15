"""Many seeds trained at once: every member does what it would do alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ranking import mmoe
from ranking.mmoe import MMoE, train_ensemble

ROWS, INPUTS = 300, 5
CURES = {
    "nothing": ({"mask_rate": 0.0}, {}),
    "renormalised": ({"mask_rate": 0.3}, {}),
    "dropout": ({"mask_rate": 0.3, "masking": "dropout"}, {}),
    "epsilon": ({"mask_rate": 0.3, "masking": "epsilon"}, {}),
    "entropy": ({"mask_rate": 0.0}, {"entropy_bonus": 0.1}),
    "balance": ({"mask_rate": 0.0}, {"load_balancing": 0.1}),
    "all": ({"mask_rate": 0.3}, {"load_balancing": 0.1, "entropy_bonus": 0.1}),
}


def data(rows: int = ROWS, members: int | None = None, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (rows,) if members is None else (members, rows)
    x = torch.randn(*shape, INPUTS, generator=generator)
    truth = torch.stack([x[..., 0] + x[..., 1], torch.sin(2 * x[..., 0]) - x[..., 2]], dim=-1)
    return x, (torch.rand(truth.shape, generator=generator) < torch.sigmoid(truth)).float()


def build(seeds, seed: int = 0, **settings) -> MMoE:
    torch.manual_seed(seed)
    return MMoE(INPUTS, seeds=seeds, expert=(8, 6), gate=(5,), tower=(4,), **settings)


@pytest.mark.parametrize(("cure", "own_rows"), [*((cure, False) for cure in CURES), ("all", True)])
def test_every_member_is_the_single_model_trained_alone(cure, own_rows):
    seeds, (settings, penalties) = (2, 7, 5), CURES[cure]
    x, y = data(members=3 if own_rows else None)
    options = {"steps": 55, "batch_size": 16, "learning_rate": 0.02, "record_at": (0, 55), **penalties}
    ensemble = build(seeds, **settings)
    together = train_ensemble(ensemble, x, y, held_out=(x, y), keep_gates=7, **options)
    for number, seed in enumerate(seeds):
        single = build(None, seed=seed, **settings)
        rows = (x[number], y[number]) if own_rows else (x, y)
        alone = train_ensemble(single, *rows, held_out=rows, keep_gates=7, seeds=(seed,), **options)
        for own, all_members in zip(single.parameters(), ensemble.parameters(), strict=True):
            torch.testing.assert_close(own[0], all_members[number], rtol=1e-3, atol=2e-4)
        close = {"rtol": 1e-3, "atol": 2e-4}
        np.testing.assert_allclose(alone.utilisation[:, 0], together.utilisation[:, number], **close)
        np.testing.assert_allclose(alone.held_out_loss[:, 0], together.held_out_loss[:, number], **close)
        np.testing.assert_allclose(alone.gates[:, 0], together.gates[:, number], **close)
        np.testing.assert_allclose(alone.train_loss[:, 0], together.train_loss[:, number], **close)


@pytest.mark.parametrize("loss", ["cross entropy", "squared error"])
def test_training_under_autocast_goes_the_same_way(loss):
    """Half precision moves the steps, but losses are computed, and gates recorded, in single precision."""
    x, y = data()
    options = {"steps": 40, "batch_size": 64, "loss": loss, "entropy_bonus": 0.1, "load_balancing": 0.1}
    runs = []
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            model = build((1, 2), mask_rate=0.2)
            runs.append(
                train_ensemble(model, x, y, held_out=(x, y), record_at=(0, 40), keep_gates=3, **options)
            )
    exact, coarse = runs
    np.testing.assert_allclose(coarse.held_out_loss, exact.held_out_loss, atol=0.01)
    np.testing.assert_allclose(coarse.utilisation, exact.utilisation, atol=0.02)
    np.testing.assert_allclose(coarse.train_loss, exact.train_loss, atol=0.02)


def test_members_differ_and_learn():
    x, y = data()
    run = train_ensemble(build(range(4)), x, y, steps=200, batch_size=64, held_out=(x, y), record_at=(0, 200))
    before, after = run.held_out_loss.sum(axis=2)
    assert (after < before - 0.2).all()
    assert len(np.unique(after)) == 4
    assert run.train_loss[-50:].mean() < run.train_loss[:20].mean()


def test_one_step_is_adam_on_the_batch_by_hand():
    """With one row there is only one batch to draw: a step can be repeated outside."""
    x, y = data(rows=1)
    model = build((4,), mask_rate=0.0)
    by_hand = model.member(0)
    train_ensemble(model, x, y, steps=1, batch_size=3, learning_rate=0.1)
    F.binary_cross_entropy_with_logits(by_hand(x), y, reduction="sum").backward()
    torch.optim.Adam(by_hand.parameters(), lr=0.1).step()
    for own, ensemble in zip(by_hand.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(own, ensemble)


def test_steps_of_another_optimiser_and_of_a_schedule_by_hand():
    """With one row there is only one batch to draw; after one of two steps, half a cosine leaves a half."""
    x, y = data(rows=1)
    model = build((4,), mask_rate=0.0)
    by_hand = model.member(0)
    made = []

    def sgd(model, rate):
        made.append(rate)
        return torch.optim.SGD(model.parameters(), rate)

    train_ensemble(model, x, y, steps=2, batch_size=3, learning_rate=0.5, schedule="cosine", optimiser=sgd)
    for rate in (0.5, 0.25):
        by_hand.zero_grad()
        F.binary_cross_entropy_with_logits(by_hand(x), y, reduction="sum").backward()
        with torch.no_grad():
            for parameter in by_hand.parameters():
                parameter -= rate * parameter.grad
    assert made == [0.5]
    for own, ensemble in zip(by_hand.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(own, ensemble)


def test_parameters_may_have_rates_of_their_own_or_be_left_out():
    """A schedule scales each rate; what no optimiser holds stays as it was drawn."""
    x, y = data(rows=1)
    model = build((4,), mask_rate=0.0)
    before = copy.deepcopy(model)

    def adam(model, rate):
        slow = {"params": list(model.gate_networks.parameters()), "lr": 0.1 * rate}
        return torch.optim.Adam([slow, {"params": list(model.towers.parameters())}], lr=rate)

    train_ensemble(model, x, y, steps=1, schedule="cosine", learning_rate=0.1, optimiser=adam)

    def longest(name):
        pairs = zip(getattr(model, name).parameters(), getattr(before, name).parameters(), strict=True)
        return max((now - was).abs().max().item() for now, was in pairs)

    assert longest("expert_networks") == 0.0
    assert longest("gate_networks") == pytest.approx(0.01, rel=0.01)  # Adam's first steps are its rate
    assert longest("towers") == pytest.approx(0.1, rel=0.01)


def test_what_is_recorded():
    x, y = data(50)
    model = build(range(3))
    run = train_ensemble(model, x, y, steps=10, held_out=(x[:20], y[:20]), record_at=[0, 4, 10], keep_gates=6)
    np.testing.assert_array_equal(run.steps, [0, 4, 10])
    assert run.utilisation.shape == (3, 3, 2, 3)
    assert run.held_out_loss.shape == (3, 3, 2)
    assert run.gates.shape == (3, 3, 6, 2, 3)
    assert run.gates.dtype == np.float32
    assert run.train_loss.shape == (10, 3)
    gates = model.gate_weights(x[:20])
    np.testing.assert_allclose(run.gates[-1], gates[:, :6], rtol=1e-5)
    np.testing.assert_allclose(run.utilisation[-1], mmoe.utilisation(gates), rtol=1e-5)
    logits = model(x[:20])
    losses = F.binary_cross_entropy_with_logits(logits, y[:20].expand_as(logits), reduction="none")
    np.testing.assert_allclose(run.held_out_loss[-1], losses.mean(dim=1).detach(), rtol=1e-5)
    assert not model.training


def test_recording_in_parts_is_recording_at_once(monkeypatch):
    x, y = data(50)
    runs = []
    for size in (2**16, 21):
        monkeypatch.setattr("ranking.mmoe.ensemble.ROWS_AT_ONCE", size)
        runs.append(
            train_ensemble(build(range(3)), x, y, steps=3, held_out=(x, y), keep_gates=30, record_at=(1, 3))
        )
    for name in ("utilisation", "held_out_loss", "gates"):
        np.testing.assert_allclose(getattr(runs[0], name), getattr(runs[1], name), rtol=1e-5)


def test_recording_changes_nothing():
    x, y = data(50)
    quiet, watched = build(range(2)), build(range(2))
    empty = train_ensemble(quiet, x, y, steps=5)
    train_ensemble(watched, x, y, steps=5, held_out=(x, y), record_at=range(6), keep_gates=2)
    for first, second in zip(quiet.parameters(), watched.parameters(), strict=True):
        assert torch.equal(first, second)
    assert empty.gates is None
    assert len(empty.steps) == len(empty.utilisation) == 0


def test_without_record_at_the_end_is_recorded():
    x, y = data(50)
    assert train_ensemble(build(range(2)), x, y, steps=5, held_out=(x, y)).steps.tolist() == [5]


def test_real_targets():
    x, _ = data()
    y = torch.stack([x[:, 0], x[:, 1] - x[:, 2]], dim=1)
    model = build(range(3), mask_rate=0.0)
    run = train_ensemble(model, x, y, steps=300, loss="squared error", held_out=(x, y), record_at=(0, 300))
    assert (run.held_out_loss[1] < 0.3 * run.held_out_loss[0]).all()
    np.testing.assert_allclose(run.held_out_loss[1], ((model(x) - y) ** 2).mean(dim=1).detach(), rtol=1e-4)


def test_labels_that_mean_nothing_teach_nothing():
    x, y = data()
    mask = torch.ones_like(y)
    mask[::2, 1] = 0
    wrong = torch.where(mask == 1, y, 1 - y)
    models = [build(range(2)), build(range(2))]
    for model, labels in zip(models, (y, wrong), strict=True):
        train_ensemble(model, x, labels, steps=20, label_mask=mask)
    for first, second in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(first, second)


def test_a_task_without_labels_in_a_batch():
    x, y = data()
    mask = torch.ones_like(y)
    mask[3:, 1] = 0
    with pytest.raises(ValueError, match="task 1 has none at step 1 for member 0; take a larger batch_size"):
        train_ensemble(build(range(2)), x, y, steps=20, batch_size=2, label_mask=mask)


def test_a_loss_that_explodes():
    x, _ = data()
    with pytest.raises(ValueError, match=r"the loss of seeds \[3, 4\] is not finite .* lower learning_rate"):
        train_ensemble(
            build((3, 4)), x, torch.full((ROWS, 2), 1e38), steps=5, loss="squared error", learning_rate=1.0
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1"),
        ({"batch_size": 0}, "batch_size must be a whole number"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"schedule": "linear"}, "schedule must be one of 'constant', 'cosine', got 'linear'"),
        ({"optimiser": "adam"}, "optimiser must be a function, got 'adam'"),
        ({"optimiser": lambda model, rate: rate}, "what optimiser returns must be an Optimizer, got float"),
        ({"loss": "hinge"}, "loss must be one of 'cross entropy', 'squared error', got 'hinge'"),
        ({"entropy_bonus": -1.0}, "entropy_bonus must be at least 0"),
        ({"load_balancing": float("nan")}, "load_balancing must be finite"),
        ({"inputs": torch.zeros(ROWS, 4)}, r"inputs must have shape \(rows, 5\) or \(2, rows, 5\)"),
        ({"inputs": torch.zeros(3, ROWS, 5)}, "inputs must have shape"),
        ({"inputs": torch.full((ROWS, 5), float("nan"))}, "inputs must be finite"),
        ({"inputs": torch.zeros(7, 5)}, "inputs and labels must have one number of rows, got 7 and 300"),
        ({"labels": torch.zeros(ROWS, 3)}, r"labels must have shape \(rows, 2\)"),
        ({"labels": torch.full((ROWS, 2), 0.5)}, "labels must hold only 0 and 1"),
        ({"labels": torch.full((ROWS, 2), float("nan"))}, "labels must be finite"),
        ({"label_mask": torch.ones(ROWS, 3)}, r"label_mask must have shape \(rows, 2\) or \(2, rows, 2\)"),
        ({"label_mask": torch.ones(7, 2)}, r"label_mask must have the shape of labels, \(1, 300, 2\)"),
        ({"label_mask": torch.full((ROWS, 2), 0.5)}, "label_mask must hold only 0 and 1"),
        ({"held_out": None, "record_at": (1,)}, "held_out must be given to record anything"),
        ({"held_out": (torch.zeros(4, 5), torch.zeros(4, 1))}, "held_out labels must have shape"),
        ({"record_at": (3, 2)}, "record_at must be rising step numbers"),
        ({"record_at": (6,)}, "record_at must be from 0 to 5, got 6"),
        ({"keep_gates": -1}, "keep_gates must be from 0 to 300, got -1"),
        ({"keep_gates": ROWS + 1}, "keep_gates must be from 0 to 300, got 301"),
        ({"inputs": np.zeros((ROWS, 5))}, "inputs must be a tensor, got ndarray"),
        ({"held_out": ([[0.0] * 5], torch.zeros(1, 2))}, "held_out inputs must be a tensor, got list"),
        ({"label_mask": np.ones((ROWS, 2))}, "label_mask must be a tensor, got ndarray"),
        ({"seeds": (1,)}, "seeds must be given, one for each of 2 members"),
    ],
)
def test_bad_input(change, message):
    x, y = data()
    arguments = {"inputs": x, "labels": y, "steps": 5, "held_out": (x, y), **change}
    with pytest.raises(ValueError, match=message):
        train_ensemble(build(range(2)), **arguments)


def test_a_single_model_needs_a_seed():
    x, y = data()
    with pytest.raises(ValueError, match="seeds must be given, one for each of 1 members, got None"):
        train_ensemble(build(None), x, y, steps=1)


def test_loss_is_the_mean_over_the_rows_that_count():
    """All rows alike: the loss of a batch is that of one row, however many have labels."""
    x, y, mask = torch.zeros(40, INPUTS), torch.ones(40, 2), torch.ones(40, 2)
    mask[::2, 1] = 0
    model = build(range(2), mask_rate=0.0)
    logits = model(x[:1])
    expected = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits), reduction="none")
    run = train_ensemble(model, x, y, steps=1, label_mask=mask)
    np.testing.assert_allclose(run.train_loss[0], expected.sum(dim=(1, 2)).detach(), rtol=1e-5)


def test_a_seed_decides_the_batches_of_its_member_alone():
    x, y = data()
    first, second = build(range(2), mask_rate=0.0), build(range(2), mask_rate=0.0)
    for model, seeds in ((first, (1, 2)), (second, (1, 3))):
        train_ensemble(model, x, y, steps=5, seeds=seeds)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one[0], other[0])
    assert any(
        not torch.allclose(a[1], b[1]) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
