"""From the authored notebook to the learner's: nothing hidden is left, and what is wrong is named."""

from __future__ import annotations

import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from small_course import NAME, SECRETS, named, small_notebook, write_small_project

from bookwork.grading import course, editions, faults, limits
from bookwork.grading.__main__ import main
from bookwork.grading.project import Project

AUTHORED = Project.here().exercises()


@pytest.fixture
def authored():
    return small_notebook()


def test_the_small_notebook_is_sound(authored):
    assert faults.faults(authored) == []
    assert [(e.name, e.points, e.minutes) for e in editions.exercises(authored)] == [
        ("double", 2, 5),
        ("half", 2, 5),
    ]


def test_learners_get_stubs_and_no_secret(authored):
    learners = editions.learners(authored)
    text = nbformat.writes(learners)
    for secret in (*SECRETS, "HIDDEN", "SOLUTION", "return 2 * x", "Show the solution"):
        assert secret not in text
    assert named(learners, "double").source == "def double(x):\n    ...  # your code here"
    assert named(learners, "double-check").source.endswith("checks.score()")
    assert named(learners, "double-check").metadata["editable"] is False
    assert named(learners, "double").metadata.get("editable") is None
    assert "HIDDEN" in nbformat.writes(authored)  # the authored one stays as it is


def test_parts_of_a_cell(authored):
    solution, check = named(authored, "half").source, named(authored, "half-check").source
    assert editions.solution_of(solution) == "def half(x):\n    return x / 2"
    assert "38.75" in editions.hidden_of(check)
    assert "three in sight" not in editions.hidden_of(check)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["double"].metadata.nbgrader.update(points=3), "metadata that follows from its name"),
        (lambda c: c["double"].update(id="other"), "must have that id"),
        (lambda c: c["double"].update(source="x = 1"), "marks no solution"),
        (lambda c: c["double"].metadata.pop("tags"), "tagged hide-input"),
        (lambda c: c["half"].update(source="### BEGIN SOLUTION"), "must be followed by"),
        (lambda c: c["half"].update(source="### END SOLUTION"), "must come in pairs"),
        (lambda c: c["half-check"].update(source="checks.score()"), "no hidden check"),
        (lambda c: c["half-check"].update(source="### BEGIN HIDDEN TESTS"), "must end in checks.score"),
        (lambda c: c["half-check"].metadata.nbgrader.update(points=3), "must promise its 3 points"),
        (lambda c: c["half-check"].metadata.pop("nbgrader"), "must have a check cell"),
        (lambda c: c["text-2"].update(source="## No promise"), "must say its points and minutes"),
    ],
)
def test_faults_are_named(authored, change, message):
    change({cell.id: cell for cell in authored.cells})
    assert any(message in fault for fault in faults.faults(authored)), faults.faults(authored)


@pytest.mark.parametrize("path", AUTHORED.values(), ids=list(AUTHORED))
class TestCourseExercises:
    def test_at_least_five_from_easy_to_open(self, path):
        found = list(editions.exercises(editions.read(path)))
        assert len(found) >= 5
        worth = [e.points + e.by_hand for e in found]
        assert worth[0] <= worth[-1] == max(worth)
        assert all(1 <= e.minutes <= 45 for e in found)

    def test_the_title_adds_up(self, path):
        notebook = editions.read(path)
        found = list(editions.exercises(notebook))
        title = notebook.cells[0].source
        points = sum(e.points + e.by_hand for e in found)
        assert f"{points:g} points, about {sum(e.minutes for e in found)} minutes" in title

    def test_two_designs_are_defended_in_a_paragraph(self, path):
        found = list(editions.exercises(editions.read(path)))
        assert sum(e.why is not None for e in found) >= 2

    def test_limits_and_tolerance_are_stated_at_the_top(self, path):
        said = " ".join(editions.read(path).cells[0].source.split())
        assert "one part in a million" in said
        assert f"stopped after {limits.CELL_SECONDS:g} seconds of processor time" in said
        assert f"one call of your function after {limits.CALL_SECONDS:g}," in said
        assert f"{limits.MEMORY / 1024**3:g} GiB of memory" in said

    def test_the_learners_edition_keeps_the_secrets(self, path):
        notebook = editions.read(path)
        text = nbformat.writes(editions.learners(notebook))
        assert "HIDDEN" not in text
        assert "SOLUTION" not in text
        assert ".ipynb)" not in text  # a learner has the exercises, and not what lies beside them here
        assert not any(cell.get("outputs") for cell in editions.learners(notebook).cells)


