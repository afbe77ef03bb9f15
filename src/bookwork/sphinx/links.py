"""Everything on a page that names something leads to it: what belongs to that, and its settings."""

from typing import Any

from sphinx.application import Sphinx

from bookwork.sphinx import cards, mentions, references, terms

SETTINGS: dict[str, Any] = {
    "bookwork_code_not_linked": [],  # names in inline code that are no function of the book
    "bookwork_ids": {},  # pages of spans with an id, links wherever named; what a card calls one
    "bookwork_phrases": {},  # what a text calls a page, and that page
    "bookwork_terms_most": 25,  # links to the glossary on a page
    "bookwork_terms_not_linked": [],  # everyday words, and phrases in which a term is none
    "bookwork_terms_not_on": [],  # patterns of pages without links to the glossary
}
"""Values of the configuration and their defaults; all may be left out."""


def setup(app: Sphinx) -> None:
    """Called by :func:`bookwork.sphinx.setup`."""
    for name, default in SETTINGS.items():
        app.add_config_value(name, default, "env", type(default))
    for part in (mentions, references, terms, cards):
        part.connect(app)
