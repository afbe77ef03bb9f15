"""A sandbox shows what Python needs, and nothing of a course; its environment holds no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bookwork.grading import sandbox

HERE = [kind for kind in sandbox.KINDS if sandbox.works(kind)]


def test_one_kind_works_everywhere():
    assert sandbox.NONE in HERE
    assert sandbox.kind_here() == HERE[0]


@pytest.mark.parametrize("kind", HERE)
def test_python_runs_in_its_folder_with_the_projects_packages(kind, tmp_path, monkeypatch):
    folder, course = tmp_path / "own", tmp_path / "course"
    folder.mkdir(mode=0o711)
    course.mkdir()
    monkeypatch.chdir(course)  # the folder that grading runs in, and those around it, are no libraries
    tmp_path.chmod(0o711)
    sandbox.hand_over(folder)
    code = "import ranking, numpy, pathlib; pathlib.Path('mine').write_text('1'); print('runs')"
    command = sandbox.command(kind, [sys.executable, "-c", code], [folder], folder)
    environment = sandbox.environment(folder, {"GIVEN": "1"})
    told = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if kind == sandbox.USER and "Permission denied" in told.stderr:
        pytest.skip("another user may not pass through the folders above")
    assert told.stdout == "runs\n", told.stderr
    assert (folder / "mine").read_text() == "1"


def test_the_environment_holds_what_python_needs_and_what_the_course_gives(monkeypatch, tmp_path):
    monkeypatch.setenv("A_TOKEN", "secret")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    found = sandbox.environment(tmp_path, {"GIVEN": "1"})
    assert "A_TOKEN" not in found
    assert found["GIVEN"] == "1"
    assert found["LANG"] == "de_DE.UTF-8"
    assert found["HOME"] == str(tmp_path)


def test_no_folder_around_a_course_is_given_away(monkeypatch, tmp_path):
    project, course = tmp_path / "project", tmp_path / "project" / "course"
    for folder in (project / "src", course / "inside", tmp_path / "elsewhere" / "below"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(course)
    paths = [course, project, course / "inside", project / "src", tmp_path / "elsewhere", tmp_path / "none"]
    assert sandbox.libraries(["", *map(str, paths)]) == [str(project / "src"), str(tmp_path / "elsewhere")]
    assert sandbox.outermost(["/a", "/a/b", "/c/d", "/a"]) == ["/a", "/c/d"]


def test_a_folder_of_packages_inside_another_is_imported_from_too(monkeypatch, tmp_path):
    outer, inner = tmp_path / "project", tmp_path / "project" / "src"
    course = tmp_path / "course"
    inner.mkdir(parents=True)
    course.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(inner), str(outer)]))
    monkeypatch.chdir(course)
    assert sandbox.environment(tmp_path, {})["PYTHONPATH"] == os.pathsep.join([str(inner), str(outer)])


def test_what_another_user_leaves_where_all_may_write_is_removed(monkeypatch, tmp_path):
    shared, outside = tmp_path / "tmp", tmp_path / "outside"
    for folder in (shared / "folder", outside):
        folder.mkdir(parents=True)
        (folder / "file").write_text("1")
    (shared / "file").write_text("1")
    (shared / "link").symlink_to(outside)
    monkeypatch.setattr(sandbox, "SHARED", (str(shared), str(tmp_path / "none")))
    monkeypatch.setattr(sandbox, "OTHER_USER", os.getuid())
    assert [sandbox.sweep(kind) for kind in (sandbox.BUBBLEWRAP, sandbox.NONE)] == [0, 0]
    assert len(list(shared.iterdir())) == 3
    assert sandbox.sweep(sandbox.USER) == 3
    assert list(shared.iterdir()) == []
    assert (outside / "file").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to another user")
def test_files_of_all_others_stay_where_they_are(monkeypatch, tmp_path):
    everybodys, mine = tmp_path / "everybodys", tmp_path / "mine"
    for folder, mode in ((everybodys, 0o777), (mine, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
        for name in ("theirs", "others"):
            (folder / name).write_text("1")
        os.chown(folder / "theirs", sandbox.OTHER_USER, sandbox.OTHER_USER)
    monkeypatch.setattr(sandbox, "SHARED", (str(tmp_path),))
    assert sandbox.sweep(sandbox.USER) == 1
    assert sorted(path.name for path in everybodys.iterdir()) == ["others"]
    assert sorted(path.name for path in mine.iterdir()) == ["others", "theirs"]  # out of reach


def test_without_tools_the_next_kind_is_taken(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert [kind for kind in sandbox.KINDS if sandbox.works(kind)] == [sandbox.NONE]
    assert "NOT kept apart" in sandbox.LOUD


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of 'bubblewrap', 'user', 'none', got 'jail'"):
        sandbox.command("jail", ["true"], [], Path("/"))


@pytest.mark.skipif(sandbox.BUBBLEWRAP not in HERE, reason="bubblewrap is not here")
def test_bubblewrap_shows_no_file_of_others(tmp_path):
    (tmp_path / "secret").write_text("1")
    code = f"import os; print(os.path.exists({str(tmp_path / 'secret')!r}), os.getuid() == {os.getuid()})"
    command = sandbox.command(sandbox.BUBBLEWRAP, [sys.executable, "-c", code], [], Path("/"))
    said = subprocess.run(command, capture_output=True, text=True, cwd="/").stdout
    assert said.split() == ["False", str(os.getuid() != 0)]
