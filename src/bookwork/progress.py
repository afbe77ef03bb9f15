"""One progress bar for what takes long: silent where output is kept."""

import os
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

SILENT = "BOOKWORK_SILENT"
"""Environment variable that the book build sets to 1, so that no bar ends up in a page."""


def progress(iterable: Iterable[Any], description: str) -> "tqdm[Any]":
    """A tqdm bar around ``iterable`` that vanishes when it is done; none where BOOKWORK_SILENT is set."""
    silent = os.environ.get(SILENT, "0") not in ("", "0")
    return tqdm(iterable, desc=description, leave=False, disable=silent)
