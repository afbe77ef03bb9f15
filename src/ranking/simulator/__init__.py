"""The simulator: a world that knows the truth behind every impression of its log."""

from ranking.simulator.population import WorldConfig
from ranking.simulator.truth import Truth
from ranking.simulator.world import World, simulate_log
