"""The columns of the KuaiRand-Pure files that are read, and what is possible in each."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from ranking.logs.kuairand.rules import Day, Number, Rule, Text, WholeNumber
from ranking.logs.statistics import DAY_MS

HOUR_MS = DAY_MS // 24
UTC8_MS = 8 * HOUR_MS

_LARGEST = np.iinfo(np.int32).max
_ANY = WholeNumber(-_LARGEST, _LARGEST, np.int32)
# The log covers 8 April to 8 May 2022; a margin, because its dates and its times disagree a little.
_START, _END = (int(datetime(2022, month, 1, tzinfo=UTC).timestamp()) * 1000 - UTC8_MS for month in (4, 6))
_LABELS = (
    "is_click is_like is_follow is_comment is_forward is_hate long_view is_profile_enter is_rand".split()
)

LOG_COLUMNS: Mapping[str, Rule] = (
    dict.fromkeys(("user_id", "video_id"), WholeNumber(0, _LARGEST, np.int32))
    | {"time_ms": WholeNumber(_START, _END, np.int64)}
    | dict.fromkeys(_LABELS, WholeNumber(0, 1, np.bool_))
    | dict.fromkeys(("play_time_ms", "duration_ms"), WholeNumber(0, DAY_MS, np.int32))
    | dict.fromkeys(("date", "hourmin", "profile_stay_time", "comment_stay_time"), _ANY)
    | {"tab": WholeNumber(0, 14, np.int8)}
)
"""The columns of a log file and what is possible in each; times in milliseconds, moments since 1970 UTC."""

_KEY = WholeNumber(0, _LARGEST, np.int64)
_COUNTS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
_FLAGS = ("is_lowactive_period", "is_live_streamer", "is_video_author")

USER_COLUMNS: Mapping[str, Rule] = (
    {"user_id": _KEY}
    | dict.fromkeys(["user_active_degree"] + [f"{name}_range" for name in _COUNTS], Text())
    | dict.fromkeys([*_FLAGS, *_COUNTS] + [f"onehot_feat{k}" for k in range(18)], Number())
)
VIDEO_COLUMNS: Mapping[str, Rule] = (
    {"video_id": _KEY}
    | {"upload_dt": Day()}
    | dict.fromkeys(("author_id", "video_type", "upload_type", "tag"), Text())
    | dict.fromkeys(("video_duration", "server_width", "server_height", "music_type"), Number(0))
)
