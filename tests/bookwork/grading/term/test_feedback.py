"""Feedback is for settled grades, runs nothing that somebody handed in, and asks no other host."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from nbformat.v4 import new_code_cell, new_markdown_cell
from small_course import NAME, RIGHT
from term_course import WHY, copied, new_term, put

from bookwork.grading import editions, gradebook
from bookwork.grading.__main__ import main
from bookwork.grading.term import feedback
from bookwork.grading.term.standings import feedback_page, standings

pytestmark = pytest.mark.slow

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)><iframe src='https://x.org'></iframe>"
SHOWN = f"""from IPython.display import HTML, Javascript, Markdown, SVG, display
display(HTML({ATTACK!r}), Markdown({ATTACK!r}), Javascript("alert(3)"))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(4)</script></svg>'))
print({ATTACK!r}, "x" * 60_000)"""


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the learners tries to run something in whoever reads the feedback."""
    course = new_term(tmp_path_factory.mktemp("feedback"))
    path = put(course, "eve", **RIGHT)
    notebook = editions.read(path)
    notebook.cells += [new_markdown_cell(ATTACK), new_code_cell(SHOWN)]
    editions.write(notebook, path)
    assert main(["grade", str(course)]) == 1
    assert main(["feedback", str(course), "--chapter", NAME, "--all"]) == 0
    return course


def test_open_grades_refuse_feedback(term, tmp_path, capsys):
    course = copied(term, tmp_path)
    shutil.rmtree(course / "feedback")
    assert main(["feedback", str(course), "--chapter", NAME]) == 2
    said = capsys.readouterr().err
    broken = "no notebook that can be read: NotJSONError"
    assert f"open are ben (waits for marks: {WHY}), dan ({broken})" in said
    assert not (course / "feedback").exists()


def test_who_has_a_grade_gets_a_page(term):
    pages = {path.parts[-3] for path in (term / "feedback").glob(f"*/{NAME}/*.html")}
    assert pages == {"ada", "cleo", "eve"}
    text = feedback_page(term, NAME, "cleo").read_text()
    assert "three in sight" in text
    (top,) = (tag for tag in tags(feedback_page(term, NAME, "cleo"), "div") if tag.get("id") == "toc")
    comments = [f"Comment on {name}" for name in ("double", WHY, "half")]  # no response
    entries = [link.text for link in top.find_all("a")]
    assert [name for name in entries if name not in comments] == [WHY, "double", "half"]
    assert set(comments) <= set(entries)
    assert not any("feedback" in each for standing in standings(term, NAME) for each in standing.remarks)


def tags(path: Path, *names: str) -> list[Tag]:
    return list(BeautifulSoup(path.read_text(), "html.parser").find_all(names or True))


def test_nothing_that_was_handed_in_runs(term):
    page = feedback_page(term, NAME, "eve")
    assert not [tag for tag in tags(page, "script") if "alert" in str(tag)]
    assert not tags(page, "iframe", "object", "embed")
    assert not [tag for tag in tags(page) if any(name.startswith("on") for name in tag.attrs)]


def test_a_page_asks_no_other_host(term):
    for path in (term / "feedback").rglob("*.html"):
        asked = [tag.get("src") or tag.get("href") for tag in tags(path, "script", "link", "img")]
        assert not [url for url in asked if url and re.match("(https?:)?//", url)]
        assert not re.search(r"@import|url\(['\"]?https?:", path.read_text())


def test_a_mark_by_hand_makes_feedback_old_and_lateness_is_told_to_nbgrader(term, tmp_path, capsys):
    course = copied(term, tmp_path)
    table = tmp_path / "marks.csv"
    table.write_text(f"learner,exercise,points\ncleo,{WHY},2\n")
    assert main(["marks", str(course), "--chapter", NAME, "--from", str(table)]) == 0
    (cleo,) = (each for each in standings(course, NAME) if each.learner == "cleo")
    assert cleo.remarks == ("its feedback is older than the grade",)
    late = "[late]\nper_day = 0.5\nmost = 0.5\n"
    (course / "term.toml").write_text(f"[due]\n{NAME} = 2000-01-01T00:00:00Z\n{late}")
    assert main(["feedback", str(course), "--chapter", NAME, "--all"]) == 0
    with gradebook.opened(course) as book:
        assert book.find_submission_notebook(NAME, NAME, "cleo").late_submission_penalty == 1
    assert "1.0 / 7.0" in re.sub(r"\s+", " ", feedback_page(course, NAME, "cleo").read_text())


def test_a_comment_reaches_the_page_and_makes_the_old_one_old(term, tmp_path):
    course = copied(term, tmp_path)
    table = tmp_path / "marks.csv"
    said = "Say *which* number. <img src=x onerror=alert(5)>"
    table.write_text(f"learner,exercise,points,comment\ncleo,{WHY},,{said}\n")
    assert main(["marks", str(course), "--chapter", NAME, "--from", str(table)]) == 0
    (cleo,) = (each for each in standings(course, NAME) if each.learner == "cleo")
    assert cleo.remarks == ("its feedback is older than the grade",)
    assert main(["feedback", str(course), "--chapter", NAME, "--all"]) == 0
    page = feedback_page(course, NAME, "cleo")
    assert "Say <em>which</em> number." in page.read_text()
    assert not [tag for tag in tags(page) if any(name.startswith("on") for name in tag.attrs)]
    assert standings(course, NAME)[2].remarks == ()


def test_a_page_that_is_too_large_is_named(term, tmp_path, monkeypatch, capsys):
    course = copied(term, tmp_path)
    sizes = {name: feedback_page(term, NAME, name).stat().st_size for name in ("ada", "cleo", "eve")}
    monkeypatch.setattr(feedback, "LARGEST", min(sizes.values()) // 2)
    assert main(["feedback", str(course), "--chapter", NAME, "--all"]) == 1
    said = capsys.readouterr().out
    assert [line.split(",")[0].strip() for line in said.splitlines() if "no page" in line] == [
        f"{name}: no page" for name in sizes
    ]
    assert not list((course / "feedback").rglob("*.html"))


def test_without_any_grade_there_is_nothing_to_write(term, tmp_path, capsys):
    course = copied(term, tmp_path)
    shutil.rmtree(course / "autograded")
    assert main(["feedback", str(course), "--chapter", NAME, "--all"]) == 2
    assert f"{NAME} must have a grade that is settled" in capsys.readouterr().err
