"""What the guides name is there, and the way from a formula to its experiment can be walked."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDES = ("CONTRIBUTING.md", "README.md")
PATH = re.compile(r"`((?:src|tests|experiments|benchmarks|book)/[\w./]*)`|\]\(([\w./]+?)(?:#[\w-]+)?\)")


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_that_a_guide_names_is_there(guide):
    named = ["".join(found) for found in PATH.findall((ROOT / guide).read_text(encoding="utf-8"))]
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_walk_from_a_formula_arrives():
    walk = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## From a formula")[1].split("\n## ")[0]
    )
    formulas = (ROOT / "book/reference/formulas.md").read_text(encoding="utf-8")
    function = re.search(r"\*\*The function\.\*\*.*?`(\w+)\.(\w+)`", walk, re.S)
    assert f"calibration.{function[2]} <ranking.{function[1]}.{function[2]}>" in formulas
    assert f"def {function[2]}(" in (ROOT / f"src/ranking/{function[1]}.py").read_text(encoding="utf-8")
    test = re.search(r"`(tests/[\w/.]+)`.*?`(test_\w+)`", walk, re.S)
    assert f"def {test[2]}(" in (ROOT / test[1]).read_text(encoding="utf-8")
    record = re.search(r'load_results\("([\w/]+)"\)', walk)[1]
    assert (ROOT / f"experiments/{record}.json").is_file()
    assert (ROOT / f"experiments/{record}.py").is_file()
    chapter = (ROOT / "book/03_calibration/index.ipynb").read_text(encoding="utf-8")
    assert f'load_results(\\"{record}\\")' in chapter
