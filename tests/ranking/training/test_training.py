"""The fit loop: seeds, averaging, early stopping, checkpoints, several processes, bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_script import TARGETS, table

from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, FeatureTable
from ranking.multi_task import MultiTaskModel, UncertaintyWeighting, WeightedCrossEntropy
from ranking.simulator import World, WorldConfig
from ranking.training import History, TableExamples, WatchTimeExamples, fit, predict_logits, seeded
from ranking.training.checkpoints import load_checkpoint, save_checkpoint
from ranking.training.parquet import ParquetRows, ParquetWriter
from ranking.training.processes import Processes
from ranking.training.run import Objective, Run

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("training_script.py")
LOSS = WeightedCrossEntropy(TARGETS)


def new_model(seed: int = 0, targets=TARGETS) -> MultiTaskModel:
    with seeded(seed):
        return MultiTaskModel((20, 30), 3, targets)


def examples(rows: int, seed: int = 0) -> TableExamples:
    features, labels = table(rows, seed)
    return TableExamples(features, labels, TARGETS)


def train(seed: int = 0, rows: int = 1_000, **settings) -> tuple[MultiTaskModel, History]:
    model = new_model()
    features, labels = table(rows)
    history = fit(model, TableExamples(features, labels), LOSS, seed=seed, **({"batch_size": 64} | settings))
    return model, history


def same_weights(one: torch.nn.Module, other: torch.nn.Module | dict[str, torch.Tensor]) -> bool:
    others = other if isinstance(other, dict) else other.state_dict()
    return all(torch.equal(value, others[name]) for name, value in one.state_dict().items())


# Seeds and averaging


def test_same_seed_same_weights_other_seed_other_weights():
    assert same_weights(train(seed=3)[0], train(seed=3)[0])
    assert not same_weights(train(seed=3)[0], train(seed=4)[0])


def test_outer_random_state_is_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(seed=3)
    new_model(5)
    assert torch.equal(torch.rand(3), expected)


def test_one_step_is_one_step_of_adamw():
    features, labels = table(64)
    ours, theirs = new_model(), new_model()
    fit(ours, TableExamples(features, labels), LOSS, seed=0, batch_size=64, learning_rate=0.01, average=0.0)
    optimiser = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.0)
    LOSS(theirs(*features.to_tensors()), torch.from_numpy(labels)).backward()
    optimiser.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_weights_at_the_end_are_the_mean_over_the_last_steps():
    seen = []

    class Watched(MultiTaskModel):
        def forward(self, categorical, dense):
            if self.training:
                seen.append({name: value.clone() for name, value in self.state_dict().items()})
            return super().forward(categorical, dense)

    features, labels = table(640)
    with seeded(0):
        model = Watched((20, 30), 3, TARGETS)
    fit(model, TableExamples(features, labels), LOSS, seed=0, batch_size=64, average=0.0)
    last = {name: value.clone() for name, value in model.state_dict().items()}
    after_steps = [*seen[1:], last]  # weights after each of the ten steps
    seen.clear()
    with seeded(0):
        model = Watched((20, 30), 3, TARGETS)
    fit(model, TableExamples(features, labels), LOSS, seed=0, batch_size=64, average=0.4)
    for name, value in model.state_dict().items():
        mean = torch.stack([weights[name].double() for weights in after_steps[6:]]).mean(dim=0)
        torch.testing.assert_close(value.double(), mean, rtol=1e-5, atol=1e-7)


def test_averages_are_those_of_torchs_averaged_model_bit_for_bit():
    """Buffers included, which follow the model and are not averaged."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5))
    settings = {"learning_rate": 0.1, "weight_decay": 0.0, "epochs": 1, "batch_size": 1, "average": 1.0}
    settings |= {"seed": 0, "patience": None}
    run = Run(Objective(model, LOSS), settings, 9, None, Processes(0, 1))
    swa = torch.optim.swa_utils
    theirs = swa.AveragedModel(model, multi_avg_fn=swa.get_swa_multi_avg_fn())
    for _ in range(9):
        model(torch.randn(8, 3))
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight))
        run.add_to_average()
        theirs.update_parameters(model)
    assert same_weights(theirs.module, run.mean)


