"""The surface that plays at once, beside a real log: moments of simulated worlds and of KuaiRand-Pure.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.world.autoplay [--seeds 10] [--out FILE]

Needs the data (see the README); without it the script says so and leaves the record as it is. Each seed is a
world and a log of it, once without and once with sessions. Takes about a minute on two cores.

Items of the simulator last from 7 s to 600 s and are spread over that range otherwise than real ones. So the
rows of a simulated log are weighted until their durations are spread as the real ones between the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.kuairand import real_log
from experiments.running import each, record
from experiments.world.moments import Array, Plays
from ranking.logs.kuairand import single_column
from ranking.simulator import World, WorldConfig
from ranking.simulator.autoplay import Autoplay
from ranking.simulator.sessions import Sessions

QUARTILES = ("25%", "50%", "75%", "90%", "effective", "long")
REAL = {
    "zero": 0.008,
    "under 3 s": 0.344,
    "beyond the end": 0.156,
    "effective": 0.483,
    "long": 0.353,
    "like | effective": 0.0299,
    "like | not effective": 0.0084,
    "share | effective": 0.0016,
    "share | not effective": 0.0003,
    "duration and ratio": -0.50,
    "duration and seconds": 0.10,
    "neighbours": 0.26,
    "hours later": 0.17,
} | {
    f"{name}: {part}": value
    for name, values in {
        "0-7": (0.36, 0.91, 1.26, 2.10, 0.45, 0.49),
        "7-15": (0.17, 0.44, 1.06, 1.39, 0.42, 0.31),
        "15-30": (0.09, 0.26, 1.02, 1.14, 0.46, 0.33),
        "30-60": (0.05, 0.17, 0.90, 1.04, 0.50, 0.38),
        "60-120": (0.03, 0.11, 0.65, 1.01, 0.54, 0.41),
        "over 120": (0.01, 0.03, 0.18, 0.73, 0.47, 0.33),
    }.items()
    for part, value in zip(QUARTILES, values, strict=True)
}
"""Moments of 176,721 impressions in tabs that play at once, rounded: aggregates of KuaiRand-Pure (Gao et al.,
CIKM 2022, doi 10.1145/3511808.3557624, CC BY-SA 4.0), see :mod:`ranking.logs.kuairand`."""

EDGES = (7, 9, 11, 13, 15, 18, 22, 26, 30, 37, 45, 52, 60, 75, 90, 105, 120, 150, 180, 240, 300, 600)
_PER_MILLE = "24 31 32 40 36 40 40 39 46 52 45 27 67 52 54 40 68 58 84 65 60"
SPREAD = tuple(int(rows) / 1_000 for rows in _PER_MILLE.split())
"""Proportions of the durations from each edge to below the next, of a tenth of the users of the same log."""

NEAR = 0.03
"""How far a moment of the simulator may lie from the real one."""

MISSES = {
    "neighbours": "users differ in patience, but no session has a patience of its own",
    "hours later": "with sessions alone, and why is open: without mood and fatigue it is .14, too",
}
"""Moments that lie further off in durations of 7 s and more, with or without sessions, and why."""

RESAMPLES = 300
USERS = 1_000  # so few that they come back within a day in a log of this length
KINDS = {"without sessions": None, "with sessions": Sessions()}


def spread_as_real(duration: Array) -> Array:
    """Weights, (rows,), under which durations are spread as ``SPREAD`` says; outside of ``EDGES`` 0."""
    cell = np.digitize(duration, EDGES)  # 0 below, len(EDGES) at and above the last
    wanted = np.array([0.0, *SPREAD, 0.0])
    return (wanted / np.maximum(np.bincount(cell, minlength=len(wanted)), 1))[cell]


def simulated(seed: int, impressions: int, sessions: Sessions | None) -> dict[str, float]:
    """Moments of one world's log, its durations spread as the real ones."""
    config = WorldConfig(n_users=USERS, autoplay=Autoplay(), sessions=sessions)
    world = World.build(config, seed=seed)
    plays = Plays(world.simulate(impressions, seed=seed).rows)
    return plays.moments(spread_as_real(plays.duration))


def measure(seeds: range, impressions: int = 200_000) -> dict[str, Any]:
    """All moments: the real ones, those of the real rows at hand, and those of the worlds."""
    real = Plays(single_column(real_log()).rows)
    at_hand, intervals = real.moments(), real.intervals(RESAMPLES, seed=0)
    drawn: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for seed in each(seeds):
        for kind, sessions in KINDS.items():
            drawn[kind].append(simulated(seed, impressions, sessions))
    worlds = {kind: pd.DataFrame(found) for kind, found in drawn.items()}
    found = []
    for name, value in REAL.items():
        low, high = intervals[name]
        line: dict[str, Any] = {
            "moment": name,
            "real": value,
            "rows_at_hand": at_hand[name],
            "low": low,
            "high": high,
        }
        for kind, table in worlds.items():
            if name in table:
                mean = table[name].mean()
                line[kind] = {
                    "mean": mean,
                    "range": [table[name].min(), table[name].max()],
                    "difference": mean - value,
                    "near": bool(abs(mean - value) <= NEAR),
                }
        found.append(line)
    return {"impressions": impressions, "near": NEAR, "rows": len(real.rows), "moments": found}


if __name__ == "__main__":
    record(measure, seeds=10)
