"""The completion explorer of chapter 6: two targets, and their correction for length (G1–G3, X14, X15)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.schema import array, ascending, each, number, plain_json, record, text, whole
from bookwork.explorer.traits import Checked, Count, Share
from ranking import validation
from ranking import watch_time as wt
from ranking.logs import ImpressionLog
from ranking.simulator import World
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.truth import COMPLETED
from ranking_course.explorers.base import Explorer

TARGETS = ("reaches", "share")
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
KNOTS = (3, 4, 5, 7)
MOST_CANDIDATES = 100
EVENING, WEDNESDAY, HOME = 21, 2, 0  # when and where the candidates would be shown


def completion_recording(
    world: World, log: ImpressionLog, candidates: int = 40, rows: int = 20_000, seed: int = 0
) -> dict[str, Any]:
    """What the completion explorer replays: fits of f(length) to a log, and videos whose truth is known.

    f is fitted to clicked rows, once for the share played and once for every threshold, with every number of
    knots (:class:`ranking.watch_time.LengthCorrection`). The candidates are drawn evenly from all items of
    the world, for one user who is drawn too.

    Args:
        world: that the log comes from.
        log: clicked rows are drawn from it, without regard to anything else.
        candidates: how many videos, from 2 to 100.
        rows: how many clicked rows f is fitted to; all where there are fewer.
        seed: of the draws.

    Returns:
        Plain JSON data, as :func:`checked_recording` takes it.
    """
    streams = np.random.SeedSequence(validation.seed("seed", seed)).spawn(2)
    of_rows, of_candidates = (np.random.default_rng(stream) for stream in streams)
    clicked = np.flatnonzero(log.rows["click"])
    validation.not_empty("log.rows['click']", clicked)
    taken = of_rows.choice(clicked, min(validation.positive_int("rows", rows), len(clicked)), replace=False)
    t, d = (log.rows[name].to_numpy(dtype=np.float64)[taken] for name in ("watch_time", "duration"))

    def fits(labels: np.ndarray) -> list[dict[str, Any]]:
        found = [wt.LengthCorrection.fit(d, labels, count) for count in KNOTS]
        return [{"knots": fit.knots.tolist(), "coefficients": fit.coefficients.tolist()} for fit in found]

    user = int(of_candidates.integers(len(world.users)))
    count = validation.positive_int("candidates", candidates)
    items = of_candidates.choice(len(world.items), count, replace=False)
    truth = world.truth(user, items, EVENING, WEDNESDAY, HOME)
    topics = world.topics["name"].to_numpy()[world.item_topic[items]]
    keys = ("item", "topic", "duration", "mu", "sigma")
    described = (items, topics, truth.duration, truth.watch_mu, truth.watch_sigma)  # each (candidates,)
    return {
        "rows": len(taken),
        "thresholds": list(THRESHOLDS),
        "knots": list(KNOTS),
        "fits": {
            "share": fits(wt.share_played(t, d).share),
            "reaches": [fits(wt.completed(t, d, threshold)) for threshold in THRESHOLDS],
        },
        "length_effect": EFFECTS["watch_time"]["length"],
        "candidates": [
            dict(zip(keys, values, strict=True))
            for values in zip(*(column.tolist() for column in described), strict=True)
        ],
    }


_FITS = each(record(knots=array(None), coefficients=array(None)))
_CANDIDATE = record(
    item=plain_json, topic=text(), duration=number(above=0.0), mu=number(), sigma=number(above=0.0)
)
_RECORDING = record(
    rows=whole(),
    thresholds=ascending(number(above=0.0, high=1.0)),
    knots=ascending(whole()),
    fits=record(share=_FITS, reaches=each(_FITS)),
    length_effect=number(),
    candidates=each(_CANDIDATE, 2, MOST_CANDIDATES),
)


def _match(name: str, fits: Sequence[Mapping[str, list[float]]], knots: Sequence[int]) -> None:
    """There is one fit per number of knots, with as many knots and coefficients."""
    if len(fits) != len(knots):
        raise ValueError(f"{name} must hold one fit per number of knots ({len(knots)}), got {len(fits)}")
    for i, (count, fit) in enumerate(zip(knots, fits, strict=True)):
        rising = sorted(set(fit["knots"])) == fit["knots"]
        if not rising or len(fit["knots"]) != count or len(fit["coefficients"]) != count:
            raise ValueError(
                f"{name}[{i}] must hold {count} ascending knots and {count} coefficients, got "
                f"{fit['knots']} and {fit['coefficients']}"
            )


def checked_recording(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """A recording checked and cut down to what the explorer shows.

    Args:
        recorded: what :func:`completion_recording` makes: ``"rows"`` that f was fitted to; ``"thresholds"``
            in (0, 1] and ``"knots"``, both ascending; ``"fits"`` with ``"share"``, one fit per number of
            knots, and ``"reaches"``, such a list per threshold, a fit being ``{"knots", "coefficients"}``;
            ``"length_effect"``, what ln t gains per unit of ln d; ``"candidates"``, from 2 to 100 of
            ``{"item", "topic", "duration", "mu", "sigma"}``: ln t is N(mu, sigma²) until the item ends.

    Returns:
        Plain JSON data. A ValueError names the entry that is missing or not allowed.
    """
    kept = _RECORDING("recorded", recorded)
    thresholds, fits = kept["thresholds"], kept["fits"]
    if len(fits["reaches"]) != len(thresholds):
        raise ValueError(
            f"recorded['fits']['reaches'] must hold one list per threshold ({len(thresholds)}), "
            f"got {len(fits['reaches'])}"
        )
    _match("recorded['fits']['share']", fits["share"], kept["knots"])
    for i, each_of in enumerate(fits["reaches"]):
        _match(f"recorded['fits']['reaches'][{i}]", each_of, kept["knots"])
    return kept


class CompletionExplorer(Explorer):
    """Share played and P(played ≥ threshold) by length, and what dividing by f(length) does to the order.

    ``CompletionExplorer(recorded, threshold=0.8, strength=1.0, knots=4, target="reaches")``: the traits
    ``threshold`` and ``knots`` (of the spline f, both as recorded), ``strength`` (γ from 0 to 1.5; the score
    is p / f^γ) and ``target`` (which p: "reaches" or "share") follow the controls and can be set.
    ``recorded``: see :func:`completion_recording`. The predictions are the truth: what a model without error
    would say.
    """

    module = "completion"
    settings = ("threshold", "strength", "knots", "target")
    arguments = settings

    threshold = Share(COMPLETED, 0.0, 1.0, help="Share of the length that counts as completed.")
    strength = Share(1.0, 0.0, 1.5, help="γ: the power of f that the score is divided by.")
    knots = Count(4, 3, 100, help="Knots of f.")
    target = traitlets.Enum(TARGETS, "reaches", help="Which p the score is made of.")
    recorded = Checked(checked_recording, {}, help="Recorded fits and candidates.")

    def __init__(self, recorded: Mapping[str, Any], *settings: Any, **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        super().__init__(*settings, recorded=recorded, **others)

    @traitlets.validate("threshold", "knots")
    def _check_recorded_values(self, proposal: dict[str, Any]) -> float | int:
        trait = proposal["trait"].name
        name = {"threshold": "thresholds", "knots": "knots"}[trait]
        for value in self.recorded[name]:
            if np.isclose(value, proposal["value"], rtol=1e-7, atol=0.0):
                return value
        allowed = ", ".join(f"{value:g}" for value in self.recorded[name])
        raise traitlets.TraitError(
            f"{trait} must be one of the recorded {name}, {allowed}; got {proposal['value']!r}"
        )

    def facts(self) -> dict[str, Any]:
        return {
            "candidates": len(self.recorded["candidates"]),
            "target": self.labels[self.target].format(threshold=f"{self.threshold:.0%}"),
            "strength": f"{self.strength:g}",
        }