def test_history_of_three_epochs():
    model, history = train(epochs=3, held_out=examples(300, seed=1))
    assert len(history.train_loss) == len(history.validation_loss) == 3
    assert (history.rows, history.steps, history.best_epoch) == (1_000, 48, 2)
    assert history.train_loss[2] < history.train_loss[0]
    assert history.seconds > 0
    assert not model.training


def test_held_out_loss_is_the_loss_of_the_held_out_rows():
    features, labels = table(300, seed=1)
    model, history = train(held_out=TableExamples(features, labels), average=0.0)
    with torch.no_grad():
        own = LOSS(model(*features.to_tensors()), torch.from_numpy(labels))
    assert history.validation_loss[-1] == pytest.approx(own.item(), rel=1e-5)


@pytest.mark.parametrize("batch_size", [8, 64, 4_096])
def test_history_holds_the_mean_over_all_rows_that_count_whatever_the_batches(batch_size):
    """Likes are counted given click: batches of eight often hold one clicked row, or none."""
    features, labels = table(500)
    model, loss = new_model(), WeightedCrossEntropy(TARGETS, {"click": 0.0})
    rows, still = TableExamples(features, labels), {"learning_rate": 1e-12, "seed": 0}
    history = fit(model, rows, loss, batch_size=batch_size, held_out=rows, **still)
    with torch.no_grad():
        truth = loss(model(*features.to_tensors()), torch.from_numpy(labels)).item()
    assert history.validation_loss[-1] == pytest.approx(truth, rel=1e-6)
    assert history.train_loss[-1] == pytest.approx(truth, rel=1e-6)


def test_a_loss_with_a_forward_of_its_own_is_taken_at_its_word():
    class Doubled(WeightedCrossEntropy):
        def forward(self, logits, labels, weights=None):
            return 2 * super().forward(logits, labels, weights)

    once, twice = (
        fit(new_model(), examples(64), loss, seed=0, batch_size=64) for loss in (LOSS, Doubled(TARGETS))
    )
    assert twice.train_loss[0] == pytest.approx(2 * once.train_loss[0], rel=1e-6)


