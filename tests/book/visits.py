"""Open every page of a built book as readers do, and note all that goes wrong."""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from browser import PATIENCE
from playwright.sync_api import Browser, Page, Request, Route, TimeoutError

BOXES = ".ranking-formula, .pst-scrollable-table-container, .cell_output > .output, .bd-article pre"
"""What may scroll in itself, and can then be reached by the Tab key once the page has come to it."""

READY = """() => {
    const all = (outer, inner) => [...document.querySelectorAll(outer)].every((e) => e.querySelector(inner));
    return all(".ranking-plot", ".rx-axis") && all(".ranking-explorer", "input, svg")
        && all(".math", "svg > path, svg > text")
        && [...document.querySelectorAll(BOXES)]
            .every((e) => e.scrollWidth <= e.clientWidth + 1 || e.tabIndex === 0);
}""".replace("BOXES", repr(BOXES))

DRAW_ALL = """async () => {
    await globalThis.rankingExplorers?.mountAll();
    dispatchEvent(new Event("rx-measure"));  // what is far from a phone's window has no size yet
}"""

CONTENT = """() => ({
    title: document.title,
    language: document.documentElement.lang,
    theme: document.documentElement.dataset.theme,
    headings: document.querySelectorAll("h1").length,
    width: document.documentElement.scrollWidth,
    withoutAlt: [...document.querySelectorAll("img:not([alt])")].map((e) => e.outerHTML),
    mathErrors: document.querySelectorAll(".math:not(:has(math annotation)), [data-mml-node], merror").length,
    untold: [...document.querySelectorAll(".ranking-plot svg[tabindex]")].filter((e) => !e.ariaLabel).length,
    untabled: [...document.querySelectorAll(".ranking-plot")].filter((e) => {
        const data = e.closest("figure").querySelector("details.ranking-data");
        return !data || (data.open && !data.querySelector("tbody td"));
    }).length,
})"""


# Controls in a folded group take no keys until a reader unfolds it. A slider that the present choice has no
# use for is not drawn at all; the explorers' own tests go through the choices.
OPEN_GROUPS = "document.querySelectorAll('.ranking-explorer details').forEach(group => { group.open = true })"
SLIDERS = ".ranking-explorer input[type=range]:visible"
SEEN = """slider => {
    const explorer = slider.closest(".ranking-explorer");
    return explorer.innerText + [...explorer.querySelectorAll("svg")].map((svg) => svg.outerHTML);
}"""
MOVED = f"([slider, before]) => ({SEEN})(slider) !== before"
IDLE = 10_000  # milliseconds after which a slider that changed nothing is idle

# Without preloading: axe would ask for imported style sheets at places where they are not. Of what passes one
# element per rule is told: to tell all takes as long as the check.
AXE_OPTIONS = {
    "preload": False,
    "resultTypes": ["violations"],
    "rules": {"target-size": {"enabled": True}},
}


@dataclass(frozen=True)
class Setting:
    """How a reader looks at the book."""

    scheme: str
    theme: str
    width: int


def told(rule: dict[str, Any]) -> Iterator[str]:
    """What axe found against a rule; not what lies below the head of the page for as long as axe scrolls."""
    nodes = [node for node in rule["nodes"] if not any("obscured" in one["message"] for one in node["any"])]
    if nodes:
        yield f"{rule['id']}: {[node['html'][:120] for node in nodes[:3]]}"


SETTINGS = (Setting("http", "light", 1280), Setting("file", "dark", 390))


@dataclass
class Log:
    """What goes wrong in a tab: requests to other hosts, errors of scripts and requests."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def failure(self, request: Request) -> None:
        """Note a request that failed; not one that the browser gave up itself, as it left the page."""
        if request.failure != "net::ERR_ABORTED":
            self.errors.append(f"failed: {request.url} ({request.failure})")

    def clear(self) -> None:
        """Forget it."""
        self.outside.clear()
        self.errors.clear()


@dataclass(frozen=True)
class Visit:
    """What was seen on one page in one setting."""

    page: str
    setting: Setting
    outside: list[str]
    errors: list[str]
    violations: list[str]
    ready: bool
    content: dict[str, Any]
    idle: list[str]  # sliders that change nothing

    def __str__(self) -> str:
        return f"{self.page} ({self.setting.scheme}, {self.setting.theme}, {self.setting.width} px)"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line on the console for each."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of localhost; yields its address."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Reader:
    """A browser with a book in front of it."""

    browser: Browser
    book: Path
    address: str

    def base(self, setting: Setting) -> str:
        """Where the pages are, in the scheme of the setting."""
        return self.address if setting.scheme == "http" else self.book.resolve().as_uri()

    @contextlib.contextmanager
    def tab(self, setting: Setting) -> Iterator[tuple[Page, Log]]:
        """A fresh tab and the log of what goes wrong in it; requests to other hosts are blocked."""
        log = Log()
        context = self.browser.new_context(
            viewport={"width": setting.width, "height": 900}, reduced_motion="reduce"
        )
        for key in ("mode", "theme"):
            context.add_init_script(f"localStorage.setItem('{key}', '{setting.theme}')")

        def block(route: Route) -> None:
            log.outside.append(route.request.url)
            route.abort()

        # A pattern rather than a function: it is matched in the browser's driver, which is much faster.
        context.route(re.compile(f"^(?!{re.escape(self.base(setting))}|data:|blob:|about:)"), block)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda m: log.errors.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda error: log.errors.append(f"script: {error}"))
        page.on("requestfailed", log.failure)
        page.on("response", lambda r: log.errors.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        yield page, log
        context.close()

    def open(self, page: Page, setting: Setting, name: str) -> bool:
        """Go to a page and wait until it is drawn, far below too; False if it never is."""
        page.goto(f"{self.base(setting)}/{name}")
        page.evaluate(DRAW_ALL)
        try:
            page.wait_for_function(READY, timeout=PATIENCE)
        except TimeoutError:
            return False
        return True

    def visit_all(self, setting: Setting) -> Iterator[Visit]:
        """Look at every page in one setting."""
        with self.tab(setting) as (page, log):
            for name in page_names(self.book):
                ready = self.open(page, setting, name)
                content = page.evaluate(CONTENT)
                found = Axe().run(page, options=AXE_OPTIONS).response["violations"]
                violations = [text for rule in found for text in told(rule)]
                idle = idle_sliders(page)
                yield Visit(name, setting, log.outside[:], log.errors[:], violations, ready, content, idle)
                log.clear()


def idle_sliders(page: Page) -> list[str]:
    """Names of the sliders of explorers that change nothing when an arrow key moves them."""
    idle = []
    page.evaluate(OPEN_GROUPS)
    sliders = page.locator(SLIDERS)
    for number in range(sliders.count()):
        slider = sliders.nth(number)
        before = slider.evaluate(SEEN)
        slider.focus()
        at_end = slider.evaluate("slider => Number(slider.value) >= Number(slider.max)")
        page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        try:
            page.wait_for_function(MOVED, arg=[slider.element_handle(), before], timeout=IDLE)
        except TimeoutError:
            idle.append(slider.get_attribute("aria-label") or f"number {number}")
    return idle


def page_names(book: Path) -> list[str]:
    """Pages of a built book, as paths below it, without the redirect at its front."""
    pages = (path.relative_to(book).as_posix() for path in book.rglob("*.html"))
    return sorted(page for page in pages if page != "index.html" and not page.startswith("_"))
