"""The look of the pages, and the faults of the stock theme that it mends."""

from html import escape
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.explorer import bundle
from bookwork.palette import Palette
from bookwork.sphinx.icons import icon_rules
from bookwork.sphinx.offline import ASSETS, EXPLORERS, FOLDER, write, write_front, write_live_scripts

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT = f"{FOLDER}/book.js"
STYLES = (
    "base",
    "text",
    "terms",
    "boxes",
    "cells",
    "opening",
    "maths",
    "figures",
    "tables",
    "icons",
    "search",
    "edges",
    "frame",
    "strip",
    "front",
    "wide",
    "phone",
    "far",
    "motion",
    "print",
)
"""Parts of the style sheet in ``assets/css``, in the order in which they overrule each other."""

FRONT_HEAD = """<meta http-equiv="refresh" content="0; url={page}">
<link rel="icon" href="_static/favicon.svg">"""


def page_script() -> str:
    """What every page needs beyond the theme's own scripts: one classic script, of parts that stand alone."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ASSETS / "js").glob("*.js")))


def style_sheet(palette: Palette) -> str:
    """Style sheet of the pages: a palette in both themes, the book's rules, those of the explorers."""
    rules = "\n".join((ASSETS / "css" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)
    light, dark = palette.css_variables("light"), palette.css_variables("dark")
    on_screen = f'@media screen {{ html[data-theme="dark"] {{ {dark} }} }}'  # paper stays white
    return f":root {{ {light} }}\n{on_screen}\n{icon_rules()}\n{rules}\n{bundle.stylesheet(palette)}"


def set_config(app: Sphinx, config: Config) -> None:
    """Take templates and icon from here, and no widget scripts: the pages have no kernel."""
    config.nb_ipywidgets_js = {}
    config.nb_merge_streams = True  # what a cell prints is one piece
    config.templates_path = [str(TEMPLATES), *config.templates_path]
    config.html_favicon = str(ASSETS / "favicon.svg")
    # Without a mode the theme's scripts complain on the console.
    config.html_context = {"default_mode": "light", **config.html_context}


def write_assets(app: Sphinx) -> None:
    """Write all scripts that pages may load, before the first page is written."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER
    (folder / EXPLORERS).mkdir(parents=True, exist_ok=True)
    write_live_scripts(folder / EXPLORERS, app.config.bookwork_explorers)
    write(folder / "book.js", page_script().encode())


def write_front_page(app: Sphinx, exception: Exception | None) -> None:
    """Write ``index.html``, which leads to the first page, where the book has no page of that name."""
    if exception or app.builder.format != "html" or app.config.root_doc == "index":
        return
    page = escape(app.builder.get_target_uri(app.config.root_doc))
    said = f'<p><a href="{page}">Read the course</a></p>'
    write_front(Path(app.outdir), escape(app.config.html_title), FRONT_HEAD.format(page=page), said)
