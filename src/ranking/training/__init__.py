"""Training: one fit loop for every model of the course, and the examples that it learns from."""

from ranking.multi_task import seeded
from ranking.training.examples import Examples, TableExamples, WatchTimeExamples
from ranking.training.fitting import fit, predict_logits
from ranking.training.objective import Loss
from ranking.training.run import History
