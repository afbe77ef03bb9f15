"""Evaluation: metrics, intervals, tests of rankings, estimates from a log."""

from ranking.evaluation.ab_tests import power_of_test, requests_per_arm
from ranking.evaluation.intervals import (
    Interval,
    bootstrap_interval,
    clustered_error,
    margin,
    wilson_interval,
)
from ranking.evaluation.offline import Estimate, inverse_propensity
