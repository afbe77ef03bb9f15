"""Chapter 4: does a gate of its own pay because the tasks share functions, or because they part?

    python -m experiments.mmoe.strangers [--seeds 100] [--draws 10] [--few 3] [--out FILE]

In ``parts.py`` tasks at distance 1 follow the same three functions, each in another context: experts that
know them serve both tasks, if each has a gate of its own. Here likes follow three functions that clicks
follow in no context. All else, the functions of clicks included, is as there. Predictions: a gate of its own
still pays beyond one gate; it pays less beyond a shared bottom than at distance 1 of ``parts.py``; and
separate networks lose fewer points on likes than there, as there is nothing to share. Takes about eight
minutes on one core.
"""

from __future__ import annotations

from typing import Any

from experiments.mmoe.contexts import strangers
from experiments.mmoe.parts import MODELS, RATES
from experiments.mmoe.setting import at_best_rate, dealt
from experiments.running import each, record


def measure(seeds: range, draws: int = 10, few: int = 3) -> dict[str, Any]:
    """Every model on every draw."""
    runs, bounds = [], []
    for draw, of_draw in each(list(dealt(seeds, range(draws)).items())):
        rows = strangers(draw)
        bounds.append({"draw": draw, **rows.bounds()})
        for name, treatment in MODELS.items():
            found = at_best_rate(rows, treatment, of_draw, RATES, few, together=True)
            runs.append({"model": name, "draw": draw, **found})
    return {
        "question": "Does a gate of its own pay where tasks share no function?",
        "bounds": bounds,
        "few": few,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