@pytest.mark.parametrize("rows", [65, 129])
def test_a_last_row_left_alone_joins_the_batch_before(rows, parquet):
    """A batch norm cannot learn from a batch of one row."""
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    model.forward = lambda categorical, dense: torch.nn.Sequential.forward(model, dense)
    history = fit(model, examples(rows), LOSS, seed=0, batch_size=64)
    assert (history.rows, history.steps) == (rows, rows // 64)
    sizes = [len(part[0]) for part in examples(rows).batches(64)]
    assert sum(sizes) == rows
    assert min(sizes) > 1
    streamed = ParquetRows(parquet, buffer_rows=1_500)
    sizes = [len(part[0]) for part in streamed.batches(len(streamed) - 1, torch.Generator())]
    assert sizes == [len(streamed)]


def test_stops_early_and_takes_the_best_epoch_back():
    held_out = examples(300, seed=1)
    settings = {"learning_rate": 0.05, "held_out": held_out, "rows": 300}  # fits the noise within few passes
    model, history = train(epochs=40, patience=2, **settings)
    assert len(history.validation_loss) == history.best_epoch + 3 < 40
    with torch.no_grad():
        loss = LOSS(model(held_out.categorical, held_out.dense), held_out.labels).item()
    assert loss == pytest.approx(min(history.validation_loss), rel=1e-5)


def test_loss_with_parameters_is_trained_along():
    features, labels = table(1_000)
    loss = UncertaintyWeighting(TARGETS)
    fit(new_model(), TableExamples(features, labels), loss, seed=0, batch_size=64)
    assert (loss.loss_weights != 1.0).all()


# From a log


@pytest.fixture(scope="module")
def logs():
    config = WorldConfig(
        n_users=300,
        n_items=400,
        n_authors=40,
        days=20,
        click_rate=0.3,
        like_rate=0.3,
        collect_rate=0.25,
        share_rate=0.2,
    )
    log = World.build(config, seed=0).simulate(60_000, seed=0).with_statistics()
    return log.split(0.8, 0.2)


def gains(train_log, test_log, encoder, features=None) -> np.ndarray:
    """Share of the constant's expected log loss that the model saves, by target: 0 is no better than it."""
    targets = ("click", "like", "collect", "share")
    model = MultiTaskModel.of(encoder, targets, seed=0)
    loss = WeightedCrossEntropy(targets)
    if features is None:
        fit(model, TableExamples.of(train_log, encoder, model.targets), loss, seed=0)
    else:
        fit(model, TableExamples(features, train_log.labels(targets)), loss, seed=0)
    p = 1 / (1 + np.exp(-predict_logits(model, encoder.transform(test_log))))  # (rows, targets)
    found = []
    for k, target in enumerate(targets):
        truth = test_log.truth[f"p_{target}"].to_numpy(dtype=float)
        counts = np.ones(len(truth)) if k == 0 else test_log.truth["p_click"].to_numpy(dtype=float)
        mean = np.full(truth.shape, np.average(truth, weights=counts))
        ours, constant = (
            np.average(metrics.cross_entropy(truth, q), weights=counts) for q in (p[:, k], mean)
        )
        found.append(1 - ours / constant)
    return np.array(found)


MARGIN = 0.03
"""Share of the constant predictor's log loss that a sound model saves at least, on every task."""


def test_model_beats_the_constant_on_every_task_and_a_broken_one_does_not(logs):
    encoder = FeatureEncoder().fit(logs[0])
    assert (gains(*logs, encoder) > MARGIN).all()
    shuffled = encoder.transform(logs[0])[np.random.default_rng(0).permutation(len(logs[0]))]
    assert (gains(*logs, encoder, shuffled) < MARGIN / 2).all()


def test_unseen_ids_are_counted_and_predicted_for(logs):
    train_log, test_log = logs
    encoder = FeatureEncoder().fit(train_log.select(slice(0, 2_000)))
    features = encoder.transform(test_log)
    assert features.unseen["item"] > 0
    model = MultiTaskModel(encoder.cardinalities, len(encoder.columns), ("click",))
    logits = predict_logits(model, features[features.categorical[:, features.fields.index("item")] == 0])
    assert len(logits) == features.unseen["item"]
    assert np.isfinite(logits).all()


# Streaming


@pytest.fixture
def parquet(tmp_path):
    features, labels = table(5_000)
    for part, rows in enumerate((slice(0, 3_000), slice(3_000, None))):
        with ParquetWriter(tmp_path / f"{part}.parquet", TARGETS, row_group=700) as writer:
            writer.write(features[rows][:1_000], labels[rows][:1_000])
            writer.write(features[rows][1_000:], labels[rows][1_000:])
    return tmp_path


def whole_rows(batches) -> np.ndarray:
    """All batches below each other, a row's ids, dense features and labels side by side."""
    return np.concatenate([np.concatenate([part.numpy() for part in b], axis=1) for b in batches])


def test_a_streamed_pass_gives_every_row_once(parquet):
    features, labels = table(5_000)
    expected = np.concatenate([features.categorical, features.dense, labels], axis=1)
    rows = ParquetRows(parquet, buffer_rows=1_500)
    assert (len(rows), rows.targets, rows.cardinalities) == (5_000, TARGETS, (20, 30))
    np.testing.assert_array_equal(whole_rows(rows.batches(64)), expected)
    sizes = [len(batch[0]) for batch in rows.batches(64, torch.Generator().manual_seed(0))]
    assert sizes == [64] * 78 + [8]
    shuffled = whole_rows(rows.batches(64, torch.Generator().manual_seed(0)))
    assert not np.array_equal(shuffled, expected)
    order = lambda values: values[np.lexsort(values.T)]  # noqa: E731
    np.testing.assert_array_equal(order(shuffled), order(expected))


def test_streaming_holds_only_a_few_row_groups_at_a_time(parquet, monkeypatch):
    rows = ParquetRows(parquet, buffer_rows=1_000)
    read, given, most = 0, 0, 0
    original = rows._read

    def counted(file, group):
        nonlocal read
        part = original(file, group)
        read += len(part[0])
        return part

    monkeypatch.setattr(rows, "_read", counted)
    for batch in rows.batches(64, torch.Generator().manual_seed(0)):
        most = max(most, read - given)
        given += len(batch[0])
    assert given == read == 5_000
    assert most < 1_000 + 700 + 64


def test_streamed_training_learns_what_training_in_memory_learns(parquet):
    features, labels = table(5_000)
    test_features, test_labels = table(3_000, seed=1)
    losses = []
    for given in (TableExamples(features, labels), ParquetRows(parquet, buffer_rows=1_500)):
        model = new_model()
        fit(model, given, LOSS, seed=0, batch_size=64)
        p = 1 / (1 + np.exp(-predict_logits(model, test_features)))
        losses.append(metrics.log_loss(test_labels[:, 0], p[:, 0]))
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    base = test_labels[:, 0].mean()
    assert losses[1] < 0.97 * metrics.log_loss([base], [base])


def test_held_out_rows_may_be_streamed(parquet):
    features, labels = table(5_000)
    histories = [
        fit(new_model(), TableExamples(features, labels), LOSS, seed=0, held_out=held_out)
        for held_out in (TableExamples(features, labels), ParquetRows(parquet))
    ]
    assert histories[0].validation_loss == pytest.approx(histories[1].validation_loss, rel=1e-6)


def test_parquet_files_that_cannot_be_used(parquet, tmp_path):
    features, labels = table(100)
    with pytest.raises(ValueError, match="path must name a Parquet file"):
        ParquetRows(tmp_path / "nothing")
    torn = tmp_path / "torn" / "0.parquet"
    torn.parent.mkdir()
    torn.write_bytes((parquet / "0.parquet").read_bytes()[:-100])
    with pytest.raises(ValueError, match="must be a whole Parquet file"):
        ParquetRows(torn)
    with ParquetWriter(tmp_path / "torn" / "0.parquet", TARGETS) as writer:
        writer.write(features, np.stack([labels[:, 0], 0 * labels[:, 0]], axis=1))
    with pytest.raises(ValueError, match="must hold positives for every target, got none for like"):
        fit(new_model(), ParquetRows(torn), LOSS, seed=0)
    other = tmp_path / "other"
    other.mkdir()
    for name, targets in (("0", TARGETS), ("1", ("like", "click"))):
        with ParquetWriter(other / f"{name}.parquet", targets) as writer:
            writer.write(features, labels)
    with pytest.raises(ValueError, match="files must have the same columns"):
        ParquetRows(other)


def test_a_writer_that_breaks_off_leaves_no_file(tmp_path):
    features, labels = table(100)
    path = tmp_path / "rows.parquet"

    def write_and_break(bad):
        with ParquetWriter(path, TARGETS) as writer:
            writer.write(features, labels)
            writer.write(bad, labels)

    broken = replace(features, dense=np.full_like(features.dense, np.nan))
    with pytest.raises(ValueError, match="features must be finite"):
        write_and_break(broken)
    with pytest.raises(ValueError, match="must come from one encoder"):
        write_and_break(replace(features, cardinalities=(21, 30)))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="got no rows"), ParquetWriter(path, TARGETS):
        pass


