"""The columns of the KuaiRand-Pure files that are read, and what is possible in each."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from ranking.logs.impressions import DAY_MS
from ranking.logs.kuairand.rules import Day, Number, Rule, Text, WholeNumber

HOUR_MS = DAY_MS // 24
UTC8_MS = 8 * HOUR_MS

_LARGEST = np.iinfo(np.int32).max
_ID = WholeNumber(0, _LARGEST, np.int32)
_KEY = WholeNumber(0, _LARGEST, np.int64)
_ANY = WholeNumber(-_LARGEST, _LARGEST, np.int32)
_LABEL = WholeNumber(0, 1, np.bool_)
_LENGTH = WholeNumber(0, DAY_MS, np.int32)
# The log covers 8 April to 8 May 2022; a margin, because its dates and its times disagree a little.
_START, _END = (int(datetime(2022, month, 1, tzinfo=UTC).timestamp()) * 1000 - UTC8_MS for month in (4, 6))

LOG_COLUMNS = {
    "user_id": _ID,
    "video_id": _ID,
    "date": _ANY,
    "hourmin": _ANY,
    "time_ms": WholeNumber(_START, _END, np.int64),
    "is_click": _LABEL,
    "is_like": _LABEL,
    "is_follow": _LABEL,
    "is_comment": _LABEL,
    "is_forward": _LABEL,
    "is_hate": _LABEL,
    "long_view": _LABEL,
    "play_time_ms": _LENGTH,
    "duration_ms": _LENGTH,
    "profile_stay_time": _ANY,
    "comment_stay_time": _ANY,
    "is_profile_enter": _LABEL,
    "is_rand": _LABEL,
    "tab": WholeNumber(0, 14, np.int8),
}
"""The columns of a log file and what is possible in each; times in milliseconds, moments since 1970 UTC."""

USER_COLUMNS: dict[str, Rule] = {
    "user_id": _KEY,
    "user_active_degree": Text(),
    "follow_user_num_range": Text(),
    "fans_user_num_range": Text(),
    "friend_user_num_range": Text(),
    "register_days_range": Text(),
    "is_lowactive_period": Number(),
    "is_live_streamer": Number(),
    "is_video_author": Number(),
    "follow_user_num": Number(),
    "fans_user_num": Number(),
    "friend_user_num": Number(),
    "register_days": Number(),
    **{f"onehot_feat{k}": Number() for k in range(18)},
}

VIDEO_COLUMNS: dict[str, Rule] = {
    "video_id": _KEY,
    "author_id": Text(),
    "video_type": Text(),
    "upload_dt": Day(),
    "upload_type": Text(),
    "tag": Text(),
    "video_duration": Number(0),
    "server_width": Number(0),
    "server_height": Number(0),
    "music_type": Number(0),
}
