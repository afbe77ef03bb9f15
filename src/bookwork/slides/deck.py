"""Which slides a chapter has, and what stands on each.

No chapter says which of its cells are slides; one rule does. Every section begins a slide, every subsection
one below it. On the slide stand the first sentence of each paragraph (the answer too, where that is a
question), lists, formulas, tables and drawings; whole paragraphs are the speaker's notes. A figure or an
explorer has a slide of its own, below a line or two that lead to it. Code is folded where it defines
something and left out elsewhere, as are derivations, cells of claims, ticks, and further reading. What would
not fit goes on below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from bookwork.claims import CLAIMS
from bookwork.figure import figure_html
from bookwork.figure.jupyter import CAPTION
from bookwork.palette import DEFAULT, Palette
from bookwork.sphinx.place import explorer_html
from bookwork.sphinx.renderers import EXPLORER, PLOTLY

LINES = 15.5  # of text fit on a slide
LINE = 82  # characters
FIGURE = LINES - 2.6  # what a figure or an explorer takes: two lines of text fit above it, and nothing below
TALL = 480  # pixels; above a figure that is higher there is no room for text
LEFT_OUT = ("Further reading",)
CLAIM = re.compile(r"✓ |.*: True$")  # a printed line that only says that a claim holds

_KEPT_WHOLE = re.compile(r"\$[^$]+\$|`[^`]+`|\]\([^)]*\)")
_SENTENCE = re.compile(r"(?<=[.?!])(?<!e\.g\.)(?<!i\.e\.)(?<!et al\.)[*\"”)]*\s+(?=[^a-z\s])")
_DEFINES = re.compile(r"^(?:def|class) ", re.MULTILINE)


@dataclass
class Slide:
    """One slide."""

    title: str  # Markdown; the same for all slides that go on with a section
    below: bool  # the slide before it; False if it begins a section
    cells: list[NotebookNode] = field(default_factory=list)  # what is seen
    notes: list[str] = field(default_factory=list)  # whole paragraphs, as Markdown
    lines: float = 0.0  # how full it is


class Block(NamedTuple):
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
        elif kind != "hr":
            yield Block("image" if kind == "paragraph" and text.startswith("![") else kind, text)


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


def deck(notebook: NotebookNode, palette: Palette = DEFAULT) -> list[Slide]:
    """The slides of an executed notebook, with figures in these colours."""
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
            add_code(slides, cell, palette)
    return slides


def room(slides: list[Slide], lines: float) -> Slide:
    """The last slide, or one that goes on below it where so many lines more do not fit."""
    if slides[-1].cells and slides[-1].lines + lines > LINES:
        slides.append(Slide(slides[-1].title, below=True))
    slides[-1].lines += lines
    return slides[-1]


def add_block(slides: list[Slide], block: Block) -> None:
    """Put a block of Markdown on the last slide, or below it."""
    kind, text, _ = block
    if kind == "paragraph":
        text = lead(text)
    elif kind == "blockquote":
        text = "> " + lead(" ".join(line.lstrip("> ") for line in text.split("\n")))
    lines = len(text) / LINE + (1.2 if kind == "blockquote" else 0.7)
    if kind == "heading":
        text, lines = f"**{text}**", 1.5
    elif kind == "image":
        lines = LINES
    elif kind in ("table", "fence", "code_block"):
        lines = text.count("\n") + 1.5
    elif kind.startswith("math"):
        lines = 2.0 + text.count("\\\\") + text.count("\\frac") * 0.4
    slide = room(slides, lines)
    if kind in ("paragraph", "blockquote") and text != " ".join(block.text.split()):
        slide.notes.append(block.text)
    slide.cells.append(new_markdown_cell(text))


def add_code(slides: list[Slide], cell: NotebookNode, palette: Palette) -> None:
    """Put the outputs of a code cell on slides, and its code, folded, if it defines something."""
    tags = cell.metadata.get("tags", [])
    if CLAIMS in tags:
        return
    if _DEFINES.search(cell.source) and "hide-input" not in tags:
        room(slides, 1.5).cells.append(new_code_cell(cell.source, metadata={"bookwork": {"code": True}}))
    for output, lines in (each for printed in cell.get("outputs", []) for each in seen(printed, palette)):
        slide = room(slides, lines)
        slide.cells.append(new_code_cell("", outputs=[output]))
        if lines in (FIGURE, LINES):
            slide.lines = LINES


def seen(output: NotebookNode, palette: Palette) -> Iterator[tuple[NotebookNode, float]]:
    """What a slide shows of an output, and how many lines that takes; nothing where it needs a kernel."""
    if output.output_type == "stream":
        lines = [line for line in output.text.rstrip("\n").split("\n") if not CLAIM.match(line)]
        if output.name == "stdout" and any(lines):
            yield NotebookNode({**output, "text": "\n".join(lines)}), 0.8 * len(lines) + 0.7
        return
    if output.output_type not in ("display_data", "execute_result"):
        return
    data = output.data
    if CAPTION in data:
        return
    if EXPLORER in data or PLOTLY in data:
        html = explorer_html(data[EXPLORER]) if EXPLORER in data else figure_html(data[PLOTLY], palette)
        high = data.get(PLOTLY, {}).get("layout", {}).get("height", 0) > TALL
        yield new_output("display_data", data={"text/html": html}), LINES if high else FIGURE
    elif "text/html" in data:
        yield output, 1.0 + data["text/html"].count("<tr") + data["text/html"].count("<caption")
    elif any(kind.startswith("image/") for kind in data):
        yield output, LINES
    elif not any("widget-view" in kind for kind in data):
        yield output, 0.8 * data.get("text/plain", "").count("\n") + 1.5
