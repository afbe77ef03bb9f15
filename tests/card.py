"""Make the picture of the book, for its README and for links to it, from the built front page.

    python tests/card.py [BOOK] [PICTURE]

Title, sentence and picture, 1200 × 630. By default of ``_build/html`` to ``book/images/card.jpg``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from browser import ADVICE, LAUNCH_ARGS, find_browser

SIZE = {"width": 1200, "height": 630}
PICTURE = ".tag_hero .rx[data-drawn]"
STYLE = """
    body { margin: 0; background: var(--ranking-paper); }
    main { box-sizing: border-box; width: 1200px; height: 630px; padding: 36px 60px; overflow: hidden; }
    main h1 { margin: 0 0 8px; font-size: 50px; line-height: 1.2; }
    main p { margin: 0 0 28px; color: var(--ranking-ink-soft); font-size: 23px; line-height: 1.4; }
"""
CARD = """(style) => {
    const [title, sentence] = document.querySelectorAll("article h1, article h1 + p");
    const card = document.createElement("main");
    title.querySelectorAll("a").forEach((link) => link.remove());
    card.append(title, sentence, document.querySelector(".tag_hero .rx"));
    document.body.replaceChildren(card);
    const rules = document.createElement("style");
    rules.textContent = style;
    document.head.append(rules);
}"""


def main(book: str = "_build/html", picture: str = "book/images/card.jpg") -> None:
    from playwright.sync_api import sync_playwright

    program = find_browser()
    if program is None:
        raise SystemExit(ADVICE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=LAUNCH_ARGS)
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce", color_scheme="light")
        page.goto((Path(book) / "intro.html").resolve().as_uri())
        page.locator(PICTURE).wait_for(state="attached")
        page.evaluate(CARD, STYLE)
        page.wait_for_timeout(500)  # until it is drawn at its new width
        Path(picture).parent.mkdir(exist_ok=True)
        page.screenshot(path=picture, quality=85)  # a million dots are noise: as PNG twice the size
        browser.close()
    print(f"{picture}: {Path(picture).stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
