"""What the experiments on polarized gates share: worlds in which both heads learn, training, and judging.

Every world has a log of its own. The first 30 of its 40 days only fill the window of the statistics. Of the
last ten, the older 80% of the impressions are learnt from; on the next 10% learning rates are chosen, by
their labels as a team would; of the newest 10% every second impression is judged on, by the loss *expected*
over fresh labels drawn from the truth. Clicks are learnt from all rows, likes from the clicked ones.

A model has 3 experts of two layers, and for each task a gate with one hidden layer and a tower. It takes 800
steps of 256 rows at a learning rate that falls to 0 by half a cosine. A seed decides first weights and
batches, and is the same one under every treatment, so that treatments can be compared seed by seed. The seeds
are dealt out to the worlds.

A treatment is tried at several rates with the first ``few`` of a world's seeds, and trained with all of them
at the rate that is best for the *median* seed there. Now and then a head never leaves a constant: all units
of its tower are off, and only its bias learns. One of them weighs more in a mean than all that tells two
treatments apart; such heads are counted, and the losses of every seed are in the records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit
from torch import Tensor

from experiments.logs import recent_log
from experiments.mmoe.interventions import AdamByMember
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.mmoe import MMoE, Trajectory, dead_experts, polarized, train_ensemble, utilisation
from ranking.mmoe.examples import DenseExamples, dense_examples

Floats = NDArray[np.float64]
TARGETS = ("click", "like")
EXPERTS = 3
SHAPE: dict[str, Any] = {
    "experts": EXPERTS,
    "expert": (16, 16),
    "gate": (16,),
    "tower": (8,),
    "mask_rate": 0.0,
}
TRAINING: dict[str, Any] = {"steps": 800, "batch_size": 256, "schedule": "cosine"}
RATES = (0.003, 0.01, 0.03)
"""Learning rates that a treatment may choose from."""
WORLDS = (0, 1)
JUDGED = "expected over fresh labels from the truth, nats, on rows of later days"
CLOSES = 0.05  # a head that closes less of the gap between the best constant and the truth has not learned
ROWS_AT_ONCE = 4_000  # in an evaluation


@dataclass(frozen=True, eq=False)
class Setting:
    """One world's rows to learn from, to choose by and to judge on."""

    learnt: DenseExamples
    chosen_on: DenseExamples
    judged_on: DenseExamples

    @classmethod
    def build(cls, world: int, impressions: int) -> Self:
        """The world that a seed draws, and its log."""
        return cls.of(recent_log(world, impressions, world_seed=world))

    @classmethod
    def of(cls, log: ImpressionLog) -> Self:
        """The parts of a log, the oldest first."""
        learnt, chosen_on, newest = log.split(0.8, 0.1, 0.1)
        encoder = FeatureEncoder().fit(learnt)
        judged_on = newest.select(np.arange(0, len(newest), 2))
        return cls(*(dense_examples(part, encoder, TARGETS) for part in (learnt, chosen_on, judged_on)))

    @property
    def base_rates(self) -> Floats:
        """Of clicks, and of likes among the clicked, in the rows to learn from, (tasks,)."""
        return self.learnt.base_rates

    def bounds(self) -> dict[str, list[float]]:
        """Judged loss of the best constant and of the truth, by task: what can be reached, and what not."""
        constant, truth = self.judged_on.bounds()
        return {"constant": constant.tolist(), "truth": truth.tolist()}


@dataclass(frozen=True)
class Treatment:
    """How models are made and trained, where that differs from the setting's own way.

    Attributes:
        shape, training: settings of ``MMoE`` and of ``train_ensemble``.
        above: so far above the base rates, in logits, the heads start; None for where they are drawn, near
            one half.
        kind: a class of models.
        change: what is done to the models before their first step.
    """

    shape: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    above: float | None = None
    kind: type[MMoE] = MMoE
    change: Callable[[MMoE], object] = lambda model: None


