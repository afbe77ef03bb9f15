"""Look through every file of a built book for what must be in none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path

from ranking.teaching import editions

TEXT = (".html", ".js", ".ipynb", ".json", ".txt", ".md", ".py", ".inv", ".css", ".log", "")
SHORTEST = 14  # characters of a line that says enough to be looked for
MARKERS = (editions.BEGIN_SOLUTION, editions.END_SOLUTION, editions.BEGIN_HIDDEN, editions.END_HIDDEN)


def squeezed(text: str) -> str:
    """Text with every run of white space as one blank."""
    return " ".join(text.split())


def authored_secrets(folder: Path) -> list[str]:
    """Markers, and all lines and texts of hidden checks that stand nowhere in sight."""
    notebooks = [editions.read(path) for path in editions.notebooks(folder)]
    seen = []
    found = set(MARKERS)
    for notebook in notebooks:
        for cell in notebook.cells:
            hidden = editions.hidden_of(cell.source)
            found |= {line.strip(" ,") for line in hidden.split("\n")}
            found |= set(re.findall(r'"([^"\n]+)"', hidden))
            source = editions.visible_of(editions.solution_of(cell.source))
            seen.append(squeezed(source))
    in_sight = "\n".join(seen)
    return sorted(
        text
        for text in found
        if len(text) >= SHORTEST and (text in MARKERS or squeezed(text) not in in_sight)
    )


def leaks(book: Path, secrets: Iterable[str]) -> list[str]:
    """Which file holds which secret, be it split into coloured words or escaped."""
    wanted = [(secret, squeezed(secret)) for secret in secrets]
    found = []
    for path in sorted(path for path in book.rglob("*") if path.is_file() and path.suffix in TEXT):
        if path.name in ("plotly.min.js", "tex-svg.js"):  # other people's, and large
            continue
        texts = [path.read_bytes().decode("utf-8", errors="replace")]
        if path.suffix == ".html":
            texts.append(unescape(re.sub(r"<[^>]*>", "", texts[0])))
        elif path.suffix == ".ipynb":
            texts += [str(cell["source"]) + str(cell.get("outputs")) for cell in cells(texts[0])]
        everything = "\n".join(map(squeezed, texts))
        name = path.relative_to(book).as_posix()
        found += [f"{name}: {secret}" for secret, text in wanted if text in everything]
    return found


def cells(text: str) -> list[dict[str, object]]:
    """Cells of a notebook, their sources as one text each."""
    return [{**cell, "source": "".join(cell["source"])} for cell in json.loads(text)["cells"]]
