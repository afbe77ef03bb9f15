"""Explorers in pages: a recording to show, and pages that need no build."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranking.explorers import Explorer, bundle
from ranking.explorers.base import MIME_TYPE
from ranking.palette import THEMES


def bins_of(predicted: np.ndarray, shift: float, rng: np.random.Generator) -> dict[str, Any]:
    """Five bins around ``predicted``, of which the fourth has no rows."""
    count = rng.integers(10, 1000, 5)
    count[3] = 0
    observed = np.clip(predicted - shift, 0, 1)
    kept = [
        [None if n == 0 else float(v) for v, n in zip(values, count, strict=True)]
        for values in (predicted, observed)
    ]
    return {
        "predicted": kept[0],
        "observed": kept[1],
        "count": count.tolist(),
        "ece": float(shift),
        "log_loss": 0.25 + shift,
    }


@pytest.fixture(scope="session")
def recording() -> dict[str, Any]:
    """Recorded trainings at three rates with three seeds each, made up with a fixed seed."""
    rng = np.random.default_rng(5)
    rates = [1.0, 0.1, 0.03]  # 0.03 stands for a rate that is recorded beside the usual ones
    runs = [
        {
            "rate": rate,
            "seed": seed,
            "rows": int(10_000 * rate) + 1000,
            "train_seconds": 2.0 * (0.1 + 0.9 * rate) + 0.01 * seed,
            "auc": 0.8 + 0.001 * seed,
            "raw": bins_of(np.sort(rng.uniform(0.5, 1, 5)), 0.4 * (1 - rate) + 0.001 * seed, rng),
            "calibrated": bins_of(np.sort(rng.uniform(0, 0.5, 5)), 0.001 * seed, rng),
        }
        for rate in rates
        for seed in range(3)
    ]
    return {
        "rates": rates,
        "runs": runs,
        "base_rate": 0.1,
        "observed_is": "click share",
        "truth": {"log_loss": 0.23, "auc": 0.877},
        "made_by": "a note that explorers leave out",
    }


def page_of(explorer: Explorer, *, runtime_first: bool = False) -> str:
    """A page with one explorer, as the book build lays it out."""
    entry = explorer._repr_mimebundle_()[0][MIME_TYPE]
    state = json.dumps(entry["state"]).replace("<", "\\u003c")
    scripts = [bundle.page_script(entry["module"]), bundle.page_runtime()]
    if runtime_first:
        scripts.reverse()
    grounds = "".join(
        f'html[data-theme="{theme}"] body {{ background: {colours["paper"]}; color: {colours["ink"]}; }}'
        for theme, colours in THEMES.items()
    )
    return f"""<!doctype html>
<html lang="en" data-theme="light">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Explorer</title>
<style>{bundle.stylesheet()} body {{ margin: 0; }} main {{ max-width: 740px; margin: auto; padding: 8px; }}
{grounds}</style></head>
<body><main><h1>Explorer</h1>
<div class="ranking-explorer" data-module="{entry["module"]}">
<script type="application/json">{state}</script></div></main>
{"".join(f"<script>{script}</script>" for script in scripts)}
</body></html>"""


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
        page.locator(".rx-picture").first.wait_for()
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
