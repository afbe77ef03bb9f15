"""Search over the sections of a book, with their whole text, that works without a server.

While pages are read, the text of each section, each term of a glossary and each documented function is noted.
All of it goes into one classic script, which the search page alone loads: browsers let a page of ``file://``
load scripts and nothing else. ``assets/search/search.js`` finds words there by their stems, and Chinese by
any of its characters; ``assets/js/found.js`` marks on the page what was looked for. Sphinx makes no index of
its own: only its stemmer is used.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.search import IndexBuilder

from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.offline import ASSETS, FOLDER, write

PAGE = "search"
SCRIPTS = ("stemmer.js", "sections.js", "search.js")
"""Of the search page, below ``_static`` in the folder of this extension."""

UNUSED = ("searchtools.js", "language_data.js")  # of Sphinx's own search, which it copies all the same

Section = list[str]  # anchor, heading, prose, and what stands as code or output
UNSAID = (nodes.Invisible, nodes.raw, nodes.image, nodes.math_block, addnodes.toctree, nodes.system_message)
IMPORT = re.compile(r"^(?:from \S+ )?import (?:\([^)]*\)|.*)$", re.MULTILINE)
"""Lines of code that say nothing about a section; examples of a language that has none keep all of theirs."""
HEADINGS = (nodes.title, nodes.term, addnodes.desc_signature)


def sections(doctree: nodes.Element, title: str) -> list[Section]:
    """The sections of a page, in their order; the first is the page itself."""
    entries: list[Section] = [["", title, "", ""]]
    _gather(doctree, entries, entries[0])
    for entry in entries:
        entry[2:] = [" ".join(text.split()) for text in entry[2:]]
    return [entry for entry in entries if entry[0] or entry[2] or entry[3]]


def _gather(node: nodes.Element, entries: list[Section], entry: Section) -> None:
    """Add what stands below a node to its entry, or to entries of its own."""
    for child in node.children:
        if isinstance(child, UNSAID) or not isinstance(child, nodes.Element):
            continue
        if begun := _begun_by(child):
            if entries[0][0] == "" and isinstance(child, nodes.section):  # the page's own title
                entries[0][0] = begun[0]
                _gather(child, entries, entries[0])
            else:
                entries.append(begun)
                _gather(child, entries, begun)
        elif isinstance(child, nodes.literal_block):
            entry[3] += " " + IMPORT.sub("", child.astext())
        elif isinstance(child, HEADINGS) and _begun_by(node):
            continue
        elif isinstance(child, nodes.container) and child.get("nb_element") == "mime_bundle":
            for figure in child.findall(page_figure):  # of tables and pictures, only captions are text
                _gather(figure, entries, entry)
        elif isinstance(child, nodes.TextElement):
            entry[2] += " " + "".join(_words(child))
        else:
            _gather(child, entries, entry)


def _begun_by(node: nodes.Element) -> Section | None:
    """The entry that begins with a node, empty yet; None if none does."""
    head: nodes.Element | None = None
    if isinstance(node, nodes.section):
        head = node
        heading = node.next_node(nodes.title)
    elif isinstance(node, (nodes.definition_list_item, addnodes.desc)):
        kind = nodes.term if isinstance(node, nodes.definition_list_item) else addnodes.desc_signature
        head = heading = node.next_node(kind)
    if head is None or heading is None or not head["ids"]:
        return None
    name = heading.get("fullname") or "".join(_words(heading))
    return [head["ids"][0], " ".join(name.split()), "", ""]


def _words(element: nodes.Element) -> Iterator[str]:
    """What an element says, without markup; of formulas only those that are words themselves."""
    for text in element.findall(nodes.Text):
        if isinstance(text.parent, nodes.raw):
            yield " "  # a break of the line, as HTML and as LaTeX
            continue
        formula = isinstance(text.parent, nodes.math)
        yield "…" if formula and not text.astext().isalnum() else text.astext()


class Sections(EnvironmentCollector):
    """Keeps the sections of each page with what Sphinx remembers of it."""

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Note those of a page that has been read."""
        name = app.env.docname
        if "nosearch" not in app.env.metadata.get(name, {}):
            kept(app.env)[name] = sections(doctree, app.env.titles[name].astext())

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
    ) -> None:
        """Take over what another process has read."""
        kept(env).update({name: kept(other)[name] for name in docnames if name in kept(other)})

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a page."""
        kept(env).pop(docname, None)


def kept(env: BuildEnvironment) -> dict[str, list[Section]]:
    """Sections of all pages that have been read."""
    if not hasattr(env, "bookwork_sections"):
        env.bookwork_sections = {}  # type: ignore[attr-defined]
    return env.bookwork_sections  # type: ignore[attr-defined]


def take_over(app: Sphinx) -> None:
    """Let Sphinx make neither its index nor its page: both are made here."""
    if app.builder.format == "html":
        app.builder.search = False  # type: ignore[attr-defined]


def search_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The page itself, and what it loads."""
    if app.builder.name not in ("html", "dirhtml"):
        return
    env, config = app.env, app.config
    language = config.html_search_language or config.language
    index = IndexBuilder(env, language, config.html_search_options, config.html_search_scorer)
    order = [*env.collect_relations(), *sorted(env.found_docs)]  # as the contents have them
    names = [name for name in dict.fromkeys(order) if kept(env).get(name)]
    pages = [
        {
            "uri": app.builder.get_target_uri(name),
            "title": env.titles[name].astext(),
            "sections": kept(env)[name],
        }
        for name in names
    ]
    data = {"stopwords": sorted(index.lang.stopwords), "pages": pages}
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    texts = {
        "stemmer.js": index.get_js_stemmer_code(),
        "sections.js": f"globalThis.bookSections = {packed};\n",
        "search.js": (ASSETS / "search" / "search.js").read_text(encoding="utf-8"),
    }
    folder = Path(app.outdir) / "_static" / FOLDER
    for name, text in texts.items():
        write(folder / name, text.encode())
    for name in UNUSED:
        (folder.parent / name).unlink(missing_ok=True)
    yield PAGE, {"search_scripts": [f"_static/{FOLDER}/{name}" for name in SCRIPTS]}, "search.html"


def setup(app: Sphinx) -> None:
    """Connect all of it."""
    app.add_env_collector(Sections)
    app.connect("builder-inited", take_over)
    app.connect("html-collect-pages", search_page)
