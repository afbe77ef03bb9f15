"""What a page says of itself to search engines and to those who share it: a description, a card, a colour.

A page's description is that of its metadata (``description`` in the front matter, or in the metadata of a
notebook), else its first words. ``bookwork_card`` names a picture in the folder of the book; it has a full
address, which most readers of cards want, where ``html_baseurl`` is set.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from bookwork.palette import palette_named
from bookwork.sphinx.offline import FOLDER, write

SHORTEST, LONGEST = 80, 160  # characters of a description, where a page has that much text
MADE = {"genindex": "Index of names", "py-modindex": "Index of modules", "search": "Search"}
VIEWPORT = re.compile(r'<meta [^>]*name="viewport"[^>]*>')  # of docutils; the theme's template has one too
DESCRIBED = re.compile(r'<meta [^>]*name="description"')


def paragraphs(doctree: nodes.Node) -> Iterator[str]:
    """The running text of a page: paragraphs without formulas that stand in its sections."""
    for paragraph in doctree.findall(nodes.paragraph):
        plain = not list(paragraph.findall(nodes.math))
        if plain and isinstance(paragraph.parent, nodes.section):
            yield " ".join(paragraph.astext().split())


def sentence(text: str) -> str:
    """A heading without a full stop, or what leads to a list, as a sentence of its own."""
    return text if text.endswith((".", "?", "!", "…")) else text.rstrip(":;, ") + "."


def shortened(text: str) -> str:
    """As many whole sentences as a description holds, or words if the first is longer."""
    if len(text) <= LONGEST:
        return text
    whole = max((found.end() for found in re.finditer(r"[.?!](?=\s)", text[:LONGEST])), default=0)
    if whole >= SHORTEST:
        return text[:whole]
    return text[: LONGEST - 1].rpartition(" ")[0].rstrip(",;:") + "…"


def first_words(doctree: nodes.Node | None) -> str:
    """The beginning of a page's text, long enough to describe it if there is that much."""
    said = ""
    for text in paragraphs(doctree) if doctree is not None else ():
        said = f"{said} {sentence(text)}".strip()
        if len(said) >= SHORTEST:
            break
    return shortened(said)


def title_of(app: Sphinx, pagename: str, context: dict[str, Any]) -> str:
    """The title of a page, without markup."""
    title = re.sub("<[^>]*>", "", context.get("title") or "")
    return title or MADE.get(pagename, "") or str(app.config.html_title)


def description_of(app: Sphinx, pagename: str, context: dict[str, Any], doctree: Any) -> str:
    """What a page is about, in a sentence or two."""
    own = str(app.env.metadata.get(pagename, {}).get("description", ""))
    return own or first_words(doctree) or f"{title_of(app, pagename, context)}: {app.config.html_title}"


def card_address(app: Sphinx, context: dict[str, Any]) -> str:
    """Where the picture of the book lies, empty if there is none."""
    if not app.config.bookwork_card or not (Path(app.srcdir) / app.config.bookwork_card).is_file():
        return ""
    name = f"_static/{FOLDER}/{Path(app.config.bookwork_card).name}"
    base = app.config.html_baseurl
    return f"{base.rstrip('/')}/{name}" if base else context["pathto"](name, 1)


def add_tags(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Write them, and no second viewport."""
    tags = VIEWPORT.sub("", context.get("metatags", ""))
    said = description_of(app, pagename, context, doctree)
    card = card_address(app, context)
    shared = {
        "og:title": title_of(app, pagename, context),
        "og:site_name": app.config.html_title,
        "og:description": said,
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:url": context.get("pageurl") or "",
        "og:image": card,
    }
    named = {
        "description": "" if DESCRIBED.search(tags) else said,
        "theme-color": palette_named(app.config.bookwork_palette).themes["light"]["paper"],
        "twitter:card": "summary_large_image" if card else "summary",
    }
    lines = [tags.strip()]
    lines += [f'<meta name="{key}" content="{escape(value)}">' for key, value in named.items() if value]
    lines += [f'<meta property="{key}" content="{escape(value)}">' for key, value in shared.items() if value]
    context["metatags"] = "\n    ".join(filter(None, lines))


def copy_card(app: Sphinx) -> None:
    """Put the picture beside the other files of the pages."""
    picture = Path(app.srcdir) / app.config.bookwork_card
    if app.builder.format == "html" and app.config.bookwork_card and picture.is_file():
        folder = Path(app.outdir) / "_static" / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / picture.name, picture.read_bytes())


def setup(app: Sphinx) -> None:
    """Connect what stands above."""
    app.add_config_value("bookwork_card", "", "html", str)
    app.connect("builder-inited", copy_card)
    app.connect("html-page-context", add_tags, priority=900)
