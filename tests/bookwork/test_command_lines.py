"""Every command line of the project tells of bad input in one line, whatever the input, and leaves with 2.

Commands run in this process, as ``__main__``: a process for each would take minutes.
"""

from __future__ import annotations

import errno
import os
import runpy
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from small_course import KERNEL, NAME, write_small_project

from bookwork.grading.gate import WRONG

ROOT = Path(__file__).parents[2]
GRADING, SLIDES = "bookwork.grading", "bookwork.slides"
BENCHMARKS = (
    "classroom",
    "explorers",
    "funnel",
    "fusion",
    "grading",
    "mmoe",
    "pages",
    "simulator",
    "streaming",
    "training",
)
EXPERIMENTS = ("fusion.ab", "mmoe.parts", "multi_task.kuairand")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project as the working folder, with all sorts of broken things in it."""
    write_small_project(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.bookwork]\nhandout = ["book"]\n')
    (tmp_path / "file").write_text("no folder, no notebook\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    (tmp_path / "list.ipynb").write_text("[]")
    (tmp_path / "no-cells.ipynb").write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
    (tmp_path / "bytes.ipynb").write_bytes(b"\xff\xfe{}")
    fails = new_notebook(cells=[new_markdown_cell("# A"), new_code_cell("1 / 0")])
    nbformat.write(fails, tmp_path / "fails.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("no heading")]), tmp_path / "headless.ipynb")
    lost = new_notebook(cells=[new_markdown_cell("# A\n\n![A](attachment:none.png)")])
    nbformat.write(lost, tmp_path / "lost.ipynb")
    foreign = new_notebook(metadata={"kernelspec": {**KERNEL, "name": "no-such-kernel"}})
    nbformat.write(foreign, tmp_path / "foreign.ipynb")
    for name, gradebook in {"garbage": b"no database" * 99, "empty": b"", "lost": None}.items():
        (tmp_path / name / "source" / NAME).mkdir(parents=True)
        if gradebook is not None:
            (tmp_path / name / "gradebook.db").write_bytes(gradebook)
    (tmp_path / "other" / "source" / NAME).mkdir(parents=True)
    with sqlite3.connect(tmp_path / "other" / "gradebook.db") as database:
        database.execute("CREATE TABLE student (name TEXT)")
    (tmp_path / "caches" / "one").mkdir(parents=True)
    (tmp_path / "caches" / "one" / "global.db").write_bytes(b"no database" * 99)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(program: str, *arguments: str) -> int:
    """Run ``python PROGRAM ...``, or ``python -m PROGRAM ...``, and give the exit code."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [program, *arguments])
        patched.setattr(sys, "path", [*sys.path])
        patched.delitem(sys.modules, f"{program}.__main__", raising=False)
        try:
            if program.endswith(".py"):
                runpy.run_path(str(ROOT / program), run_name="__main__")
            else:
                runpy.run_module(program, run_name="__main__", alter_sys=True)
        except SystemExit as left:
            return int(left.code or 0)
    return 0


def refused(capsys: pytest.CaptureFixture[str], program: str, *arguments: str) -> str:
    """What a command says of bad input: one line, on stderr."""
    capsys.readouterr()
    status = run(program, *arguments)
    said = capsys.readouterr()
    assert (status, said.out) == (2, ""), said
    assert said.err.count("\n") == 1, said.err
    assert ": error: " in said.err, said.err
    return said.err


