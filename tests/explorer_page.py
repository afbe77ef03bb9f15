"""Pages with an explorer that need no build."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from browser import PATIENCE

from bookwork.explorer import Explorer, bundle
from bookwork.explorer.base import MIME_TYPE

TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""After which the browser has told all observers of what was done before."""


def page_of(explorer: Explorer, *, runtime_first: bool = False) -> str:
    """A page with one explorer, as the book build lays it out."""
    entry = explorer._repr_mimebundle_()[0][MIME_TYPE]
    state = json.dumps(entry["state"]).replace("<", "\\u003c")
    scripts = [bundle.page_script(explorer.package, explorer.module), bundle.page_runtime()]
    if runtime_first:
        scripts.reverse()
    grounds = "".join(
        f'html[data-theme="{theme}"] body {{ background: {colours["paper"]}; color: {colours["ink"]}; }}'
        for theme, colours in explorer.palette.themes.items()
    )
    style = bundle.stylesheet(explorer.palette)
    return f"""<!doctype html>
<html lang="en" data-theme="light">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Explorer</title>
<style>{style} body {{ margin: 0; }} main {{ max-width: 740px; margin: auto; padding: 8px; }}
{grounds}</style></head>
<body><main><h1>Explorer</h1>
<div class="ranking-explorer" data-module="{entry["module"]}">
<script type="application/json">{state}</script></div></main>
{"".join(f"<script>{script}</script>" for script in scripts)}
</body></html>"""


def pages_of(chromium: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Give a function that opens an explorer from a file; by the end, no error and no other request."""
    contexts, faults = [], []

    def open_page(
        explorer: Explorer,
        *,
        width: int = 1280,
        runtime_first: bool = False,
        before: str | None = None,
        **context: Any,
    ) -> Any:
        path = folder / f"page{len(contexts)}.html"
        path.write_text(page_of(explorer, runtime_first=runtime_first), encoding="utf-8")
        # transitions are for the eye; tests that are about them ask for them
        context = {"reduced_motion": "reduce", **context}
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, **context))
        contexts[-1].set_default_timeout(PATIENCE)
        page = contexts[-1].new_page()
        if before is not None:  # a script that runs first
            page.add_init_script(before)
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on(
            "request", lambda request: request.url != path.as_uri() and faults.append(f"asks: {request.url}")
        )
        page.goto(path.as_uri())
        page.locator(".rx-picture, .rx-question").first.wait_for()
        page.evaluate(TWO_FRAMES)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
