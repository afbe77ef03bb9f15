"""How high the explorers of a built book are, and what is kept for them: ``explorer_heights.py BUILD``.

The real ones are what a module's ``heights`` should be, at the widths of ``bookwork.explorer.bundle``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bookwork.explorer.bundle import WIDTHS

# Of every explorer of a page: its module, and in every width the height that is kept and that it has.
MEASURE = """async (widths) => {
    await rankingExplorers.mountAll();
    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)));
    const found = [];
    for (const place of document.querySelectorAll('.ranking-explorer')) {
        const figure = place.parentElement;
        const empty = place.cloneNode(false);
        empty.removeAttribute('data-mounted');
        const heights = [];
        for (const width of widths) {
            figure.style.width = `${width}px`;
            let has = -1;
            for (let tries = 0; tries < 40 && has !== place.getBoundingClientRect().height; tries += 1) {
                has = place.getBoundingClientRect().height;
                await drawn();
                await drawn();
            }
            figure.append(empty);
            const kept = empty.getBoundingClientRect().height;
            empty.remove();
            heights.push([kept, has]);
        }
        figure.style.width = '';
        found.push({ module: place.dataset.module, heights });
    }
    return found;
}"""


def measured(page: Any, widths: tuple[int, ...] = WIDTHS) -> list[dict[str, Any]]:
    """Module and heights, kept and real at each width, of every explorer of an open page."""
    return page.evaluate(MEASURE, list(widths))


def explorer_pages(book: Path) -> Iterator[Path]:
    """Pages of a built book that have any."""
    for path in sorted(book.rglob("*.html")):
        if 'class="ranking-explorer"' in path.read_text(encoding="utf-8"):
            yield path


def main() -> None:
    from browser import LAUNCH_ARGS, find_browser
    from playwright.sync_api import sync_playwright

    book = Path(sys.argv[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for path in explorer_pages(book):
            page.goto(path.resolve().as_uri())
            for found in measured(page):
                kept, real = ([round(pair[k]) for pair in found["heights"]] for k in (0, 1))
                print(f"{path.relative_to(book)}: {found['module']}: kept {kept}, real {real}")
        browser.close()


if __name__ == "__main__":
    main()
