"""A strip under the title of a page: where in the book's subject it stands, and what lies beside it.

``bookwork_strip`` of the configuration lists the stages of what the book is about, each with a label, the
page that treats it (with an anchor, if it is a section) and the parts that have pages of their own::

    bookwork_strip:
      - { label: retrieval, page: "01_funnel/index#retrieval" }
      - label: ranking
        parts:
          - { label: calibration, page: 03_calibration/index }

Pages beside one that is named, in the same folder, belong to it. Other pages have no strip.

A folder is a chapter: its ``index`` is the page that the others lead back to, named in the strip or not
(where there is none, the first page named). Numbered pages below it, "1.2 Retrieval" of "1. The funnel", have
each other for neighbours. A row of the index's table of minutes that bears the title of such a page says how
long that page takes, and is no part of the index's own minutes.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from html import escape
from posixpath import dirname
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from bookwork.grading.editions import NAME as EXERCISES
from bookwork.sphinx.numbering import prefix_of
from bookwork.sphinx.reading import Reading, pages_of

INDEX = "index"  # the page of a chapter's folder that leads to the others

Stage = Mapping[str, Any]

logger = logging.getLogger(__name__)


def entries(stages: Sequence[Stage]) -> Iterator[Stage]:
    """Stages and their parts, in order."""
    for stage in stages:
        yield stage
        yield from entries(stage.get("parts", ()))


def page_of(stage: Stage) -> str:
    """The page of a stage without its anchor, empty if it has none."""
    return str(stage.get("page", "")).partition("#")[0]


def standing(stages: Sequence[Stage], docname: str) -> set[str]:
    """The pages named in the strip that a page belongs to: itself, or those in its folder."""
    named = {page_of(stage) for stage in entries(stages)} - {""}
    beside = {page for page in named if dirname(page) and dirname(page) == dirname(docname)}
    return {docname} if docname in named else beside


def chapter_of(stages: Sequence[Stage], docname: str, found: Container[str]) -> str:
    """What leads to all of a page's folder: its index, else the first page named there, else itself."""
    index = f"{dirname(docname)}/{INDEX}"
    if not dirname(docname) or index in found:
        return index if dirname(docname) else docname
    beside = (page_of(stage) for stage in entries(stages))
    return next((page for page in beside if dirname(page) == dirname(docname)), docname)


