"""One progress bar for all that takes long: in JupyterLab and in a terminal, silent where output is kept.

Book build and notebook tests set RANKING_SILENT to 1, so that no bar ends up in a page or a compared output.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

from ranking import validation

SILENT = "RANKING_SILENT"


def silent() -> bool:
    """True where RANKING_SILENT is set to anything but an empty text or 0."""
    return os.environ.get(SILENT, "0") not in ("", "0")


def progress(
    iterable: Iterable[Any] | None = None, total: int | None = None, description: str = "", shown: bool = True
) -> tqdm[Any]:
    """A tqdm bar, to walk through or to move by ``update(steps)``; it vanishes when it is done.

    Args:
        iterable: what to walk through; None for a bar that is moved by ``update``, best in a ``with`` block.
        total: number of steps, where ``iterable`` cannot tell its length.
        description: short text in front of the bar.
        shown: False for a bar that stays silent, as in all processes but the first.
    """
    if not isinstance(iterable, Iterable | None):
        raise ValueError(f"iterable must be something to walk through, or None, got {iterable!r:.80}")
    total = None if total is None else validation.whole_number("total", total)
    hidden = not validation.flag("shown", shown) or silent()
    return tqdm(iterable, total=total, desc=description, leave=False, disable=hidden)