BAD = {
    "grading: nothing": (GRADING, "", "required: command"),
    "grading: unknown command": (GRADING, "mark", "invalid choice: 'mark'"),
    "grading: unknown option": (GRADING, "verify --all", "unrecognized arguments: --all"),
    "grading: abbreviated option": (GRADING, "verify --chap x", "unrecognized arguments: --chap x"),
    "grading: no number": (
        GRADING,
        "verify --most few",
        "--most: must be a whole number of at least 0, got 'few'",
    ),
    "grading: below 0": (GRADING, "verify --most=-1", "must be a whole number of at least 0, got '-1'"),
    "verify: chapter": (GRADING, "verify --chapter 10_none", f"chapters must be some of {NAME}, got 10_none"),
    "verify: no wrong answers": (GRADING, "verify", f"{WRONG} must be TOML that can be read: No such file"),
    "grades: no course": (GRADING, "grades .", "COURSE must be a folder that 'course' has written, got ."),
    "grades: missing": (
        GRADING,
        "grades none",
        "COURSE must be a folder that 'course' has written, got none",
    ),
    "grades: file": (GRADING, "grades file", "COURSE must be a folder that 'course' has written, got file"),
    "grades: chapter": (GRADING, "grades lost --chapter x", f"chapters must be some of {NAME}, got x"),
    "grades: garbage": (GRADING, "grades garbage", "garbage/gradebook.db must be a gradebook of nbgrader"),
    "grades: other database": (GRADING, "grades other", "other/gradebook.db must be a gradebook of nbgrader"),
    "grades: empty": (GRADING, "grades empty", "empty/gradebook.db must be a gradebook of nbgrader"),
    "grades: lost": (GRADING, "grades lost", "lost/gradebook.db must be a gradebook of nbgrader"),
    "grade: no course": (GRADING, "grade .", "COURSE must be a folder that 'course' has written, got ."),
    "grade: learner": (
        GRADING,
        "grade lost --learner x",
        "must be some of those that there are, none so far, got x",
    ),
    "grade: garbage": (GRADING, "grade garbage", "garbage/gradebook.db must be a gradebook of nbgrader"),
    "regrade: no chapter": (GRADING, "regrade lost", "required: --chapter"),
    "regrade: chapter": (GRADING, "regrade lost --chapter x", f"chapters must be some of {NAME}, got x"),
    "regrade: source": (
        GRADING,
        f"regrade lost --chapter {NAME} --source file",
        "FOLDER must be a folder with NAME/exercises.ipynb, got file",
    ),
    "regrade: lost": (GRADING, f"regrade lost --chapter {NAME}", "lost/gradebook.db must be"),
    "statistics: lost": (
        GRADING,
        f"statistics lost --chapter {NAME}",
        "lost/gradebook.db must be a gradebook",
    ),
    "feedback: lost": (GRADING, f"feedback lost --chapter {NAME}", "lost/gradebook.db must be"),
    "marks: neither": (
        GRADING,
        f"marks lost --chapter {NAME}",
        "arguments --out --from is required",
    ),
    "marks: missing": (GRADING, f"marks lost --chapter {NAME} --from none", "lost/gradebook.db must be"),
    "marks: out": (GRADING, f"marks lost --chapter {NAME} --out full", "argument --out: must be a file in"),
    "export: form": (GRADING, "export lost --for x --out y.csv", "argument --for: invalid choice: 'x'"),
    "export: out": (GRADING, "export lost --for moodle --out full", "argument --out: must be a file in"),
    "export: lost": (
        GRADING,
        "export lost --for moodle --out y.csv",
        "lost/gradebook.db must be a gradebook",
    ),
    "similar: no release": (
        GRADING,
        f"similar lost --chapter {NAME}",
        f"release/{NAME}/{NAME}.ipynb must be a notebook that can be read",
    ),
    "similar: share": (GRADING, f"similar lost --chapter {NAME} --least 2", "must be a number above 0"),
    "solutions: chapter": (GRADING, "solutions new --chapter x", f"chapters must be some of {NAME}, got x"),
    "verify: folder": (GRADING, "verify --folder full", "full must have folders with exercises"),
    "slides: nothing": (SLIDES, "", "required: OUT, NOTEBOOK"),
    "slides: missing": (SLIDES, "out none.ipynb", "NOTEBOOK must be a file, got none.ipynb"),
    "slides: folder": (SLIDES, "out full", "NOTEBOOK must be a file, got full"),
    "slides: text": (SLIDES, "out file", "file must be a notebook: NotJSONError"),
    "slides: list": (SLIDES, "out list.ipynb", "list.ipynb must be a notebook"),
    "slides: no cells": (SLIDES, "out no-cells.ipynb", "no-cells.ipynb must be a notebook"),
    "slides: bytes": (SLIDES, "out bytes.ipynb", "bytes.ipynb must be a notebook"),
    "slides: fails": (
        SLIDES,
        "out fails.ipynb",
        "fails.ipynb must run from top to bottom: ZeroDivisionError",
    ),
    "slides: kernel": (SLIDES, "out foreign.ipynb", "foreign.ipynb must run in a kernel"),
    "slides: headless": (SLIDES, "out headless.ipynb", "must have a heading each, got none in 'headless'"),
    "slides: twice": (
        SLIDES,
        "out fails.ipynb full/../fails.ipynb",
        "NOTEBOOK must be named differently each",
    ),
    "slides: explorers": (
        SLIDES,
        "out fails.ipynb --explorers none",
        "--explorers must name packages that are",
    ),
    "slides: no name": (SLIDES, "out fails.ipynb --explorers ..", "--explorers must name packages that are"),
    "slides: palette": (SLIDES, "out fails.ipynb --palette none:X", "palette must be named as 'module:NAME'"),
    "slides: attachment": (SLIDES, "out lost.ipynb", "missing attachment: none.png in 'lost'"),
    "slides: caches": (SLIDES, "out fails.ipynb --caches caches", "got caches/one/global.db"),
    "slides: OUT is a file": (SLIDES, "file fails.ipynb", "OUT must be a folder to write to, got file"),
    "slides: OUT in a file": (SLIDES, "file/a fails.ipynb", "OUT must be a folder to write to, got file/a"),
    "experiments: unknown": (
        "experiments",
        "fusion/none",
        "no record or chapter is named 'fusion/none'; there are",
    ),
    "experiments: option": ("experiments", "--all", "unrecognized arguments: --all"),
}
for command in ("student", "course", "solutions"):
    for out in ("file", "full", "file/out", "file/a/b"):
        said = f"OUT must be a new or an empty folder, got {out}"
        BAD[f"{command}: {out}"] = (GRADING, f"{command} {out}", said)
