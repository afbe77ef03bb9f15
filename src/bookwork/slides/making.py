"""Slides from the chapters: ``python -m bookwork.slides.making OUT``, or ``make slides``.

No chapter says which of its cells are slides; one rule does. Every section begins a slide, every subsection
one below it. On the slide stand the first sentence of each paragraph (the answer too, where that is a
question), lists, formulas, tables and drawings; whole paragraphs are the speaker's notes. A figure or an
explorer has a slide of its own, below a line or two that lead to it. Code is folded where it defines
something and left out elsewhere, as are derivations, cells of claims, ticks, and further reading. What would
not fit goes on below.

nbconvert writes the slides for reveal.js. All that they load lies beside them, and they work from ``file://``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.metadata import distribution
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookwork.claims import CLAIMS
from bookwork.explorer import bundle
from bookwork.palette import DEFAULT, Palette, palette_named
from bookwork.sphinx.offline import MATHJAX, mathjax_source, plotly_page_script, write
from bookwork.sphinx.renderers import EXPLORER, PLOTLY, explorer_html, plotly_html

FOLDER = Path(__file__).parent
TEMPLATE = "assets"
LOADED = "assets"
"""Folder beside the slides with all that they load."""

LINES = 15.5
"""How much fits on a slide, in lines of text."""
LINE = 82  # characters
FIGURE = LINES - 2.6
"""How much a figure or an explorer takes: two lines of text fit above it, and nothing below."""
TALL = 480
"""Pixels; above a figure that is higher there is no room for text."""
LEFT_OUT = ("Further reading",)
CLAIM = re.compile(r"✓ |.*: True$")
"""A printed line that only says that a claim holds."""

_KEPT_WHOLE = re.compile(r"\$[^$]+\$|`[^`]+`|\]\([^)]*\)")
_SENTENCE = re.compile(r"(?<=[.?!])(?<!e\.g\.)(?<!i\.e\.)(?<!et al\.)[*\"”)]*\s+(?=[^a-z\s])")
_DEFINES = re.compile(r"^(?:def|class) ", re.MULTILINE)

FRONT_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides</title>
<link rel="stylesheet" href="{loaded}/slides.css">
</head>
<body class="front"><main><h1>Slides</h1>
<ul>
{links}
</ul>
<p>Arrow keys move: right to the next section, down within a section. Space does both. S opens the speaker's
notes, Esc the overview, F the whole screen.</p>
</main></body>
</html>
"""


@dataclass
class Slide:
    """One slide.

    Attributes:
        title: Markdown; the same for all slides that go on with a section.
        below: True if it stands below the slide before it, False if it begins a section.
        cells: what is seen.
        notes: whole paragraphs, as Markdown.
        lines: how full it is.
    """

    title: str
    below: bool
    cells: list[NotebookNode] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: float = 0.0


@dataclass(frozen=True)
class Block:
    """A block of Markdown: a heading of some level, a list, a formula, ..."""

    kind: str
    text: str
    level: int = 0


