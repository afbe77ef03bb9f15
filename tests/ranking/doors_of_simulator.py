"""Examples of arguments for the simulator; see :mod:`public_doors`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranking.simulator import Autoplay, Conflict, Drift, Sessions, World, WorldConfig
from ranking.simulator.vocabulary import START_MS

Call = dict[str, Any]

DRIFT = Drift(outcomes=("click", "like"), slope=0.5, jump_day=2, jump=-0.5, tastes=0.25)


def config(**parts: Any) -> WorldConfig:
    """That of a small world, with parts that are off otherwise."""
    return WorldConfig(n_users=12, n_items=60, n_authors=6, n_topics=4, dim=4, days=6, slate_size=2, **parts)


CONFIG = config()
WORLD = World.build(CONFIG, seed=1)
CLICKED = World.build(config(sessions=Sessions(), conflict=Conflict(), drift=DRIFT), seed=1)
PLAYED = World.build(config(sessions=Sessions(), drift=DRIFT, autoplay=Autoplay()), seed=1)
CONTEXT: Call = {
    "user": np.array([0, 3, 5, 2]),
    "item": np.array([7, 2, 9, 30]),
    "hour": np.array([7, 2, 9, 20]),
    "weekday": np.array([5, 2, 1, 6]),
    "scene": np.array([3, 2, 0, 2]),
}
CIRCUMSTANCES: Call = {
    "time_ms": START_MS + 1_000_000 * np.array([5, 80, 300, 400]),
    "mood": np.array([3, 0, 2, 1]),
    "seen": np.array([0, 5, 1, 2]),
}

EXEMPT = {
    "simulator.log_normal.": "says that nothing is checked there: Truth and LogNormalWatchTime do it before",
    "simulator.play_time.": "says that nothing is checked there: PlayTruth does it before",
    "simulator.autoplay.Curve": "made by World.build, from a config that is checked",
    "simulator.autoplay.Curve.": "inside World, which checks",
    "simulator.conflict.Conflicting": "made by World.build, from a config that is checked",
    "simulator.conflict.Conflicting.": "inside World, which checks",
    "simulator.drift.Drifting": "made by World.build, from a config that is checked",
    "simulator.drift.Drifting.": "inside World, which checks",
    "simulator.drivers.": "inside World, which checks",
    "simulator.play_truth.Growth": "made by Autoplay, which checks",
    "simulator.play_truth.Growth.": "inside PlayTruth",
    "simulator.play_truth.PlayTruth": "made by World.play_truth, from arguments that are checked",
    "simulator.policy.": "inside World, which checks",
    "simulator.population.draw_population": "inside World, which checks",
    "simulator.population.draw_topics": "inside World, which checks",
    "simulator.population.Population.": "made by World.build, from a config that is checked",
    "simulator.population.WeightedDraw.": "inside World, which checks",
    "simulator.sessions.RunningRepeats": "inside World, which checks",
    "simulator.sessions.RunningRepeats.": "inside World, which checks",
    "simulator.sessions.Sessions.draw_lengths": "inside World, which checks",
    "simulator.solving.": "inside World, which checks",
    "simulator.truth.Truth": "made by World.truth, from arguments that are checked",
    "simulator.world.World": "made by World.build",
}

SELVES: Call = {
    "PlayTruth": PLAYED.play_truth(**CONTEXT, **CIRCUMSTANCES),
    "Truth": WORLD.truth(np.arange(4), np.arange(4), 7, 5, 0),
    "World": WORLD,
}

CALLS: dict[str, Call] = {
    "simulator.autoplay.Autoplay": {
        "leave": (0.125, 0.5, 0.25),
        "watch": (3.5, 0.25),
        "replay": (-3.5, -1.5),
    },
    "simulator.config.WorldConfig": {"randomised_from": "catalogue", "log_propensities": True},
    "simulator.conflict.Conflict": {"scenes": ("home", "work")},
    "simulator.drift.Drift": {"outcomes": ("click", "like"), "jump_day": 3, "jump_ages": (0, 2)},
    "simulator.play_truth.PlayTruth.reaches": {"share": 0.5},
    "simulator.play_truth.PlayTruth.select": {"rows": np.array([2, 0, 3])},
    "simulator.play_truth.PlayTruth.watch_quantile": {"level": 0.5},
    "simulator.revealed.mood_posterior": {"world": CLICKED, "log": CLICKED.simulate(40, seed=2)},
    "simulator.sessions.topic_repeats": {
        "session": np.array([0, 0, 1, 0, 1]),
        "topic": np.array([2, 2, 2, 0, 2]),
    },
    "simulator.truth.Truth.reaches": {"share": 0.5},
    "simulator.truth.Truth.select": {"rows": np.array([2, 0, 3])},
    "simulator.truth.Truth.watch_quantile": {"level": 0.5},
    "simulator.world.World.build": {"config": CONFIG},
    "simulator.world.World.examination": {"places": 3},
    "simulator.world.World.play_truth": {"self": PLAYED, **CONTEXT, **CIRCUMSTANCES},
    "simulator.world.World.truth": {
        "self": CLICKED,
        **CONTEXT,
        **CIRCUMSTANCES,
        "position": np.array([2, 1, 3, 4]),
    },
    "simulator.world.simulate_log": {"n_impressions": 20, **vars(CONFIG)},
}
