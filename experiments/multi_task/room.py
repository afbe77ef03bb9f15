"""Chapter 2: why does a loud target cost the others: noise, or a lack of room?

    python -m experiments.multi_task.room [--seeds 5] [--impressions 4000000] [--out FILE]

Every weight at 1, and likes at 10, with the network as it is, with a shared layer four times as wide, or
with vectors three times as long; with batches of a quarter and of four times the rows; and with likes
that are taught by their true rates. Each has the best learning rate of its own. What was predicted: if a
loud target costs the others because there is too little room for all, more of it should cost less; if it
is the noise of a batch, a large batch should cost less and a small one more; if it is the noise of the
loud target's labels, true rates in their place should cost less, at a λ of 100, too, which makes up for
their quieter pull. Takes about four minutes a world on one core.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiments.multi_task.setting import (
    BATCH,
    JUDGED,
    RATES,
    Setting,
    at_best_rate,
    in_every_world,
    judge,
    predicted,
)
from experiments.running import record
from ranking.logs import TARGETS
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy

LEARNING_RATES = (*RATES, 0.04)
TREATMENTS: dict[str, tuple[dict[str, Any], int, bool, float]] = {
    "as it is": ({}, BATCH, False, 10.0),
    "shared layer × 4": ({"shared": (256,)}, BATCH, False, 10.0),
    "embeddings × 3": ({"embedding_dim": 24}, BATCH, False, 10.0),
    "batch / 4": ({}, BATCH // 4, False, 10.0),
    "batch × 4": ({}, 4 * BATCH, False, 10.0),
    "true rates of likes": ({}, BATCH, True, 10.0),
    "true rates of likes, λ = 100": ({}, BATCH, True, 100.0),
}
"""Name -> size of the model, rows of a batch, whether true rates teach the likes, λ of loud likes."""


def taught_likes(setting: Setting) -> Setting:
    """The same world, with the true rates of likes in place of their labels in the rows to learn from."""
    labels = setting.learnt.labels.copy()
    like = TARGETS.index("like")
    labels[:, like] = setting.learnt.truth[:, like]
    return replace(setting, learnt=replace(setting.learnt, labels=labels))


def run(setting: Setting) -> list[dict[str, Any]]:
    """Every treatment with equal and with loud weights in one world."""
    found = []
    for name, (size, batch_size, taught, weight) in TREATMENTS.items():
        world = taught_likes(setting) if taught else setting
        for weights, loud in (("all 1", 1.0), ("loud", weight)):
            loss = WeightedCrossEntropy(TARGETS, {"like": loud})

            def train(
                rate: float,
                world: Setting = world,
                loss: Any = loss,
                size: dict[str, Any] = size,
                batch_size: int = batch_size,
            ) -> MultiTaskModel:
                return world.train(loss, rate, world.model(**size), batch_size=batch_size)

            model, chosen = at_best_rate(setting, train, LEARNING_RATES)
            p = predicted(model, setting.judged_on)
            what = {"seed": setting.seed, "treatment": name, "weights": weights}
            found.append(what | chosen | judge(setting.judged_on, p))
    return found


def measure(seeds: range, impressions: int = 4_000_000) -> dict[str, Any]:
    """Every training in every world."""
    return {
        "question": "Does a loud target cost the others less with more room, or with less noise?",
        "impressions": impressions,
        "learning_rates": LEARNING_RATES,
        "judged": JUDGED,
        "runs": in_every_world(run, seeds, impressions),
    }


if __name__ == "__main__":
    record(measure, seeds=5)
