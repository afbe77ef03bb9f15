"""The fused order explorer of chapter 3: a list sorted with a click score that was left raw (C3–C6, E2)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.schema import array, ascending, each, number, optional, record, words
from bookwork.explorer.traits import Checked, Count, Share
from ranking.calibration import downsampled
from ranking.fusion import click_times_rest, order
from ranking_course.explorers.base import Explorer

LEAST_RATE, HIGHEST_PRICE = 0.01, 100.0
MOST_REQUESTS = 12
ITEMS = (3, 20)
"""How many items a request has, at least and at most."""

_CHANCE = number(above=0.0, high=1.0)
_SHARE = number(0.0, 1.0)
_ITEM = record(name=words(), p_click=_CHANCE, p_like=_SHARE, true_click=_CHANCE, true_like=_SHARE)


def _items(name: str, value: Any) -> list[dict[str, Any]]:
    items = each(_ITEM, *ITEMS)(name, value)
    names = [item["name"] for item in items]
    for i, own in enumerate(names):
        if own in names[:i]:
            raise ValueError(f"{name}[{i}]['name'] must be another than those before it, got {own!r}")
    return items


def _falling(name: str, value: Any) -> list[float]:
    found = each(number(LEAST_RATE, 1.0), 2)(name, value)
    if sorted(set(found), reverse=True) != found:
        raise ValueError(f"{name} must hold numbers in falling order, each once, got {value!r:.80}")
    return found


_WORLDS = record(
    sampling_rates=_falling,
    prices=ascending(number(0.0, HIGHEST_PRICE)),
    lost=array(None, None, None, high=1.0),
)
_RECORDING = record(
    requests=each(record(items=_items), 1, MOST_REQUESTS),
    worlds=optional(_WORLDS),
)


def checked_recording(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Requests, and what was measured in many worlds, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"requests": [...], "worlds": {...}}``. Of the 1 to 12 requests each is ``{"items":
            [...]}`` with 3 to 20 items ``{"name", "p_click", "p_like", "true_click", "true_like"}``:
            calibrated predictions and true rates, of a click and of a like once clicked; no two items of a
            request have one name. ``"worlds"`` may be left out. It is ``{"sampling_rates": falling, from 1 to
            0.01, "prices": rising, "lost": [[[share per price] per rate] per world]}``: the share of the
            value of the first three places that a world loses where the click score is left raw, negative
            where it gains.

    Returns:
        Plain JSON data. A ValueError names the entry that is missing or not allowed.
    """
    kept: dict[str, Any] = _RECORDING("recorded", recorded)
    if "worlds" in kept:
        worlds = kept["worlds"]
        shape = (None, len(worlds["sampling_rates"]), len(worlds["prices"]))
        array(*shape)("recorded['worlds']['lost']", worlds["lost"])
    return kept


def both_orders(
    items: list[dict[str, Any]], sampling_rate: float, price: float
) -> tuple[list[int], list[int]]:
    """Positions of the items, best first: with calibrated click scores, and with those left raw.

    Scores that agree to twelve digits are equal, and equal ones keep the order of the items.
    """
    click, like = (np.array([item[key] for item in items]) for key in ("p_click", "p_like"))

    def sorted_by(score: np.ndarray) -> list[int]:
        fused = click_times_rest({"click": score, "like": like}, {"like": price})
        found: list[int] = order([float(f"{each_of:.12g}") for each_of in fused]).tolist()
        return found

    return sorted_by(click), sorted_by(downsampled(click, sampling_rate))


class FusedOrderExplorer(Explorer):
    """A list sorted by p_click · (1 + w · p_like), with the click score calibrated and with it left raw.

    ``FusedOrderExplorer(recorded, sampling_rate=1.0, price=5)``: the traits ``sampling_rate`` (α, from 0.01
    to 1, the share of the rows without a click that trained the click score), ``price`` (w, what a like is
    worth in clicks, from 0 to 100) and ``request`` (which of the recorded ones, from 0) follow the controls
    and can be set. The like score learns from clicked rows only, and stays right. ``recorded``: see
    :func:`checked_recording`; where it has worlds, the slider of w stops at their prices.
    """

    module = "fused_order"
    settings = ("sampling_rate", "price", "request")
    arguments = settings

    sampling_rate = Share(1.0, LEAST_RATE, 1.0, help="α, the share of the negatives that training keeps.")
    price = Share(5.0, 0.0, HIGHEST_PRICE, help="w, what a like is worth in clicks.")
    request = Count(0, 0, MOST_REQUESTS - 1, help="Which of the recorded requests is shown.")
    recorded = Checked(checked_recording, {}, help="Recorded requests, and losses over worlds.")

    def __init__(self, recorded: Mapping[str, Any], *settings: Any, **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        super().__init__(*settings, recorded=recorded, **others)

    @traitlets.validate("request")
    def _check_request(self, proposal: dict[str, Any]) -> int:
        last = len(self.recorded["requests"]) - 1
        if proposal["value"] > last:
            raise traitlets.TraitError(
                f"request must be one of those recorded, from 0 to {last}, got {proposal['value']}"
            )
        found: int = proposal["value"]
        return found

    def facts(self) -> dict[str, Any]:
        items = self.recorded["requests"][self.request]["items"]
        right, raw = both_orders(items, self.sampling_rate, self.price)
        changed = sum(a != b for a, b in zip(right, raw, strict=True))
        settings = {"alpha": f"{self.sampling_rate:g}", "w": f"{self.price:g}"}
        return {**settings, "items": len(items), "changed": changed}
