"""Examples of arguments for the rooms that hold models and losses; see :mod:`public_doors`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ranking import multi_task
from ranking.calibration import Isotonic, LevelAlarm, LevelCusum, Platt, Shift, SlicedShift, Temperature
from ranking.mmoe import MMoE
from ranking.mmoe.examples import DenseExamples
from ranking.watch_time import DurationQuantiles, LengthCorrection, LogNormalWatchTime

Call = dict[str, Any]

TARGETS = ("click", "like")
IDS = torch.tensor([[0, 1], [2, 3], [1, 0], [2, 2]])
DENSE = torch.tensor([[0.5, -1.0], [0.25, 2.0], [1.0, 0.0], [-0.5, 1.5]])
LOGITS = torch.tensor([[0.5, -1.0], [0.25, 2.0], [1.0, 0.0], [-0.5, 1.5]])
LABELS = torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
MODEL = multi_task.MultiTaskModel((3, 4), 2, TARGETS, embedding_dim=2, shared=(4,), tower=(3,))

GATES = np.array([[[0.5, 0.25, 0.25], [0.75, 0.125, 0.125]], [[1.0, 0.0, 0.0], [0.25, 0.25, 0.5]]])
KEPT = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
ENSEMBLE = MMoE(2, seeds=(0, 1), expert=(3,), tower=())
TRUTH = DenseExamples(
    columns=("x", "y"),
    targets=TARGETS,
    inputs=DENSE.numpy(),
    labels=LABELS.numpy(),
    label_mask=np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 0.0]]),
    truth=np.array([[0.25, 0.5], [0.5, 0.5], [0.75, 0.25], [0.125, 0.5]]),
)

SECONDS = np.array([3.0, 12.5, 40.0, 7.25, 60.0, 0.5])
DURATION = np.array([6.0, 12.5, 50.0, 15.0, 90.0, 4.0])
CHANCES = np.array([0.25, 0.5, 0.75, 0.125, 0.5, 0.375])
WATCHED = torch.tensor(SECONDS)
SLICED = SlicedShift(-0.5, np.array([0, 3]), np.array([-0.25, -0.75]), 0.5)
ISOTONIC = Isotonic(np.array([-1.0, 0.0, 2.0]), np.array([0.125, 0.25, 0.5]))

OUTPUTS = torch.tensor([0.5, -1.0, 0.25, 2.0, 1.0, 0.0])
CORRECTION = LengthCorrection(np.log([3.0, 10.0, 90.0]), np.array([1.0, -0.5, 0.25]))
WATCH_TIME = LogNormalWatchTime(np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 0.0]), 30.0)

EXEMPT = {
    "calibration.fresh.fresh_traffic": "the check of the corrections",
    "calibration.fresh.watched_traffic": "the check of the alarms",
    "calibration.fresh.first_ring": "inside the alarms, which check",
    "calibration.logistic.most_likely": "takes what `fresh_traffic` checked",
    "calibration.logistic.log_likelihood": "takes what `fresh_traffic` checked",
    "calibration.slices.shown_spread": "takes what `fresh_traffic` checked",
    "calibration.slices.deviations": "takes what `fresh_traffic` checked",
    "calibration.alarm.log_mixture_ratio": "inside LevelAlarm, which checks",
    "multi_task.models.MultiTaskModel.forward": "called at every step: fit and predict_logits check",
    "multi_task.models.FeatureEmbedding.forward": "called at every step: fit and predict_logits check",
    "multi_task.entire_space.EntireSpaceCrossEntropy.per_impression": "called at every step, as `sums` is",
    "multi_task.entire_space.EntireSpaceCrossEntropy.sums": "called at every step, on checked labels",
    "multi_task.losses.WeightedCrossEntropy.terms": "called at every step, on sums of checked labels",
    "multi_task.losses.WeightedCrossEntropy.total": "called at every step, on sums of checked labels",
    "multi_task.losses.UncertaintyWeighting.total": "called at every step, on sums of checked labels",
    "multi_task.losses.PerTargetLoss.": "called at every step, on the labels of checked examples",
    "multi_task.gradients.TaskGradients": "a result",
    "multi_task.gradients.gradient_vectors": "called at every step, on losses of checked labels",
    "multi_task.surgery.GradientSurgery.set_extra_state": "takes what its own get_extra_state gave",
    "multi_task.surgery.GradientSurgery.total": "called at every step, on sums of checked labels",
    "mmoe.ensemble.Trajectory": "a result",
    "mmoe.examples.gate_examples": "a large world for each call; it is checked in its own tests",
    "mmoe.masking.check_masking": "the check of MMoE and masked_gates",
    "mmoe.masking.check_kept": "the check of MMoE and masked_gates",
    "mmoe.masking.mixing_weights": "called at every step: masked_gates checks what it reads",
    "mmoe.members.checked_seeds": "the check of MMoE and train_ensemble",
    "mmoe.members.Members.": "inside MMoE and train_ensemble, whose checks it holds",
    "mmoe.mixing.": "inside MMoE, which checks",
    "mmoe.networks.": "inside MMoE, which checks",
    "mmoe.on_log.EmbeddedMMoE.forward": "called at every step: fit and predict_logits check what it reads",
    "mmoe.on_log.EmbeddedMMoE.gate_weights": "as forward, without the towers",
}

SELVES: Call = {
    "Shift": Shift(-0.5),
    "Temperature": Temperature(0.75),
    "Platt": Platt(0.75, -0.5),
    "Isotonic": ISOTONIC,
    "SlicedShift": SLICED,
    "LevelAlarm": LevelAlarm(tolerance=0.25, rows=6, excess=(2.0, 3.0), variance=(1.0, 0.5)),
    "LevelCusum": LevelCusum(rows=6, upwards=2.0, downwards=0.5),
    "DenseExamples": TRUTH,
    "MMoE": ENSEMBLE,
    "DurationQuantiles": DurationQuantiles.fit(DURATION, SECONDS, groups=2),
    "LengthCorrection": CORRECTION,
    "LogNormalWatchTime": WATCH_TIME,
}

CALLS: dict[str, Call] = {
    "calibration.alarm.LevelAlarm": {
        "rows": 6,
        "excess": (2.0, 3.0),
        "variance": (1.0, 0.5),
        "rang_after": 4,
    },
    "calibration.cusum.LevelCusum": {"rows": 6, "upwards": 2.0, "downwards": 0.5, "rang_after": 4},
    "calibration.isotonic.Isotonic": vars(ISOTONIC),
    "calibration.logistic.Platt": {"slope": 0.75, "shift": -0.5},
    "calibration.logistic.Shift": {"shift": -0.5},
    "calibration.logistic.Temperature": {"slope": 0.75},
    "calibration.slices.SlicedShift": vars(SLICED),
    "calibration.slices.SlicedShift.fit": {"slices": np.array([0, 3, 0, 3, 0, 3]), "spread": 0.5},
    "calibration.slices.SlicedShift.__call__": {"slices": np.array([0, 3, 1, 3, 0, 7])},
    "mmoe.cgc.CGC": {"inputs": 3, "shared": 2, "own": 1},
    "mmoe.diagnostics.utilisation": {"gates": GATES},
    "mmoe.diagnostics.effective_experts": {"u": GATES[0]},
    "mmoe.diagnostics.polarized": {"u": GATES[0], "above": 0.75},
    "mmoe.diagnostics.dead_experts": {"u": GATES[0], "below": 0.125},
    "mmoe.diagnostics.mean_largest_weight": {"gates": GATES},
    "mmoe.ensemble.train_ensemble": {
        "model": ENSEMBLE,
        "inputs": DENSE,
        "labels": LABELS,
        "steps": 2,
        "batch_size": 8,
        "label_mask": torch.ones(4, 2),
        "held_out": (DENSE, LABELS),
        "record_at": (0, 2),
        "seeds": (0, 1),
        "schedule": "cosine",
        "optimiser": lambda model, rate: torch.optim.SGD(model.parameters(), rate),
    },
    "mmoe.examples.DenseExamples": vars(TRUTH),
    "mmoe.examples.DenseExamples.log_loss": {"logits": LOGITS.numpy()},
    "mmoe.examples.DenseExamples.gap_closed": {"logits": LOGITS.numpy()},
    "mmoe.masking.draw_kept": {"shape": (4, 3), "rate": 0.25, "at_least_one": True},
    "mmoe.masking.masked_gates": {
        "logits": torch.tensor([[0.5, -1.0, 2.0], [0.25, 2.0, 0.0], [1.0, 0.0, 0.5]]),
        "kept": KEPT,
        "masking": "epsilon",
        "mask_rate": 0.25,
        "epsilon": 0.5,
    },
    "mmoe.model.MMoE": {
        "inputs": 3,
        "expert": (3,),
        "gate": (2,),
        "tower": (2,),
        "seeds": (0, 1),
        "base_rates": (0.25, 0.125),
    },
    "mmoe.model.MMoE.forward": {"x": DENSE, "kept": torch.ones(2, 4, 2, 3)},
    "mmoe.model.MMoE.gate_weights": {"x": DENSE},
    "mmoe.model.MMoE.expert_layers": {"expert": 1, "seed": 1},
    "mmoe.model.MMoE.gate_layers": {"gate": 1, "seed": 1},
    "mmoe.model.MMoE.tower_layers": {"task": 1, "seed": 1},
    "mmoe.on_log.EmbeddedMMoE": {"embedding": MODEL.embedding},
    "mmoe.penalties.gate_entropy": {"gates": torch.tensor(GATES)},
    "mmoe.penalties.load_imbalance": {"gates": torch.tensor(GATES)},
    "multi_task.models.dense_layers": {"sizes": (2, 3, 1)},
    "multi_task.models.FeatureEmbedding": {"cardinalities": (3, 4), "n_dense": 2},
    "multi_task.models.MultiTaskModel": {
        "cardinalities": (3, 4),
        "n_dense": 2,
        "shared": (4,),
        "tower": (3,),
        "base_rates": (0.25, 0.125),
    },
    "multi_task.rates.base_rates": {"labels": LABELS.numpy()},
    "multi_task.losses.click_mask": {"labels": LABELS, "given_click": ("like",)},
    "multi_task.losses.cross_entropy_per_target": {
        "logits": LOGITS,
        "labels": LABELS,
        "mask": LABELS,
        "weights": LABELS + 0.5,
    },
    "multi_task.losses.weighted_cross_entropy": {
        "logits": LOGITS,
        "labels": LABELS,
        "loss_weights": torch.tensor([1.0, 2.0]),
        "mask": LABELS,
    },
    "multi_task.losses.WeightedCrossEntropy": {"loss_weights": {"like": 2.0}, "given_click": ("like",)},
    "multi_task.entire_space.product_logit": {"first": LOGITS[:, 0], "second": LOGITS[:, 1]},
    "multi_task.entire_space.EntireSpaceCrossEntropy": {
        "loss_weights": {"like": 2.0},
        "given_click": ("like",),
    },
    "multi_task.surgery.project_conflicts": {
        "gradients": torch.tensor([[1.0, 0.0, 2.0], [-1.0, 0.5, 0.0], [0.25, -2.0, 1.0]]),
        "generator": torch.Generator().manual_seed(0),
    },
    "multi_task.surgery.GradientSurgery": {
        "model": MODEL,
        "loss_weights": {"like": 2.0},
        "given_click": ("like",),
    },
    "multi_task.gradients.task_gradients": {
        "model": MODEL,
        "categorical": IDS,
        "dense": DENSE,
        "labels": LABELS,
    },
    "watch_time.completion.known_duration": {"duration": DURATION},
    "watch_time.completion.share_played": {"watch_time": SECONDS, "duration": DURATION},
    "watch_time.completion.completed": {"watch_time": SECONDS, "duration": DURATION},
    "watch_time.completion.LengthCorrection": vars(CORRECTION),
    "watch_time.completion.LengthCorrection.fit": {"duration": DURATION, "completion": CHANCES},
    "watch_time.completion.LengthCorrection.expected": {"duration": DURATION},
    "watch_time.completion.LengthCorrection.correct": {"duration": DURATION},
    "watch_time.distribution.LogNormalWatchTime": {
        "mu": np.array([1.0, 2.0, 3.0]),
        "sigma": np.array([0.5, 1.0, 0.0]),
        "duration": np.array([4.0, 30.0, 60.0]),
    },
    "watch_time.distribution.LogNormalWatchTime.quantile": {"level": 0.25},
    "watch_time.distribution.LogNormalWatchTime.reaches": {"share": 0.75},
    "watch_time.losses.watch_time_target": {"watch_time": SECONDS},
    "watch_time.losses.seconds_per_impression": {"p_click": CHANCES},
    "watch_time.losses.weighted_logistic_limit": {"p_click": CHANCES, "mean": SECONDS},
    "watch_time.losses.smearing_factor": {"watch_time": SECONDS},
    "watch_time.losses.source_limit": {"watch_time": SECONDS},
    "watch_time.losses.watch_time_loss": {"logits": OUTPUTS, "watch_time": WATCHED, "weights": WATCHED},
    "watch_time.losses.geometric_loss": {"logits": OUTPUTS, "watch_time": WATCHED, "weights": WATCHED},
    "watch_time.losses.weighted_logistic_loss": {
        "logits": OUTPUTS,
        "watch_time": WATCHED,
        "clicked": torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
        "weights": WATCHED,
    },
    "watch_time.losses.squared_error": {"outputs": OUTPUTS, "watch_time": WATCHED, "weights": WATCHED},
    "watch_time.losses.log_squared_error": {"outputs": OUTPUTS, "watch_time": WATCHED, "weights": WATCHED},
    "watch_time.losses.quantile_loss": {
        "logits": OUTPUTS,
        "quantiles": torch.tensor(CHANCES),
        "weights": WATCHED,
    },
    "watch_time.quantiles.DurationQuantiles": vars(SELVES["DurationQuantiles"]),
    "watch_time.quantiles.DurationQuantiles.fit": {"duration": DURATION, "watch_time": SECONDS, "groups": 2},
    "watch_time.quantiles.DurationQuantiles.group": {"duration": DURATION},
    "watch_time.quantiles.DurationQuantiles.targets": {"duration": DURATION, "watch_time": SECONDS},
    "watch_time.quantiles.DurationQuantiles.watch_time": {"duration": DURATION, "quantiles": CHANCES},
}