def blocks(markdown: str) -> Iterator[Block]:
    """The blocks of a Markdown cell, lists item by item; what stands in ``<details>`` is left out."""
    lines = markdown.split("\n")
    parser = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    folded = 0
    for token in parser.parse(markdown):
        if token.type == "html_block":
            folded += token.content.count("<details") - token.content.count("</details>")
            continue
        item = token.type == "list_item_open" and token.level == 1
        if folded or token.map is None or (token.level and not item) or token.type.endswith("list_open"):
            continue
        text = "\n".join(lines[slice(*token.map)]).strip("\n")
        kind = token.type.removesuffix("_open")
        if kind == "heading":
            yield Block(kind, text.strip("# "), int(token.tag[1]))
        elif kind == "paragraph" and text.startswith("!["):
            yield Block("image", text)
        elif kind != "hr":
            yield Block(kind, text)


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; formulas, code and addresses of links are never cut."""
    text = " ".join(text.split())
    masked = _KEPT_WHOLE.sub(lambda match: "x" * len(match[0]), text)
    cuts = [0, *(match.end() for match in _SENTENCE.finditer(masked)), len(text)]
    return [text[a:b].strip() for a, b in pairwise(cuts) if text[a:b].strip()]


def lead(text: str) -> str:
    """What a slide shows of a paragraph: its first sentence.

    The next one follows where the first is a question or a bold heading, and the last one where it leads to
    what comes next.
    """
    found = sentences(text)
    kept = 1
    while kept < len(found) and (found[kept - 1].endswith("?") or len(" ".join(found[:kept])) < 40):
        kept += 1
    shown = found[:kept]
    if kept < len(found) and not found[-1].endswith((".", "?", "!", ")", "*")):
        shown.append(found[-1])
    return " ".join(shown)


def deck(notebook: NotebookNode) -> list[Slide]:
    """The slides of an executed notebook."""
    slides: list[Slide] = []
    left_out = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for block in blocks(cell.source):
                if block.kind == "heading" and block.level <= 3:
                    left_out = block.text in LEFT_OUT
                    if not left_out:
                        slides.append(Slide(block.text, below=block.level == 3))
                elif slides and not left_out:
                    add_block(slides, block)
        elif cell.cell_type == "code" and slides and not left_out:
            add_code(slides, cell)
    return slides


def room(slides: list[Slide], lines: float) -> Slide:
    """The last slide, or one that goes on below it where so many lines more do not fit."""
    if slides[-1].cells and slides[-1].lines + lines > LINES:
        slides.append(Slide(slides[-1].title, below=True))
    slides[-1].lines += lines
    return slides[-1]


def add_block(slides: list[Slide], block: Block) -> None:
    """Put a block of Markdown on the last slide, or below it."""
    text, lines = block.text, len(block.text) / LINE + 0.7
    if block.kind == "heading":
        text, lines = f"**{block.text}**", 1.5
    elif block.kind == "paragraph":
        text = lead(block.text)
        lines = len(text) / LINE + 0.7
    elif block.kind == "blockquote":
        text = "> " + lead(" ".join(line.lstrip("> ") for line in block.text.split("\n")))
        lines = len(text) / LINE + 1.2
    elif block.kind == "image":
        lines = LINES
    elif block.kind in ("table", "fence", "code_block"):
        lines = block.text.count("\n") + 1.5
    elif block.kind.startswith("math"):
        lines = 2.0 + block.text.count("\\\\") + block.text.count("\\frac") * 0.4
    slide = room(slides, lines)
    if block.kind in ("paragraph", "blockquote") and text != " ".join(block.text.split()):
        slide.notes.append(block.text)
    slide.cells.append(new_markdown_cell(text))


def add_code(slides: list[Slide], cell: NotebookNode) -> None:
    """Put the outputs of a code cell on slides, and its code, folded, if it defines something."""
    tags = cell.metadata.get("tags", [])
    if CLAIMS in tags:
        return
    if _DEFINES.search(cell.source) and "hide-input" not in tags:
        metadata = {"ranking": {"code": True}}
        room(slides, 1.5).cells.append(new_code_cell(cell.source, metadata=metadata))
    for output, lines in (each for printed in cell.get("outputs", []) for each in seen(printed)):
        slide = room(slides, lines)
        slide.cells.append(new_code_cell("", outputs=[output]))
        if lines in (FIGURE, LINES):
            slide.lines = LINES


def seen(output: NotebookNode) -> Iterator[tuple[NotebookNode, float]]:
    """What a slide shows of an output, and how many lines that takes; nothing where it needs a kernel."""
    if output.output_type == "stream":
        lines = [line for line in output.text.rstrip("\n").split("\n") if not CLAIM.match(line)]
        if output.name == "stdout" and any(lines):
            yield NotebookNode({**output, "text": "\n".join(lines)}), 0.8 * len(lines) + 0.7
        return
    if output.output_type not in ("display_data", "execute_result"):
        return
    data = output.data
    if EXPLORER in data:
        yield html_output(explorer_html(data[EXPLORER])), FIGURE
    elif PLOTLY in data:
        high = data[PLOTLY].get("layout", {}).get("height", 0) > TALL
        yield html_output(plotly_html(data[PLOTLY])), LINES if high else FIGURE
    elif "text/html" in data:
        html = data["text/html"]
        yield output, 1.0 + html.count("<tr") + html.count("<caption")
    elif any(kind.startswith("image/") for kind in data):
        yield output, LINES
    elif not any("widget-view" in kind for kind in data):
        yield output, 0.8 * data.get("text/plain", "").count("\n") + 1.5


def html_output(html: str) -> NotebookNode:
    """HTML as what a cell displays."""
    return nbformat.v4.new_output("display_data", data={"text/html": html})


def name_of(path: Path) -> str:
    """What the slides of a notebook are called: as it is, or its folder where it is the index of one."""
    return path.resolve().parent.name if path.stem == "index" else path.stem


def links_to_slides(text: str, names: Iterable[str]) -> str:
    """Links to chapters lead to their slides; links to other notebooks become plain text."""
    for name in names:
        text = re.sub(rf"\]\((?:[^):]*/)?{re.escape(name)}(?:/index)?\.ipynb", f"]({name}.html", text)
    return re.sub(r"\[([^]]*)\]\([^):]*\.ipynb[^)]*\)", r"\1", text)


def slideshow(slides: Sequence[Slide], names: Iterable[str] = ()) -> NotebookNode:
    """The slides as a notebook with the metadata that nbconvert goes by."""
    cells = []
    for number, slide in enumerate(slides):
        head = "#" if number == 0 else "##"
        first = new_markdown_cell(f"{head} {slide.title}")
        first.metadata["slideshow"] = {"slide_type": "subslide" if slide.below else "slide"}
        cells.append(first)
        for cell in slide.cells:
            if cell.cell_type == "markdown":
                cell.source = links_to_slides(cell.source, names)
            cell.metadata["slideshow"] = {"slide_type": "-"}
            cells.append(cell)
        if slide.notes:
            notes = new_markdown_cell(links_to_slides("\n\n".join(slide.notes), names))
            notes.metadata["slideshow"] = {"slide_type": "notes"}
            cells.append(notes)
    return new_notebook(cells=joined(cells))


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
    modules = sorted(set(re.findall(r'class="ranking-explorer" data-module="(\w+)"', html)))
    found = ["plotly.min.js", "plotly_page.js"] if 'class="ranking-plotly"' in html else []
    return found + (["runtime.js", *(f"{name}.js" for name in modules)] if modules else [])


def html_of(slides: Sequence[Slide], folder: Path, names: Iterable[str] = ()) -> str:
    """The slides as a page.

    Args:
        slides: of one chapter.
        folder: of the notebook, where its drawings are found.
        names: of all chapters that have slides.
    """
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
        "ranking": {"loaded": LOADED, "scripts": scripts_of(slides), "mathjax": MATHJAX},
    }
    html, _ = exporter.from_notebook_node(slideshow(slides, names), resources)
    return html


def style_sheet(palette: Palette) -> str:
    """Style sheet of the slides: a palette, their own rules, those of the explorers."""
    rules = (FOLDER / TEMPLATE / "slides.css").read_text(encoding="utf-8")
    return f":root {{ {palette.css_variables('light')} }}\n{rules}\n{bundle.stylesheet(palette)}"


def reveal_file(name: str) -> bytes:
    """A file of reveal.js, from the wheel that carries it."""
    (found,) = (
        path
        for path in distribution("sphinx-revealjs").files or []
        if str(path).endswith(f"/revealjs/{name}")
    )
    return Path(str(found.locate())).read_bytes()


def write_loaded(folder: Path, explorers: Sequence[str], palette: Palette) -> None:
    """Write all that slides may load: explorers of these packages, in these colours."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js"):
        write(folder / Path(name).name, reveal_file(name))
    write(folder / MATHJAX, mathjax_source().read_bytes())
    write(folder / "plotly.min.js", files("plotly").joinpath("package_data", "plotly.min.js").read_bytes())
    write(folder / "plotly_page.js", plotly_page_script(palette).encode())
    write(folder / "runtime.js", bundle.page_runtime().encode())
    for name, script in bundle.page_scripts(explorers).items():
        write(folder / f"{name}.js", script.encode())
    write(folder / "slides.js", (FOLDER / TEMPLATE / "slides.js").read_bytes())
    write(folder / "slides.css", style_sheet(palette).encode())


