"""More rows than fit into memory: features and labels in Parquet files, streamed in shuffled batches.

Parquet (Apache) keeps a table column by column, in *row groups* that can be read one at a time. A column
holds one field, one dense feature or the labels of one target; what else a model must know (the sizes of its
embedding tables) stands in the file's metadata.
"""

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.logs import FeatureTable
from ranking.training.checkpoints import AnyPath
from ranking.training.examples import Batch, both_classes, finite_features, same_targets

ROW_GROUP = 65_536
"""Rows per row group: the unit of reading."""
BUFFER = 4 * ROW_GROUP
"""Rows that are mixed with each other: what streaming holds in memory."""
_KEY = b"ranking"


class ParquetWriter:
    """Write features and labels, part by part, into one file; use it in a ``with`` block.

    The file appears under its name when the block ends without an error: a broken run leaves none. The order
    of the targets is that of the labels' columns; ``row_group`` is the number of rows in each.
    """

    def __init__(self, path: AnyPath, targets: Sequence[str], row_group: int = ROW_GROUP) -> None:
        self.path = Path(path)
        self.targets = validation.targets(targets)
        self.row_group = validation.positive_int("row_group", row_group)
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._writer: pq.ParquetWriter | None = None
        self._about = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
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
        """Append rows: features from one encoder in all parts, and labels in [0, 1], (rows, targets)."""
        y = validation.probabilities("labels", labels).astype(np.float32)
        if y.shape != (len(features), len(self.targets)):
            wanted = (len(features), len(self.targets))
            raise ValueError(f"labels must have the shape {wanted}, got {y.shape}")
        finite_features(features.dense, features.columns)
        names = ("fields", "columns", "cardinalities", "groups")
        about = json.dumps({**{name: getattr(features, name) for name in names}, "targets": self.targets})
        if self._writer is None:
            # a prefix each, so that a field may be called as a target is
            columns = [(f"field {name}", pa.int32()) for name in features.fields]
            columns += [(f"dense {name}", pa.float32()) for name in features.columns]
            columns += [(f"label {name}", pa.float32()) for name in self.targets]
            schema = pa.schema(columns, metadata={_KEY: about.encode()})
            self._about, self._writer = about, pq.ParquetWriter(self._partial, schema)
        elif about != self._about:
            raise ValueError("features must come from one encoder: fields, columns or cardinalities changed")
        arrays = [*features.categorical.astype(np.int32).T, *features.dense.T, *y.T]  # each (rows,)
        table = pa.Table.from_arrays([pa.array(array) for array in arrays], schema=self._writer.schema)
        self._writer.write_table(table, row_group_size=self.row_group)


class ParquetRows:
    """Examples in Parquet files, read a few row groups at a time: memory does not grow with the rows.

    Shuffling is two-stage: row groups in random order, and the rows of ``buffer_rows`` of them mixed. A row
    meets rows from all over the log in its batch, unless the buffer is small against the drift of the log.

    Args:
        path: a file from :class:`ParquetWriter`, or a folder of such files, taken in the order of names.
        buffer_rows: rows mixed with each other, at least 1; memory is about twice theirs.

    Attributes:
        targets, fields, columns, cardinalities, groups: as in the writer's table.

    Raises:
        ValueError: for no files or rows, a torn or foreign file, or two whose columns differ.
    """

    def __init__(self, path: AnyPath, buffer_rows: int = BUFFER) -> None:
        self.buffer_rows = validation.positive_int("buffer_rows", buffer_rows)
        base = Path(path)
        self.files = tuple(sorted(base.glob("*.parquet"))) if base.is_dir() else (base,)
        if not self.files or not self.files[0].is_file():
            raise ValueError(f"path must name a Parquet file or a folder of them, got {os.fspath(path)!r}")
        self._groups: list[tuple[Path, int, int]] = []  # file, number in it, rows
        known = []  # of each row group
        for file in self.files:
            noted, details = _described(file)
            if file == self.files[0]:
                about = noted
            elif noted != about:
                raise ValueError(f"files must have the same columns: {file} differs from {self.files[0]}")
            for at in range(details.num_row_groups):
                group = details.row_group(at)
                self._groups.append((file, at, group.num_rows))
                known.append(_known(group))
        if not len(self):
            raise ValueError(f"path must hold rows, got none in {os.fspath(path)!r}")
        self.targets, self.fields = tuple(about["targets"]), tuple(about["fields"])
        self.columns, self.cardinalities = tuple(about["columns"]), tuple(about["cardinalities"])
        self.groups = {group: tuple(names) for group, names in about["groups"].items()}
        self._checksum = zlib.crc32("".join(map(repr, known)).encode())
        labels = [[ends[:2] for ends in columns[-len(self.targets) :]] for columns in known]
        self._label_range = np.min(labels, axis=0)[:, 0], np.max(labels, axis=0)[:, 1]  # (targets,) each

    def __len__(self) -> int:
        return sum(rows for _, _, rows in self._groups)

    def __repr__(self) -> str:
        held = f"{len(self):,} rows in {len(self.files)} files"
        return f"ParquetRows({held}, targets: {', '.join(self.targets)})"

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
        same_targets(self.targets, targets)

    def check_learnable(self, targets: Sequence[str] | None = None) -> None:
        """Every target has labels of two classes, or there is nothing to tell apart."""
        both_classes(*self._label_range, self.targets)

    def shuffle_state(self) -> dict[str, int]:
        """What decides the order beside the generator's state, and a checksum of the files' statistics."""
        state = {"rows": len(self), "row_groups": len(self._groups), "buffer_rows": self.buffer_rows}
        return state | {"rows_checksum": self._checksum}

    def _buffers(self, order: Sequence[int]) -> Iterator[list[NDArray[Any]]]:
        """Ids (rows, fields), dense (rows, columns) and labels (rows, targets) of several row groups each."""
        held: list[list[NDArray[Any]]] = []
        rows = 0
        for done, position in enumerate(order, start=1):
            file, group, count = self._groups[position]
            held.append(self._read(file, group))
            rows += count
            if rows >= self.buffer_rows or done == len(order):
                yield [np.concatenate(parts) for parts in zip(*held, strict=True)]
                held, rows = [], 0

    def _read(self, file: Path, group: int) -> list[NDArray[Any]]:
        with pq.ParquetFile(file) as opened:
            table = opened.read_row_group(group, use_threads=False)
        columns = iter(table.columns)
        kinds = ((self.fields, np.int32), (self.columns, np.float32), (self.targets, np.float32))
        parts = [np.empty((table.num_rows, len(names)), kind) for names, kind in kinds]
        for part in parts:
            for at in range(part.shape[1]):
                part[:, at] = next(columns).to_numpy()
        finite_features(parts[1], self.columns)
        return parts


def _described(file: Path) -> tuple[dict[str, Any], pq.FileMetaData]:
    """What :class:`ParquetWriter` noted in a file, and Parquet's own metadata."""
    try:
        details = pq.read_metadata(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file} must be a whole Parquet file: {error}") from error
    noted = (details.metadata or {}).get(_KEY)
    if noted is None:
        raise ValueError(f"{file} must be written by ParquetWriter: it lacks the sizes of the embeddings")
    return json.loads(noted), details


def _known(group: pq.RowGroupMetaData) -> list[tuple[float, float, int]]:
    """Smallest and largest value and the size of every column of a row group: no row is read."""
    columns = (group.column(at) for at in range(group.num_columns))
    return [(c.statistics.min, c.statistics.max, c.total_uncompressed_size) for c in columns]
