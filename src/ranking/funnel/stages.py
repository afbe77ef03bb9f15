"""Pre-ranking, ranking, re-ranking: each from candidates to candidates (claims A3, A4, A5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from torch import Tensor

from ranking import validation
from ranking.funnel.candidates import Candidates
from ranking.funnel.re_ranking import Scattered, check_rules, greedy_dpp, labelled, mmr, scatter_order
from ranking.funnel.snapshot import Snapshot
from ranking.funnel.towers import ThreeTowerModel, tower_vectors
from ranking.fusion import click_times_rest
from ranking.logs import FeatureEncoder
from ranking.multi_task import MultiTaskModel
from ranking.validation import Array

WEIGHTS: Mapping[str, float] = {"like": 5.0, "collect": 5.0, "share": 5.0}
"""What a like, a collect and a share are worth beside a click of 1; chapter 5 is about choosing them."""

METHODS = {"mmr": mmr, "dpp": greedy_dpp}


def fused_score(rates: Mapping[str, ArrayLike], weights: Mapping[str, float] = WEIGHTS) -> Array:
    """p_click · (1 + Σ w · rate), the fused score of claims A8 and E2.

    Rates are in [0, 1], of one shape, "click" per impression, the others per click; weights are at least 0.
    """
    if "click" not in validation.mapping("rates", rates):
        raise ValueError(f"rates must hold 'click', got {', '.join(rates) or 'none'}")
    _check_weights(weights)
    for target in weights:
        validation.one_of("weights", target, [name for name in rates if name != "click"])
    given = {name: validation.probabilities(f"rates, {name}", rates[name]) for name in ("click", *weights)}
    return click_times_rest(given, weights)


def _check_weights(weights: Mapping[str, float]) -> None:
    """Weights of a fused score, at least 0."""
    for target, weight in validation.mapping("weights", weights).items():
        validation.number(f"weights, that of {target}", weight, least=0.0)


def _rates(targets: tuple[str, ...], logits: Tensor) -> dict[str, Array]:
    """From logits (candidates, targets) to rates by name."""
    return dict(zip(targets, expit(logits.double().numpy()).T, strict=True))


@dataclass(frozen=True, eq=False)
class PreRanking:
    """Scores every candidate with a cheap model and keeps the best few hundred (粗排, claim A3).

    Attributes:
        snapshot, encoder, model: what is known, how it is put into features, and the three towers.
        item_vectors: the item tower's output for every published item, computed beforehand, (items, dim).
        keep: how many candidates to keep; all where there are fewer.
        weights: of the fused score.
    """

    snapshot: Snapshot
    encoder: FeatureEncoder
    model: ThreeTowerModel
    item_vectors: NDArray[np.float32]
    keep: int = 300
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))

    def __post_init__(self) -> None:
        validation.positive_int("keep", self.keep)
        validation.instance("encoder", self.encoder, FeatureEncoder)
        validation.instance("model", self.model, ThreeTowerModel)
        _check_weights(self.weights)
        validation.instance("snapshot", self.snapshot, Snapshot).check_vectors(self.item_vectors)

    @torch.no_grad()
    def __call__(self, candidates: Candidates) -> Candidates:
        validation.instance("candidates", candidates, Candidates)
        request, items = candidates.request, self.snapshot.check_items(candidates.items)
        once = self.snapshot.features(self.encoder, request, items[:1])
        user = torch.from_numpy(tower_vectors(self.model.user_tower, once))  # (1, dim)
        item = torch.from_numpy(self.item_vectors[items])  # (candidates, dim)
        cross = torch.from_numpy(self.snapshot.cross(request.user, items))  # (candidates, 3)
        rates = _rates(self.model.targets, self.model.score(user, item, cross))
        return candidates.scored(fused_score(rates, self.weights)).best(self.keep)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Scores all with the full model, truncates nothing, and hands its predictions on (精排, claim A4)."""

    snapshot: Snapshot
    encoder: FeatureEncoder
    model: MultiTaskModel
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))

    def __post_init__(self) -> None:
        validation.instance("snapshot", self.snapshot, Snapshot)
        validation.instance("encoder", self.encoder, FeatureEncoder)
        validation.instance("model", self.model, MultiTaskModel)
        _check_weights(self.weights)

    @torch.no_grad()
    def __call__(self, candidates: Candidates) -> Candidates:
        validation.instance("candidates", candidates, Candidates)
        table = self.snapshot.features(self.encoder, candidates.request, candidates.items)
        rates = _rates(self.model.targets, self.model(*table.to_tensors()))
        return candidates.scored(fused_score(rates, self.weights), rates)


