"""Look through every file of a built book for what must be in none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path

from nbformat import NotebookNode

import ranking
from bookwork.grading import editions

TEXT = (".html", ".js", ".ipynb", ".json", ".txt", ".md", ".py", ".inv", ".css", ".log", "")
SHORTEST = 14  # characters of a line that says enough to be looked for
MARKERS = (editions.BEGIN_SOLUTION, editions.END_SOLUTION, editions.BEGIN_HIDDEN, editions.END_HIDDEN)


def squeezed(text: str) -> str:
    """Text with every run of white space as one blank."""
    return " ".join(text.split())


def plain(text: str) -> str:
    """Squeezed text without the signs of emphasis, which a page turns into markup."""
    return squeezed(text.replace("*", ""))


def in_sight(notebook: NotebookNode) -> str:
    """All that an authored notebook shows: its texts, its code, its solutions and its visible checks."""
    shown = (editions.visible_of(editions.solution_of(cell.source)) for cell in notebook.cells)
    return "\n".join(text for source in shown for text in (squeezed(source), plain(source)))


def authored_secrets(book: Path) -> list[str]:
    """Markers, and all lines and texts of hidden checks that no exercise of the book's sources shows."""
    notebooks = [editions.read(path) for path in sorted(book.glob(f"*/{editions.NAME}.ipynb"))]
    assert notebooks, f"no exercises in {book}"
    found = set(MARKERS)
    for hidden in (editions.hidden_of(cell.source) for notebook in notebooks for cell in notebook.cells):
        found |= {line.strip(" ,") for line in hidden.split("\n")}
        found |= set(re.findall(r'"([^"\n]+)"', hidden))
    shown = "\n".join(map(in_sight, notebooks))
    return sorted(
        text for text in found if len(text) >= SHORTEST and (text in MARKERS or squeezed(text) not in shown)
    )


def own_words(page: Path, authored: Path) -> str:
    """What the author of a page wrote there: a chapter may hold a line that a hidden check holds, too.

    Args:
        page: relative to the built book; a downloadable source counts as its page.
        authored: the folder of the book's sources.
    """
    source = authored / Path(*page.parts[page.parts[0] == "_sources" :])
    notebook, text = source.with_suffix(".ipynb"), source.with_suffix(".md")
    if notebook.is_file():
        return in_sight(editions.read(notebook))
    texts = [text] if text.is_file() else []
    # a page of the API shows docstrings of the package
    if texts and "automodule::" in text.read_text(encoding="utf-8"):
        texts += Path(ranking.__file__).parent.rglob("*.py")
    return "\n".join(squeezed(path.read_text(encoding="utf-8")) for path in texts)


def leaks(book: Path, secrets: Iterable[str], authored: Path | None = None) -> list[str]:
    """Which file holds which secret, be it split into coloured words or escaped.

    Args:
        book: the built pages.
        secrets: what is looked for.
        authored: the sources of the pages; what a page's own source shows is no leak of that page. Without
            them every find counts.
    """
    wanted = [(secret, squeezed(secret)) for secret in secrets]
    found = []
    for path in sorted(path for path in book.rglob("*") if path.is_file() and path.suffix in TEXT):
        if path.name == "tex-svg.js":  # other people's, and large
            continue
        if path.name == "sections.js":
            found += leaks_of_search(path, wanted, authored)
            continue
        texts = [path.read_bytes().decode("utf-8", errors="replace")]
        if path.suffix == ".html":
            texts.append(unescape(re.sub(r"<[^>]*>", "", texts[0])))
        elif path.suffix == ".ipynb":
            texts += [str(cell["source"]) + str(cell.get("outputs")) for cell in cells(texts[0])]
        everything = "\n".join(map(squeezed, texts))
        name = path.relative_to(book)
        held = [(secret, text) for secret, text in wanted if text in everything]
        own = own_words(name, authored) if held and authored else ""
        found += [f"{name.as_posix()}: {secret}" for secret, text in held if text not in own]
    return found


def leaks_of_search(path: Path, wanted: list[tuple[str, str]], authored: Path | None) -> list[str]:
    """The same for what the search page looks through: each page with the words of its author."""
    found = []
    for uri, text in searched(path).items():
        held = [(secret, plain) for secret, plain in wanted if plain in squeezed(text)]
        own = own_words(Path(uri), authored) if held and authored else ""
        found += [f"{path.name}, {uri}: {secret}" for secret, plain in held if plain not in own]
    return found


def searched(path: Path) -> dict[str, str]:
    """What can be searched of each page."""
    data = json.loads(path.read_text(encoding="utf-8").split("=", 1)[1].strip(" ;\n"))
    return {page["uri"]: "\n".join(" ".join(entry) for entry in page["sections"]) for page in data["pages"]}


def cells(text: str) -> list[dict[str, object]]:
    """Cells of a notebook, their sources as one text each."""
    return [{**cell, "source": "".join(cell["source"])} for cell in json.loads(text)["cells"]]
