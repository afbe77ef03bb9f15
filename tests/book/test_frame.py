"""The frame around the text: numbers and captions, tables, margins, the strip, phones."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from explorer_page import TWO_FRAMES
from small_course import NAME
from visits import SETTINGS

WIDE, NARROW = SETTINGS

ADD_A_LINK = """() => {
    const cell = document.querySelector(".bd-article td:last-child");
    cell.insertAdjacentHTML("beforeend", "<a class='added' href='#there'>added</a>");
}"""

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
        assert strip.select_one(".ranking-minutes").get_text() == "about 10 minutes"  # two of five
        assert strip["data-minutes"] == "0"  # how far one has scrolled says nothing of what is left to think
        back = strip.select(".ranking-beside a")
        assert [(link.get_text(), link["href"]) for link in back] == [
            ("← chapter 2. A second page", "../second.html")
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
            page.wait_for_function(f"{wide} > 50")
            assert page.evaluate(wide) < 300
            assert page.locator(".ranking-left").inner_text() in ("7 min left", "8 min left")
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            page.wait_for_function(f"{wide} > 380")
            strip = page.locator(".ranking-strip")
            page.emulate_media(media="print")
            assert not bar.is_visible()
            assert not strip.is_visible()
            assert log.errors == []

    def test_on_a_phone_the_chain_is_a_line_that_begins_with_a_word(self, reader):
        with reader.tab(NARROW) as (page, _):
            page.set_viewport_size({"width": 200, "height": 800})  # so narrow that it has to scroll
            reader.open(page, NARROW, f"{NAME}/exercises.html")
            chain, beside = page.locator(".ranking-chain"), page.locator(".ranking-beside > li")
            current = chain.locator("a").last
            stages = chain.locator("a, span").all()
            page.wait_for_function("document.querySelector('.ranking-chain').scrollLeft > 0")
            line = chain.bounding_box()
            assert line["height"] < 60
            starts = [stage.bounding_box()["x"] - line["x"] for stage in stages]
            assert any(-1 < start < 20 for start in starts)
            assert current.bounding_box()["x"] < line["x"] + line["width"]
            assert all(part.bounding_box()["y"] >= line["y"] + line["height"] for part in beside.all())


class TestWide:
    """What stands where on wide screens."""

    pages = "sample"

    def test_asides_stand_in_the_margin_where_there_is_one(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "second.html")
            text = page.locator(".bd-article h2").first
            aside, figure = page.locator(".ranking-aside"), page.locator("figure.ranking-figure").nth(1)
            for width, in_margin in ((1280, False), (1400, True), (1440, True), (1920, True)):
                page.set_viewport_size({"width": width, "height": 900})
                line, note, picture = (part.bounding_box() for part in (text, aside, figure))
                assert line["width"] == pytest.approx(640, abs=2)
                assert (note["x"] > line["x"] + line["width"]) is in_margin
                assert (picture["width"] > line["width"] + 200) is in_margin
                assert page.evaluate("document.documentElement.scrollWidth") == width

    def test_all_that_is_wider_than_text_ends_at_one_edge(self, reader):
        wide = ".ranking-strip, section > div > .cell_input, figure.ranking-figure, figure.ranking-table"
        edges = """parts => parts.filter((part) => part.getClientRects().length)
            .map((part) => part.getBoundingClientRect().right)"""
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "second.html")
            for width, room in ((1280, 694), (1600, 900)):
                page.set_viewport_size({"width": width, "height": 900})
                text = page.locator(".bd-article h2").first.bounding_box()
                found = {round(edge - text["x"]) for edge in page.locator(wide).evaluate_all(edges)}
                assert sorted(found - {640}) == pytest.approx(
                    [room], abs=2
                )  # beside an aside as wide as the text
                assert (640 in found) is (width == 1600)
                edge = text["x"] + room
                bar = page.locator(".bd-header-article").bounding_box()
                assert bar["x"] + bar["width"] > edge - 1

    def test_the_way_home_and_the_search_stay_above_the_list(self, reader):
        with reader.tab(WIDE) as (page, _):
            page.set_viewport_size({"width": 1280, "height": 500})
            reader.open(page, WIDE, "second.html")
            page.evaluate("""() => {
                const list = document.querySelector("#pst-primary-sidebar .bd-links");
                list.style.paddingBottom = "2000px";
                list.parentElement.scrollTop = 1000;
            }""")
            logo, search = (
                page.locator(f".bd-sidebar-primary {part}") for part in (".logo", ".search-button__button")
            )
            assert (
                0
                <= logo.bounding_box()["y"]
                < logo.bounding_box()["y"] + 40
                < search.bounding_box()["y"]
                < 120
            )

    def test_what_an_explorer_says_stays_in_sight_beside_its_controls(self, reader):
        with reader.tab(WIDE) as (page, _):
            page.set_viewport_size({"width": 1280, "height": 500})
            reader.open(page, WIDE, "second.html")
            explorer = page.locator(".rx:has(.rx-sentence)").first
            explorer.evaluate("root => scrollTo(0, root.getBoundingClientRect().top + scrollY - 60)")
            said = explorer.locator(".rx-sentence")
            box = said.bounding_box()
            assert explorer.bounding_box()["y"] + explorer.bounding_box()["height"] > 510
            assert box["y"] + box["height"] == pytest.approx(500, abs=1)
            page.emulate_media(media="print")
            assert said.evaluate("said => getComputedStyle(said).position") == "static"

    def test_links_have_one_colour_in_tables_and_out(self, reader):
        colours = "links => links.map((link) => getComputedStyle(link).color)"
        for setting in SETTINGS:
            with reader.tab(setting) as (page, _):
                reader.open(page, setting, "intro.html")
                page.evaluate(ADD_A_LINK)
                found = page.locator(".added, .bd-article p > a.reference.internal").evaluate_all(colours)
                assert len(found) > 1
                assert len(set(found)) == 1, setting


class TestPhone:
    """What a fingertip finds."""

    pages = "sample"

    @pytest.mark.parametrize("width", [360, 390])
    def test_what_one_taps_is_large_enough(self, reader, width):
        tapped = ".bd-header-article button:visible, .bd-article summary:visible, .prev-next-area a:visible"
        small = {}
        with reader.tab(NARROW) as (page, _):
            page.set_viewport_size({"width": width, "height": 800})
            for name in ("second.html", f"{NAME}/exercises.html"):
                reader.open(page, NARROW, name)
                assert page.evaluate("document.documentElement.scrollWidth") == width
                for part in page.locator(f"{tapped}, .ranking-strip a:visible").all():
                    if part.bounding_box()["height"] < 44:
                        small[part.evaluate("part => part.outerHTML")] = part.bounding_box()
        assert small == {}

    def test_rows_of_text_are_cards(self, reader):
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "second.html")
            cards = page.locator("table.cards")
            cells = [cell.bounding_box() for cell in cards.locator("tbody tr").first.locator("th, td").all()]
            assert len({round(cell["x"]) for cell in cells}) == 1
            assert [cell["y"] for cell in cells] == sorted({cell["y"] for cell in cells})
            assert cards.get_by_role("rowheader").count() == 2  # it is still a table for who hears it

    def test_boxes_show_that_there_is_more(self, reader):
        edges = "box => getComputedStyle(box).backgroundAttachment"
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "second.html")
            for box in (".ranking-chain", "#table-2-2 .pst-scrollable-table-container", ".cell_input pre"):
                said = page.locator(box).first.evaluate(edges)
                assert said.startswith("local, local, scroll, scroll"), box


class TestExercises:
    """A page of exercises: what helps is a tap away."""

    pages = "sample"

    def test_checks_and_their_hints_are_folded(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, f"{NAME}/exercises.html")
            folds = page.locator("details.ranking-code", has_text="What is checked")
            assert folds.count() == 2
            hint = folds.first.get_by_text("once more")
            assert not hint.is_visible()
            folds.first.locator("summary").focus()
            page.keyboard.press("Enter")
            assert hint.is_visible()

    def test_the_notebook_is_offered_at_the_top(self, book):
        page = book / NAME / "exercises.html"
        link = parsed(book, f"{NAME}/exercises").find("a", string="Download this notebook")
        offered = (page.parent / link["href"]).resolve()
        assert offered == book / "_sources" / NAME / "exercises.ipynb"
        assert "BEGIN HIDDEN" not in offered.read_text(encoding="utf-8")
        assert "Download this notebook" not in offered.read_text(encoding="utf-8")


class TestDrawer:
    """The list of pages on a phone."""

    pages = "course"

    def test_the_list_of_pages_is_as_easy_to_tap(self, reader):
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "run.html")
            page.locator(".primary-toggle").first.click()
            drawer = page.locator("dialog[open]")
            drawer.locator("nav.bd-links .toctree-toggle").first.wait_for()
            for entry in drawer.locator("nav.bd-links li.has-children").all():
                link, toggle = (entry.locator(part).first for part in ("a", ".toctree-toggle"))
                assert toggle.bounding_box()["width"] == toggle.bounding_box()["height"] == 44
                beside = link.bounding_box()
                assert beside["x"] + beside["width"] <= toggle.bounding_box()["x"]
                assert beside["height"] >= 44
            closed = drawer.locator("nav.bd-links li.has-children:not(:has(details[open]))")
            for entry in closed.all():  # no room is kept for what is folded
                assert entry.bounding_box()["height"] == pytest.approx(
                    entry.locator("a").first.bounding_box()["height"], abs=1
                )


MARKED = "() => [...document.querySelectorAll('#pst-page-toc-nav a.active')].map((a) => a.hash)"
LATE = """globalThis.late = { seen: 0, told: 0 };
globalThis.IntersectionObserver = class extends IntersectionObserver {
    constructor(told, options) {
        super((...seen) => {
            late.seen += 1;
            setTimeout(() => { told(...seen); late.told += 1; }, 300);
        }, options);
    }
};"""


class TestWhereOneIs:
    """What a page marks after a jump."""

    pages = "course"

    def test_the_contents_mark_the_section_that_one_has_jumped_to(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "03_calibration/index.html")
            for section in ("where-it-breaks", "the-way-back"):
                page.evaluate(f"document.querySelector('#{section} > h2').scrollIntoView()")
                page.wait_for_function(f"({MARKED})().join() === '#{section}'")
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_function(f"({MARKED})().length === 0")

    def test_the_contents_do_not_mark_a_section_that_one_has_left_before_the_theme_was_told(self, reader):
        with reader.tab(WIDE) as (page, _):
            page.add_init_script(LATE)
            reader.open(page, WIDE, "03_calibration/index.html")
            page.evaluate("document.querySelector('#the-way-back > h2').scrollIntoView()")
            page.wait_for_function(f"({MARKED})().join() === '#the-way-back'")
            page.evaluate("before = late.seen; scrollTo(0, 0)")
            page.wait_for_function("late.seen > before && late.told === late.seen")
            page.evaluate(TWO_FRAMES)
            assert page.evaluate(MARKED) == []

    def test_a_claim_that_one_has_come_to_is_marked_as_a_heading_is(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "reference/source_map.html")
            page.evaluate("location.hash = 'claim-c5'")
            grounds = [
                page.locator(f"tr:has(#claim-{claim}) > th").evaluate(
                    "c => getComputedStyle(c).backgroundColor"
                )
                for claim in ("c5", "c4")
            ]
            assert grounds[0] != grounds[1]
