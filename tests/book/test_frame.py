"""The frame around the text: numbers and captions, tables, margins, the strip, phones."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from small_course import NAME
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


class TestStrip:
    """The strip under the title, and how far one has read."""

    pages = "sample"

    def test_it_says_where_one_is_and_leads_on(self, book):
        strip = parsed(book, "second").select_one("h1 + .ranking-strip")
        assert strip["data-minutes"] == "12"
        chain = {link.get_text(): link["href"] for link in strip.select(".ranking-chain a")}
        assert chain == {"a widget": "#a-widget", "small exercises": f"{NAME}/exercises.html"}
        assert [link.get_text() for link in strip.select("[aria-current=page]")] == ["a widget"]
        assert strip.select_one(".ranking-chain > li > span").get_text() == "more"
        beside = [(part.get_text(), part.get("href")) for part in strip.select(".ranking-beside > li > *")]
        assert beside == [("about 10 minutes", None), ("Small exercises →", f"{NAME}/exercises.html")]

    def test_exercises_lead_back(self, book):
        strip = parsed(book, f"{NAME}/exercises").select_one(".ranking-strip")
        assert strip["data-minutes"] == "10"  # two of five
        back = strip.select(".ranking-beside a")
        assert [(link.get_text(), link["href"]) for link in back] == [
            ("← 2. A second page", "../second.html")
        ]

    def test_a_page_without_place_has_none(self, book):
        assert parsed(book, "intro").select(".ranking-strip") == []

    def test_the_bar_grows_and_paper_has_none(self, reader):
        with reader.tab(NARROW) as (page, log):
            reader.open(page, NARROW, "second.html")
            bar = page.locator(".ranking-progress")
            wide = "document.querySelector('.ranking-progress').getBoundingClientRect().width"
            assert page.evaluate(wide) == 0
            page.evaluate("scrollTo(0, document.body.scrollHeight / 3)")
            page.wait_for_function(f"{wide} > 50", timeout=5_000)
            assert page.evaluate(wide) < 300
            assert page.locator(".ranking-left").inner_text() in ("7 min left", "8 min left")
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            page.wait_for_function(f"{wide} > 380", timeout=5_000)
            strip = page.locator(".ranking-strip")
            assert strip.bounding_box()["height"] < 60  # one line
            page.emulate_media(media="print")
            assert not bar.is_visible()
            assert not strip.is_visible()
            assert log.errors == []
