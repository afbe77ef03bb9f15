"""Sphinx extension of the book build: live figures without a kernel, no outside requests, a mended theme.

Load it after the default extensions of Jupyter Book (``sphinx: extra_extensions: [bookwork.sphinx]``).
"""

from __future__ import annotations

import os
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.progress import SILENT
from bookwork.sphinx import execution, exercises, nodes, offline, theme, toc


def set_environment(app: Sphinx, config: Config) -> None:
    """Give the kernels, which inherit them, the variables that the book's own packages heed."""
    for name, value in config.bookwork_environment.items():
        os.environ.setdefault(name, value)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    os.environ.setdefault(SILENT, "1")  # kernels inherit it: no progress bar ends up in a page
    app.add_config_value("bookwork_environment", {}, "", dict)
    app.connect("config-inited", set_environment)
    toc.setup(app)
    nodes.setup(app)
    execution.setup(app)
    exercises.setup(app)
    offline.setup(app)
    theme.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
