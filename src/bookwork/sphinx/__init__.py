"""Sphinx extension of the book build: live figures without a kernel, no outside requests, a mended theme.

Load it after the default extensions of Jupyter Book (``sphinx: extra_extensions: [bookwork.sphinx]``).
"""

from __future__ import annotations

import os
from typing import Any

from sphinx.application import Sphinx

from bookwork.sphinx import execution, exercises, nodes, offline, theme, toc
from ranking.progress import SILENT


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    os.environ.setdefault(SILENT, "1")  # kernels inherit it: no progress bar ends up in a page
    toc.setup(app)
    nodes.setup(app)
    execution.setup(app)
    exercises.setup(app)
    offline.setup(app)
    theme.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
