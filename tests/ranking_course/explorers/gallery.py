"""One of every explorer, each whole: made-up recordings where it replays any. By the name of its module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from recordings import (
    completion_made_up,
    funnel_recording,
    fused_recording,
    gates_examples,
    gates_recording,
    made_up_recording,
    slate_recording,
    weights_recording,
)

from ranking_course.explorers import (
    CalibrationExplorer,
    CompletionExplorer,
    Explorer,
    FunnelExplorer,
    FusedOrderExplorer,
    FusionExplorer,
    GatesExplorer,
    LossExplorer,
    MeasuresExplorer,
    QuizExplorer,
    RecordedExplorer,
    RerankingExplorer,
    WatchTimeExplorer,
    WeightsExplorer,
)

BOOK = Path(__file__).resolve().parents[3] / "book"


def powers(power: float) -> dict[str, object]:
    """A curve to record."""
    x = np.linspace(0, 1, 40)
    return {
        "x": {"label": "x"},
        "y": {"label": "y"},
        "series": [{"name": "curve", "kind": "line", "x": x, "y": x**power, "color": "watch_time"}],
        "sentence": f"At power {power} the curve rises from 0 to 1 and is {0.5**power:.2f} halfway.",
    }


GALLERY: dict[str, Callable[[], Explorer]] = {
    "calibration": lambda: CalibrationExplorer(
        recorded=made_up_recording([1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01], seeds=5, bins=15)
    ),
    "completion": lambda: CompletionExplorer(completion_made_up(candidates=40), knots=5),
    "funnel": lambda: FunnelExplorer(funnel_recording()),
    "fused_order": lambda: FusedOrderExplorer(fused_recording()),
    "fusion": FusionExplorer,
    "gates": lambda: GatesExplorer(gates_recording(shown=6, rows=20), data=gates_examples()),
    "loss": LossExplorer,
    "measures": MeasuresExplorer,
    "quiz": lambda: QuizExplorer(BOOK / "03_calibration" / "quiz.toml"),
    "recorded": lambda: RecordedExplorer(powers, {"power": [0.5, 1, 2, 4]}, title="Powers"),
    "reranking": lambda: RerankingExplorer(slate_recording(candidates=100)),
    "watch_time": WatchTimeExplorer,
    "weights": lambda: WeightsExplorer(weights_recording()),
}
