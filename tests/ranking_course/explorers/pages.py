"""Pages with an explorer that need no build, and made-up recordings to show in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from bookwork.explorer import Explorer, bundle
from bookwork.explorer.base import MIME_TYPE


def _bins(count: np.ndarray, predicted: np.ndarray, gap: float) -> dict[str, Any]:
    """Bins whose predictions are off by ``gap``; empty ones hold None."""
    observed = np.clip(predicted - gap, 0, 1)
    kept = [
        [None if n == 0 else float(value) for value, n in zip(values, count, strict=True)]
        for values in (predicted, observed)
    ]
    return {
        "predicted": kept[0],
        "observed": kept[1],
        "count": count.tolist(),
        "ece": float(gap),
        "log_loss": 0.25 + gap,
    }


def made_up_recording(rates: Sequence[float], seeds: int, bins: int) -> dict[str, Any]:
    """Recorded trainings as the calibration explorer takes them; the last bin but one has no rows."""
    rng = np.random.default_rng(5)

    def draw(low: float, high: float, gap: float) -> dict[str, Any]:
        count = rng.integers(10, 1000, bins)
        count[-2] = 0
        return _bins(count, np.sort(rng.uniform(low, high, bins)), gap)

    runs = [
        {
            "rate": rate,
            "seed": seed,
            "rows": int(10_000 * rate) + 1000,
            "train_seconds": 2.0 * (0.1 + 0.9 * rate) + 0.01 * seed,
            "auc": 0.8 + 0.001 * seed,
            "raw": draw(0.5, 1.0, 0.4 * (1 - rate) + 0.001 * seed),
            "calibrated": draw(0.0, 0.5, 0.001 * seed),
        }
        for rate in rates
        for seed in range(seeds)
    ]
    return {
        "rates": list(rates),
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
