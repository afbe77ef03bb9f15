"""The fusion explorer of chapter 5: a list re-ordered by formula, weights and exponents (E1–E3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.schema import each, number, optional, record, text
from bookwork.explorer.traits import Checked, Count, Named, Share
from ranking import validation
from ranking.calibration import downsampled
from ranking.simulator import World
from ranking_course.explorers.base import Explorer

TERMS = ("click", "like", "collect", "share", "watch_time", "completion")
"""What a candidate has predictions of: the chance of a click, and what follows *given* a click (claim A7).

Watch time is in seconds, all others are probabilities.
"""

FORMULAS = ("weighted_sum", "click_times_rest", "product_of_powers", "rank_fusion", "commerce_product")
"""Formulas by their names in :mod:`ranking.fusion`."""

SCORED_BY = ("predictions", "uncalibrated", "truth")
"""What the formula is given: predictions, the same with the click left uncalibrated, or the true values."""

SAMPLING_RATE = 0.1
"""α of the click prediction that was left uncalibrated: trained on one negative in ten."""

WEIGHTS = {"click": 1.0, "like": 10.0, "collect": 10.0, "share": 20.0, "watch_time": 0.05, "completion": 1.0}
ONES = dict.fromkeys(TERMS, 1.0)
FEWEST, MOST = 2, 40

_SETTING = ("formula", "weights", "exponents", "rank_weights", "power", "offset", "scored_by")


def simulated_candidates(
    world: World | None = None, count: int = 12, seed: int = 0, error: float = 0.4
) -> list[dict[str, Any]]:
    """Candidates of one request of the simulator, with their true values and predictions that err.

    Half are drawn from the 300 items that the user would most likely click, half from the rest of the
    likeliest quarter of all, so that click rates differ as widely as a ranking model meets them; no more than
    three are of a topic where there are topics enough. No model is trained: a predicted probability is the
    true one with Gaussian noise on its logit, a predicted watch time the true one with half that noise on its
    logarithm.

    Args:
        world: the simulator; by default ``World.build(seed=0)``.
        count: how many, from 2 to 40.
        seed: of the user, the draw and the noise. For the default, the first five of the weighted sum with
            the explorer's weights bring a sixth fewer clicks than the first five by clicks: the median of
            seeds 0 to 39.
        error: standard deviation of the noise.

    Returns:
        What :class:`FusionExplorer` takes as ``candidates``. Items are named by topic and length.
    """
    if not FEWEST <= validation.positive_int("count", count) <= MOST:
        raise ValueError(f"count must be from {FEWEST} to {MOST}, got {count}")
    sigma = float(validation.non_negative("error", validation.number("error", error)))
    rng = np.random.default_rng(validation.seed("seed", seed))
    world = World.build(seed=0) if world is None else world
    user = int(rng.integers(len(world.users)))
    truth = world.truth(user, np.arange(len(world.items)), hour=21, weekday=5, scene=0)
    topic = world.items["topic"].to_numpy()
    names = world.topics["name"].to_numpy()
    by_click = np.argsort(-truth.p_click, kind="stable")
    likely, others = rng.permutation(by_click[:300]), rng.permutation(by_click[300 : len(by_click) // 4])
    by_turns = [i for pair in zip(likely, others, strict=False) for i in pair]
    by_turns += list(likely[len(others) :])  # in a small world there are few others
    drawn: dict[str, int] = {}
    for most in (3, len(by_turns)):  # of a topic
        for i in by_turns:
            minutes, seconds = divmod(round(float(truth.duration[i])), 60)
            name = f"{names[topic[i]]} {minutes}:{seconds:02d}"
            if sum(topic[j] == topic[i] for j in drawn.values()) < most and len(drawn) < count:
                drawn.setdefault(name, i)
    if len(drawn) < count:
        raise ValueError(f"world must have {count} candidates of different topics or lengths for a user")
    rows = list(drawn.values())
    fields = {name: name if name in TERMS[4:] else f"p_{name}" for name in TERMS}
    true = {name: getattr(truth, field)[rows].astype(np.float64) for name, field in fields.items()}
    noise = {name: sigma * rng.standard_normal(count) for name in TERMS}
    predicted = {
        name: values * np.exp(noise[name] / 2)
        if name == "watch_time"
        else 1 / (1 + (1 - values) / values * np.exp(-noise[name]))
        for name, values in true.items()
    }

    def of(values: Mapping[str, np.ndarray], k: int) -> dict[str, float]:
        return {name: float(f"{values[name][k]:.4g}") for name in TERMS}

    return [
        {"item": name, "predictions": of(predicted, k), "truth": of(true, k)} for k, name in enumerate(drawn)
    ]


_VALUES = record({term: number(0.0, None if term == "watch_time" else 1.0) for term in TERMS}, closed=True)
_CANDIDATE = record(item=text(), predictions=_VALUES, truth=optional(_VALUES))


def checked_candidates(candidates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Candidates of one request, checked and cut down to what the explorer shows.

    Args:
        candidates: 2 to 40 of ``{"item": name, "predictions": {...}}``, each with a value for every one of
            :data:`TERMS`, and optionally, then all of them, with ``"truth": {...}`` of the same form. Where
            two have the same score, the one given first stands first.

    Returns:
        Plain JSON data, in the order given. A ValueError names the entry that is missing or not allowed.
    """
    kept = each(_CANDIDATE, FEWEST, MOST)("candidates", candidates)
    known = sum("truth" in candidate for candidate in kept)
    if known not in (0, len(kept)):
        raise ValueError(f"candidates must have a truth all or none, got {known} of {len(kept)} with one")
    if len({candidate["item"] for candidate in kept}) < len(kept):
        raise ValueError("candidates must not hold an item twice")
    return kept


class FusionExplorer(Explorer):
    """A list of candidates that re-orders as formula, weights and exponents change, beside a list kept.

    ``FusionExplorer(candidates=None, formula="click_times_rest", weights=None, exponents=None, shown=5)``.
    All traits follow the controls and can be set:

    - ``formula``, one of :data:`FORMULAS`;
    - ``weights`` (w of claims E1 to E3), ``exponents`` (β of E3 and of the e-commerce product) and
      ``rank_weights`` (w of rank fusion), each a number of at least 0 for every one of :data:`TERMS`;
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
    weights = Named(WEIGHTS, Share(1.0, 0.0, 1000.0), help="w of E1, E2 and E3.")
    exponents = Named(ONES, Share(1.0, 0.0, 10.0), help="β of E3 and the e-commerce product.")
    rank_weights = Named(ONES, Share(1.0, 0.0, 1000.0), help="w of rank fusion.")
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
            kept = {"formula": "weighted_sum", "weights": {**dict.fromkeys(TERMS, 0.0), "click": 1.0}}
        if isinstance(kept, Mapping):
            kept = {**{name: getattr(self, name) for name in _SETTING}, **kept}
        self.kept = kept
        self.start = {**self.start, "kept": self.kept}

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
        values = {term: np.array([c[key][term] for c in self.candidates]) for term in TERMS}
        if self.scored_by == "uncalibrated":
            values["click"] = downsampled(values["click"], SAMPLING_RATE)
        return values

    def facts(self) -> dict[str, Any]:
        return {"candidates": len(self.candidates), "formula": self.labels[self.formula]}
