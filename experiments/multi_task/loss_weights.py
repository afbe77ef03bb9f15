"""Chapter 2's experiment: what loss weights do to four tasks, judged against the known truth.

    python -m experiments.multi_task.loss_weights [--seeds 5] [--impressions 1000000] [--out FILE]

Every seed is a fresh log from one world and fresh first weights. The first 30 of a log's 40 days only fill
the window of the statistics; of the last ten, the older 80% of the impressions are learnt from and the newer
20% are judged on. Models are judged by their *expected* AUC and log loss: over fresh labels drawn from the
true probabilities, each row counting as often as it is clicked where the target is counted per click. Takes
about six minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.special import expit

from experiments.logs import recent_log, true
from experiments.running import each, record
from ranking.evaluation import metrics
from ranking.logs import TARGETS, FeatureEncoder, ImpressionLog
from ranking.logs.features import FeatureTable
from ranking.multi_task import MultiTaskModel, UncertaintyWeighting, WeightedCrossEntropy, task_gradients
from ranking.training import TableExamples, fit, predict_logits

WEIGHTS = (0.1, 1.0, 10.0, 100.0)
GRADIENT_ROWS = 50_000
GRADIENT_BATCH = 256
JUDGED = "expected over fresh labels from the true probabilities, on held-out rows"


class Setting:
    """One log, its features, and the truth about its held-out rows."""

    def __init__(self, log: ImpressionLog, seed: int) -> None:
        self.seed = seed
        train, test = log.split(0.8, 0.2)
        self.encoder = FeatureEncoder().fit(train)
        self.features, self.held_out = self.encoder.transform(train), self.encoder.transform(test)
        self.labels = train.labels(TARGETS)  # (rows, targets)
        self.examples = TableExamples(self.features, self.labels)
        # (held-out rows, targets), like, collect and share given click
        self.truth = np.stack([true(test, f"p_{target}") for target in TARGETS], axis=1)
        self.counts = np.ones_like(self.truth)  # how often a row counts
        self.counts[:, 1:] = self.truth[:, :1]

    def model(self, targets: tuple[str, ...] = TARGETS) -> MultiTaskModel:
        """An untrained model."""
        return MultiTaskModel.of(self.encoder, targets, seed=self.seed)

    def train(self, loss: torch.nn.Module) -> MultiTaskModel:
        """A model trained on all four targets."""
        model = self.model()
        fit(model, self.examples, loss, seed=self.seed)
        return model

    def alone(self, target: str) -> MultiTaskModel:
        """The single-task baseline; of a target that is counted per click, on the clicked rows only."""
        model, loss = self.model((target,)), WeightedCrossEntropy((target,), masked=False)
        rows, batch_size = np.ones(len(self.labels), dtype=bool), 256
        if target != "click":
            rows, batch_size = self.labels[:, 0] == 1, 32  # a tenth of the rows, in about as many steps
        labels = self.labels[rows, TARGETS.index(target)]
        fit(model, TableExamples(self.features[rows], labels), loss, seed=self.seed, batch_size=batch_size)
        return model

    def judge(self, p: np.ndarray, targets: tuple[str, ...] = TARGETS) -> dict[str, dict[str, float]]:
        """Expected AUC and log loss, and mean prediction over mean truth, by target."""
        judged: dict[str, dict[str, float]] = {"auc": {}, "log_loss": {}, "level": {}}
        for target, column in zip(targets, p.T, strict=True):
            k = TARGETS.index(target)
            truth, counts = self.truth[:, k], self.counts[:, k]
            losses = metrics.cross_entropy(truth, column)
            judged["auc"][target] = metrics.expected_auc(truth, column, counts)
            judged["log_loss"][target] = np.average(losses, weights=counts)
            mean = np.average(truth, weights=counts)
            judged["level"][target] = np.average(column, weights=counts) / mean
        return judged

    def predictions(self, model: torch.nn.Module) -> np.ndarray:
        """Predicted probabilities of the held-out rows, shape (rows, targets)."""
        return expit(predict_logits(model, self.held_out))


def bounds(setting: Setting) -> dict[str, Any]:
    """The same judgement of the truth itself, and of the best constant: what can be reached, and what not."""
    constant = np.broadcast_to(np.average(setting.truth, axis=0, weights=setting.counts), setting.truth.shape)
    return {
        "seed": setting.seed,
        "rows": len(setting.features),
        "held_out": len(setting.held_out),
        "truth": setting.judge(setting.truth),
        "constant": setting.judge(constant),
    }


def by_entropy(setting: Setting) -> dict[str, float]:
    """Weights that divide each loss by what the base rate alone leaves of it."""
    clicked = setting.labels[:, 0] == 1
    rates = [setting.labels[:, 0].mean(), *setting.labels[clicked, 1:].mean(axis=0)]
    return {
        target: 1.0 / metrics.log_loss([rate], [rate]) for target, rate in zip(TARGETS, rates, strict=True)
    }


def per_impression(setting: Setting, masked: np.ndarray, unmasked: np.ndarray) -> dict[str, Any]:
    """What heads trained without a mask predict, and both ways between the two rates (slip X10)."""
    click, given_click = setting.truth[:, 0], setting.truth[:, 1]
    like = click * given_click  # per impression

    def loss(truth: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> float:
        return np.average(metrics.cross_entropy(truth, p), weights=weights)

    quotient = unmasked[:, 1] / unmasked[:, 0]
    return {
        "seed": setting.seed,
        "true_like_per_impression": like.mean(),
        "true_like_per_click": np.average(given_click, weights=click),
        "unmasked_head_mean": unmasked[:, 1].mean(),
        "masked_head_mean_on_clicks": np.average(masked[:, 1], weights=click),
        "product_mean": (masked[:, 0] * masked[:, 1]).mean(),
        "quotient_mean_on_clicks": np.average(quotient, weights=click),
        "quotients_above_1": int((quotient > 1).sum()),
        "log_loss_per_impression": {
            "unmasked head": loss(like, unmasked[:, 1]),
            "product": loss(like, masked[:, 0] * masked[:, 1]),
        },
        "auc_per_impression": {
            "unmasked head": metrics.expected_auc(like, unmasked[:, 1]),
            "product": metrics.expected_auc(like, masked[:, 0] * masked[:, 1]),
        },
        "log_loss_per_click": {
            "masked head": loss(given_click, masked[:, 1], click),
            "quotient": loss(given_click, np.minimum(quotient, 1 - 1e-6), click),
            "unmasked head as it is": loss(given_click, unmasked[:, 1], click),
        },
        "auc_per_click": {
            "masked head": metrics.expected_auc(given_click, masked[:, 1], click),
            "quotient": metrics.expected_auc(given_click, quotient, click),
            "unmasked head as it is": metrics.expected_auc(given_click, unmasked[:, 1], click),
        },
    }


def by_target(values: torch.Tensor) -> dict[str, float]:
    """One number for each target, shape (targets,), by name."""
    return dict(zip(TARGETS, values.tolist(), strict=True))


def gradients(setting: Setting, model: MultiTaskModel, moment: str) -> dict[str, Any]:
    """Size and angle of each task's gradient at the shared network, over many rows and batch by batch."""
    rng = np.random.default_rng(setting.seed)
    rows = rng.permutation(len(setting.features))[:GRADIENT_ROWS]
    table: FeatureTable = setting.features[rows]
    parts = (*table.to_tensors(), torch.from_numpy(setting.labels[rows]))
    whole = task_gradients(model, *parts)
    batches = zip(*(part.split(GRADIENT_BATCH) for part in parts), strict=True)
    norms = torch.stack([task_gradients(model, *batch).norms for batch in batches])  # (batches, targets)
    return {
        "seed": setting.seed,
        "moment": moment,
        "norm": by_target(whole.norms),
        "norm_of_a_batch": by_target(norms.mean(dim=0)),
        "cosines": whole.cosines,
    }


