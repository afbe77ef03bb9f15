"""Files that a training run keeps: damage is found, and writing loses nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_script import TARGETS, table

from ranking.training.checkpoints import load_checkpoint, save_checkpoint
from ranking.training.parquet import ParquetRows, ParquetWriter
from ranking.training.whole_files import whole_file

STATE = {
    "weights": {"a": torch.arange(300.0), "b": torch.ones(7, dtype=torch.int64)},
    "step": 3,
    "loss": [0.5],
}
FLIPS = 500


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def some_bits(content: bytes) -> Iterator[int]:
    """Bits of a file: all of its last bytes, and random ones."""
    last = 8 * len(content)
    yield from random.Random(0).sample(range(last), FLIPS)
    yield from range(last - 8 * 60, last)


def write_rows(path: Path, rows: int = 1_000, seed: int = 0) -> None:
    features, labels = table(rows, seed)
    with ParquetWriter(path, TARGETS, row_group=300) as writer:
        writer.write(features, labels)


def all_of(path: Path) -> list[np.ndarray]:
    """What a file holds: ids, dense features, labels, perhaps weights, and what is known of them all."""
    rows = ParquetRows(path)
    about = np.array(repr((rows.fields, rows.columns, rows.targets, rows.cardinalities, rows.groups)))
    learnable = np.array(rows._label_range)
    parts = zip(*rows.batches(100_000), strict=True)
    return [about, learnable, *(torch.cat(part).numpy() for part in parts)]


def save(path: Path, number: int = 1) -> None:
    save_checkpoint(path, {"seed": 1}, {"step": number})


def step(path: Path) -> int:
    return load_checkpoint(path, {"seed": 1})["step"]


# Damage


def test_no_bit_of_a_checkpoint_can_change(tmp_path):
    path = tmp_path / "run.checkpoint"
    save_checkpoint(path, {"seed": 1}, STATE)
    whole = path.read_bytes()
    for bit in some_bits(whole):
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(ValueError, match=r"run\.checkpoint cannot be read, remove it to start anew"):
            load_checkpoint(path, {"seed": 1})


def test_no_bit_of_a_parquet_file_can_change_what_it_holds(tmp_path):
    """Some bits say nothing: the name of the program that wrote it, say."""
    path = tmp_path / "rows.parquet"
    features, labels = table(1_000)
    with ParquetWriter(path, TARGETS, row_group=300) as writer:
        writer.write(features, labels, weights=np.linspace(0.5, 2.0, 1_000))
    whole, expected = path.read_bytes(), all_of(path)
    refused = 0
    for bit in some_bits(whole):
        path.write_bytes(flipped(whole, bit))
        try:
            found = all_of(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            refused += 1
        else:
            assert all(map(np.array_equal, found, expected)), bit
    assert refused > FLIPS / 2


def test_files_whose_row_groups_were_exchanged_are_refused(tmp_path):
    """Whole by Parquet's own account, and of the same columns; the notes are those of another."""
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    write_rows(one)
    write_rows(other, seed=1)
    rows = ParquetRows(one)
    one.write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match=r"one\.parquet is damaged: its row group 0 differs from what was"):
        next(rows.batches(10))


def a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"format": 2, "settings": {}, "state": {}}))


NO_CHECKPOINTS: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: path.write_text("epochs: 3\n" * 20),
    "empty": Path.touch,
    "folder": Path.mkdir,
    "pickle": a_pickle,
    "torch": lambda path: torch.save({"format": 1, "settings": {}, "state": {}}, path),
    "a model": lambda path: torch.save(torch.nn.Linear(2, 2).state_dict(), path),
}


@pytest.mark.parametrize("kind", NO_CHECKPOINTS)
def test_what_is_no_checkpoint_is_called_so(tmp_path, kind):
    path = tmp_path / "run"
    NO_CHECKPOINTS[kind](path)
    said = (
        "must be a file" if kind == "folder" else "it is not one of this course, or only the beginning of one"
    )
    with pytest.raises(ValueError, match=rf"checkpoint {re.escape(str(path))} .*{said}"):
        load_checkpoint(path, {})


