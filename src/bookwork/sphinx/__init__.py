"""Sphinx extension of the book build: live figures without a kernel, no outside requests, a mended theme.

Load it after the default extensions of Jupyter Book (``sphinx: extra_extensions: [bookwork.sphinx]``).
"""

import os
from pathlib import Path
from typing import Any, Literal

from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.progress import SILENT
from bookwork.sphinx import (
    asides,
    code,
    execution,
    exercises,
    explorers,
    far,
    head,
    links,
    maths,
    nodes,
    numbering,
    offline,
    openings,
    scripts,
    search,
    sheet,
    strip,
    theme,
)

SETTINGS: dict[str, tuple[Any, Literal["", "env"]]] = {
    "bookwork_environment": ({}, ""),  # variables for the kernels
    "bookwork_explorers": ([], "env"),  # packages that bring explorers in a folder js
    "bookwork_inputs": (["requirements.txt"], ""),  # files that outputs depend on
    "bookwork_palette": ("", "env"),  # the book's colours, as "module:NAME"
    "bookwork_rendering": ("", "env"),  # set here: stands for the code that renders pages
    "bookwork_solutions": (True, "env"),  # whether pages show those of exercises
    "bookwork_strip": ([], "env"),  # where each page stands, see strip.py
    "bookwork_variables": ([], ""),  # environment variables that outputs depend on
}
"""Values of the configuration: default, and "env" where another one makes Sphinx read all pages again."""


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
    for name, (default, rebuild) in SETTINGS.items():
        app.add_config_value(name, default, rebuild, type(default))
    app.connect("config-inited", find_toc, priority=100)  # before sphinx-external-toc looks
    for change in (set_environment, execution.set_cache, exercises.set_config, theme.set_config):
        app.connect("config-inited", change)
    app.connect("config-inited", offline.drop_thebe)
    app.connect("builder-inited", theme.write_assets)
    app.connect("env-before-read-docs", execution.execute_side_by_side)
    app.connect("source-read", exercises.show_learners)
    app.connect("build-finished", exercises.replace_sources)
    app.connect("build-finished", theme.write_front_page)
    explorers.setup(app)
    far.setup(app)
    links.setup(app)
    code.setup(app)
    head.setup(app)
    scripts.setup(app)
    sheet.setup(app)
    app.add_js_file(theme.SCRIPT, priority=scripts.LATE - 1)
    maths.setup(app)
    search.setup(app)
    app.add_node(nodes.page_figure, html=(nodes.visit_page_figure, nodes.depart_page_figure))
    app.add_node(HideCodeCellNode, override=True, html=(nodes.visit_folded, nodes.depart_folded))
    app.add_post_transform(nodes.FoldClaims)
    app.add_post_transform(nodes.OneFoldForNeighbours)
    openings.setup(app)
    app.add_post_transform(asides.Asides)
    numbering.connect(app)
    strip.connect(app)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
