"""The guide for teachers: its commands, given in their order and as they stand, print what it says."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from nbformat import NotebookNode
from small_course import RIGHT, answer, named
from term_course import WHY, term_notebook

from bookwork.grading import editions
from bookwork.grading.__main__ import COMMANDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the guide says to grade on Linux"),
]

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "book" / "teaching" / "classroom.md").read_text(encoding="utf-8")
AT_HOME, _, _ = GUIDE.partition("## A class of 100 on The Littlest JupyterHub")  # the rest needs a hub
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(AT_HOME)
RUN = ("python -m bookwork.grading ", "nbgrader ", "mv ", "mkdir ")
NOT_RUN = "sudo apt-get install "
CHAPTER = "03_calibration"

TWICE = """def double(x):
    total = np.zeros_like(np.asarray(x, dtype=float))
    for _ in range(2):
        total = total + x
    return total"""
COPIED = TWICE.replace("total", "summe").replace("(x", "(number").replace("+ x", "+ number")
CLASS = {
    "ada": {**RIGHT, "double": TWICE, WHY: "A number and itself, added."},
    "ben": {
        "double": RIGHT["double"],
        WHY: "Twice is the same as times two.",
        "half": "def half(x):\n    return np.round(x / 2, 2)",
    },
    "cleo": {"double": f"# all mine\n{COPIED}"},
}
TIMES = {"ada": "2026-02-04 09:12:00", "ben": "2026-02-03 18:00:00", "cleo": "2026-02-02 14:58:23"}
POINTS = {"ada": "3", "ben": "1"}  # for the paragraph
COMMENTS = {"ben": "This says it again. *Why* is it so?"}


class Step(NamedTuple):
    """The commands of a block, and what it says that they print; None where it says nothing."""

    commands: list[str]
    printed: str | None


def steps() -> list[Step]:
    """The blocks with commands, each with the output below it."""
    found = []
    for (kind, text), (next_kind, next_text) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        commands = [line for line in text.splitlines() if kind == "sh" and line.startswith(RUN)]
        if commands:
            found.append(Step(commands, next_text if next_kind == "text" else None))
    return found


STEPS = steps()


def block(begins: str) -> str:
    """The one block that begins like this."""
    (found,) = (text for _, text in BLOCKS if text.startswith(begins))
    return found


def author(folder: Path, chapter: str) -> None:
    """The toy chapter of the guide."""
    notebook = term_notebook()
    model = "<details><summary>One way to defend it</summary>\n\nIt adds the number to itself.\n\n</details>"
    named(notebook, WHY).source = model
    path = folder / chapter / "exercises.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def handed_in(root: Path, learner: str) -> NotebookNode:
    """What a learner hands in; Ben has changed a check."""
    notebook = editions.read(root / "handout" / "exercises" / f"{CHAPTER}.ipynb")
    notebook = answer(notebook, **CLASS[learner])
    if learner == "ben":
        named(notebook, "half-check").source += "\n2.0"
    return notebook


def download(root: Path) -> None:
    """A platform's archive, with what two of them hand in."""
    with zipfile.ZipFile(root / "submissions.zip", "w") as archive:
        for number, learner in enumerate(("ada", "ben"), start=1001):
            name = f"{learner}_{number}_assignsubmission_file_/{CHAPTER}.ipynb"
            archive.writestr(name, nbformat.writes(handed_in(root, learner)))
            assert learner == "ben" or f"`{name}`" in AT_HOME


def collect(root: Path) -> None:
    """The archive has been sorted into folders; Cleo's file, added by hand, has another name."""
    (root / "grading" / "term.toml").write_text(block("[due]"))
    for learner in CLASS:
        name = f"{CHAPTER} (1)" if learner == "cleo" else CHAPTER
        path = root / "grading" / "submitted" / learner / CHAPTER / f"{name}.ipynb"
        if learner == "cleo":
            path.parent.mkdir(parents=True)
            editions.write(handed_in(root, learner), path)
        assert path.is_file()
        assert learner == "cleo" or str(path.relative_to(root)) in AT_HOME
        path.with_name("timestamp.txt").write_text(f"{TIMES[learner]} UTC")


