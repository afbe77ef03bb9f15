"""From moving a slider to seeing the picture: in the built page, and in JupyterLab.

    python benchmarks/explorers.py [--moves 60] [--no-lab]

A pointer drags the slider of the sampling rate, one stop per move, in a calibration explorer with recorded
trainings (7 rates, 5 seeds, 15 bins). Printed are the median and the 95th percentile of these times, counted
from the time stamp that the browser gives the pointer's move:

- drawn: the picture is in the document;
- paint: the frame with the new picture is done: a task queued in it runs, or the next frame begins;
- echo (JupyterLab): the trait changed in Python, and a label that Python set from it came back.

Targets: two frames (33 ms) in the page, 50 ms in JupyterLab, at the 95th percentile of paint.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from ranking.explorers import CalibrationExplorer

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "explorers")]
from pages import made_up_recording, page_of  # noqa: E402

from browser import ADVICE, LAUNCH_ARGS, find_browser  # noqa: E402
from lab_server import open_notebook, run_all, serve  # noqa: E402

RECORDING = {"rates": [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01], "seeds": 5, "bins": 15}
SCREEN = {"width": 1280, "height": 1000}
PAUSE_MS = 60  # between moves: a quick hand

# Listens after the explorer did, so that its picture is drawn when the next frame is asked for.
WATCH = """() => {
    let moved = 0;
    const slider = document.querySelector('.rx input');
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

CELL = """import json, ipywidgets
from pathlib import Path
from ranking.explorers import CalibrationExplorer
explorer = CalibrationExplorer(recorded=json.loads(Path('recording.json').read_text()))
heard = ipywidgets.Label('no move yet')
explorer.observe(lambda change: setattr(heard, 'value', str(change.new)), 'sampling_rate')
ipywidgets.VBox([explorer, heard])"""


def drag(page: Any, moves: int) -> list[dict[str, float]]:
    """Drag the first slider to and fro, one stop per move; what each move took, in ms."""
    page.evaluate("window.moves = []")
    slider = page.locator(".rx input").first
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
        print(f"{place:<11} {name:<17} median {median:5.1f} ms, 95% {high:5.1f} ms{aim} ({len(taken)} moves)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=60, help="moves of the slider")
    parser.add_argument("--no-lab", action="store_true", help="leave JupyterLab out")
    options = parser.parse_args()
    program = find_browser()
    if program is None:
        raise SystemExit(ADVICE)
    recording = made_up_recording(**RECORDING)
    if hasattr(os, "getloadavg"):
        print(f"other work on the machine: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        browser = playwright.chromium.launch(executable_path=program, args=LAUNCH_ARGS)
        file = folder / "page.html"
        file.write_text(page_of(CalibrationExplorer(recorded=recording)), encoding="utf-8")
        page = browser.new_page(viewport=SCREEN)
        page.goto(file.as_uri())
        page.locator(".rx-picture").first.wait_for()
        page.evaluate(WATCH)
        drag(page, 10)  # the first moves compile the code
        report("page", drag(page, options.moves), 2000 / 60)
        page.close()
        if not options.no_lab:
            work = folder / "work"
            work.mkdir()
            (work / "recording.json").write_text(json.dumps(recording), encoding="utf-8")
            cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
            notebook = {
                "cells": [{**cell, "source": CELL}],
                "metadata": {},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
            notebook["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
            (work / "explorer.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
            with serve(work, folder) as address:
                page = browser.new_page()
                open_notebook(page, address, "explorer.ipynb")
                run_all(page)
                page.set_viewport_size(SCREEN)
                page.locator(".rx-picture").first.wait_for()
                page.evaluate(WATCH)
                drag(page, 10)
                report("JupyterLab", drag(page, options.moves), 50)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