def test_targets_of_a_stream_must_be_the_models(parquet):
    with pytest.raises(ValueError, match="must have the targets of the model"):
        fit(new_model(targets=("click", "share")), ParquetRows(parquet), LOSS, seed=0)
    with pytest.raises(ValueError, match="must have the targets of the model"):
        fit(new_model(targets=("like", "click")), examples(100), LOSS, seed=0)
    with pytest.raises(ValueError, match="must have the targets of the model"):
        fit(
            new_model(targets=("like", "click")),
            TableExamples(*table(100)),
            LOSS,
            seed=0,
            held_out=examples(9),
        )


# Checkpoints


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


CASES = {"all rows": (), "masked": ("--masked",), "sparse": ("--sparse",), "learnt": ("--masked", "--learnt")}
KILLED = {"alone": ("--dropout", "--masked"), "sparse": ("--sparse", "--masked")}
TOGETHER = ("--dropout", "--masked")


def script(*runs: tuple[object, ...], launcher: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The script with these runs; the first may have ``--apart`` in front."""
    words = [word for run in runs for word in ("then", *map(str, run))][1:]
    command = [sys.executable, *launcher, str(SCRIPT), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders with what runs that nobody stops end with: those of one process, and of two under torchrun."""
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    for folder, killed, launcher in ((one, KILLED, ()), (two, {"together": TOGETHER}, TWO)):
        runs = [(folder / f"{name}.pt", *options) for name, options in CASES.items()]
        runs += [(folder / f"killed {name}.pt", *options) for name, options in killed.items()]
        answer = script(*runs, launcher=launcher)
        assert answer.returncode == 0, answer.stderr
    return one, two


def history_of(weights: Path) -> dict[str, object]:
    """The history beside a file of weights, without how long it took."""
    history = json.loads(weights.with_suffix(".json").read_text())
    history.pop("seconds")
    return history


def assert_same_to_the_bit(whole: Path, resumed: Path) -> None:
    """Weights and losses."""
    one, other = torch.load(whole), torch.load(resumed)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert history_of(whole) == history_of(resumed)


# Of 96 steps, checkpoints come every ten and after each epoch (steps 32 and 64). Runs are killed in the
# second epoch; then, going on after step 40, in the third.
KILLED_AT = (("--kill-at", 47), ("--kill-at", 35))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither fork nor SIGKILL")
@pytest.mark.parametrize("name", KILLED)
def test_killed_in_the_middle_and_resumed_is_as_if_never_stopped_bit_for_bit(tmp_path, ended, name):
    """Losses included."""
    resumed, kept = tmp_path / "resumed.pt", tmp_path / "run.checkpoint"
    run = (resumed, *KILLED[name], "--checkpoint", kept)
    killed = script(("--apart", *run, *KILLED_AT[0]), (*run, *KILLED_AT[1]))
    assert killed.stdout.split() == [str(-signal.SIGKILL)] * 2, killed.stderr
    assert kept.exists()
    assert not resumed.exists()
    finished = script(run)
    assert finished.returncode == 0, finished.stderr
    assert_same_to_the_bit(ended[0] / f"killed {name}.pt", resumed)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_two_processes_killed_in_the_middle_and_resumed_are_as_if_never_stopped_bit_for_bit(tmp_path, ended):
    """Dropout draws in every process from a state of its own, and each has its own sum of losses."""
    resumed, kept = tmp_path / "resumed.pt", tmp_path / "run.checkpoint"
    run = (resumed, *TOGETHER, "--checkpoint", kept)
    for kill in KILLED_AT:
        assert script((*run, *kill), launcher=TWO).returncode == 1
        assert kept.exists()
        assert not resumed.exists()
    finished = script(run, launcher=TWO)
    assert finished.returncode == 0, finished.stderr
    assert_same_to_the_bit(ended[1] / "killed together.pt", resumed)


class Stopped(Exception):
    pass


class StopAt(WeightedCrossEntropy):
    """The loss, broken off in its ``step``-th batch of training."""

    def __init__(self, step: int) -> None:
        super().__init__(TARGETS)
        self.left = step

    def sums(self, logits, labels, weights=None):
        self.left -= self.training
        if self.left == 0:
            raise Stopped
        return super().sums(logits, labels, weights)


def test_a_streamed_run_resumes_bit_for_bit_too(parquet, tmp_path):
    rows = ParquetRows(parquet, buffer_rows=1_500)
    settings = {"seed": 0, "batch_size": 64, "epochs": 2, "checkpoint_every": 7}
    whole, resumed = new_model(), new_model()
    fit(whole, rows, LOSS, **settings)
    kept = tmp_path / "run.checkpoint"
    with pytest.raises(Stopped):
        fit(new_model(), rows, StopAt(100), checkpoint=kept, **settings)
    fit(resumed, rows, LOSS, checkpoint=kept, **settings)
    assert same_weights(whole, resumed)


def test_early_stopping_resumes_to_the_same_weights(tmp_path):
    settings = {"learning_rate": 0.05, "held_out": examples(300, seed=1), "rows": 300, "epochs": 40}
    whole, history = train(patience=2, **settings)
    kept = tmp_path / "run.checkpoint"
    features, labels = table(300)
    more = {name: value for name, value in settings.items() if name != "rows"}
    with pytest.raises(Stopped):
        fit(
            new_model(),
            TableExamples(features, labels),
            StopAt(17),
            **({"seed": 0, "batch_size": 64, "patience": 2, "checkpoint": kept} | more),
        )
    resumed, again = train(patience=2, checkpoint=kept, **settings)
    assert same_weights(whole, resumed)
    assert again.validation_loss == history.validation_loss


def test_a_finished_run_is_taken_from_its_checkpoint(tmp_path):
    kept = tmp_path / "run.checkpoint"
    first, history = train(checkpoint=kept)
    features, labels = table(1_000)
    model = new_model()
    again = fit(model, TableExamples(features, labels), StopAt(1), seed=0, batch_size=64, checkpoint=kept)
    assert same_weights(first, model)
    assert again == history


def test_checkpoint_of_another_run_is_refused(tmp_path):
    kept = tmp_path / "run.checkpoint"
    train(checkpoint=kept)
    with pytest.raises(ValueError, match=r"belongs to a run with batch_size = 64, this one has 32"):
        train(checkpoint=kept, batch_size=32)
    with pytest.raises(ValueError, match=r"belongs to a run with rows = 1000, this one has 900"):
        train(checkpoint=kept, rows=900)


def test_checkpoint_of_another_loss_model_or_other_rows_is_refused(tmp_path):
    """Else a sweep that forgets to change the file would get the first run's weights again and again."""
    kept = tmp_path / "run.checkpoint"
    train(checkpoint=kept)
    features, labels = table(1_000)

    def again(model=None, rows=features, y=labels, loss=LOSS):
        fit(model or new_model(), TableExamples(rows, y), loss, seed=0, batch_size=64, checkpoint=kept)

    again()
    with pytest.raises(ValueError, match=r"loss = 'click=1, like=1, .* this one has 'click=1, like=9,"):
        again(loss=WeightedCrossEntropy(TARGETS, {"like": 9.0}))
    with pytest.raises(ValueError, match=r"masked=True.* this one has .*masked=False"):
        again(loss=WeightedCrossEntropy(TARGETS, masked=False))
    with pytest.raises(ValueError, match=r"run with model = 'MultiTaskModel .* this one has 'MultiTaskModel"):
        again(model=MultiTaskModel((20, 30), 3, TARGETS, shared=(32,)))
    with pytest.raises(ValueError, match="run with rows_checksum"):
        again(y=labels[::-1])
    with pytest.raises(ValueError, match="run with rows_checksum"):
        again(rows=replace(features, dense=features.dense + 1))


def test_checkpoint_of_another_plain_loss_is_refused(tmp_path):
    """A function is known by what it says of set logits, whatever it is called and wherever it stands."""
    kept = tmp_path / "run.checkpoint"

    def run(loss, **settings):
        return fit(new_model(), examples(100), loss, seed=0, checkpoint=kept, **settings)

    def squared(logits, labels):
        return (logits.sigmoid() - labels).square().mean()

    history = run(squared)
    assert run(lambda z, y: (torch.sigmoid(z) - y).pow(2).mean()) == history
    with pytest.raises(ValueError, match=r"belongs to a run with loss = '.*', this one has"):
        run(lambda z, y: (z - y).square().mean())


def test_checkpoint_of_other_held_out_rows_or_targets_in_another_order_is_refused(tmp_path):
    kept = tmp_path / "run.checkpoint"
    train(checkpoint=kept, held_out=examples(90))
    train(checkpoint=kept, held_out=examples(90))
    for other in (None, examples(90, seed=3)):
        with pytest.raises(ValueError, match=r"belongs to a run with held_out = .* this one has"):
            train(checkpoint=kept, held_out=other)
    features, labels = table(1_000)
    with pytest.raises(
        ValueError, match=r"run with targets = \('click', 'like'\), this one has \('like', 'cl"
    ):
        fit(
            new_model(targets=("like", "click")),
            TableExamples(features, labels),
            LOSS,
            seed=0,
            batch_size=64,
            held_out=TableExamples(*table(90)),
            checkpoint=kept,
        )


def test_checkpoint_of_another_stream_is_refused(parquet, tmp_path):
    kept = tmp_path / "run.checkpoint"
    fit(new_model(), ParquetRows(parquet), LOSS, seed=0, checkpoint=kept)
    fit(new_model(), ParquetRows(parquet), LOSS, seed=0, checkpoint=kept)
    features, labels = table(2_000, seed=7)
    with ParquetWriter(parquet / "1.parquet", TARGETS, row_group=700) as writer:
        writer.write(features[:1_000], labels[:1_000])
        writer.write(features[1_000:], labels[1_000:])
    with pytest.raises(ValueError, match="belongs to a run with rows_checksum"):
        fit(new_model(), ParquetRows(parquet), LOSS, seed=0, checkpoint=kept)


def test_a_checkpoint_needs_a_folder(tmp_path):
    """Said before the first step, not when the first checkpoint is due."""
    with pytest.raises(ValueError, match="checkpoint must stand in a folder that is there"):
        train(checkpoint=tmp_path / "none" / "run")


def test_checkpoints_that_are_none(tmp_path):
    kept = tmp_path / "run.checkpoint"
    assert load_checkpoint(kept, {}) is None
    save_checkpoint(kept, {"seed": 1}, {"step": 3})
    assert load_checkpoint(kept, {"seed": 1}) == {"step": 3}
    kept.write_bytes(kept.read_bytes()[:-40])
    with pytest.raises(ValueError, match="cannot be read, remove it to start anew"):
        load_checkpoint(kept, {"seed": 1})
    torch.save({"weights": torch.zeros(2)}, kept)
    with pytest.raises(ValueError, match="is not one of this course"):
        load_checkpoint(kept, {"seed": 1})


# Several processes


@pytest.mark.parametrize("name", CASES)
def test_two_processes_under_torchrun_learn_what_one_learns(ended, name):
    """A mean over the rows that a mask keeps is taken over the whole batch, not in each half by itself."""
    one, two = (folder / f"{name}.pt" for folder in ended)
    for loss in ("train_loss", "validation_loss"):
        assert history_of(one)[loss] == pytest.approx(history_of(two)[loss], rel=1e-5)
    weights = [torch.load(path) for path in (one, two)]
    for part, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][part], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("rows", "count"), [(64, 2), (7, 3), (10, 5)])
