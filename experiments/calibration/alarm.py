"""An alarm on the level in production: how often is it false, and how soon does it find a level that is off?

    python -m experiments.calibration.alarm [--months 1000] [--rows 2000] [--faults 300] [--out FILE]

Chapter 3. A month is 30 days of some ``rows`` each. Predictions are drawn from a Beta distribution with a
mean of .10 and a standard deviation of .10, as wide as clicks of the simulated log, or with .45 and .20, as
on a real one; labels are drawn from them. In calm months the predictions are the chances; in scattered ones
every day's level is off by a draw with a standard deviation of 1.5%, which averages out; in faulty ones the
predictions are 5% or 10% too high in the mean, by the same shift of every logit, from the first row on or
after a calm month.

:class:`~ranking.calibration.LevelAlarm` looks after every row. It is compared with |z| > 1.96 for z = S / √V,
once a day: over all rows of the month so far, and over that day's rows alone; with an alarm that tolerates
shifts by .02; and with a :class:`~ranking.calibration.LevelCusum` whose threshold was chosen on other calm
months, so that it rings in 4% of them. Faults of 1%, over four months, ask what finds what does not matter.

In clustered months the rows come from users with 20 each, one after the other, whose logit is off by an error
of their own with a standard deviation of .5; given a prediction, the model is right on average. There the
alarms get a design effect, measured on other calm rows, too: as such, and as a factor of the threshold.

It was predicted that the alarm is false in at most 5% of calm months and that both z tests are in far more,
and that the chart finds late faults as soon as early ones. Takes about four minutes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from experiments.running import each, record
from ranking.calibration import LevelAlarm, LevelCusum

DAYS, SCATTER, Z = 30, 0.015, 1.96
LEVEL, TAU = 0.05, 0.1
SPREADS = {0.10: 0.10, 0.45: 0.20}
"""Standard deviation of the predictions, by their mean."""
TOO_HIGH = (0.05, 0.10)
PATIENCE = 4
"""Months after which a fault that was not found is given up."""

TOLERANCE, CHART_SHIFT, CHART_FALSE = 0.02, 0.05, 0.04
"""The shift that one alarm tolerates, the one that the chart is made for, and its part of false months."""
NEGLIGIBLE = 0.01
USER_ROWS, USER_ERROR = 20, 0.5

Floats = NDArray[np.float64]
Alarm = LevelAlarm | LevelCusum

ALARM = LevelAlarm(LEVEL, TAU)
TOLERANT = replace(ALARM, tolerance=TOLERANCE)


def predictions(base_rate: float, count: int = 200_000) -> Floats:
    """Predictions of many rows, from which those of a month are drawn, (count,)."""
    mean, spread = base_rate, SPREADS[base_rate]
    size = mean * (1 - mean) / spread**2 - 1
    p = np.random.default_rng(0).beta(mean * size, (1 - mean) * size, count)
    return np.clip(p, 1e-6, 1 - 1e-6)


def shift_for(p: Floats, too_high: float) -> float:
    """The shift of the logits at which predictions are too high by a part of the mean of the truth."""
    return float(brentq(lambda b: p.mean() / expit(logit(p) + b).mean() - 1 - too_high, -2.0, 2.0))


def draw(
    pool: Floats, shifts: Floats, rows: int, rng: np.random.Generator, clustered: bool = False
) -> tuple[Floats, Floats]:
    """Labels and predictions of some days with as many rows each, whose true logits are shifted, (days,)."""
    p = pool[rng.integers(0, pool.size, shifts.size * rows)]  # (days · rows,)
    truth = expit(logit(p) + np.repeat(shifts, rows)) if shifts.any() else p
    if clustered:
        truth = with_user_errors(truth, rng)
    return (rng.random(p.size) < truth).astype(np.float64), p


def with_user_errors(truth: Floats, rng: np.random.Generator) -> Floats:
    """Chances whose logits share an error by user, and that are as before in the mean over errors."""
    inner, outer = logits_with_errors()
    errors = rng.normal(0.0, USER_ERROR, -(-truth.size // USER_ROWS)).repeat(USER_ROWS)[: truth.size]
    return np.asarray(expit(np.interp(logit(truth), outer, inner) + errors))


@cache
def logits_with_errors() -> tuple[Floats, Floats]:
    """Logits of a user without an error, and those of the mean chance over errors."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    inner = np.linspace(-20.0, 20.0, 2_001)
    return inner, logit(expit(inner[:, None] + USER_ERROR * nodes) @ weights / weights.sum())


def calm_month(pool: Floats, rows: int, rng: np.random.Generator, clustered: bool) -> tuple[Floats, Floats]:
    """Labels and predictions of a month in which the model is right."""
    return draw(pool, np.zeros(DAYS), rows, rng, clustered)


def chart_for(base_rate: float, months: int, rows: int) -> LevelCusum:
    """A chart whose threshold is reached in a set part of calm months, which serve for nothing else."""
    pool, rng = predictions(base_rate), np.random.default_rng(3)
    chart = LevelCusum(CHART_SHIFT)
    highest = [chart.log_ratios(*calm_month(pool, rows, rng, False)).max() for _ in range(months)]
    return replace(chart, threshold=float(np.quantile(highest, 1.0 - CHART_FALSE)))


