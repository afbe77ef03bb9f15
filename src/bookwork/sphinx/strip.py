"""A strip under the title of a page: where in the book's subject it stands, and what lies beside it.

``bookwork_strip`` of the configuration lists the stages of what the book is about, each with a label, the
page that treats it (with an anchor, if it is a section) and the parts that have pages of their own::

    bookwork_strip:
      - { label: retrieval, page: "01_funnel/index#retrieval" }
      - label: ranking
        parts:
          - { label: calibration, page: 03_calibration/index }

Pages beside one that is named, in the same folder, belong to it. Other pages have no strip.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from posixpath import dirname
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from bookwork.grading.editions import NAME as EXERCISES
from bookwork.sphinx.numbering import prefix_of
from bookwork.sphinx.reading import Reading, pages_of

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


class Strip:
    """The strip of one page."""

    def __init__(self, app: Sphinx, docname: str) -> None:
        self.app, self.docname = app, docname
        self.stages: Sequence[Stage] = app.config.bookwork_strip
        self.here = standing(self.stages, docname)

    def html(self) -> str:
        """All of it; empty for a page that has no place in it."""
        if not self.here:
            return ""
        minutes = pages_of(self.app.env)[self.docname].minutes
        thinking = self.docname.endswith(f"/{EXERCISES}")  # of which no page can tell how much is left
        left = 0 if thinking else minutes
        chain = "".join(self._stage(stage) for stage in self.stages)
        beside = "".join(f"<li>{part}</li>" for part in self._beside(minutes))
        return (
            f'<nav class="ranking-strip" aria-label="Place in the book" data-minutes="{left}">'
            f'<ol class="ranking-chain">{chain}</ol><ul class="ranking-beside">{beside}</ul></nav>'
        )

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

    def _beside(self, minutes: int) -> Iterator[str]:
        """How long, then links: to the chapter, its exercises and quiz, the chapters before and after."""
        rounded = max(5, 5 * round(minutes / 5)) if minutes > 5 else minutes
        time = f"about {rounded} minute{'' if rounded == 1 else 's'}"
        order = list(dict.fromkeys(page_of(stage) for stage in entries(self.stages) if page_of(stage)))
        chapter = next(page for page in order if page in self.here)
        exercises = f"{dirname(chapter)}/{EXERCISES}"
        beside = self.docname == exercises != chapter  # its neighbours are of its kind
        yield f'<span class="ranking-minutes">{"exercises: " if beside else ""}{time}</span>'
        if self.docname != chapter:
            yield f'<a href="{self._to(chapter)}">chapter</a>'
        if exercises in self.app.env.found_docs and self.docname != exercises:
            yield f'<a href="{self._to(exercises)}">exercises</a>'
        if quiz := pages_of(self.app.env)[chapter].quiz:
            yield f'<a href="{self._to(chapter, quiz)}">quiz</a>'
        place = order.index(chapter)
        for said, other in (("←", order[:place][-1:]), ("→", order[place + 1 :][:1])):
            for page in other:
                its = f"{dirname(page)}/{EXERCISES}"
                yield self._neighbour(said, its if beside and its in self.app.env.found_docs else page)

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
