"""Terms of the book's glossary link to their entries at their first use on a page.

An entry such as "calibration 校准" is found by either name, whatever its case and number. What
``bookwork_terms_not_linked`` lists is left alone: everyday words, and phrases in which a term means something
else; so are the pages that match a pattern of ``bookwork_terms_not_on``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.matching import Matcher

from bookwork.sphinx.cards import Definitions
from bookwork.sphinx.linking import Link, folded, inside, link, set_links, texts
from bookwork.sphinx.mentions import found
from bookwork.sphinx.nodes import page_figure

NOT_IN = (
    nodes.table,
    nodes.figure,
    nodes.caption,
    nodes.topic,
    nodes.footnote,
    page_figure,
    addnodes.glossary,
)
CHINESE = re.compile(r"[\u3400-\u9fff]")


def surfaces(term: str) -> list[str]:
    """The names of an entry: "calibration 校准" has two."""
    return re.split(r"\s+(?=[\u3400-\u9fff])", term)


def form(name: str) -> str:
    """A pattern for a name: its plural, and any case unless it has capitals inside, as CTR has."""
    if CHINESE.search(name):
        return re.escape(name)
    words = r"\s+".join(map(re.escape, name.split()))
    plural = f"{words[:-1]}(?:y|ies)" if re.search(r"[^aeiou]y$", name) else f"{words}(?:s|es)?"
    case = "" if re.search(r"[A-Z]", name[1:]) else "i"
    return rf"(?{case}:(?<![\w-]){plural}(?![\w-]))" if case else rf"(?<![\w-]){plural}(?![\w-])"


class Finder:
    """Finds terms in a text, the longest first."""

    def __init__(self, terms: Iterable[str], never: Iterable[str]) -> None:
        left = {name.casefold() for name in never}
        named = [(name, term) for term in terms for name in surfaces(term) if name.casefold() not in left]
        self.forms = sorted(
            [*named, *((name, "") for name in never)], key=lambda one: len(one[0]), reverse=True
        )
        parts = (f"(?P<t{i}>{form(name)})" for i, (name, _) in enumerate(self.forms))
        self.pattern = re.compile("|".join(parts) or "(?!)")

    def __call__(self, text: str) -> Iterator[tuple[re.Match[str], str]]:
        """Each term of a text, with its entry."""
        for match in self.pattern.finditer(text):
            term = self.forms[int((match.lastgroup or "")[1:])][1]
            if term:
                yield match, term


class LinkTerms(SphinxPostTransform):
    """Link the first use of each term, as many as a page bears."""

    default_priority = 6  # after references, whose texts are taken
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Find which terms a page uses, choose among them, and link these."""
        names, page = found(self.env)[0], self.env.docname
        left = {place.page for place in names.terms.values()} | names.described()
        if page in left or Matcher(self.config.bookwork_terms_not_on)(page):
            return
        finder = Finder(names.terms, self.config.bookwork_terms_not_linked)
        away = folded(self.document)
        used: dict[str, None] = {}

        def terms_of(text: nodes.Text) -> list[tuple[re.Match[str], str]]:
            readable = inside(text, nodes.paragraph) and text not in away
            return list(finder(text.astext())) if readable else []

        def links(text: nodes.Text) -> list[Link]:
            linked: list[Link] = []
            for match, term in terms_of(text):
                if term in chosen:
                    chosen.remove(term)
                    place = names.terms[term]
                    address = f"{self.app.builder.get_relative_uri(page, place.page)}#{place.anchor}"
                    reference = link(match[0], address, "ranking-term")
                    reference["place"] = place
                    linked.append((match.start(), match.end(), reference))
            return linked

        for text in texts(self.document, *NOT_IN):
            used.update(dict.fromkeys(term for _, term in terms_of(text)))
        # What other pages teach comes first: a reader of this page may not know it.
        define = Definitions(self.env)
        here = {term for term in used if page in define.linked(names.terms[term])}
        chosen = {*sorted(used, key=here.__contains__)[: self.config.bookwork_terms_most]}
        set_links(self.document, links, *NOT_IN)


def connect(app: Sphinx) -> None:
    """Called by the extension."""
    app.add_post_transform(LinkTerms)
