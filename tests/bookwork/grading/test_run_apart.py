"""A submission is run in two kernels, in this process: what passes between them leaves both free."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import NotebookNode
from small_course import EXERCISES, RIGHT, answer, named, small_notebook

from bookwork.grading import processes
from bookwork.grading.grading import RunApart
from bookwork.grading.kernels import Kernel

pytestmark = pytest.mark.slow
CHECK = f"{next(iter(EXERCISES))}-check"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # nothing in or around the working folder is a library for a learner
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)  # those of the tests are not its own


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> list[Kernel]:
    """The kernels that were interrupted, in order."""
    found: list[Kernel] = []
    interrupt = Kernel.interrupt

    def recorded(kernel: Kernel) -> None:
        found.append(kernel)
        interrupt(kernel)

    monkeypatch.setattr(Kernel, "interrupt", recorded)
    return found


def run(notebook: NotebookNode, folder: Path, **limits: float) -> NotebookNode:
    folder = folder / "submission"
    folder.mkdir()
    made, _ = RunApart(**limits).preprocess(notebook, {"metadata": {"path": str(folder)}})
    return made


def points(notebook: NotebookNode, exercise: str) -> str:
    """What the check of an exercise gives."""
    return named(notebook, f"{exercise}-check").outputs[-1].data["text/plain"]


def test_a_learners_kernel_goes_on_after_each_check_without_an_interrupt(tmp_path, interrupted):
    """An interrupt would get it going, too, after a wait, and might end what a learner has left running."""
    ran = run(answer(small_notebook(), **RIGHT), tmp_path)
    assert [points(ran, name) for name in EXERCISES] == ["2.0", "2.0"]
    assert interrupted == []


def test_an_interrupt_would_have_been_seen(tmp_path, interrupted):
    ran = run(answer(small_notebook(), double="while True: pass", half=RIGHT["half"]), tmp_path, seconds=0.5)
    assert [points(ran, name) for name in EXERCISES] == ["0.0", "2.0"]
    assert len(interrupted) == 1


def checked_by(source: str) -> NotebookNode:
    """The right answers, and a check of the first that has ``source`` in front."""
    notebook = answer(small_notebook(), **RIGHT)
    cell = named(notebook, CHECK)
    cell.source = f"{source}\n{cell.source}"
    return notebook


def test_what_a_library_writes_on_stderr_while_it_checks_costs_nobody_a_point(tmp_path):
    ran = run(checked_by("import sys; print('!', file=sys.stderr)"), tmp_path)
    assert [points(ran, name) for name in EXERCISES] == ["2.0", "2.0"]
    assert all(o.get("name") != "stderr" for o in named(ran, CHECK).outputs)


def test_a_check_that_gives_no_number_gives_no_grade(tmp_path):
    notebook = checked_by("")
    named(notebook, CHECK).source += "\nNone"
    with pytest.raises(RuntimeError, match=f"check {CHECK!r} is broken: it gives no number"):
        run(notebook, tmp_path)
