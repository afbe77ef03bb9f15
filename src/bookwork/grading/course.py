"""Folders for learners and for nbgrader, written from the authored notebooks."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bookwork.files import new_folder, parsed, write_whole
from bookwork.grading import editions
from bookwork.grading.project import Project

CONFIGURATION = '''"""nbgrader's configuration for the exercises of this course."""

from bookwork.grading.grading import configure

c = get_config()  # noqa: F821 -- nbgrader provides it
configure(c, course_id={0.course_id!r}, environment={0.environment!r})
'''

RAISED = re.compile(r"^\s*((?:\w+\.)*[A-Z]\w*: \S.*)$", re.MULTILINE)
"""The line of a traceback that names the error."""

LEARNERS_README = """# Exercises

{setup}

{note}

Then open a notebook with `jupyter lab --config lab.json`. Write your answers where it says `{stub}`, run the
cell, and run the check below it: it says what is right, and gives a hint where something is not. {ending}
"""

INSTALL = {
    "requirements.txt": "pip install -r requirements.txt",
    "pyproject.toml": "pip install --no-deps .",
}
"""How what is handed out is installed."""
INSTALLED = """Set up once, in a fresh environment{python}:

```sh
{lines}
```"""
NOT_INSTALLED = "You need JupyterLab and the package `bookwork`: ask whoever gave you this folder."

GRADED = """At least
half of the points are checked there; further checks run only when your work is graded, on other numbers.

Hand in the notebook under the name that it has. What is asked of your code, in time and memory, stands at the
top of each notebook."""
ALONE = """Nothing
is handed in, and nothing is held back: the folded cells hold all checks, those included that a class does not
see. Unfold them when you have solved the exercise, since they tell what is expected."""

LAB = "lab.json"
"""What JupyterLab is started with in either folder: ``jupyter lab --config lab.json``."""
NBGRADER_IN_LAB = "@jupyter/nbgrader"
VALIDATE = f"{NBGRADER_IN_LAB}:validate-assignment"
"""The button Validate knows nothing of checks that give a part of the points: it fails right work."""


def write_learners(out: Path, project: Project, everything: bool = False) -> list[Path]:
    """The learner's edition in a new folder: exercises, what the project hands out, how to install it.

    With ``everything`` all checks are in it, for those who learn alone and hand nothing in. Gives the paths
    of the notebooks; a folder that is not empty is a ValueError.
    """
    found = project.exercises()
    handed_out = [project.root / name for name in project.handout]
    for path in handed_out:
        if not path.exists():
            raise ValueError(f"handout of [tool.bookwork] must name what is there, got {path}")
        if path.resolve() in (out.resolve(), *out.resolve().parents):
            raise ValueError(f"OUT must lie outside of {path}, which is copied to it, got {out}")
    with new_folder("OUT", out) as folder:
        (folder / "exercises").mkdir()
        for name, path in found.items():
            learners = editions.learners(editions.read(path), everything)
            editions.write(learners, folder / "exercises" / f"{name}.ipynb")
        for name, path in zip(project.handout, handed_out, strict=True):
            if path.is_dir():
                shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, folder / name)
        write_lab(folder, without=NBGRADER_IN_LAB, opens="/lab/tree/exercises")
        write_whole(folder / "README.md", learners_readme(project, everything))
    return [out / "exercises" / f"{name}.ipynb" for name in found]


def write_lab(folder: Path, without: str, opens: str = "/lab") -> None:
    """Settings of a JupyterLab for a folder: without an extension or one of its plugins, on a first page."""
    lab = {"app_settings_dir": "lab", "default_url": opens}
    (folder / "lab").mkdir()
    write_whole(folder / LAB, _json({"LabApp": lab, "ServerApp": {"root_dir": "."}}))
    write_whole(folder / "lab" / "page_config.json", _json({"disabledExtensions": [without]}))


def _json(settings: dict[str, Any]) -> str:
    return f"{json.dumps(settings, indent=2)}\n"


def learners_readme(project: Project, everything: bool = False) -> str:
    """How to set up and what to do; the note names requirements as they are pinned."""
    description = project.root / "pyproject.toml"
    described = parsed(description, "TOML", tomllib.loads) if description.is_file() else {}
    python = described.get("project", {}).get("requires-python", "")
    requirements = project.root / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").split() if requirements.is_file() else []
    pinned = {line.partition("==")[0]: line for line in lines if "==" in line}
    for name in re.findall(r"\{([\w-]+)\}", note := project.note):
        if name not in pinned:
            raise ValueError(f"note of [tool.bookwork] names {name}, which {requirements} does not pin")
        note = note.replace(f"{{{name}}}", pinned[name])
    python = f" with Python {python}" if python else ""
    lines = [line for name, line in INSTALL.items() if name in project.handout]
    setup = INSTALLED.format(python=python, lines="\n".join(lines)) if lines else NOT_INSTALLED
    ending = ALONE if everything else GRADED
    text = LEARNERS_README.format(stub=editions.STUB, note=note, setup=setup, ending=ending)
    return re.sub(r"\n{3,}", "\n\n", text)


def nbgrader(course: Path, *arguments: str) -> str:
    """Run nbgrader in a course folder; gives what it printed.

    Raises:
        RuntimeError: with the last error that it met in the first line, and the end of what it printed below.
    """
    command = [sys.executable, "-m", "nbgrader", *arguments]
    answer = subprocess.run(command, cwd=course, capture_output=True, text=True, errors="replace")
    printed = answer.stdout + answer.stderr
    if answer.returncode:
        why = (RAISED.findall(printed) or ["it does not say why"])[-1]
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed: {why}\n{printed[-4000:]}")
    return printed


def write_course(out: Path, project: Project, chapters: Iterable[str] | None = None) -> list[str]:
    """A new course folder in which ``nbgrader autograde CHAPTER`` can be run at once.

    Every chapter is an assignment with one notebook of the same name. ``release/`` holds the learner's
    edition; submissions go to ``submitted/STUDENT/CHAPTER/CHAPTER.ipynb``. JupyterLab, started with
    ``lab.json``, has nbgrader's buttons there, but for Validate.
    Gives the names of the assignments; a folder that is not empty, or an unknown chapter, is a ValueError.
    """
    wanted = project.exercises(chapters)
    with new_folder("OUT", out) as folder:
        folder.chmod(0o700)  # whoever else works on this machine reads neither solutions nor submissions
        write_whole(folder / "nbgrader_config.py", CONFIGURATION.format(project))
        (folder / "submitted").mkdir()
        write_lab(folder, without=VALIDATE)
        for name, path in wanted.items():
            source = folder / "source" / name
            source.mkdir(parents=True)
            editions.write(editions.unfolded(editions.read(path)), source / f"{name}.ipynb")
            try:
                nbgrader(folder, "generate_assignment", name, "--create")
            except RuntimeError as error:
                said = str(error).split("\n")[0]
                raise ValueError(f"{path} must be what nbgrader can make an assignment of: {said}") from error
    return list(wanted)
