"""Internal links of a built book, read from its files."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Anchors(HTMLParser):
    """Ids and link targets of one page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what an element names and what it refers to."""
        for key, value in attrs:
            if key in ("id", "name") and value:
                self.ids.add(value)
            if key in ("href", "src") and value and tag != "base":
                self.targets.append(value)


def read(path: Path) -> Anchors:
    """Anchors of the page at ``path``."""
    anchors = Anchors()
    anchors.feed(path.read_text(encoding="utf-8"))
    return anchors


def broken(book: Path) -> list[str]:
    """Links of all pages that lead to no file of the book, or to no element of the page they name."""
    pages = {path.resolve(): read(path) for path in book.rglob("*.html") if "_static" not in path.parts}
    faults = []
    for path, anchors in pages.items():
        for target in anchors.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not place.is_file():
                faults.append(f"{path.name}: no file for {target}")
            elif parts.fragment and place in pages and unquote(parts.fragment) not in pages[place].ids:
                faults.append(f"{path.name}: no element for {target}")
    return faults