def untrained(setting: Setting, treatment: Treatment, seeds: Sequence[int]) -> MMoE:
    """One model per seed, before its first step."""
    shape = {**SHAPE, **treatment.shape}
    if treatment.above is not None:
        shape["base_rates"] = expit(logit(setting.base_rates) + treatment.above).tolist()
    model = treatment.kind(setting.learnt.inputs.shape[1], len(TARGETS), seeds=tuple(seeds), **shape)
    treatment.change(model)
    return model


def train(
    setting: Setting, treatment: Treatment, seeds: Sequence[int], rate: float, **options: Any
) -> tuple[MMoE, Trajectory]:
    """One model per seed, trained; ``options`` are further ones of ``train_ensemble``."""
    model = untrained(setting, treatment, seeds)
    inputs, labels, mask = (
        torch.from_numpy(part)
        for part in (setting.learnt.inputs, setting.learnt.labels, setting.learnt.label_mask)
    )
    training = {**TRAINING, **treatment.training, **options}
    return model, train_ensemble(model, inputs, labels, label_mask=mask, learning_rate=rate, **training)


@torch.no_grad()
def evaluated(model: MMoE, examples: DenseExamples) -> tuple[Tensor, Tensor]:
    """Logits (seeds, rows, tasks) and gate weights (seeds, rows, tasks, experts)."""
    parts = torch.from_numpy(examples.inputs).split(ROWS_AT_ONCE)
    found = zip(*(model(part, return_gates=True) for part in parts), strict=True)
    logits, gates = (torch.cat(values, dim=1) for values in found)
    return logits, gates


def observed_loss(logits: Tensor, examples: DenseExamples) -> Floats:
    """What a team sees on labels: log losses over those of the base rates, mean over tasks, (seeds,)."""
    y, mask = examples.labels.astype(np.float64), examples.label_mask.astype(np.float64)
    z = logits.double().numpy()  # (seeds, rows, tasks)
    losses = ((np.logaddexp(0.0, z) - y * z) * mask).sum(axis=-2) / mask.sum(axis=0)  # (seeds, tasks)
    base = np.average(y, axis=0, weights=mask)
    entropy = -(base * np.log(base) + (1 - base) * np.log(1 - base))
    return np.asarray((losses / entropy).mean(axis=-1))


