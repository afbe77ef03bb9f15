"""What the guides name is there, and the way from a formula to its experiment can be walked."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

from experiments.__main__ import commands

ROOT = Path(__file__).parents[1]
GUIDES = ("CONTRIBUTING.md", "README.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATH = re.compile(r"`((?:src|tests|experiments|benchmarks|book)/[\w./]*)`|\]\(([\w./]+?)(?:#[\w-]+)?\)")


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_that_a_guide_names_is_there(guide):
    named = ["".join(found) for found in PATH.findall((ROOT / guide).read_text(encoding="utf-8"))]
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_figures_of_the_readme_are_what_its_commands_count():
    said = dict(re.findall(r"^\| (\w+)[^|]* \| (?:over )?([\d,]+) \|", README, flags=re.MULTILINE))
    # JupyterLab keeps copies of notebooks that were opened, and other tests open some
    paths = [path for path in (ROOT / "book").rglob("*.ipynb") if path.parent.name != ".ipynb_checkpoints"]
    notebooks = "".join(path.read_text(encoding="utf-8") for path in paths)
    source = (ROOT / "book/reference/source_map.md").read_text(encoding="utf-8")
    assert int(said["claims"]) == len(re.findall(r"^\| \[[A-Z]", source, flags=re.MULTILINE))
    assert 0 <= notebooks.count("✓") - int(said["statements"].replace(",", "")) < 100
    assert 0 <= notebooks.count('"nbval-check-output"') - int(said["cells"]) < 50
    assert int(said["recorded"]) == len(commands())
    assert int(said["tests"].replace(",", "")) > 1000


def test_commands_of_make_that_guides_name_exist_and_are_listed():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = set(re.findall(r'^\t@echo "make ([\w-]+)', makefile, flags=re.MULTILINE))
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[1].split())
    assert targets - {"setup", "help", "lint"} == listed
    for guide in (*GUIDES, "book/run.md"):
        named = re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / guide).read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= targets, guide


def test_the_picture_of_the_readme_is_there_and_light():
    assert (ROOT / re.search(r"\]\((book/images/[\w.]+)\)", README)[1]).stat().st_size < 200_000


def test_how_to_cite_is_complete_and_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "date-released", "license"} <= set(cited)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["version"] == project["version"]
    assert [author["name"] for author in cited["authors"]] == ["The contributors of this course"]
    date.fromisoformat(cited["date-released"])


def test_the_walk_from_a_formula_arrives():
    walk = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## From a formula")[1].split("\n## ")[0]
    )
    formulas = (ROOT / "book/reference/formulas.md").read_text(encoding="utf-8")
    function = re.search(r"\*\*The function\.\*\*.*?`(\w+)\.(\w+)`", walk, re.S)
    assert f"calibration.{function[2]} <ranking.{function[1]}.{function[2]}>" in formulas
    source = re.search(r"`(src/[\w/]+\.py)`", walk)[1]
    assert source.startswith(f"src/ranking/{function[1]}/")
    assert f"def {function[2]}(" in (ROOT / source).read_text(encoding="utf-8")
    test = re.search(r"`(tests/[\w/.]+)`.*?`(test_\w+)`", walk, re.S)
    assert f"def {test[2]}(" in (ROOT / test[1]).read_text(encoding="utf-8")
    record = re.search(r'load_results\("([\w/]+)"\)', walk)[1]
    assert (ROOT / f"experiments/{record}.json").is_file()
    assert (ROOT / f"experiments/{record}.py").is_file()
    chapter = (ROOT / "book/03_calibration/sampling.ipynb").read_text(encoding="utf-8")
    assert f'load_results(\\"{record}\\")' in chapter