for name in EXPERIMENTS:
    program = f"experiments.{name}"
    BAD[f"{name}: option"] = (program, "--none 3", "unrecognized arguments: --none 3")
    for out in ("full", "file/out.json", "none/out.json"):
        BAD[f"{name}: {out}"] = (
            program,
            f"--out {out}",
            "argument --out: must be a file in a folder that exists",
        )


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_one_line(place, capsys, case):
    program, arguments, message = BAD[case]
    before = sorted(place.rglob("*"))
    assert message in refused(capsys, program, *arguments.split())
    left = [path for path in sorted(place.rglob("*")) if path not in before]
    assert [path for path in left if path.parts[len(place.parts)] != "out"] == []


@pytest.mark.parametrize("name", BENCHMARKS)
def test_bad_input_of_benchmarks_is_told_in_one_line(place, capsys, name):
    program = f"benchmarks/{name}.py"
    assert f"{name}.py: error: unrecognized arguments: --none" in refused(capsys, program, "--none")
    if name == "classroom":
        assert "none must be a notebook that can be read" in refused(capsys, program, "none")
        assert "list.ipynb must be a notebook" in refused(capsys, program, "list.ipynb")
        return
    option = {"explorers": "--moves", "grading": "--learners"}.get(name, "--repeats")
    for value in ("0", "-1", "many", "1.5", "³"):
        assert f"{option}: must be a whole number" in refused(capsys, program, f"{option}={value}")
    if name == "pages":
        assert "--build must name a built book (make html), got none" in refused(
            capsys, program, "--build=none"
        )
        return
    if name in ("mmoe", "streaming", "training"):
        assert "--out: must be a file in a folder" in refused(capsys, program, "--out=none/x.json")
    if name == "explorers":
        assert "no explorer is named none; there are calibration" in refused(capsys, program, "none")
    if name == "grading":
        assert "chapters must be some of 09_small, got none" in refused(capsys, program, "none")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "description": (lambda p: (p / "pyproject.toml").write_text("= 3"), "pyproject.toml must be TOML"),
    "bytes": (lambda p: (p / "pyproject.toml").write_bytes(b"\xff"), "pyproject.toml must be TOML"),
    "no table": (
        lambda p: (p / "pyproject.toml").write_text("[tool]\nbookwork = 3\n"),
        "must be a table, got 3",
    ),
    "no list": (
        lambda p: (p / "pyproject.toml").write_text("[tool.bookwork]\nhandout = 3\n"),
        "a list of texts",
    ),
    "no text": (
        lambda p: (p / "pyproject.toml").write_text("[tool.bookwork]\nnote = 3\n"),
        "must be a text, got",
    ),
    "handout": (
        lambda p: (p / "pyproject.toml").write_text('[tool.bookwork]\nhandout = ["none"]\n'),
        "handout of [tool.bookwork] must name what is there, got",
    ),
    "note": (
        lambda p: (p / "pyproject.toml").write_text('[tool.bookwork]\nnote = "{x}"\n'),
        "names x, which",
    ),
    "contents": (lambda p: (p / "_toc.yml").write_text("a: [b\n"), "_toc.yml must be YAML"),
    "empty contents": (lambda p: (p / "_toc.yml").write_text(""), "must name pages of exercises"),
    "other contents": (
        lambda p: (p / "_toc.yml").write_text("- 3\n- file: 4\n"),
        "must name pages of exercises",
    ),
    "no contents": (lambda p: (p / "_toc.yml").unlink(), "the book's contents must stand in"),
    "page": (
        lambda p: (p / "book" / NAME / "exercises.ipynb").unlink(),
        "exercises.ipynb must be a notebook that",
    ),
    "notebook": (
        lambda p: (p / "book" / NAME / "exercises.ipynb").write_text("{}"),
        "exercises.ipynb must be a note",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_project_is_told_in_one_line_and_leaves_no_folder(place, capsys, case):
    spoil, message = BROKEN[case]
    spoil(place)
    before = sorted(place.iterdir())
    assert message in refused(capsys, GRADING, "student", "made")
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("answer = 3", "must have exercise, mistake, points, code"),
        ("[[answer]]\nexercise = 'double'\n", "must have exercise, mistake, points, code"),
        (
            "[[answer]]\nexercise = 'none'\nmistake = ''\npoints = 0\ncode = ''\n",
            "must be one of 'double', 'half'",
        ),
        ("", "'double' must have at least 4 typical mistakes, got 0"),
        ("= 3", f"{WRONG} must be TOML"),
    ],
)
def test_broken_wrong_answers_are_told_in_one_line(place, capsys, text, message):
    (place / "book" / NAME / WRONG).write_text(text)
    assert message in refused(capsys, GRADING, "verify")