def test_processes_share_a_batch_without_gap_or_overlap(rows, count):
    shares = [Processes(rank, count).share(rows) for rank in range(count)]
    covered = np.concatenate([np.arange(rows)[mine] for mine, _ in shares])
    np.testing.assert_array_equal(covered, np.arange(rows))
    assert sum(weight for _, weight in shares) == pytest.approx(1.0)
    for mine, weight in shares:
        assert weight == pytest.approx(len(range(*mine.indices(rows))) / rows)


def test_a_batch_too_small_to_share_goes_to_all():
    """Two rows each at least: a batch norm cannot learn from one."""
    assert [Processes(rank, 4).share(7) for rank in range(4)] == [(slice(None), 0.25)] * 4
    assert Processes(0, 1).share(10) == (slice(None), 1.0)


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
        ({"average": 1.5}, r"average must be in \[0, 1\]"),
        ({"patience": 2}, "patience needs held_out rows"),
        ({"checkpoint_every": 0}, "checkpoint_every must be"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"seed": 1.5}, "seed must be a whole number from 0"),
        ({"average": [0.5]}, "average must be a single number"),
    ],
)
def test_settings_outside_what_is_allowed(settings, message):
    with pytest.raises(ValueError, match=message):
        train(**settings)


def test_features_and_losses_that_are_none():
    features, labels = table(100)
    with pytest.raises(
        ValueError, match=r"examples must be Examples, such as TableExamples\(features, labels\), got ndarray"
    ):
        fit(new_model(), features.dense, LOSS, seed=0)
    with pytest.raises(ValueError, match="loss must be a function of logits and labels, got None"):
        fit(new_model(), TableExamples(features, labels), None, seed=0)
    with pytest.raises(ValueError, match=r"loss must give a scalar, got the shape \(100, 2\)"):
        fit(new_model(), TableExamples(features, labels), lambda logits, y: (logits - y) ** 2, seed=0)


