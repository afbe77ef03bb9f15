"""The impression log that every chapter consumes, counts of what happened before each row, features of it."""

from ranking.logs.features import FeatureEncoder, FeatureTable
from ranking.logs.impressions import TARGETS, ImpressionLog, Impressions, LoadReport

__all__ = ["TARGETS", "FeatureEncoder", "FeatureTable", "ImpressionLog", "Impressions", "LoadReport"]
