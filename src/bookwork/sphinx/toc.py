"""The table of contents beside the configuration, above the folder of the book.

Jupyter Book takes ``--toc _toc.yml`` from the working folder, but sphinx-external-toc looks for the same name
in the folder of the sources.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config


def find_toc(app: Sphinx, config: Config) -> None:
    """Point sphinx-external-toc at the file in the folder above the sources, where there is none in them."""
    sources = Path(app.srcdir)
    if not (sources / config.external_toc_path).is_file():
        config.external_toc_path = (sources.parent / config.external_toc_path).as_posix()


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, before sphinx-external-toc does."""
    app.connect("config-inited", find_toc, priority=100)