@pytest.mark.parametrize(
    ("settings", "state", "place"),
    [
        ({"rate": np.float64(0.1)}, {}, r"settings\['rate'\] must be tensors, .*, got float64"),
        ({"rate": np.array([0.1])}, {}, r"settings\['rate'\] must be"),
        ({}, {"a": [{"b": (1, np.int64(2))}]}, r"state\['a'\]\[0\]\['b'\]\[1\] must be .*, got int64"),
        ({}, {"counts": defaultdict(int)}, r"state\['counts'\] must be .*, got defaultdict"),
        ({}, {"loss": print}, r"state\['loss'\] must be"),
        ({}, {"a": {np.int64(1): 2}}, r"a key of state\['a'\] must be"),
        ({}, {1: 2}, "state must map names to values"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, settings, state, place):
    save(tmp_path / "run")
    with pytest.raises(ValueError, match=place):
        save_checkpoint(tmp_path / "run", settings, state)
    assert step(tmp_path / "run") == 1


def test_what_is_written_is_read_again(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.ones(3, 2)).sum().backward()
    optimiser.step()
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "kind": torch.float64}
    state |= {"size": torch.zeros(2, 3).size(), "where": torch.device("cpu"), "left": None, "name": "名"}
    save_checkpoint(tmp_path / "run", {}, state)
    found = load_checkpoint(tmp_path / "run", {})
    torch.testing.assert_close(found["model"], state["model"])
    assert repr(found) == repr(state)


def test_every_beginning_of_a_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run"
    save(path)
    whole = path.read_bytes()
    for length in {*range(0, len(whole), 7), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cannot be read"):
            step(path)


# Parts of Parquet files


def test_a_part_without_rows_adds_none(tmp_path):
    features, labels = table(100)
    path = tmp_path / "rows.parquet"
    with ParquetWriter(path, TARGETS, row_group=40) as writer:
        for rows in (slice(0, 0), slice(0, 50), slice(50, 50), slice(50, 100), slice(100, 100)):
            writer.write(features[rows], labels[rows])
    batches = [part.numpy() for part in next(ParquetRows(path).batches(1_000))]
    for found, expected in zip(batches, (features.categorical, features.dense, labels), strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="got no rows"), ParquetWriter(path, TARGETS) as writer:
        writer.write(features[:0], labels[:0])
    assert len(ParquetRows(path)) == 100


def test_numbers_that_the_columns_cannot_hold_are_refused(tmp_path):
    features, labels = table(3)
    far = replace(features, dense=features.dense.astype(np.float64) * 1e300)
    huge = replace(features, cardinalities=(2**31 + 1, 30))
    with ParquetWriter(tmp_path / "rows.parquet", TARGETS) as writer:
        with np.errstate(over="ignore"), pytest.raises(ValueError, match="features must be finite"):
            writer.write(far, labels)
        with pytest.raises(
            ValueError, match="cardinalities must be at most 2,147,483,648, got 2,147,483,649"
        ):
            writer.write(huge, labels)
        writer.write(features, labels)


def test_a_writer_needs_its_block(tmp_path):
    with pytest.raises(ValueError, match=r"rows\.parquet must be written in a with block"):
        ParquetWriter(tmp_path / "rows.parquet", TARGETS).write(*table(3))
    assert list(tmp_path.iterdir()) == []


# Writers


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@contextlib.contextmanager
def little_space(monkeypatch: pytest.MonkeyPatch, kind: str) -> Iterator[None]:
    """A disk that is full when the file is synced, or after 10,000 bytes, by the kernel's own limit."""
    if kind == "sync":
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full_disk)
            yield
        return
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["sync", "write"])
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch, kind):
    path = tmp_path / "run"
    save(path)
    with (
        little_space(monkeypatch, kind),
        pytest.raises(OSError, match=r"(No space left|File too large).*/run'"),
    ):
        save_checkpoint(path, {"seed": 1}, {"step": 2, "weights": torch.rand(9_000)})
    assert step(path) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["sync", "write"])
