"""Sphinx extension of the book build: live figures without a kernel, no outside requests, a mended theme.

Load it after the default extensions of Jupyter Book (``sphinx: extra_extensions: [bookwork.sphinx]``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.progress import SILENT
from bookwork.sphinx import execution, exercises, nodes, offline, theme


def set_environment(app: Sphinx, config: Config) -> None:
    """Give the kernels, which inherit them, the variables that the book's own packages heed."""
    for name, value in config.bookwork_environment.items():
        os.environ.setdefault(name, value)


def find_toc(app: Sphinx, config: Config) -> None:
    """Point sphinx-external-toc at the contents above the folder of the sources, where there are none in it.

    Jupyter Book takes ``--toc _toc.yml`` from the working folder, but it looks in that of the sources.
    """
    sources = Path(app.srcdir)
    if not (sources / config.external_toc_path).is_file():
        config.external_toc_path = (sources.parent / config.external_toc_path).as_posix()


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    os.environ.setdefault(SILENT, "1")  # kernels inherit it: no progress bar ends up in a page
    app.add_config_value("bookwork_environment", {}, "", dict)
    app.connect("config-inited", set_environment)
    app.connect("config-inited", find_toc, priority=100)  # before sphinx-external-toc looks
    nodes.setup(app)
    execution.setup(app)
    exercises.setup(app)
    offline.setup(app)
    theme.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