def judge(setting: Setting, model: MMoE) -> dict[str, Any]:
    """What became of every seed.

    Returns:
        observed: on the labels to choose by, see :func:`observed_loss`, five digits, (seeds,).
        loss: by task, as :data:`JUDGED`, five digits, (seeds,).
        polarized: by task, numbers of the seeds, from 0, whose gate is polarized.
        dead: how many experts no task uses, (seeds,).
    """
    logits, gates = evaluated(model, setting.judged_on)
    u = utilisation(gates)  # (seeds, tasks, experts)
    losses, at_one = setting.judged_on.log_loss(logits), polarized(u)  # (seeds, tasks)
    logits, _ = evaluated(model, setting.chosen_on)
    return {
        "observed": observed_loss(logits, setting.chosen_on).round(5).tolist(),
        "loss": dict(zip(TARGETS, losses.T.round(5).tolist(), strict=True)),
        "polarized": {name: np.flatnonzero(at_one[:, k]).tolist() for k, name in enumerate(TARGETS)},
        "dead": dead_experts(u).sum(axis=-1).tolist(),
    }


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What :func:`judge` found of some seeds, then of others."""
    counts = [len(part["dead"]) for part in parts]
    offsets = np.cumsum([0, *counts[:-1]]).tolist()
    found: dict[str, Any] = {
        name: [value for part in parts for value in part[name]] for name in ("observed", "dead")
    }
    found["loss"] = {name: [loss for part in parts for loss in part["loss"][name]] for name in TARGETS}
    found["polarized"] = {
        name: [
            at + number for at, part in zip(offsets, parts, strict=True) for number in part["polarized"][name]
        ]
        for name in TARGETS
    }
    return found


def some_of(found: dict[str, Any], numbers: range) -> dict[str, Any]:
    """What :func:`judge` found of the seeds of these numbers."""
    some: dict[str, Any] = {name: [found[name][k] for k in numbers] for name in ("observed", "dead")}
    some["loss"] = {name: [losses[k] for k in numbers] for name, losses in found["loss"].items()}
    some["polarized"] = {
        name: [k - numbers.start for k in at_one if k in numbers]
        for name, at_one in found["polarized"].items()
    }
    return some


def at_every_rate(
    setting: Setting, treatment: Treatment, seeds: Sequence[int], rates: Sequence[float]
) -> dict[float, dict[str, Any]]:
    """What :func:`judge` finds of the seeds at every rate, trained in one ensemble, which takes less time.

    Every rate has the same first weights and batches, up to rounding those of an ensemble of its own.
    """
    n = len(seeds)
    names = [*seeds, *range(max(seeds) + 1, max(seeds) + 1 + n * (len(rates) - 1))]  # each once

    def change(model: MMoE) -> None:
        treatment.change(model)
        for parameter in model.parameters():
            parameter.data = torch.cat([parameter.data[:n]] * len(rates))
        model.seeds = tuple(seeds) * len(rates)  # they decide the batches

    def optimiser(model: MMoE, _: float) -> torch.optim.Optimizer:
        return AdamByMember(model, np.repeat(rates, n).tolist())

    model, _ = train(setting, replace(treatment, change=change), names, 1.0, optimiser=optimiser)
    found = judge(setting, model)
    return {rate: some_of(found, range(k * n, (k + 1) * n)) for k, rate in enumerate(rates)}


def at_best_rate(
    setting: Setting,
    treatment: Treatment,
    seeds: Sequence[int],
    rates: Sequence[float] = RATES,
    few: int = 20,
    together: bool = False,
) -> dict[str, Any]:
    """Every rate with the first ``few`` seeds, and all seeds at that of their smallest median observed loss.

    With ``together`` the rates are tried by :func:`at_every_rate`: for plain Adam, where few seeds are cheap.

    Returns:
        learning_rate: the one chosen.
        by_rate: what :func:`judge` found at each rate, by rate.
    """

    def found(some: Sequence[int], rate: float) -> dict[str, Any]:
        return judge(setting, train(setting, treatment, some, rate)[0])

    first, others = seeds[:few], seeds[few:]
    if together:
        tried = at_every_rate(setting, treatment, first, rates)
    else:
        tried = {rate: found(first, rate) for rate in rates}
    best = min(rates, key=lambda rate: float(np.median(tried[rate]["observed"])))
    if others:
        tried[best] = joined([tried[best], found(others, best)])
    return {
        "learning_rate": best,
        "by_rate": {str(rate): one for rate, one in tried.items()},
    }


def dealt(seeds: Sequence[int], worlds: Sequence[int] = WORLDS) -> dict[int, list[int]]:
    """The seeds of each world: no first weights twice."""
    parts = np.array_split(np.asarray(seeds), len(worlds))
    return {world: part.tolist() for world, part in zip(worlds, parts, strict=True)}


def described(settings: Mapping[int, Setting], seeds: Sequence[int]) -> dict[str, Any]:
    """What a record says of the setting."""
    return {
        "shape": SHAPE,
        "training": TRAINING,
        "judged": JUDGED,
        "closes": CLOSES,
        "worlds": [
            {
                "world": world,
                "seeds": [of[0], of[-1]],
                "learnt_from": len(settings[world].learnt),
                "chosen_on": len(settings[world].chosen_on),
                "judged_on": len(settings[world].judged_on),
                "base_rates": settings[world].base_rates,
                "bounds": settings[world].bounds(),
            }
            for world, of in dealt(seeds, tuple(settings)).items()
        ],
    }
