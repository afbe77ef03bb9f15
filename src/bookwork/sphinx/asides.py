"""Asides: quotations that begin with bold words, which stand in the margin where there is room."""

from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class Asides(SphinxPostTransform):
    """``> **A slip in the source.** …`` is no quotation, whatever Markdown calls it."""

    default_priority = 400
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Make each of them a part of its own kind."""
        for quote in list(self.document.findall(nodes.block_quote)):
            first = quote.children[0] if quote.children else None
            words = first.children if isinstance(first, nodes.paragraph) else []
            if next((isinstance(word, nodes.strong) for word in words if word.astext()), False):
                quote.replace_self(nodes.container("", *quote.children, classes=["ranking-aside"]))
