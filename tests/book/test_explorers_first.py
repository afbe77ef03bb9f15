"""Explorers of built pages answer before anything else is there, keep their place, and fit a phone."""

from __future__ import annotations

import re
from contextlib import contextmanager

import pytest
from explorer_heights import explorer_pages, measured
from visits import SETTINGS, Setting

pytestmark = pytest.mark.browser

WIDTHS_OF_PAGES = (328, 358, 694)
"""Of explorers, in windows of 360, 390 and 1280 pixels."""

WIDE, NARROW = SETTINGS
PHONE = Setting("http", "light", 360)
PAGE = "live.html"
OWN = re.compile(r"/ranking/(explorers|states)/")
ALL = ".ranking-explorer"
MOST_OFF = 0.1  # of an explorer's height, what is kept for it may be off by

SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push(entry.value);
    }).observe({ type: 'layout-shift', buffered: true });
}"""
SCROLL = """async () => {
    for (let at = 0; at < document.documentElement.scrollHeight; at += innerHeight / 2) {
        scrollTo({ top: at, behavior: 'instant' });
        do await new Promise((done) => setTimeout(done, 60)); while (document.querySelector('.rx-undrawn'));
    }
    return shifts.reduce((sum, value) => sum + value, 0);
}"""
WAITS = "(place) => getComputedStyle(place, '::before').content"


def sentence(place) -> str:
    return place.locator(".rx-sentence").inner_text()


def mounted(page) -> list[bool]:
    """Which explorers of a page are there."""
    return page.locator(ALL).evaluate_all("(all) => all.map((place) => 'mounted' in place.dataset)")


@contextmanager
def opened(reader, setting, hold=None, lose=None):
    """The page of explorers, of which some scripts do not come or are lost, and the addresses asked for."""
    with reader.tab(setting) as (page, log):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        if hold:
            page.route(hold, lambda route: None)
        if lose:
            page.route(lose, lambda route: route.abort())
        page.goto(f"{reader.base(setting)}/{PAGE}", wait_until="commit")
        yield page, asked
        if not hold and not lose:
            assert log.errors == []


class TestSample:
    pages = "sample"

    def test_their_scripts_stand_above_all_others(self, book):
        text = (book / PAGE).read_text(encoding="utf-8")
        found = re.findall(r'<script ([^>]*)src="([^"?]*)|<link [^>]*rel="stylesheet"', text)
        first = [address for _, address in found[:5]]
        assert [re.sub(r"\w{16}", "HASH", name.rpartition("ranking/")[2]) for name in first] == [
            "explorers/runtime.js", "explorers/recorded.js", "states/HASH.js", "explorers/quiz.js", "",
        ]  # fmt: skip
        assert all("async" in attributes for attributes, _ in found[:4])
        assert 'fetchpriority="low"' in found[3][0]

    def test_the_first_answers_before_any_other_script_is_there(self, reader):
        others = re.compile(r"_static/(?!ranking/(explorers|states)/).*\.js")
        with opened(reader, WIDE, hold=others) as (page, asked):
            first = page.locator(ALL).first
            first.locator(".rx-axis").first.wait_for()  # keys before the first frame are dropped
            page.get_by_role("slider").first.press("ArrowRight")
            first.locator(".rx-sentence", has_text="The wave is 2 high.").wait_for()
            assert page.evaluate("document.readyState") != "complete"
            assert any(map(others.search, asked))  # that were held back

    @pytest.mark.parametrize("setting", SETTINGS, ids=str)
    def test_large_states_come_when_a_reader_does(self, reader, setting):
        with opened(reader, setting) as (page, asked):
            page.locator(".rx").nth(2).wait_for(state="attached")  # first, second, and the quiz when idle
            assert mounted(page) == [True, True, False, True]
            assert sum("/states/" in address for address in asked) == 1
            far = page.locator(ALL).nth(2)
            assert far.evaluate(WAITS) == '"Loading: A far wave"'
            far.scroll_into_view_if_needed()
            far.get_by_role("slider").press("End")
            assert sentence(far) == "The wave is 5 high."
            assert sum("/states/" in address for address in asked) == 2

    def test_a_state_that_is_lost_leaves_the_text(self, reader):
        with opened(reader, WIDE, lose="**/states/*.js") as (page, _):
            first = page.locator(ALL).first
            assert first.locator("p.rx-alt").inner_text() == "A first wave. The wave is 1 high."
            assert page.get_by_role("slider").first.evaluate("(input) => input.value") == "0"  # the second's

    @pytest.mark.parametrize("setting", SETTINGS, ids=str)
    def test_nothing_jumps(self, reader, setting):
        with opened(reader, setting) as (page, _):
            page.locator(".rx").first.wait_for()
            page.evaluate(SHIFTS)
            assert page.evaluate(SCROLL) < 0.05
            assert all(mounted(page))

    def test_all_are_there_before_printing(self, reader):
        with opened(reader, WIDE) as (page, _):
            page.locator(".rx").first.wait_for()
            page.evaluate("rankingExplorers.mountAll()")
            there = "() => document.querySelectorAll('[data-mounted] .rx-picture').length >= 2"
            page.wait_for_function(there)  # states and modules may still be on their way
            drawn = page.evaluate("""() => {
                const all = [...document.querySelectorAll('.rx-picture')];
                all.forEach((picture) => picture.replaceChildren());
                window.dispatchEvent(new Event('beforeprint'));
                return all.filter((picture) => picture.closest('[data-mounted]')).length;
            }""")
            assert drawn >= 2

    def test_paper_has_the_text_of_what_is_not_there_yet_and_nothing_to_press(self, reader):
        with opened(reader, WIDE) as (page, _):
            page.locator(".rx").nth(2).wait_for(state="attached")
            page.emulate_media(media="print")
            far = page.locator(ALL).nth(2)
            # at once: paper waits for nothing
            said = page.evaluate(f"""() => {{
                dispatchEvent(new Event('beforeprint'));
                const far = document.querySelectorAll({ALL!r})[2];
                return [far.querySelector('.rx-alt').textContent, ({WAITS})(far)];
            }}""")
            assert said == ["A far wave. The wave is 1 high.", "none"]
            buttons = page.locator(".rx button").all()
            assert len(buttons) >= 2
            assert not any(button.is_visible() for button in buttons)
            far.get_by_role("slider").wait_for()  # its state has come
            assert far.locator(".rx-alt").count() == 0

    def test_what_a_thumb_meets_is_large_and_nothing_scrolls_sideways(self, reader):
        with opened(reader, PHONE) as (page, _):
            page.locator(".rx").first.wait_for()
            page.evaluate("rankingExplorers.mountAll()")
            small = page.locator(
                ".rx input[type=range], .rx button, .rx summary, .rx label:has(input)"
            ).evaluate_all("""(all) => all.filter((control) => control.checkVisibility())
                .filter((control) => control.getBoundingClientRect().height < 44)
                .map((control) => control.outerHTML)""")
            assert small == []
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE.width

    def test_the_control_and_what_it_means_stay_in_sight(self, reader):
        with opened(reader, PHONE) as (page, _):
            first = page.locator(ALL).first
            slider, picture = first.get_by_role("slider"), first.locator(".rx-picture")
            picture.wait_for()
            assert first.locator(".rx-sentence").bounding_box()["y"] < picture.bounding_box()["y"]
            bottom = picture.bounding_box()["y"] + picture.bounding_box()["height"] - 300
            page.evaluate("(at) => scrollTo({ top: at, behavior: 'instant' })", bottom)
            box = slider.bounding_box()
            assert 0 <= box["y"] < 900 / 3
            head = page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y).closest('.rx-control') !== null",
                [box["x"] + 20, box["y"] + 22],
            )
            assert head  # nothing of the page lies above it


class TestCourse:
    pages = "course"

    def test_what_is_kept_for_them_is_as_high_as_they_are(self, reader):
        """Where it is not, ``python tests/book/explorer_heights.py _build/html`` says what it should be."""
        off = []
        with reader.tab(WIDE) as (page, _):
            for path in explorer_pages(reader.book):
                page.goto(f"{reader.address}/{path.relative_to(reader.book)}")
                for found in measured(page, WIDTHS_OF_PAGES):
                    for kept, has in found["heights"]:
                        if abs(kept - has) > MOST_OFF * has:
                            off.append(f"{path.parent.name}: {found['module']}: {kept:.0f} for {has:.0f} px")
        assert off == []
