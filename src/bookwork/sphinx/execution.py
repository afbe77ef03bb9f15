"""The cache of executed notebooks, made to depend on all that a notebook's outputs depend on.

jupyter-cache looks at the code of a notebook only. Here each state of the files and environment variables
that ``bookwork_inputs`` and ``bookwork_variables`` name has a cache of its own, so that a change of any of
them executes the notebooks again, and a second build of the same state executes nothing. Caches of other
states are removed.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from bookwork.explorer import bundle
from bookwork.kernels import AttentiveKernelManager

MACHINE = Path(__file__).resolve().parents[1]
BUILD_ONLY = MACHINE / "sphinx"  # how a page is rendered, not what a notebook gives
LOOKS = {".css", ".js"}  # nor do these change what a cell computes, wherever they lie
MOST_KERNELS = 4  # at once: each takes up to a gigabyte

logger = logging.getLogger(__name__)


def fingerprint(files: Iterable[Path], text: str = "") -> str:
    """Sixteen hexadecimal digits that stand for the names and contents of ``files``, and for ``text``."""
    digest = hashlib.sha256(text.encode())
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def inputs(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Files that outputs depend on: those below ``root`` by patterns like ``src/**/*``, and the machine's."""
    found = {path for pattern in patterns for path in files_of(root.resolve(), pattern)}
    found = found.union(files_of(MACHINE))
    return [path for path in found if BUILD_ONLY not in path.parents and path.suffix not in LOOKS]


def files_of(folder: Path, pattern: str = "**/*") -> list[Path]:
    """Files in a folder, without what Python compiles."""
    return [path for path in folder.glob(pattern) if path.is_file() and path.suffix != ".pyc"]


def set_cache(app: Sphinx, config: Config) -> None:
    """Name the cache after the state of its inputs; Sphinx reads all pages again when that name changes."""
    variables = [os.environ.get(name, "") for name in config.bookwork_variables]
    state = fingerprint(inputs(Path(app.srcdir).parent, config.bookwork_inputs), "\n".join(variables))
    caches = Path(app.outdir).parent / ".jupyter_cache"
    for other in caches.glob("*"):
        if other.is_dir() and other.name != state:
            shutil.rmtree(other)
    config.nb_execution_cache_path = str(caches / state)
    looks = [path for path in files_of(MACHINE) if BUILD_ONLY in path.parents or path.suffix in LOOKS]
    looks += [path for package in config.bookwork_explorers for path in bundle.files_of(package)]
    config.bookwork_rendering = fingerprint(looks)


def as_parsed(app: Sphinx, docname: str) -> NotebookNode:
    """A notebook as the parser will get it, after what other extensions change in it."""
    source = [Path(app.env.doc2path(docname)).read_text(encoding="utf-8")]
    app.emit("source-read", docname, source)
    return nbformat.reads(source[0], as_version=4)


def is_cached(cache: JupyterCacheAbstract, notebook: NotebookNode) -> bool:
    """Whether the cache holds the outputs of this code."""
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def execute_side_by_side(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Fill the cache with all notebooks that are about to be read, executed side by side, one to a core.

    One that fails is left to myst-nb, which executes it again and reports it.
    """
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    parsed = {name: as_parsed(app, name) for name in docnames if env.doc2path(name).endswith(".ipynb")}
    names = [name for name, notebook in parsed.items() if not is_cached(cache, notebook)]
    cores = os.cpu_count() or 1
    kernels = min(cores, len(names), MOST_KERNELS)
    if not names:
        return

    def execute(name: str) -> ExecutionResult:
        folder, timeout = Path(env.doc2path(name)).parent, app.config.nb_execution_timeout
        return single_nb_execution(
            parsed[name],
            cwd=str(folder),
            timeout=timeout,
            allow_errors=False,
            kernel_manager_class=AttentiveKernelManager,
        )

    logger.info("executing notebooks: %d, %d at a time", len(names), kernels)
    os.environ.setdefault("OMP_NUM_THREADS", str(cores // kernels))  # kernels inherit it, and share the cores
    with ThreadPoolExecutor(kernels) as pool:
        for name, result in zip(names, pool.map(execute, names), strict=True):
            if result.err is None:
                logger.info("%s: executed in %.1f seconds", name, result.time)
                bundle = CacheBundleIn(result.nb, env.doc2path(name), data={"execution_seconds": result.time})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
