"""Evaluation: metrics, intervals, tests of rankings, estimates from a log."""

from ranking.evaluation.comparing import (
    Estimate,
    clustered_error,
    inverse_propensity,
    power_of_test,
    requests_per_arm,
)
from ranking.evaluation.intervals import wilson_interval

__all__ = [
    "Estimate",
    "clustered_error",
    "inverse_propensity",
    "power_of_test",
    "requests_per_arm",
    "wilson_interval",
]
