"""Data with one entry spoilt, which checks must find."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


def spoilt(data: Any, path: Sequence[Any], bad: Any) -> Any:
    """A copy of ``data`` with the entry at ``path`` replaced, or dropped where ``bad`` is None."""
    copied = copy.deepcopy(data)
    *way, last = path
    place = copied
    for key in way:
        place = place[key]
    if bad is None:
        del place[last]
    else:
        place[last] = bad
    return copied
