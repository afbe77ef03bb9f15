"""What the experiments of chapter 2 share: a world, its log, features, and the truth about rows kept aside.

A seed draws a world, a log of it, the first weights and the order of the rows. The first 30 of a log's 40
days only fill the window of the statistics. Of the last ten, the older 70% of the impressions are learnt
from, on the next 10% learning rates are chosen, by their labels as a team would, and the newest 20% are
judged on. Models are judged by their *expected* log loss and AUC there: over fresh labels drawn from the true
probabilities, each row counting as often as it is clicked where the target is counted per click.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from experiments.logs import recent_log, true
from experiments.running import each
from ranking.evaluation import metrics
from ranking.logs import TARGETS, FeatureEncoder, FeatureTable, ImpressionLog
from ranking.mmoe import EmbeddedMMoE
from ranking.multi_task import MultiTaskModel, base_rates
from ranking.training import TableExamples, fit, predict_logits

Floats = NDArray[np.float64]
Model = TypeVar("Model", MultiTaskModel, EmbeddedMMoE)
BATCH = 1024
RATES = (0.0025, 0.005, 0.01, 0.02)
"""Learning rates that every treatment may choose from."""
MOST = 1.0 - 1e-6  # a quotient of two rates may come out above 1, which no loss can judge
JUDGED = "expected over fresh labels from the true probabilities, on held-out rows of a world of its own"


@dataclass(frozen=True, eq=False)
class Part:
    """Rows with features; ``labels`` and ``truth`` are (rows, targets), click first, the others per click."""

    log: ImpressionLog
    features: FeatureTable
    labels: NDArray[np.float32]
    truth: Floats

    @classmethod
    def of(cls, log: ImpressionLog, encoder: FeatureEncoder) -> Part:
        """The features, labels and truth of some rows."""
        truth = np.stack([true(log, f"p_{target}") for target in TARGETS], axis=1)
        return cls(log, encoder.transform(log), log.labels(TARGETS), truth)

    @property
    def counts(self) -> Floats:
        """How often each row counts for each target in the truth, (rows, targets)."""
        counts = np.ones_like(self.truth)
        counts[:, 1:] = self.truth[:, :1]
        return counts

    @property
    def observed(self) -> Floats:
        """How often each row counts for each target in the log, (rows, targets)."""
        counts = np.ones_like(self.truth)
        counts[:, 1:] = self.labels[:, :1]
        return counts


@dataclass(frozen=True, eq=False)
class Setting:
    """One world's rows to learn from, to choose by and to judge on."""

    seed: int
    encoder: FeatureEncoder
    learnt: Part
    chosen_on: Part
    judged_on: Part

    @classmethod
    def build(cls, seed: int, impressions: int) -> Setting:
        """The world that a seed draws, and its log."""
        return cls.of(recent_log(seed, impressions, world_seed=seed), seed)

    @classmethod
    def of(cls, log: ImpressionLog, seed: int) -> Setting:
        """The parts of a log."""
        logs = log.split(0.7, 0.1, 0.2)
        encoder = FeatureEncoder().fit(logs[0])
        learnt, chosen_on, judged_on = (Part.of(part, encoder) for part in logs)
        return cls(seed, encoder, learnt, chosen_on, judged_on)

    def model(
        self, targets: Sequence[str] = TARGETS, based: bool = True, masked: bool = True, **size: Any
    ) -> MultiTaskModel:
        """An untrained model; its heads start at the base rates, or without ``based`` near one half."""
        rates = base_rates(self.learnt.labels, TARGETS, masked=masked) if based else None
        some = None if rates is None else [rates[target] for target in targets]
        return MultiTaskModel.of(self.encoder, targets, seed=self.seed, base_rates=some, **size)

    def train(
        self,
        loss: torch.nn.Module,
        learning_rate: float,
        model: MultiTaskModel | None = None,
        rows: slice | NDArray[np.bool_] = slice(None),
        batch_size: int = BATCH,
    ) -> MultiTaskModel:
        """A model trained on all targets of its own, on the rows to learn from or a part of them."""
        return self.learn(self.model() if model is None else model, loss, learning_rate, rows, batch_size)

    def learn(
        self,
        model: Model,
        loss: torch.nn.Module,
        learning_rate: float,
        rows: slice | NDArray[np.bool_] = slice(None),
        batch_size: int = BATCH,
    ) -> Model:
        """As :meth:`train`, for a model of either kind."""
        columns = [TARGETS.index(target) for target in model.targets]
        examples = TableExamples(self.learnt.features[rows], self.learnt.labels[rows][:, columns])
        fit(model, examples, loss, seed=self.seed, batch_size=batch_size, learning_rate=learning_rate)
        return model


