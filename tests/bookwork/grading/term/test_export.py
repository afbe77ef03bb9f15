"""What platforms get: their form, the right points, and nothing where there is no grade."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from small_course import NAME
from term_course import WHY, graded_term

from bookwork.grading.__main__ import main

pytestmark = pytest.mark.slow

PEOPLE = """learner,name,email,id,login,section,canvas_id
ada,"Ada, A.",ada@x.org,=7,ada1,1,70
ben,Ben,ben@x.org,8,ben1,1,80
cleo,+Cleo,cleo@x.org,,,1,
dan,,dan@x.org,9,,,
zoe,Zoe,zoe@x.org,10,,,
"""


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return graded_term(tmp_path_factory.mktemp("export"))


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def export(course: Path, form: str, out: Path, *options: str) -> int:
    return main(["export", str(course), "--for", form, "--out", str(out / "out.csv"), *options])


def rows(folder: Path) -> list[list[str]]:
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_generic(term, tmp_path, capsys):
    assert export(term, "generic", tmp_path) == 1
    broken = "no notebook that can be read: NotJSONError"
    assert rows(tmp_path) == [
        ["learner", NAME, f"{NAME} maximum", f"{NAME} open"],
        ["ada", "4.0", "7.0", ""],
        ["ben", "", "7.0", f"waits for marks: {WHY}"],
        ["cleo", "0.0", "7.0", ""],
        ["dan", "", "7.0", broken],
    ]
    assert capsys.readouterr().out.splitlines() == [
        f"  {NAME}, ben: left empty, waits for marks: {WHY}",
        f"  {NAME}, dan: left empty, {broken}",
        f"4 learners: {tmp_path / 'out.csv'}",
    ]


def test_moodle_and_who_has_handed_in_nothing(term, tmp_path, mapping, capsys):
    header, _, below = PEOPLE.partition("\n")
    mapping.write_text("\n".join([header, "zac,,zac@x.org,11,,,", *[",,,,,,"] * 2, below]))
    assert export(term, "moodle", tmp_path, "--mapping", str(mapping)) == 1
    exercises = f"{WHY}: 0 of 3; double: {{}} of 2; half: {{}} of 2"
    assert rows(tmp_path) == [
        ["Full name", "ID number", "Email address", NAME, f"{NAME} feedback"],
        ["Ada, A.", "'=7", "ada@x.org", "4.0", exercises.format(2, 2)],
        ["Ben", "8", "ben@x.org", "", ""],
        ["'+Cleo", "", "cleo@x.org", "0.0", exercises.format(0, 0)],
        ["dan", "9", "dan@x.org", "", ""],
        ["zac", "11", "zac@x.org", "", ""],
        ["Zoe", "10", "zoe@x.org", "", ""],
    ]
    assert capsys.readouterr().out.splitlines()[2:] == [
        "  zac: left empty, has handed in nothing",
        "  zoe: left empty, has handed in nothing",
        f"6 learners: {tmp_path / 'out.csv'}",
    ]


def test_who_has_handed_in_nothing_is_named_among_the_grades(term, mapping, capsys):
    assert main(["grades", str(term), "--mapping", str(mapping)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        f"  {'zoe':24} has handed in nothing",
        "  2 graded, 2 not graded; 1 handed in nothing",
    ]
    assert main(["grades", str(term)]) == 1
    assert [line for line in said if "nothing" not in line] == capsys.readouterr().out.splitlines()[:-1]
    mapping.write_text("learner\nada\nben\ncleo\n")
    assert main(["grades", str(term), "--mapping", str(mapping)]) == 2
    assert "people.csv must name dan" in capsys.readouterr().err


def test_canvas(term, tmp_path, mapping, capsys):
    assert export(term, "canvas", tmp_path, "--mapping", str(mapping)) == 2
    assert "people.csv must say canvas_id or id or login of cleo" in capsys.readouterr().err
    mapping.write_text(PEOPLE.replace("cleo@x.org,,,", "cleo@x.org,11,c1,"))
    assert export(term, "canvas", tmp_path, "--mapping", str(mapping)) == 1
    assert rows(tmp_path) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME],
        ["    Points Possible", "", "", "", "", "7.0"],
        ["Ada, A.", "70", "'=7", "ada1", "1", "4.0"],
        ["Ben", "80", "8", "ben1", "1", ""],
        ["'+Cleo", "", "11", "c1", "1", "0.0"],
        ["dan", "", "9", "", "", ""],
        ["Zoe", "", "10", "", "", ""],
    ]


def test_lateness_costs_points_in_every_form(term, tmp_path):
    (term / "term.toml").write_text(
        f"[due]\n{NAME} = 2000-01-01T00:00:00Z\n[late]\nper_day = 0.1\nmost = 0.5\n"
    )
    try:
        export(term, "generic", tmp_path)
        assert rows(tmp_path)[1] == ["ada", "2.0", "7.0", ""]
    finally:
        (term / "term.toml").unlink()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "--mapping must be given, and must say email or id of ada, ben, cleo, dan"),
        ("name\nx\n", "people.csv must have the columns learner; learner missing"),
        ("learner,id\nada,1\nada,2\n", "must name each learner once, got ada twice"),
        ("learner,id\nada,1\nben,2\n", "people.csv must name cleo, dan"),
        (PEOPLE + "yan,Yan,,,yan1,,\n", "people.csv must say email or id of yan"),
        (PEOPLE + ",Yan,,12,,,\n", "people.csv must name the learner in each row, got one with"),
    ],
)
def test_errors(term, tmp_path, mapping, capsys, text, message):
    mapping.write_text(text or "")
    options = () if text is None else ("--mapping", str(mapping))
    assert export(term, "moodle", tmp_path, *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
