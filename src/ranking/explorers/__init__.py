"""Live figures: a Python class and a JavaScript module each, live in JupyterLab and in the built page."""

from ranking.explorers.base import Explorer
from ranking.explorers.calibration import CalibrationExplorer
from ranking.explorers.funnel import FunnelExplorer
from ranking.explorers.gates import GatesExplorer
from ranking.explorers.loss import LossExplorer
from ranking.explorers.recorded import RecordedExplorer, Slider
from ranking.explorers.reranking import RerankingExplorer

__all__ = [
    "CalibrationExplorer",
    "Explorer",
    "FunnelExplorer",
    "GatesExplorer",
    "LossExplorer",
    "RecordedExplorer",
    "RerankingExplorer",
    "Slider",
]