def in_every_world(
    run: Callable[[Setting], list[dict[str, Any]]], seeds: Collection[int], impressions: int
) -> list[dict[str, Any]]:
    """What ``run`` finds in the world of each seed, one after the other."""
    return [found for seed in each(seeds) for found in run(Setting.build(seed, impressions))]


def predicted(model: torch.nn.Module, part: Part) -> Floats:
    """Predicted rates, shape (rows, targets)."""
    rates: Floats = expit(predict_logits(model, part.features))
    return rates


def constants(part: Part) -> Floats:
    """The best constant prediction of each target, shape (rows, targets)."""
    return np.broadcast_to(np.average(part.truth, axis=0, weights=part.counts), part.truth.shape)


def judge(part: Part, p: Floats, targets: Sequence[str] = TARGETS) -> dict[str, dict[str, float]]:
    """Expected log loss and AUC, mean prediction over mean truth, and the part of the gap closed, by target.

    The gap is that between the log loss of the best constant and that of the truth.
    """
    found: dict[str, dict[str, float]] = {"gap_closed": {}, "log_loss": {}, "auc": {}, "level": {}}
    for target, column in zip(targets, p.T, strict=True):
        k = TARGETS.index(target)
        truth, counts, constant = part.truth[:, k], part.counts[:, k], constants(part)[:, k]
        best, worst, ours = (
            float(np.average(metrics.cross_entropy(truth, q), weights=counts))
            for q in (truth, constant, column)
        )
        found["log_loss"][target] = ours
        found["gap_closed"][target] = (worst - ours) / (worst - best)
        found["auc"][target] = metrics.expected_auc(truth, column, counts)
        found["level"][target] = float(np.average(column, weights=counts) / constant[0])
    return found


def bounds(part: Part) -> dict[str, Any]:
    """The log loss and AUC of the truth itself and of the best constant: the ends of what can be reached."""
    return {"truth": judge(part, part.truth), "constant": judge(part, constants(part))}


def observed_loss(part: Part, p: Floats, targets: Sequence[str] = TARGETS) -> float:
    """What a team sees on labels: the log losses over those of the base rates, mean over targets."""
    ratios = []
    for target, column in zip(targets, p.T, strict=True):
        k = TARGETS.index(target)
        y, counts = part.labels[:, k], part.observed[:, k]
        base = np.full(y.shape, np.average(y, weights=counts))
        column = np.minimum(column, MOST)
        ours, worst = (np.average(metrics.cross_entropy(y, q), weights=counts) for q in (column, base))
        ratios.append(ours / worst)
    return float(np.mean(ratios))


def at_best_rate(
    setting: Setting,
    train: Callable[[float], Model],
    rates: Sequence[float] = RATES,
    read: Callable[[Floats], Floats] | None = None,
    only: str | None = None,
) -> tuple[Model, dict[str, Any]]:
    """Train at each learning rate; the model of the smallest observed loss, and what each rate came to.

    The search starts in the middle and goes on downhill, so that two or three of the rates are tried.
    ``read`` makes rates per click of what the model says, where it says something else; ``only`` judges one
    target.
    """
    tried: dict[float, tuple[float, Model]] = {}

    def loss_at(k: int) -> float:
        rate = rates[k]
        if rate not in tried:
            model = train(rate)
            p = predicted(model, setting.chosen_on)
            p = p if read is None else read(p)
            judged = model.targets if only is None else (only,)
            p = p[:, [model.targets.index(target) for target in judged]]
            tried[rate] = (observed_loss(setting.chosen_on, p, judged), model)
        return tried[rate][0]

    k = len(rates) // 2
    step = -1 if k > 0 and loss_at(k - 1) < loss_at(k) else 1
    while 0 <= k + step < len(rates) and loss_at(k + step) < loss_at(k):
        k += step
    return tried[rates[k]][1], {
        "learning_rate": rates[k],
        "tried": {str(rate): loss for rate, (loss, _) in sorted(tried.items())},
    }


def by_target(values: Sequence[float], targets: Sequence[str] = TARGETS) -> dict[str, float]:
    """One number for each target, by name."""
    return dict(zip(targets, map(float, values), strict=True))