def test_a_full_disk_leaves_the_old_rows(tmp_path, monkeypatch, kind):
    path = tmp_path / "rows.parquet"
    write_rows(path, rows=100)
    with (
        little_space(monkeypatch, kind),
        pytest.raises(OSError, match=r"(No space left|File too large).*rows\.parquet'"),
    ):
        write_rows(path, rows=5_000)
    assert len(ParquetRows(path)) == 100
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_share_nothing_and_the_last_to_end_wins(tmp_path):
    path = tmp_path / "rows.parquet"
    features, labels = table(100)
    with ParquetWriter(path, TARGETS) as first:
        first.write(features[:30], labels[:30])
        write_rows(path, rows=70)
        assert len(ParquetRows(path)) == 70
    assert len(ParquetRows(path)) == 30
    assert list(tmp_path.iterdir()) == [path]


def test_two_checkpoints_at_once_share_nothing(tmp_path, monkeypatch):
    path, sync = tmp_path / "run", os.fsync

    def meanwhile(file: int) -> None:
        sync(file)
        monkeypatch.setattr(os, "fsync", sync)
        save(path, 2)
        assert step(path) == 2

    monkeypatch.setattr(os, "fsync", meanwhile)
    save(path, 1)
    assert step(path) == 1
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
    import os, signal, sys
    from ranking.training.whole_files import whole_file
    with whole_file(sys.argv[1]) as file:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_what_a_killed_writer_leaves_goes_with_the_next(tmp_path):
    path = tmp_path / "run"
    save(path)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert step(path) == 1
    assert len(list(tmp_path.iterdir())) == 2
    save(path, 2)
    assert step(path) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_is_no_file_is_refused(tmp_path):
    save(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    save(tmp_path / "link", 2)
    assert (tmp_path / "link").is_symlink()
    assert step(tmp_path / "real") == 2
    with pytest.raises(ValueError, match="path must name a file"):
        save(tmp_path)
    with pytest.raises(ValueError, match="path must stand in a folder that is there"):
        save(tmp_path / "none" / "run")


def test_a_name_may_be_as_long_as_names_may_be(tmp_path):
    path = tmp_path / ("n" * 250)
    with whole_file(path) as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", [3, None, np.nan, b"run", "", "a\0b", ["run"]])
def test_what_is_no_path_is_refused(path):
    for use in (
        lambda: save_checkpoint(path, {}, {}),
        lambda: load_checkpoint(path, {}),
        lambda: ParquetRows(path),
        lambda: ParquetWriter(path, TARGETS),
    ):
        with pytest.raises(ValueError, match="path must be a path, got"):
            use()


def test_arguments_of_another_kind_are_refused(tmp_path):
    features, labels = table(3)
    write_rows(tmp_path / "rows.parquet")
    rows = ParquetRows(tmp_path / "rows.parquet")
    bad = {
        "settings must map names to values": lambda: save_checkpoint(tmp_path / "run", 3, {}),
        "settings must map names to values, got": lambda: load_checkpoint(tmp_path / "run", [3]),
        "state must map names to values": lambda: save_checkpoint(tmp_path / "run", {}, None),
        "generator must be a Generator": lambda: next(rows.batches(10, 3)),
    }
    for message, use in bad.items():
        with pytest.raises(ValueError, match=message):
            use()
    with ParquetWriter(tmp_path / "other.parquet", TARGETS) as writer:
        for other in (None, 3, features.dense, labels, "table"):
            with pytest.raises(ValueError, match="features must be a FeatureTable, got"):
                writer.write(other, labels)
        writer.write(features, labels)
