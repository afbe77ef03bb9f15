"""Live figures: a Python class and a JavaScript module each, live in JupyterLab and in the built page."""

from ranking.explorers.base import Explorer
from ranking.explorers.calibration import CalibrationExplorer
from ranking.explorers.recorded import RecordedExplorer, Slider

__all__ = ["CalibrationExplorer", "Explorer", "RecordedExplorer", "Slider"]
