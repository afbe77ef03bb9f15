"""Data: the impression log that every chapter consumes, the simulator that knows the truth, a real log."""

from ranking.data.features import FeatureEncoder, FeatureTable, add_statistics
from ranking.data.logs import TARGETS, ImpressionLog, LoadReport
from ranking.data.simulator import Truth, World, WorldConfig, simulate_log

__all__ = [
    "TARGETS",
    "FeatureEncoder",
    "FeatureTable",
    "ImpressionLog",
    "LoadReport",
    "Truth",
    "World",
    "WorldConfig",
    "add_statistics",
    "simulate_log",
]