def test_a_loss_that_fails_on_held_out_rows_stops_training():
    def fails_unless_training(logits, labels):
        return LOSS(logits, labels) * (1.0 if torch.is_grad_enabled() else float("nan"))

    features, labels = table(200)
    with pytest.raises(ValueError, match="loss on the held_out rows is nan after epoch 0"):
        fit(
            new_model(),
            TableExamples(features, labels),
            fails_unless_training,
            seed=0,
            held_out=TableExamples(features, labels),
        )


def test_seeds_of_numpy_are_taken():
    assert same_weights(train(seed=3)[0], train(seed=np.int64(3))[0])


def test_labels_that_make_no_sense():
    features, labels = table(100)
    bad = {
        "one row per row of features": labels[:50],
        "one column per target": labels[:, :1],
        r"in \[0, 1\], got 2.0": labels * 2,
        "must be finite": np.where(labels == 1, np.nan, labels),
        "positives for every target, got none for like": labels * [1, 0],
        "negatives for every target, got none for click": np.stack([0 * labels[:, 0] + 1, labels[:, 1]], 1),
    }
    for message, values in bad.items():
        with pytest.raises(ValueError, match=message):
            fit(new_model(), TableExamples(features, values), LOSS, seed=0)
    with pytest.raises(ValueError, match=r"such as TableExamples\(features, labels\), got FeatureTable"):
        fit(new_model(), features, LOSS, seed=0)
    with pytest.raises(ValueError, match="must not be empty"):
        fit(new_model(), TableExamples(features[:0], labels[:0]), LOSS, seed=0)


def test_features_that_are_not_finite():
    features, labels = table(100)
    features.dense[3, 1] = np.nan
    for action in (
        lambda: fit(new_model(), TableExamples(features, labels), LOSS, seed=0),
        lambda: predict_logits(new_model(), features),
    ):
        with pytest.raises(ValueError, match=r"got nan in the column b at row 3 \(1 such values\)"):
            action()


def test_a_loss_that_explodes_is_reported():
    features, labels = table(200)
    with pytest.raises(ValueError, match=r"the loss is nan in epoch 0: lower learning_rate"):
        fit(new_model(), TableExamples(features, labels), lambda z, y: LOSS(z, y) * float("nan"), seed=0)


def test_seconds_and_weights_beyond_float32_are_refused():
    """They would be infinite, and so would the loss."""
    table = FeatureTable(np.zeros((2, 1), np.int64), np.zeros((2, 0)), ("a",), (), (1,), {})
    with pytest.raises(ValueError, match=r"labels must be at most 3.403e\+38 in size, got inf at index 1"):
        WatchTimeExamples(table, [1.0, 1e39])
    with pytest.raises(ValueError, match=r"weights must be at most 3.403e\+38 in size"):
        TableExamples(table, [0.0, 1.0], weights=[1.0, 1e39])
