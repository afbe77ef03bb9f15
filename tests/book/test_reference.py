"""The reference pages: complete, in order, and in step with the package and the chapters."""

from __future__ import annotations

import doctest
import importlib
import re
import unicodedata
from functools import reduce
from pathlib import Path

import nbformat
import pytest
from mdit_py_plugins.anchors.index import slugify

BOOK = Path(__file__).parents[2] / "book"
REFERENCE = BOOK / "reference"
API = sorted(f"api/{path.stem}" for path in (REFERENCE / "api").glob("*.md"))
PAGES = ("notation", "glossary", "formulas", "source_map", "bibliography", *API)

CLAIMS = [
    "A1",
    "A2",
    "A3",
    "A4",
    "A5",
    "A6",
    "A7",
    "A8",
    "B1",
    "B2",
    "B3",
    "B4",
    "B5",
    "B6",
    "C1",
    "C2",
    "C3",
    "C4",
    "C5",
    "C6",
    "D1",
    "D2",
    "D3",
    "D4",
    "D5",
    "D6",
    "D7",
    "D8",
    "E1",
    "E2",
    "E3",
    "F1",
    "F2",
    "F3",
    "F4",
    "G1",
    "G2",
    "G3",
]
SLIPS = ["X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X11", "X12", "X13", "X14", "X15"]


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def described() -> str:
    """The pages of the API, one after the other."""
    return "\n".join(map(page, API))


