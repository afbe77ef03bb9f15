"""The notebooks of the book, and the checker that keeps them clean."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import literal_splats
import nbformat
import pytest
import yaml
from cell_rules import collapsed, rule_faults
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_hygiene import CHECKED, KERNEL, faults, main

BOOK = Path(__file__).parents[2] / "book"
CHAPTERS = sorted(BOOK.glob("0*/index.ipynb"))
# without what JupyterLab keeps of those that were opened
NOTEBOOKS = sorted(path for path in BOOK.rglob("*.ipynb") if path.parent.name != ".ipynb_checkpoints")
BELOW = [path for path in sorted(BOOK.glob("0*/*.ipynb")) if path.stem not in ("index", "exercises")]


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


def title_of(path: Path) -> str:
    """The heading that a notebook opens with."""
    return texts(path).split("\n")[0].removeprefix("# ")


def minutes_of(index: Path) -> dict[str, int]:
    """The table of minutes at the top of a chapter, links as their texts."""
    table = re.search(r"^\| section \| minutes \|\n(.*?)(?:\n\n|\Z)", texts(index), re.M | re.S)
    rows = re.findall(r"^\| *(.+?) *\| (\d+) \|$", table[1], flags=re.MULTILINE)
    return {re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", name): int(minutes) for name, minutes in rows}


def test_the_introduction_says_how_long_each_chapter_takes():
    card = r"\]\((\w+)/index\.ipynb\)\n\n.*\n\n +(\d+) minutes · \[exercises\]\((\w+)/exercises\.ipynb\)"
    listed = re.findall(card, texts(BOOK / "intro.ipynb"))
    assert [chapter for chapter, _, _ in listed] == [path.parent.name for path in CHAPTERS]
    for chapter, minutes, exercises in listed:
        own = sum(minutes_of(BOOK / chapter / "index.ipynb").values())
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
        assert {Path(page).parent for page in pages} == {Path(chapter["file"]).parent}
        listed |= {BOOK / f"{page}.ipynb" for page in pages}
    assert listed == set(NOTEBOOKS)


def order_faults(number: int, pages: list[tuple[str, str]]) -> list[str]:
    """What is wrong with the order of a chapter's pages, each a name and a title.

    The index, the pages that go on with its number, the exercises, the appendices.
    """
    names = [name for name, _ in pages]
    if names[0] != "index" or "exercises" not in names:
        return [f"chapter {number} must begin with its index and have exercises, got {names}"]
    last = names.index("exercises")
    beginnings = [f"{number}. ", *(f"{number}.{place} " for place in range(1, last)), f"Exercises {number}: "]
    beginnings += [f"Appendix {number}: "] * (len(pages) - last - 1)
    together = zip(pages, beginnings, strict=True)
    return [
        f"{name}: {title!r} must begin with {begin!r}"
        for (name, title), begin in together
        if not title.startswith(begin)
    ]


def test_pages_of_a_chapter_stand_in_their_order():
    contents = yaml.safe_load((BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))
    (chapters,) = (part["chapters"] for part in contents["parts"] if part["caption"] == "Chapters")
    for number, chapter in enumerate(chapters, start=1):
        pages = [BOOK / f"{page['file']}.ipynb" for page in (chapter, *chapter["sections"])]
        assert order_faults(number, [(page.stem, title_of(page)) for page in pages]) == []


@pytest.mark.parametrize(
    ("titles", "fault"),
    [
        (["3. A", "3.1 B", "3.2 C", "Exercises 3: a", "Appendix 3: d"], ""),
        (["3. A", "Exercises 3: a"], ""),
        (["3. A", "3.2 B", "Exercises 3: a"], "must begin with '3.1 '"),
        (["3. A", "3.1 B", "3.1 C", "Exercises 3: a"], "must begin with '3.2 '"),
        (["3. A", "Appendix 3: d", "Exercises 3: a"], "must begin with '3.1 '"),
        (["3. A", "Exercises 3: a", "3.1 B"], "must begin with 'Appendix 3: '"),
        (["2. A", "Exercises 3: a"], "must begin with '3. '"),
        (["3. A", "3.1 B"], "and have exercises"),
        (["3.1 B", "3. A", "Exercises 3: a"], "must begin with its index"),
    ],
)
def test_pages_out_of_order_are_named(titles, fault):
    names = {"3. A": "index", "2. A": "index", "Exercises 3: a": "exercises"}
    found = order_faults(3, [(names.get(title, "page"), title) for title in titles])
    assert [fault in each for each in found] == ([True] if fault else [])


@pytest.mark.parametrize("path", BELOW, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_page_is_reached_from_its_chapter_and_leads_back(path):
    index = path.with_name("index.ipynb")
    assert re.search(rf"\]\({re.escape(path.name)}[#)]", texts(index))
    assert re.search(r"\]\(index\.ipynb[#)]", texts(path))
    # how long a numbered page takes stands in the chapter's table, an appendix has no part in it
    assert (title_of(path) in minutes_of(index)) == (not title_of(path).startswith("Appendix "))


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("RANKING_TEST_ALL"), reason="make test-all runs all cells twice")
@pytest.mark.parametrize("path", [*CHAPTERS, *BELOW], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_cell_can_be_run_twice(path):
    """A reader goes back and runs a cell again: none may eat what it needs, or find something else."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [
        again
        for cell in notebook.cells
        for again in ([cell, new_code_cell(cell.source)] if cell.cell_type == "code" else [cell])
    ]
    NotebookClient(
        notebook,
        timeout=600,
        kernel_manager_class="bookwork.kernels.AttentiveKernelManager",
        resources={"metadata": {"path": path.parent}},
    ).execute()


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
    paths = [
        write(tmp_path / f"says_{text}.ipynb", new_markdown_cell("# Title"), checked_cell(text=text))
        for text in ("2", "3")
    ]
    assert main(["--fix", *map(str, paths)]) == 0
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", *map(str, paths)]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 1
    assert re.search(r"says_3\.ipynb.*\n(?:.*\n)*1 failed, 1 passed", answer.stdout), answer.stdout


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


def checks_of_an_exercise(source):
    """A check cell of an exercise, which has no tag that folds it."""
    return new_code_cell(source, metadata={"nbgrader": {"grade_id": "double-check"}})


LOOP = "wanted = [1, 2]\nfor x in wanted:\n    check(f'{x}', x > 0)"


@pytest.mark.parametrize(
    "cells",
    [
        [code("x = 1\nx + 1")],
        [code(LOOP, "claims")],
        [code("check('a', True)\nprint(1)")],
        [code("x = 1\ncheck('a', x > 0)"), code("x + 1")],  # it defines what the next needs
        [code("\n".join(["x = 1"] * 40), "hide-input")],
        [checks_of_an_exercise("\n".join(["x = 1"] * 40))],  # pages fold them
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
