"""The words and numbers that the parts of the simulator share: what there is to name in every world."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.logs.impressions import TARGETS

Floats = NDArray[np.float32]
Ints = NDArray[np.integer[Any]]

OUTCOMES = (*TARGETS, "watch_time")
"""What a user does with an item, in the order of the columns of ``user_bias`` and ``topic_effect``."""

TOPICS = (
    "music dance comedy film games sports fitness food travel fashion beauty pets family home garden cars "
    "technology science history languages finance news crafts photography"
).split()
AGE_BANDS = ("under 18", "18–24", "25–34", "35–44", "45–54", "55 and over")
GENDERS = ("female", "male", "not given")
N_REGIONS = 30

SCENES = ("home", "commute", "work", "other")
"""What the integers of ``scene`` stand for."""

LARGEST_EFFECT = 1_000.0
"""The most that may be asked of what is added to a logit, in single precision."""

START_MS = 1_727_625_600_000
"""Where simulated time starts: Monday 30 September 2024, 00:00 in UTC+8, as milliseconds since 1970 UTC."""
