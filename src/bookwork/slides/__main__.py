"""Slides from chapters: ``python -m bookwork.slides OUT NOTEBOOK ...``, or ``make slides``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import nbclient
import nbformat
from jupyter_cache import get_cache
from nbformat import NotebookNode

from bookwork.palette import palette_named
from bookwork.slides.writing import write_slides


def name_of(path: Path) -> str:
    """What the slides of a notebook are called: as it is, or its folder where it is the index of one."""
    return path.resolve().parent.name if path.stem == "index" else path.stem


def executed(path: Path, caches: Path | None = None) -> NotebookNode:
    """A notebook with its outputs: those of the built book, if it has them, else it is executed.

    ``caches`` is where the book's build keeps executed notebooks, one folder per state of the package.
    """
    notebook = nbformat.read(path, as_version=4)
    for cache in sorted(caches.glob("*/")) if caches is not None else ():
        try:
            return get_cache(cache).merge_match_into_notebook(notebook)[1]
        except KeyError:
            continue
    return nbclient.execute(notebook, cwd=str(path.parent), timeout=300)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write slides; 0 if all is well."""
    parser = argparse.ArgumentParser(prog="python -m bookwork.slides", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("notebooks", type=Path, nargs="+", metavar="NOTEBOOK", help="chapters")
    parser.add_argument("--caches", type=Path, help="folder of executed notebooks of the book's build")
    parser.add_argument("--explorers", nargs="*", default=(), metavar="PACKAGE", help="that bring explorers")
    parser.add_argument("--palette", default="", metavar="MODULE:NAME", help="colours of the book")
    options = parser.parse_args(arguments)
    if missing := [str(path) for path in options.notebooks if not path.is_file()]:
        print(f"NOTEBOOK must be a file, got {', '.join(missing)}", file=sys.stderr)
        return 2
    notebooks = {name_of(path): executed(path, options.caches) for path in options.notebooks}
    folders = {name_of(path): path.resolve().parent for path in options.notebooks}
    palette = palette_named(options.palette)
    print(*write_slides(options.out, notebooks, folders, options.explorers, palette), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
