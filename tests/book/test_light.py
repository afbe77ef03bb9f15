"""What the frame of a page weighs, and that all of it still works: menus, drawers, switches, copying."""

from __future__ import annotations

import re

import pytest
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
            if name != "search.html":
                assert not {"doctools.js", "searchtools.js", "togglebutton.js"} & set(names), name
                blocking = re.findall(
                    r"<script(?![^>]*defer)[^>]*src=[^>]*>", (book / name).read_text("utf-8")
                )
                assert blocking == [], name

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
            inside.wait_for(state="hidden", timeout=3_000)
            assert button.evaluate("button => button === document.activeElement")

    def test_the_contents_of_a_wide_page_fold_away_and_follow_the_reader(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            sidebar = page.locator("#pst-primary-sidebar")
            assert sidebar.bounding_box()["x"] == 0
            page.locator(".primary-toggle").click()
            page.wait_for_timeout(400)
            assert not page.get_by_role("navigation", name="Main", exact=True).is_visible() or (
                sidebar.bounding_box()["x"] < 0
            )
            page.locator("#another-figure").evaluate("heading => heading.scrollIntoView()")
            page.locator("#pst-page-toc-nav a.active[href='#another-figure']").wait_for(timeout=3_000)

    def test_back_to_the_top(self, reader):
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "intro.html")
            page.mouse.wheel(0, 1500)
            page.wait_for_timeout(300)
            page.mouse.wheel(0, -200)
            page.get_by_role("button", name="Back to top").click()
            page.wait_for_function("scrollY === 0", timeout=3_000)

    def test_full_screen(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            page.locator(".btn-fullscreen-button").click()
            page.wait_for_function("document.fullscreenElement !== null", timeout=3_000)

    def test_code_is_copied_and_that_is_said(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "second.html")
            page.evaluate("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
            button = page.get_by_role("button", name="Copy this code").first
            button.focus()
            assert button.evaluate("button => getComputedStyle(button).opacity") == "1"
            page.keyboard.press("Enter")
            page.get_by_role("status").get_by_text("Copied").wait_for()
            assert (
                page.evaluate("copied")
                == "from ranking_course.explorers import CalibrationExplorer\n\nCalibrationExplorer()\n"
            )

    def test_buttons_are_large_where_one_touches(self, chromium, reader):
        context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
        page = context.new_page()
        page.goto(f"{reader.address}/intro.html")
        button = page.locator("button.copybtn:visible").first
        box = button.bounding_box()
        assert (box["width"], box["height"]) == (44, 44)
        assert button.evaluate("button => getComputedStyle(button).opacity") == "1"
        context.close()
