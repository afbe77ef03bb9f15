"""From moving a slider to seeing the picture: in the built page, and in JupyterLab.

    python benchmarks/explorers.py [calibration funnel ...] [--moves 60] [--no-lab]

A pointer drags the first slider of every explorer that has one, one stop per move; those that replay
recordings hold made-up ones of a usual size (the calibration explorer 7 rates, 5 seeds, 15 bins). Printed are
the median and the 95th percentile of these times, counted from the time stamp that the browser gives the
pointer's move:

- drawn: the picture is in the document;
- paint: the frame with the new picture is done: a task queued in it runs, or the next frame begins;
- echo (JupyterLab): the trait changed in Python, and a label that Python set from it came back.

Targets: two frames (33 ms) in the page, 50 ms in JupyterLab, at the 95th percentile of paint.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

from bookwork import command_line

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "ranking_course" / "explorers")]
from browser import ADVICE, LAUNCH_ARGS, find_browser  # noqa: E402
from explorer_page import page_of  # noqa: E402
from gallery import GALLERY  # noqa: E402
from lab_server import open_notebook, run_all, serve  # noqa: E402

MOVED = [name for name in GALLERY if name != "quiz"]  # which has no slider
SCREEN = {"width": 1280, "height": 1000}
PAUSE_MS = 60  # between moves: a quick hand

# Listens after the explorer did, so that its picture is drawn when the next frame is asked for.
WATCH = """() => {
    let moved = 0;
    const slider = [...document.querySelectorAll('.rx input[type=range]')].find((s) => s.checkVisibility());
    addEventListener('pointermove', (event) => { moved = event.timeStamp; }, true);
    slider.addEventListener('input', () => {
        const move = { at: moved, drawn: performance.now() - moved };
        window.moves.push(move);
        requestAnimationFrame(() => {
            const painted = () => { move.paint ??= performance.now() - move.at; };
            const task = new MessageChannel();
            task.port1.onmessage = painted;
            task.port2.postMessage(null);
            requestAnimationFrame(painted);
        });
    });
    const labels = [...document.querySelectorAll('.widget-label')];
    const heard = labels.find((label) => label.textContent === 'no move yet');
    if (heard) {
        new MutationObserver(() => {
            const last = window.moves.at(-1);
            if (last) last.echo = performance.now() - last.at;
        }).observe(heard, { childList: true, characterData: true, subtree: true });
    }
}"""

CELL = """import sys, ipywidgets
sys.path[:0] = [{tests!r}]
from gallery import GALLERY
explorer = GALLERY[{name!r}]()
heard = ipywidgets.Label('no move yet')
hear = lambda change: setattr(heard, 'value', str(hash(str(change.new))))
explorer.observe(hear, list(explorer.settings))
ipywidgets.VBox([explorer, heard])"""


def drag(page: Any, moves: int) -> list[dict[str, float]]:
    """Drag the first slider to and fro, one stop per move; what each move took, in ms."""
    page.evaluate("window.moves = []")
    slider = page.locator(".rx input[type=range]:visible").first
    slider.scroll_into_view_if_needed()
    box, stops = slider.bounding_box(), int(slider.get_attribute("max"))
    thumb = 20
    step = (box["width"] - thumb) / stops
    left, y = box["x"] + thumb / 2, box["y"] + box["height"] / 2
    page.mouse.move(left, y)
    page.mouse.down()
    way = [*range(stops + 1), *range(stops - 1, 0, -1)]
    for i in range(1, moves + 1):
        page.mouse.move(left + way[i % len(way)] * step, y)
        page.wait_for_timeout(PAUSE_MS)
    page.mouse.up()
    page.wait_for_timeout(500)
    return page.evaluate("window.moves")


def report(place: str, moves: list[dict[str, float]], target_ms: float) -> None:
    """One line per measure."""
    names = {"drawn": "drawn", "paint": "paint", "echo": "echo from Python"}
    for key, name in names.items():
        taken = [move[key] for move in moves if key in move]
        if not taken:
            continue
        median, high = np.percentile(taken, [50, 95])
        aim = f", target {target_ms:.0f}" if key == "paint" else ""
        print(f"{place:<24} {name:<17} median {median:5.1f} ms, 95% {high:5.1f} ms{aim} ({len(taken)} moves)")


def in_page(browser: Any, folder: Path, name: str, moves: int) -> None:
    """Drag in a page of its own, as the book lays it out."""
    file = folder / f"{name}.html"
    file.write_text(page_of(GALLERY[name]()), encoding="utf-8")
    page = browser.new_page(viewport=SCREEN)
    page.goto(file.as_uri())
    measure(f"{name}, page", page, moves, 2000 / 60)


def in_lab(browser: Any, folder: Path, names: list[str], moves: int) -> None:
    """Drag in JupyterLab, one notebook per explorer."""
    work = folder / "work"
    work.mkdir()
    kernel = {"name": "python3", "display_name": "Python 3"}
    for name in names:
        source = CELL.format(tests=str(TESTS / "ranking_course" / "explorers"), name=name)
        notebook = new_notebook(cells=[new_code_cell(source)], metadata={"kernelspec": kernel})
        nbformat.write(notebook, work / f"{name}.ipynb")
    with serve(work, folder) as address:
        for name in names:
            page = browser.new_page()
            open_notebook(page, address, f"{name}.ipynb")
            run_all(page)
            page.set_viewport_size(SCREEN)
            measure(f"{name}, JupyterLab", page, moves, 50)


def measure(place: str, page: Any, moves: int, target_ms: float) -> None:
    """Wait for the picture, let the first moves compile the code, then measure and close the page."""
    page.locator(".rx-picture").first.wait_for()
    page.evaluate(WATCH)
    drag(page, 10)
    report(place, drag(page, moves), target_ms)
    page.close()


def main() -> None:
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=MOVED, help=f"any of {', '.join(MOVED)}")
    parser.add_argument("--moves", type=command_line.count, default=60, help="moves of the slider")
    parser.add_argument("--no-lab", action="store_true", help="leave JupyterLab out")
    options = parser.parse_args()
    unknown = set(options.names) - set(MOVED)
    if unknown:
        parser.error(f"no explorer is named {', '.join(sorted(unknown))}; there are {', '.join(MOVED)}")
    program = find_browser()
    if program is None:
        raise ValueError(ADVICE)
    if hasattr(os, "getloadavg"):
        print(f"other work on the machine: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=LAUNCH_ARGS)
        for name in options.names:
            in_page(browser, Path(scratch), name, options.moves)
        if not options.no_lab:
            in_lab(browser, Path(scratch), options.names, options.moves)
        browser.close()


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
