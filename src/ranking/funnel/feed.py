"""Many requests at once, with candidates, predictions and the truth: what choosing fusion weights needs.

:func:`train_predictor` makes a model with five heads, :meth:`Feed.at_end` draws requests and candidates, and
:meth:`Feed.totals` says what any order of them truly brings. Chapter 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from torch import nn

from ranking import validation
from ranking.calibration import calibrate_logits, downsample_negatives
from ranking.funnel.snapshot import Snapshot
from ranking.fusion import expected_totals, per_impression
from ranking.logs import TARGETS, FeatureEncoder, ImpressionLog, Impressions
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.simulator import World
from ranking.simulator.policy import LoggingPolicy, Requests, draw_requests
from ranking.simulator.population import draw_topics
from ranking.training import TableExamples, fit, predict_logits
from ranking.validation import Array
from ranking.watch_time.completion import known_duration

HEADS = (*TARGETS, "share_played")
"""What the model predicts: four rates, and the share of the item that will be played."""

MOST_DRAWN = 1_000_000
"""Requests drawn at most to find those of some users among them."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model with logits of ``HEADS``, all but click given a click (claim A7), its encoder, and its α."""

    model: nn.Module
    encoder: FeatureEncoder
    sampling_rate: float

    def __post_init__(self) -> None:
        validation.instance("model", self.model, nn.Module)
        validation.instance("encoder", self.encoder, FeatureEncoder)
        validation.rate("sampling_rate", self.sampling_rate)

    def predict(self, log: Impressions, calibrated: bool = True) -> dict[str, Array]:
        """Predictions for every row of a log, by name, each (rows,); calibrated is the click rate (claim C5).

        "watch_time" is in seconds given a click: the expected share played times the duration.
        """
        _with_duration(validation.instance("log", log, Impressions))
        logits = predict_logits(self.model, self.encoder.transform(log))  # (rows, heads)
        if validation.flag("calibrated", calibrated):
            logits[:, 0] = calibrate_logits(logits[:, 0], self.sampling_rate)
        rates: dict[str, Array] = dict(zip(HEADS, expit(logits).T, strict=True))
        duration = log.rows["duration"].to_numpy(dtype=np.float64)
        rates["watch_time"] = rates.pop("share_played") * duration
        return rates


def train_predictor(log: ImpressionLog, seed: int, sampling_rate: float = 0.1) -> Predictor:
    """Train the multi-objective model with a fifth head on a down-sampled log (chapters 2 and 3).

    The log has statistics and durations. The seed decides which negatives stay, a share ``sampling_rate`` (α)
    of them in (0, 1], the first weights and the order of the rows.
    """
    seed = validation.seed("seed", seed)
    _with_duration(validation.instance("log", log, ImpressionLog))
    encoder = FeatureEncoder().fit(log)
    sample = log.select(downsample_negatives(log.label("click"), sampling_rate, rng=seed))
    played = np.minimum(sample.rows["watch_time"] / sample.rows["duration"], 1.0)
    labels = np.column_stack([sample.labels(TARGETS), played])  # (rows, heads)
    examples = TableExamples(encoder.transform(sample), labels, HEADS)
    model = MultiTaskModel.of(encoder, HEADS, seed)
    loss = WeightedCrossEntropy(HEADS, given_click=HEADS[1:])
    fit(model, examples, loss, seed=seed, description="five heads")
    return Predictor(model, encoder, sampling_rate)


def _with_duration(log: Impressions) -> None:
    """The log knows how long every item is."""
    if "duration" not in log.rows or not known_duration(log.rows["duration"]).all():
        raise ValueError("log.rows must have the column 'duration', above 0 in every row")


