"""Live figures: a Python class and a JavaScript module each, live in JupyterLab and in the built page."""

from ranking.explorers.base import Explorer
from ranking.explorers.calibration import CalibrationExplorer
from ranking.explorers.completion import CompletionExplorer, completion_recording
from ranking.explorers.funnel import FunnelExplorer
from ranking.explorers.fusion import FusionExplorer
from ranking.explorers.gates import GatesExplorer
from ranking.explorers.loss import LossExplorer
from ranking.explorers.recorded import RecordedExplorer, Slider
from ranking.explorers.reranking import RerankingExplorer
from ranking.explorers.watch_time import WatchTimeExplorer

__all__ = [
    "CalibrationExplorer",
    "CompletionExplorer",
    "Explorer",
    "FunnelExplorer",
    "FusionExplorer",
    "GatesExplorer",
    "LossExplorer",
    "RecordedExplorer",
    "RerankingExplorer",
    "Slider",
    "WatchTimeExplorer",
    "completion_recording",
]
