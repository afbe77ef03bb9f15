"""What travels down the funnel: a list of candidates for one request, with where each came from.

Every stage of the chain (claim A1) takes :class:`Candidates` and returns :class:`Candidates`, scored, fewer
or reordered. Nothing else is passed along, so stages can be exchanged, timed and counted one by one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntFlag
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.fusion import order
from ranking.validation import Array

LARGEST = np.iinfo(np.int64).max  # no position reaches it


class Channel(IntFlag):
    """A retrieval channel (召回通道) as one bit, so that one number says by which channels an item came."""

    EMBEDDING = 1
    POPULAR = 2
    FRESH = 4
    FOLLOWED = 8
    TOPIC = 16


CHANNELS = tuple(name.lower() for name in Channel.__members__)
"""Names of the channels, in the order of their bits."""


def channel(name: str) -> Channel:
    """The channel of that name, a ``ValueError`` if there is none."""
    return Channel[validation.one_of("name of channel", name, CHANNELS).upper()]


@dataclass(frozen=True)
class Request:
    """Who asks, and when and where: the user and the context (场景) of claim B1.

    ``user`` is a position in the table of users, ``scene`` one in ``ranking.simulator.vocabulary.SCENES``,
    ``hour`` local, from 0 to 23, ``weekday`` 0 on Mondays.
    """

    user: int
    hour: int
    weekday: int
    scene: int

    def __post_init__(self) -> None:
        for name, stop in {"user": LARGEST, "hour": 24, "weekday": 7, "scene": 4}.items():
            object.__setattr__(self, name, validation.index(name, getattr(self, name), stop))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items that may still be shown to one request, in order.

    Attributes:
        request: whom they are for.
        items: positions in the table of items, (candidates,), each once.
        channels: by which channels each was found, bits of :class:`Channel`, uint8, (candidates,).
        scores: what the last stage gave each, (candidates,). Scores of different stages do not compare.
        predictions: from the ranking stage, rates by name of target, each of shape (candidates,).

    Raises:
        ValueError: anything is not as above, there is no candidate, or a score is NaN or infinite.
    """

    request: Request
    items: NDArray[np.int64]
    channels: NDArray[np.uint8]
    scores: Array
    predictions: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        validation.instance("request", self.request, Request)
        items = validation.indices("items", self.items, LARGEST)
        validation.not_empty("items", items)
        channels = validation.indices("channels", self.channels, 2 ** len(Channel), start=1)
        scores = validation.as_floats("scores", self.scores)
        given = validation.mapping("predictions", self.predictions)
        predictions = {
            name: validation.probabilities(f"predictions, those of {name}", values)
            for name, values in given.items()
        }
        for name, values in {"channels": channels, "scores": scores, **predictions}.items():
            _same_list(items, name, values)
        distinct, counts = np.unique(items, return_counts=True)
        if distinct.size < items.size:
            raise ValueError(f"items must stand once each, got {distinct[counts > 1][0]} more than once")
        checked = {"items": items, "channels": channels.astype(np.uint8), "scores": scores}
        for name, value in {**checked, "predictions": predictions}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Candidates({len(self):,} items for user {self.request.user})"

    def take(self, positions: ArrayLike) -> Self:
        """The candidates at these positions, in the order given, with all that is known of them."""
        at = validation.indices("positions", positions, len(self))
        validation.rows(positions=at)
        predictions = {name: values[at] for name, values in self.predictions.items()}
        items, channels, scores = self.items[at], self.channels[at], self.scores[at]
        return replace(self, items=items, channels=channels, scores=scores, predictions=predictions)

    def scored(self, scores: ArrayLike, predictions: Mapping[str, Array] | None = None) -> Self:
        """The same candidates with new scores, best first; of equal ones the earlier stays first."""
        scores = validation.as_floats("scores", scores)
        predictions = self.predictions if predictions is None else predictions
        return replace(self, scores=scores, predictions=predictions).take(order(scores))

    def best(self, keep: int) -> Self:
        """The first ``keep`` of them, or all where there are fewer."""
        return self.take(np.arange(min(validation.positive_int("keep", keep), len(self))))

    def found_by(self, name: str) -> NDArray[np.bool_]:
        """Which candidates came by that channel (by others, too, maybe), shape (candidates,)."""
        return (self.channels & channel(name)) > 0

    def frame(self) -> pd.DataFrame:
        """As a table: item, the names of its channels, score, predictions."""
        names = [" + ".join(name for name in CHANNELS if bits & channel(name)) for bits in self.channels]
        return pd.DataFrame({"item": self.items, "found by": names, "score": self.scores, **self.predictions})


Stage = Callable[[Candidates], Candidates]
"""Pre-ranking, ranking and re-ranking are each one of these."""


def merge(request: Request, found: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Candidates:
    """What several channels found, as one list without repeats (claim A2).

    ``found`` is channel name -> (items best first, their scores in that channel). A channel may find nothing,
    but not all of them. An item that several bring stands once, with the bits of all. Scores of different
    channels do not compare, but places do: that of a merged item is 1 / (its best place in any channel).
    """
    validation.instance("request", request, Request)
    parts = []
    for name, pair in validation.mapping("found", found).items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"found[{name!r}] must be a pair of items and scores, got {pair!r:.80}")
        bit, items = channel(name), validation.as_array(f"items of {name}", pair[0])  # (found,)
        if items.size:
            items = validation.indices(f"items of {name}", items, LARGEST)
        _same_list(items, f"scores of {name}", validation.as_floats(f"scores of {name}", pair[1]))
        parts.append((items, np.full(items.shape, bit, np.uint8), 1.0 / np.arange(1, items.size + 1)))
    if not any(items.size for items, _, _ in parts):
        names = ", ".join(found) or "no channel"
        raise ValueError(f"found must hold at least one item, got none from {names}")
    items, bits, places = (np.concatenate(column) for column in zip(*parts, strict=True))
    by_item = np.argsort(items, kind="stable")
    distinct, start = np.unique(items[by_item], return_index=True)
    channels = np.bitwise_or.reduceat(bits[by_item], start)
    best = np.maximum.reduceat(places[by_item], start)
    return Candidates(request, distinct.astype(np.int64), channels, best).scored(best)


def _same_list(items: NDArray[Any], other: str, values: Any) -> None:
    """Items and what belongs to them have the same shape, that of one list."""
    shapes = f"{np.shape(items)} and {np.shape(values)}"
    if np.ndim(items) != 1 or np.shape(values) != np.shape(items):
        raise ValueError(f"items and {other} must have the same shape (items,), got {shapes}")
