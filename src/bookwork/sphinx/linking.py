"""Text of a page that may become a link, and the links that it becomes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx import addnodes

NO_PLACE = (
    nodes.title,
    nodes.reference,
    addnodes.pending_xref,
    nodes.literal,
    nodes.FixedTextElement,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.comment,
    nodes.term,
    addnodes.desc,
    addnodes.toctree,
)
"""What a reader takes as a whole, is a link already, or is no text of the page's author."""


@dataclass(frozen=True)
class Place:
    """A section of a page: where a link leads."""

    page: str
    anchor: str = ""


Link = tuple[int, int, nodes.reference]
"""Where in a text a link begins and ends, and the link."""


def inside(node: nodes.Node, *kinds: type[nodes.Node]) -> bool:
    """Whether a node lies in one of these kinds."""
    above = node.parent
    while above is not None:
        if isinstance(above, kinds):
            return True
        above = above.parent
    return False


def above(node: Any, kind: type[nodes.Element]) -> Any:
    """The nearest node of a kind around a node, itself included; None if there is none."""
    while node is not None and not isinstance(node, kind):
        node = node.parent
    return node


def anchor_of(node: nodes.Node) -> str:
    """The anchor of the section around a node; the first one of a page needs none."""
    section = above(node, nodes.section)
    outermost = section is None or isinstance(section.parent, nodes.document)
    return "" if outermost else section["ids"][0]


def takes_links(node: nodes.Node, *without: type[nodes.Node]) -> bool:
    """Whether a part of a page may become a link; none in a card of a grid, which may be one as a whole."""
    if inside(node, *NO_PLACE, *without):
        return False
    while node is not None and "sd-card" not in getattr(node, "attributes", {}).get("classes", []):
        node = node.parent
    return node is None


def texts(document: nodes.Element, *without: type[nodes.Node]) -> Iterator[nodes.Text]:
    """The running text of a page, in order."""
    return (text for text in list(document.findall(nodes.Text)) if takes_links(text, *without))


def folded(document: nodes.Element) -> set[nodes.Node]:
    """The texts of a page that lie between <details> and </details>, which readers may never open."""
    found: set[nodes.Node] = set()
    depth = 0
    for node in document.findall():
        if isinstance(node, nodes.raw):
            depth += node.astext().count("<details") - node.astext().count("</details")
        elif depth > 0 and isinstance(node, nodes.Text) and not isinstance(node.parent, nodes.raw):
            found.add(node)
    return found


def link(text: str, address: str, kind: str) -> nodes.reference:
    """A link inside the book, of a class that says what it leads to."""
    return nodes.reference("", text, internal=True, refuri=address, classes=[kind])


def set_links(document: nodes.Element, find: Callable[[nodes.Text], list[Link]], *without: type) -> None:
    """Put links into the running text of a page; ``find`` gives those of a text, in order."""
    for text in texts(document, *without):
        if found := find(text):
            said, parts, done = text.astext(), [], 0
            for start, end, reference in found:
                parts += [nodes.Text(said[done:start]), reference]
                done = end
            parts.append(nodes.Text(said[done:]))
            text.parent.replace(text, [part for part in parts if part.astext()])
