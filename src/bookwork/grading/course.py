"""Folders for learners and for nbgrader, written from the authored notebooks."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nbformat

from bookwork.grading import editions
from bookwork.grading.project import Project

CONFIGURATION = '''"""nbgrader's configuration for the exercises of this course."""

from bookwork.grading.grading import configure

c = get_config()  # noqa: F821 -- nbgrader provides it
configure(c, course_id={0.course_id!r}, environment={0.environment!r})
'''

LEARNERS_README = """# Exercises

Set up once, in a fresh environment{python}:

```sh
pip install -r requirements.txt
pip install --no-deps .
```

{note}

Then open a notebook with `jupyter lab exercises`. Write your answers where it says `{stub}`, run the
cell, and run the check below it: it says what is right, and gives a hint where something is not. Some checks
run only when your work is graded, so that points can be missing although nothing in sight fails.

Hand in the notebook under the name that it has.
"""


def make_empty(path: Path) -> None:
    """Make a folder; one with something in it is an error."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"OUT must be a new or an empty folder, got {path}")
    path.mkdir(parents=True, exist_ok=True)


def write_learners(out: Path, project: Project) -> list[Path]:
    """The learner's edition in a new folder: exercises, what the project hands out, how to install it.

    Gives the paths of the notebooks; a folder that is not empty is a ValueError.
    """
    found = project.exercises()
    make_empty(out)
    (out / "exercises").mkdir()
    written = []
    for name, path in found.items():
        written.append(out / "exercises" / f"{name}.ipynb")
        nbformat.write(editions.learners(editions.read(path)), written[-1])
    for name in project.handout:
        path = project.root / name
        if path.is_dir():
            shutil.copytree(path, out / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, out / name)
    (out / "README.md").write_text(learners_readme(project), encoding="utf-8")
    return written


def learners_readme(project: Project) -> str:
    """How to set up and what to do; the note names requirements as they are pinned."""
    described = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    python = described.get("project", {}).get("requires-python", "")
    requirements = project.root / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").split() if requirements.is_file() else []
    pinned = {line.partition("==")[0]: line for line in lines if "==" in line}
    note = re.sub(r"\{([\w-]+)\}", lambda found: pinned[found[1]], project.note)
    python = f" with Python {python}" if python else ""
    return re.sub(r"\n{3,}", "\n\n", LEARNERS_README.format(stub=editions.STUB, note=note, python=python))


def nbgrader(course: Path, *arguments: str) -> str:
    """Run nbgrader in a course folder; gives what it printed, or a RuntimeError with the end of that."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    answer = subprocess.run(command, cwd=course, capture_output=True, text=True)
    printed = answer.stdout + answer.stderr
    if answer.returncode:
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed:\n{printed[-4000:]}")
    return printed


def write_course(out: Path, project: Project, chapters: Iterable[str] | None = None) -> list[str]:
    """A new course folder in which ``nbgrader autograde CHAPTER`` can be run at once.

    Every chapter is an assignment with one notebook of the same name. ``release/`` holds the learner's
    edition; submissions go to ``submitted/STUDENT/CHAPTER/CHAPTER.ipynb``.
    Gives the names of the assignments; a folder that is not empty, or an unknown chapter, is a ValueError.
    """
    wanted = project.exercises(chapters)
    make_empty(out)
    (out / "nbgrader_config.py").write_text(CONFIGURATION.format(project), encoding="utf-8")
    (out / "submitted").mkdir()
    for name, path in wanted.items():
        folder = out / "source" / name
        folder.mkdir(parents=True)
        nbformat.write(editions.unfolded(editions.read(path)), folder / f"{name}.ipynb")
        nbgrader(out, "generate_assignment", name, "--create")
    return list(wanted)
