"""A class hands in what classes hand in: cheats get nothing, accidents cost no more than their exercise.

All submissions are graded by nbgrader in one run, as a teacher does it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from small_course import NAME, RIGHT, SECRETS, answer, named, small_notebook, write_small_project

from bookwork.grading import editions
from bookwork.grading.course import nbgrader, write_course
from bookwork.grading.gate import Grade, grades, hand_in
from bookwork.grading.grading import RunApart

pytestmark = pytest.mark.slow

FULL, NOTHING = {"double": 2.0, "half": 2.0}, {"double": 0.0, "half": 0.0}
ONLY_HALF = {"double": 0.0, "half": 2.0}


def first(notebook: NotebookNode, source: str) -> NotebookNode:
    """A cell of the learner's own before all others."""
    notebook.cells.insert(0, new_code_cell(source))
    return notebook


def solved(notebook: NotebookNode) -> NotebookNode:
    return answer(notebook, **RIGHT)


def without(notebook: NotebookNode, *names: str) -> NotebookNode:
    notebook.cells = [cell for cell in notebook.cells if editions.grade_id(cell) not in names]
    return notebook


# --- What gets nothing ---

REDEFINE = """class Checks:
    def __init__(self, **_): pass
    def __call__(self, *_, **__): return lambda check: None
    def score(self): return 2.0
def close(*_): pass"""

PATCH_CHECKS = """import sys, bookwork.grading as t, bookwork.grading.checks as c
c.Checks.score = t.Checks.score = lambda self: 2.0
c.close = t.close = lambda *a: None
c.Checks._fault = lambda self, check: None"""

PATCH_NUMPY = """import builtins
import numpy as np, ranking
class Zero(float): pass
np.abs = np.asarray = np.array = np.maximum = lambda *a, **k: 0.0
np.allclose = np.isclose = np.array_equal = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None
builtins.abs = lambda x: 0
builtins.float = lambda *a: 2.0"""

LOOK_AROUND = """import gc, inspect, re, sys
def double(x):
    frame = inspect.currentframe()
    while frame:
        for values in (frame.f_locals, frame.f_globals):
            for name in ("expected", "right"):
                if values.get(name) is not None:
                    return values[name]
            if "check" in values and callable(values["check"]):
                code = values["check"].__code__.co_consts
                return [2 * c for c in code if isinstance(c, float)]
        frame = frame.f_back
    for text in [*In, *(o for o in gc.get_objects() if isinstance(o, str) and "HIDDEN" in o)]:
        if "secret" in text and "def double" not in text:
            return eval(re.search(r"expected = (.*)", text)[1])
half = double"""

ALWAYS_EQUAL = """class Equal:
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    def __abs__(self): return 0
    def __le__(self, other): return True
    def __array__(self, *a, **k): raise SystemExit
    def __reduce__(self): return (print, ("2.0",))
    shape = (1,)
def double(x): return Equal()
half = Equal()"""

PRINTS = """print(1000.0)
def double(x):
    print(1000.0)
    import sys
    sys.displayhook(1000.0)
    from IPython.display import display
    display(1000.0)
    return "1000.0"
half = double
1000.0"""

EXITS = """import atexit, sys
sys.displayhook = lambda value: print("2.0")
get_ipython().ast_node_interactivity = "none"
get_ipython().run_cell = lambda *a, **k: None
def double(x): return float("nan")
def half(x): return float("inf")"""

SHADOW = """import pathlib
for name in ("numpy", "ranking", "json"):
    pathlib.Path(f"{name}.py").write_text("raise SystemExit")
profile = pathlib.Path(get_ipython().profile_dir.startup_dir)
profile.joinpath("00.py").write_text("Checks = None")
def double(x): ..."""


def edited_checks(notebook: NotebookNode) -> NotebookNode:
    for name in FULL:
        named(notebook, f"{name}-check").source = "2.0"
    return notebook


def changed_metadata(notebook: NotebookNode) -> NotebookNode:
    for name in FULL:
        cell = named(notebook, f"{name}-check")
        cell.source = "2.0"
        cell.metadata.nbgrader.update(locked=False, points=1000, solution=True, schema_version=1)
    return notebook


def forged_cell(notebook: NotebookNode) -> NotebookNode:
    forged = new_code_cell("2.0", metadata={"nbgrader": editions.metadata("double-check", 2)})
    forged.metadata.nbgrader["locked"] = False
    notebook.cells.insert(0, forged)
    notebook.cells.append(new_code_cell("2.0", metadata=forged.metadata))
    return notebook


