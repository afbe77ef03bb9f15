"""The explorers that every book has, in the colours of this course."""

from bookwork import explorer
from ranking import progress
from ranking_course.palette import PALETTE


class Explorer(explorer.Explorer):
    """Base of the course's explorers."""

    palette = PALETTE


class QuizExplorer(explorer.QuizExplorer):
    __doc__ = explorer.QuizExplorer.__doc__
    palette = PALETTE


class RecordedExplorer(explorer.RecordedExplorer):
    __doc__ = explorer.RecordedExplorer.__doc__
    palette = PALETTE
    progress = staticmethod(progress.progress)