def source_rows() -> list[list[str]]:
    """The cells of every row of the source map that begins with an id."""
    lines = [line for line in page("source_map").splitlines() if re.match(r"\| \[[A-Z]\d+\]", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def chapters() -> dict[str, str]:
    """The text cells of each page of the chapters, without exercises, and of the introduction, by name."""
    found: dict[str, str] = {}
    for path in [BOOK / "intro.ipynb", *sorted(BOOK.glob("0*/*.ipynb"))]:
        if path.stem != "exercises":
            cells = nbformat.read(path, as_version=4).cells
            own = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
            found[f"{path.parent.name}/{path.stem}"] = own
    return found


def headings(path: Path) -> set[str]:
    """The anchors that the book gives to the headings of a page or notebook."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    return {slugify(title) for title in re.findall(r"^#{1,3} (.+)$", text, flags=re.MULTILINE)}


def resolve(dotted: str) -> object:
    """The object behind ``ranking.module.name`` or ``ranking.module.Class.method``."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[cut:], module)
    raise ModuleNotFoundError(dotted)


def test_every_claim_and_slip_has_one_row_in_order():
    assert [re.match(r"\[(\w+)\]", row[0])[1] for row in source_rows()] == CLAIMS + SLIPS


def test_rows_of_the_source_map_can_be_linked_to_and_say_something():
    for name, text, where in source_rows():
        number = re.match(r"\[(\w+)\]", name)[1]
        kind = "slip" if number.startswith("X") else "claim"
        assert name == f"[{number}]{{#{kind}-{number.lower()}}}"
        assert len(text) > 10, name
        assert "](" in where or where.endswith("not&nbsp;written&nbsp;yet"), name


@pytest.mark.parametrize(
    ("chapter", "carries"),
    [
        ("01_funnel", "A1 A2 A3 A4 A5 A6 A7 A8 X5 X13"),
        ("02_multi_task", "B1 B2 B3 B4 B5 B6 X10"),
        ("03_calibration", "C1 C2 C3 C4 C5 C6 X3 X7"),
        ("04_mmoe", "D1 D2 D3 D4 D5 D6 D7 D8 X1 X2 X11 X12"),
        ("05_fusion", "E1 E2 E3 X8 X15"),
        ("06_watch_time", "F1 F2 F3 F4 G1 G2 G3 X4 X6 X9 X14"),
    ],
)
def test_chapters_that_stand_carry_their_claims(chapter, carries):
    carried = {re.match(r"\[(\w+)\]", row[0])[1]: row[2] for row in source_rows()}
    for name in carries.split():
        place = rf"\[[^]]+\]\(\.\./{chapter}/(?:index\.ipynb#|(?!index|exercises)\w+\.ipynb[#)])"
        assert re.match(place, carried[name]), name


@pytest.mark.parametrize("name", PAGES)
def test_links_to_pages_and_sections_resolve(name):
    links = re.findall(r"\]\(([^)\s]+)\)", page(name))
    for link in links:
        file, _, anchor = link.partition("#")
        if link.startswith("https://"):
            continue
        if not file:  # a name anywhere in the reference pages
            assert any(f"{{#{anchor}}}" in page(other) for other in PAGES), link
            continue
        target = (REFERENCE / name).parent.joinpath(file).resolve()
        assert target.is_file(), link
        assert not anchor or anchor in headings(target), link


@pytest.mark.parametrize("name", PAGES)
def test_what_is_named_of_the_package_exists(name):
    text = page(name)
    named = re.findall(r"\{py:\w+\}`[^`]*?~?(ranking(?:\.\w+)+)>?`", text)
    named += re.findall(r"^\.\. auto\w+:: (ranking(?:\.\w+)*)", text, flags=re.MULTILINE)
    if name in ("notation", "formulas", *API):
        assert named
    for dotted in named:
        resolve(dotted)


@pytest.mark.parametrize("name", ["notation", "formulas"])
def test_functions_named_stand_in_the_api(name):
    """A link to a function that no page of the API describes would be dead text."""
    api = described()
    whole = re.findall(r"^\.\. automodule:: (\S+)\n   :members:\n", api, flags=re.MULTILINE)
    for dotted in re.findall(r"\{py:\w+\}`[^`]*?(ranking(?:\.\w+)+)>?`", page(name)):
        owner, _, last = dotted.rpartition(".")
        assert (
            owner in whole
            or re.search(rf"^\.\. auto\w+:: {re.escape(dotted)}$", api, flags=re.MULTILINE)
            or re.search(rf":: {re.escape(owner)}\n   :members:.*\b{last}\b", api)
        ), dotted


def test_every_explorer_stands_in_the_api():
    from ranking_course import explorers

    classes = {name for name, value in vars(explorers).items() if isinstance(value, type)}
    named = set(
        re.findall(r"^\.\. autoclass:: ranking_course\.explorers\.(\w+)$", described(), flags=re.MULTILINE)
    )
    assert classes == named


def test_examples_of_the_formula_sheet_compute():
    text = page("formulas")
    source = "\n".join(re.findall(r"```pycon\n(.*?)```", text, flags=re.DOTALL))
    test = doctest.DocTestParser().get_doctest(source, {}, "formulas", "formulas.md", 0)
    report: list[str] = []
    outcome = doctest.DocTestRunner().run(test, out=report.append)
    assert outcome.attempted > 30
    assert outcome.failed == 0, "".join(report)


def test_every_formula_has_an_example():
    for section in re.split(r"^### ", page("formulas"), flags=re.MULTILINE)[1:]:
        missing = [mark for mark in ("$$", "```pycon", "{py:") if mark not in section]
        assert not missing, section.splitlines()[0]


def glossary_entries() -> list[tuple[str, str]]:
    """Term line and definition of each entry."""
    body = re.search(r"```\{glossary\}\n(.*?)```", page("glossary"), flags=re.DOTALL)[1]
    return [tuple(entry.split("\n", 1)) for entry in body.strip().split("\n\n")]


def test_glossary_has_both_languages_in_every_entry():
    entries = glossary_entries()
    assert len(entries) >= 45
    for term, definition in entries:
        english, _, chinese = term.rpartition(" ")
        assert re.fullmatch(r"[A-Za-z -]+", english), term
        assert all(unicodedata.name(letter).startswith("CJK UNIFIED") for letter in chinese), term
        assert re.search(r"[Cc]hapter \d", definition), f"{term}: where is it used?"


def test_glossary_is_in_alphabetical_order():
    terms = [term.rpartition(" ")[0].lower() for term, _ in glossary_entries()]
    assert terms == sorted(set(terms))


def test_every_chinese_term_of_a_chapter_stands_in_the_glossary():
    terms = {
        (name, term)
        for name, text in chapters().items()
        for term in re.findall(r"[(（]([\u4e00-\u9fff]+)", text)
    }
    assert len(terms) > 60
    assert sorted((name, term) for name, term in terms if term not in page("glossary")) == []


def test_every_paper_that_a_chapter_points_to_stands_in_the_bibliography():
    """By title: a chapter may shorten it, or link to another copy."""
    cited = []
    for name, text in chapters().items():
        reading = text.partition("## Further reading")[2]
        if not reading and name.startswith("0"):  # a page below the index points to papers in its text
            reading = text
        cited += [(name, " ".join(title.split())) for title in re.findall(r"\[([^]]+)\]\(https?://", reading)]
    assert len(cited) > 40
    listed = " ".join(page("bibliography").split())
    assert [(name, title) for name, title in cited if f"[{title}" not in listed] == []


def test_bibliography_is_in_alphabetical_order_with_a_link_each():
    entries = re.findall(r"^(\S.*\(\d{4}\))\n: \[", page("bibliography"), flags=re.MULTILINE)
    assert len(entries) == page("bibliography").count("\n: ") >= 20
    plain = [unicodedata.normalize("NFD", entry).encode("ascii", "ignore").lower() for entry in entries]
    assert plain == sorted(plain)  # ä stands as a