def executed(path: Path, caches: Path | None = None) -> NotebookNode:
    """A notebook with its outputs: those of the built book, if it has them, else it is executed.

    Args:
        path: the notebook.
        caches: where the book's build keeps executed notebooks, one folder per state of the package.
    """
    notebook = nbformat.read(path, as_version=4)
    for cache in sorted(caches.glob("*/")) if caches is not None else ():
        from jupyter_cache import get_cache

        try:
            return get_cache(cache).merge_match_into_notebook(notebook)[1]
        except KeyError:
            continue
    from nbclient import NotebookClient

    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}})
    return client.execute()


def write_slides(
    out: Path,
    notebooks: Mapping[str, NotebookNode],
    folders: Mapping[str, Path],
    explorers: Sequence[str] = (),
    palette: Palette = DEFAULT,
) -> list[Path]:
    """Write the slides of some chapters, a page that leads to them, and all that they load.

    Args:
        out: the folder to write to.
        notebooks: executed, by name.
        folders: where the drawings of each are found.
        explorers: packages that bring explorers.
        palette: colours of slides, figures and explorers.

    Returns:
        The pages of slides.

    Raises:
        ValueError: a notebook has no heading.
    """
    write_loaded(out / LOADED, explorers, palette)
    pages, links = [], []
    for name, notebook in notebooks.items():
        slides = deck(notebook)
        if not slides:
            raise ValueError(f"notebooks must have a heading each, got none in {name!r}")
        pages.append(out / f"{name}.html")
        write(pages[-1], html_of(slides, folders[name], notebooks).encode())
        links.append(f'<li><a href="{name}.html">{escape(slides[0].title)}</a></li>')
    front = FRONT_PAGE.format(loaded=LOADED, links="\n".join(links))
    write(out / "index.html", front.encode())
    return pages


def main(arguments: Sequence[str] | None = None) -> int:
    """Write slides; 0 if all is well."""
    parser = argparse.ArgumentParser(prog="python -m bookwork.slides.making", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("notebooks", type=Path, nargs="+", metavar="NOTEBOOK", help="chapters")
    parser.add_argument("--caches", type=Path, help="folder of executed notebooks of the book's build")
    parser.add_argument("--explorers", nargs="*", default=(), metavar="PACKAGE", help="that bring explorers")
    parser.add_argument("--palette", default="", metavar="MODULE:NAME", help="colours of the book")
    options = parser.parse_args(arguments)
    missing = [str(path) for path in options.notebooks if not path.is_file()]
    if missing:
        print(f"NOTEBOOK must be a file, got {', '.join(missing)}", file=sys.stderr)
        return 2
    notebooks = {name_of(path): executed(path, options.caches) for path in options.notebooks}
    folders = {name_of(path): path.resolve().parent for path in options.notebooks}
    palette = palette_named(options.palette)
    for page in write_slides(options.out, notebooks, folders, options.explorers, palette):
        print(page)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
