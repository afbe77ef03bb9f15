"""Formulas of built pages in a browser: there at once, copied as TeX, reached by keyboard where wide."""

from __future__ import annotations

import pytest
from visits import SETTINGS

WIDE, NARROW = SETTINGS
pytestmark = pytest.mark.browser

# What a reader's clipboard gets of a selection from one place of the page to another.
COPIED = """([from, to]) => {
    const range = document.createRange();
    range.setStart(document.querySelector(from), 0);
    const end = document.querySelector(to);
    range.setEnd(end, end.childNodes.length);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const clipboardData = new DataTransfer();
    const event = new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true });
    const whole = document.body.childElementCount;
    document.body.dispatchEvent(event);
    return [event.clipboardData.getData("text/plain"), event.clipboardData.getData("text/html"),
            document.body.childElementCount - whole];
}"""


class TestMaths:
    """Formulas of the sample book."""

    pages = "sample"

    def test_formulas_need_no_script(self, chromium, reader):
        context = chromium.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(f"{reader.address}/intro.html")
        box = page.locator(".ranking-formula svg").first.bounding_box()
        context.close()
        assert box["width"] > 400
        assert 20 < box["height"] < 120

    def test_the_mathml_is_heard_and_not_seen(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            boxes = [maths.bounding_box() for maths in page.locator(".math math").all()]
            assert len(boxes) >= 3
            assert max(box["width"] for box in boxes) <= 1
            tree = page.locator("p:has(> .math)").first.aria_snapshot()
            assert "- text: A formula in the text,\n  - math: p = σ ( z )" in tree.replace("\u2061 ", "")

    def test_a_selection_is_copied_with_its_tex(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            first, both = "p:has(> .math)", "div.math:has(.eqno)"
            plain, html, left = page.evaluate(COPIED, [first, both])
            assert r"A formula in the text, $p = \sigma(z)$, and one that is wider" in plain
            assert "$$\np_\\text{true} = \\frac{\\alpha" in plain
            assert r"$p = \sigma(z)$" in html
            assert "<svg" not in html
            assert left == 0
            inside, _, _ = page.evaluate(COPIED, [f"{first} .math mi", f"{first} .math mi"])
            assert inside == r"$p = \sigma(z)$,"  # a part of a formula is the whole, with its comma
            without, _, _ = page.evaluate(COPIED, ["h2", "h2"])
            assert without == ""  # left to the browser

    def test_numbers_of_equations_are_links_to_them(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            link = page.locator("a[href='#equation-eq-mean']").last
            assert link.inner_text() == "(1)"
            target = page.locator("#equation-eq-mean")
            assert target.locator(".eqno").inner_text().startswith("(1)")
            formula, number = (target.locator(part).bounding_box() for part in (".ranking-formula", ".eqno"))
            assert formula["x"] + formula["width"] <= number["x"]

    def test_a_wide_formula_scrolls_by_keyboard_and_is_not_clipped(self, reader):
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "intro.html")
            formula = page.locator(".ranking-formula").first
            assert formula.evaluate("box => box.scrollWidth > box.clientWidth + 100")
            formula.focus()
            page.keyboard.press("End")
            for _ in range(40):
                page.keyboard.press("ArrowRight")
            end = "box => box.scrollWidth - box.clientWidth - box.scrollLeft <= 1"
            page.wait_for_function(end, arg=formula.element_handle())
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= NARROW.width

    def test_formulas_take_the_colour_of_the_theme(self, reader):
        ink = "getComputedStyle(document.querySelector('.math svg')).fill"
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "intro.html")
            assert page.evaluate(ink) == "rgb(240, 243, 246)"
            page.emulate_media(media="print")
            page.wait_for_function(f"{ink} === 'rgb(27, 31, 36)'")
