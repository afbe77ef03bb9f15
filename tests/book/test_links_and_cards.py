"""What a page names leads to it, and what it means shows in a card: by pointer, by keyboard, by touch."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browser import PATIENCE
from playwright.sync_api import Page, expect
from visits import SETTINGS, Reader

WIDE, NARROW = SETTINGS
CARD = "#ranking-card"

pytestmark = pytest.mark.browser


def links(html: str, kind: str) -> list[tuple[str, str]]:
    """Address and text of all links of a class."""
    found = re.findall(rf'<a class="{kind} reference internal" href="([^"]+)">(.*?)</a>', html, re.DOTALL)
    return [(address, re.sub(r"<[^>]*>", "", text)) for address, text in found]


class TestNames:
    """Links of the sample book."""

    pages = "sample"

    @pytest.fixture
    def named(self, book) -> str:
        return (book / "named.html").read_text(encoding="utf-8")

    @pytest.fixture
    def claims(self, book) -> str:
        return (book / "reference" / "source_map.html").read_text(encoding="utf-8")

    @pytest.fixture
    def page(self, reader: Reader) -> Iterator[Page]:
        with reader.tab(WIDE) as (page, log):
            reader.open(page, WIDE, "named.html")
            yield page
        assert log.errors == []

    def test_a_term_links_at_its_first_use_only(self, named, claims):
        map_page = "reference/source_map.html"
        assert links(named, "ranking-term") == [
            (f"{map_page}#term-calibration", "calibration"),
            (f"{map_page}#term-CTR", "点击率"),
        ]
        assert links(claims, "ranking-term") == []

    def test_a_claim_leads_to_the_map_once_a_section_and_back(self, named, claims):
        assert links(named, "ranking-id") == [("reference/source_map.html#claim-c5", "C5")] * 2
        assert (
            '<a class="ranking-page reference internal" href="reference/source_map.html">source map</a>'
            in named
        )
        rows = {row[:2]: row for row in re.findall(r'id="claim-[^>]*>(.*?)</tr>', claims, re.DOTALL)}
        assert links(rows["C5"], "ranking-page") == [("../named.html", "chapter 1")]
        assert "Named in" not in rows["Z9"]

    def test_a_chapter_is_a_link_by_its_number_but_on_itself(self, named, claims):
        assert links(claims, "ranking-page")[0] == ("../named.html", "Chapter 1")
        assert "named.html" not in {address for address, _ in links(named, "ranking-page")}

    def test_a_figure_is_a_link_by_its_number_but_in_its_caption(self, book, named):
        assert links(named, "ranking-figure-link") == [("second.html#figure-2-1", "figure 2.1")]
        other = (book / "second.html").read_text(encoding="utf-8")
        assert links(other, "ranking-figure-link") == [("#figure-2-2", "Figure 2.2")]

    def test_code_leads_to_the_api_and_back(self, book, named):
        api = (book / "api.html").read_text(encoding="utf-8")
        assert links(named, "ranking-code-link") == [("api.html#ranking.calibration.calibrate", "calibrate")]
        entry = re.split(r'<dt class="sig', api.partition('id="ranking.calibration.calibrate">')[2])[0]
        assert links(entry, "ranking-page") == [("named.html", "chapter 1")]
        assert "Taught in" in entry

    def test_a_card_opens_under_a_resting_pointer_and_stays_while_it_is_read(self, page):
        page.locator("a.ranking-term").first.hover()
        card = page.locator(CARD)
        card.get_by_text("Turning scores into probabilities.").wait_for()
        card.get_by_role("link", name="A table").hover()
        page.wait_for_timeout(500)
        assert card.is_visible()
        page.locator("h1").last.hover()
        card.wait_for(state="hidden")

    def test_a_card_opens_on_focus_is_read_out_and_closes_with_escape(self, page):
        link = page.locator("a.ranking-id").first
        page.locator("a.ranking-page").first.focus()
        page.keyboard.press("Tab")
        assert link.evaluate("link => link === document.activeElement")
        card = page.locator(CARD)
        said = "Claim C5 of the source document", "The formula that leads back", "Where: A table"
        expect(card.locator("p")).to_have_text([*said], use_inner_text=True, timeout=PATIENCE)
        assert link.get_attribute("aria-describedby") == card.get_attribute("id")
        page.keyboard.press("Escape")
        assert not card.is_visible()
        assert link.get_attribute("aria-describedby") is None
        page.keyboard.press("Enter")
        page.wait_for_url("**/source_map.html#claim-c5")

    def test_the_first_tap_shows_the_second_one_follows(self, reader):
        context = reader.browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True)
        page = context.new_page()
        page.goto(f"{reader.address}/named.html")
        term, card = page.locator("a.ranking-term").last, page.locator(CARD)
        term.tap()
        card.wait_for()
        box = card.bounding_box()
        assert "Clicks divided by impressions." in card.inner_text()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.locator("h1").last.tap()
        card.wait_for(state="hidden")
        term.tap()
        term.tap()
        page.wait_for_url("**/source_map.html#term-CTR")
        context.close()

    def test_paper_shows_no_card(self, page):
        page.locator("a.ranking-term").first.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert page.locator(CARD).is_visible()
        page.emulate_media(media="print")
        assert not page.locator(CARD).is_visible()