class Strip:
    """The strip of one page."""

    def __init__(self, app: Sphinx, docname: str) -> None:
        self.app, self.docname = app, docname
        self.stages: Sequence[Stage] = app.config.bookwork_strip
        self.here = standing(self.stages, docname)
        self.chapter = chapter_of(self.stages, docname, app.env.found_docs)

    def html(self) -> str:
        """All of it; empty for a page that has no place in it."""
        if not self.here:
            return ""
        minutes, whole = self._minutes()
        thinking = self.docname.endswith(f"/{EXERCISES}")  # of which no page can tell how much is left
        left = 0 if thinking else minutes
        chain = "".join(self._stage(stage) for stage in self.stages)
        beside = "".join(f"<li>{part}</li>" for part in self._beside(minutes, whole))
        return (
            f'<nav class="ranking-strip" aria-label="Place in the book" data-minutes="{left}">'
            f'<ol class="ranking-chain">{chain}</ol><ul class="ranking-beside">{beside}</ul></nav>'
        )

    def _minutes(self) -> tuple[int, int]:
        """How long the page takes, and how long with all that its table of minutes says of other pages."""
        pages, titles = pages_of(self.app.env), self.app.env.titles
        own, of_chapter = pages[self.docname], pages[self.chapter].rows
        if self.docname != self.chapter:
            return (of_chapter.get(titles[self.docname].astext(), own.minutes),) * 2
        others = sum(of_chapter.get(titles[page].astext(), 0) for page in self._numbered())
        return own.minutes - others, own.minutes

    def _numbered(self) -> list[str]:
        """The pages of the chapter that go on with its number, in the order of the contents."""
        titles = self.app.env.titles
        begin = f"{prefix_of(titles[self.chapter].astext())}."
        below = self.app.env.toctree_includes.get(self.chapter, ())
        return [page for page in below if begin != "." and prefix_of(titles[page].astext()).startswith(begin)]

    def _stage(self, stage: Stage) -> str:
        label = escape(str(stage["label"]))
        page, _, anchor = str(stage.get("page", "")).partition("#")
        if page:
            current = "page" if page == self.docname else "true"
            state = f' aria-current="{current}"' if page in self.here else ""
            label = f'<a href="{self._to(page, anchor)}"{state}>{label}</a>'
        else:
            label = f"<span>{label}</span>"
        parts = "".join(self._stage(part) for part in stage.get("parts", ()))
        return f"<li>{label}{f'<ol>{parts}</ol>' if parts else ''}</li>"

    def _beside(self, minutes: int, whole: int) -> Iterator[str]:
        """How long, then links: to the chapter, its exercises and quiz, and what lies before and after."""
        time = f"about {rounded(minutes)} minute{'' if minutes == 1 else 's'}"
        if whole != minutes:
            time += f" of {rounded(whole)}"
        exercises = f"{dirname(self.chapter)}/{EXERCISES}"
        thinking = self.docname == exercises != self.chapter
        yield f'<span class="ranking-minutes">{"exercises: " if thinking else ""}{time}</span>'
        if self.docname != self.chapter:
            yield f'<a href="{self._to(self.chapter)}">chapter</a>'
        if exercises in self.app.env.found_docs and self.docname != exercises:
            yield f'<a href="{self._to(exercises)}">exercises</a>'
        if quiz := pages_of(self.app.env)[self.chapter].quiz:
            yield f'<a href="{self._to(self.chapter, quiz)}">quiz</a>'
        order, here = self._kind(thinking)
        place = order.index(here)
        for said, other in (("←", order[:place][-1:]), ("→", order[place + 1 :][:1])):
            yield from (self._neighbour(said, page) for page in other)

    def _kind(self, thinking: bool) -> tuple[list[str], str]:
        """Pages of one kind in their order, and which of them is this one: its neighbours are of its kind."""
        numbered = self._numbered()
        if self.docname in numbered:
            return numbered, self.docname
        found = self.app.env.found_docs
        named = [page_of(stage) for stage in entries(self.stages) if page_of(stage)]
        chapters = list(dict.fromkeys(chapter_of(self.stages, page, found) for page in named))
        if not thinking:
            return chapters, self.chapter
        theirs = {page: f"{dirname(page)}/{EXERCISES}" for page in chapters}
        return [theirs[page] if theirs[page] in found else page for page in chapters], self.docname

    def _neighbour(self, arrow: str, page: str) -> str:
        title = self.app.env.titles[page].astext()
        number = prefix_of(title)
        if not title.startswith(number):  # E2 of "Exercises 2: title"
            number = title.partition(":")[0]
        whole = escape(title)
        if number:
            kind = '<span class="ranking-kind">chapter </span>' if number.isdecimal() else ""
            seen = f'{kind}{number}<span class="ranking-unseen">{whole.removeprefix(number)}</span>'
        else:
            seen = whole
        said = f"{arrow} {seen}" if arrow == "←" else f"{seen} {arrow}"
        return f'<a href="{self._to(page)}" title="{whole}">{said}</a>'

    def _to(self, page: str, anchor: str = "") -> str:
        same = page == self.docname and anchor
        address = "" if same else self.app.builder.get_relative_uri(self.docname, page)
        return escape(f"{address}#{anchor}" if anchor else address)


def rounded(minutes: int) -> int:
    """Minutes as one says them."""
    return max(5, 5 * round(minutes / 5)) if minutes > 5 else minutes


def check(app: Sphinx, env: Any) -> None:
    """Warn of a page that the strip names and the book lacks."""
    for stage in entries(app.config.bookwork_strip):
        if page_of(stage) and page_of(stage) not in env.found_docs:
            said = f"bookwork_strip names a page that the book lacks: {page_of(stage)!r}"
            logger.warning(said, type="bookwork", subtype="strip")


def insert(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the strip below the title of a page."""
    if app.builder.format != "html" or not app.config.bookwork_strip:
        return
    title = next(doctree.findall(nodes.title), None)
    if title is not None and (html := Strip(app, docname).html()):
        title.parent.insert(title.parent.index(title) + 1, nodes.raw("", html, format="html"))


def connect(app: Sphinx) -> None:
    """Called by the extension."""
    app.add_env_collector(Reading)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", insert)
