"""The funnel explorer of chapter 1: quotas, what each stage keeps, and costs, by slider (A1–A5)."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bookwork.explorer.schema import anything, array, ascending, each, number, plain_json, record, whole
from bookwork.explorer.traits import Checked, Count, Named, Share
from ranking_course.explorers.base import Explorer

CHANNELS = ("embedding", "popular", "fresh", "followed", "topic")
"""Retrieval channels: nearest by embedding, popular, fresh, by followed authors, topic of recent clicks."""

STAGES = ("retrieval", "pre_ranking", "ranking", "re_ranking")
"""Stages of the chain in order (claim A1)."""

QUOTAS = {"embedding": 1000, "popular": 200, "fresh": 200, "followed": 200, "topic": 400}
COSTS = {"retrieval": 0.01, "pre_ranking": 2.0, "ranking": 50.0, "re_ranking": 0.1}
FIXED = dict.fromkeys(STAGES, 0.0)
SURVIVAL = ("retrieval", "pre_ranking", "re_ranking")


def stage_costs(
    candidates: float,
    kept: float,
    shown: float,
    costs: Mapping[str, float],
    catalogue: float,
    fixed: Mapping[str, float] = FIXED,
) -> dict[str, float]:
    """Milliseconds that each stage of one request takes.

    A stage is called once, which has a fixed cost, and then looks at items, each of which costs the same.
    Retrieval looks at the whole catalogue, pre-ranking at every candidate, ranking at every one that
    pre-ranking keeps; greedy re-ranking looks at all of those again for every place that it fills. Without
    candidates, no stage after retrieval is called.

    Args:
        candidates: distinct items that the channels retrieve together.
        kept: items that pre-ranking keeps; no more than there are candidates are ranked.
        shown: items that re-ranking shows; no more than are kept.
        costs: microseconds per item of each of :data:`STAGES`; of re-ranking per item and place.
        catalogue: items in the catalogue.
        fixed: milliseconds that one call of each of :data:`STAGES` costs, however many items it is given.

    Returns:
        Milliseconds for each of :data:`STAGES`; their sum is the latency of a request.
    """
    ranked = min(kept, candidates)
    looks = {
        "retrieval": catalogue,
        "pre_ranking": candidates,
        "ranking": ranked,
        "re_ranking": ranked * min(shown, ranked),
    }
    return {s: (fixed[s] if looks[s] else 0.0) + looks[s] * costs[s] / 1000 for s in STAGES}


_GRID = record(
    {name: ascending(number(0.0)) for name in CHANNELS}
    | dict.fromkeys(("kept", "shown"), ascending(number(1.0)))
)
_RECORDING = record(catalogue=whole(), requests=whole(), best=whole(), grid=_GRID, runs=each(anything()))


def _checked_run(name: str, run: Any, grid: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """One run, whose shares are as many as there are settings, and fall from stage to stage."""
    sizes = [math.prod(len(grid[channel]) for channel in CHANNELS)]
    sizes += [sizes[0] * len(grid["kept"]), sizes[0] * len(grid["kept"]) * len(grid["shown"])]
    shares = {stage: array(size, low=0, high=1) for stage, size in zip(SURVIVAL, sizes, strict=True)}
    kept = record({"seed": plain_json, "candidates": array(sizes[0], low=0), **shares})(name, run)
    for before, stage in pairwise(SURVIVAL):
        step = len(kept[stage]) // len(kept[before])
        for i, share in enumerate(kept[stage]):
            if share > kept[before][i // step] + 1e-9:
                raise ValueError(
                    f"{name}[{stage!r}] must not exceed the share that survived the stage before, got "
                    f"{share} at index {i} after {kept[before][i // step]}"
                )
    return kept


def checked_recording(recorded: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Recorded survival of the truly best items, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"catalogue": items, "requests": how many were followed per run, "best": how many truly
            best items of each request were followed, "grid": {...}, "runs": [...]}`` and optionally
            ``"costs"``: measured microseconds per item, for each of :data:`STAGES` (of retrieval per item of
            the catalogue, of re-ranking per item and place), with which the cost sliders then start;
            ``"fixed"``: measured milliseconds per call, likewise; ``"bulk"``: how many times what these
            costs add up to it took to rank the whole catalogue.

            ``grid`` maps each of :data:`CHANNELS` to the quotas that were tried, and ``"kept"`` and
            ``"shown"`` to the numbers of items tried there; each is an ascending list of at least two numbers
            (quotas may start at 0: channel off). These become the stops of the sliders.

            A run is ``{"seed", "candidates", "retrieval", "pre_ranking", "re_ranking"}``: flat lists in the
            order of NumPy's ``ravel()`` of arrays whose axes are the grid's. ``candidates`` (mean number of
            distinct items retrieved) and ``retrieval`` (share of the best items among them) have the axes
            (embedding, popular, fresh, followed, topic); ``pre_ranking`` (share of the best items still
            there after it) has (…, kept), ``re_ranking`` (share of the best items shown) has (…, kept,
            shown). Ranking truncates nothing (claim A4). Where every quota is 0 all of them are 0. Three
            decimals are enough: with 4 quotas for embedding, 3 for each other channel, 4 kept and 2 shown a
            run is 4,536 numbers.

    Returns:
        Plain JSON data, or None for None. A ValueError names the entry that is missing or not allowed.
    """
    if recorded is None:
        return None
    kept = _RECORDING("recorded", recorded)
    runs = [_checked_run(f"recorded['runs'][{i}]", run, kept["grid"]) for i, run in enumerate(kept["runs"])]
    return {**kept, "runs": runs}