CHEATS: dict[str, Callable[[NotebookNode], NotebookNode]] = {
    "empty": lambda nb: nb,
    "redefines-the-checks": lambda nb: first(nb, REDEFINE),
    "patches-the-checks": lambda nb: first(nb, PATCH_CHECKS),
    "patches-numpy": lambda nb: first(nb, PATCH_NUMPY),
    "looks-around": lambda nb: answer(nb, double=LOOK_AROUND),
    "equals-everything": lambda nb: answer(nb, double=ALWAYS_EQUAL),
    "prints-a-number": lambda nb: answer(nb, double=PRINTS),
    "patches-the-kernel": lambda nb: answer(nb, double=EXITS),
    "shadows-modules": lambda nb: answer(nb, double=SHADOW),
    "edits-the-checks": edited_checks,
    "deletes-the-checks": lambda nb: without(nb, "double-check", "half-check"),
    "changes-metadata": changed_metadata,
    "forges-a-check": forged_cell,
}

# --- What costs its exercise and no more ---

LOOP = "while True:\n    pass"
STUBBORN = """import time
while True:
    try:
        time.sleep(0.1)
    except KeyboardInterrupt:
        pass"""


def inside(body: str) -> str:
    """The body as that of the first function, so that it runs when a check calls it."""
    return "def double(x):\n" + "\n".join(f"    {line}" for line in body.split("\n"))


ACCIDENTS: dict[str, tuple[str, dict[str, float]]] = {
    "loops-for-ever": (LOOP, ONLY_HALF),
    "loops-when-called": (inside(LOOP), ONLY_HALF),
    "loops-and-will-not-stop": (STUBBORN, ONLY_HALF),
    "kills-its-kernel": ("import os\nos._exit(1)", ONLY_HALF),
    "kills-it-when-called": (inside("import os\nos._exit(1)"), ONLY_HALF),
    "exits": (inside("raise SystemExit"), ONLY_HALF),
    "says-quit": (f"{RIGHT['double']}\nquit()\nexit", FULL),
    "says-quit-when-called": (inside("quit()\nreturn 2 * x"), FULL),
    "prints-without-end": ('while True:\n    print("x" * 1000)', ONLY_HALF),
    "returns-too-much": (inside("return x * np.zeros((3000, 3000))"), ONLY_HALF),
    "syntax-error": ("def double(x) return", ONLY_HALF),
    "warns": ('import sys\ndef double(x):\n    print("!", file=sys.stderr)\n    return 2 * x', FULL),
    "changes-its-argument": ("def double(x):\n    x *= 2\n    return x", FULL),
}

# --- What costs nothing ---


def copied_cells(notebook: NotebookNode) -> NotebookNode:
    for name in ("double", "double-check", "setup"):
        cell = named(notebook, name)
        copy = new_code_cell(cell.source, metadata=cell.metadata)
        notebook.cells.insert(notebook.cells.index(cell) + 1, copy)
    return notebook


