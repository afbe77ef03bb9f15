"""Code in colours, with an element only where there is one: most tokens of a chapter are plain."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from pygments.formatters import HtmlFormatter
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Token
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

PLAIN = {Token, Text, Text.Whitespace, Name, Name.Other, Name.Namespace, Punctuation, Operator}
SAME = {
    Comment: Comment.Single,
    Keyword: Keyword,
    Name.Builtin: Name.Builtin,
    Number: Number.Integer,
    Operator.Word: Keyword,
    String: String.Double,
}
"""Kinds of tokens of which all have one colour, and the kind that stands for them."""


def shown_as(kind: Any) -> Any:
    """The kind of token that stands for one in a page; plain text for what has the colour of text."""
    if kind in PLAIN:
        return Text
    return next((stands for whole, stands in SAME.items() if kind in whole), kind)


def merged(tokens: Iterable[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
    """The same text in as few tokens as its colours need."""
    shown = ((shown_as(kind), text) for kind, text in tokens)
    for kind, run in groupby(shown, key=lambda token: token[0]):
        yield kind, "".join(text for _, text in run)


class LeanFormatter(HtmlFormatter):
    """HTML of code, with few elements."""

    def format_unencoded(self, tokensource: Iterable[tuple[Any, str]], outfile: Any) -> None:
        """Write it."""
        super().format_unencoded(merged(tokensource), outfile)

    def wrap(self, source: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Without the empty element with which Pygments begins a block."""
        for is_code, text in super().wrap(source):
            yield is_code, text if is_code else text.replace("<span></span>", "")


def setup(app: Sphinx) -> None:
    """Let Sphinx format code so."""
    PygmentsBridge.html_formatter = LeanFormatter
