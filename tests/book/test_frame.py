"""The frame around the text: numbers and captions, tables, margins, the strip, phones."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from visits import SETTINGS

WIDE, NARROW = SETTINGS

pytestmark = pytest.mark.browser


def parsed(book: Path, name: str) -> BeautifulSoup:
    """The HTML of a page."""
    return BeautifulSoup((book / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


class TestNumbers:
    """Captions and numbers of the sample book."""

    pages = "sample"

    def test_figures_and_tables_are_numbered_in_the_order_of_the_page(self, book):
        second = parsed(book, "second")
        captions = {
            figure["id"]: " ".join(figure.find("figcaption").get_text().split())
            for figure in second.find_all("figure", id=True)
        }
        assert captions == {
            "figure-2-1": "Figure 2.1 A drawn line, as in Figure 2.2",
            "table-2-1": "Table 2.1 What each row says",
            "figure-2-2": "Figure 2.2 What sampling does to a rate.",
            "table-2-2": "Table 2.2 Nine columns, wider than a phone, by row",
            "table-2-3": "Table 2.3 Rates",
        }
        assert second.select_one("#figure-2-1 > img")["alt"] == "A line that rises"
        assert len(second.select("#table-2-2 table")) == len(second.select("#table-2-3 table")) == 1
        assert "Table:" not in second.get_text()

    def test_a_page_whose_title_has_no_number_has_captions_without(self, book):
        intro = parsed(book, "intro")
        assert intro.find("figcaption").get_text().strip().startswith("Log loss")
        assert intro.find(class_="ranking-number") is None