def test_a_folder_cannot_be_written_into_what_is_copied_to_it(place, capsys):
    assert "OUT must lie outside of" in refused(capsys, GRADING, "student", "book/handed/out")
    assert not (place / "book" / "handed").exists()


def test_a_copy_that_jupyterlab_made_is_neither_handed_out_nor_verified(place, capsys):
    path = place / "book" / NAME / "exercises.ipynb"
    shutil.copy(path, path.with_name("exercises-Copy1.ipynb"))
    (place / "pyproject.toml").write_text("[tool.bookwork]\n")
    assert run(GRADING, "student", "class") == 0
    assert capsys.readouterr().out.split() == [f"class/exercises/{NAME}.ipynb"]
    assert [path.name for path in (place / "class" / "exercises").iterdir()] == [f"{NAME}.ipynb"]


def test_folders_without_rights(place, capsys, monkeypatch):
    """As the system says it; whoever runs the tests may have all rights."""

    def forbidden(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    for command in ("student", "course"):
        said = refused(capsys, GRADING, command, "made")
        assert "OUT must be a new or an empty folder, got made: Permission denied" in said
    said = refused(capsys, SLIDES, "made", "fails.ipynb")
    assert "OUT must be a folder to write to, got made: Permission denied" in said
    monkeypatch.setattr(os, "access", lambda *_: False)
    said = refused(capsys, "experiments.fusion.ab", "--out", "x.json")
    assert "argument --out: must be a file in a folder that exists" in said


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_a_full_disk_leaves_no_half_folder(place, capsys, monkeypatch, there):
    (place / "file.txt").touch()
    if there:
        (place / "made").mkdir()
    before, sync = sorted(place.iterdir()), os.fsync
    calls = []

    def full(file: int) -> None:
        calls.append(file)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    said = refused(capsys, GRADING, "student", "made")
    assert "lab.json: No space left on device" in said
    assert len(calls) == 2
    assert sorted(place.iterdir()) == before
    assert not there or list((place / "made").iterdir()) == []


def test_a_log_that_cannot_be_read_is_told_in_one_line(place, capsys, monkeypatch):
    monkeypatch.setenv("RANKING_KUAIRAND_DIR", "file")
    assert "RANKING_KUAIRAND_DIR" in refused(capsys, "experiments.multi_task.kuairand", "--out", "x.json")


def test_a_full_disk_is_told_and_leaves_the_old_record(place, capsys, monkeypatch):
    (place / "x.json").write_text("{}")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    options = ("--months=1", "--rows=20", "--faults=1", "--out=x.json")
    assert "x.json: No space left on device" in refused(capsys, "experiments.calibration.alarm", *options)
    assert (place / "x.json").read_text() == "{}"


# Consoles


def process(place: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own, for which the console is what the settings say."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    beside = {**os.environ, "PYTHONPATH": paths, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", **settings}
    return subprocess.run([sys.executable, *arguments], cwd=place, env=beside, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}], ids=["ascii", "C"])
def test_a_console_that_cannot_print_a_name_gets_escapes(place, settings):
    answer = process(place, "-m", GRADING, "student", "名", **settings)
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert (place / "名" / "exercises" / f"{NAME}.ipynb").is_file()
    again = process(place, "-m", GRADING, "student", "名", **settings)
    assert (again.returncode, again.stdout, again.stderr.count(b"\n")) == (2, b"", 1)
    assert again.stderr.isascii()
