"""The fusion explorer of chapter 5: a list re-ordered by formula, weights and exponents (E1–E3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.schema import each, number, optional, record, text
from bookwork.explorer.traits import Checked, Count, Named, Share
from ranking import fusion, validation
from ranking.calibration import downsampled
from ranking.simulator import World
from ranking_course.explorers.base import Explorer

TERMS = ("click", "like", "collect", "share", "watch_time", "completion")
"""What a candidate may have predictions of: the chance of a click, and what follows given one (claim A7).

Watch time is in seconds, all others are probabilities. The click is needed.
"""

FORMULAS = ("weighted_sum", "click_times_rest", "product_of_powers", "rank_fusion", "commerce_product")
"""Formulas by their names in :mod:`ranking.fusion`."""

SIMULATED = TERMS[:5]
"""The terms of :func:`simulated_candidates`: those of chapter 5, whose model predicts no completion."""

SCORED_BY = ("predictions", "uncalibrated", "truth")
"""What the formula is given: predictions, the same with the click left uncalibrated, or the true values."""

SAMPLING_RATE = 0.1
"""α of the click prediction that was left uncalibrated: trained on one negative in ten."""

WEIGHTS = {"click": 1.0, "like": 5.0, "collect": 5.0, "share": 5.0, "watch_time": 0.01, "completion": 1.0}
"""Those of chapter 5, with which its list begins; per second for the watch time."""

ONES = dict.fromkeys(TERMS, 1.0)
FEWEST, MOST = 2, 40
POOL = 100
"""Candidates of the simulated request, of which the leading ones are shown."""

_SETTING = ("formula", "weights", "exponents", "rank_weights", "power", "offset", "scored_by")


def simulated_candidates(
    world: World | None = None, count: int = 12, seed: int = 0, error: float = 0.4
) -> list[dict[str, Any]]:
    """Leading candidates of one request of the simulator, with true values and predictions that err.

    The request has :data:`POOL` candidates, drawn from the quarter of all items that its user would most
    likely click. Half of those that are kept lead by the click times the rest, the others by the weighted
    sum, both with :data:`WEIGHTS`: so either list begins as it would with all of them. No model is trained: a
    predicted probability is the true one with Gaussian noise on its logit, a predicted watch time the true
    one with half that noise on its logarithm.

    Args:
        world: the simulator; by default ``World.build(seed=0)``.
        count: how many are kept, from 2 to 40.
        seed: of the user, the draw and the noise. For the default, the first five of the weighted sum bring
            half the clicks of the first five of the click times the rest: the median of seeds 0 to 39.
        error: standard deviation of the noise.

    Returns:
        What :class:`FusionExplorer` takes as ``candidates``, with all terms but the completion, in an order
        that says nothing. Items are named by topic and length.
    """
    if not FEWEST <= validation.positive_int("count", count) <= MOST:
        raise ValueError(f"count must be from {FEWEST} to {MOST}, got {count}")
    sigma = float(validation.non_negative("error", validation.number("error", error)))
    rng = np.random.default_rng(validation.seed("seed", seed))
    world = World.build(seed=0) if world is None else world
    user = int(rng.integers(len(world.users)))
    truth = world.truth(user, np.arange(len(world.items)), hour=21, weekday=5, scene=0)
    likeliest = np.argsort(-truth.p_click, kind="stable")[: len(world.items) // 4]
    drawn: dict[str, int] = {}
    for item in rng.permutation(likeliest):
        minutes, seconds = divmod(round(float(truth.duration[item])), 60)
        topic = world.topics["name"].iloc[world.items["topic"].iloc[item]]
        if len(drawn) < POOL:
            drawn.setdefault(f"{topic} {minutes}:{seconds:02d}", int(item))
    if len(drawn) < count:
        raise ValueError(f"world must have {count} candidates of different topics or lengths for a user")
    rows = list(drawn.values())
    fields = {name: name if name == "watch_time" else f"p_{name}" for name in SIMULATED}
    true = {name: getattr(truth, field)[rows].astype(np.float64) for name, field in fields.items()}
    noise = {name: sigma * rng.standard_normal(len(rows)) for name in SIMULATED}
    predicted = {
        name: values * np.exp(noise[name] / 2)
        if name == "watch_time"
        else 1 / (1 + (1 - values) / values * np.exp(-noise[name]))
        for name, values in true.items()
    }
    prices = {name: WEIGHTS[name] for name in SIMULATED}
    by_rest = fusion.order(fusion.click_times_rest(predicted, {k: prices[k] for k in SIMULATED[1:]}))
    by_sum = fusion.order(fusion.weighted_sum(predicted, prices))
    leading = list(dict.fromkeys([*by_rest[: (count + 1) // 2], *by_sum]))[:count]
    names = list(drawn)

    def of(values: Mapping[str, np.ndarray], k: int) -> dict[str, float]:
        return {name: float(f"{values[name][k]:.4g}") for name in SIMULATED}

    return [
        {"item": names[k], "predictions": of(predicted, k), "truth": of(true, k)} for k in sorted(leading)
    ]


_VALUE = {term: number(0.0, None if term == "watch_time" else 1.0) for term in TERMS}
_VALUES = record(
    {term: check if term == "click" else optional(check) for term, check in _VALUE.items()}, True
)
_CANDIDATE = record(item=text(), predictions=_VALUES, truth=optional(_VALUES))


def checked_candidates(candidates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Candidates of one request, checked and cut down to what the explorer shows.

    Args:
        candidates: 2 to 40 of ``{"item": name, "predictions": {...}}``, each with a value for the click and
            for the same others of :data:`TERMS`, and optionally, then all of them, with ``"truth": {...}`` of
            the same form. Where two have the same score, the one given first stands first.

    Returns:
        Plain JSON data, in the order given. A ValueError names the entry that is missing or not allowed.
    """
    kept = each(_CANDIDATE, FEWEST, MOST)("candidates", candidates)
    known = sum("truth" in candidate for candidate in kept)
    if known not in (0, len(kept)):
        raise ValueError(f"candidates must have a truth all or none, got {known} of {len(kept)} with one")
    terms = list(kept[0]["predictions"])
    for i, candidate in enumerate(kept):
        for key in ("predictions", "truth") if known else ("predictions",):
            if list(candidate[key]) != terms:
                of_all = f"the terms {', '.join(terms)}, as candidates[0]['predictions'] has"
                got = ", ".join(candidate[key])
                raise ValueError(f"candidates[{i}][{key!r}] must have {of_all}, got {got}")
    if len({candidate["item"] for candidate in kept}) < len(kept):
        raise ValueError("candidates must not hold an item twice")
    return kept


