"""Evaluation: metrics, intervals, tests of rankings, estimates from a log."""

from ranking.evaluation.ab_tests import (
    is_non_inferior,
    power_of_test,
    requests_for_non_inferiority,
    requests_per_arm,
)
from ranking.evaluation.cuped import adjusted
from ranking.evaluation.intervals import (
    Interval,
    bootstrap_interval,
    clustered_error,
    margin,
    wilson_interval,
)
from ranking.evaluation.offline import Estimate, doubly_robust, inverse_propensity, slate_propensity
from ranking.evaluation.sequential import always_valid_interval, crossed_by, sequential_edges