def design_effect(base_rate: float, months: int, rows: int) -> float:
    """The mean square of a user's excess over its variance if rows were independent, in calm months."""
    pool, rng = predictions(base_rate), np.random.default_rng(4)
    squares = variances = 0.0
    for _ in range(months):
        labels, p = calm_month(pool, rows, rng, True)
        by_user = np.arange(0, p.size, USER_ROWS)
        squares += (np.add.reduceat(labels - p, by_user) ** 2).sum()
        variances += (p * (1 - p)).sum()
    return float(squares / variances)


def alarms_for(chart: LevelCusum, effect: float | None = None) -> dict[str, Alarm]:
    """The alarms that are compared, by name; with a design effect those that know of it, too."""
    alarms: dict[str, Alarm] = {"alarm": ALARM, "tolerant alarm": TOLERANT, "chart": chart}
    if effect is not None:
        alarms["alarm with design effect"] = replace(ALARM, design_effect=effect)
        alarms["chart with design effect"] = replace(chart, threshold=chart.threshold * effect)
    return alarms


def rang(labels: Floats, p: Floats, rows: int, alarms: dict[str, Alarm]) -> dict[str, bool]:
    """Whether each of the alarms and of the two z tests rings in a month."""
    excess = (labels - p).reshape(-1, rows).sum(axis=1)  # (days,)
    variance = (p * (1 - p)).reshape(-1, rows).sum(axis=1)
    so_far = np.abs(excess.cumsum()) / np.sqrt(variance.cumsum())
    return {
        **{name: alarm.update(labels, p).rang for name, alarm in alarms.items()},
        "z of all rows so far": bool((so_far > Z).any()),
        "z of the day": bool((np.abs(excess) / np.sqrt(variance) > Z).any()),
    }


def false_months(
    base_rate: float,
    scatter: float,
    months: int,
    rows: int,
    alarms: dict[str, Alarm],
    clustered: bool = False,
) -> dict[str, Any]:
    """In how many months without a lasting fault each test rings."""
    pool, rng = predictions(base_rate), np.random.default_rng(1)
    steepness = (pool * (1 - pool)).mean() / pool.mean()  # change of the level by a small shift
    found = [
        rang(*draw(pool, rng.normal(0.0, scatter / steepness, DAYS), rows, rng, clustered), rows, alarms)
        for _ in range(months)
    ]
    counts = {name: sum(month[name] for month in found) for name in found[0]}
    return {"base_rate": base_rate, "scatter": scatter, "months": months, "false": counts}


def rows_until_found(
    base_rate: float,
    too_high: float,
    late: bool,
    faults: int,
    rows: int,
    alarm: Alarm = ALARM,
    clustered: bool = False,
) -> dict[str, Any]:
    """After how many rows of a fault an alarm rings: quartiles over the faults that it did not ring before.

    A fault that is not found within some months counts as infinitely many rows, None in the record.
    """
    pool, rng = predictions(base_rate), np.random.default_rng(2)
    shift = shift_for(pool, too_high)
    after = []
    for _ in range(faults):
        now = alarm.update(*calm_month(pool, rows, rng, clustered)) if late else alarm
        if now.rang:
            continue
        before = now.rows
        for _ in range(PATIENCE * DAYS):
            now = now.update(*draw(pool, np.full(1, shift), rows, rng, clustered))
            if now.rang:
                break
        after.append(np.inf if now.rang_after is None else now.rang_after - before)
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
    charts = {b: chart_for(b, months, rows) for b in SPREADS}
    effects = {b: design_effect(b, max(months // 20, 1), rows) for b in SPREADS}
    known = {b: alarms_for(charts[b]) for b in SPREADS}
    clustered = {b: alarms_for(charts[b], effects[b]) for b in SPREADS}
    return {
        "question": "How often is the alarm false, and how soon does it find a level that is off?",
        "days": DAYS,
        "rows_per_day": rows,
        "level": LEVEL,
        "tau": TAU,
        "tolerance": TOLERANCE,
        "chart": {"shift": CHART_SHIFT, "false_months": CHART_FALSE},
        "users": {"rows": USER_ROWS, "error": USER_ERROR},
        "predictions": [
            {
                "base_rate": b,
                "standard_deviation": sd,
                "chart_threshold": charts[b].threshold,
                "design_effect": effects[b],
            }
            for b, sd in SPREADS.items()
        ],
        "calm": [false_months(*case, months, rows, known[case[0]]) for case in each(calm)],
        "faulty": [rows_until_found(*case, faults, rows) for case in each(faulty)],
        "clustered": [
            false_months(b, 0.0, max(months // 2, 1), rows, clustered[b], True) for b in each(SPREADS)
        ],
        "faulty_by_alarm": [
            {"alarm": name} | rows_until_found(*case, faults, rows, known[case[0]][name])
            for name in ("tolerant alarm", "chart")
            for case in each(faulty)
        ],
        "faulty_clustered": [
            {"alarm": name}
            | rows_until_found(*case, max(faults // 2, 1), rows, clustered[case[0]][name], True)
            for name in ("alarm with design effect", "chart with design effect")
            for case in each(faulty)
        ],
        "negligible": [
            {"alarm": name} | rows_until_found(b, NEGLIGIBLE, False, max(faults // 3, 1), rows, alarm)
            for b in each(SPREADS)
            for name, alarm in known[b].items()
        ],
    }


if __name__ == "__main__":
    record(measure)
