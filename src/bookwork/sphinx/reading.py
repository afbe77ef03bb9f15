"""How long a page takes to read, and where its quiz stands: noted as each page is read."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector

from bookwork.grading.editions import PROMISE
from bookwork.sphinx.nodes import page_figure

MINUTES = "minutes"  # of a page's metadata, and at the head of a column that is added up
WORDS, LINES = 200, 15  # of text and of code that one reads in a minute
QUIZ = 'data-module="quiz"'


class Page(NamedTuple):
    """What the frame of other pages says of one."""

    minutes: int
    quiz: str  # anchor of the section with the quiz, empty if there is none
    rows: Mapping[str, int] = {}  # of its table of minutes, by what each names: sections, or other pages


class Reading(EnvironmentCollector):
    """Keeps a :class:`Page` for each page of the book."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a page."""
        pages_of(env).pop(docname, None)

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
    ) -> None:
        """Take over what another process has read."""
        found = pages_of(other)
        pages_of(env).update({name: found[name] for name in docnames if name in found})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Note it."""
        said = app.env.metadata[app.env.docname].get(MINUTES)
        minutes = int(said) if said else told(doctree) or counted(doctree)
        pages_of(app.env)[app.env.docname] = Page(minutes, quiz_of(doctree), dict(rows_of(doctree)))


def pages_of(env: BuildEnvironment) -> dict[str, Page]:
    """All pages read so far."""
    if not hasattr(env, "bookwork_pages"):
        env.bookwork_pages = {}  # type: ignore[attr-defined]
    return env.bookwork_pages  # type: ignore[attr-defined]


def rows_of(doctree: nodes.document) -> Iterator[tuple[str, int]]:
    """What the tables of minutes on a page name, and how long each of it takes; a total is left out."""
    for table in doctree.findall(nodes.table):
        rows = [list(row.findall(nodes.entry)) for row in table.findall(nodes.row)]
        if rows and rows[0] and rows[0][-1].astext().strip().lower() == MINUTES:
            said = [(row[0].astext().strip(), re.match(r"\d+", row[-1].astext())) for row in rows[1:]]
            named = [(name, int(found[0])) for name, found in said if found]
            ends_in_total = len(named) > 1 and named[-1][1] == sum(minutes for _, minutes in named[:-1])
            yield from named[:-1] if ends_in_total else named


def told(doctree: nodes.document) -> int:
    """Minutes that a page names: in a table whose last column holds them, or exercise by exercise."""
    total = sum(minutes for _, minutes in rows_of(doctree))
    if not total:
        texts = (f"*{part.astext()}*" for part in doctree.findall(nodes.emphasis))
        total = sum(int(found[2]) for text in texts if (found := PROMISE.fullmatch(text)))
    return total


def counted(doctree: nodes.document) -> int:
    """Minutes by the words of its text and the lines of its code, at least one."""
    words = sum(len(part.astext().split()) for part in doctree.findall(nodes.paragraph))
    lines = sum(part.astext().count("\n") + 1 for part in doctree.findall(nodes.literal_block))
    return max(1, round(words / WORDS + lines / LINES))


def quiz_of(doctree: nodes.document) -> str:
    """Anchor of the section in which a quiz stands."""
    for figure in doctree.findall(page_figure):
        if QUIZ in figure["body"]:
            section = figure.parent
            while section is not None and not isinstance(section, nodes.section):
                section = section.parent
            return str(section["ids"][0]) if section is not None else ""
    return ""
