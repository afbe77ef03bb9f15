"""Copies look alike under other names; what everybody was given, and what is short, does not count."""

from __future__ import annotations

import shutil

import pytest
from small_course import NAME
from term_course import put, term_notebook

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


def test_names_comments_and_blanks_make_no_difference():
    assert likeness.tokens(ONE) == likeness.tokens(RENAMED)
    assert likeness.alike(likeness.own(ONE, []), likeness.own(RENAMED, [])) == 1
    assert likeness.alike(likeness.own(ONE, []), likeness.own(OTHER, [])) < 0.2


def test_a_part_that_was_copied_is_found():
    end = "    return np.where(x > 3, total, 2 * x + 0 * total.mean(axis=None))"
    half = ONE.partition("        else")[0] + end
    assert 0.3 < likeness.alike(likeness.own(ONE, []), likeness.own(half, [])) < 1


def test_attributes_and_builtins_keep_their_names():
    assert " ".join(likeness.tokens("a.sum(b) + len(c)")) == "name . sum ( name ) + len ( name )"


def test_what_was_given_and_what_is_short_does_not_count():
    assert likeness.own(ONE, [ONE]) == set()
    assert likeness.own("def double(x):\n    return 2 * x", []) == set()
    assert likeness.alike(set(), {1}) == 0


def test_code_that_cannot_be_read_is_compared_as_far_as_it_goes():
    assert likeness.tokens("x = (1 +") == ["name", "=", "(", "1", "+"]
    assert likeness.tokens("'''") == []
    assert likeness.tokens("if x:\n        y\n    z")[:4] == ["if", "name", ":", "{"]


def test_the_command_lists_pairs(tmp_path, capsys):
    course = tmp_path
    release = course / "release" / NAME / f"{NAME}.ipynb"
    release.parent.mkdir(parents=True)
    editions.write(editions.learners(term_notebook()), release)
    for learner, code in {"ada": ONE, "ben": RENAMED, "cleo": OTHER}.items():
        path = put(course, learner, double=code)
    lost = editions.read(path)  # some programs drop what they do not know
    for cell in lost.cells:
        cell.metadata.pop("nbgrader", None)
    editions.write(lost, path)
    put(course, "dan").write_text("{")
    assert main(["similar", str(course), "--chapter", NAME]) == 0
    assert capsys.readouterr().out.splitlines() == [
        NAME,
        "  double: 3 of 3 compared; others have fewer than 25 tokens of their own",
        "    100%  ada, ben",
        "  half: 0 of 3 compared; others have fewer than 25 tokens of their own",
        *similar.WARNING.splitlines(),
    ]
    shutil.rmtree(course / "release" / NAME)
    (course / "source" / NAME).mkdir(parents=True)
    assert main(["similar", str(course), "--chapter", NAME]) == 2
    assert f"{NAME}.ipynb must be a notebook that can be read" in capsys.readouterr().err


@pytest.mark.parametrize("share", ["0", "1.5", "nan", "much"])
def test_a_wrong_share_is_an_error(capsys, share):
    with pytest.raises(SystemExit):
        main(["similar", ".", "--chapter", "x", "--least", share])
    assert f"--least: must be a number above 0 and up to 1, got '{share}'" in capsys.readouterr().err