def with_paragraph() -> nbformat.NotebookNode:
    """The small notebook, with a paragraph to its first exercise."""
    notebook = small_notebook()
    at = notebook.cells.index(named(notebook, "double")) + 1
    why = new_markdown_cell(
        f"{editions.FOLD}\n\nBecause.\n\n{editions.UNFOLD}",
        metadata={"nbgrader": editions.metadata("double-why", 1)},
    )
    why.id = "double-why"
    notebook.cells.insert(at, why)
    notebook.cells[at - 2].source = notebook.cells[at - 2].source.replace("*2 points", "*3 points")
    return notebook


def test_a_paragraph_belongs_to_its_exercise_and_is_marked_by_hand():
    notebook = with_paragraph()
    assert faults.faults(notebook) == []
    first, second = editions.exercises(notebook)
    assert (first.points, first.by_hand, second.by_hand) == (2, 1, 0)
    assert dict(named(notebook, "double-why").metadata.nbgrader) == {
        "grade": True,
        "grade_id": "double-why",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
        "points": 1,
    }
    learners = editions.learners(notebook)
    assert named(learners, "double-why").source == editions.TEXT_STUB
    assert named(learners, "double-why").metadata.get("editable") is None


def test_the_edition_for_who_learns_alone_holds_all_checks_folded_and_no_solution():
    mine = editions.learners(with_paragraph(), everything=True)
    text = nbformat.writes(mine)
    assert all(secret in text for secret in SECRETS)
    assert not any(secret in text for secret in ("HIDDEN", "SOLUTION", "return 2 * x", "Because."))
    assert named(mine, "double-check").metadata["jupyter"] == {"source_hidden": True}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("total=4", "total=5", "must have total=4, the weight of all its checks, got 5"),
        ('once more.", weight=2', 'once more.", weight=1', "checks of at least half the weight, 2, got 1"),
        ("total=4", "total=2 + 2", "weights that cannot be read: total of Checks must be a plain number"),
        ("weight=2", "weight=two", "weight of checks must be a plain number"),
        ("checks = Checks(points=2, total=4)", "", "must make its Checks once, found 0 times"),
        ("import Checks", "import Checks from", "weights that cannot be read: a check cell must be Python"),
    ],
)
def test_weights_that_do_not_add_up_are_named(authored, old, new, message):
    cell = named(authored, "double-check")
    cell.source = cell.source.replace(old, new)
    if "at least half" in message:
        cell.source = cell.source.replace("total=4", "total=3")
        message = message.replace("2, got", "1.5, got")
    assert any(message in fault for fault in faults.faults(authored)), faults.faults(authored)


def test_no_notebooks_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="contents must stand in"):
        Project.at(tmp_path).exercises()
    (tmp_path / "_toc.yml").write_text("root: intro\nchapters:\n  - file: 09_small/index\n")
    with pytest.raises(ValueError, match="must name pages of exercises"):
        Project.at(tmp_path).exercises()


def test_a_description_that_is_not_understood_or_missing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="work in a copy of the repository"):
        Project.here()
    (tmp_path / "pyproject.toml").write_text("[tool.bookwork]\ncourse = 'x'\n")
    with pytest.raises(ValueError, match=r"may have book, contents, .*; got course"):
        Project.here()


def test_a_copy_beside_an_authored_notebook_is_no_part_of_the_course(tmp_path):
    project = write_small_project(tmp_path)
    (path,) = project.exercises().values()
    shutil.copy(path, path.with_name("exercises-Copy1.ipynb"))
    assert project.exercises() == {NAME: path}
    assert course.write_course(tmp_path / "course", project) == [NAME]
    assert [p.name for p in (tmp_path / "course" / "release" / NAME).iterdir()] == [f"{NAME}.ipynb"]


def test_the_students_folder_has_notebooks_package_and_instructions(tmp_path, capsys):
    out = tmp_path / "class"
    assert main(["student", str(out)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(AUTHORED)
    assert {path.name for path in (out / "exercises").iterdir()} == {f"{name}.ipynb" for name in AUTHORED}
    for name in (
        "README.md",
        "LICENSE",
        "pyproject.toml",
        "requirements.txt",
        "src/ranking/__init__.py",
        "src/bookwork/__init__.py",
        "src/ranking_course/__init__.py",
    ):
        assert (out / name).is_file(), name
    everything = "".join(path.read_text(encoding="utf-8") for path in (out / "exercises").iterdir())
    assert "BEGIN" not in everything
    assert re.search(r"whl/cpu torch==[\d.]+`", (out / "README.md").read_text(encoding="utf-8"))


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert main(["student", str(tmp_path)]) == 2
    assert "OUT must be a new or an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