def no_metadata(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        cell.metadata.clear()
    return notebook


def nothing_but_code(notebook: NotebookNode) -> NotebookNode:
    notebook = no_metadata(notebook)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"other-{number}"
    return notebook


def turned_round(notebook: NotebookNode) -> NotebookNode:
    notebook.cells = [*notebook.cells[:2], *reversed(notebook.cells[2:])]
    return notebook


NEEDS_SETUP = "def half(x):\n    return np.divide(x, 2)"


def odd_metadata(notebook: NotebookNode) -> NotebookNode:
    """As a program may leave it that knows nothing of nbgrader."""
    named(notebook, "double").metadata["nbgrader"] = {"grade_id": ["double"]}
    notebook.cells[0].metadata["nbgrader"] = "double"
    return notebook


def no_code(notebook: NotebookNode) -> NotebookNode:
    """Check cells and setup turned into text, by one wrong key."""
    for name in ("setup", "double-check", "half-check"):
        cell = named(notebook, name)
        cell.cell_type = "markdown"
        for key in ("outputs", "execution_count"):
            cell.pop(key)
    return notebook


MISHAPS: dict[str, Callable[[NotebookNode], NotebookNode]] = {
    "right": lambda nb: nb,
    "deleted-checks": lambda nb: without(nb, "double-check", "half-check"),
    "deleted-setup": lambda nb: without(answer(nb, half=NEEDS_SETUP), "setup"),
    "copied-cells": copied_cells,
    "lost-metadata": no_metadata,
    "lost-metadata-and-ids": nothing_but_code,
    "odd-metadata": odd_metadata,
    "checks-turned-into-text": no_code,
    "own-cells-with-errors": lambda nb: first(nb, "1 / 0"),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course after everything was handed in and graded."""
    root = tmp_path_factory.mktemp("grading")
    course = root / "course"
    write_course(course, write_small_project(root / "authored"))
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("c.RunApart.seconds = 4\nc.RunApart.call_seconds = 2\n")

    def learners() -> NotebookNode:
        return editions.learners(small_notebook())

    for name, cheat in CHEATS.items():
        hand_in(course, name, NAME, cheat(learners()))
    for name, (code, _) in ACCIDENTS.items():
        hand_in(course, name, NAME, answer(solved(learners()), double=code))
    for name, mishap in MISHAPS.items():
        hand_in(course, name, NAME, mishap(solved(learners())))
    hand_in(course, "turned-round", NAME, turned_round(solved(learners())))
    nbgrader(course, "autograde", NAME)
    return course


@pytest.fixture(scope="module")
def found(course: Path) -> dict[str, dict[str, Grade]]:
    return grades(course, NAME)


def points(found: dict[str, dict[str, Grade]], learner: str) -> dict[str, float]:
    assert all(grade.graded for grade in found[learner].values()), found[learner]
    return {name: grade.points for name, grade in found[learner].items()}


@pytest.mark.parametrize("learner", CHEATS)
def test_cheats_get_nothing(found, learner):
    assert points(found, learner) == NOTHING


@pytest.mark.parametrize("learner", ACCIDENTS)
def test_accidents_cost_their_exercise_and_no_more(found, learner):
    assert points(found, learner) == ACCIDENTS[learner][1]


@pytest.mark.parametrize("learner", MISHAPS)
def test_mishaps_cost_nothing(found, learner):
    assert points(found, learner) == FULL


def test_a_check_before_its_answer_is_run_where_it_stands(found):
    assert points(found, "turned-round") == NOTHING


def test_nobody_is_lost(course, found):
    assert set(found) == {*CHEATS, *ACCIDENTS, *MISHAPS, "turned-round"}
    assert set(found) == {path.name for path in (course / "autograded").iterdir()}


def test_what_is_handed_out_is_the_learners_edition(course):
    release = editions.read(course / "release" / NAME / f"{NAME}.ipynb")
    mine = editions.learners(small_notebook())
    assert [cell.source for cell in release.cells] == [cell.source for cell in mine.cells]
    text = nbformat.writes(release)
    assert not any(secret in text for secret in SECRETS)


def test_the_learners_code_never_sees_a_hidden_check(course):
    """Nor does what it printed tell of one."""
    for learner in ("looks-around", "prints-a-number"):
        notebook = editions.read(course / "autograded" / learner / NAME / f"{NAME}.ipynb")
        outputs = [cell.outputs for cell in notebook.cells if cell.get("outputs")]
        assert not any(secret in str(named(notebook, "double").outputs) for secret in SECRETS)
        assert outputs


def test_feedback_says_what_was_wrong(course):
    notebook = editions.read(course / "autograded" / "loops-when-called" / NAME / f"{NAME}.ipynb")
    text = "".join(output.get("text", "") for output in named(notebook, "double-check").outputs)
    said = "double took more than 2 seconds of processor time"
    assert f"✗ three in sight\n  {said}\n  Hint: Look at double once more." in text
    dead = editions.read(course / "autograded" / "kills-its-kernel" / NAME / f"{NAME}.ipynb")
    assert named(dead, "double").outputs[-1].evalue == "the kernel died while this cell ran"


def test_no_kernel_is_left_behind(course):
    import psutil

    mine = psutil.Process(os.getpid()).children(recursive=True)
    assert not [child for child in mine if "ipykernel" in " ".join(child.cmdline())]


def test_checks_get_their_setup_in_order():
    """Wherever a learner has moved it: what one learner moves must not cost a grade."""
    cells = [
        new_code_cell(f"# {name}", metadata={"nbgrader": editions.metadata(name)})
        for name in ("setup-10", "setup-2", "double", "setup")
    ]
    assert RunApart._setup(NotebookNode(cells=cells)) == "# setup\n\n# setup-2\n\n# setup-10"
