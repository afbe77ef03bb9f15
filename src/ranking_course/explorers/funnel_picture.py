"""The funnel as a picture: one request, a dot for each item, from the catalogue to what is shown (A1–A5)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bookwork.explorer.schema import array, record
from bookwork.explorer.traits import Checked
from ranking_course.explorers.base import Explorer
from ranking_course.explorers.funnel import STAGES

_REQUEST = record(
    topics=array(None, low=1, whole=True),
    stages=record({stage: array(None, low=0, whole=True) for stage in STAGES}),
)


def checked_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """One request on its way, checked and cut down to what is drawn.

    Args:
        request: ``{"topics": items of each topic, "stages": {stage: items}}``. The catalogue is laid out
            topic by topic, an item is its place there, from 0. Each of :data:`STAGES` has the items that it
            leaves, best first, each once; ranking leaves all that it gets (claim A4).

    Returns:
        Plain JSON data. A ValueError names the entry that is missing or not allowed.
    """
    kept: dict[str, Any] = _REQUEST("request", request)
    stages, size = kept["stages"], sum(kept["topics"])
    for stage in STAGES:
        name = f"request['stages'][{stage!r}]"
        array(None, low=0, high=size - 1, whole=True)(name, stages[stage])
        if not stages[stage] or len(set(stages[stage])) < len(stages[stage]):
            raise ValueError(f"{name} must hold at least one item, each once, got {len(stages[stage])}")
    for before, stage in pairwise(STAGES):
        if unknown := set(stages[stage]) - set(stages[before]):
            raise ValueError(
                f"request['stages'][{stage!r}] must hold only items that {before} leaves, got {min(unknown)}"
            )
    if len(stages["ranking"]) < len(stages["pre_ranking"]):
        raise ValueError(
            f"request['stages']['ranking'] must hold all {len(stages['pre_ranking'])} items that pre_ranking "
            f"leaves, got {len(stages['ranking'])}"
        )
    return kept


class FunnelPicture(Explorer):
    """What becomes of the items of a catalogue when somebody asks: a still picture, after it has moved once.

    ``FunnelPicture(request)`` with one request as :func:`checked_request` has it. It has no controls. A
    reader who wants nothing to move sees its end at once.
    """

    module = "funnel_picture"
    arguments = ("request",)

    request = Checked(checked_request, default={}, help="One request, item by item.")

    def facts(self) -> dict[str, Any]:
        sizes = {stage: len(items) for stage, items in self.request["stages"].items()}
        return {
            name: f"{size:,}" for name, size in {**sizes, "catalogue": sum(self.request["topics"])}.items()
        }

    def __repr__(self) -> str:
        return f"FunnelPicture({', '.join(f'{name}: {size}' for name, size in self.facts().items())})"
