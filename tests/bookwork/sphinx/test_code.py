from __future__ import annotations

import re

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.highlighting import PygmentsBridge

import bookwork.sphinx.code
from bookwork.sphinx.code import LeanFormatter

CODE = '''@cache
def rate(x: float, *, scale=0.5) -> str:
    """Two
    lines."""
    return f"{x!r:>3} and {scale}" if x is not None else "no" "ne"  # a remark
'''


def text_of(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def test_code_is_the_same_text_in_less_than_half_of_the_elements():
    stock = highlight(CODE, PythonLexer(), HtmlFormatter())
    lean = highlight(CODE, PythonLexer(), LeanFormatter())
    assert text_of(lean) == text_of(stock)
    assert lean.count("<span") <= stock.count("<span") / 2


def test_only_what_has_a_colour_is_an_element():
    lean = highlight(CODE, PythonLexer(), LeanFormatter())
    assert set(re.findall(r'class="(\w+)"', lean)) == {"highlight", "k", "nd", "nf", "s2", "mi", "nb", "c1"}
    assert "x is not None" in re.sub(r"</?span[^>]*>", "", lean)
    assert "<span></span>" not in lean


def test_sphinx_formats_code_so():
    stock = PygmentsBridge.html_formatter
    try:
        bookwork.sphinx.code.setup(None)
        assert "<span></span>" not in PygmentsBridge("html").highlight_block("x = 1", "python")
    finally:
        PygmentsBridge.html_formatter = stock
