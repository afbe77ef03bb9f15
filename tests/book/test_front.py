"""The door of the book: what is in sight, where it leads, what it gives away, and that it stands still."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from visits import Reader, Setting

pytestmark = pytest.mark.browser

DESKTOP, PHONE = Setting("http", "light", 1280), Setting("file", "dark", 390)
DRAWN = ".rx-bare[data-drawn]"
DOORS = ".tag_hero + ul > li"
PICTURE = f"{DRAWN} .rx-picture"
SHIFTS = """() => {
    globalThis.shifts = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
}"""
VISIBLE = "(all) => all.filter((element) => element.checkVisibility()).map((e) => e.innerText)"


def links(part: Any) -> list[str]:
    return [link["href"] for link in part.find_all("a", href=True)]


@pytest.fixture(scope="class")
def front(book: Path) -> BeautifulSoup:
    """Its HTML."""
    return BeautifulSoup((book / "intro.html").read_text(encoding="utf-8"), "html.parser").article


@pytest.fixture(scope="class")
def desktop(reader: Reader) -> Iterator[Any]:
    """The page on a desktop, drawn; the page's movements are counted."""
    with reader.tab(DESKTOP) as (page, _):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.add_init_script(f"({SHIFTS})()")
        reader.open(page, DESKTOP, "intro.html")
        page.locator(DRAWN).wait_for()
        yield page


class TestFront:
    """The front page of the course."""

    pages = "course"

    def test_sentence_picture_and_doors_are_in_sight(self, desktop):
        below = "(all) => Math.max(...all.map((element) => element.getBoundingClientRect().bottom))"
        doors = desktop.locator(DOORS)
        assert doors.count() == 3
        assert desktop.locator(f"h1 + p, {PICTURE}").evaluate_all(below) < doors.evaluate_all(below) <= 800

    def test_doors_map_and_cards_lead_to_every_chapter(self, front, book):
        doors = front.find(class_="tag_hero").find_next_sibling("ul")
        cards = front.find("ol").find_next("section").ul
        assert links(doors) == ["01_funnel/index.html", "run.html", "teaching/plan.html"]
        chapters = [f"{path.parent.name}/index.html" for path in sorted(book.glob("0*/index.html"))]
        assert [link for link in links(cards) if "index" in link] == chapters
        stages = front.find("ol").find_all("li", recursive=False)
        built_in = [links(stage)[0] for stage in stages]
        assert built_in == [
            "01_funnel/retrieval.html",
            "01_funnel/ranking.html#pre-ranking",
            "01_funnel/ranking.html#ranking",
            "01_funnel/re_ranking.html",
            "reference/world.html",
        ]
        assert sorted(links(stages[2].ul)) == chapters[1:]
        assert {"reference/source_map.html", "reference/bibliography.html#source-document"} <= {*links(front)}

    def test_hours_are_those_of_the_pages(self, front, book):
        chapters = [int(found) for found in re.findall(r"(\d+) minutes ·", front.get_text())]
        assert len(chapters) == 6
        assert f"of {min(chapters)} to {max(chapters)} minutes" in front.get_text()
        assert round(2 * sum(chapters) / 60) / 2 == 12
        pages = [path.read_text(encoding="utf-8") for path in book.glob("0*/exercises.html")]
        exercises = [int(re.search(r"points, about (\d+) minutes", page)[1]) for page in pages]
        assert round(2 * sum(exercises) / 60) / 2 == 12.5
        said = " ".join(front.get_text().split())
        assert "about twelve hours to read, their exercises another twelve and a half" in said

    def test_a_whole_card_is_its_link(self, desktop):
        card = desktop.locator(DOORS).nth(1)
        box = card.bounding_box()
        at = [box["x"] + box["width"] - 12, box["y"] + box["height"] - 12]
        found = desktop.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('a')?.href", at)
        assert found.endswith("/run.html")

    def test_the_slider_starts_where_the_question_is_open(self, desktop, front):
        slider = desktop.locator(".rx input[type=range]").first
        assert slider.get_attribute("aria-valuetext") == "0"
        said = desktop.locator("#what-is-a-like-worth").inner_text()
        assert "What is a like worth?" in said
        assert not re.search(r"(more|fewer) (likes|clicks|collects|shares)", said)

    def test_no_code_and_no_output_of_cells_is_in_sight(self, desktop):
        assert (
            desktop.locator("article pre, article table, article .output.stream").evaluate_all(VISIBLE) == []
        )
        assert desktop.locator("article summary", has_text="claims checked").count() == 2

    def test_the_picture_says_what_it_shows(self, desktop, front):
        said = desktop.locator(PICTURE).get_attribute("aria-label")
        assert re.search(r"1,000,000 items .* retrieval .* 2,\d{3} .* 300, .* 300 .* shows 30\.", said)
        without_script = front.find(class_="tag_hero").noscript.get_text()
        assert without_script == said

    def test_nothing_moves_under_the_reader(self, desktop):
        before = desktop.locator(PICTURE).inner_html()
        desktop.wait_for_timeout(400)
        assert desktop.locator(PICTURE).inner_html() == before
        assert desktop.evaluate("shifts") < 0.02

    def test_it_answers_for_all_four(self, desktop):
        desktop.locator(".rx input[type=range]").first.press("End")
        answer = desktop.locator(".rx-sentence").first.inner_text()
        assert re.findall(r"(?:more|fewer) (\w+)", answer) == ["clicks", "likes", "collects", "shares"]

    def test_on_a_phone_the_funnel_stands_upright(self, reader):
        with reader.tab(PHONE) as (page, _):
            reader.open(page, PHONE, "intro.html")
            page.locator(DRAWN).wait_for()
            box = page.locator(PICTURE).bounding_box()
            assert box["height"] > box["width"]
            assert page.evaluate("document.documentElement.scrollWidth") == 390
