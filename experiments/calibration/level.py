"""The level is still off, because the world moved on: which correction repairs it, from how many rows?

    python -m experiments.calibration.level [--seeds 20] [--impressions 700000] [--out FILE]

Chapter 3. Every seed is a world. A click model learns from days 28 to 35 of its log; from day 35 on the world
drifts in one of four ways: not at all, a jump of the level, a slow fall, or a jump among the young alone.
Until then all four are one world and one log, so that one model serves them. Each correction is fitted on the
newest rows before day 38, by their labels, and judged on all rows after it against the truth: log loss and
AUC to expect, less those of the uncorrected predictions, and levels, mean prediction over mean truth, of all
rows, of the young and of the others. Slices are the age band (the right one, of 6) and the region (a wrong
one, of 30); "raw" shifts are not shrunk.

It was predicted that one parameter beats many until rows are plenty, that a correction costs about k / 2N
where nothing was to be repaired, and that one shift hides the segment that dropped. Takes eight minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from experiments.calibration.sampling import CLICK, click_model, loss
from experiments.logs import true
from experiments.running import each, record, rounded
from ranking.calibration import Isotonic, Platt, Shift, SlicedShift, Temperature
from ranking.calibration.slices import WIDEST
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.simulator import Drift, World, WorldConfig
from ranking.training import TableExamples, fit, predict_logits

TRAINED_FROM, DRIFT_FROM, JUDGED_FROM = 28, 35, 38  # days
YOUNG = (0, 1)
"""Age bands, below 25."""
DRIFTS = {
    "none": None,
    "jump": Drift(jump_day=DRIFT_FROM, jump=-0.4),
    "slow fall": Drift(start_day=DRIFT_FROM, slope=-0.1),
    "segment": Drift(jump_day=DRIFT_FROM, jump=-0.6, jump_ages=YOUNG),
}
SIZES = (500, 2_000, 10_000, 40_000)
JUDGED = ("log_loss_change", "auc_change", "level", "level_young", "level_others")

Floats = NDArray[np.float64]
Codes = dict[str, NDArray[np.int64]]
Correction = Callable[[Floats, Codes], Floats]
DAY_MS = 86_400_000


def sliced(by: str, spread: float | None) -> Callable[[Floats, Floats, Codes], Correction]:
    """How a shift by slice is fitted."""

    def fitted(labels: Floats, logits: Floats, codes: Codes) -> Correction:
        correction = SlicedShift.fit(labels, logits, codes[by], spread)
        return lambda z, codes: correction(z, codes[by])

    return fitted


def unsliced(kind: Any) -> Callable[[Floats, Floats, Codes], Correction]:
    """How a correction without slices is fitted."""

    def fitted(labels: Floats, logits: Floats, codes: Codes) -> Correction:
        correction = kind.fit(labels, logits)
        return lambda z, codes: correction(z)

    return fitted


def corrections(right: str, wrong: str) -> dict[str, Callable[[Floats, Floats, Codes], Correction]]:
    """Everything that is compared: from labels, logits and slices of fresh rows to a correction."""
    return {
        "none": lambda labels, logits, codes: lambda z, codes: z,
        "shift": unsliced(Shift),
        "temperature": unsliced(Temperature),
        "platt": unsliced(Platt),
        "isotonic": unsliced(Isotonic),
        "right slice, raw": sliced(right, WIDEST),
        "right slice, shrunk": sliced(right, None),
        "wrong slice, raw": sliced(wrong, WIDEST),
        "wrong slice, shrunk": sliced(wrong, None),
    }


CORRECTIONS = corrections("age_band", "region")


def days(log: ImpressionLog, start: int, stop: int | None = None) -> ImpressionLog:
    """The rows of some days of a log that starts with day 0."""
    time = log.rows["time_ms"].to_numpy()
    edges = [None if day is None else np.searchsorted(time, time[0] + day * DAY_MS) for day in (start, stop)]
    return log.select(slice(*edges))


def slices_of(log: ImpressionLog) -> Codes:
    """The age band and the region of each row's user."""
    user = log.rows["user"].to_numpy()
    return {name: log.users[name].to_numpy().astype(np.int64)[user] for name in ("age_band", "region")}


def judge(z: Floats, truth: Floats, young: NDArray[np.bool_]) -> Floats:
    """Log loss, AUC and levels, in the order of ``JUDGED``."""
    p = expit(z)
    levels = [p[rows].mean() / truth[rows].mean() for rows in (slice(None), young, ~young)]
    return np.array([metrics.log_loss(truth, p), metrics.expected_auc(truth, z), *levels])


def run(seed: int, impressions: int) -> list[dict[str, Any]]:
    """One model in one world, and every correction of it after every drift."""
    runs, model, encoder = [], None, FeatureEncoder()
    for name, drift in DRIFTS.items():
        log = World.build(WorldConfig(drift=drift), seed).simulate(impressions, seed=seed).with_statistics()
        if model is None:
            train = days(log, TRAINED_FROM, DRIFT_FROM)
            encoder.fit(train)
            model = click_model(encoder, seed, train.label("click"))
            fit(model, TableExamples(encoder.transform(train), train.label("click"), CLICK), loss, seed=seed)
        fresh, judged = days(log, DRIFT_FROM, JUDGED_FROM), days(log, JUDGED_FROM)
        table = compared(
            fresh.label("click").astype(np.float64),
            predict_logits(model, encoder.transform(fresh))[:, 0],
            slices_of(fresh),
            predict_logits(model, encoder.transform(judged))[:, 0],
            slices_of(judged),
            true(judged, "p_click"),
        )
        runs.append({"seed": seed, "drift": name, "judged_rows": len(judged), **table})
    return runs


def compared(
    labels: Floats, logits: Floats, codes: Codes, z: Floats, z_codes: Codes, truth: Floats
) -> dict[str, Any]:
    """Every correction, fitted on the newest of some fresh rows, judged on logits whose truth is known."""
    young = np.isin(z_codes["age_band"], YOUNG)
    uncorrected = judge(z, truth, young)
    found: dict[str, Any] = {name: [] for name in JUDGED}  # (sizes, corrections) each
    for size in SIZES:
        newest = slice(max(len(labels) - size, 0), None)
        some = {name: values[newest] for name, values in codes.items()}
        judged = []
        for learn in CORRECTIONS.values():
            correct = learn(labels[newest], logits[newest], some)
            judged.append(judge(correct(z, z_codes), truth, young) - [*uncorrected[:2], 0.0, 0.0, 0.0])
        for name, column in zip(JUDGED, np.array(judged).T, strict=True):
            found[name].append(rounded(column, 4))
    return {"log_loss": uncorrected[0], "auc": uncorrected[1], "fresh_rows": len(labels), **found}


def measure(seeds: range, impressions: int = 700_000) -> dict[str, Any]:
    """Every world."""
    return {
        "question": "The level is still off: which correction repairs it, from how many rows?",
        "impressions": impressions,
        "drifts": {
            "none": "nothing moves",
            "jump": "the logit of a click falls by 0.4 on day 35",
            "slow fall": "it falls by 0.1 a day from day 35",
            "segment": "it falls by 0.6 on day 35 for users below 25",
        },
        "sizes": SIZES,
        "corrections": list(CORRECTIONS),
        "runs": [found for seed in each(seeds) for found in run(seed, impressions)],
    }


if __name__ == "__main__":
    record(measure, seeds=20)