def relative(scores: ArrayLike) -> Array:
    """Scores moved and scaled to run from 0, the worst of the list, to 1; all 1 where all are equal."""
    values = validation.as_floats("scores", scores)
    validation.not_empty("scores", values)
    values = np.ldexp(values, -np.frexp(np.abs(values).max())[1])  # no difference of them overflows
    low, high = values.min(), values.max()
    return np.ones_like(values) if low == high else np.asarray((values - low) / (high - low))


def similarity_vectors(vectors: ArrayLike, topics: ArrayLike) -> Array:
    """Vectors of length 1 whose dot product is the mean of the cosine and of "same topic" (0 or 1).

    What reaches re-ranking was chosen for one user, so that all vectors, (n, dim) and none of them 0, point
    much the same way; the topics, (n,), spread them out again, (n, dim + number of topics that occur). As
    products of vectors the similarities are positive semi-definite.
    """
    v, topic = validation.as_floats("vectors", vectors), labelled("topics", topics)
    if v.ndim != 2 or topic.shape != v.shape[:1]:
        raise ValueError(f"vectors must have shape (n, dim) and topics (n,), got {v.shape} and {topic.shape}")
    largest = np.abs(v).max(axis=1, keepdims=True, initial=0.0)  # (n, 1)
    if (largest == 0).any() or not v.size:
        raise ValueError(f"vectors must not be 0, got that at index {int(np.argmin(largest))}")
    v = np.ldexp(v, -np.frexp(largest)[1])  # up to 1, without rounding: no square over- or underflows
    length = np.linalg.norm(v, axis=1, keepdims=True)  # (n, 1)
    same = topic[:, None] == np.unique(topic)  # (n, topics)
    return np.asarray(np.concatenate((v / length, same), axis=1) / np.sqrt(2.0))


def similarity_of(vectors: ArrayLike, topics: ArrayLike) -> Array:
    """The dot products of :func:`similarity_vectors`, (n, n)."""
    joint = similarity_vectors(vectors, topics)
    return np.asarray(joint @ joint.T)


@dataclass(frozen=True, eq=False)
class ReRanking:
    """Chooses a varied few dozen, then scatters what is alike (重排, claim A5).

    Attributes:
        snapshot, item_vectors: what is known; of every published item, (items, dim), for similarities.
        shown: how many to show; all where there are fewer.
        method: "mmr" or "dpp".
        trade_off, window: of the method; the scores are made ``relative`` for it.
        apart: "author" and "topic" -> places within which none may repeat.
        spare: the method chooses this times as many as are shown, for the rules to choose from.
    """

    snapshot: Snapshot
    item_vectors: NDArray[np.float32]
    shown: int = 30
    method: str = "dpp"
    trade_off: float = 0.8
    window: int = 10
    apart: Mapping[str, int] = field(default_factory=lambda: {"author": 8, "topic": 2})
    spare: int = 2

    def __post_init__(self) -> None:
        validation.instance("snapshot", self.snapshot, Snapshot).check_vectors(self.item_vectors)
        for name in ("shown", "spare", "window"):
            validation.positive_int(name, getattr(self, name))
        validation.one_of("method", self.method, METHODS)
        validation.number("trade_off", self.trade_off, least=0.0, most=1.0)
        check_rules(self.apart, ("author", "topic"))

    def __call__(self, candidates: Candidates) -> Candidates:
        return self.scatter(self.diversify(candidates))

    def diversify(self, candidates: Candidates) -> Candidates:
        """The most worthwhile mixture, in the order of choice."""
        validation.instance("candidates", candidates, Candidates)
        keep, scores = min(self.spare * self.shown, len(candidates)), relative(candidates.scores)
        choose, similarity = METHODS[self.method], self.similarity(candidates)
        return candidates.take(choose(scores, similarity, keep, self.trade_off, self.window))

    def similarity(self, candidates: Candidates) -> Array:
        """How alike the candidates are, (candidates, candidates)."""
        validation.instance("candidates", candidates, Candidates)
        items = self.snapshot.check_items(candidates.items)
        return similarity_of(self.item_vectors[items], self.snapshot.people.item_topic[items])

    def scatter(self, candidates: Candidates) -> Candidates:
        """The slate: the candidates in their order, but for those that the rules push back."""
        validation.instance("candidates", candidates, Candidates)
        return candidates.take(self.scattered(candidates).order)

    def scattered(self, candidates: Candidates) -> Scattered:
        """As :meth:`scatter`, with the places where no candidate met the rules."""
        validation.instance("candidates", candidates, Candidates)
        people, items = self.snapshot.people, candidates.items
        keys: dict[str, ArrayLike] = {"author": people.item_author[items], "topic": people.item_topic[items]}
        return scatter_order(keys, self.apart, min(self.shown, len(candidates)))
