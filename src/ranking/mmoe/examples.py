"""Impressions as one plain matrix of numbers: what the study of gates in chapter 4 trains on.

Ids are left out and small fields are written as 0 and 1, so that many small models can be trained at once on
the same matrix, without embedding tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from ranking import validation
from ranking.logs.features import FeatureEncoder
from ranking.logs.impressions import TARGETS, ImpressionLog
from ranking.simulator.world import World
from ranking.validation import Array

SMALL_FIELDS = ("gender", "followed", "scene")  # categorical fields of the simulator with few values


@dataclass(frozen=True)
class DenseExamples:
    """Inputs and labels of impressions whose truth is known.

    Attributes:
        columns, targets: names of the inputs; of the targets, "click" first.
        inputs, labels: (rows, columns); 0 or 1, (rows, targets).
        label_mask: 1 where a label means something, (rows, targets): click's everywhere, the others' only
            after a click (claim A7).
        truth: true probabilities, those after a click given the click, (rows, targets).
    """

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    inputs: NDArray[np.float32]
    labels: NDArray[np.float32]
    label_mask: NDArray[np.float32]
    truth: Array

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            "columns": validation.names("columns", self.columns),
            "targets": validation.targets(self.targets),
            "inputs": validation.as_float32("inputs", validation.as_floats("inputs", self.inputs)),
            "labels": validation.binary("labels", self.labels).astype(np.float32),
            "label_mask": validation.binary("label_mask", self.label_mask).astype(np.float32),
            "truth": validation.probabilities("truth", self.truth),
        }
        inputs, labels = checked["inputs"], checked["labels"]
        validation.same_shape(labels=labels, label_mask=checked["label_mask"], truth=checked["truth"])
        for name, array, of in (("inputs", inputs, "columns"), ("labels", labels, "targets")):
            if array.shape != (len(labels), len(checked[of])) or not array.size:
                wanted = f"(rows, {len(checked[of])}), one for each of {of}, as many as labels"
                raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.inputs)

    def log_loss(self, logits: ArrayLike) -> Array:
        """Log loss of each target, in nats, as expected over fresh labels drawn from the truth.

        A row counts once for clicks, and for what comes after a click as often as it is clicked. From logits
        (..., rows, targets), for example with the seeds of an ensemble in front, to (..., targets).
        """
        z = validation.as_floats("logits", logits)
        if z.shape[-2:] != self.truth.shape:
            raise ValueError(f"logits must have shape (..., {len(self)}, {len(self.targets)}), got {z.shape}")
        losses = np.logaddexp(0.0, z) - self.truth * z  # (..., rows, targets)
        counts = _once_clicked(self.truth)  # (rows, targets)
        return np.asarray((losses * counts).sum(axis=-2) / counts.sum(axis=0))  # (..., targets)

    @property
    def base_rates(self) -> Array:
        """Mean label of each target where it counts: of clicks, then of what follows a click, (targets,)."""
        return np.average(self.labels, axis=0, weights=self.label_mask).astype(np.float64)

    def bounds(self) -> tuple[Array, Array]:
        """What can be reached, and what not: :meth:`log_loss` of the best constant and of the truth.

        Each (targets,). The constant is the mean truth, where a row counts as in the loss.
        """
        q = self.truth  # (rows, targets)
        mean = np.broadcast_to(np.average(q, axis=0, weights=_once_clicked(q)), q.shape)
        return self.log_loss(logit(mean)), self.log_loss(logit(q))

    def gap_closed(self, logits: ArrayLike) -> Array:
        """Share of the way from the best constant to the truth that predictions have come, in log loss.

        0 for the constant, 1 for the truth, below 0 for what is worse than the constant. From logits
        (..., rows, targets) to (..., targets).
        """
        constant, truth = self.bounds()
        return np.asarray((constant - self.log_loss(logits)) / (constant - truth))


def _once_clicked(clicks: NDArray[Any]) -> NDArray[Any]:
    """How often a row counts (claim A7), (rows, targets), from such columns, the first of clicks."""
    counts = np.repeat(clicks[:, :1], clicks.shape[1], axis=1)
    counts[:, 0] = 1.0
    return counts


def dense_examples(
    log: ImpressionLog,
    encoder: FeatureEncoder,
    targets: Sequence[str] = ("click", "like"),
    raw_counts: bool = False,
) -> DenseExamples:
    """The encoder's dense columns, then one column of 0 and 1 per known value of each of ``SMALL_FIELDS``.

    Args:
        log: from the simulator, with the statistics of ``log.with_statistics()``.
        encoder: fitted on the training rows.
        targets: "click" first, then any that are counted per click.
        raw_counts: puts the six counts in as they are, instead of their standardised logarithms.
    """
    validation.instance("encoder", encoder, FeatureEncoder)
    raw_counts = validation.flag("raw_counts", raw_counts)
    targets = validation.listed("targets", targets)
    for target in targets:
        validation.one_of("targets", target, TARGETS)
    if targets[:1] != ("click",) or len(set(targets)) != len(targets):
        raise ValueError(f"targets must begin with 'click' and name each once, got {targets}")
    truth = validation.instance("log", log, ImpressionLog).truth
    if truth is None:
        raise ValueError("log must know its truth: take one from the simulator")
    table = encoder.transform(log)
    columns: dict[str, NDArray[np.generic]] = {}  # each (rows,)
    for name, values in zip(table.columns, table.dense.T, strict=True):
        count = name.removeprefix("log_")
        if raw_counts and count != "duration" and count in log.rows:
            columns[count] = log.rows[count].to_numpy(dtype=np.float32)
        elif not name.endswith("_missing"):  # the simulator knows every duration and every date
            columns[name] = values
    for field in SMALL_FIELDS:
        at = table.fields.index(field)
        for code in range(1, table.cardinalities[at]):
            columns[f"{field} {code}"] = table.categorical[:, at] == code
    labels = log.labels(targets)  # (rows, targets)
    return DenseExamples(
        columns=tuple(columns),
        targets=targets,
        inputs=np.stack(list(columns.values()), axis=1, dtype=np.float32),
        labels=labels,
        label_mask=_once_clicked(labels),
        truth=truth[[f"p_{target}" for target in targets]].to_numpy(dtype=np.float64),
    )


def gate_examples(
    seed: int = 0,
    rows: int = 40_000,
    held_out: int = 10_000,
    raw_counts: bool = False,
    targets: Sequence[str] = ("click", "like"),
) -> tuple[DenseExamples, DenseExamples]:
    """Rows to learn from and rows to judge on, for the study of gates: the setting of chapter 4.

    A log of a million impressions from the course's world; the first 30 days only fill the window of the
    statistics; of the last ten, the older 80% are learnt from and the newer 20% are judged on: ``rows`` and
    ``held_out`` of them, drawn without replacement. Takes two to three seconds. The seed decides the log and
    the draws; ``raw_counts`` and ``targets`` are those of :func:`dense_examples`.
    """
    seed, raw_counts = validation.seed("seed", seed), validation.flag("raw_counts", raw_counts)
    rows, held_out = validation.positive_int("rows", rows), validation.positive_int("held_out", held_out)
    log = World.build(seed=0).simulate(1_000_000, seed=seed).with_statistics().after(days=30)
    parts = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(parts[0])
    rng = np.random.default_rng(seed)
    drawn = []
    for name, part, wanted in zip(("rows", "held_out"), parts, (rows, held_out), strict=True):
        validation.positive_int(name, wanted, most=len(part))
        chosen = np.sort(rng.choice(len(part), wanted, replace=False))
        drawn.append(dense_examples(part.select(chosen), encoder, targets, raw_counts))
    return drawn[0], drawn[1]
