"""Live figures: a Python class and a JavaScript module each, live in JupyterLab and in the built page."""

from ranking.explorers.base import Explorer
from ranking.explorers.calibration import CalibrationExplorer
from ranking.explorers.funnel import FunnelExplorer
from ranking.explorers.loss import LossExplorer
from ranking.explorers.quiz import QuizExplorer, checked_questions, quizzes, read_questions
from ranking.explorers.recorded import RecordedExplorer, Slider
from ranking.explorers.reranking import RerankingExplorer

__all__ = [
    "CalibrationExplorer",
    "Explorer",
    "FunnelExplorer",
    "LossExplorer",
    "QuizExplorer",
    "RecordedExplorer",
    "RerankingExplorer",
    "Slider",
    "checked_questions",
    "quizzes",
    "read_questions",
]
