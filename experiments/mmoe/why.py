"""Why do gates polarize? A shortcut for the intercept as a hypothesis, with predictions. Chapter 4.

    python -m experiments.mmoe.why [--seeds 100] [--impressions 2000000] [--out FILE]

**Hypothesis.** Untrained heads say about one half where the truth is 10% (clicks) and 4% (likes). At first
every row pushes the logit down, and choosing the expert whose logit is lowest helps at once. Adam moves the
weights of a gate as fast as the bias of a head, however small their gradient: the gate gets a margin that is
common to all rows, and is polarized before it has read anything from them.

**Predictions, written down before the runs.** The setting is that of ``setting.py``, at Adam's rate .01.

1. With heads that start at the base rates there is no such push: fewer models polarize, above all early (by
   step 100).
2. Heads that start too *low* are pushed up: the first favourite is then the *highest* expert at step 0, where
   with heads that start too high it is the lowest. Chance would say a third each. No prediction is made for
   heads at the base rates.
3. Experts that stay as drawn polarize gates all the same, and fewer with heads at the base rates. (The old
   story, that the favoured expert learns faster, gets the gradient and wins, says: no polarization at all.)
4. It is the step of the gate: gates moved by SGD with momentum, the rest by Adam, do not polarize; gates
   moved by Adam, the rest by SGD, still do. (The old story says the other way round.)
5. Adam with a larger constant in its quotient, eps = .001, makes small steps of small gradients: hardly any.
6. Adam's steps of the gate cut to a tenth of their first length: hardly any.
7. Units of the gate with tanh have no common sign, so that a margin common to all rows is harder to make:
   fewer.
8. Biases of the heads that learn ten times as fast get to the intercept first: fewer.

Gates with two hidden layers, of which ``often.py`` counts the polarized ones, run with heads at the base
rates, without a prediction. What the old
story says of the runs themselves is recorded, too: whether the expert that won is the one whose weights moved
the most. Takes about eight minutes on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.mmoe.interventions import (
    ClippedGate,
    TanhNetworks,
    adam_eps,
    adam_with,
    gate_by_sgd,
    gates_of,
    hold_experts,
    last_biases,
    rest_by_sgd,
)
from experiments.mmoe.setting import (
    EXPERTS,
    TARGETS,
    TRAINING,
    WORLDS,
    Floats,
    Setting,
    Treatment,
    dealt,
    described,
    judge,
    train,
    untrained,
)
from experiments.running import each, record
from ranking.mmoe import MMoE, Trajectory, polarized
from ranking_course.explorers.gates_run import heights

RATE, SGD_RATE, EPS, LONGEST = 0.01, 0.1, 1e-3, 0.02
EARLY = 100  # steps
LOOKS = (0, 5, 10, 20, 50, EARLY, 200, 400, 800)
FIRST_STEPS = 20  # at which the first favourite is looked for
LOOKED_AT, KEPT = 2_000, 200  # rows, for utilisation and for margins
DEEP = {"gate": (16, 16)}


def clipped(model: MMoE, rate: float) -> torch.optim.Optimizer:
    """Adam; a gate's 403 weights can take a first step of .01 · √403 = .2, of which a tenth is left."""
    return ClippedGate(model, rate, LONGEST)


WAYS: dict[str, Treatment] = {
    "nothing": Treatment(),
    "heads at the base rates": Treatment(above=0.0),
    "experts as drawn": Treatment(change=hold_experts),
    "experts as drawn, heads at the base rates": Treatment(change=hold_experts, above=0.0),
    "gates by SGD": Treatment(training={"optimiser": gate_by_sgd(SGD_RATE)}),
    "all but the gates by SGD": Treatment(training={"optimiser": rest_by_sgd(SGD_RATE)}),
    "eps .001": Treatment(training={"optimiser": adam_eps(EPS)}),
    "steps of the gates cut": Treatment(training={"optimiser": clipped}),
    "gates of tanh": Treatment(change=gates_of(TanhNetworks)),
    "biases of the heads ten times as fast": Treatment(
        training={"optimiser": adam_with(last_biases, times=10.0)}
    ),
    "two hidden layers, heads at the base rates": Treatment(DEEP, above=0.0),
}
STARTS: dict[str, Treatment] = {
    f"heads {above:+.0f} from the base rates": Treatment(
        training={"steps": EARLY, "schedule": "constant"}, above=above
    )
    for above in (4.0, 2.0, 0.0, -2.0, -4.0)
}
"""Only the first steps, in which the first favourite is found."""


def moved(model: MMoE, before: MMoE) -> Floats:
    """How far the weights of each expert have come from where they were drawn, (seeds, experts)."""
    pairs = zip(model.expert_networks.parameters(), before.expert_networks.parameters(), strict=True)
    squares = [(now - was).detach().flatten(2).square().sum(-1).numpy() for now, was in pairs]
    return np.asarray(np.sqrt(np.sum(squares, axis=0)), dtype=np.float64)


