"""What a list brings: rates given a click as rates per impression, and their sum over what is shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.fusion.formulas import Predictions, named_predictions
from ranking.fusion.ranks import lists
from ranking.validation import Array


def per_impression(rates: Predictions, click: str = "click") -> dict[str, Array]:
    """Rates given a click as rates per impression: each times the click rate (claim A7).

    ``rates`` are arrays of one shape, by name: the chance of a click, named ``click``, which stays as it is,
    and what follows *given* a click (chances, or seconds of watch time).
    """
    arrays = named_predictions(rates, needed=validation.instance("click", click, str), argument="rates")
    return {name: p if name == click else arrays[click] * p for name, p in arrays.items()}


def expected_totals(
    shown: ArrayLike, outcomes: Mapping[str, ArrayLike], examination: ArrayLike | None = None
) -> dict[str, Array]:
    """What the shown items bring in expectation, summed over the list: totals by name, shape (...).

    Args:
        shown: positions of the candidates shown, best first, shape (..., k), as :func:`top_k` gives them.
        outcomes: by name, what each candidate brings once it is looked at, shape (..., candidates); the
            *truth* through :func:`per_impression`, say.
        examination: chance that the user looks at each place, shape (k,); None for 1 everywhere.
    """
    validation.mapping("outcomes", outcomes, "names to arrays")
    arrays = {name: lists(f"outcomes[{name!r}]", values) for name, values in outcomes.items()}
    if not arrays:
        raise ValueError("outcomes must hold at least one outcome, got none")
    validation.same_shape(**{f"outcomes[{name!r}]": values for name, values in arrays.items()})
    shape = next(iter(arrays.values())).shape
    places = validation.indices("shown", shown, shape[-1])  # (..., k)
    if places.shape[:-1] != shape[:-1] or places.ndim != len(shape):
        got = f"{places.shape} and {shape}"
        raise ValueError(f"shown must have shape (..., k) and outcomes (..., candidates), got {got}")
    k = places.shape[-1]
    looks = validation.probabilities("examination", np.ones(k) if examination is None else examination)
    if looks.shape != (k,):
        raise ValueError(f"examination must have shape ({k},), got {looks.shape}")
    totals = {}
    for name, values in arrays.items():
        with np.errstate(over="ignore"):
            totals[name] = total = np.take_along_axis(values, places, axis=-1) @ looks
        if not np.isfinite(total).all():
            raise ValueError(f"outcomes[{name!r}] must leave totals that a float can hold")
    return totals
