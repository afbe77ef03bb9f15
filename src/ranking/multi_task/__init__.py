"""The multi-objective model (多目标模型) and its weighted cross-entropy.

Claims B2–B5 of the source map: feature groups through embeddings, concatenated; a shared network; one tower
per target. Towers give *logits*: a sigmoid makes rates of them, losses are computed before it.
"""

from ranking.multi_task.entire_space import EntireSpaceCrossEntropy, product_logit
from ranking.multi_task.gradients import TaskGradients, task_gradients
from ranking.multi_task.losses import (
    GIVEN_CLICK,
    PerTargetLoss,
    UncertaintyWeighting,
    WeightedCrossEntropy,
    click_mask,
    cross_entropy_per_target,
    weighted_cross_entropy,
)
from ranking.multi_task.models import FeatureEmbedding, MultiTaskModel, dense_layers, seeded
from ranking.multi_task.rates import base_rates
from ranking.multi_task.surgery import GradientSurgery, project_conflicts

__all__ = [
    "GIVEN_CLICK",
    "EntireSpaceCrossEntropy",
    "FeatureEmbedding",
    "GradientSurgery",
    "MultiTaskModel",
    "PerTargetLoss",
    "TaskGradients",
    "UncertaintyWeighting",
    "WeightedCrossEntropy",
    "base_rates",
    "click_mask",
    "cross_entropy_per_target",
    "dense_layers",
    "product_logit",
    "project_conflicts",
    "seeded",
    "task_gradients",
    "weighted_cross_entropy",
]
