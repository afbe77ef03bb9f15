"""What tests see of an explorer's page: its texts, and whether it is laid out and reachable as it should."""

from __future__ import annotations

import contextlib
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from explorer_page import TWO_FRAMES
from playwright.sync_api import TimeoutError

CALL = "([module, name, calls]) => calls.map(c => rankingExplorers.definitions[module].formulas[name](...c))"
MODEL = "(key) => document.querySelector('.ranking-explorer').rankingModel.get(key)"


def picture(page: Any, number: int = 0) -> str:
    """The drawing as text, to see whether it changed."""
    return page.locator(".rx-picture").nth(number).inner_html()


def pictures(page: Any) -> list[str]:
    """All drawings."""
    return [picture(page, i) for i in range(page.locator(".rx-picture").count())]


def sentence(page: Any) -> str:
    """The text below the pictures."""
    return page.locator(".rx-sentence").inner_text()


def slider(page: Any, label: str, group: str | None = None) -> Any:
    """The slider of that label (with its hint), perhaps within a named group."""
    place = page.get_by_role("group", name=group, exact=True) if group else page
    return place.get_by_role("slider", name=label, exact=True)


def value(control: Any) -> str:
    """What stands beside a slider, which is also what it says of itself."""
    shown = control.locator("xpath=..").locator(".rx-value").inner_text()
    assert control.get_attribute("aria-valuetext") == shown
    return shown


def press(control: Any, *keys: str) -> None:
    """Move a control by keyboard."""
    control.focus()
    for key in keys:
        control.press(key)


OPEN = """(all) => Promise.all(all.map((details) => details.open || new Promise((done) => {
    details.addEventListener('toggle', done, { once: true });
    details.open = true;
})))"""


def open_tables(page: Any) -> None:
    """Open all data tables, which have no rows before."""
    page.locator(".rx-figure > details.rx-data").evaluate_all(OPEN)


def open_groups(page: Any) -> None:
    """Open all groups of controls that are folded."""
    page.locator("details.rx-group").evaluate_all(OPEN)


def rows(page: Any, number: int = 0) -> list[list[str]]:
    """The data table of a picture, headings first."""
    open_tables(page)
    table = page.locator(".rx-scroll table").nth(number)
    return table.evaluate("(t) => [...t.rows].map((row) => [...row.cells].map((c) => c.textContent))")


def columns(page: Any, number: int = 0) -> dict[str, list[str]]:
    """The data table of a picture by row heading."""
    return {first: rest for first, *rest in rows(page, number)[1:]}


def frames(page: Any, act: str, look: str) -> int:
    """How many different things ``look`` gives in the 400 ms after ``act``, both functions in JavaScript.

    Frames and their times are made here, 16 ms apart: a busy machine leaves most of its own out.
    """
    return page.evaluate(f"""() => {{
        const [seen, asked] = [new Set(), []];
        let now = performance.now();
        window.requestAnimationFrame = (call) => asked.push(call);
        performance.now = () => now;
        ({act})();
        for (let frame = 0; frame < 25; frame += 1) {{
            seen.add(({look})());
            now += 16;
            for (const call of asked.splice(0)) call(now);
        }}
        return seen.add(({look})()).size;
    }}""")


FAULTS = """() => {
    const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
    const box = (element) => element.getBoundingClientRect();
    const leaves = (own, frame) => own.left < frame.left - 1 || own.right > frame.right + 1;
    const meet = (a, b) => a.left < b.right && b.left < a.right
        && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
    const outside = all('.rx-picture').flatMap((picture) => all('text', picture).filter((text) => {
        const [own, frame] = [box(text), box(picture)];
        return leaves(own, frame) || own.top < frame.top - 1 || own.bottom > frame.bottom + 1;
    }).map((text) => text.textContent));
    const overlaps = all('.rx-labels').flatMap((group) => {
        const boxes = [...group.children].map(box);
        const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).map((b) => [a, b]));
        return pairs.filter(([a, b]) => meet(a, b)).map(() => group.textContent);
    });
    const small = all('.rx input[type=range], .rx button, .rx summary, .rx label:has(input)')
        .filter((control) => control.checkVisibility())
        .filter((control) => Math.min(box(control).width, box(control).height) < 24)
        .map((control) => control.outerHTML);
    const cut = all('.rx-rows li').flatMap((row) => all('*', row)
        .filter((part) => part.checkVisibility() && !part.className.includes('rx-hidden')).filter((part) => {
            const block = getComputedStyle(part).display === 'block';
            return leaves(box(part), box(row)) || (block && part.scrollWidth > part.clientWidth + 1);
        }).map((part) => part.className + ': ' + part.textContent));
    const { scrollWidth } = document.documentElement;
    return { sideways: scrollWidth > innerWidth ? [scrollWidth] : [], outside, overlaps, small, cut };
}"""


def assert_laid_out(page: Any) -> None:
    """Nothing scrolls sideways, and no text leaves its picture or meets another label."""
    assert {fault: found for fault, found in page.evaluate(FAULTS).items() if found} == {}


def assert_comes_to_be_laid_out(page: Any) -> None:
    """The same, once the page has met the new size of its window, for which it may need some frames."""
    page.evaluate(TWO_FRAMES)
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(f"Object.values(({FAULTS})()).every((found) => found.length === 0)")
    assert_laid_out(page)


def assert_accessible(page: Any, theme: str) -> None:
    """axe finds nothing, with everything open and a value read out; every picture has a text."""
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
    page.locator("details").evaluate_all(OPEN)
    page.locator(".rx-picture").first.focus()
    page.keyboard.press("ArrowRight")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    for text in page.get_by_role("img").evaluate_all("(all) => all.map((p) => p.ariaLabel)"):
        assert len(text) > 60
        assert "{" not in text
    for text in page.locator(".rx-note, .rx-sentence, .rx-title, caption").all_text_contents():
        assert "{" not in text
        assert "undefined" not in text
        assert "NaN" not in text


def assert_quiet(page: Any) -> None:
    """Under reduced motion a reset jumps at once, and nothing else is in transition."""
    seen = page.evaluate("""() => new Promise((done) => {
        const look = () => [...document.querySelectorAll('.rx-picture')].map((p) => p.innerHTML).join();
        document.querySelector('.rx-reset').click();
        const first = look();
        setTimeout(() => done(look() === first), 250);
    })""")
    assert seen
    durations = page.evaluate(
        "[...document.querySelectorAll('.rx *')].map((e) => getComputedStyle(e).transitionDuration)"
    )
    assert set(durations) == {"0s"}
