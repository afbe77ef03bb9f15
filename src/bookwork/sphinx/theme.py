"""The look of the pages, and the faults of the stock theme that it mends."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.explorer import bundle
from bookwork.palette import Palette, palette_named
from bookwork.sphinx.offline import ASSETS, FOLDER, write

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT = f"{FOLDER}/book.js"
STYLE = f"{FOLDER}/book.css"

EMPTY_HEADER = re.compile(r"<th\b([^>]*)>(?:\s|&nbsp;|&#160;|</?p>)*</th>")

FRONT_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={page}">
<title>{title}</title>
<link rel="icon" href="_static/favicon.svg">
</head>
<body><main><h1>{title}</h1><p><a href="{page}">Read the course</a></p></main></body>
</html>
"""


def style_sheet(palette: Palette) -> str:
    """Style sheet of the pages: a palette in both themes, the book's rules, those of the explorers."""
    rules = (ASSETS / "book.css").read_text(encoding="utf-8")
    light, dark = palette.css_variables("light"), palette.css_variables("dark")
    variables = (
        f":root {{ {light} }}\n"
        f'@media screen {{ html[data-theme="dark"] {{ {dark} }} }}\n'  # paper stays white
    )
    return f"{variables}{rules}\n{bundle.stylesheet(palette)}"


def set_config(app: Sphinx, config: Config) -> None:
    """Put this folder's templates before those of the theme, and the icon beside them."""
    config.templates_path = [str(TEMPLATES), *config.templates_path]
    config.html_favicon = str(ASSETS / "favicon.svg")
    # Without a mode the theme's scripts complain on the console.
    config.html_context = {"default_mode": "light", **config.html_context}


def write_assets(app: Sphinx) -> None:
    """Write the style sheet and the script of all pages."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "book.css", style_sheet(palette_named(app.config.bookwork_palette)).encode())
    write(folder / "book.js", (ASSETS / "book.js").read_bytes())


def mend_tables(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Make a header cell without text (the corner of a table) a plain one: it heads nothing."""
    if "body" in context:
        context["body"] = EMPTY_HEADER.sub(r"<td\1></td>", context["body"])


def write_front_page(app: Sphinx, exception: Exception | None) -> None:
    """Write ``index.html``, which leads to the first page, where the book has no page of that name."""
    if exception or app.builder.format != "html" or app.config.root_doc == "index":
        return
    page = app.builder.get_target_uri(app.config.root_doc)
    front = FRONT_PAGE.format(page=escape(page), title=escape(app.config.html_title))
    write(Path(app.outdir) / "index.html", front.encode())


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_css_file(STYLE, priority=900)  # after the theme's own
    app.add_js_file(SCRIPT)
    app.connect("config-inited", set_config)
    app.connect("builder-inited", write_assets)
    app.connect("html-page-context", mend_tables)
    app.connect("build-finished", write_front_page)
