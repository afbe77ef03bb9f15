"""Exercises that check themselves while they are solved, and that nbgrader grades.

``checks`` and ``comparing`` are what an exercise's check cell uses; ``answers`` finds what a learner wrote,
in the same kernel or, while grading, in an ``other_kernel`` (whose side is ``serving``), within ``limits``
and as ``data``, copied.
``editions`` makes the learner's edition of a notebook from the authored one, of which ``faults`` says what is
wrong; ``course`` writes a course folder for nbgrader, whose submissions ``grading`` runs in ``kernels``, each
in a ``sandbox``; ``gradebook`` reads what came out; ``gate`` verifies that right answers, wrong ones and
empty ones get the points that they deserve; ``term`` has the commands for a class.

Only the check cells' part is imported here: it needs neither nbgrader nor torch.
"""

from bookwork.grading.answers import AnswerError
from bookwork.grading.checks import Checks
from bookwork.grading.comparing import close, equal, numbers
