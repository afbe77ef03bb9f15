"""Calibration (校准): predictions that mean what they say, in level and not only in order. Chapter 3.

:func:`calibrate` undoes what training on fewer negatives does to probabilities. Where the level is off for
other reasons, because the world moved on since training, a correction is fitted on fresh labelled traffic:
:class:`Shift`, :class:`Temperature`, :class:`Platt`, :class:`Isotonic` or :class:`SlicedShift`. All of them
take logits and give corrected logits. :class:`LevelAlarm` and :class:`LevelCusum` say when one is needed.
"""

from ranking.calibration.alarm import LevelAlarm
from ranking.calibration.cusum import LevelCusum
from ranking.calibration.isotonic import Isotonic
from ranking.calibration.logistic import Platt, Shift, Temperature
from ranking.calibration.sampling import (
    calibrate,
    calibrate_logits,
    downsample_negatives,
    downsampled,
    kept_share,
)
from ranking.calibration.slices import SlicedShift