@dataclass(frozen=True, eq=False)
class Feed:
    """Requests with their candidates, and what would happen.

    Attributes:
        world: the simulator.
        requests: who asks, when and where; (requests,).
        items: the candidates of each, positions in the table of items; (requests, candidates).
        asked: the same pairs row by row, for an encoder to read.
        rates: the truth at a place that everybody looks at, by name, each (requests, candidates): "click",
            and given a click "like", "collect", "share" and "watch_time" in seconds.
    """

    world: World
    requests: Requests
    items: NDArray[np.int64]
    asked: Impressions
    rates: Mapping[str, Array]

    @classmethod
    def at_end(
        cls,
        world: World,
        log: ImpressionLog,
        n_requests: int,
        candidates: int = 100,
        seed: int = 0,
        users: ArrayLike | None = None,
    ) -> Self:
        """Requests at the moment when the log ends, with candidates that retrieval might bring.

        Half of the candidates are drawn by popularity, half by the topics of the user's interests; each once,
        and at most a quarter of the published items. Features are made of the counts of the log, which the
        world wrote. ``users`` are positions of those who may come, None for all. The world has clicks and
        single requests: a list that is one of a session's has no value of its own.
        """
        if validation.instance("world", world, World).config.sessions or world.config.autoplay:
            raise ValueError(
                "world must have clicks and single requests, but its config asks for autoplay or sessions"
            )
        n_requests = validation.positive_int("n_requests", n_requests)
        candidates = validation.positive_int("candidates", candidates)
        rng = np.random.default_rng(validation.seed("seed", seed))
        snapshot = Snapshot.at_end(world, log)
        if 4 * candidates > snapshot.n_items:
            most = f"a quarter of the {snapshot.n_items:,} published items"
            raise ValueError(f"candidates must be at most {most}, got {candidates}")
        requests = _draw_requests(world, n_requests, rng, users)
        requests = replace(requests, time_ms=np.full(n_requests, snapshot.now_ms))
        items = _draw_candidates(world, snapshot.n_items, requests, candidates, rng)
        truth = world.truth(item=items, **requests.context, **requests.circumstances)
        rates = {name: getattr(truth, f"p_{name}").astype(np.float64) for name in TARGETS}
        rates["watch_time"] = truth.watch_time.astype(np.float64)
        asked = snapshot.candidates(items=items, **requests.context)
        return cls(world, requests, items, asked, rates)

    def __repr__(self) -> str:
        return f"Feed({len(self.items):,} requests with {self.items.shape[1]} candidates each)"

    def predictions(self, predictor: Predictor, calibrated: bool = True) -> dict[str, Array]:
        """What :meth:`Predictor.predict` predicts, by name, each (requests, candidates)."""
        validation.instance("predictor", predictor, Predictor)
        predicted = predictor.predict(self.asked, calibrated)
        return {name: values.reshape(self.items.shape) for name, values in predicted.items()}

    def totals(self, shown: ArrayLike) -> dict[str, Array]:
        """What is to be expected of showing these (see :meth:`draw`), by name, each (requests,)."""
        shown = self._shown(shown)
        return expected_totals(shown, per_impression(self.rates), self.world.examination(shown.shape[1]))

    def _shown(self, shown: ArrayLike) -> NDArray[np.int64]:
        """A list for every request, (requests, places)."""
        at = validation.indices("shown", shown, self.items.shape[1])
        if at.ndim != 2 or len(at) != len(self.items) or not at.size:
            raise ValueError(f"shown must have shape ({len(self.items)}, places), got {at.shape}")
        return at

    def draw(
        self, shown: ArrayLike, rng: np.random.Generator, asked: ArrayLike | None = None
    ) -> dict[str, NDArray[Any]]:
        """What happens when lists are shown: outcomes drawn from the truth, place by place.

        Args:
            shown: the list of every request, positions among its candidates, best first, (requests, places).
            rng: for the draws.
            asked: which requests come, in order and maybe more than once, (showings,); None for each once.

        Returns:
            The four ``TARGETS`` (bool) and "watch_time" (seconds), each (showings, places).
        """
        validation.instance("rng", rng, np.random.Generator)
        item = np.take_along_axis(self.items, self._shown(shown), axis=1)  # (requests, places)
        position = np.arange(1, item.shape[1] + 1)
        asked_for = self.requests.context | self.requests.circumstances
        truth = self.world.truth(item=item, position=position, **asked_for)
        if asked is not None:
            chosen = validation.indices("asked", asked, len(self.items))
            validation.rows(asked=chosen)
            truth = truth.select(chosen)
        return truth.draw(rng)


def _draw_requests(world: World, n: int, rng: np.random.Generator, users: ArrayLike | None) -> Requests:
    """Requests by the daily rhythm, of the users allowed."""
    if users is None:
        return draw_requests(world, n, rng)
    allowed = np.zeros(len(world.users), dtype=bool)
    allowed[validation.indices("users", users, len(world.users))] = True
    if not allowed.any():
        raise ValueError("users must hold at least one user, got none")
    share = world.user_activity[allowed].sum() / world.user_activity.sum()
    drawn = draw_requests(world, min(int(1.5 * n / max(share, 1e-9)) + 100, MOST_DRAWN), rng)
    chosen = rng.permutation(np.flatnonzero(allowed[drawn.user]))[:n]
    if len(chosen) == n:
        return drawn[np.sort(chosen)]
    # Those asked for hardly ever come. Who comes does not depend on when and where: draw that by itself.
    activity = np.where(allowed, world.user_activity, 0.0).astype(np.float64)  # (users,)
    if not activity.any():
        raise ValueError(f"users must hold somebody who ever comes, got {np.flatnonzero(allowed)[:5]}")
    user = rng.choice(len(activity), n, p=activity / activity.sum()).astype(np.int32)
    return replace(draw_requests(world, n, rng), user=user)


def _draw_candidates(
    world: World, published: int, requests: Requests, candidates: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Distinct items for each request, in an order that says nothing, (requests, candidates)."""
    policy = LoggingPolicy(world)
    shape = (len(requests), 3 * candidates)  # more than are kept, as popular ones come twice
    popular = policy.any_item(rng, np.zeros(shape, dtype=np.int64), published)
    topic = draw_topics(rng, world.user_interests, np.broadcast_to(requests.user[:, None], shape))
    by_interest = policy.of_topic(rng, topic, published)
    items = np.empty((len(requests), candidates), dtype=np.int64)
    for row, (first, second) in enumerate(zip(popular, by_interest, strict=True)):
        drawn = np.stack((first, second), axis=1).ravel()  # by turns from either
        distinct, at = np.unique(drawn[drawn >= 0], return_index=True)  # −1: a topic without a published item
        distinct = distinct[np.argsort(at)]
        if (lacking := candidates - len(distinct)) > 0:  # a few items draw all: more of the others
            others = np.setdiff1d(np.arange(published), distinct)
            weight = world.item_popularity[others].astype(np.float64)
            more = rng.choice(others, lacking, replace=False, p=weight / weight.sum())
            distinct = np.concatenate((distinct, more))
        items[row] = rng.permutation(distinct[:candidates])
    return items
