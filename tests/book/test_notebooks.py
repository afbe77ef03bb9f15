"""The notebooks of the book, and the checker that keeps them clean."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import literal_splats
import nbformat
import pytest
import yaml
from cell_rules import collapsed, rule_faults
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_hygiene import CHECKED, KERNEL, faults, main

BOOK = Path(__file__).parents[2] / "book"
CHAPTERS = sorted(BOOK.glob("0*/index.ipynb"))
# without what JupyterLab keeps of those that were opened
NOTEBOOKS = sorted(path for path in BOOK.rglob("*.ipynb") if path.parent.name != ".ipynb_checkpoints")
APPENDICES = [path for path in sorted(BOOK.glob("0*/*.ipynb")) if path.stem not in ("index", "exercises")]


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: path.relative_to(BOOK).with_suffix("").as_posix()
)
def test_notebook_is_clean(path):
    assert faults(path) == []


def texts(path: Path) -> str:
    """All text cells of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_the_introduction_says_how_long_each_chapter_takes():
    card = r"\]\((\w+)/index\.ipynb\)\n\n.*\n\n +(\d+) minutes · \[exercises\]\((\w+)/exercises\.ipynb\)"
    listed = re.findall(card, texts(BOOK / "intro.ipynb"))
    assert [chapter for chapter, _, _ in listed] == [path.parent.name for path in CHAPTERS]
    for chapter, minutes, exercises in listed:
        table = re.search(
            r"^\| section \| minutes \|\n(.*?)(?:\n\n|\Z)", texts(BOOK / chapter / "index.ipynb"), re.M | re.S
        )
        own = sum(map(int, re.findall(r"\| (\d+) \|$", table[1], flags=re.MULTILINE)))
        assert own == int(minutes), f"{chapter} takes {own} minutes, the introduction says {minutes}"
        assert (BOOK / exercises / "exercises.ipynb").is_file()


def test_the_introduction_is_short():
    prose = re.sub(r"\]\([^)]*\)|^:.*$", " ", texts(BOOK / "intro.ipynb"), flags=re.MULTILINE)
    assert len(re.findall(r"\w[\w’'-]*", prose)) <= 600


def test_every_notebook_stands_in_the_contents_below_its_chapter():
    contents = yaml.safe_load((BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))
    (chapters,) = (part["chapters"] for part in contents["parts"] if part["caption"] == "Chapters")
    others = [part["chapters"] for part in contents["parts"] if part["caption"] != "Chapters"]
    listed = {BOOK / f"{page['file']}.ipynb" for pages in others for page in pages} & set(NOTEBOOKS)
    listed |= {BOOK / f"{contents['root']}.ipynb"}
    for chapter in chapters:
        pages = [chapter["file"], *(page["file"] for page in chapter["sections"])]
        assert [Path(page).stem for page in pages[:2]] == ["index", "exercises"]
        assert {Path(page).parent for page in pages} == {Path(chapter["file"]).parent}
        listed |= {BOOK / f"{page}.ipynb" for page in pages}
    assert listed == set(NOTEBOOKS)


@pytest.mark.parametrize("path", APPENDICES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_appendix_is_reached_from_its_chapter_and_leads_back(path):
    assert texts(path).startswith(f"# Appendix {int(path.parent.name[:2])}: ")
    assert f"]({path.name}" in texts(path.with_name("index.ipynb"))
    assert re.search(r"\]\(index\.ipynb[#)]", texts(path))


def checked_cell(
    source: str = "1 + 1", text: str = "2", tags: tuple[str, ...] = (CHECKED,), count: int | None = 1
):
    output = new_output("execute_result", {"text/plain": text}, execution_count=count)
    return new_code_cell(source, outputs=[output], execution_count=count, metadata={"tags": list(tags)})


def write(path: Path, *cells) -> Path:
    notebook = new_notebook(cells=list(cells), metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, path)
    return path


def test_a_clean_notebook_passes(tmp_path):
    assert faults(write(tmp_path / "a.ipynb", new_markdown_cell("# Title"), checked_cell())) == []


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (checked_cell(tags=()), "stored outputs"),
        (new_code_cell("1", metadata={"tags": [CHECKED]}), "stores no output"),
        (checked_cell(text="x" * 3_000), "characters of output"),
        (checked_cell(source="1;"), "ends in ';'"),
        (checked_cell(text="training:   0%|          | 0/79 [00:00<?]"), "progress bar"),
        (checked_cell(text="read /" + "home/me/file"), "path of one machine"),
        (new_markdown_cell("see /" + "tmp/x"), "path of one machine"),
        (new_markdown_cell("- A. Author, KDD\n  2013. A paper."), "reads as a list"),
        (new_code_cell("1", execution_count=3), "execution count"),
        (checked_cell(count=None), "without an execution count"),
    ],
)
def test_faults_are_named(tmp_path, cell, message):
    found = faults(write(tmp_path / "a.ipynb", new_markdown_cell("# Title"), checked_cell(), cell))
    assert any(message in fault for fault in found), found


