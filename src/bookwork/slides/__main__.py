"""Slides from chapters: ``python -m bookwork.slides OUT NOTEBOOK ...``, or ``make slides``.

A chapter of several pages is one deck: its index brings the numbered pages beside it, "1.2 Retrieval" with
"1. The funnel".
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import nbclient
from jupyter_cache import get_cache
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from sqlalchemy.exc import SQLAlchemyError

from bookwork import command_line
from bookwork.chapters import pages_of
from bookwork.grading import editions
from bookwork.kernels import AttentiveKernelManager
from bookwork.palette import palette_named
from bookwork.slides.writing import Chapter, write_slides

PROGRAM = "python -m bookwork.slides"
CELL_SECONDS = 300


def name_of(path: Path) -> str:
    """What the slides of a notebook are called: as it is, or its folder where it is the index of one."""
    return path.resolve().parent.name if path.stem == "index" else path.stem


def executed(path: Path, caches: Path | None = None) -> NotebookNode:
    """A notebook with its outputs: those of the built book, if it has them, else it is executed.

    ``caches`` is where the book's build keeps executed notebooks, one folder per state of the package.
    """
    notebook = editions.read(path)
    for database in sorted(caches.glob("*/global.db")) if caches is not None else ():
        try:
            return get_cache(database.parent).merge_match_into_notebook(notebook)[1]
        except KeyError:
            continue
        except SQLAlchemyError as error:
            raise ValueError(f"--caches must hold caches of the book's build, got {database}") from error
    try:
        return nbclient.execute(
            notebook,
            cwd=str(path.parent),
            timeout=CELL_SECONDS,
            kernel_manager_class=AttentiveKernelManager,
        )
    except CellExecutionError as error:
        raise ValueError(f"{path} must run from top to bottom: {error.ename}: {error.evalue}") from error
    except CellTimeoutError as error:
        raise ValueError(f"{path} must have no cell that takes {CELL_SECONDS} seconds") from error
    except (DeadKernelError, NoSuchKernel) as error:
        raise ValueError(f"{path} must run in a kernel: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Write slides; 0 if all is well, 2 for bad input."""
    return command_line.run(PROGRAM, lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> None:
    parser = command_line.Parser(prog=PROGRAM, description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("notebooks", type=Path, nargs="+", metavar="NOTEBOOK", help="chapters")
    parser.add_argument("--caches", type=Path, help="folder of executed notebooks of the book's build")
    parser.add_argument("--explorers", nargs="*", default=(), metavar="PACKAGE", help="that bring explorers")
    parser.add_argument("--palette", default="", metavar="MODULE:NAME", help="colours of the book")
    options = parser.parse_args(arguments)
    if missing := [str(path) for path in options.notebooks if not path.is_file()]:
        raise ValueError(f"NOTEBOOK must be a file, got {', '.join(missing)}")
    paths = {name_of(path): path for path in options.notebooks}
    if len(paths) < len(options.notebooks):
        raise ValueError(
            f"NOTEBOOK must be named differently each, got {', '.join(map(name_of, options.notebooks))}"
        )
    if unknown := [name for name in options.explorers if not installed(name)]:
        raise ValueError(f"--explorers must name packages that are installed, got {', '.join(unknown)}")
    palette = palette_named(options.palette)
    try:  # before notebooks run, which takes minutes
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"OUT must be a folder to write to, got {options.out}: {error.strerror}") from error
    if not os.access(options.out, os.W_OK):
        raise ValueError(f"OUT must be a folder to write to, got {options.out}: no right to")
    chapters = {}
    for name, path in paths.items():
        pages = {each.stem: executed(each, options.caches) for each in pages_of(path)}
        chapters[name] = Chapter(path.resolve().parent, pages)
    print(*write_slides(options.out, chapters, options.explorers, palette), sep="\n")


def installed(package: str) -> bool:
    """Whether there is a package of that name."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # no name, or in no package
        return False


if __name__ == "__main__":
    raise SystemExit(main())
