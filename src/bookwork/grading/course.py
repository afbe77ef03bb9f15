"""Folders for learners and for nbgrader, written from the authored notebooks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml

import bookwork
from bookwork.grading import editions

PROJECT = Path(bookwork.__file__).resolve().parents[2]

CONFIGURATION = '''"""nbgrader's configuration for the exercises of this course."""

from bookwork.grading.grading import configure

c = get_config()  # noqa: F821 -- nbgrader provides it
configure(c)
'''

LEARNERS_README = """# Exercises

Set up once, in a fresh environment with Python 3.11, 3.12 or 3.13:

```sh
pip install -r requirements.txt
pip install --no-deps .
```

(On Linux, `pip install --index-url https://download.pytorch.org/whl/cpu {torch}` as the first line
saves gigabytes that only a graphics card needs.)

Then open a notebook with `jupyter lab exercises`. Write your answers where it says `{stub}`, run the
cell, and run the check below it: it says what is right, and gives a hint where something is not. Some checks
run only when your work is graded, so that points can be missing although nothing in sight fails.

Hand in the notebook under the name that it has.
"""


def authored(project: Path = PROJECT) -> dict[str, Path]:
    """The authored notebooks of a project, by the name of their assignment, in the order of the contents.

    What else lies in the folders (a copy that somebody made) is no part of the course.

    Raises:
        ValueError: there are none, or no project, as the package was installed without it.
    """
    contents = project / "_toc.yml"
    if not contents.is_file():
        raise ValueError(f"the course's contents must stand in {contents}: work in a copy of the repository")
    pages = [project / "book" / f"{name}.ipynb" for name in files_in(yaml.safe_load(contents.read_text()))]
    found = {page.parent.name: page for page in pages if page.stem == editions.NAME}
    if not found:
        raise ValueError(f"{contents} must name pages of exercises, NAME/{editions.NAME}")
    return found


def files_in(contents: Any) -> Iterator[str]:
    """The files that a table of contents names, in order."""
    for value in contents.values() if isinstance(contents, dict) else contents:
        if isinstance(value, (dict, list)):
            yield from files_in(value)
    if isinstance(contents, dict) and "file" in contents:
        yield contents["file"]


def chosen(project: Path, chapters: Iterable[str] | None) -> dict[str, Path]:
    """Some of the authored notebooks, or all of them.

    Raises:
        ValueError: naming the chapters that there are none of.
    """
    found = authored(project)
    wanted = list(found if chapters is None else chapters)
    if unknown := [name for name in wanted if name not in found]:
        raise ValueError(f"chapters must be some of {', '.join(found)}, got {', '.join(unknown)}")
    return {name: found[name] for name in wanted}


def empty_folder(path: Path) -> Path:
    """A new folder.

    Raises:
        ValueError: there is something in it.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"OUT must be a new or an empty folder, got {path}")
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_learners(out: Path, project: Path = PROJECT) -> list[Path]:
    """The learner's edition: all exercise notebooks, the package that they need, and how to install it.

    Args:
        out: a new folder.
        project: the folder of _toc.yml and of the book's folder.

    Returns:
        The notebooks.
    """
    found = authored(project)
    out = empty_folder(out)
    (out / "exercises").mkdir()
    written = []
    for name, path in found.items():
        written.append(out / "exercises" / f"{name}.ipynb")
        nbformat.write(editions.learners(editions.read(path)), written[-1])
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project / "src", out / "src", ignore=ignored)
    for name in ("pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(project / name, out / name)
    lines = (project / "requirements.txt").read_text(encoding="utf-8").split()
    (torch,) = (line for line in lines if line.startswith("torch=="))
    readme = LEARNERS_README.format(stub=editions.STUB, torch=torch)
    (out / "README.md").write_text(readme, encoding="utf-8")
    return written


def nbgrader(course: Path, *arguments: str) -> str:
    """Run nbgrader in a course folder; gives what it printed.

    Raises:
        RuntimeError: it fails, with the end of what it printed.
    """
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "nbgrader", *arguments]
    answer = subprocess.run(
        command, cwd=course, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    printed = answer.stdout + answer.stderr
    if answer.returncode:
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed:\n{printed[-4000:]}")
    return printed


def write_course(out: Path, project: Path = PROJECT, chapters: Iterable[str] | None = None) -> Sequence[str]:
    """A course folder in which ``nbgrader autograde CHAPTER`` can be run at once.

    Every chapter is an assignment with one notebook of the same name. ``release/`` holds the learner's
    edition; submissions go to ``submitted/STUDENT/CHAPTER/CHAPTER.ipynb``.

    Args:
        out: a new folder.
        project: the folder of _toc.yml and of the book's folder.
        chapters: which of them; all by default.

    Returns:
        The names of the assignments.
    """
    wanted = chosen(project, chapters)
    out = empty_folder(out)
    (out / "nbgrader_config.py").write_text(CONFIGURATION, encoding="utf-8")
    (out / "submitted").mkdir()
    for name, path in wanted.items():
        folder = out / "source" / name
        folder.mkdir(parents=True)
        shutil.copy(path, folder / f"{name}.ipynb")
        nbgrader(out, "generate_assignment", name, "--create")
    return list(wanted)
