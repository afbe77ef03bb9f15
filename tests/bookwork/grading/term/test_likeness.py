"""Copies look alike under other names; what everybody was given, and what is short, does not count."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from small_course import NAME, named
from term_course import REASON, WHY, put, term_notebook

from bookwork.grading import editions
from bookwork.grading.__main__ import main
from bookwork.grading.term import likeness, similar

ONE = '''def double(x):
    """Twice as much."""
    total = np.zeros_like(x)
    for at, value in enumerate(x):  # one by one
        if value > 0:
            total[at] = value + value
        else:
            total[at] = -(abs(value) + abs(value))
    return total'''
RENAMED = """def double(entries):
    # my own work
    out = np.zeros_like(entries)

    for i, e in enumerate(entries):
        if e > 0:
            out[i] = e + e
        else:
            out[i] = -(abs(e) + abs(e))
    return out"""
OTHER = """def double(x):
    parts = [np.asarray(x, dtype=float) for _ in range(2)]
    stacked = np.stack(parts, axis=0)
    assert stacked.shape[0] == 2
    return stacked.sum(axis=0)"""


PARAGRAPH = """Twice is the number added to itself, which needs no product: I went through the entries one by
one, since a sign decides what is added, and it costs 0.5 s for a million of them, measured three times."""
OTHER_WORDS = """Stacking two copies and summing over the first axis avoids a loop altogether; memory doubles,
though, so that beyond a gigabyte I would rather multiply in place and measure what is left of it."""


def own(code: str, given: Iterable[str] = ()) -> set[int]:
    runs = [run for each in given for run in likeness.runs_of(likeness.tokens(each))]
    return likeness.own(likeness.tokens(code), runs)


def test_names_comments_and_blanks_make_no_difference():
    assert likeness.tokens(ONE) == likeness.tokens(RENAMED)
    assert likeness.alike(own(ONE), own(RENAMED)) == 1
    assert likeness.alike(own(ONE), own(OTHER)) < 0.2


def test_a_part_that_was_copied_is_found():
    end = "    return np.where(x > 3, total, 2 * x + 0 * total.mean(axis=None))"
    half = ONE.partition("        else")[0] + end
    assert 0.3 < likeness.alike(own(ONE), own(half)) < 1


def test_attributes_and_builtins_keep_their_names():
    assert " ".join(likeness.tokens("a.sum(b) + len(c)")) == "name . sum ( name ) + len ( name )"


def test_what_was_given_and_what_is_short_does_not_count():
    assert own(ONE, [ONE]) == set()
    assert own("def double(x):\n    return 2 * x") == set()
    assert likeness.alike(set(), {1}) == 0


def test_code_that_cannot_be_read_is_compared_as_far_as_it_goes():
    assert likeness.tokens("x = (1 +") == ["name", "=", "(", "1", "+"]
    assert likeness.tokens("'''") == []
    assert likeness.tokens("if x:\n        y\n    z")[:4] == ["if", "name", ":", "{"]


def test_case_punctuation_and_layout_of_a_paragraph_make_no_difference():
    other = f"- **{PARAGRAPH.upper()}**".replace(",", " --").replace(" ", "\n  ")
    assert likeness.words(PARAGRAPH) == likeness.words(other)
    assert likeness.words("0.5 s (3 %) of `my_rows`; cafe\u0301") == [
        "0",
        "5",
        "s",
        "3",
        "of",
        "my",
        "rows",
        "café",
    ]
    assert likeness.own(likeness.words(PARAGRAPH), []) != set()


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """What is handed out; nothing is handed in yet."""
    release = tmp_path / "release" / NAME / f"{NAME}.ipynb"
    release.parent.mkdir(parents=True)
    editions.write(editions.learners(term_notebook()), release)
    return tmp_path


def listed(course: Path, capsys: pytest.CaptureFixture[str], *asked: str) -> list[str]:
    assert main(["similar", str(course), "--chapter", NAME, *asked]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == NAME
    assert said[-2:] == similar.WARNING.splitlines()
    return said[1:-2]


SHORT = "others have fewer than 25 {} of their own"


def test_the_command_lists_pairs(course, capsys):
    for learner, code in {"ada": ONE, "ben": RENAMED, "cleo": OTHER}.items():
        path = put(course, learner, double=code)
    lost = editions.read(path)  # some programs drop what they do not know
    for cell in lost.cells:
        cell.metadata.pop("nbgrader", None)
    editions.write(lost, path)
    put(course, "dan").write_text("{")
    assert listed(course, capsys) == [
        f"  double: 3 of 3 compared; {SHORT.format('tokens')}",
        "    100%  ada, ben",
        f"  {WHY}: 0 of 3 compared; {SHORT.format('words')}",
        f"  half: 0 of 3 compared; {SHORT.format('tokens')}",
    ]
    shutil.rmtree(course / "release" / NAME)
    (course / "source" / NAME).mkdir(parents=True)
    assert main(["similar", str(course), "--chapter", NAME]) == 2
    assert f"{NAME}.ipynb must be a notebook that can be read" in capsys.readouterr().err


def test_a_paragraph_of_somebody_else_is_listed_and_what_was_given_is_not(course, capsys):
    changed = PARAGRAPH.lower().replace(", ", ";\n\n> ")
    paragraphs = {"ada": PARAGRAPH, "ben": changed, "cleo": OTHER_WORDS, "dan": REASON}
    for learner, paragraph in paragraphs.items():
        put(course, learner, **{WHY: paragraph})
    lines = [f"  {WHY}: 3 of 4 compared; {SHORT.format('words')}", "    100%  ada, ben"]
    assert listed(course, capsys)[1:3] == lines
    release = course / "release" / NAME / f"{NAME}.ipynb"
    notebook = editions.read(release)  # the task itself, which both of them quote
    notebook.cells[2].source = PARAGRAPH
    editions.write(notebook, release)
    assert listed(course, capsys)[1] == f"  {WHY}: 1 of 4 compared; {SHORT.format('words')}"


def test_a_copy_of_a_cell_hides_nothing(course, capsys):
    for learner in ("ada", "ben"):
        path = put(course, learner, **{WHY: PARAGRAPH})
    notebook = editions.read(path)
    decoy = named(notebook, WHY).copy()
    decoy.update(id="decoy", source=OTHER_WORDS)
    notebook.cells.append(decoy)
    editions.write(notebook, path)
    assert "    100%  ada, ben" in listed(course, capsys)


def test_the_solution_is_compared_where_it_is_there(course, capsys):
    authored = term_notebook()
    body = ONE.partition("\n")[2]
    named(authored, "double").source = f"def double(x):\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
    named(authored, WHY).source = f"{editions.FOLD}\n\n{PARAGRAPH}\n\n{editions.UNFOLD}"
    put(course, "zoe", double=RENAMED, **{WHY: PARAGRAPH})
    put(course, "ada", double=OTHER, half=named(authored, "half").source)
    assert not any("solution" in line for line in listed(course, capsys))
    source = course / "source" / NAME / f"{NAME}.ipynb"
    source.parent.mkdir(parents=True)
    editions.write(authored, source)
    assert listed(course, capsys) == [
        f"  double: 2 of 2 compared; {SHORT.format('tokens')}",
        "    100%  zoe, the solution",
        f"  {WHY}: 1 of 2 compared; {SHORT.format('words')}",
        "    100%  zoe, the solution",
        f"  half: 0 of 2 compared; {SHORT.format('tokens')}",
    ]


@pytest.mark.parametrize("share", ["0", "1.5", "nan", "much"])
def test_a_wrong_share_is_an_error(capsys, share):
    with pytest.raises(SystemExit):
        main(["similar", ".", "--chapter", "x", "--least", share])
    assert f"--least: must be a number above 0 and up to 1, got '{share}'" in capsys.readouterr().err
