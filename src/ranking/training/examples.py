"""Examples to learn from: features with labels, dealt out in shuffled batches.

``TableExamples`` holds them in memory; ``ranking.training.parquet.ParquetRows`` streams them from files. The
fit loop asks both for the same thing: how many there are, and one pass of batches.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.logs import FeatureEncoder, FeatureTable, ImpressionLog

Batch = tuple[torch.Tensor, ...]
Floats = NDArray[np.floating]
Names = Sequence[str]


@runtime_checkable
class Examples(Protocol):
    """What the fit loop needs of its rows."""

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""

    def __len__(self) -> int:
        """Number of rows."""

    def batches(self, batch_size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """One pass: ids (rows, fields), dense features (rows, columns), labels (rows, targets) per batch.

        Rows that have weights give them as a fourth part, (rows,). With a generator the rows come shuffled by
        it; the same state gives the same batches. Without one they come in the order in which they lie.
        A last row that is left alone joins the batch before: a batch norm cannot learn from one row.
        """

    def shuffle_state(self) -> dict[str, int]:
        """What else the batches depend on, for a checkpoint to compare."""

    def check_targets(self, targets: Names) -> None:
        """Raise ``ValueError`` unless the labels are of the targets of a model."""

    def check_learnable(self, targets: Names | None = None) -> None:
        """Raise ``ValueError`` if the labels teach nothing; held-out rows need not teach."""


class _InMemory:
    """Rows in memory, dealt out in batches."""

    def __init__(
        self, features: FeatureTable, labels: NDArray[np.float32], weights: ArrayLike | None = None
    ) -> None:
        validation.instance("features", features, FeatureTable)
        y = labels[:, None] if labels.ndim == 1 else labels  # (rows, targets)
        if y.ndim != 2 or len(y) != len(features):
            raise ValueError(f"labels must have one row per row of features: {y.shape} for {len(features)}")
        validation.not_empty("labels", y)
        finite_features(features.dense, features.columns)
        self.categorical, self.dense = features.to_tensors()
        self.labels = torch.from_numpy(np.ascontiguousarray(y))
        self.parts: Batch = (self.categorical, self.dense, self.labels)
        if weights is not None:
            self.parts += (torch.from_numpy(row_weights(weights, len(y))),)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        return len(self.parts) > 3

    def batches(self, batch_size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """One pass, see :class:`Examples`."""
        sizes = batch_sizes(len(self), batch_size)
        if generator is None:
            yield from zip(*[torch.split(part, sizes) for part in self.parts], strict=True)
            return
        for chosen in torch.split(torch.randperm(len(self), generator=generator), sizes):
            yield tuple(part.index_select(0, chosen) for part in self.parts)

    def shuffle_state(self) -> dict[str, int]:
        """The number of rows, which with the generator's state decides the order, and a checksum of them."""
        checksum = 0
        for part in self.parts:
            checksum = zlib.crc32(part.numpy().data, checksum)
        return {"rows": len(self), "rows_checksum": checksum}


class TableExamples(_InMemory):
    """Examples in memory whose labels are 0 and 1, or numbers between.

    Labels are in [0, 1], (rows,) or (rows, targets). The names of the targets are compared with the model's;
    left out, their number is. ``weights``, (rows,), at least 0 and not all 0, say how much a row counts:
    twice the weight is as if it stood there twice. Shapes that do not match, no rows, features that are not
    finite and other labels or weights are a ``ValueError``.
    """

    def __init__(
        self,
        features: FeatureTable,
        labels: ArrayLike,
        targets: Names | None = None,
        weights: ArrayLike | None = None,
    ) -> None:
        y = validation.probabilities("labels", labels).astype(np.float32)
        super().__init__(features, y, weights)
        self.targets = None if targets is None else validation.targets(targets)
        if targets is not None:
            self.check_targets(targets)

    @classmethod
    def of(
        cls, log: ImpressionLog, encoder: FeatureEncoder, targets: Names, weights: ArrayLike | None = None
    ) -> Self:
        """The impressions of a log, through a fitted encoder, with their labels of some targets."""
        validation.instance("log", log, ImpressionLog)
        names = validation.targets(targets)
        labels = log.labels(names)
        features = validation.instance("encoder", encoder, FeatureEncoder).transform(log)
        return cls(features, labels, names, weights)

    def check_targets(self, targets: Names) -> None:
        """The same names, or as many of them where the labels have none."""
        targets = validation.targets(targets)
        if self.targets is not None:
            same_targets(self.targets, targets)
        if len(targets) != (width := self.labels.shape[1]):
            raise ValueError(f"labels must have one column per target: {width} for {', '.join(targets)}")

    def check_learnable(self, targets: Names | None = None) -> None:
        """Every target has labels of two classes, or there is nothing to tell apart."""
        y = self.labels.numpy()
        both_classes(y.min(axis=0), y.max(axis=0), targets)


class WatchTimeExamples(_InMemory):
    """Examples in memory whose labels are seconds, at least 0.

    They are (rows,) or (rows, columns): a second column may say which rows were clicked. Weights and errors
    as in :class:`TableExamples`.
    """

    def __init__(self, features: FeatureTable, labels: ArrayLike, weights: ArrayLike | None = None) -> None:
        seconds = validation.as_float32("labels", validation.non_negative("labels", labels))
        super().__init__(features, seconds, weights)

    def check_targets(self, targets: Names) -> None:
        """The loss reads the columns; they need no names."""

    def check_learnable(self, targets: Names | None = None) -> None:
        """Something was watched."""
        if not self.labels[:, 0].any():
            raise ValueError("labels must hold a watch time above 0, got only 0")


def row_weights(weights: ArrayLike, rows: int) -> NDArray[np.float32]:
    """Weights of rows, (rows,), at least 0 and not all 0."""
    w = validation.as_float32("weights", validation.non_negative("weights", weights))
    if w.shape != (rows,):
        raise ValueError(f"weights must have the shape ({rows},), one per row, got {w.shape}")
    if not w.any():
        raise ValueError("weights must not be all 0, or nothing is learnt")
    return w


def batch_sizes(rows: int, batch_size: int) -> list[int]:
    """Sizes of the batches of ``rows`` rows; a last one of a single row joins the one before."""
    batch_size = validation.positive_int("batch_size", batch_size)
    whole, left = divmod(rows, batch_size)
    sizes = [batch_size] * whole + [left] * (left > 0)
    if left == 1 and whole:
        sizes[-2:] = [batch_size + 1]
    return sizes


def same_targets(own: tuple[str, ...], targets: Names) -> None:
    """Examples are of the targets of a model, in its order."""
    if own != tuple(targets):
        raise ValueError(f"examples must have the targets of the model, {targets}, got {own}")


def both_classes(low: Floats, high: Floats, targets: Names | None) -> None:
    """Every target's labels, of which the smallest and largest are given, hold more than one class."""
    names = [f"target {k}" for k in range(len(low))] if targets is None else list(targets)
    for target, smallest, largest in zip(names, low, high, strict=True):
        if largest == 0.0 or smallest == 1.0:
            lacking = "positives" if largest == 0.0 else "negatives"
            raise ValueError(f"labels must hold {lacking} for every target, got none for {target}")


def finite_features(dense: Floats, columns: Names) -> None:
    """No dense feature is NaN or infinite."""
    bad = ~np.isfinite(dense)
    if bad.any():
        row, column = (int(where) for where in np.argwhere(bad)[0])
        raise ValueError(
            f"features must be finite, got {dense[row, column]} in the column {columns[column]} at row {row} "
            f"({int(bad.sum())} such values): FeatureEncoder turns what is missing into an indicator"
        )