def test_a_notebook_without_checked_cells_is_a_fault(tmp_path):
    path = write(tmp_path / "a.ipynb", new_markdown_cell("# Title"), new_code_cell("1"))
    assert any("nbval compares nothing" in fault for fault in faults(path))


def test_fix_strips_and_keeps_checked_outputs(tmp_path, capsys):
    path = write(
        tmp_path / "a.ipynb", new_markdown_cell("# Title"), checked_cell(), checked_cell(tags=("hide-input",))
    )
    assert main([str(path)]) == 1
    assert "stored outputs" in capsys.readouterr().err
    assert main(["--fix", str(path)]) == 0
    kept = [cell.outputs for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [len(outputs) for outputs in kept] == [1, 0]


def test_nbval_compares_what_a_clean_notebook_stores(tmp_path):
    """The stored form is one that nbval takes, and it sees a wrong output."""
    for text, failed in (("2", 0), ("3", 1)):
        path = write(tmp_path / f"says_{text}.ipynb", new_markdown_cell("# Title"), checked_cell(text=text))
        assert main(["--fix", str(path)]) == 0
        command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", str(path)]
        answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert answer.returncode == failed, answer.stdout


def test_refresh_stores_what_the_cell_prints(tmp_path):
    path = write(tmp_path / "a.ipynb", new_markdown_cell("# Title"), checked_cell(source="6 * 7", text="?"))
    assert main(["--refresh", str(path)]) == 0
    assert nbformat.read(path, as_version=4).cells[1].outputs[0].data["text/plain"] == "42"


def code(source: str, *tags: str):
    """A code cell, folded in JupyterLab as its tags ask for."""
    cell = new_code_cell(source, metadata={"tags": list(tags)})
    if hidden := collapsed(cell):
        cell.metadata["jupyter"] = hidden
    return cell


def of_rules(*cells) -> list[str]:
    return [f"{number} {fault}" for number, fault in rule_faults(cells)]


LOOP = "wanted = [1, 2]\nfor x in wanted:\n    check(f'{x}', x > 0)"


@pytest.mark.parametrize(
    "cells",
    [
        [code("x = 1\nx + 1")],
        [code(LOOP, "claims")],
        [code("check('a', True)\nprint(1)")],
        [code("x = 1\ncheck('a', x > 0)"), code("x + 1")],  # it defines what the next needs
        [code("\n".join(["x = 1"] * 40), "hide-input")],
        [code("f(*names, **options)\ng(**{'class': 1, f'{x}_y': 2})\nh(**{'a': 1, **changed})")],
    ],
)
def test_code_that_follows_the_rules_passes(cells):
    assert of_rules(*cells) == []


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (code("check('a', True)"), "only checks claims, and must be tagged claims"),
        (code(LOOP), "only checks claims"),
        (code("x = 1", "claims"), "has no check(...)"),
        (code("check('a', True)", "claims", "hide-input"), "and hide-input"),
        (code("print('it holds:', bool(x > 1))"), "say it with check(statement, holds)"),
        (code("f(*(a, b))"), "unpacks a literal in line 1"),
        (code("x = 1\nf(a, **{'b': c})"), "unpacks a literal in line 2"),
        (code("x = (*['a'], 'b')"), "unpacks a literal"),
        (code("x = {**{'a': 1}, 'b': 2}"), "unpacks a literal"),
        (code("\n".join(["x"] * 31)), "shows 31 lines of code, more than 30"),
        (code("x = '" + "y" * 90 + "'"), "has a line of 96 characters, more than 88"),
        (code("x ="), "is no Python"),
        (new_code_cell("x", metadata={"tags": ["hide-input"]}), "'source_hidden': True"),
        (new_code_cell("check('a', x)", metadata={"tags": ["claims"]}), "'outputs_hidden': True"),
        (new_code_cell("x", metadata={"jupyter": {"source_hidden": True}}), "as folded in JupyterLab"),
    ],
)
def test_code_that_breaks_a_rule_is_named(cell, message):
    (found,) = of_rules(new_markdown_cell("# Title"), cell)
    assert found.startswith("1 ")
    assert message in found


def test_fix_folds_in_jupyterlab_what_pages_fold(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = [new_code_cell("x", metadata={"tags": [tag]}) for tag in ("hide-input", "claims", "other")]
    write(path, new_markdown_cell("# Title"), *cells)
    main(["--fix", str(path)])
    found = [cell.metadata.get("jupyter") for cell in nbformat.read(path, as_version=4).cells[1:]]
    assert found == [{"source_hidden": True}, {"source_hidden": True, "outputs_hidden": True}, None]


def test_literals_unpacked_in_python_files_are_named(tmp_path, capsys):
    path = tmp_path / "a.py"
    path.write_text("f(*names)\n\nf(*(1, 2))\n")
    assert literal_splats.main([str(path)]) == 1
    assert capsys.readouterr().err == f"{path}:3: a literal is unpacked here: write it out\n"
