"""Fusion that is learnt: what shown items brought, as rows that a regression can learn a score from.

An addition to the source, which tunes weights by hand. A list of k items was shown and brought clicks, likes
and seconds, each of a worth. An item has a worth once somebody looks at it; at a place that is looked at with
chance e it brings e times that on average. So every shown item is a row: its predictions in, its realised
worth over e out, with e as the weight of the row, since the noise of the quotient grows with 1 / e. The
predictions may be rates, rates per impression (:func:`~ranking.fusion.per_impression`) or percentiles inside
the request (:func:`~ranking.fusion.percentiles`), which have no unit and do not drift with one.

:func:`shown_rows` makes the rows, :func:`linear_fusion` learns weights for
:func:`~ranking.fusion.weighted_sum` from them, and any other regression may do the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ranking import validation
from ranking.fusion.formulas import Predictions, named_predictions
from ranking.validation import Array


@dataclass(frozen=True, eq=False)
class ShownRows:
    """What a score is learnt from.

    Attributes:
        names: of the predictions, in the order of the columns.
        inputs: the predictions, (rows, names).
        value: what is to be predicted, (rows,).
        weight: how much each row counts, (rows,), above 0.
    """

    names: tuple[str, ...]
    inputs: Array
    value: Array
    weight: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", validation.names("names", self.names))
        for name, check in {
            "inputs": validation.as_floats,
            "value": validation.as_floats,
            "weight": validation.positive,
        }.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if self.inputs.ndim != 2 or self.inputs.shape[1] != len(self.names) or not self.inputs.size:
            raise ValueError(f"inputs must have shape (rows, {len(self.names)}), got {self.inputs.shape}")
        for name, values in {"value": self.value, "weight": self.weight}.items():
            if values.shape != self.inputs.shape[:1]:
                raise ValueError(f"{name} must have shape ({len(self.inputs)},), got {values.shape}")


def shown_rows(
    predictions: Predictions,
    shown: ArrayLike,
    worth: ArrayLike,
    examination: ArrayLike | None = None,
    whole_lists: bool = False,
) -> ShownRows:
    """Rows to learn a score from: one for each shown item, or one for each list.

    Args:
        predictions: by name, each (requests, candidates).
        shown: positions of the candidates shown, best first, (requests, k).
        worth: what each of them brought, (requests, k).
        examination: chance above 0 that the user looks at each place, (k,); None for 1 everywhere.
        whole_lists: a row for each list, when it is not known which item brought what: the sum of the worth
            and, as inputs, predictions summed over places by their examination. Only a linear score can be
            learnt from such rows.
    """
    arrays = named_predictions(predictions)
    shape = next(iter(arrays.values())).shape
    if len(shape) != 2:
        raise ValueError(f"predictions must have shape (requests, candidates), got {shape}")
    places = validation.indices("shown", shown, shape[1])
    if places.ndim != 2 or len(places) != shape[0] or not places.size:
        raise ValueError(f"shown must have shape ({shape[0]}, k), got {places.shape}")
    brought = validation.as_floats("worth", worth)
    if brought.shape != places.shape:
        raise ValueError(f"worth must have shape {places.shape}, got {brought.shape}")
    k = places.shape[1]
    looks = validation.probabilities("examination", np.ones(k) if examination is None else examination)
    if validation.positive("examination", looks).shape != (k,):
        raise ValueError(f"examination must have shape ({k},), got {looks.shape}")
    inputs = np.stack(  # (requests, k, names)
        [np.take_along_axis(values, places, axis=1) for values in arrays.values()], axis=-1
    )
    if validation.flag("whole_lists", whole_lists):
        summed = (inputs * looks[:, None]).sum(axis=1)  # (requests, names)
        return ShownRows(tuple(arrays), summed, brought.sum(axis=1), np.ones(len(brought)))
    value = brought / looks  # (requests, k)
    weight = np.broadcast_to(looks, value.shape)
    return ShownRows(tuple(arrays), inputs.reshape(-1, len(arrays)), value.ravel(), weight.ravel())


def linear_fusion(rows: ShownRows) -> dict[str, float]:
    """Weights of a linear score by weighted least squares, by name, for the same kind of predictions.

    Minimises the weighted mean of (value − intercept − Σ_k w_k x_k)². The intercept changes no order and is
    not returned. A prediction that is the same in every row has the weight 0, and one that says the same as
    another shares the weight with it.
    """
    validation.instance("rows", rows, ShownRows)
    share = rows.weight / rows.weight.sum()  # (rows,)
    centred = rows.inputs - share @ rows.inputs  # (rows, names)
    spread = np.sqrt(share @ centred**2)  # (names,)
    varies = spread > 1e-12 * np.abs(rows.inputs).max(axis=0)
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=varies)
    root = np.sqrt(share)
    found, *_ = np.linalg.lstsq(root[:, None] * scaled, root * (rows.value - share @ rows.value))
    weights = np.divide(found, spread, out=np.zeros_like(found), where=varies)
    return dict(zip(rows.names, weights.tolist(), strict=True))
