"""Slides as pages that work from ``file://``: nbconvert writes them for reveal.js, beside what they load."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from nbconvert import SlidesExporter
from nbconvert.filters.markdown_mistune import InvalidNotebook
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from bookwork.explorer import bundle
from bookwork.palette import DEFAULT, Palette
from bookwork.slides.deck import Slide, deck
from bookwork.sphinx.offline import MATHJAX, wheel_file, write, write_front, write_live_scripts

FOLDER = Path(__file__).parent
TEMPLATE = "assets"
LOADED = "assets"  # folder beside the slides with all that they load
NONE: Mapping[str, Iterable[str]] = MappingProxyType({})

KEYS = """<p>Arrow keys move: right to the next section, down within a section. Space does both. S opens the
speaker's notes, Esc the overview, F the whole screen.</p>"""


class Chapter(NamedTuple):
    """What becomes one deck: the executed notebooks of a chapter's pages, by file name, in their order."""

    folder: Path  # with their drawings
    pages: Mapping[str, NotebookNode]

    def notebook(self) -> NotebookNode:
        """All of them, one after the other."""
        return new_notebook(cells=[cell for page in self.pages.values() for cell in page.cells])


def links_to_slides(text: str, names: Mapping[str, Iterable[str]]) -> str:
    """Links to pages of chapters lead to their slides; links to other notebooks become plain text.

    ``names`` are those of decks, each with the names of its pages.
    """
    for name, pages in names.items():
        inside = "|".join(map(re.escape, pages))
        text = re.sub(rf"\]\((?:[^):]*/)?{re.escape(name)}(?:/(?:{inside}))?\.ipynb", f"]({name}.html", text)
    return re.sub(r"\[([^]]*)\]\([^):]*\.ipynb[^)]*\)", r"\1", text)


def slideshow(slides: Sequence[Slide], names: Mapping[str, Iterable[str]] = NONE) -> NotebookNode:
    """The slides as a notebook with the metadata that nbconvert goes by."""
    found = []
    for number, slide in enumerate(slides):
        title = new_markdown_cell(f"{'##' if number else '#'} {slide.title}")
        notes = [new_markdown_cell("\n\n".join(slide.notes))] if slide.notes else []
        kinds = ["subslide" if slide.below else "slide", *("-" for _ in slide.cells), "notes"]
        for cell, kind in zip([title, *slide.cells, *notes], kinds, strict=False):
            if cell.cell_type == "markdown":
                cell.source = links_to_slides(cell.source, names)
            cell.metadata["slideshow"] = {"slide_type": kind}
            found.append(cell)
    return new_notebook(cells=joined(found))


def joined(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Neighbouring pieces of text as one cell, so that items form one list again."""
    found: list[NotebookNode] = []
    for cell in cells:
        goes_on = cell.cell_type == "markdown" and cell.metadata.slideshow.slide_type == "-"
        if goes_on and found and found[-1].cell_type == "markdown":
            items = cell.source.lstrip()[:2], found[-1].source.split("\n")[-1].lstrip()[:2]
            gap = "\n" if all(item == "- " for item in items) else "\n\n"
            found[-1].source += gap + cell.source
        else:
            found.append(cell)
    return found


def scripts_of(slides: Sequence[Slide]) -> list[str]:
    """What a deck loads to draw its figures and explorers."""
    html = "".join(str(cell.get("outputs", "")) for slide in slides for cell in slide.cells)
    modules = sorted(set(re.findall(r'class="ranking-(?:explorer|plot)" data-module="(\w+)"', html)))
    return ["runtime.js", *(f"{name}.js" for name in modules)] if modules else []


def html_of(slides: Sequence[Slide], folder: Path, names: Mapping[str, Iterable[str]] = NONE) -> str:
    """Slides as a page; drawings lie in ``folder``, links to pages of ``names`` lead to their slides."""
    exporter = SlidesExporter(
        template_name=TEMPLATE,
        extra_template_basedirs=[str(FOLDER)],
        embed_images=True,
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    resources = {
        "metadata": {"name": slides[0].title, "path": str(folder)},
        "bookwork": {"loaded": LOADED, "scripts": scripts_of(slides), "mathjax": MATHJAX},
    }
    return exporter.from_notebook_node(slideshow(slides, names), resources)[0]


def write_loaded(folder: Path, explorers: Sequence[str], palette: Palette) -> None:
    """Write all that slides may load: explorers of these packages, in these colours."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js"):
        write(folder / Path(name).name, wheel_file("sphinx-revealjs", f"revealjs/{name}"))
    write_live_scripts(folder, explorers)
    write(folder / MATHJAX, wheel_file("sphinx-mathjax-offline", MATHJAX))
    write(folder / "slides.js", (FOLDER / TEMPLATE / "slides.js").read_bytes())
    rules = (FOLDER / TEMPLATE / "slides.css").read_text(encoding="utf-8")
    style = f":root {{ {palette.css_variables('light')} }}\n{rules}\n{bundle.stylesheet(palette)}"
    write(folder / "slides.css", style.encode())


def write_slides(
    out: Path,
    chapters: Mapping[str, Chapter],
    explorers: Sequence[str] = (),
    palette: Palette = DEFAULT,
) -> list[Path]:
    """Write the slides of some chapters, a page that leads to them, and all that they load, to ``out``.

    Chapters have names; ``explorers`` are packages that bring some. Gives the pages of slides; a chapter
    without a heading, or with something that cannot be shown, is a ValueError.
    """
    write_loaded(out / LOADED, explorers, palette)
    pages, links = [], []
    names = {name: list(chapter.pages) for name, chapter in chapters.items()}
    for name, chapter in chapters.items():
        try:
            slides = deck(chapter.notebook(), palette)
            html = html_of(slides, chapter.folder, names).encode() if slides else b""
        except (AttributeError, InvalidNotebook, KeyError, TypeError, ValueError) as error:
            # an output that is not of its kind, an attachment that is missing
            said = f"{type(error).__name__}: {error}"
            raise ValueError(f"notebooks must be what slides can show, got {said} in {name!r}") from error
        if not slides:
            raise ValueError(f"notebooks must have a heading each, got none in {name!r}")
        pages.append(out / f"{name}.html")
        write(pages[-1], html)
        links.append(f'<li><a href="{name}.html">{escape(slides[0].title)}</a></li>')
    head, listed = f'<link rel="stylesheet" href="{LOADED}/slides.css">', "\n".join(links)
    write_front(out, "Slides", head, f"<ul>\n{listed}\n</ul>\n{KEYS}")
    return pages
