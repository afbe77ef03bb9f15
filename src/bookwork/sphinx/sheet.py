"""One style sheet for all pages: rules of the theme and of extensions that some page can use, and the book's.

It is joined when all pages are written. Its address in them tells its content, so that browsers may keep it.
"""

import hashlib
import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

import rcssmin
from sphinx.application import Sphinx

from bookwork.palette import palette_named
from bookwork.sphinx.offline import FOLDER, write
from bookwork.sphinx.rules import reduced, words_of_markup, words_of_script
from bookwork.sphinx.theme import style_sheet

STYLE = f"{FOLDER}/book.css"
BEFORE = ("styles/theme.css", "styles/pydata-sphinx-theme.css")  # which the theme's templates load
ICON_FONT = r"fa[bsrldt]?|(--)?fa-.*|Font Awesome.*"  # icons are drawn by rules of our own, without it
UNUSED = {"copybutton.css", "sphinx-thebe.css"}  # there are rules of our own, and no live kernels
IMPORT = re.compile(r'@import\s+(?:url\()?"([^":]+)"\)?\s*;')
ADDRESS = re.compile(r"""url\(\s*["']?(?!data:|#|/|[a-z]+:)([^"')]+)["']?\s*\)""")
SOURCE = re.compile(r'<script[^>]*\ssrc="[^"]*?_static/([^"?]+)')
DESCENDANT = re.compile(r"(?<=\s):(?=(?:is|not|has|where)\()")
"""A pseudo-class that stands alone, as in ``.a :is(b)``: rcssmin would join it to what stands before it."""
LINK = re.compile(rf"({re.escape(STYLE)})\?v=[0-9a-f]*")


def is_joined(sheet: Any) -> bool:
    """Whether a style sheet that a page asks for is a local one for all media."""
    attributes = getattr(sheet, "attributes", {})
    local = "://" not in str(getattr(sheet, "filename", sheet))
    return local and attributes.get("rel", "stylesheet") == "stylesheet" and "media" not in attributes


def drop_links(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Leave out the style sheets that are joined; the template links the one that they become."""
    context["css_files"] = [sheet for sheet in context.get("css_files", []) if not is_joined(sheet)]
    context["book_style"] = f"_static/{STYLE}"


def names_of_sheets(app: Sphinx) -> list[str]:
    """Style sheets below ``_static`` that pages would load, in their order, each once."""
    sheets = sorted(app.builder._css_files, key=lambda sheet: sheet.priority)  # type: ignore[attr-defined]
    linked = [str(sheet.filename).removeprefix("_static/") for sheet in sheets if is_joined(sheet)]
    return [name for name in dict.fromkeys([*BEFORE, *linked]) if name not in UNUSED]


def sheet_text(static: Path, name: str) -> str:
    """A style sheet with what it imports, and with addresses as they are seen from where ours lies."""
    path, folder = static / name, PurePosixPath(name).parent

    def imported(found: re.Match[str]) -> str:
        return sheet_text(static, normpath(str(folder / found[1])))

    def readdressed(found: re.Match[str]) -> str:
        return f'url("{relpath(str(folder / found[1]), str(PurePosixPath(STYLE).parent))}")'

    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return IMPORT.sub(imported, ADDRESS.sub(readdressed, text))


def pages_of(folder: Path) -> list[Path]:
    """The pages of a built book."""
    pages = folder.rglob("*.html")
    return sorted(path for path in pages if not path.relative_to(folder).parts[0].startswith("_"))


def minified(css: str) -> str:
    """The same rules in fewer letters."""
    return str(rcssmin.cssmin(DESCENDANT.sub("*:", css)))


def join(app: Sphinx, exception: Exception | None) -> None:
    """Write the style sheet, and its address into all pages that have another one."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    pages = {path: path.read_text(encoding="utf-8") for path in pages_of(Path(app.outdir))}
    loaded = {static / name for text in pages.values() for name in SOURCE.findall(text)}
    scripts = loaded.union((static / FOLDER).rglob("*.js"))  # pages may load some of these later
    said = [path.read_text(encoding="utf-8") for path in sorted(scripts) if path.is_file()]
    words = set().union(*map(words_of_markup, pages.values()), *map(words_of_script, said))
    own = style_sheet(palette_named(app.config.bookwork_palette))
    asking = "\n".join([own, *said, *pages.values()])
    stock = [reduced(sheet_text(static, name), words, asking, ICON_FONT) for name in names_of_sheets(app)]
    content = minified("\n".join([*stock, own])).encode()
    write(static / STYLE, content)
    version = hashlib.sha256(content).hexdigest()[:8]
    for path, text in pages.items():
        write(path, LINK.sub(rf"\1?v={version}", text).encode())


def setup(app: Sphinx) -> None:
    """Connect what stands above."""
    app.connect("html-page-context", drop_links, priority=900)  # after all that add some
    app.connect("build-finished", join, priority=900)  # after all that change pages or style sheets
