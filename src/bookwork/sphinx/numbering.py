"""Captions and numbers: "Figure 3.2", "Table 3.1", counted page by page, each with an anchor.

What has a caption is numbered, on a page whose title has a number: "3. Calibration" gives 3.1 and so on,
"Appendix 2: …" gives A2.1. Captions come from the figure or explorer itself, from ``Styler.set_caption``, and
from lines of Markdown that every viewer shows as they stand::

    Table: What each stage does         |  ![the funnel](funnel.svg)
                                        |
    | stage | items in | items out |    |  Figure: From a million items to thirty

The line of a table stands above it, in the same cell or as the last of the cell before the code that puts the
table out; the line of a drawn image stands below it.
"""

import re
from collections import Counter
from html import unescape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.util import logging

from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.table_html import tidy_markdown, tidy_output

LINE = re.compile(r"(Table|Figure):\s+")
PLAIN = re.compile(r"(\d+(?:\.\d+)+|\d+(?=[.:]))[.:]?\s")  # "3. Title"
NAMED = re.compile(r"([^\W\d_])\w*\s+(\d+)\s*[.:]")  # "Appendix 2: title"
CAPTION = re.compile(r"<caption[^>]*>(.*?)</caption>", re.DOTALL)

logger = logging.getLogger(__name__)


class captioned(nodes.General, nodes.Element):
    """A table with its caption before it, or an image with its caption behind it."""


class caption_line(nodes.Part, nodes.TextElement):
    """The caption of such a one."""


class Numbers(EnvironmentCollector):
    """Captions are put to what they speak of and numbered as each page is read.

    ``env.bookwork_numbers`` holds, for each page, the anchors of its numbers:
    ``{"03_calibration/index": {"Figure 3.2": "figure-3-2"}}``.
    """

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a page."""
        numbers_of(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
    ) -> None:
        """Take over what another process has read."""
        numbers_of(env).update(
            {name: numbers_of(other)[name] for name in docnames if name in numbers_of(other)}
        )

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Find the captions of a page, and number what has one."""
        for raw in list(doctree.findall(_is_table_output)):
            _take_own_caption(raw)
        for line in list(doctree.findall(_is_line)):
            _attach(line)
        numbers_of(app.env)[app.env.docname] = number(doctree)


def numbers_of(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """Pages to their numbers to anchors."""
    if not hasattr(env, "bookwork_numbers"):
        env.bookwork_numbers = {}  # type: ignore[attr-defined]
    return env.bookwork_numbers  # type: ignore[attr-defined]


def prefix_of(title: str) -> str:
    """What numbers on a page of that title begin with, empty if nothing."""
    if found := PLAIN.match(title):
        return found[1]
    if found := NAMED.match(title):
        return found[2] if found[0].startswith("Chapter") else found[1].upper() + found[2]
    return ""


def number(doctree: nodes.document) -> dict[str, str]:
    """Number what has a caption; numbers and their anchors."""
    title = next(doctree.findall(nodes.title), None)
    prefix = prefix_of(title.astext()) if title else ""
    counts: Counter[str] = Counter()
    anchors = {}
    for node in doctree.findall(lambda node: isinstance(node, (page_figure, captioned))) if prefix else ():
        caption = next(node.findall(lambda part: isinstance(part, (caption_line, nodes.paragraph))), None)
        if caption is None:
            continue
        kind = node.get("kind", "Figure")
        counts[kind] += 1
        label = f"{kind} {prefix}.{counts[kind]}"
        anchors[label] = re.sub(r"\W+", "-", label.lower())
        node["ids"].append(anchors[label])
        caption.insert(0, [nodes.inline("", label, classes=["ranking-number"]), nodes.Text(" ")])
    return anchors


def _is_table_output(node: nodes.Node) -> bool:
    return (
        isinstance(node, nodes.raw) and "html" in node.get("format", "").split() and "<table" in node.astext()
    )


def _is_line(node: nodes.Node) -> bool:
    starts = node.children[0] if isinstance(node, nodes.paragraph) and node.children else None
    return isinstance(starts, nodes.Text) and LINE.match(starts) is not None


def _take_own_caption(raw: nodes.raw) -> None:
    """Make the tables of an output tidy, and its caption one of ours."""
    html = raw.astext()
    said = CAPTION.search(html)
    text = " ".join(unescape(re.sub(r"<[^>]*>", "", said[1])).split()) if said else ""
    tidied = nodes.raw("", tidy_output(CAPTION.sub("", html)), format="html")
    if text:
        tidied = captioned("", caption_line("", text), tidied, kind="Table", classes=["ranking-table"])
    raw.replace_self(tidied)


def _attach(line: nodes.paragraph) -> None:
    """Make a line the caption of the table below it or of the image above it."""
    kind = LINE.match(line.astext())[1]  # type: ignore[index]
    place = line.parent.index(line)
    beside = (
        line.parent.children[place + 1 : place + 2] if kind == "Table" else line.parent.children[:place][-1:]
    )
    found = next((node for part in beside for node in part.findall(_is_shown[kind])), None)
    if found is None:
        where = "above a table" if kind == "Table" else "below an image"
        said = f"a line that begins {kind + ':'!r} is a caption, and must stand {where}"
        logger.warning(said, location=line, type="bookwork", subtype="caption")
        return
    line.children[0] = nodes.Text(LINE.sub("", line.children[0], count=1))
    caption = caption_line("", "", *line.children)
    line.parent.remove(line)
    if isinstance(found.parent, captioned):
        found.parent.children[0].replace_self(caption)
        return
    before = found.parent if kind == "Figure" else found  # a paragraph that holds nothing else
    parent, place = before.parent, before.parent.index(before)
    parent.remove(before)
    if kind == "Table":
        made = captioned("", caption, found, kind=kind, classes=["ranking-table"])
    else:
        made = captioned("", found, caption, kind=kind, classes=["ranking-figure"])
    parent.insert(place, made)


_is_shown = {
    "Table": lambda node: isinstance(node, nodes.table) or _is_table_output(node),
    "Figure": lambda node: isinstance(node, nodes.image) and len(node.parent.children) == 1,
}


def visit_captioned(translator: Any, node: captioned) -> None:
    """Open it."""
    translator.body.append(translator.starttag(node, "figure", ""))


def depart_captioned(translator: Any, node: captioned) -> None:
    """Close it."""
    translator.body.append("</figure>\n")


def visit_caption_line(translator: Any, node: caption_line) -> None:
    """Open it."""
    translator.body.append(translator.starttag(node, "figcaption", "") + "<p>")


def depart_caption_line(translator: Any, node: caption_line) -> None:
    """Close it."""
    translator.body.append("</p></figcaption>\n")


def mend_tables(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Make the tables that Markdown gave tidy."""
    if "body" in context:
        context["body"] = tidy_markdown(context["body"])


def connect(app: Sphinx) -> None:
    """Called by the extension."""
    app.add_env_collector(Numbers)
    app.add_node(captioned, html=(visit_captioned, depart_captioned))
    app.add_node(caption_line, html=(visit_caption_line, depart_caption_line))
    app.connect("html-page-context", mend_tables)
