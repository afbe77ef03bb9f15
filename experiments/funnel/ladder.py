"""Chapter 1's experiment: which stage pays, and for what? The same candidates, scored ever better.

    python -m experiments.funnel.ladder [--seeds 5] [--items 1000000] [--impressions 600000] [--requests 60]

Every seed is a world of its own with its log and its models. What retrieval found is cut to 300 by one
scorer, or not at all, and the 30 to show are chosen by another. Scorers differ in one thing at a time: a dot
product of two towers; three towers and the ranking model without the features of the pair ("crosses") and
with them; the ranking model at other learning rates, or wider; and both where they learnt from the true
probabilities instead of what was drawn from these. The last are ceilings. Takes about two minutes per seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

from experiments.funnel.setting import KEPT, SHOWN, Setting, build, true_values
from experiments.running import each, mean_of, record
from ranking import funnel
from ranking.evaluation.grouped import grouped_auc
from ranking.evaluation.metrics import auc
from ranking.funnel import Request
from ranking.funnel.learning import BATCH
from ranking.funnel.retrieval import EmbeddingChannel
from ranking.funnel.snapshot import CROSS_COLUMNS
from ranking.funnel.stages import fused_score
from ranking.funnel.towers import Sides, ThreeTowerModel
from ranking.logs import TARGETS, FeatureTable
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.training import TableExamples, fit, seeded

Scores = Mapping[str, NDArray[np.floating]]

RATES = (1.25e-3, 2.5e-3, 1e-2)
"""Learning rates beside the 5e-3 with which all models of the funnel are trained."""

CUTS = ("nothing", "dot product", "three towers without crosses", "three towers")
"""What cuts the retrieved candidates to 300."""


def without_crosses(table: FeatureTable) -> FeatureTable:
    """The same features, those of the pair all 0."""
    dense = table.dense.copy()
    dense[:, [table.columns.index(name) for name in CROSS_COLUMNS]] = 0.0
    return replace(table, dense=dense)


def learnt_from_truth(setting: Setting, model: nn.Module, seed: int) -> nn.Module:
    """A model trained on the probabilities with which each label of the same rows was drawn.

    The loss becomes its own expectation, masked rows included: a label of click between 0 and 1 is the
    chance that the row counts for the targets given a click.
    """
    assert setting.learnt.truth is not None
    truth = setting.learnt.truth[[f"p_{target}" for target in TARGETS]].to_numpy()  # (rows, targets)
    examples = TableExamples(setting.table, truth, TARGETS)
    fit(model, examples, WeightedCrossEntropy(TARGETS), seed=seed, batch_size=BATCH)
    return model


def three_towers(setting: Setting, seed: int) -> ThreeTowerModel:
    """Untrained, as ``funnel.train_pre_ranking`` starts."""
    with seeded(seed):
        return ThreeTowerModel(Sides.of(setting.table), TARGETS)


def ranking_model(setting: Setting, seed: int, shared: tuple[int, ...] = (128, 64)) -> MultiTaskModel:
    """Untrained, as ``funnel.train_ranking`` starts, or of another size."""
    return MultiTaskModel.of(setting.table, TARGETS, seed, embedding_dim=16, shared=shared)


def tuned(setting: Setting, seed: int) -> dict[str, MultiTaskModel]:
    """The ranking model as somebody would tune it who doubts that it was given a fair chance."""
    tried = {f"ranking model, learning rate {rate:g}": (ranking_model(setting, seed), rate) for rate in RATES}
    tried["ranking model, twice as wide"] = ranking_model(setting, seed, (256, 128)), 5e-3
    tried["ranking model, a layer deeper"] = ranking_model(setting, seed, (128, 64, 64)), 5e-3
    examples = TableExamples(setting.table, setting.learnt.labels(TARGETS), TARGETS)
    for model, rate in tried.values():
        loss = WeightedCrossEntropy(TARGETS)
        fit(model, examples, loss, seed=seed, batch_size=BATCH, learning_rate=rate)
    return {name: model for name, (model, _) in tried.items()}


def train(setting: Setting, seed: int) -> dict[str, tuple[nn.Module, bool]]:
    """Models by name, each with whether it is given the crosses."""
    bare = without_crosses(setting.table)
    return {
        "three towers without crosses": (funnel.train_pre_ranking(bare, setting.learnt, seed), False),
        "ranking model without crosses": (funnel.train_ranking(bare, setting.learnt, seed), False),
        "three towers": (setting.three_towers, True),
        "ranking model": (setting.ranker, True),
        **{name: (model, True) for name, model in tuned(setting, seed).items()},
        "three towers, taught by truth": (
            learnt_from_truth(setting, three_towers(setting, seed), seed),
            True,
        ),
        "ranking model, taught by truth": (
            learnt_from_truth(setting, ranking_model(setting, seed), seed),
            True,
        ),
    }


@torch.no_grad()
def rates_of(model: nn.Module, table: FeatureTable) -> dict[str, NDArray[np.float64]]:
    """Predicted rates of the rows of a table by name of target, (rows,) each."""
    logits = model(*table.to_tensors())  # (rows, targets)
    return dict(zip(TARGETS, expit(logits.double().numpy()).T, strict=True))


def scores_of(
    setting: Setting, models: Mapping[str, tuple[nn.Module, bool]], request: Request, items: NDArray[np.int64]
) -> dict[str, NDArray[np.floating]]:
    """The fused score of some items by every scorer, (items,) each; truth and chance come from elsewhere."""
    table = setting.snapshot.features(setting.encoder, request, items)
    bare = without_crosses(table)
    embedding = setting.channels["embedding"]
    assert isinstance(embedding, EmbeddingChannel)
    scores: dict[str, NDArray[np.floating]] = {
        "dot product": setting.vectors[items] @ embedding.user_vector(request)[0]
    }
    for name, (model, crossed) in models.items():
        scores[name] = fused_score(rates_of(model, table if crossed else bare))
    return scores


def best(scores: NDArray[np.floating], keep: int) -> NDArray[np.intp]:
    """Positions of the largest scores."""
    return np.argsort(-scores, kind="stable")[:keep]


def one_request(scores: Scores, values: NDArray[np.floating], ideal: float) -> dict[str, Any]:
    """What every chooser makes of what every cut leaves, as a proportion of the best slate's value.

    ``values`` are the true values of the retrieved candidates, as ``scores`` are; ``ideal`` is what the 30
    best of the catalogue are worth. ``of_ranking`` is what a team can see: the proportion of the 30 that the
    ranking model would choose from all candidates that a cut has left.
    """
    value, kept_of_ranking = {}, {}
    wanted = best(scores["ranking model"], SHOWN)
    for cut in CUTS:
        left = np.arange(len(values)) if cut == "nothing" else best(scores[cut], KEPT)
        kept_of_ranking[cut] = np.isin(wanted, left).mean()
        value[cut] = {"chance": values[left].mean() * SHOWN / ideal}
        for name, of in {**scores, "truth": values}.items():
            value[cut][name] = values[left[best(of[left], SHOWN)]].sum() / ideal
    return {"value": value, "of_ranking": kept_of_ranking}


@torch.no_grad()
def judged_on_the_log(setting: Setting, models: Mapping[str, tuple[nn.Module, bool]]) -> dict[str, Any]:
    """What a team can measure without the truth: AUC of clicks on the newest rows, whole and by request."""
    table = funnel.training_table(setting.encoder, setting.later)
    clicked, request = setting.later.label("click"), setting.later.rows["request"].to_numpy()
    vectors = setting.two_towers(*table.to_tensors()).numpy()  # (rows, 2 · dim)
    users, items = np.split(vectors, 2, axis=1)
    scores: dict[str, NDArray[np.floating]] = {"dot product": np.einsum("rd,rd->r", users, items)}
    for name, (model, crossed) in models.items():
        scores[name] = rates_of(model, table if crossed else without_crosses(table))["click"]
    return {
        name: {"auc": auc(clicked, given), "auc_by_request": grouped_auc(clicked, given, request).mean}
        for name, given in scores.items()
    }


def run(seed: int, items: int, impressions: int, requests: int) -> dict[str, Any]:
    """What one world says."""
    setting = build(items, impressions, seed)
    models = train(setting, seed)
    found = []
    for request in funnel.requests_from(setting.log, requests, seed=seed):
        values = true_values(setting, request)
        candidates = setting.chain.retrieve(request)
        scores = scores_of(setting, models, request, candidates.items)
        ideal = float(values[funnel.truly_best(values, SHOWN)].sum())
        row = one_request(scores, values[candidates.items], ideal)
        found.append({"candidates": len(candidates), **row})
    return {"seed": seed, **mean_of(found), "on_the_log": judged_on_the_log(setting, models)}


def measure(
    seeds: range, items: int = 1_000_000, impressions: int = 600_000, requests: int = 60
) -> dict[str, Any]:
    """Every world."""
    return {
        "question": "Which stage of the funnel pays, and is it the model or its features?",
        "items": items,
        "impressions": impressions,
        "requests": requests,
        "kept": KEPT,
        "shown": SHOWN,
        "runs": [run(seed, items, impressions, requests) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
