"""The cache of executed notebooks, made to depend on all that a notebook's outputs depend on.

jupyter-cache looks at the code of a notebook only. Here each state of the package, of the pinned environment
and of the recorded results has a cache of its own, so that a change of any of them executes the notebooks
again, and a second build of the same state executes nothing. Caches of other states are removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

PACKAGE = Path(__file__).parents[1]
BUILD_ONLY = PACKAGE / "sphinx_ext"  # what changes how a page is rendered, and no output of a notebook
SOURCES = (".py", ".js", ".css", ".html", ".svg")
DATA_VARIABLE = "RANKING_KUAIRAND_DIR"  # chapters show more where it names a folder


def fingerprint(files: Iterable[Path], text: str = "") -> str:
    """Sixteen hexadecimal digits that stand for the names and contents of ``files``, and for ``text``."""
    digest = hashlib.sha256(text.encode())
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def inputs(root: Path) -> list[Path]:
    """Files that outputs of notebooks depend on, beside the notebooks: package, environment, results.

    Args:
        root: the project's folder, above the folder of the book.
    """
    package = [path for path in sources(PACKAGE) if BUILD_ONLY not in path.parents]
    results = [path for path in (root / "experiments" / "results").rglob("*") if path.is_file()]
    requirements = root / "requirements.txt"
    return [*package, *results, *([requirements] if requirements.is_file() else [])]


def sources(folder: Path) -> list[Path]:
    """Files below ``folder`` that the package consists of."""
    return [path for path in folder.rglob("*") if path.suffix in SOURCES]


def set_cache(app: Sphinx, config: Config) -> None:
    """Name the cache after the state of its inputs; Sphinx reads all pages again when that name changes."""
    state = fingerprint(inputs(Path(app.srcdir).parent), os.environ.get(DATA_VARIABLE, ""))
    caches = Path(app.outdir).parent / ".jupyter_cache"
    for other in caches.glob("*"):
        if other.is_dir() and other.name != state:
            shutil.rmtree(other)
    config.nb_execution_cache_path = str(caches / state)
    config.ranking_rendering = fingerprint(sources(BUILD_ONLY))


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_config_value("ranking_rendering", "", "env", str)
    app.connect("config-inited", set_cache)
