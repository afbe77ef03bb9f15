"""The world and the log that the chapters share."""

from __future__ import annotations

from functools import lru_cache

from ranking import validation
from ranking.logs import ImpressionLog
from ranking.simulator import World, WorldConfig
from ranking.simulator.config import MOST_CODES
from ranking_course.kept_log import kept_log


def course_world(config: WorldConfig | None = None, seed: int = 0) -> World:
    """The world of the course, or another: ``World.build(config, seed)``, built once in a process.

    Every call gives the same object; who wants to change one builds a world of their own.
    """
    return _built(_checked(config), validation.seed("seed", seed))


def course_log(
    n_impressions: int = 1_000_000, seed: int = 0, config: WorldConfig | None = None, world_seed: int = 0
) -> ImpressionLog:
    """The log of the course with its statistics and its truth, made once and then kept in the user's cache.

    What comes back is, bit for bit, what this gives::

        World.build(config, world_seed).simulate(n_impressions, seed).with_statistics()

    Every call gives a log of its own. It is kept in the folder that
    :func:`ranking_course.kept_log.cache_folder` names, one file for each settings, for a million impressions
    about 50 MB; what is written there by another version of the simulator is never read. A cache that cannot
    be used is told in a warning.

    Raises:
        ValueError: an argument is not what :meth:`~ranking.simulator.World.build` and
            :meth:`~ranking.simulator.World.simulate` take.
    """
    n_impressions = validation.positive_int("n_impressions", n_impressions, most=MOST_CODES)
    seed = validation.seed("seed", seed)
    config, world_seed = _checked(config), validation.seed("world_seed", world_seed)
    return kept_log(
        repr((n_impressions, seed, world_seed, config)),  # a config names all of its fields
        lambda: _built(config, world_seed).simulate(n_impressions, seed).with_statistics(),
    )


def _checked(config: WorldConfig | None) -> WorldConfig:
    return WorldConfig() if config is None else validation.instance("config", config, WorldConfig)


@lru_cache(maxsize=4)
def _built(config: WorldConfig, seed: int) -> World:
    return World.build(config, seed)
