"""Watch time (观看时长) and completion (完播): distributions, losses, quantiles. Chapter 6."""

from ranking.watch_time.completion import LengthCorrection, completed, known_duration, share_played
from ranking.watch_time.distribution import LogNormalWatchTime, quadrature
from ranking.watch_time.losses import (
    geometric_loss,
    log_squared_error,
    predicted_watch_time,
    quantile_loss,
    seconds_per_impression,
    smearing_factor,
    source_limit,
    squared_error,
    watch_time_loss,
    watch_time_target,
    weighted_logistic_limit,
    weighted_logistic_loss,
)
from ranking.watch_time.quantiles import DurationQuantiles
