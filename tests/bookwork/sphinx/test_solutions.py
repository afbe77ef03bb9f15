"""Whether pages show solutions is said as yes or no; what might be read as either is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from small_course import small_notebook

from bookwork.explorer import schema
from bookwork.grading import editions
from bookwork.sphinx import exercises


def shown(monkeypatch: pytest.MonkeyPatch, said: str | None, configured: object = True) -> object:
    if said is None:
        monkeypatch.delenv(exercises.VARIABLE, raising=False)
    else:
        monkeypatch.setenv(exercises.VARIABLE, said)
    config = SimpleNamespace(bookwork_solutions=configured)
    exercises.set_config(None, config)
    return config.bookwork_solutions


@pytest.mark.parametrize(("said", "right"), [("no", False), ("False", False), ("0", False), ("YES", True)])
def test_the_environment_decides(monkeypatch, said, right):
    assert shown(monkeypatch, said, not right) is right
    assert shown(monkeypatch, None, right) is right
    assert shown(monkeypatch, "", right) is right


@pytest.mark.parametrize("said", ["n", "none", "nope", "never"])
def test_what_is_neither_yes_nor_no_shows_no_solution(monkeypatch, said):
    with pytest.raises(ValueError, match=f"BOOKWORK_SOLUTIONS must be one of 'yes', .*, got '{said}'"):
        shown(monkeypatch, said)
    with pytest.raises(ValueError, match=f"bookwork_solutions must be True or False, got '{said}'"):
        shown(monkeypatch, None, said)


@pytest.mark.parametrize("value", ["no", 1, None, float("nan"), [True]])
def test_flags_are_true_or_false(value):
    for use in (
        lambda: exercises.page(new_notebook(), solutions=value),
        lambda: schema.array(2, whole=value),
        lambda: schema.record(closed=value),
    ):
        with pytest.raises(ValueError, match="must be True or False"):
            use()


@pytest.mark.parametrize("solutions", [True, False])
def test_a_solution_prints_nothing_on_the_page_and_a_paragraph_is_folded_or_gone(solutions):
    """What a solution prints tells of answers that are to be found."""
    notebook = small_notebook()
    why = new_markdown_cell(f"{editions.FOLD}\n\nBecause.\n\n{editions.UNFOLD}")
    why.metadata["nbgrader"] = editions.metadata("half-why", 1)
    notebook.cells.insert(-1, why)
    shown = exercises.page(notebook, solutions)
    cells = {editions.grade_id(cell): cell for cell in shown.cells}
    assert "remove-output" in cells["half"].metadata.tags
    assert ("remove-input" in cells["half"].metadata.tags) is not solutions
    assert ("half-why" in cells) is solutions
