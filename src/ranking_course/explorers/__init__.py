"""Live figures: a Python class and a JavaScript module each, live in JupyterLab and in the built page."""

from bookwork.explorer import Slider, checked_questions, read_questions
from ranking_course.explorers.base import Explorer, QuizExplorer, RecordedExplorer
from ranking_course.explorers.calibration import CalibrationExplorer
from ranking_course.explorers.completion import CompletionExplorer, completion_recording
from ranking_course.explorers.funnel import FunnelExplorer
from ranking_course.explorers.funnel_picture import FunnelPicture
from ranking_course.explorers.fused_order import FusedOrderExplorer
from ranking_course.explorers.fusion import FusionExplorer
from ranking_course.explorers.gates import GatesExplorer
from ranking_course.explorers.loss import LossExplorer
from ranking_course.explorers.measures import MeasuresExplorer
from ranking_course.explorers.reranking import RerankingExplorer
from ranking_course.explorers.watch_time import WatchTimeExplorer
from ranking_course.explorers.weights import WeightsExplorer
