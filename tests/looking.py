"""What tests see of an explorer's page: its texts, and whether it is laid out and reachable as it should."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

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


def assert_laid_out(page: Any) -> None:
    """Nothing scrolls sideways, and no text leaves its picture or meets another label."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    outside = page.evaluate("""() => [...document.querySelectorAll('.rx-picture')].flatMap((picture) => {
        const frame = picture.getBoundingClientRect();
        return [...picture.querySelectorAll('text')].filter((text) => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1
                || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
        }).map((text) => text.textContent);
    })""")
    assert outside == []
    overlaps = page.evaluate("""() => [...document.querySelectorAll('.rx-labels')].flatMap((group) => {
        const boxes = [...group.children].map((text) => text.getBoundingClientRect());
        const meet = (a, b) => a.left < b.right && b.left < a.right
            && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
        const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).map((b) => [a, b]));
        return pairs.filter(([a, b]) => meet(a, b)).map(() => group.textContent);
    })""")
    assert overlaps == []
    small = page.evaluate("""() => [...document.querySelectorAll(
        '.rx input[type=range], .rx button, .rx summary, .rx label:has(input)'
    )].filter((control) => control.checkVisibility()).map((control) => control.getBoundingClientRect())
        .filter((box) => Math.min(box.width, box.height) < 24).length""")
    assert small == 0
    cut = page.evaluate("""() => [...document.querySelectorAll('.rx-rows li')].flatMap((row) => {
        const frame = row.getBoundingClientRect();
        return [...row.querySelectorAll('*')].filter((part) => part.checkVisibility()).filter((part) => {
            const box = part.getBoundingClientRect();
            const block = getComputedStyle(part).display === 'block';
            const cut = block && part.scrollWidth > part.clientWidth + 1;
            return box.left < frame.left - 1 || box.right > frame.right + 1 || cut;
        }).map((part) => part.className + ': ' + part.textContent);
    })""")
    assert [text for text in cut if "rx-hidden" not in text] == []


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
