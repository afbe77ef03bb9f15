"""What the frame of a page weighs, and that all of it still works: menus, drawers, switches, copying."""

from __future__ import annotations

import contextlib
import html
import re

import pytest
from playwright.sync_api import TimeoutError
from visits import SETTINGS, page_names

pytestmark = pytest.mark.browser

WIDE, NARROW = SETTINGS
LOADED = re.compile(r'<(?:script|link)\b[^>]*?(?:src|href)="([^"?]+\.(?:js|css))')
UNDRAWN = """() => [...document.querySelectorAll(".fa-solid, .fas")]
    .filter((icon) => icon.checkVisibility())
    .filter((icon) => {
        const { width, maskImage, backgroundColor } = getComputedStyle(icon, "::before");
        const drawn = maskImage.startsWith("url(\\"data:") && backgroundColor !== "rgba(0, 0, 0, 0)";
        return !(drawn && parseFloat(width) > 8);
    })
    .map((icon) => icon.outerHTML)"""

SHIFTS = """globalThis.shifted = 0;
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""


class TestFrame:
    """The frame of the sample book, as readers use it."""

    pages = "sample"

    def test_a_page_loads_one_style_sheet_and_no_script_without_a_use(self, book):
        for name in page_names(book):
            loaded = LOADED.findall((book / name).read_text(encoding="utf-8"))
            names = [address.rpartition("_static/")[2] for address in loaded]
            assert [sheet for sheet in names if sheet.endswith(".css")] == ["ranking/book.css"], name
            assert not {"scripts/bootstrap.js", "scripts/fontawesome.js", "clipboard.min.js"} & set(names), (
                name
            )
            assert len(names) == len(set(names)), name
            assert not {"doctools.js", "searchtools.js", "togglebutton.js"} & set(names), name
            text = (book / name).read_text(encoding="utf-8")
            late = "defer|async|type="
            assert re.findall(rf"<script(?![^>]*(?:{late}))[^>]*src=[^>]*>", text) == [], name

    def test_the_style_sheet_is_small_and_asks_for_no_font(self, book):
        text = (book / "_static" / "ranking" / "book.css").read_text(encoding="utf-8")
        assert len(text) < 180_000
        assert "@font-face" not in text
        assert re.findall(r"url\(\W?(?!data:|\W)\S{9}", text) == []
        assert "data-theme=dark" in text.replace('"', "")

    @pytest.mark.parametrize("setting", SETTINGS, ids=str)
    def test_every_icon_is_drawn(self, reader, setting):
        with reader.tab(setting) as (page, log):
            for name in ("intro.html", "search.html"):
                reader.open(page, setting, name)
                with contextlib.suppress(TimeoutError):  # a busy machine may not have styled the page yet
                    page.wait_for_function(f"({UNDRAWN})().length === 0")
                assert page.evaluate(UNDRAWN) == []
            assert log.errors == []

    def test_the_theme_goes_round(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            button = page.get_by_role("button", name="Color mode")
            modes = []
            for _ in range(4):
                modes.append(page.evaluate("document.documentElement.dataset.mode"))
                button.click()
        assert sorted(modes[:3]) == ["auto", "dark", "light"]
        assert modes[0] == modes[3]

    def test_the_menu_of_downloads_opens_by_mouse_and_keyboard(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            button = page.get_by_role("button", name="Download this page")
            first, second = (page.locator(".dropdown-item", has_text=kind) for kind in (".ipynb", ".pdf"))
            button.click()
            assert first.is_visible()
            assert button.get_attribute("aria-expanded") == "true"
            page.locator("h1").last.click()
            assert not first.is_visible()
            button.press("ArrowDown")
            assert first.evaluate("item => item === document.activeElement")
            page.keyboard.press("ArrowDown")
            assert second.evaluate("item => item === document.activeElement")
            page.keyboard.press("Escape")
            assert button.evaluate("button => button === document.activeElement")
            assert button.get_attribute("aria-expanded") == "false"
            button.press("Enter")
            page.keyboard.press("Tab")
            assert first.evaluate("item => item === document.activeElement")
            for _ in range(2):
                page.keyboard.press("Tab")
            assert not first.is_visible()

    def test_search_opens_by_keys_and_closes(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            field = page.locator("#pst-search-dialog input")
            page.keyboard.press("Control+k")
            assert field.evaluate("field => field === document.activeElement")
            page.keyboard.press("Escape")
            assert not field.is_visible()
            page.locator(".search-button-field").click()
            assert field.is_visible()

    @pytest.mark.parametrize(("toggle", "dialog"), [("primary", "Main"), ("secondary", "Contents")])
    def test_drawers_of_a_phone(self, reader, toggle, dialog):
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "intro.html")
            inside = page.get_by_role("navigation", name=dialog, exact=True)
            assert not inside.is_visible()
            button = page.locator(f".{toggle}-toggle")
            button.click()
            assert inside.is_visible()
            page.keyboard.press("Escape")
            inside.wait_for(state="hidden")
            assert button.evaluate("button => button === document.activeElement")

    def test_the_contents_of_a_wide_page_fold_away_and_follow_the_reader(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            sidebar = page.locator("#pst-primary-sidebar")
            assert sidebar.bounding_box()["x"] == 0
            page.locator(".primary-toggle").click()
            seen = "bar.checkVisibility({ visibilityProperty: true })"
            gone = f"bar => !{seen} || bar.getBoundingClientRect().x < 0"
            page.wait_for_function(gone, arg=sidebar.element_handle())
            page.locator("#another-figure").evaluate("heading => heading.scrollIntoView()")
            page.locator("#pst-page-toc-nav a.active[href='#another-figure']").wait_for()

    def test_back_to_the_top(self, reader):
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "intro.html")
            page.mouse.wheel(0, 1500)
            page.wait_for_function("scrollY === 1500")
            page.mouse.wheel(0, -200)
            page.get_by_role("button", name="Back to top").click()
            page.wait_for_function("scrollY === 0")

    def test_full_screen(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            page.locator(".btn-fullscreen-button").click()
            page.wait_for_function("document.fullscreenElement !== null")

    def test_code_is_copied_and_that_is_said(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "second.html")
            page.evaluate("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
            button = page.get_by_role("button", name="Copy this code").first
            button.focus()
            assert button.evaluate("button => getComputedStyle(button).opacity") == "1"
            page.keyboard.press("Enter")
            page.get_by_role("status").get_by_text("Copied").wait_for()
            code = button.locator("xpath=../pre").text_content()
            assert "CalibrationExplorer(" in code
            assert page.evaluate("copied") == code.rstrip() + "\n"

    def test_no_transition_delays_what_a_reader_without_motion_sees(self, reader):
        moved = """() => [...document.querySelectorAll("*")]
            .filter((element) => parseFloat(getComputedStyle(element).transitionDuration) > 0)
            .map((element) => element.outerHTML.slice(0, 99))"""
        with reader.tab(WIDE) as (page, _):
            for name in page_names(reader.book):
                reader.open(page, WIDE, name)
                assert page.evaluate(moved) == [], name

    def test_buttons_are_large_where_one_touches(self, chromium, reader):
        context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
        page = context.new_page()
        page.goto(f"{reader.address}/intro.html")
        button = page.locator("button.copybtn:visible").first
        box = button.bounding_box()
        assert (box["width"], box["height"]) == (44, 44)
        assert button.evaluate("button => getComputedStyle(button).opacity") == "1"
        context.close()

    def test_a_page_says_what_it_is(self, book):
        for name in page_names(book):
            text = (book / name).read_text(encoding="utf-8")
            assert text.count('name="viewport"') == 1, name
            assert len(re.findall('<meta name="description" content="[^"]+">', text)) == 1, name

    def test_what_is_far_on_a_phone_is_laid_out_when_it_comes_near(self, reader):
        seen = "e => e.checkVisibility({ contentVisibilityAuto: true })"
        with reader.tab(NARROW) as (page, _):
            page.goto(f"{reader.base(NARROW)}/intro.html")
            page.add_style_tag(content=".bd-article > section > p { min-height: 9000px }")  # a long page
            last = page.locator(".bd-article > section > section").last.locator("h2")
            handle = last.element_handle()
            page.wait_for_function(f"e => !({seen})(e)", arg=handle)
            assert page.locator("h1").last.evaluate(seen)
            last.scroll_into_view_if_needed()
            page.wait_for_function(seen, arg=handle)
        with reader.tab(WIDE) as (page, _):
            page.goto(f"{reader.base(WIDE)}/intro.html")
            assert page.locator(".bd-article > section > section").last.locator("h2").evaluate(seen)

    def test_nothing_jumps_while_a_page_loads(self, reader):
        for setting in SETTINGS:
            with reader.tab(setting) as (page, _):
                page.add_init_script(SHIFTS)
                reader.open(page, setting, "intro.html")
                page.wait_for_timeout(500)
                assert page.evaluate("shifted") < 0.02, setting


class TestFolds:
    """What is folded is no element until it is opened."""

    pages = "sample"

    def test_folded_code_is_there_once_it_is_opened(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            fold = page.locator("details.ranking-code").first
            assert fold.locator("pre").count() == 0
            before = page.locator("*").count()
            fold.locator("summary").click()
            assert "figures.new_figure(" in fold.locator("pre").inner_text()
            assert page.locator("*").count() > before + 30
            fold.hover()
            assert fold.get_by_role("button", name="Copy this code").is_visible()

    def test_it_is_there_for_those_who_search_a_page(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            page.keyboard.press("Control+f")
            assert page.locator("noscript.ranking-later").count() == 0
            assert "figures.new_figure(" in page.locator("details.ranking-code pre").first.text_content()

    def test_it_is_there_without_scripts(self, chromium, reader):
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{reader.address}/intro.html")
        fold = page.locator("details.ranking-code").first
        fold.locator("summary").click()
        assert "figures.new_figure(" in fold.locator("pre").inner_text()
        context.close()

    def test_a_link_opens_what_it_leads_to(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            page.evaluate("""() => {
                const held = document.querySelector("noscript.ranking-later");
                held.textContent += '<p id="deep-inside">found</p>';
                location.hash = "deep-inside";
            }""")
            page.locator("#deep-inside").wait_for()

    def test_derivations_are_open_on_paper_and_dead_labels_gone(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            page.evaluate("""() => document.querySelector(".bd-article").insertAdjacentHTML(
                "beforeend", "<details><summary>Why?</summary><p>Because.</p></details>")""")
            page.emulate_media(media="print")
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            assert page.get_by_text("Because.").is_visible()
            assert not page.get_by_text("Show code").first.is_visible()
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            assert not page.get_by_text("Because.").is_visible()


def test_descriptions_of_the_course_tell_its_pages_apart(course):
    described = {}
    for name in page_names(course):
        text = (course / name).read_text(encoding="utf-8")
        (said,) = re.findall('<meta name="description" content="([^"]+)">', text)
        described[name] = html.unescape(said)
    assert len(set(described.values())) == len(described)
    short = {name: said for name, said in described.items() if len(said) > 160}
    assert short == {}


def test_pages_of_the_course_have_few_elements(course):
    counted = {}
    for name in page_names(course):
        text = re.sub("<noscript.*?</noscript>", "", (course / name).read_text(encoding="utf-8"), flags=re.S)
        counted[name] = len(re.findall("<[a-z]", text))
    long = {name for name in counted if re.fullmatch(r"0[2-9]_\w+/index\.html", name)}  # one page a chapter
    assert {n: c for n, c in counted.items() if c > (8000 if n in long else 6000)} == {}