def run(setting: Setting) -> dict[str, Any]:
    """All trainings on one log."""
    seed = setting.seed
    equal = setting.train(WeightedCrossEntropy(TARGETS))
    masked = setting.predictions(equal)
    at_one = setting.judge(masked)
    found: dict[str, Any] = {"runs": [], "single": [], "remedies": []}
    for task in TARGETS:
        for weight in WEIGHTS:
            judged = at_one
            if weight != 1.0:
                model = setting.train(WeightedCrossEntropy(TARGETS, {task: weight}))
                judged = setting.judge(setting.predictions(model))
            found["runs"].append({"task": task, "weight": weight, "seed": seed, **judged})
        judged = setting.judge(setting.predictions(setting.alone(task)), (task,))
        found["single"].append({"task": task, "seed": seed, **judged})

    learnt = UncertaintyWeighting(TARGETS)
    judged = setting.judge(setting.predictions(setting.train(learnt)))
    weights = by_target(learnt.loss_weights)
    found["remedies"].append({"name": "uncertainty", "seed": seed, "loss_weights": weights, **judged})
    weights = by_entropy(setting)
    model = setting.train(WeightedCrossEntropy(TARGETS, weights))
    judged = setting.judge(setting.predictions(model))
    found["remedies"].append({"name": "by entropy", "seed": seed, "loss_weights": weights, **judged})

    unmasked = setting.predictions(setting.train(WeightedCrossEntropy(TARGETS, masked=False)))
    found["per_impression"] = [per_impression(setting, masked, unmasked)]
    tenth = setting.model()
    examples = TableExamples(setting.features[::10], setting.labels[::10])
    fit(tenth, examples, WeightedCrossEntropy(TARGETS), seed=seed)
    moments = {"untrained": setting.model().eval(), "a tenth of the rows": tenth, "trained": equal}
    found["gradients"] = [gradients(setting, model, moment) for moment, model in moments.items()]
    found["bounds"] = [bounds(setting)]
    return found


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every training on every log."""
    found: dict[str, Any] = {
        "question": "What do loss weights do to four tasks, and how is one to choose them?",
        "impressions": impressions,
        "weights": WEIGHTS,
        "judged": JUDGED,
    }
    for seed in each(seeds):
        for name, part in run(Setting(recent_log(seed, impressions), seed)).items():
            found.setdefault(name, []).extend(part)
    return found


if __name__ == "__main__":
    record(measure, seeds=5)