class FusionExplorer(Explorer):
    """A list of candidates that re-orders as formula, weights and exponents change, beside a list kept.

    ``FusionExplorer(candidates=None, formula="click_times_rest", weights=None, exponents=None, shown=5)``.
    All traits follow the controls and can be set:

    - ``formula``, one of :data:`FORMULAS`;
    - ``weights`` (w of claims E1 to E3), ``exponents`` (β of E3 and of the e-commerce product) and
      ``rank_weights`` (w of rank fusion), each a number of at least 0 for every one of :attr:`terms`;
    - ``power`` and ``offset``: a and b of rank fusion;
    - ``shown``: k, how many of the list are shown;
    - ``scored_by``: what the formula is given, one of :data:`SCORED_BY`;
    - ``kept``: setting B, which the present one, A, is compared with: a mapping of the traits above but
      ``shown``. What the argument leaves out is as in A; by default B orders by the click alone.

    ``candidates``: see :func:`checked_candidates`; by default :func:`simulated_candidates`. What the first k
    bring is counted by their true values, or by the predictions where no truth is known.
    """

    module = "fusion"
    settings = (*_SETTING, "shown", "kept")

    formula = traitlets.Enum(FORMULAS, "click_times_rest", help="How the score is made.")
    weights = Named(WEIGHTS, Share(1.0, 0.0, 1000.0), "terms", help="w of E1, E2 and E3.")
    exponents = Named(ONES, Share(1.0, 0.0, 10.0), "terms", help="β of E3 and the e-commerce product.")
    rank_weights = Named(ONES, Share(1.0, 0.0, 1000.0), "terms", help="w of rank fusion.")
    power = Share(1.0, 0.01, 10.0, help="a of rank fusion.")
    offset = Share(60.0, 0.0, 1000.0, help="b of rank fusion.")
    scored_by = traitlets.Enum(SCORED_BY, "predictions", help="What the formula is given.")
    shown = Count(5, 1, MOST, help="k, how many of the list are shown.")
    kept = traitlets.Dict(help="Setting B, which the present one is compared with.")
    candidates = Checked(checked_candidates, [], help="Candidates in the order that equal scores keep.")

    def __init__(
        self, candidates: Sequence[Mapping[str, Any]] | None = None, *, kept: Any = None, **others: Any
    ) -> None:
        """See the class; ``others`` are further traits and the arguments of :class:`Explorer`."""
        given = {name: value for name, value in others.items() if value is not None}
        super().__init__(candidates=simulated_candidates() if candidates is None else candidates, **given)
        if kept is None:
            kept = {"formula": "weighted_sum", "weights": {**dict.fromkeys(self.terms, 0.0), "click": 1.0}}
        if isinstance(kept, Mapping):
            kept = {**{name: getattr(self, name) for name in _SETTING}, **kept}
        self.kept = kept
        self.start = {**self.start, "kept": self.kept}

    @property
    def terms(self) -> tuple[str, ...]:
        """What the candidates have predictions of, in the order of :data:`TERMS`."""
        return tuple(self.candidates[0]["predictions"] if self.candidates else TERMS)

    @traitlets.validate("candidates")
    def _check_candidates(self, proposal: dict[str, Any]) -> list[dict[str, Any]]:
        candidates: list[dict[str, Any]] = proposal["value"]
        if tuple(candidates[0]["predictions"]) != self.terms:
            got = ", ".join(candidates[0]["predictions"])
            raise traitlets.TraitError(
                f"candidates must have the terms {', '.join(self.terms)}, as the weights do, got {got}"
            )
        return candidates

    @traitlets.validate("shown")
    def _check_shown(self, proposal: dict[str, Any]) -> int:
        if self.candidates and proposal["value"] > len(self.candidates):
            most = f"the number of candidates, {len(self.candidates)}"
            raise traitlets.TraitError(f"shown must be at most {most}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("kept")
    def _check_kept(self, proposal: dict[str, Any]) -> dict[str, Any]:
        kept = proposal["value"]
        if not kept:  # before the constructor has filled it
            return kept
        if set(kept) != set(_SETTING):
            raise traitlets.TraitError(
                f"kept must map exactly the names {', '.join(_SETTING)}, got {', '.join(map(str, kept))}"
            )
        checked = {}
        for name in _SETTING:
            try:
                checked[name] = self.traits()[name].validate(self, kept[name])
            except traitlets.TraitError as error:
                raise traitlets.TraitError(f"kept[{name!r}]: {error}") from error
        self._check_scored_by({"value": checked["scored_by"]})
        return checked

    @traitlets.validate("scored_by")
    def _check_scored_by(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] == "truth" and self.candidates and "truth" not in self.candidates[0]:
            allowed = "must be 'predictions' or 'uncalibrated' where candidates have no truth"
            raise traitlets.TraitError(f"scored_by {allowed}, got 'truth'")
        return proposal["value"]

    def given(self) -> dict[str, np.ndarray]:
        """What the formula is given now, by term, each of shape (candidates,): see ``scored_by``."""
        key = "truth" if self.scored_by == "truth" else "predictions"
        values = {term: np.array([c[key][term] for c in self.candidates]) for term in self.terms}
        if self.scored_by == "uncalibrated":
            values["click"] = downsampled(values["click"], SAMPLING_RATE)
        return values

    def facts(self) -> dict[str, Any]:
        formula = self.labels[self.formula]
        return {"candidates": len(self.candidates), "terms": len(self.terms), "formula": formula}
