"""Exercises from a folder of one's own, which is no project, and which edition is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_course import NAME, write_small_notebook

from bookwork.grading import course, gate
from bookwork.grading.__main__ import main
from bookwork.grading.project import Project

WRONG = """[[answer]]
exercise = "{}"
mistake = "{}"
points = {}
code = "def {}(x):\\n    return 0 * x"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Exercises beside what is none, seen from another folder."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    notebook = write_small_notebook(tmp_path / "mine")
    (tmp_path / "mine" / "notes").mkdir()
    hidden = tmp_path / "mine" / ".ipynb_checkpoints" / "exercises.ipynb"
    hidden.parent.mkdir()
    hidden.write_bytes(notebook.read_bytes())
    notebook.with_name("exercises-Copy1.ipynb").write_bytes(notebook.read_bytes())
    return tmp_path / "mine"


def test_a_folder_holds_its_exercises_and_no_copies(folder):
    assert Project.chosen(folder).exercises() == {NAME: folder / NAME / "exercises.ipynb"}


def test_a_project_is_read_as_one_wherever_it_lies(folder):
    (folder / "_toc.yml").write_text(f"- file: {NAME}/exercises\n")
    (folder / "pyproject.toml").write_text('[tool.bookwork]\nbook = "."\ncourse_id = "mine"\n')
    project = Project.chosen(folder)
    assert (project.contents, project.course_id) == ("_toc.yml", "mine")
    assert list(project.exercises()) == [NAME]


@pytest.mark.slow
def test_a_folder_becomes_a_course_and_a_handout(folder, tmp_path, capsys):
    options = ("--folder", str(folder))
    assert main(["student", str(tmp_path / "handout"), *options]) == 0
    assert (tmp_path / "handout" / "exercises" / f"{NAME}.ipynb").is_file()
    assert main(["course", str(tmp_path / "course"), *options]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == f"python -m bookwork.grading grade {tmp_path / 'course'} --chapter {NAME}"
    assert (tmp_path / "course" / "release" / NAME / f"{NAME}.ipynb").is_file()
    without = {"handout": course.NBGRADER_IN_LAB, "course": course.VALIDATE}
    for name, extension in without.items():
        said = json.loads((tmp_path / name / "lab" / "page_config.json").read_text())
        assert said == {"disabledExtensions": [extension]}


@pytest.mark.slow
def test_a_folder_is_verified_with_and_without_wrong_answers(folder, capsys):
    options = ("--folder", str(folder))
    assert main(["verify", *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{NAME}: without {gate.WRONG}, only the right and the empty answers are graded",
        "Every answer gets the points that it deserves.",
    ]
    each = [(name, number) for name in ("double", "half") for number in range(4)]
    text = "".join(WRONG.format(name, number, number // 3, name) for name, number in each)
    (folder / NAME / gate.WRONG).write_text(text)
    assert main(["verify", *options]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{NAME}, {name}, '3': 0 points, deserves 1" for name in ("double", "half")]


def test_the_edition_for_those_who_learn_alone(folder, tmp_path, monkeypatch):
    asked = []

    def write(out: Path, project: Project, everything: bool = False) -> list[Path]:
        asked.append(everything)
        return [out]

    monkeypatch.setattr(course, "write_learners", write)
    for options in ((), ("--everything",)):
        assert main(["student", str(tmp_path / "new"), "--folder", str(folder), *options]) == 0
    assert asked == [False, True]


@pytest.mark.parametrize("command", ["student", "course", "solutions"])
def test_errors(folder, tmp_path, capsys, command):
    wrong = {"none": "FOLDER must be a folder with NAME/", "elsewhere": "must have folders with"}
    for name, said in wrong.items():
        assert main([command, str(tmp_path / "new"), "--folder", str(tmp_path / name)]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
