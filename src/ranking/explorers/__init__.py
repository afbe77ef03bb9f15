"""Live figures: a Python class and a JavaScript module each, live in JupyterLab and in the built page."""

from ranking.explorers.base import Explorer
from ranking.explorers.calibration import CalibrationExplorer
from ranking.explorers.completion import CompletionExplorer, completion_recording
from ranking.explorers.funnel import FunnelExplorer
from ranking.explorers.fusion import FusionExplorer
from ranking.explorers.gates import GatesExplorer
from ranking.explorers.loss import LossExplorer
from ranking.explorers.quiz import QuizExplorer, checked_questions, quizzes, read_questions
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
    "QuizExplorer",
    "RecordedExplorer",
    "RerankingExplorer",
    "Slider",
    "WatchTimeExplorer",
    "checked_questions",
    "completion_recording",
    "quizzes",
    "read_questions",
]
