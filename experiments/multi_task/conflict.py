"""Chapter 2: when does sharing cost something, and does gradient surgery repair it?

    python -m experiments.multi_task.conflict [--seeds 5] [--impressions 4000000] [--out FILE]

In every scene, likes follow what clicks follow (alignment 1), the opposite (-1), or an unrelated taste (0).
Clicks and likes are learnt by one shared network, by two separate ones of the same size together, by two of
the full size each, and by the shared one with gradient surgery, each at the best learning rate of its own. A
tenfold weight for clicks says what loudness does there. What was predicted: separate networks gain where the
drivers are unrelated, and lose where they are equal or opposed, as a head can turn a sign. Takes about five
minutes a world on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from experiments.multi_task.gradients import pull
from experiments.multi_task.setting import (
    BATCH,
    JUDGED,
    RATES,
    Setting,
    at_best_rate,
    judge,
    predicted,
)
from experiments.running import each, record
from ranking.multi_task import GradientSurgery, MultiTaskModel, WeightedCrossEntropy
from ranking.simulator import Conflict, World, WorldConfig
from ranking.simulator.vocabulary import SCENES

TARGETS = ("click", "like")
ALIGNMENTS = (1.0, 0.0, -1.0)
HALF = {"embedding_dim": 4, "shared": (32,), "tower": (16,)}
WHOLE = {"embedding_dim": 8, "shared": (64,), "tower": (32,)}
DAYS_FOR_STATISTICS = 30


def conflicting(alignment: float, seed: int, impressions: int) -> Setting:
    """A world in which likes follow what clicks follow as far as the alignment says, in every scene."""
    conflict = Conflict("like", "click", SCENES, alignment)
    log = World.build(WorldConfig(conflict=conflict), seed).simulate(impressions, seed=seed)
    return Setting.of(log.with_statistics().after(DAYS_FOR_STATISTICS), seed)


def treatments(setting: Setting) -> dict[str, Callable[[float], MultiTaskModel]]:
    """By name, how a shared network is trained at a learning rate."""

    def plain(rate: float, click: float = 1.0) -> MultiTaskModel:
        loss = WeightedCrossEntropy(TARGETS, {"click": click})
        return setting.train(loss, rate, setting.model(TARGETS))

    def surgery(rate: float) -> MultiTaskModel:
        model = setting.model(TARGETS)
        return setting.train(GradientSurgery(model, seed=setting.seed), rate, model)

    return {"shared": plain, "click × 10": lambda rate: plain(rate, 10.0), "surgery": surgery}


def separate(setting: Setting, target: str, size: dict[str, Any], rate: float) -> MultiTaskModel:
    """A network for one target; likes learn on the clicked rows of the same batches."""
    model = setting.model(TARGETS, **size)
    others = [other for other in TARGETS if other != target]
    return setting.train(WeightedCrossEntropy(TARGETS, dict.fromkeys(others, 0.0)), rate, model)


def run(alignment: float, seed: int, impressions: int) -> list[dict[str, Any]]:
    """Every way to learn both targets in one world."""
    setting = conflicting(alignment, seed, impressions)
    what = {"alignment": alignment, "seed": seed}
    found = []
    for name, train in treatments(setting).items():
        model, chosen = at_best_rate(setting, train)
        p = predicted(model, setting.judged_on)
        found.append(what | {"way": name} | chosen | judge(setting.judged_on, p, TARGETS))
        if name == "shared":
            found[-1]["gradients"] = pull(setting, model)
    for name, size in {"separate, half the size": HALF, "separate, full size": WHOLE}.items():
        both: dict[str, Any] = {}
        for k, target in enumerate(TARGETS):
            model, _ = at_best_rate(setting, partial(separate, setting, target, size), only=target)
            p = predicted(model, setting.judged_on)[:, [k]]
            for measured, values in judge(setting.judged_on, p, (target,)).items():
                both.setdefault(measured, {}).update(values)
        found.append(what | {"way": name} | both)
    return found


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every alignment in every world."""
    runs = [
        each_run
        for seed in each(seeds)
        for alignment in ALIGNMENTS
        for each_run in run(alignment, seed, impressions)
    ]
    return {
        "question": "When does sharing cost something, and does gradient surgery repair it?",
        "impressions": impressions,
        "learning_rates": RATES,
        "batch_size": BATCH,
        "judged": JUDGED,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=5)
