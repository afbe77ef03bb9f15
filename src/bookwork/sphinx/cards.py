"""Cards: what a term or a claim says, shown by ``assets/js/terms.js`` where a text links to it.

A page holds the definitions of what it links to, in one template, which costs nothing until a card is shown.
"""

from html import escape
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookwork.sphinx.linking import Place, above, link

CARDED = {"ranking-term", "ranking-id"}


class Definitions:
    """What stands at places of a book: definitions of a glossary, texts of rows that an id begins."""

    def __init__(self, env: BuildEnvironment) -> None:
        self.env = env
        self.pages: dict[str, dict[str, nodes.Element]] = {}

    def __call__(self, place: Place) -> list[nodes.Node]:
        """The nodes of a definition, none if there is none."""
        if place.page not in self.pages:
            elements = self.env.get_doctree(place.page).findall(nodes.Element)
            self.pages[place.page] = {
                name: element for element in elements for name in element.get("ids", [])
            }
        named = self.pages[place.page].get(place.anchor)
        if isinstance(named, nodes.term):
            return named.parent.children[-1].children
        row = above(named, nodes.row)
        if row is None or len(row.children) < 2:
            return []
        _, says, *more = row.children
        heads = above(row, nodes.tgroup).next_node(nodes.row).children[2:]
        return [*says.children, *(beside(*both) for both in zip(heads, more, strict=True))]

    def title(self, place: Place) -> str:
        """A term as it stands there; an id as ``bookwork_ids`` calls it, its kind the anchor's first word."""
        named = self.pages[place.page][place.anchor]
        said = self.env.config.bookwork_ids.get(place.page) if isinstance(named, nodes.inline) else None
        called: str = (said or "{id}").format(id=named.astext(), kind=place.anchor.partition("-")[0])
        return called[:1].upper() + called[1:] if said else called

    def linked(self, place: Place) -> set[str]:
        """The pages that a definition links to."""
        links = (xref for node in self(place) for xref in node.findall(addnodes.pending_xref))
        return {xref["reftarget"] for xref in links}


def beside(head: nodes.Element, cell: nodes.Element) -> nodes.paragraph:
    """A further column of an id's row, in one line after its heading."""
    said = head.astext()
    line = nodes.paragraph("", f"{said[:1].upper()}{said[1:]}: ")
    line += [part.deepcopy() for block in cell.children for part in block.children]
    return line


class term_cards(nodes.General, nodes.Element):
    """The cards of a page.

    Its children are resolved as those of the page are, then kept apart, so that no search finds them here.
    """


class term_card(nodes.General, nodes.Element):
    """One of them."""


def visit_cards(translator: Any, node: term_cards) -> None:
    """Write the cards."""
    translator.body.append('<template class="ranking-cards">')
    for card in node["cards"]:
        card.walkabout(translator)
    translator.body.append("</template>\n")


def depart_cards(translator: Any, node: term_cards) -> None:
    """All is written."""


def visit_card(translator: Any, node: term_card) -> None:
    """Open a card, under the anchor of what it is about."""
    translator.body.append(f'<div data-for="{escape(node["anchor"])}">')


def depart_card(translator: Any, node: term_card) -> None:
    """Close it."""
    translator.body.append("</div>")


class SetCards(SphinxPostTransform):
    """Add the cards of all that a page links to, before references are resolved: theirs are, too."""

    default_priority = 7
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Each card begins with a link to the entry."""
        define, cards = Definitions(self.env), term_cards()
        linked = [
            one for one in self.document.findall(nodes.reference) if CARDED.intersection(one["classes"])
        ]
        for place, reference in {one["place"]: one for one in linked}.items():
            if nodes_of := define(place):
                head = nodes.paragraph(
                    "", "", link(define.title(place), reference["refuri"], "ranking-entry")
                )
                cards += term_card("", head, *(node.deepcopy() for node in nodes_of), anchor=place.anchor)
        for xref in list(cards.findall(addnodes.pending_xref)):
            xref["refdoc"] = self.env.docname
            if xref["reftarget"] == self.env.docname and not xref.get("reftargetid"):
                xref.parent.replace(xref, nodes.Text(xref.astext()))  # to the page that one is on
        if cards.children:
            self.document += cards


class KeepCardsApart(SphinxPostTransform):
    """When all is resolved, keep the cards where only the page's writer finds them."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Turn children into an attribute."""
        for cards in self.document.findall(term_cards):
            cards["cards"], cards.children = cards.children, []


def connect(app: Sphinx) -> None:
    """Called by the extension."""
    app.add_node(term_cards, html=(visit_cards, depart_cards))
    app.add_node(term_card, html=(visit_card, depart_card))
    app.add_post_transform(SetCards)
    app.add_post_transform(KeepCardsApart)
