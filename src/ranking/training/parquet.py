"""More rows than fit into memory: features and labels in Parquet files, streamed in shuffled batches.

Parquet (Apache) keeps a table column by column, in *row groups* that can be read one at a time. A column
holds one field, one dense feature or the labels of one target; what else a model must know (the sizes of its
embedding tables) stands in the file's metadata.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.logs.features import FeatureTable
from ranking.training.examples import Batch, both_classes, finite_features

ROW_GROUP = 65_536
"""Rows per row group: the unit of reading."""
BUFFER = 4 * ROW_GROUP
"""Rows that are mixed with each other: what streaming holds in memory."""
_KEY = b"ranking"


class ParquetWriter:
    """Write features and labels, part by part, into one file; use it in a ``with`` block.

    The file appears under its name when the block ends without an error: a broken run leaves none.

    Args:
        path: the file to write.
        targets: names of the targets, in the order of the labels' columns.
        row_group: rows per row group, at least 1.
    """

    def __init__(
        self, path: str | os.PathLike[str], targets: Sequence[str], row_group: int = ROW_GROUP
    ) -> None:
        self.path = Path(path)
        self.targets = validation.targets(targets)
        self.row_group = validation.positive_int("row_group", row_group)
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._writer: pq.ParquetWriter | None = None
        self._about: dict[str, Any] = {}

    def __enter__(self) -> ParquetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None:
            if kind is None:
                raise ValueError(f"{self.path} got no rows: write at least one part")
            return
        self._writer.close()
        if kind is None:
            os.replace(self._partial, self.path)
        else:
            self._partial.unlink()

    def write(self, features: FeatureTable, labels: ArrayLike) -> None:
        """Append rows.

        Args:
            features: from one and the same encoder in every part.
            labels: numbers in [0, 1], shape (rows, targets).

        Raises:
            ValueError: for shapes that do not match, features that are not finite, labels outside [0, 1], or
                features from another encoder than those before.
        """
        y = validation.probabilities("labels", labels).astype(np.float32)
        if y.shape != (len(features), len(self.targets)):
            raise ValueError(
                f"labels must have the shape {(len(features), len(self.targets))}, got {y.shape}"
            )
        finite_features(features.dense, features.columns)
        about = {
            "fields": list(features.fields),
            "columns": list(features.columns),
            "cardinalities": list(features.cardinalities),
            "groups": {group: list(names) for group, names in features.groups.items()},
            "targets": list(self.targets),
        }
        if self._writer is None:
            self._about = about
            self._writer = pq.ParquetWriter(self._partial, _schema(about))
        elif about != self._about:
            raise ValueError("features must come from one encoder: fields, columns or cardinalities changed")
        columns = [*features.categorical.astype(np.int32).T, *features.dense.T, *y.T]  # each (rows,)
        table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=self._writer.schema)
        self._writer.write_table(table, row_group_size=self.row_group)


def _schema(about: dict[str, Any]) -> pa.Schema:
    """Names carry a prefix each, so that a field may be called as a target is."""
    columns = [(f"field {name}", pa.int32()) for name in about["fields"]]
    columns += [(f"dense {name}", pa.float32()) for name in about["columns"]]
    columns += [(f"label {name}", pa.float32()) for name in about["targets"]]
    return pa.schema(columns, metadata={_KEY: json.dumps(about).encode()})


class ParquetRows:
    """Examples in Parquet files, read a few row groups at a time: memory does not grow with the rows.

    Shuffling is two-stage: row groups in random order, and the rows of ``buffer_rows`` of them mixed. A row
    meets rows from all over the log in its batch, unless the buffer is small against the drift of the log.

    Args:
        path: a file from :class:`ParquetWriter`, or a folder of such files, taken in the order of names.
        buffer_rows: rows mixed with each other, at least 1; memory is about twice theirs.

    Attributes:
        targets: names of the targets.
        fields, columns, cardinalities, groups: as in :class:`FeatureTable`.

    Raises:
        ValueError: if there is no such file, a file is torn or was not made by :class:`ParquetWriter`, or
            files do not match each other.
    """

    def __init__(self, path: str | os.PathLike[str], buffer_rows: int = BUFFER) -> None:
        self.buffer_rows = validation.positive_int("buffer_rows", buffer_rows)
        base = Path(path)
        self.files = tuple(sorted(base.glob("*.parquet"))) if base.is_dir() else (base,)
        if not self.files or not self.files[0].is_file():
            raise ValueError(f"path must name a Parquet file or a folder of them, got {os.fspath(path)!r}")
        described = [_describe(file) for file in self.files]
        about = described[0][0]
        for file, (other, _) in zip(self.files, described, strict=True):
            if other != about:
                raise ValueError(f"files must have the same columns: {file} differs from {self.files[0]}")
        self.targets = tuple(about["targets"])
        self.fields, self.columns = tuple(about["fields"]), tuple(about["columns"])
        self.cardinalities = tuple(about["cardinalities"])
        self.groups = {group: tuple(names) for group, names in about["groups"].items()}
        self._groups = [
            (file, group, details.row_group(group).num_rows)
            for file, (_, details) in zip(self.files, described, strict=True)
            for group in range(details.num_row_groups)
        ]
        self._rows = sum(rows for _, _, rows in self._groups)
        self._checksum = _checksum_of([details for _, details in described])
        if not self._rows:
            raise ValueError(f"path must hold rows, got none in {os.fspath(path)!r}")
        self._label_range = _range_of_labels([details for _, details in described], len(self.targets))

    def __len__(self) -> int:
        return int(self._rows)

    def __repr__(self) -> str:
        return (
            f"ParquetRows({len(self):,} rows in {len(self.files)} files, targets: {', '.join(self.targets)})"
        )

    def batches(self, batch_size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """One pass, see :class:`ranking.training.examples.Examples`. Every batch but the last is full."""
        order = list(range(len(self._groups)))
        if generator is not None:
            order = torch.randperm(len(self._groups), generator=generator).tolist()
        left: list[torch.Tensor] = []  # rows that did not fill a batch
        for buffer in self._buffers(order):
            parts = [torch.from_numpy(part) for part in buffer]
            if generator is not None:
                mixed = torch.randperm(len(parts[0]), generator=generator)
                parts = [part[mixed] for part in parts]
            if left:
                parts = [torch.cat(pair) for pair in zip(left, parts, strict=True)]
            whole = len(parts[0]) // batch_size * batch_size
            for start in range(0, whole, batch_size):
                categorical, dense, labels = (part[start : start + batch_size] for part in parts)
                yield categorical, dense, labels
            left = [part[whole:].clone() for part in parts]
        if len(left[0]):
            categorical, dense, labels = left
            yield categorical, dense, labels

    def check_targets(self, targets: Sequence[str]) -> None:
        """The files must hold just these."""
        if self.targets != tuple(targets):
            raise ValueError(f"examples must have the targets of the model, {targets}, got {self.targets}")

    def check_learnable(self, targets: Sequence[str] | None = None) -> None:
        """Every target has labels of two classes, or there is nothing to tell apart."""
        both_classes("labels", *self._label_range, self.targets)

    def shuffle_state(self) -> dict[str, int]:
        """What decides the order beside the generator's state, and a checksum of the files' statistics."""
        return {
            "rows": len(self),
            "row_groups": len(self._groups),
            "buffer_rows": self.buffer_rows,
            "rows_checksum": self._checksum,
        }

    def _buffers(self, order: Sequence[int]) -> Iterator[list[NDArray[Any]]]:
        """Ids (rows, fields), dense (rows, columns) and labels (rows, targets) of several row groups each."""
        held: list[list[NDArray[Any]]] = []
        rows = 0
        for position in order:
            file, group, count = self._groups[position]
            held.append(self._read(file, group))
            rows += count
            if rows >= self.buffer_rows:
                yield [np.concatenate(parts) for parts in zip(*held, strict=True)]
                held, rows = [], 0
        if held:
            yield [np.concatenate(parts) for parts in zip(*held, strict=True)]

    def _read(self, file: Path, group: int) -> list[NDArray[Any]]:
        with pq.ParquetFile(file) as opened:
            table = opened.read_row_group(group, use_threads=False)
        columns = [column.to_numpy() for column in table.columns]
        ends = np.cumsum((len(self.fields), len(self.columns), len(self.targets)))
        parts, start = [], 0
        for end, kind in zip(ends, (np.int32, np.float32, np.float32), strict=True):
            shape = (table.num_rows, end - start)
            part = np.empty(shape, dtype=kind)
            for at, column in enumerate(columns[start:end]):
                part[:, at] = column
            parts.append(part)
            start = end
        finite_features(parts[1], self.columns)
        return parts


def _describe(file: Path) -> tuple[dict[str, Any], pq.FileMetaData]:
    """What :class:`ParquetWriter` noted in a file, and Parquet's own metadata."""
    try:
        details = pq.read_metadata(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file} must be a whole Parquet file: {error}") from error
    noted = (details.metadata or {}).get(_KEY)
    if noted is None:
        raise ValueError(f"{file} must be written by ParquetWriter: it lacks the sizes of the embeddings")
    return json.loads(noted), details


def _checksum_of(files: Sequence[pq.FileMetaData]) -> int:
    """Of the smallest and largest value and the size of every column in every row group: no row is read."""
    checksum = 0
    for details in files:
        for group in range(details.num_row_groups):
            columns = (details.row_group(group).column(at) for at in range(details.num_columns))
            known = [(c.statistics.min, c.statistics.max, c.total_uncompressed_size) for c in columns]
            checksum = zlib.crc32(repr(known).encode(), checksum)
    return checksum


def _range_of_labels(
    files: Sequence[pq.FileMetaData], targets: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest label of each target, from the statistics that Parquet keeps per row group."""
    low, high = np.full(targets, np.inf), np.full(targets, -np.inf)
    for details in files:
        first = details.num_columns - targets
        for group in range(details.num_row_groups):
            for k in range(targets):
                known = details.row_group(group).column(first + k).statistics
                low[k], high[k] = min(low[k], known.min), max(high[k], known.max)
    return low, high