class FunnelExplorer(Explorer):
    """What a request costs, and what becomes of the truly best items, as the funnel is set by slider.

    ``FunnelExplorer(recorded=None, quotas=None, kept=300, shown=30, costs=None, catalogue=1_000_000)``: the
    traits ``quotas`` (items per channel of :data:`CHANNELS`), ``kept`` (after pre-ranking), ``shown`` (after
    re-ranking) and ``costs`` (microseconds per item of each of :data:`STAGES`, see :func:`stage_costs`)
    follow the sliders and can be set. ``fixed`` (milliseconds per call of each stage) and ``bulk`` (by which
    the cost of ranking everything is multiplied) are those of the recording, or given; without either the
    cost of calls is left out, and the page says so. ``recorded`` adds measured survival, see
    :func:`checked_recording`, and then says how large the catalogue is; without it only what follows from
    the counts is shown.
    """

    module = "funnel"
    settings = ("quotas", "kept", "shown", "costs")

    quotas = Named(QUOTAS, Count(0, 0, 10_000), help="Items asked of each retrieval channel.")
    kept = Count(300, 1, 10_000, help="Items that pre-ranking keeps.")
    shown = Count(30, 1, 1_000, help="Items that re-ranking shows.")
    costs = Named(COSTS, Share(0.0, 0.0, 10_000.0), help="Microseconds per item of each stage.")
    fixed = Named(FIXED, Share(0.0, 0.0, 10_000.0), help="Milliseconds per call of each stage.")
    bulk = Share(1.0, 0.001, 1_000.0, help="How many times its computed cost ranking everything takes.")
    catalogue = Count(1_000_000, 1, 10**12, help="Items in the catalogue.")
    recorded = Checked(checked_recording, help="Recorded survival.")

    def __init__(self, recorded: Mapping[str, Any] | None = None, **others: Any) -> None:
        """See the class; what is not given starts at a middle setting. ``others`` as in :class:`Explorer`.

        Raises:
            ValueError: also where ``catalogue`` is not that of the recording.
        """
        given: dict[str, Any] = {}
        chosen = {name: value for name, value in others.items() if value is not None}
        checked = checked_recording(recorded)
        if recorded is not None and checked is not None:
            middle = {name: int(stops[len(stops) // 2]) for name, stops in checked["grid"].items()}
            quotas, whole = {name: middle.pop(name) for name in CHANNELS}, checked["catalogue"]
            given = {**middle, "quotas": quotas, "catalogue": whole}
            if chosen.get("catalogue", whole) != whole:
                raise ValueError(f"catalogue must be the recorded {whole:,}, got {chosen['catalogue']}")
            given |= {name: recorded[name] for name in ("costs", "fixed", "bulk") if name in recorded}
        super().__init__(recorded=checked, **(given | chosen))

    def facts(self) -> dict[str, Any]:
        asked = sum(self.quotas.values())
        counts = {"catalogue": self.catalogue, "asked": asked, "kept": self.kept, "shown": self.shown}
        return {name: f"{count:,}" for name, count in counts.items()}
