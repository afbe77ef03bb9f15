"""The impression log that every chapter consumes, counts of what happened before each row, features of it."""

from ranking.logs.features import FeatureEncoder, FeatureTable
from ranking.logs.impressions import PLAY_TARGETS, TARGETS, ImpressionLog, Impressions, LoadReport

__all__ = [
    "PLAY_TARGETS",
    "TARGETS",
    "FeatureEncoder",
    "FeatureTable",
    "ImpressionLog",
    "Impressions",
    "LoadReport",
]
