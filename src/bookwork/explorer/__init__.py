"""Live figures: a Python class and a JavaScript module each, live in JupyterLab and in the built page."""

from bookwork.explorer.base import Explorer
from bookwork.explorer.quiz import QuizExplorer, checked_questions, read_questions
from bookwork.explorer.recorded import RecordedExplorer, Slider
