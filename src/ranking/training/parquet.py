"""More rows than fit into memory: features and labels in Parquet files, streamed in shuffled batches.

Parquet (Apache) keeps a table column by column, in *row groups* that can be read one at a time. A column
holds one field, one dense feature or the labels of one target; what else a model must know (the sizes of its
embedding tables) stands in the file's metadata, and so do a checksum and the range of the labels of every row
group: a bit that has changed on the disk is an error that names the file, never another number to learn from.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.logs import FeatureTable
from ranking.training.examples import (
    Batch,
    batch_sizes,
    both_classes,
    finite_features,
    row_weights,
    same_targets,
)
from ranking.training.whole_files import AnyPath, whole_file

ROW_GROUP = 65_536
"""Rows per row group: the unit of reading."""
BUFFER = 4 * ROW_GROUP
"""Rows that are mixed with each other: what streaming holds in memory."""
LARGEST = 2**31
"""Codes of a field: they are kept in 32 bits."""
_KEY = b"ranking"
_Parts = list[NDArray[Any]]
"""Ids (rows, fields) int32; float32: dense features (rows, columns), labels (rows, targets), and weights
(rows, 1) where rows have them."""


@dataclass(frozen=True)
class _Group:
    """What is noted of a row group: nothing relies on what Parquet itself notes."""

    rows: int
    checksum: int  # CRC-32 of its arrays
    low: list[float]  # of each target's labels
    high: list[float]

    @classmethod
    def of(cls, parts: _Parts) -> Self:
        """What to note of the rows of these arrays."""
        low, high = parts[2].min(axis=0).tolist(), parts[2].max(axis=0).tolist()
        return cls(len(parts[2]), _checksum(parts), low, high)


class ParquetWriter:
    """Write features and labels, part by part, into one file; use it in a ``with`` block.

    The file appears under its name when the block ends without an error: a broken run leaves none, and an
    older file as it was. The order of the targets is that of the labels' columns; ``row_group`` is the number
    of rows in each.
    """

    def __init__(self, path: AnyPath, targets: Sequence[str], row_group: int = ROW_GROUP) -> None:
        self.path = validation.path("path", path)
        self.targets = validation.targets(targets)
        self.row_group = validation.positive_int("row_group", row_group)
        self._open = contextlib.ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._file: BinaryIO | None = None
        self._about = ""
        self._groups: list[_Group] = []

    def __enter__(self) -> Self:
        self._file = self._open.enter_context(whole_file(self.path))
        self._open.push(self._finish)
        return self

    def __exit__(self, *raised: Any) -> None:
        self._open.__exit__(*raised)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        """Note what is known of the rows, and end the file; if anything failed, only let go of it."""
        if kind is None and self._writer is None:
            raise ValueError(f"{self.path} got no rows: write at least one part")
        if self._writer is None:
            return
        if kind is None:
            noted = json.dumps(
                {**json.loads(self._about), "row_groups": [asdict(group) for group in self._groups]}
            )
            self._writer.add_key_value_metadata({_KEY: f"{zlib.crc32(noted.encode()):08x}{noted}"})
            self._writer.close()
        else:
            with contextlib.suppress(Exception):  # the disk may be full
                self._writer.close()

    def write(self, features: FeatureTable, labels: ArrayLike, weights: ArrayLike | None = None) -> None:
        """Append rows: features from one encoder in all parts, and labels in [0, 1], (rows, targets).

        ``weights``, (rows,), say how much each row counts, at least 0; all parts have them, or none. A part
        without rows adds none.
        """
        if self._file is None:
            raise ValueError(
                f"{self.path} must be written in a with block: with ParquetWriter(...) as writer"
            )
        validation.instance("features", features, FeatureTable)
        y = validation.probabilities("labels", labels).astype(np.float32)
        if y.shape != (len(features), len(self.targets)):
            wanted = (len(features), len(self.targets))
            raise ValueError(f"labels must have the shape {wanted}, got {y.shape}")
        dense = features.dense.astype(np.float32)
        finite_features(dense, features.columns)
        if max(features.cardinalities, default=0) > LARGEST:
            raise ValueError(
                f"cardinalities must be at most {LARGEST:,}, got {max(features.cardinalities):,}"
            )
        names = ("fields", "columns", "cardinalities", "groups")
        shape = {name: getattr(features, name) for name in names} | {"weighted": weights is not None}
        about = json.dumps({**shape, "targets": self.targets})
        if about != (self._about or about):
            raise ValueError(
                "features must come from one encoder, and all parts have weights or none: fields, columns, "
                "cardinalities or weights changed"
            )
        self._about = about
        if not len(y):
            return
        if self._writer is None:
            # a prefix each, so that a field may be called as a target is
            columns = [(f"field {name}", pa.int32()) for name in features.fields]
            columns += [(f"dense {name}", pa.float32()) for name in features.columns]
            columns += [(f"label {name}", pa.float32()) for name in self.targets]
            columns += [("weight", pa.float32())] * (weights is not None)
            self._writer = pq.ParquetWriter(self._file, pa.schema(columns))
        whole = [features.categorical.astype(np.int32), dense, y]
        if weights is not None:
            whole.append(row_weights(weights, len(y))[:, None])
        for start in range(0, len(y), self.row_group):
            parts = [np.ascontiguousarray(part[start : start + self.row_group]) for part in whole]
            arrays = [pa.array(column) for part in parts for column in part.T]  # each (rows,)
            table = pa.Table.from_arrays(arrays, schema=self._writer.schema)
            self._writer.write_table(table, row_group_size=self.row_group)
            self._groups.append(_Group.of(parts))


class ParquetRows:
    """Examples in Parquet files, read a few row groups at a time: memory does not grow with the rows.

    Shuffling is two-stage: row groups in random order, and the rows of ``buffer_rows`` of them mixed. A row
    meets rows from all over the log in its batch, unless the buffer is small against the drift of the log.
    Every row group is compared with its checksum when it is read: about a tenth of the time of reading.

    Args:
        path: a file from :class:`ParquetWriter`, or a folder of such files, taken in the order of names.
        buffer_rows: rows mixed with each other, at least 1; memory is about twice theirs.

    Attributes:
        targets, fields, columns, cardinalities, groups: as in the writer's table.

    Raises:
        ValueError: for no files or rows, a torn, damaged or foreign file, or two whose columns differ. Rows
            that are damaged are found when they are read.
    """

    def __init__(self, path: AnyPath, buffer_rows: int = BUFFER) -> None:
        self.buffer_rows = validation.positive_int("buffer_rows", buffer_rows)
        base = validation.path("path", path)
        self.files = tuple(sorted(base.glob("*.parquet"))) if base.is_dir() else (base,)
        if not self.files or not self.files[0].is_file():
            raise ValueError(f"path must name a Parquet file or a folder of them, got {os.fspath(path)!r}")
        self._groups: dict[tuple[Path, int], _Group] = {}  # by file and number in it
        for file in self.files:
            noted, groups = _described(file)
            if file == self.files[0]:
                about = noted
            elif noted != about:
                raise ValueError(f"files must have the same columns: {file} differs from {self.files[0]}")
            self._groups |= {(file, at): group for at, group in enumerate(groups)}
        self._weighted = bool(about["weighted"])
        self.targets, self.fields = tuple(about["targets"]), tuple(about["fields"])
        self.columns, self.cardinalities = tuple(about["columns"]), tuple(about["cardinalities"])
        self.groups = {group: tuple(names) for group, names in about["groups"].items()}
        known = list(self._groups.values())
        self._checksum = zlib.crc32(repr([(group.rows, group.checksum) for group in known]).encode())
        self._label_range = np.min([g.low for g in known], axis=0), np.max([g.high for g in known], axis=0)

    def __len__(self) -> int:
        return sum(group.rows for group in self._groups.values())

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        return self._weighted

    def __repr__(self) -> str:
        held = f"{len(self):,} rows in {len(self.files)} files"
        return f"ParquetRows({held}, targets: {', '.join(self.targets)})"

    def batches(self, batch_size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """One pass, see :class:`ranking.training.examples.Examples`. Every batch but the last is full."""
        order = list(range(len(self._groups)))
        if generator is not None:
            validation.instance("generator", generator, torch.Generator)
            order = torch.randperm(len(self._groups), generator=generator).tolist()
        left: list[torch.Tensor] = []  # rows that did not fill a batch
        sizes = iter(batch_sizes(len(self), batch_size))
        size = next(sizes)
        for buffer in self._buffers(order):
            parts = [torch.from_numpy(part) for part in buffer]
            if generator is not None:
                mixed = torch.randperm(len(parts[0]), generator=generator)
                parts = [part[mixed] for part in parts]
            if left:
                parts = [torch.cat(pair) for pair in zip(left, parts, strict=True)]
            start = 0
            while size and start + size <= len(parts[0]):
                categorical, dense, labels, *weights = [part[start : start + size] for part in parts]
                yield categorical, dense, labels, *(column[:, 0] for column in weights)
                start, size = start + size, next(sizes, 0)
            left = [part[start:].clone() for part in parts]

    def check_targets(self, targets: Sequence[str]) -> None:
        """The files must hold just these."""
        same_targets(self.targets, targets)

    def check_learnable(self, targets: Sequence[str] | None = None) -> None:
        """Every target has labels of two classes, or there is nothing to tell apart."""
        both_classes(*self._label_range, self.targets)

    def shuffle_state(self) -> dict[str, int]:
        """What decides the order beside the generator's state, and a checksum of all rows: none is read."""
        state = {"rows": len(self), "row_groups": len(self._groups), "buffer_rows": self.buffer_rows}
        return state | {"rows_checksum": self._checksum}

    def _buffers(self, order: Sequence[int]) -> Iterator[_Parts]:
        """The rows of several row groups each."""
        held: list[_Parts] = []
        rows, places = 0, list(self._groups)
        for done, position in enumerate(order, start=1):
            held.append(self._read(*places[position]))
            rows += len(held[-1][0])
            if rows >= self.buffer_rows or done == len(order):
                yield [np.concatenate(parts) for parts in zip(*held, strict=True)]
                held, rows = [], 0

    def _read(self, file: Path, number: int) -> _Parts:
        group = self._groups[file, number]
        widths = [len(self.columns), len(self.targets), *([1] if self.weighted else [])]
        parts: _Parts = [np.empty((group.rows, len(self.fields)), np.int32)]
        parts += [np.empty((group.rows, width), np.float32) for width in widths]
        columns = [part[:, at] for part in parts for at in range(part.shape[1])]  # (rows,) each
        quiet = np.errstate(invalid="ignore")  # damage may make other types of columns: their checksum tells
        with _named(file), quiet, pq.ParquetFile(file) as opened:
            table = opened.read_row_group(number, use_threads=False)
            for column, read in zip(columns, table.columns, strict=True):
                column[:] = read.to_numpy()
        if _checksum(parts) != group.checksum:
            raise ValueError(f"{file} is damaged: its row group {number} differs from what was written")
        return parts


