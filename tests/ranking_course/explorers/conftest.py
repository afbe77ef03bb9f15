"""Explorers in a browser: a recording to show, and pages opened from files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import made_up_recording, page_of

from ranking_course.explorers import Explorer


@pytest.fixture(scope="session")
def recording() -> dict[str, Any]:
    """Three rates, one of them no usual stop of the slider; three seeds; five bins, one of them empty."""
    return made_up_recording(rates=[1.0, 0.1, 0.03], seeds=3, bins=5)


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open an explorer from a file; by the end no error and no other request may have occurred."""
    contexts, faults = [], []

    def open_page(
        explorer: Explorer, *, width: int = 1280, runtime_first: bool = False, **context: Any
    ) -> Any:
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(page_of(explorer, runtime_first=runtime_first), encoding="utf-8")
        # transitions are for the eye; tests that are about them ask for them
        context = {"reduced_motion": "reduce", **context}
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, **context))
        page = contexts[-1].new_page()
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on(
            "request", lambda request: request.url != path.as_uri() and faults.append(f"asks: {request.url}")
        )
        page.goto(path.as_uri())
        page.locator(".rx-picture, .rx-question").first.wait_for()
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