def margins(path: Trajectory) -> dict[str, list[float]]:
    """What the gates' logits say to all rows alike, and what to single rows: medians over gates, by look.

    Common is the range over experts of the mean over rows; own is the standard deviation over rows of an
    expert's logit, mean over experts. Both are of log weights less their mean over experts.
    """
    assert path.gates is not None
    logs = np.log(np.maximum(path.gates, 1e-30))  # (looks, seeds, rows, tasks, experts)
    logs = logs - logs.mean(axis=-1, keepdims=True)
    common = np.ptp(logs.mean(axis=2), axis=-1)  # (looks, seeds, tasks)
    own = logs.std(axis=2).mean(axis=-1)
    return {
        name: np.median(values, axis=(1, 2)).tolist() for name, values in (("common", common), ("own", own))
    }


def favourites(u: Floats, at: NDArray[np.int64], height: Floats) -> dict[str, dict[str, int]]:
    """By task, how many first favourites were the lowest and the highest expert at step 0.

    The first favourite is the expert that gained the most weight in the first steps. ``u`` is (looks, seeds,
    tasks, experts) after ``at`` steps, ``height`` as of :func:`heights`.
    """
    (first,) = np.flatnonzero(at == FIRST_STEPS)
    won = (u[first] - u[0]).argmax(axis=-1)  # (seeds, tasks)
    lowest, highest = (won == height.argmin(axis=-1)), (won == height.argmax(axis=-1))
    return {
        name: {"gates": len(won), "lowest": int(lowest[:, k].sum()), "highest": int(highest[:, k].sum())}
        for k, name in enumerate(TARGETS)
    }


def winners(u: Floats, moves: Floats, height: Floats) -> dict[str, int]:
    """Of the polarized gates, how many went to the expert that moved the most, and to the lowest one.

    ``u`` is of the end, (seeds, tasks, experts).
    """
    at_one, won = polarized(u), u.argmax(axis=-1)  # (seeds, tasks)
    most = won == moves.argmax(axis=-1)[:, None]
    lowest = won == height.argmin(axis=-1)
    return {
        "gates": int(at_one.sum()),
        "moved the most": int((at_one & most).sum()),
        "lowest at step 0": int((at_one & lowest).sum()),
    }


def train_steps(treatment: Treatment) -> int:
    """How many steps the treatment takes."""
    return int({**TRAINING, **treatment.training}["steps"])


def run(setting: Setting, treatment: Treatment, seeds: Sequence[int], whole: bool = True) -> dict[str, Any]:
    """Train one model per seed and look at its gates on the way; ``whole`` is false for the first steps."""
    rows = slice(LOOKED_AT)
    inputs, labels = (
        torch.from_numpy(part[rows]) for part in (setting.judged_on.inputs, setting.judged_on.labels)
    )
    steps = train_steps(treatment)
    model, path = train(
        setting,
        treatment,
        seeds,
        RATE,
        held_out=(inputs, labels),
        record_at=[look for look in LOOKS if look <= steps],
        keep_gates=min(KEPT, len(inputs)),
    )
    before = untrained(setting, treatment, seeds)
    height = heights(before, inputs)
    found: dict[str, Any] = {
        "steps": path.steps,
        "largest": np.median(path.utilisation.max(axis=-1), axis=1),  # (looks, tasks)
        "margins": margins(path),
        "first favourites": favourites(path.utilisation, path.steps, height),
    }
    if whole:
        early = polarized(path.utilisation[path.steps == EARLY][0])  # (seeds, tasks)
        found |= judge(setting, model)
        found["early"] = {name: np.flatnonzero(early[:, k]).tolist() for k, name in enumerate(TARGETS)}
        found["winners"] = winners(path.utilisation[-1], moved(model, before), height)
    return found


def measure(seeds: range, impressions: int = 2_000_000) -> dict[str, Any]:
    """Every way to train, and every start of the heads, in every world."""
    settings = {world: Setting.build(world, impressions) for world in WORLDS}
    parts = dealt(seeds)
    cases = [(name, world) for name in (*WAYS, *STARTS) for world in WORLDS]
    runs = []
    for name, world in each(cases):
        treatment = WAYS.get(name) or STARTS[name]
        found = run(settings[world], treatment, parts[world], whole=name in WAYS)
        runs.append({"way": name, "world": world, **found})
    return {
        "question": "Why do gates polarize?",
        "setting": described(settings, seeds),
        "impressions": impressions,
        "learning_rate": RATE,
        "sgd_rate": SGD_RATE,
        "early": EARLY,
        "chance": 1.0 / EXPERTS,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
