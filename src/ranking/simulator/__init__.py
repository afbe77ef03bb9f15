"""The simulator: a world that knows the truth behind every impression of its log."""

from ranking.simulator.world import Truth, World, WorldConfig, simulate_log

__all__ = ["Truth", "World", "WorldConfig", "simulate_log"]