def _checksum(parts: _Parts) -> int:
    """CRC-32 of arrays, as they lie in memory."""
    found = 0
    for part in parts:
        found = zlib.crc32(part.data, found)
    return found


@contextlib.contextmanager
def _named(file: Path) -> Iterator[None]:
    """Whatever pyarrow says of a damaged file becomes an error that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"{file} must be a whole Parquet file: {error}") from error


def _described(file: Path) -> tuple[dict[str, Any], list[_Group]]:
    """What :class:`ParquetWriter` noted in a file: of all of it, and of its row groups."""
    with _named(file):
        details = pq.read_metadata(file)
        noted = (details.metadata or {}).get(_KEY)
    if noted is None:
        raise ValueError(f"{file} must be written by ParquetWriter: it lacks the sizes of the embeddings")
    if noted[:8] != b"%08x" % zlib.crc32(noted[8:]):
        raise ValueError(f"{file} is damaged, or of an older ParquetWriter: its notes lack their checksum")
    about = json.loads(noted[8:])
    groups = [_Group(**group) for group in about.pop("row_groups")]
    found = [details.row_group(at).num_rows for at in range(details.num_row_groups)]
    if found != [group.rows for group in groups]:
        raise ValueError(f"{file} is damaged: its row groups are not those that were written")
    return about, groups
