"""An alarm on the level in production: how often is it false, and how soon does it find a level that is off?

    python -m experiments.calibration.alarm [--months 1000] [--rows 2000] [--faults 300] [--out FILE]

Chapter 3. A month is 30 days of some ``rows`` each. Predictions are drawn from a Beta distribution with a
mean of .10 and a standard deviation of .10, as wide as clicks of the simulated log, or with .45 and .20, as
on a real one; labels are drawn from them. In calm months the predictions are the chances; in scattered ones
every day's level is off by a draw with a standard deviation of 1.5%, which averages out; in faulty ones the
predictions are 5% or 10% too high in the mean, by the same shift of every logit, from the first row on or
after a calm month.

:class:`~ranking.calibration.LevelAlarm` looks after every row. It is compared with |z| > 1.96 for z = S / √V,
once a day: over all rows of the month so far, and over that day's rows alone. It was predicted that the alarm
is false in at most 5% of calm months and that both z tests are in far more. Takes about two minutes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from experiments.running import each, record
from ranking.calibration import LevelAlarm

DAYS, SCATTER, Z = 30, 0.015, 1.96
LEVEL, TAU = 0.05, 0.1
SPREADS = {0.10: 0.10, 0.45: 0.20}
"""Standard deviation of the predictions, by their mean."""
TOO_HIGH = (0.05, 0.10)
PATIENCE = 4
"""Months after which a fault that was not found is given up."""

Floats = NDArray[np.float64]


def predictions(base_rate: float, count: int = 200_000) -> Floats:
    """Predictions of many rows, from which those of a month are drawn, (count,)."""
    mean, spread = base_rate, SPREADS[base_rate]
    size = mean * (1 - mean) / spread**2 - 1
    p = np.random.default_rng(0).beta(mean * size, (1 - mean) * size, count)
    return np.clip(p, 1e-6, 1 - 1e-6)


def shift_for(p: Floats, too_high: float) -> float:
    """The shift of the logits at which predictions are too high by a part of the mean of the truth."""
    return float(brentq(lambda b: p.mean() / expit(logit(p) + b).mean() - 1 - too_high, -2.0, 2.0))


def draw(pool: Floats, shifts: Floats, rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Labels and predictions of some days with as many rows each, whose true logits are shifted, (days,)."""
    p = pool[rng.integers(0, pool.size, shifts.size * rows)]  # (days · rows,)
    truth = expit(logit(p) + np.repeat(shifts, rows)) if shifts.any() else p
    return (rng.random(p.size) < truth).astype(np.float64), p


def rang(labels: Floats, p: Floats, rows: int) -> dict[str, bool]:
    """Whether each of the three tests rings in a month."""
    excess = (labels - p).reshape(-1, rows).sum(axis=1)  # (days,)
    variance = (p * (1 - p)).reshape(-1, rows).sum(axis=1)
    so_far = np.abs(excess.cumsum()) / np.sqrt(variance.cumsum())
    return {
        "alarm": LevelAlarm(LEVEL, TAU).update(labels, p).rang,
        "z of all rows so far": bool((so_far > Z).any()),
        "z of the day": bool((np.abs(excess) / np.sqrt(variance) > Z).any()),
    }


def false_months(base_rate: float, scatter: float, months: int, rows: int) -> dict[str, Any]:
    """In how many months without a lasting fault each test rings."""
    pool, rng = predictions(base_rate), np.random.default_rng(1)
    steepness = (pool * (1 - pool)).mean() / pool.mean()  # change of the level by a small shift
    found = [
        rang(*draw(pool, rng.normal(0.0, scatter / steepness, DAYS), rows, rng), rows) for _ in range(months)
    ]
    counts = {name: sum(month[name] for month in found) for name in found[0]}
    return {"base_rate": base_rate, "scatter": scatter, "months": months, "false": counts}


def rows_until_found(base_rate: float, too_high: float, late: bool, faults: int, rows: int) -> dict[str, Any]:
    """After how many rows of a fault the alarm rings: quartiles over the faults that it did not ring before.

    A fault that is not found within some months counts as infinitely many rows, None in the record.
    """
    pool, rng = predictions(base_rate), np.random.default_rng(2)
    shift = shift_for(pool, too_high)
    after = []
    for _ in range(faults):
        alarm = LevelAlarm(LEVEL, TAU)
        if late:
            alarm = alarm.update(*draw(pool, np.zeros(DAYS), rows, rng))
        if alarm.rang:
            continue
        before = alarm.rows
        for _ in range(PATIENCE * DAYS):
            alarm = alarm.update(*draw(pool, np.full(1, shift), rows, rng))
            if alarm.rang:
                break
        after.append(np.inf if alarm.rang_after is None else alarm.rang_after - before)
    quartiles = np.quantile(after, (0.25, 0.5, 0.75), method="inverted_cdf")
    return {
        "base_rate": base_rate,
        "too_high": too_high,
        "after_a_calm_month": late,
        "faults": len(after),
        "found": int(np.isfinite(after).sum()),
        "quartiles": [float(value) if np.isfinite(value) else None for value in quartiles],
    }


def measure(months: int = 1_000, rows: int = 2_000, faults: int = 300) -> dict[str, Any]:
    """Every kind of month at both base rates."""
    calm = [(base_rate, scatter) for scatter in (0.0, SCATTER) for base_rate in SPREADS]
    faulty = [(b, too_high, late) for b in SPREADS for too_high in TOO_HIGH for late in (False, True)]
    return {
        "question": "How often is the alarm false, and how soon does it find a level that is off?",
        "days": DAYS,
        "rows_per_day": rows,
        "level": LEVEL,
        "tau": TAU,
        "predictions": [{"base_rate": mean, "standard_deviation": sd} for mean, sd in SPREADS.items()],
        "calm": [false_months(*case, months, rows) for case in each(calm)],
        "faulty": [rows_until_found(*case, faults, rows) for case in each(faulty)],
    }


if __name__ == "__main__":
    record(measure)
