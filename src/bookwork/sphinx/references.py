"""Claims, chapters, exercises and functions that a text names lead to them, and these lead back.

A text names a claim by its id ("claim C5"), where ``bookwork_ids`` names the page of spans that have ids; a
page by the number in its title ("chapters 2 and 3", "section 1.2", "exercises 5", "appendix 2", "exercise
2.5"); a figure or table by its number; any page by a phrase of ``bookwork_phrases``; and a function of the
API in inline code. The first mention in a section is a link.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookwork.sphinx.linking import Link, Place, above, anchor_of, link, set_links, takes_links
from bookwork.sphinx.mentions import Mentions, found, id_pattern
from bookwork.sphinx.naming import Names, singular

MOST_PLACES = 3
FIGURE = "ranking-figure-link"
AND = re.compile(r"(?:,\s+(?:and\s+|or\s+)?|\s+(?:and|or|to)\s+|–)(\d+(?:\.\d+)?)(?![\d%])")


def number_pattern(names: Names) -> re.Pattern[str]:
    """Finds a word and a number as those of pages and exercises."""
    words = {form for word, _ in names.numbered for form in forms(word)}
    longest = sorted(words, key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(longest) or '(?!)'})\s+(\d+(?:\.\d+)?)(?![\d%])", re.IGNORECASE)


def forms(word: str) -> tuple[str, ...]:
    """A word as it stands in a title, and its plural."""
    if word != singular(word):
        return (word,)
    return (word, f"{word[:-1]}ces") if word.endswith("ix") else (word, f"{word}s")


def numbers_in(said: str, names: Names, pattern: re.Pattern[str]) -> Iterator[tuple[int, int, Place]]:
    """The pages and exercises that a text names by number, "chapters 2 and 3" two of them."""
    for match in pattern.finditer(said):
        word, start, number = match[1].lower(), match.start(), match[2]
        more: re.Match[str] | None = match
        while more:
            for known in {word, singular(word)}:
                if (known, number) in names.numbered:
                    yield start, more.end(), names.numbered[known, number]
            more = AND.match(said, more.end()) if word != singular(word) else None
            if more:
                start, number = more.start(1), more[1]


class LinkReferences(SphinxPostTransform):
    """Set the links of a page, before references are resolved and after outputs of cells are chosen."""

    default_priority = 5
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Text, then code, then what leads back."""
        self.names, mentions = found(self.env)
        self.ids, self.numbers = id_pattern(self.names), number_pattern(self.names)
        self.phrases, self.figures = phrase_pattern(self.names.phrases), phrase_pattern(self.names.figures)
        self.said: set[tuple[str, Place]] = set()
        set_links(self.document, self.links)
        self.link_code()
        self.lead_back(mentions)

    def links(self, text: nodes.Text) -> list[Link]:
        """The links of a text, none of a number at the head of its own caption."""
        if "ranking-number" in text.parent.get("classes", []):
            return []
        links: list[Link] = []
        section, end = anchor_of(text), 0
        for first, last, place, kind in sorted(self.named(text.astext(), text), key=lambda one: one[:2]):
            elsewhere = place.page != self.env.docname or kind == FIGURE
            if first >= end and elsewhere and (section, place) not in self.said:
                self.said.add((section, place))
                node = link(text.astext()[first:last], self.address(place), kind)
                node["place"] = place
                links.append((first, last, node))
            end = max(end, last)
        return links

    def named(self, said: str, text: nodes.Text) -> Iterator[tuple[int, int, Place, str]]:
        """What a text names: where, what, and the class of the link."""
        for match in self.ids.finditer(said):
            yield match.start(), match.end(), self.names.ids[match[0]], "ranking-id"
        for match in self.phrases.finditer(said):
            yield match.start(), match.end(), self.names.phrases[plain(match[0])], "ranking-page"
        for match in self.figures.finditer(said):
            yield match.start(), match.end(), self.names.figures[plain(match[0])], FIGURE
        for start, end, place in numbers_in(said, self.names, self.numbers):
            yield start, end, place, "ranking-page"

    def link_code(self) -> None:
        """Link functions that inline code names."""
        if self.env.docname in self.names.described():
            return
        for code in list(self.document.findall(nodes.literal)):
            name = self.names.resolve(code.astext())
            if name and takes_links(code):
                place, section = self.names.objects[name], anchor_of(code)
                if (section, place) not in self.said:
                    self.said.add((section, place))
                    reference = link("", self.address(place), "ranking-code-link")
                    code.parent.replace(code, reference)
                    reference += code

    def lead_back(self, mentions: Mentions) -> None:
        """Say below a claim, and below a function, which pages name it."""
        if self.env.docname in self.config.bookwork_ids:
            for span in list(self.document.findall(nodes.inline)):
                if span["ids"] and mentions.ids.get(span.astext()):
                    row = above(span, nodes.row)
                    beside = row.children[-1] if row else span.parent.parent
                    beside += self.places("Named in", mentions.ids[span.astext()])
        for signature in self.document.findall(addnodes.desc_signature):
            for name in signature["ids"]:
                if places := mentions.objects.get(name):
                    said = "Taught in" if self.is_numbered(places[0]) else "Named in"
                    content = signature.parent[-1]
                    members = content.first_child_matching_class((addnodes.index, addnodes.desc))
                    content.insert(
                        len(content) if members is None else members,
                        self.places(said, places[:MOST_PLACES]),
                    )

    def is_numbered(self, place: Place) -> bool:
        """Whether a place is on a chapter or another page with a number."""
        return place.page in {one.page for one in self.names.numbered.values()}

    def places(self, said: str, places: Iterable[Place]) -> nodes.paragraph:
        """A line of links."""
        paragraph = nodes.paragraph("", classes=["ranking-named"])
        for place in places:
            paragraph += nodes.Text(f"{said} " if not paragraph.children else ", ")
            paragraph += link(self.names.labels[place.page], self.address(place), "ranking-page")
        return paragraph

    def address(self, place: Place) -> str:
        """Where a place is, seen from this page."""
        page = self.app.builder.get_relative_uri(self.env.docname, place.page)
        return f"{page}#{place.anchor}" if place.anchor else page


def plain(phrase: str) -> str:
    """A phrase in one line and in small letters."""
    return " ".join(phrase.lower().split())


def phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """Finds phrases, whatever their case and wherever their lines break."""
    longest = sorted((r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases), key=len)
    return re.compile(rf"\b(?:{'|'.join(longest[::-1]) or '(?!)'})\b", re.IGNORECASE)


def connect(app: Sphinx) -> None:
    """Called by the extension."""
    app.add_post_transform(LinkReferences)