def mark(root: Path) -> None:
    """The table comes back from a spreadsheet."""
    path = root / "marks.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {"points": POINTS[row["learner"]], "comment": COMMENTS.get(row["learner"], "")}
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter=";")
        table.writeheader()
        table.writerows(rows)


def mend(root: Path) -> None:
    """The hidden check takes a number of which the half needs no third place."""
    path = root / "book" / CHAPTER / "exercises.ipynb"
    path.write_text(path.read_text().replace("38.75", "38.5"))


ACTS: dict[str, Callable[[Path], object]] = {
    "submissions.zip": download,
    " grade ": collect,
    " --from ": mark,
    " regrade ": mend,
    " export ": lambda root: (root / "people.csv").write_text(block("learner,")),
    " verify ": lambda root: author(root / "my_exercises", "01_mine"),
}
"""What a teacher or the class does before the first command of that kind."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[int, str]]]:
    """Exit code and output of each command, by steps."""
    root = tmp_path_factory.mktemp("guide")
    author(root / "book", CHAPTER)
    (root / "_toc.yml").write_text(f"root: intro\nchapters:\n  - file: {CHAPTER}/exercises\n")
    (root / "pyproject.toml").write_text("[tool.bookwork]\n")
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": beside, "PYTHONPATH": str(ROOT / "src")}
    acts = dict(ACTS)

    def give(command: str) -> tuple[int, str]:
        for name in [name for name in acts if name in command]:
            acts.pop(name)(root)
        said = subprocess.run(
            command, shell=True, cwd=root, env=environment, capture_output=True, text=True, timeout=600
        )
        return said.returncode, said.stdout + said.stderr

    found = [[give(command) for command in step.commands] for step in STEPS]
    assert not acts
    return found


def without_the_machine(text: str) -> list[str]:
    """The lines, whatever sandbox there is."""
    lines = [line for line in text.splitlines() if "NO ISOLATION" not in line]
    return [re.sub("isolation: .*", "isolation: some", line) for line in lines]


def test_no_line_and_no_command_is_left_out():
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    assert all(line.startswith((*RUN, NOT_RUN)) for line in lines)
    given = {line.split()[3] for line in lines if line.startswith(RUN[0])}
    modules = {module.__name__.rpartition(".")[2] for module in COMMANDS}
    assert given == modules - {"handout"} | {"student", "course"}


IN_ARCHIVES = [  # and the learner in their names
    ("Moodle", f"submissions/Ada Lovelace_1001_assignsubmission_file_/{CHAPTER}.ipynb", "Ada Lovelace"),
    ("Moodle", f"submissions/Ada Lovelace_1001_assignsubmission_file_{CHAPTER} (1).ipynb", "Ada Lovelace"),
    ("Canvas", f"submissions/lovelaceada_LATE_1001_20001_{CHAPTER}-1.ipynb", "1001"),
    ("Canvas", f"submissions/lovelaceada_1001_20001_{CHAPTER}.ipynb", "1001"),
]


@pytest.mark.parametrize(("platform", "path", "learner"), IN_ARCHIVES)
def test_a_pattern_finds_learner_and_notebook_in_a_platforms_name_of_a_file(platform, path, learner):
    (pattern,) = re.findall(rf"^\| {platform} \| .* \| `(\.\*.*)` \|$", AT_HOME, re.MULTILINE) or re.findall(
        r"named_regexp='(.*)'", AT_HOME
    )
    found = re.match(pattern, f"/grading/downloaded/{CHAPTER}/extracted/{path}")
    assert found is not None
    assert found.groupdict() == {"student_id": learner, "file_id": CHAPTER}


@pytest.mark.parametrize("number", range(len(STEPS)), ids=lambda number: STEPS[number].commands[-1])
def test_a_step_prints_what_the_guide_says(ran, number):
    printed = "".join(text for _, text in ran[number])
    if STEPS[number].printed is not None:
        assert without_the_machine(printed) == without_the_machine(STEPS[number].printed)
    open_ = bool(re.search(r"\b[1-9]\d* not graded", printed))
    assert [code for code, _ in ran[number]] == [0] * (len(ran[number]) - 1) + [int(open_)], printed
